//! The pages hold what they must, whatever the data says. With `FREEHOLD_PAGES` naming a folder
//! the made-up pages are left there to be looked at.

use freehold_vocabulary::price::ListPrice;
use freehold_vocabulary::{
    Bar, Confidence, Digest, Label, LabelMode, LabelSet, Metric, PromiseScope, TaskName, Tier,
    Timestamp,
};

use super::summary::Promise;
use super::*;
use crate::gate::{GateRule, gate};
use crate::intervals::wilson;
use crate::sample::{self, SMALL, Sample};
use crate::{Evaluation, Predictions, evaluate};

fn leave(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("FREEHOLD_PAGES") {
        std::fs::write(std::path::Path::new(&folder).join(name), page).unwrap();
    }
}

/// What every page promises: one file, nothing from elsewhere, every figure described.
#[track_caller]
fn check_page(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for reference in ["http:", "https:", "src=", "href=", "<script", "@import", "javascript:", "//"]
    {
        assert!(!page.contains(reference), "the page refers to something by {reference:?}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf\u{a0}"), "a number is missing");
    let drawings = page.matches("<svg").count();
    assert_eq!(page.matches("role=\"img\" aria-labelledby=").count(), drawings);
    assert_eq!(page.matches("<desc id=").count(), drawings);
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id occurs twice: {ids:?}");
    check_nesting(page);
}

/// Every element that must be closed is, in order.
#[track_caller]
fn check_nesting(page: &str) {
    const VOID: [&str; 8] =
        ["meta", "!doctype", "line", "rect", "circle", "polyline", "polygon", "br"];
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "closed in the wrong order");
        } else if !tag.ends_with('/') && (!VOID.contains(&name) || open.contains(&"svg")) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn compared(skill: f64, sample: Sample) -> Evaluation {
    let baseline = sample::evaluation("micro", Sample { skill, model_seed: 9, ..sample });
    sample::evaluation("small", sample).compared_with(&baseline).unwrap()
}

#[test]
fn the_page_of_a_small_task_has_every_part() {
    let evaluation = compared(2.5, SMALL);
    let bar = Some(Bar { metric: Metric::Accuracy, at_least: 0.97 });
    let verdict = gate(&evaluation, None, bar, &GateRule::default()).unwrap();
    let page = html(&evaluation, Some(&verdict));
    leave("small.html", &page);
    check_page(&page);
    for part in [
        "Refused",
        "misses the bar of",
        "Reliability diagram",
        "Risk–coverage",
        "Confusion matrix",
        "Latency histogram",
        "Slices, worst first",
        "Compared with micro",
        "(out of scope)",
        "Out-of-scope AUROC",
        "McNemar",
    ] {
        assert!(page.contains(part), "no {part:?}");
    }
}

#[test]
fn the_page_of_many_labels_shows_the_weakest() {
    let sample = Sample { items: 3000, strangers: 0, labels: 77, skill: 7.5, ..SMALL };
    let evaluation = compared(5.5, sample);
    let bar = Some(Bar { metric: Metric::Accuracy, at_least: 0.5 });
    let verdict = gate(&evaluation, None, bar, &GateRule::default()).unwrap();
    let page = html(&evaluation, Some(&verdict));
    leave("large.html", &page);
    check_page(&page);
    assert!(page.contains("The 30 weakest of 77 labels") && page.contains("Passed"));
}

#[test]
fn hostile_names_stay_text() {
    let hostile = [
        "</svg><script>alert(1)</script>",
        "\" onload=\"alert(2)",
        "'><img src=x onerror=alert(3)>",
        "&lt;b&gt; & co",
        "\u{202e}reversed",
    ];
    let labels = LabelSet::new(hostile.map(|text| Label::parse(text).unwrap()).to_vec()).unwrap();
    let mut items = sample::predictions(Sample { labels: 5, items: 60, ..SMALL }).items().to_vec();
    for (item, value) in items.iter_mut().zip(hostile.iter().cycle()) {
        item.slices.insert((*value).to_owned(), (*value).to_owned());
    }
    let predictions = Predictions::new(labels, LabelMode::Single, items).unwrap();
    let mut subject = sample::subject("</title><script>alert(4)</script>");
    subject.dataset_name = "<!-- <style>".to_owned();
    subject.engine = "</style>".to_owned();
    let evaluation =
        evaluate(&predictions, subject, &sample::settings(20), &freehold_vocabulary::ports::Silent)
            .unwrap();
    let page = html(&evaluation.clone().compared_with(&evaluation).unwrap(), None);
    leave("hostile.html", &page);
    for markup in ["<script", "<img", "onload=\"", "<b>", "<!--", "\u{202e}"] {
        assert!(!page.contains(markup), "{markup:?} came through");
    }
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(page.contains("&lt;script&gt;alert(4)"));
    assert!(page.contains("&amp;lt;b&amp;gt; &amp; co"));
    check_nesting(&page);
}

#[test]
fn a_page_without_optional_parts_is_still_a_page() {
    let predictions = sample::by_hand(&[(Some(0), &[1.0, 0.0], "a"), (Some(0), &[1.0, 0.0], "a")]);
    let mut bare = predictions.items().to_vec();
    for item in &mut bare {
        item.latency_us = None;
        item.slices.clear();
    }
    let predictions = Predictions::new(sample::labels(2), LabelMode::Single, bare).unwrap();
    let settings = sample::settings(20);
    let silent = &freehold_vocabulary::ports::Silent;
    let evaluation = evaluate(&predictions, sample::subject("m"), &settings, silent).unwrap();
    let page = html(&evaluation, None);
    check_page(&page);
    assert!(!page.contains("Latency histogram") && !page.contains("Slices"));
}

#[test]
fn a_multi_label_page_has_no_confusion() {
    let mut items = sample::predictions(Sample { strangers: 0, ..SMALL }).items().to_vec();
    for item in &mut items {
        item.probabilities.iter_mut().for_each(|p| *p = p.sqrt());
        item.gold.extend((item.probabilities[5] > 0.6 && item.gold != [5]).then_some(5));
    }
    let predictions = Predictions::new(sample::labels(6), LabelMode::Multi, items).unwrap();
    let silent = &freehold_vocabulary::ports::Silent;
    let evaluation =
        evaluate(&predictions, sample::subject("m"), &sample::settings(50), silent).unwrap();
    assert!(evaluation.confusion.is_none() && evaluation.metric("hamming_loss").is_some());
    let page = html(&evaluation, None);
    leave("multi.html", &page);
    check_page(&page);
    assert!(!page.contains("Confusion matrix") && page.contains("Hamming loss"));
}

fn loop_report() -> LoopReport {
    let share = |part: u64, n: u64| wilson(part, n, Confidence::P95);
    let line = |name: &str, tier, skill, size, train| {
        let evaluation = sample::evaluation(name, Sample { skill, ..SMALL });
        ModelLine {
            name: name.to_owned(),
            tier,
            version: evaluation.subject.version.clone(),
            accuracy: *evaluation.metric("accuracy").unwrap(),
            macro_f1: evaluation.metric("macro_f1").copied(),
            ece: evaluation.metric("ece").copied(),
            size_bytes: Some(size),
            train_seconds: Some(train),
            latency: evaluation.latency,
        }
    };
    let step = |tier, name: &str, answered, error: Option<Interval>| FunnelStep {
        tier,
        name: name.to_owned(),
        answered,
        error,
        promise: error.map(|_| Promise {
            error_at_most: 0.05,
            confidence: 0.95,
            scope: PromiseScope::Tier,
            observed: error,
        }),
    };
    LoopReport {
        task: TaskName::parse("ticket-triage").unwrap(),
        dataset_name: "banking77".to_owned(),
        dataset: Digest::of("tickets"),
        at: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
        findings: vec![
            "The small model answers 93.6 % of test questions correctly (92.7 to 94.4 %)."
                .to_owned(),
            "94 of 100 requests are answered without a person; at most 5 in 100 answers are wrong."
                .to_owned(),
        ],
        bar: Some(Bar { metric: Metric::Accuracy, at_least: 0.92 }),
        models: vec![
            line("micro", Tier::Micro, 6.0, 6_400_000, 11.0),
            line("minilm lora", Tier::Small, 9.0, 91_000_000, 402.0),
        ],
        funnel: vec![
            step(Tier::Micro, "micro", share(1720, 3080), Some(share(61, 1720))),
            step(Tier::Small, "minilm lora", share(1170, 3080), Some(share(66, 1170))),
            step(Tier::Human, "people", share(190, 3080), None),
        ],
        costs: vec![CostLine {
            name: "this cascade".to_owned(),
            currency: "USD".to_owned(),
            per_million_requests: 3.4,
            basis: "2 CPU cores at USD 0.08 an hour, without people's time".to_owned(),
        }],
        list_prices: vec![ListPrice {
            model: "gpt-4o".to_owned(),
            provider: "OpenAI".to_owned(),
            currency: "USD".to_owned(),
            input_per_million: 2.5,
            output_per_million: 10.0,
            as_of: "2026-11-01".to_owned(),
            source: "the provider's price page".to_owned(),
        }],
        input_tokens: 900.0,
        output_tokens: 12.0,
        stages: vec![("import".to_owned(), 0.8), ("train small".to_owned(), 402.0)],
    }
}

use freehold_vocabulary::Interval;

#[test]
fn the_loop_page_has_every_part() {
    let page = loop_html(&loop_report());
    leave("loop.html", &page);
    check_page(&page);
    for part in [
        "bar 92.0\u{a0}%",
        "minilm lora (small)",
        "Were the promises kept?",
        "at most 5.0\u{a0}%",
        "USD\u{a0}2\u{a0}370",
        "2026-11-01",
        "6.40\u{a0}MB",
        "93.6 % of test questions",
    ] {
        assert!(page.contains(part), "no {part:?}");
    }
}

#[test]
fn an_empty_loop_page_is_still_a_page() {
    let report = LoopReport {
        findings: vec![],
        bar: None,
        models: vec![],
        funnel: vec![],
        costs: vec![],
        list_prices: vec![],
        stages: vec![],
        ..loop_report()
    };
    let page = loop_html(&report);
    check_page(&page);
    assert!(!page.contains("<figure"));
}

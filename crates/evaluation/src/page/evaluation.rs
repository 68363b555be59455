//! The page of one evaluation: the headline with its interval first, then the reasons to believe
//! or doubt it, then how it was measured.

use freehold_vocabulary::{Digest, Interval, LabelMode};

use super::figures;
use super::format::{better, count, level, metric, metric_range, shorten};
use super::table::{Cell, Column, Table};
use super::{document, escape, panel, section};
use crate::Evaluation;
use crate::gate::Verdict;
use crate::metrics::find;
use crate::predictions::StrangenessFrom;
use crate::slices::{Slice, SliceSize};

mod comparison;

/// Slices in the table.
const SLICES_MAX: usize = 60;

/// The page. A verdict of the gate, if there is one, stands beside the headline.
#[must_use]
pub fn html(evaluation: &Evaluation, verdict: Option<&Verdict>) -> String {
    let subject = &evaluation.subject;
    let title = format!("{}: {} on {}", subject.task, subject.model, subject.dataset_name);
    let confusion = evaluation.confusion.as_ref();
    let calibration = [
        figures::reliability::draw(&evaluation.reliability),
        figures::risk_coverage::draw(&evaluation.risk_coverage),
        evaluation.latency.as_ref().map(figures::latency::draw).unwrap_or_default(),
    ];
    let errors = [
        confusion.map(|it| figures::confusion::draw(it, &evaluation.labels)).unwrap_or_default(),
        figures::class_bars::draw(&evaluation.per_class),
    ];
    let body = [
        head(evaluation),
        cards(evaluation, verdict),
        section("All metrics", &metrics(evaluation)),
        section("Trust and speed", &grid(&calibration)),
        section("Errors", &grid(&errors)),
        section("Slices, worst first", &slices(evaluation)),
        section("Against the baseline", &comparison::section(evaluation.comparison.as_ref())),
        section("How this was measured", &provenance(evaluation)),
    ];
    document(&title, &body.concat())
}

fn head(evaluation: &Evaluation) -> String {
    let subject = &evaluation.subject;
    format!(
        "<p class=\"eyebrow\">Evaluation · {}</p>\n<h1>{} on {}, {} split</h1>\n\
         <p class=\"muted\">{} items, {} labels, {} · {} · {}</p>\n",
        escape(subject.task.as_str()),
        escape(&subject.model),
        escape(&subject.dataset_name),
        subject.split,
        count(evaluation.n),
        evaluation.labels.len(),
        escape(&subject.engine),
        escape(&subject.precision),
        escape(&subject.at.to_string()[..10]),
    )
}

fn cards(evaluation: &Evaluation, verdict: Option<&Verdict>) -> String {
    let headline = evaluation.settings.headline.as_str();
    let mut shown = vec![headline];
    shown.extend(["accuracy", "macro_f1", "ece", "auroc"].iter().filter(|it| **it != headline));
    let mut cards = String::new();
    for (place, name) in shown.into_iter().enumerate() {
        let (Some(entry), Some(value)) = (find(name), evaluation.metric(name)) else { continue };
        let class = if place == 0 { "card lead" } else { "card" };
        cards.push_str(&format!(
            "<div class=\"{class}\"><div class=\"name\">{}</div><div class=\"value\">{}</div>\
             <div class=\"muted\">{} with {} confidence, n\u{a0}=\u{a0}{}</div></div>\n",
            escape(entry.title),
            metric(name, value.estimate),
            metric_range(name, value),
            level(value.level),
            count(value.n),
        ));
    }
    if let Some(verdict) = verdict {
        let (class, word) = if verdict.passed { ("pass", "Passed") } else { ("fail", "Refused") };
        let reasons: String = verdict
            .checks
            .iter()
            .filter(|check| verdict.passed || !check.passed)
            .map(|check| format!("<li>{}</li>", escape(&check.sentence)))
            .collect();
        cards.push_str(&format!(
            "<div class=\"card gate {class}\"><div class=\"name\">Gate</div>\
             <div class=\"value\">{word}</div><ul>{reasons}</ul></div>\n"
        ));
    }
    format!("<div class=\"cards\">\n{cards}</div>\n")
}

fn metrics(evaluation: &Evaluation) -> String {
    let headline = evaluation.settings.headline.as_str();
    let mut table = Table::new(&[
        Column::Text("metric"),
        Column::Number("value"),
        Column::Number("interval"),
        Column::Number("items"),
        Column::Text("better"),
        Column::Text("meaning"),
    ]);
    // It is accuracy again where one label is right; the record keeps it for bars that name it.
    let repeats =
        |name: &str| name == "micro_f1" && evaluation.mode == LabelMode::Single && headline != name;
    for measured in evaluation.metrics.iter().filter(|it| !repeats(&it.name)) {
        let Some(entry) = find(&measured.name) else { continue };
        table.row([
            entry.title.into(),
            metric(entry.name, measured.value.estimate).into(),
            metric_range(entry.name, &measured.value).into(),
            count(measured.value.n).into(),
            better(entry.better).into(),
            entry.meaning.into(),
        ]);
    }
    panel(&table.finish())
}

fn slices(evaluation: &Evaluation) -> String {
    let headline = evaluation.settings.headline.as_str();
    let Some(entry) = find(headline) else { return String::new() };
    let mut table = Table::new(&[
        Column::Text("column"),
        Column::Text("value"),
        Column::Number("items"),
        Column::Number(entry.title),
        Column::Number("interval"),
        Column::Number("macro F1"),
        Column::Number("log-loss"),
        Column::Text(""),
    ]);
    let text = |slice: &Slice, name: &str, write: fn(&str, &Interval) -> String| {
        slice.metric(name).map_or_else(|| "–".to_owned(), |value| write(name, value))
    };
    let value = |name: &str, interval: &Interval| metric(name, interval.estimate);
    let all = &evaluation.breakdowns.slices;
    for slice in all.iter().take(SLICES_MAX) {
        let flag = match slice.size {
            SliceSize::Enough => "",
            SliceSize::Small => "<span class=\"flag\">few items</span>",
        };
        table.row([
            shorten(&slice.column, 80).into(),
            shorten(&slice.value, 80).into(),
            count(slice.n).into(),
            text(slice, headline, value).into(),
            text(slice, headline, metric_range).into(),
            text(slice, "macro_f1", value).into(),
            text(slice, "log_loss", value).into(),
            Cell::Trusted(flag.to_owned()),
        ]);
    }
    let mut notes = String::new();
    if all.len() > SLICES_MAX {
        let hidden = all.len() - SLICES_MAX;
        notes.push_str(&format!(
            "<p class=\"muted\">{hidden} better slices are in the record.</p>\n"
        ));
    }
    if !evaluation.breakdowns.left_out.is_empty() {
        let columns = evaluation.breakdowns.left_out.join(", ");
        let limit = crate::slices::VALUES_MAX;
        notes.push_str(&format!(
            "<p class=\"muted\">Not broken down, more than {limit} values: {}.</p>\n",
            escape(&columns)
        ));
    }
    format!("{}{notes}", panel(&table.finish()))
}

fn provenance(evaluation: &Evaluation) -> String {
    let (subject, settings) = (&evaluation.subject, &evaluation.settings);
    let version = subject.version.as_ref().map_or_else(|| "not registered".to_owned(), code);
    let clusters = settings.cluster_by.as_ref().map_or_else(
        || "items are taken as independent".to_owned(),
        |column| format!("whole values of <code>{}</code> are resampled", escape(column)),
    );
    let resampling = &settings.resampling;
    let intervals = format!(
        "{} confidence; Wilson for shares, else percentiles of {} resamples from seed {}; {clusters}",
        level(resampling.confidence.get()),
        count(u64::from(resampling.resamples.get())),
        resampling.seed.0,
    );
    let score = match evaluation.strangeness_from {
        StrangenessFrom::Detector => "the detector’s score",
        StrangenessFrom::Confidence => "1 − confidence",
    };
    let decision = evaluation.threshold.map_or_else(
        || "the likeliest label".to_owned(),
        |threshold| format!("every label with a probability of at least {}", threshold.get()),
    );
    let scope = if evaluation.n_out_of_scope == 0 {
        "every item has a known label".to_owned()
    } else {
        format!(
            "{} items are out of scope: they count in the risk–coverage curve (an answer is an error) and in the out-of-scope metrics (by {score}), not elsewhere",
            count(evaluation.n_out_of_scope)
        )
    };
    let rows = [
        ("Model version", version),
        ("Dataset", format!("{} {}", escape(&subject.dataset_name), code(&subject.dataset))),
        ("Split", subject.split.to_string()),
        ("Engine", format!("{}, {}", escape(&subject.engine), escape(&subject.precision))),
        ("Evaluated at", escape(&subject.at.to_string())),
        ("Decision", decision),
        ("Intervals", intervals),
        ("Scope", scope),
        ("Record format", evaluation.format.to_string()),
    ];
    let list: String =
        rows.iter().map(|(term, text)| format!("<dt>{term}</dt><dd>{text}</dd>\n")).collect();
    panel(&format!("<dl style=\"padding: 10px 0\">\n{list}</dl>\n"))
}

fn code(digest: &Digest) -> String {
    format!("<code>{digest}</code>")
}

fn grid(figures: &[String]) -> String {
    let all = figures.concat();
    if all.is_empty() { all } else { format!("<div class=\"figures\">\n{all}</div>\n") }
}

//! The page of one evaluation: the headline with its interval first, then the reasons to believe
//! or doubt it, then how it was measured.

use freehold_vocabulary::{Digest, Interval};

use super::figures::dots::{Dot, DotPlot};
use super::figures::{self, Width, figure};
use super::format::{better, count, level, metric, metric_range, p_value, percent, points};
use super::table::{Cell, Column, Table};
use super::{document, escape, section};
use crate::Evaluation;
use crate::compare::Comparison;
use crate::gate::Verdict;
use crate::metrics::find;
use crate::slices::{Slice, SliceSize};

/// Changed labels in the table.
const CHANGES_MAX: usize = 12;
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
        section("Against the baseline", &comparison(evaluation)),
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
    let mut table = Table::new(&[
        Column::Text("metric"),
        Column::Number("value"),
        Column::Number("interval"),
        Column::Number("items"),
        Column::Text("better"),
        Column::Text("meaning"),
    ]);
    for measured in &evaluation.metrics {
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
            slice.column.as_str().into(),
            slice.value.as_str().into(),
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

fn comparison(evaluation: &Evaluation) -> String {
    let Some(comparison) = &evaluation.comparison else { return String::new() };
    let dots: Vec<Dot> = comparison
        .differences
        .iter()
        .map(|it| Dot {
            name: find(it.metric.as_str())
                .map_or(it.metric.as_str(), |entry| entry.title)
                .to_owned(),
            estimate: it.difference.estimate,
            low: it.difference.low,
            high: it.difference.high,
            note: format!("{} points", points(it.difference.estimate)),
            target: None,
        })
        .collect();
    let description = "Differences between candidate and baseline with paired intervals.";
    let plot = DotPlot {
        name: "differences",
        title: "Differences",
        description,
        axis: "points better than the baseline (negative: worse)",
        tick: |value| points(value),
        mark: Some((0.0, "no difference".to_owned())),
        origin: None,
        greatest: 1.0,
        width: 1000.0,
    };
    let heading = format!("Compared with {}", comparison.baseline_name);
    let caption = paired_sentence(comparison);
    let drawing =
        figure(&heading, &caption, &plot.draw(&dots), differences(comparison), Width::Full);
    format!("{drawing}{}", class_changes(comparison))
}

fn class_changes(comparison: &Comparison) -> String {
    let mut table = Table::new(&[
        Column::Text("label"),
        Column::Number("items"),
        Column::Number("gained"),
        Column::Number("lost"),
        Column::Number("adjusted p"),
        Column::Text(""),
    ]);
    for change in comparison.class_changes.iter().take(CHANGES_MAX) {
        let flag = match (change.is_established(), change.gained > change.lost) {
            (false, _) => "",
            (true, true) => "better",
            (true, false) => "<span class=\"flag\">worse</span>",
        };
        table.row([
            change.label.as_str().into(),
            count(change.n).into(),
            count(change.gained).into(),
            count(change.lost).into(),
            p_value(change.adjusted_p).into(),
            Cell::Trusted(flag.to_owned()),
        ]);
    }
    let table = table.finish();
    if table.is_empty() {
        return table;
    }
    let note = "Items of the label that only one of the two found; p is McNemar’s, adjusted by Holm for the number of labels.";
    format!(
        "<h3 class=\"above\">Labels that changed most</h3>\n{}<p class=\"muted\">{note}</p>\n",
        panel(&table)
    )
}

fn paired_sentence(comparison: &Comparison) -> String {
    let test = &comparison.mcnemar;
    format!(
        "On the same {} items the candidate alone was right {} times, the baseline alone {} times, both {} and neither {} times; McNemar’s exact test gives p = {}.",
        count(comparison.n),
        count(test.only_candidate_right),
        count(test.only_baseline_right),
        count(test.both_right),
        count(test.both_wrong),
        p_value(test.exact_p)
    )
}

fn differences(comparison: &Comparison) -> Table {
    let mut table = Table::new(&[
        Column::Text("metric"),
        Column::Number("candidate"),
        Column::Number("baseline"),
        Column::Number("difference"),
        Column::Number("interval"),
    ]);
    for it in &comparison.differences {
        table.row([
            it.metric.as_str().into(),
            percent(it.candidate).into(),
            percent(it.baseline).into(),
            points(it.difference.estimate).into(),
            format!("{} to {}", points(it.difference.low), points(it.difference.high)).into(),
        ]);
    }
    table
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
    let scope = if evaluation.n_out_of_scope == 0 {
        "every item has a known label".to_owned()
    } else {
        format!(
            "{} items are out of scope: they count in the risk–coverage curve (an answer is an error) and in the out-of-scope metrics, not elsewhere",
            count(evaluation.n_out_of_scope)
        )
    };
    let rows = [
        ("Model version", version),
        ("Dataset", format!("{} {}", escape(&subject.dataset_name), code(&subject.dataset))),
        ("Split", subject.split.to_string()),
        ("Engine", format!("{}, {}", escape(&subject.engine), escape(&subject.precision))),
        ("Evaluated at", escape(&subject.at.to_string())),
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

fn panel(content: &str) -> String {
    if content.is_empty() {
        String::new()
    } else {
        format!("<div class=\"panel\">{content}</div>\n")
    }
}

fn grid(figures: &[String]) -> String {
    let all = figures.concat();
    if all.is_empty() { all } else { format!("<div class=\"figures\">\n{all}</div>\n") }
}

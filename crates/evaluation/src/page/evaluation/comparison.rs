//! How a version stands to its baseline on the same items, overall and label by label.

use crate::compare::Comparison;
use crate::metrics::find;
use crate::page::figures::dots::{Dot, DotPlot};
use crate::page::figures::{Width, figure};
use crate::page::format::{count, p_value, percent, points, points_tick};
use crate::page::panel;
use crate::page::table::{Cell, Column, Table};

/// Changed labels in the table.
const CHANGES_MAX: usize = 12;

pub(super) fn section(comparison: Option<&Comparison>) -> String {
    let Some(comparison) = comparison else { return String::new() };
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
        tick: points_tick,
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
        "On the same {} items the candidate alone was right {} times, the baseline alone {} times, both {} and neither {} times; the two-sided p of McNemar’s exact test is {}.",
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

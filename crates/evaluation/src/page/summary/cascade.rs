//! Who answers what in the cascade, and whether its promises were kept.

use freehold_vocabulary::{Interval, PromiseScope};

use super::{FunnelStep, LoopReport, Promise};
use crate::page::figures::dots::{Dot, DotPlot};
use crate::page::figures::funnel::{self, Stage};
use crate::page::figures::{Width, figure};
use crate::page::format::{count, level, percent, percent_range};
use crate::page::plot::percent_tick;
use crate::page::table::{Column, Table};

pub(super) fn section(report: &LoopReport) -> String {
    let stage = |step: &FunnelStep| Stage {
        name: format!("{} ({})", step.name, step.tier),
        answered: step.answered,
    };
    let stages: Vec<Stage> = report.funnel.iter().map(stage).collect();
    let mut table = Table::new(&[
        Column::Text("tier"),
        Column::Text("model"),
        Column::Number("answers"),
        Column::Number("interval"),
        Column::Number("error among them"),
        Column::Number("interval"),
        Column::Text("promised"),
        Column::Number("error among the answers promised for"),
    ]);
    for step in &report.funnel {
        let error = step.error;
        table.row([
            step.tier.as_str().into(),
            step.name.as_str().into(),
            percent(step.answered.estimate).into(),
            percent_range(&step.answered).into(),
            error.map_or("–".to_owned(), |it| percent(it.estimate)).into(),
            error.map_or("–".to_owned(), |it| percent_range(&it)).into(),
            step.promise.map_or("–".to_owned(), promise).into(),
            step.promise.map_or("–".to_owned(), observed).into(),
        ]);
    }
    let caption = "Each tier answers what its certificate covers and passes the rest on.";
    let funnel =
        figure("Share answered by each tier", caption, &funnel::draw(&stages), table, Width::Full);
    if report.funnel.is_empty() {
        return String::new();
    }
    format!("<div class=\"figures\">\n{funnel}{}</div>\n", promises(report))
}

fn promises(report: &LoopReport) -> String {
    let dot = |step: &FunnelStep| {
        let promise = step.promise?;
        let error = promise.observed?;
        Some(Dot {
            name: format!("{} ({})", step.name, step.tier),
            estimate: error.estimate,
            low: error.low,
            high: error.high,
            note: format!(
                "{} ({}, n\u{a0}{})",
                percent(error.estimate),
                percent_range(&error),
                count(error.n)
            ),
            target: Some(promise.error_at_most),
        })
    };
    let dots: Vec<Dot> = report.funnel.iter().filter_map(dot).collect();
    let plot = DotPlot {
        name: "promises",
        title: "Promised and observed errors",
        description: "One row for each tier: a dot for the error among the answers that its promise counts, a line for the interval, a dashed mark for the promise.",
        axis: "error among the answers that a promise counts (dashed: promised at most)",
        tick: percent_tick,
        mark: None,
        origin: Some(0.0),
        greatest: 1.0,
        width: 1000.0,
    };
    let drawing = plot.draw(&dots);
    if drawing.is_empty() {
        return drawing;
    }
    let caption = "Errors on test items that played no part in choosing the thresholds. A line wholly to the right of its dashed mark would mean a broken promise.";
    figure("Were the promises kept?", caption, &drawing, Table::new(&[]), Width::Full)
}

fn promise(promise: Promise) -> String {
    let answers = match promise.scope {
        PromiseScope::Route => "its answers and those before it",
        PromiseScope::Tier => "its answers",
    };
    let (error, confidence) = (percent(promise.error_at_most), level(promise.confidence));
    format!("at most {error} of {answers}, {confidence} confidence")
}

fn observed(promise: Promise) -> String {
    let share = |it: Interval| format!("{} ({})", percent(it.estimate), percent_range(&it));
    promise.observed.map_or("–".to_owned(), share)
}

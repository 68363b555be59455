//! The page of a whole loop, for someone who decides: which model, how good, who answers what,
//! how fast, at what cost, beside a list price with its date.
//!
//! It takes plain figures and computes nothing but the shares of a price.

use freehold_vocabulary::price::ListPrice;
use freehold_vocabulary::{Bar, Digest, Interval, PromiseScope, TaskName, Tier, Timestamp};
use serde::{Deserialize, Serialize};

use super::figures::dots::{Dot, DotPlot};
use super::figures::{Width, figure};
use super::format::{bytes, count, duration, money, percent, percent_range};
use super::plot::percent_tick;
use super::table::{Column, Table};
use super::{document, escape, panel, section};
use crate::latency::Latency;

mod cascade;

/// What a loop came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoopReport {
    pub task: TaskName,
    pub dataset_name: String,
    pub dataset: Digest,
    pub at: Timestamp,
    /// The sentences a head of department reads, the most important first.
    pub findings: Vec<String>,
    pub bar: Option<Bar>,
    /// From the cheapest to the dearest.
    pub models: Vec<ModelLine>,
    /// From the first tier to the last.
    pub funnel: Vec<FunnelStep>,
    pub costs: Vec<CostLine>,
    /// Prices to hold the costs against.
    pub list_prices: Vec<ListPrice>,
    /// Tokens of one request, for the list prices.
    pub input_tokens: f64,
    pub output_tokens: f64,
    /// Stages of the loop with the seconds each took.
    pub stages: Vec<(String, f64)>,
}

/// One model of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelLine {
    pub name: String,
    pub tier: Tier,
    pub version: Option<Digest>,
    pub accuracy: Interval,
    pub macro_f1: Option<Interval>,
    pub ece: Option<Interval>,
    pub size_bytes: Option<u64>,
    pub train_seconds: Option<f64>,
    /// Of single requests.
    pub latency: Option<Latency>,
}

/// One tier of the cascade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunnelStep {
    pub tier: Tier,
    pub name: String,
    /// Share of all requests that the tier answered.
    pub answered: Interval,
    /// Errors among them; none for people, whose answers nobody checks here.
    pub error: Option<Interval>,
    /// What its certificate promises.
    pub promise: Option<Promise>,
}

/// A certificate in two numbers, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    pub error_at_most: f64,
    pub confidence: f64,
    /// Which answers it counts.
    pub scope: PromiseScope,
    /// Errors among them.
    pub observed: Option<Interval>,
}

/// What one million requests cost in some way of answering them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostLine {
    pub name: String,
    pub currency: String,
    pub per_million_requests: f64,
    /// How the figure came about.
    pub basis: String,
}

/// The page.
#[must_use]
pub fn loop_html(report: &LoopReport) -> String {
    let title = format!("{}: from labels to a serving model", report.task);
    let findings: String =
        report.findings.iter().map(|it| format!("<li>{}</li>\n", escape(it))).collect();
    let findings = if findings.is_empty() {
        String::new()
    } else {
        format!("<div class=\"panel\"><ul>\n{findings}</ul></div>\n")
    };
    let body = [
        head(report),
        section("In short", &findings),
        section("How good are the models?", &models(report)),
        section("Who answers?", &cascade::section(report)),
        section("How fast, and how large?", &speed(report)),
        section("What does it cost?", &costs(report)),
        section("What took how long", &stages(report)),
    ];
    document(&title, &body.concat())
}

fn head(report: &LoopReport) -> String {
    format!(
        "<p class=\"eyebrow\">Loop report · {}</p>\n<h1>From labelled examples to a model that serves</h1>\n\
         <p class=\"muted\">{} <code title=\"{}\">{}</code> · {}</p>\n",
        escape(report.task.as_str()),
        escape(&report.dataset_name),
        report.dataset,
        report.dataset.short(),
        escape(&report.at.to_string()[..10]),
    )
}

fn models(report: &LoopReport) -> String {
    let dot = |model: &ModelLine| Dot {
        name: format!("{} ({})", model.name, model.tier),
        estimate: model.accuracy.estimate,
        low: model.accuracy.low,
        high: model.accuracy.high,
        note: format!("{} ({})", percent(model.accuracy.estimate), percent_range(&model.accuracy)),
        target: None,
    };
    let dots: Vec<Dot> = report.models.iter().map(dot).collect();
    // The line is drawn only where it is a line of the same metric.
    let bar = report.bar.filter(|bar| bar.metric == freehold_vocabulary::Metric::Accuracy);
    let plot = DotPlot {
        name: "models",
        title: "Accuracy of the models",
        description: "One row for each model: a dot for its accuracy, a line for its interval.",
        axis: "accuracy on the test split",
        tick: percent_tick,
        mark: bar.map(|bar| (bar.at_least, format!("bar {}", percent(bar.at_least)))),
        origin: None,
        greatest: 1.0,
        width: 1000.0,
    };
    let mut table = Table::new(&[
        Column::Text("model"),
        Column::Text("tier"),
        Column::Number("accuracy"),
        Column::Number("interval"),
        Column::Number("macro F1"),
        Column::Number("calibration error"),
        Column::Number("test items"),
    ]);
    for model in &report.models {
        let known =
            |value: &Option<Interval>| value.map_or("–".to_owned(), |it| percent(it.estimate));
        table.row([
            model.name.as_str().into(),
            model.tier.as_str().into(),
            percent(model.accuracy.estimate).into(),
            percent_range(&model.accuracy).into(),
            known(&model.macro_f1).into(),
            known(&model.ece).into(),
            count(model.accuracy.n).into(),
        ]);
    }
    let caption =
        "The whole line must lie to the right of the bar before a model may take traffic.";
    let caption = if bar.is_some() {
        caption
    } else {
        "Lines are intervals: models whose lines overlap may be equally good."
    };
    one(&plot.draw(&dots), "Accuracy with its interval", caption, table)
}

fn speed(report: &LoopReport) -> String {
    let mut table = Table::new(&[
        Column::Text("model"),
        Column::Number("p50"),
        Column::Number("p95"),
        Column::Number("p99"),
        Column::Number("requests"),
        Column::Number("size"),
        Column::Number("training"),
    ]);
    for model in &report.models {
        let at = |percent: u32| {
            let found = model.latency.as_ref().and_then(|it| it.percentile(percent));
            found.map_or("–".to_owned(), |it| duration(it.value_us))
        };
        table.row([
            model.name.as_str().into(),
            at(50).into(),
            at(95).into(),
            at(99).into(),
            model.latency.as_ref().map_or("–".to_owned(), |it| count(it.n)).into(),
            model.size_bytes.map_or("–".to_owned(), bytes).into(),
            model.train_seconds.map_or("–".to_owned(), |it| duration(it * 1e6)).into(),
        ]);
    }
    panel(&table.finish())
}

fn costs(report: &LoopReport) -> String {
    let mut table = Table::new(&[
        Column::Text("way of answering"),
        Column::Number("per million requests"),
        Column::Text("basis"),
    ]);
    for cost in &report.costs {
        table.row([
            cost.name.as_str().into(),
            money(cost.per_million_requests, &cost.currency).into(),
            cost.basis.as_str().into(),
        ]);
    }
    for price in &report.list_prices {
        let total = price.per_million_requests(report.input_tokens, report.output_tokens);
        let basis = format!(
            "list price of {} on {}: {} in and {} out per million tokens; {:.0} tokens in, {:.0} out per request; source: {}",
            price.provider,
            price.as_of,
            money(price.input_per_million, &price.currency),
            money(price.output_per_million, &price.currency),
            report.input_tokens,
            report.output_tokens,
            price.source,
        );
        table.row([
            price.model.as_str().into(),
            money(total, &price.currency).into(),
            basis.into(),
        ]);
    }
    panel(&table.finish())
}

fn stages(report: &LoopReport) -> String {
    let mut table = Table::new(&[Column::Text("stage"), Column::Number("time")]);
    for (name, seconds) in &report.stages {
        table.row([name.as_str().into(), duration(seconds * 1e6).into()]);
    }
    panel(&table.finish())
}

fn one(drawing: &str, heading: &str, caption: &str, table: Table) -> String {
    if drawing.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"figures\">\n{}</div>\n",
        figure(heading, caption, drawing, table, Width::Full)
    )
}

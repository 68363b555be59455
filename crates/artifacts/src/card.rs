//! Model cards: what a version is, how good it is, and how to make it again, in the README format
//! of the Hugging Face hub (YAML front matter with a `model-index`, then Markdown).
//!
//! Only repeats numbers that were measured elsewhere, each with its interval and n.

use std::fmt::Write as _;

use freehold_vocabulary::{
    Digest, Interval, LabelMode, Metric, ModelFamily, ModelVersion, Split, Timestamp,
};

/// Most labels that a card lists.
const LABELS_SHOWN: usize = 100;

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct CardMetric {
    pub metric: Metric,
    pub interval: Interval,
    pub split: Split,
}

/// The statement that backs the threshold of a tier.
#[derive(Debug, Clone, PartialEq)]
pub struct CardCertificate {
    pub tier: String,
    /// The answers of which it speaks, such as "the answers it keeps".
    pub answers: String,
    /// Among these answers at most this share is wrong …
    pub error_at_most: f64,
    /// … with this confidence.
    pub confidence: f64,
    pub threshold: f64,
    /// The share of answers that is kept.
    pub kept: f64,
    /// Calibration examples behind it.
    pub n: u64,
    pub at: Timestamp,
}

/// What a card says beyond the version itself; what is empty is left out or said to be unknown.
#[derive(Debug, Clone, Default)]
pub struct CardFacts {
    /// The version's own name; None while the card is becoming part of it.
    pub digest: Option<Digest>,
    /// SPDX expression.
    pub licence: Option<String>,
    /// The base on the hub, such as `sentence-transformers/all-MiniLM-L6-v2`.
    pub base: Option<String>,
    /// The name of the dataset.
    pub dataset: Option<String>,
    /// ISO 639-1 codes.
    pub languages: Vec<String>,
    pub data_class: Option<String>,
    pub metrics: Vec<CardMetric>,
    pub certificates: Vec<CardCertificate>,
    pub intended_use: Option<String>,
    pub limits: Vec<String>,
    /// Commands that make the version again.
    pub commands: Vec<String>,
}

/// The card of a version.
#[must_use]
pub fn model_card(version: &ModelVersion, facts: &CardFacts) -> String {
    let mut card = String::new();
    front_matter(&mut card, version, facts);
    overview(&mut card, version, facts);
    evaluation(&mut card, facts);
    certificates(&mut card, facts);
    use_and_limits(&mut card, version, facts);
    lineage(&mut card, version, facts);
    card
}

/// Writing to a `String` cannot fail.
macro_rules! line {
    ($card:expr) => { $card.push('\n') };
    ($card:expr, $($text:tt)+) => {{
        let _infallible = writeln!($card, $($text)+);
    }};
}

fn front_matter(card: &mut String, version: &ModelVersion, facts: &CardFacts) {
    line!(card, "---");
    if let Some(licence) = &facts.licence {
        // The hub writes SPDX names in lower case.
        line!(card, "license: {}", quoted(&licence.to_lowercase()));
    }
    line!(card, "library_name: freehold");
    line!(card, "pipeline_tag: text-classification");
    if let Some(base) = &facts.base {
        line!(card, "base_model: {}", quoted(base));
    }
    list(card, "language", &facts.languages);
    list(card, "tags", &["freehold".to_owned(), family(version).to_owned()]);
    line!(card, "model-index:");
    line!(card, "- name: {}", quoted(version.task.as_str()));
    if facts.metrics.is_empty() {
        line!(card, "  results: []");
    } else {
        line!(card, "  results:");
    }
    for it in &facts.metrics {
        line!(card, "  - task:");
        line!(card, "      type: text-classification");
        line!(card, "    dataset:");
        line!(card, "      name: {}", quoted(facts.dataset.as_deref().unwrap_or("unnamed")));
        line!(card, "      type: private");
        line!(card, "      split: {}", it.split);
        line!(card, "      revision: {}", quoted(&version.lineage.dataset.to_string()));
        line!(card, "    metrics:");
        line!(card, "    - type: {}", it.metric.as_str());
        line!(card, "      value: {}", it.interval.estimate);
        line!(card, "      args:");
        line!(card, "        low: {}", it.interval.low);
        line!(card, "        high: {}", it.interval.high);
        line!(card, "        level: {}", it.interval.level);
        line!(card, "        n: {}", it.interval.n);
    }
    line!(card, "---");
    line!(card);
}

fn overview(card: &mut String, version: &ModelVersion, facts: &CardFacts) {
    line!(card, "# {}", version.task);
    line!(card);
    let answers = match version.mode {
        LabelMode::Single => "exactly one of",
        LabelMode::Multi => "any number of",
    };
    line!(
        card,
        "{} classifier that gives a text {answers} {} labels. Made with Freehold on {}.",
        match version.family {
            ModelFamily::Micro => "A micro",
            ModelFamily::Encoder => "An encoder",
        },
        version.labels.len(),
        version.created_at.day()
    );
    line!(card);
    let shown: Vec<String> = version
        .labels
        .as_slice()
        .iter()
        .take(LABELS_SHOWN)
        .map(|label| code(label.as_str()))
        .collect();
    let more = version.labels.len().saturating_sub(LABELS_SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    line!(card, "Labels: {}{rest}.", shown.join(", "));
    if let Some(class) = &facts.data_class {
        line!(card);
        line!(card, "Data class of the task: {}.", plain(class));
    }
    line!(card);
}

fn evaluation(card: &mut String, facts: &CardFacts) {
    line!(card, "## Evaluation");
    line!(card);
    if facts.metrics.is_empty() {
        line!(card, "Not evaluated yet: nothing is known about how good it is.");
        line!(card);
        return;
    }
    line!(card, "| metric | split | estimate | interval | n |");
    line!(card, "|---|---|---|---|---|");
    for CardMetric { metric, interval, split } in &facts.metrics {
        line!(
            card,
            "| {} | {split} | {} | {} to {} at {} | {} |",
            metric.as_str(),
            percent(interval.estimate),
            percent(interval.low),
            percent(interval.high),
            level(interval.level),
            interval.n
        );
    }
    line!(card);
}

fn certificates(card: &mut String, facts: &CardFacts) {
    line!(card, "## Certificate");
    line!(card);
    if facts.certificates.is_empty() {
        line!(card, "None: no promise is made about the error among its answers.");
    }
    for it in &facts.certificates {
        line!(
            card,
            "- Tier `{}`, which keeps answers from confidence {:.4} on ({} of what reaches it): of {}, at most {} are wrong, with confidence {}, on {} calibration examples, {}.",
            it.tier,
            it.threshold,
            percent(it.kept),
            it.answers,
            level(it.error_at_most),
            level(it.confidence),
            it.n,
            it.at.day()
        );
    }
    line!(card);
}

fn use_and_limits(card: &mut String, version: &ModelVersion, facts: &CardFacts) {
    line!(card, "## Intended use");
    line!(card);
    let intended = facts.intended_use.as_deref().map(plain);
    let intended =
        intended.unwrap_or_else(|| format!("Answers of the task {}, nothing else.", version.task));
    line!(card, "{intended}");
    line!(card);
    line!(card, "## Limits");
    line!(card);
    line!(card, "- It knows only its labels; a text about something else should be abstained on.");
    line!(
        card,
        "- Figures hold for data like that of the evaluation; drift voids the certificate."
    );
    for limit in &facts.limits {
        line!(card, "- {}", plain(limit));
    }
    line!(card);
}

fn lineage(card: &mut String, version: &ModelVersion, facts: &CardFacts) {
    line!(card, "## Lineage");
    line!(card);
    let mut row = |name: &str, digest: Option<&Digest>| {
        if let Some(digest) = digest {
            line!(card, "- {name}: `{digest}`");
        }
    };
    let lineage = &version.lineage;
    row("version", facts.digest.as_ref());
    row("base", lineage.base.as_ref());
    row("dataset", Some(&lineage.dataset));
    row("run", Some(&lineage.run));
    row("evaluation", lineage.evaluation.as_ref());
    row("parent", lineage.parent.as_ref());
    if !facts.commands.is_empty() {
        line!(card);
        line!(card, "## How to make it again");
        line!(card);
        line!(card, "```sh");
        for command in &facts.commands {
            line!(card, "{}", command.replace("```", "` ` `").replace(['\n', '\r'], " "));
        }
        line!(card, "```");
    }
}

fn family(version: &ModelVersion) -> &'static str {
    match version.family {
        ModelFamily::Micro => "micro",
        ModelFamily::Encoder => "encoder",
    }
}

fn list(card: &mut String, key: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    line!(card, "{key}:");
    for value in values {
        line!(card, "- {}", quoted(value));
    }
}

/// A JSON string, which is a YAML string too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A number that somebody chose, without digits that mean nothing.
fn level(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A label as code, whatever it holds.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// One line of text that cannot become another element of Markdown or HTML.
fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => line.push(' '),
            '<' => line.push_str("&lt;"),
            '|' | '`' | '[' | ']' | '*' => line.extend(['\\', character]),
            other => line.push(other),
        }
    }
    line
}

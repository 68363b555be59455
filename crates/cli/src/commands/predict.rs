//! `freehold predict`: asks the deployed route in this process, without a server.

use std::io::BufRead as _;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_vocabulary::{Label, TaskName};
use serde_json::json;

use crate::output;
use crate::wiring::Session;
use crate::wiring::routes::{Answer, Route};

/// Answer texts with the task's route and print answer, confidence and tier. Nothing is traced.
#[derive(Debug, Args)]
pub struct Arguments {
    task: TaskName,
    /// The texts; from standard input, one a line, when there are none.
    texts: Vec<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let texts = if arguments.texts.is_empty() {
        let lines: std::io::Result<Vec<String>> = std::io::stdin().lock().lines().collect();
        lines.context("standard input is not UTF-8 text")?
    } else {
        arguments.texts.clone()
    };
    if texts.is_empty() {
        bail!("there is no text to answer; give some, or one a line on standard input");
    }
    let route = Route::open(session, &arguments.task, session.config.serve.precision)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let answers = route.answer(&texts, session)?;
    let shown: Vec<serde_json::Value> =
        texts.iter().zip(&answers).map(|(text, answer)| show(text, answer, &route)).collect();
    output::print(session.form, &shown, |_| {
        let lines = texts.iter().zip(&answers).map(|(text, answer)| line(text, answer, &route));
        lines.collect()
    })
}

fn names(answer: &Answer, route: &Route) -> Vec<Label> {
    let labels = &route.tiers[answer.tier.min(route.tiers.len() - 1)].found.version.labels;
    answer.judgement.labels.iter().filter_map(|&index| labels.get(index).cloned()).collect()
}

fn show(text: &str, answer: &Answer, route: &Route) -> serde_json::Value {
    json!({
        "text": text, "outcome": if answer.kept { "answered" } else { "abstained" }, "tier": route.tier_name(answer),
        "labels": names(answer, route), "confidence": answer.judgement.confidence,
    })
}

fn line(text: &str, answer: &Answer, route: &Route) -> String {
    let names = names(answer, route);
    let labels: Vec<&str> = names.iter().map(Label::as_str).collect();
    let tier = route.tier_name(answer);
    let doubt = if answer.kept { "" } else { " (a person should look; best guess:" };
    let close = if answer.kept { "" } else { ")" };
    format!(
        "{tier:<6}{doubt} {} {:.2}{close}  {text}\n",
        labels.join(", "),
        answer.judgement.confidence
    )
}

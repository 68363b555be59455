//! `freehold review`: what waits for people, and what they said.

use anyhow::{Result, bail};
use clap::Subcommand;
use freehold_ledger::Limit;
use freehold_vocabulary::{Clock as _, Label, TaskName, TraceId};

use crate::clock::SystemClock;
use crate::output;
use crate::wiring::Session;

/// The queue of answers that the models did not dare to give.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Items that wait, oldest first.
    List {
        #[arg(long)]
        task: Option<TaskName>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Say what would have been right. Settled items flow into the next dataset version.
    Settle {
        /// The trace that waits.
        #[arg(value_parser = parse_trace)]
        trace: TraceId,
        /// The right label; repeat for multi-label tasks.
        #[arg(long = "label", value_parser = parse_label, required_unless_present = "out_of_scope")]
        labels: Vec<Label>,
        /// No known label applies.
        #[arg(long, conflicts_with = "labels")]
        out_of_scope: bool,
        /// Who judged.
        #[arg(long, default_value = "local")]
        by: String,
    },
}

fn parse_trace(text: &str) -> Result<TraceId, String> {
    TraceId::parse(text).map_err(|error| error.to_string())
}

fn parse_label(text: &str) -> Result<Label, String> {
    Label::parse(text).map_err(|error| error.to_string())
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::List { task, limit } => list(session, task.as_ref(), *limit),
        Command::Settle { trace, labels, by, .. } => settle(session, trace, labels, by),
    }
}

fn list(session: &Session, task: Option<&TaskName>, limit: u32) -> Result<()> {
    let items = session.wait(session.ledger.pending_reviews(task, Limit::rows(limit), None))?;
    let waiting = session.wait(session.ledger.count_pending_reviews(task))?;
    output::print(session.form, &items, |items| {
        let rows: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                let suggested: Vec<&str> = item.suggested.iter().map(Label::as_str).collect();
                let text: String = item
                    .text
                    .chars()
                    .take(60)
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect();
                vec![
                    item.trace.to_string(),
                    item.task.to_string(),
                    suggested.join(", "),
                    format!("{:.2}", item.confidence.get()),
                    item.reason.clone(),
                    text,
                ]
            })
            .collect();
        format!(
            "{waiting} waiting\n{}",
            output::table(&["trace", "task", "suggested", "conf.", "why", "text"], &rows)
        )
    })?;
    if let Some(first) = items.first() {
        output::next(
            session.form,
            &format!("freehold review settle {} --label LABEL", first.trace),
        );
    }
    Ok(())
}

fn settle(session: &Session, trace: &TraceId, labels: &[Label], by: &str) -> Result<()> {
    let Some(item) = session.wait(session.ledger.find_review(trace))? else {
        bail!("trace {trace} is not in the review queue; `freehold review list` shows what is");
    };
    session.check_labels(&item.task, labels)?;
    let settled =
        session.wait(session.ledger.settle_review(trace, labels, by, SystemClock.now()))?;
    output::print(session.form, &settled, |item| {
        let right: Vec<&str> = labels.iter().map(Label::as_str).collect();
        let right = if right.is_empty() { "out of scope".to_owned() } else { right.join(", ") };
        format!("settled {} as {right}", item.trace)
    })?;
    output::next(
        session.form,
        &format!("freehold data append {0} makes the next dataset version of {0}", item.task),
    );
    Ok(())
}

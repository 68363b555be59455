//! `freehold feedback`: says what the world said about an answer.

use anyhow::{Result, bail};
use clap::Args;
use freehold_ledger::{ReviewItem, ReviewStatus};
use freehold_vocabulary::{Clock as _, Feedback, FeedbackKind, Label, Probability, TraceId};

use crate::clock::SystemClock;
use crate::output;
use crate::wiring::Session;

/// Correct, rate or report the outcome of an answer, by its trace id.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(value_parser = parse_trace)]
    trace: TraceId,
    /// The label that would have been right; repeat for multi-label tasks.
    #[arg(long = "correct", value_name = "LABEL", value_parser = parse_label, group = "what")]
    labels: Vec<Label>,
    /// From 0 (useless) to 1 (perfect).
    #[arg(long, group = "what")]
    rating: Option<f64>,
    /// What happened later, in your words.
    #[arg(long, group = "what")]
    outcome: Option<String>,
    /// Who says it.
    #[arg(long, default_value = "local")]
    by: String,
}

fn parse_trace(text: &str) -> Result<TraceId, String> {
    TraceId::parse(text).map_err(|error| error.to_string())
}

fn parse_label(text: &str) -> Result<Label, String> {
    Label::parse(text).map_err(|error| error.to_string())
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let Some(trace) = session.find_trace(&arguments.trace)? else {
        bail!("there is no trace {}; `freehold traces tail` shows the latest", arguments.trace);
    };
    let kind = match (&arguments.labels, arguments.rating, &arguments.outcome) {
        (labels, None, None) if !labels.is_empty() => {
            FeedbackKind::Correction { labels: labels.clone() }
        }
        (_, Some(rating), _) => FeedbackKind::Rating { rating },
        (_, _, Some(outcome)) => FeedbackKind::Outcome { outcome: outcome.clone() },
        _ => bail!("say what: --correct LABEL, --rating NUMBER or --outcome TEXT"),
    };
    let at = SystemClock.now();
    let feedback = Feedback { trace: arguments.trace.clone(), at, by: arguments.by.clone(), kind };
    if let FeedbackKind::Correction { labels } = &feedback.kind {
        session.check_labels(&trace.task, labels)?;
        let item = ReviewItem {
            trace: arguments.trace.clone(),
            task: trace.task.clone(),
            text: trace.input.clone(),
            suggested: trace.labels.clone(),
            confidence: Probability::new(trace.confidence)?,
            reason: "corrected".to_owned(),
            at,
            status: ReviewStatus::Pending,
        };
        session.wait(session.ledger.enter_correction(&item, labels, &arguments.by, at))?;
    }
    session.wait(session.ledger.add_feedback(&feedback))?;
    output::print(session.form, &feedback, |it| format!("noted for trace {}", it.trace))?;
    output::next(
        session.form,
        &format!("freehold data append {0} makes the next dataset version of {0}", trace.task),
    );
    Ok(())
}

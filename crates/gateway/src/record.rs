//! Makes an answer durable before it goes out: its trace, and its place in the review queue.
//!
//! An answer that cannot be recorded is withheld: a client that has seen an answer can always
//! refer to it.

use freehold_ledger::{ReviewItem, ReviewStatus};
use freehold_vocabulary::{Outcome, Probability, TaskName, Timestamp, Trace, TraceId};

use crate::app::{App, Served};
use crate::error::ApiError;
use crate::layers::auth::Caller;
use crate::layers::observe::elapsed_us;
use crate::layers::rescue::panic_text;
use crate::walk::{Elsewhere, Walked};

/// Who asked what through which endpoint.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    /// Protocol and endpoint, such as `tasks.predict`.
    pub(crate) endpoint: &'static str,
    pub(crate) at: Timestamp,
    pub(crate) field: Field,
    /// Whether models elsewhere may be asked.
    pub(crate) elsewhere: Elsewhere,
}

/// What the caller calls its texts, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field {
    /// One of a list.
    Inputs,
    /// The only one.
    Only(&'static str),
}

impl Field {
    /// The name of the text at a position.
    pub(crate) fn name(self, position: usize) -> String {
        match self {
            Self::Inputs => format!("inputs[{position}]"),
            Self::Only(name) => name.to_owned(),
        }
    }
}

/// Records one answer for each text; the ids are in the order of the texts.
///
/// # Errors
/// When the trace log or the ledger does not take the record.
pub(crate) async fn record(
    app: &App,
    asked: &Asked,
    served: &Served,
    texts: Vec<String>,
    walked: &[Walked],
) -> Result<Vec<TraceId>, ApiError> {
    let latency_us = elapsed_us(asked.at, app.parts.clock.now());
    let task = &served.deployed.task().name;
    let mut ids = Vec::with_capacity(texts.len());
    let mut traces = Vec::with_capacity(texts.len());
    let mut reviews = Vec::new();
    for (text, walked) in texts.into_iter().zip(walked) {
        let id = app.ids.next(asked.at);
        ids.push(id.clone());
        if walked.outcome() == Outcome::Abstained {
            reviews.push(review(task, &id, &text, walked, asked.at));
        }
        traces.push(trace(asked, served, id, text, walked, latency_us));
    }
    if reviews.is_empty() {
        app.parts.traces.append(traces).await.map_err(ApiError::trace_log)?;
        return Ok(ids);
    }
    // A task of its own finishes both writes even if the client goes away between them.
    let app = app.clone();
    let both = tokio::spawn(async move { append_and_enqueue(&app, traces, reviews).await });
    match both.await {
        Ok(done) => done.map(|()| ids),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => Err(ApiError::Panicked(panic_text(panic.as_ref()))),
            Err(cancelled) => Err(ApiError::TraceLogBroken(cancelled.to_string())),
        },
    }
}

async fn append_and_enqueue(
    app: &App,
    traces: Vec<Trace>,
    reviews: Vec<ReviewItem>,
) -> Result<(), ApiError> {
    app.parts.traces.append(traces).await.map_err(ApiError::trace_log)?;
    if !reviews.is_empty() {
        let written = app.parts.ledger.enqueue_reviews(&reviews).await;
        written.map_err(|cause| ApiError::ledger(&cause))?;
    }
    Ok(())
}

fn trace(
    asked: &Asked,
    served: &Served,
    id: TraceId,
    input: String,
    walked: &Walked,
    latency_us: u64,
) -> Trace {
    Trace {
        id,
        at: asked.at,
        task: served.deployed.task().name.clone(),
        caller: asked.caller.0.to_string(),
        endpoint: endpoint(asked, served),
        input,
        outcome: walked.outcome(),
        labels: walked.labels().to_vec(),
        confidence: walked.last_answer().confidence,
        tier: walked.tier(),
        certificate: walked.certificate(served),
        tiers: walked.tiers.clone(),
        latency_us,
        generation: None,
        route: walked.route.clone(),
    }
}

/// What an alias said alone is told from what the route said: `tasks.predict@micro`.
fn endpoint(asked: &Asked, served: &Served) -> String {
    match served.deployed.alias() {
        None => asked.endpoint.to_owned(),
        Some(alias) => format!("{}@{alias}", asked.endpoint),
    }
}

fn review(task: &TaskName, id: &TraceId, text: &str, walked: &Walked, at: Timestamp) -> ReviewItem {
    let last = walked.last_answer();
    ReviewItem {
        trace: id.clone(),
        task: task.clone(),
        text: text.to_owned(),
        suggested: walked.suggested().to_vec(),
        confidence: Probability::new(last.confidence.clamp(0.0, 1.0)).unwrap_or(Probability::ZERO),
        reason: last.reason.clone().unwrap_or_default(),
        at,
        status: ReviewStatus::Pending,
    }
}

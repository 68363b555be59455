//! `POST /v1/feedback`: what the world said about an answer.
//!
//! A correction enters the review flow as settled, so it is in the next dataset version whether
//! the answer was an abstention or not. Everything here may be sent again without harm.

use axum::extract::State;
use freehold_ledger::feedback::OUTCOME_BYTES_MAX;
use freehold_ledger::{ReviewItem, ReviewStatus};
use freehold_vocabulary::{
    Feedback, FeedbackKind, Label, LabelMode, Probability, Timestamp, Trace, TraceId,
};
use serde::{Deserialize, Serialize};

use crate::app::{App, Served, shown};
use crate::error::ApiError;
use crate::extract::Json;
use crate::layers::auth::Caller;
use crate::near::nearest;

/// Labels offered to a caller who used an unknown one.
const NEAR_MAX: usize = 5;
/// Labels of one correction.
const LABELS_MAX: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedbackRequest {
    trace_id: String,
    kind: Kind,
    labels: Option<Vec<String>>,
    rating: Option<f64>,
    outcome: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Correction,
    Rating,
    Outcome,
}

#[derive(Debug, Serialize)]
pub(crate) struct FeedbackResponse {
    trace_id: TraceId,
    /// Always true: the statement survives a crash.
    recorded: bool,
    /// Whether it will be part of the next dataset version.
    settled: bool,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<FeedbackRequest>,
) -> Result<Json<FeedbackResponse>, ApiError> {
    let unknown = || ApiError::UnknownTrace { trace: shown(&request.trace_id) };
    let id = TraceId::parse(&request.trace_id).map_err(|_invalid| unknown())?;
    let kind = request.said()?;
    let found = app.parts.traces.find(&id).await.map_err(ApiError::trace_log)?;
    let trace = found.ok_or_else(unknown)?;
    let now = app.parts.clock.now();
    let by = caller.0.to_string();
    let settled = matches!(kind, FeedbackKind::Correction { .. });
    if let FeedbackKind::Correction { labels } = &kind {
        settle(&app, &trace, labels, &by, now).await?;
    }
    let feedback = Feedback { trace: id.clone(), at: now, by, kind };
    let written = app.parts.ledger.add_feedback(&feedback).await;
    written.map_err(|cause| ApiError::ledger(&cause))?;
    Ok(Json(FeedbackResponse { trace_id: id, recorded: true, settled }))
}

impl FeedbackRequest {
    /// What was said; a field that does not belong to the kind is refused, not dropped.
    fn said(&self) -> Result<FeedbackKind, ApiError> {
        match (self.kind, &self.labels, self.rating, &self.outcome) {
            (Kind::Correction, Some(labels), None, None) => {
                Ok(FeedbackKind::Correction { labels: parsed(labels)? })
            }
            (Kind::Rating, None, Some(rating), None) if (0.0..=1.0).contains(&rating) => {
                Ok(FeedbackKind::Rating { rating })
            }
            (Kind::Rating, None, Some(_), None) => {
                Err(ApiError::invalid_field("rating", "`rating` is not between 0 and 1"))
            }
            (Kind::Outcome, None, None, Some(outcome)) => said_outcome(outcome),
            (Kind::Correction, ..) => Err(exactly("correction", "labels")),
            (Kind::Rating, ..) => Err(exactly("rating", "rating")),
            (Kind::Outcome, ..) => Err(exactly("outcome", "outcome")),
        }
    }
}

fn exactly(kind: &str, field: &str) -> ApiError {
    let message = format!("feedback of kind `{kind}` has exactly one more field: `{field}`");
    ApiError::invalid_field(field, message)
}

fn said_outcome(outcome: &str) -> Result<FeedbackKind, ApiError> {
    if outcome.trim().is_empty() {
        return Err(ApiError::invalid_field("outcome", "`outcome` is empty; say what happened"));
    }
    if outcome.len() > OUTCOME_BYTES_MAX {
        let (what, limit) = ("`outcome`".to_owned(), OUTCOME_BYTES_MAX);
        return Err(ApiError::TooLarge { what, limit, unit: "bytes", remedy: "shorten it" });
    }
    Ok(FeedbackKind::Outcome { outcome: outcome.to_owned() })
}

fn parsed(labels: &[String]) -> Result<Vec<Label>, ApiError> {
    if labels.len() > LABELS_MAX {
        let (what, limit) = ("`labels`".to_owned(), LABELS_MAX);
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy: "send fewer" });
    }
    let mut parsed = Vec::with_capacity(labels.len());
    for text in labels {
        let label = Label::parse(text)
            .map_err(|invalid| ApiError::invalid_field("labels", invalid.to_string()))?;
        if parsed.contains(&label) {
            let message = format!("label `{label}` occurs twice");
            return Err(ApiError::invalid_field("labels", message));
        }
        parsed.push(label);
    }
    Ok(parsed)
}

/// Enters a correction into the review flow.
async fn settle(
    app: &App,
    trace: &Trace,
    labels: &[Label],
    by: &str,
    at: Timestamp,
) -> Result<(), ApiError> {
    let served = app.task(trace.task.as_str())?;
    check_labels(&served, labels)?;
    let last = trace.tiers.last();
    let item = ReviewItem {
        trace: trace.id.clone(),
        task: trace.task.clone(),
        text: trace.input.clone(),
        suggested: last.map(|it| it.labels.clone()).unwrap_or_default(),
        confidence: Probability::new(trace.confidence).unwrap_or(Probability::ZERO),
        reason: "corrected by feedback".to_owned(),
        at: trace.at,
        status: ReviewStatus::Pending,
    };
    let entered = app.parts.ledger.enter_correction(&item, labels, by, at).await;
    entered.map(|_item| ()).map_err(|cause| ApiError::ledger(&cause))
}

/// None says that no known label applies; a single-label task takes at most one.
fn check_labels(served: &Served, labels: &[Label]) -> Result<(), ApiError> {
    let task = served.deployed.task();
    if task.mode == LabelMode::Single && labels.len() > 1 {
        let message = format!("task `{}` has one label per text; send one", task.name);
        return Err(ApiError::invalid_field("labels", message));
    }
    let Some(unknown) = labels.iter().find(|label| !served.deployed.knows(label)) else {
        return Ok(());
    };
    let known = served.deployed.labels().as_slice().iter().map(Label::as_str);
    let near = nearest(unknown.as_str(), known, NEAR_MAX);
    Err(ApiError::UnknownLabel {
        label: unknown.to_string(),
        task: task.name.to_string(),
        near: near.into_iter().map(str::to_owned).collect(),
    })
}

//! What every protocol does with its texts, and what it may say of the answers.

use freehold_vocabulary::chat::Usage;
use freehold_vocabulary::{Digest, Label, Outcome, Tier, TraceId, Trust};
use serde::Serialize;

use crate::app::{App, Served};
use crate::budget::{Most, reserve};
use crate::error::ApiError;
use crate::openai::wire::CostView;
use crate::record::{Asked, record};
use crate::walk::{Walked, named, walk};

/// Takes texts through the tiers and records the answers: when this returns, they are durable.
///
/// # Errors
/// When a text breaks a limit, no tier can answer, or the answers cannot be recorded.
pub(crate) async fn answer(
    app: &App,
    asked: &Asked,
    served: &Served,
    texts: Vec<String>,
) -> Result<Vec<(TraceId, Walked)>, ApiError> {
    asked.caller.expect_allowed(&served.deployed.name())?;
    let most = || Most::of_task(&texts, served.deployed.tiers().len());
    let reserved = reserve(app, &asked.caller, most).await?;
    let walked = walk(app, asked, served, &texts).await?;
    // What models elsewhere took is settled where they were asked.
    let input_tokens = walked.iter().map(Walked::tokens_read).sum();
    reserved.settle(Usage { input_tokens, ..Usage::default() }, None);
    let ids = record(app, asked, served, texts, &walked).await?;
    for it in &walked {
        served.counters.decided(it.tier(), it.outcome());
    }
    Ok(ids.into_iter().zip(walked).collect())
}

/// Refuses a text that is empty or beyond the limit; `field` is what the caller calls it.
///
/// # Errors
/// When the text says nothing or too much.
pub(crate) fn check_text(app: &App, field: &str, text: &str) -> Result<(), ApiError> {
    let limit = app.parts.limits.text_bytes_max.get();
    if text.len() > limit {
        let remedy = "shorten it; texts are never truncated silently";
        return Err(ApiError::TooLarge {
            what: format!("`{field}`"),
            limit,
            unit: "bytes",
            remedy,
        });
    }
    if text.trim().is_empty() {
        return Err(ApiError::invalid_field(field, format!("`{field}` is empty; send a text")));
    }
    Ok(())
}

/// One answer as every protocol shows it.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerView {
    pub(crate) trace_id: TraceId,
    pub(crate) outcome: Outcome,
    /// Why no tier kept its answer.
    pub(crate) reason: Option<String>,
    /// What the tier answered; empty for an abstention.
    pub(crate) labels: Vec<Label>,
    /// What the last tier would have said, for an abstention.
    pub(crate) suggested: Option<Vec<Label>>,
    /// Calibrated probability of `labels`, or of `suggested`.
    pub(crate) confidence: f64,
    pub(crate) tier: Tier,
    /// The generating model that answered, once every tier of the task's own had passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// What lets its answer count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<Trust>,
    /// What asking generating models cost, failed tries included; one sum per currency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cost: Vec<CostView>,
    /// The model version that judged last.
    pub(crate) version: Digest,
    pub(crate) certificate: Option<String>,
    pub(crate) prediction_set: Option<PredictionSetView>,
    pub(crate) ood_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probabilities: Option<Vec<LabelProbability>>,
}

/// The labels among which the right one is, as often as the level says.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PredictionSetView {
    pub(crate) labels: Vec<Label>,
    pub(crate) level: f64,
}

/// A label with its calibrated probability.
#[derive(Debug, Serialize)]
pub(crate) struct LabelProbability {
    pub(crate) label: Label,
    pub(crate) probability: f64,
}

impl AnswerView {
    /// `top_k` is how many probabilities are shown, none for none.
    pub(crate) fn new(
        served: &Served,
        trace_id: TraceId,
        walked: &Walked,
        top_k: Option<usize>,
    ) -> Self {
        let last = walked.last_answer();
        let abstained = walked.outcome() == Outcome::Abstained;
        Self {
            trace_id,
            outcome: walked.outcome(),
            reason: if abstained { last.reason.clone() } else { None },
            labels: walked.labels().to_vec(),
            suggested: abstained.then(|| walked.suggested().to_vec()),
            confidence: last.confidence,
            tier: walked.tier(),
            model: walked.by_model.as_ref().map(|it| it.model.clone()),
            trust: walked.by_model.as_ref().map(|it| it.backing.trust),
            cost: walked.cost().iter().map(CostView::of).collect(),
            version: last.version.clone(),
            certificate: walked.certificate(served),
            prediction_set: prediction_set(served, walked),
            ood_score: last.ood_score,
            // A generating model gives none, and those of the tiers are not about its answer.
            probabilities: match walked.by_model {
                None => top_k.map(|k| most_probable(served, walked, k)),
                Some(_) => None,
            },
        }
    }
}

/// The labels among which the right one is; none when the tier promises no such set.
pub(crate) fn prediction_set(served: &Served, walked: &Walked) -> Option<PredictionSetView> {
    if walked.by_model.is_some() {
        return None;
    }
    let judge = walked.last_tier(served);
    let positions = walked.judgement.prediction_set.as_ref()?;
    let level = 1.0 - judge.policy.conformal.as_ref()?.miss_at_most;
    Some(PredictionSetView { labels: named(judge.labels(), positions), level })
}

/// The `k` most probable labels; equal ones in the order of the label set.
fn most_probable(served: &Served, walked: &Walked, k: usize) -> Vec<LabelProbability> {
    let labels = walked.last_tier(served).labels().as_slice();
    let probabilities = walked.judgement.probabilities.iter().copied();
    let mut ranked: Vec<(&Label, f64)> = labels.iter().zip(probabilities).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let top = ranked.into_iter().take(k);
    top.map(|(label, probability)| LabelProbability { label: label.clone(), probability }).collect()
}

//! One request's way through the tiers: all texts to the cheapest, what it passes to the next.
//!
//! Moves texts and nothing else: what is kept is decided by routing, which does no IO. A tier that
//! fails fails the request; skipping it would answer under a certificate that was earned on what
//! the tier lets through.

pub(crate) mod labelling;
pub(crate) mod models;

use freehold_routing::{Judgement, Verdict};
use freehold_vocabulary::ports::{EngineError, Scored};
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{Label, LabelSet, Outcome, RouteRecord, Tier, TierAnswer};

use crate::app::{App, Served};
use crate::error::ApiError;
use crate::layers::observe::elapsed_us;
use crate::portfolio::{Backing, DeployedTier};
use crate::record::{Asked, Field};

pub(crate) use models::{Bill, Elsewhere};

/// Judging takes a fraction of a millisecond; in a large batch other requests get their turn.
const JUDGED_IN_A_ROW: usize = 16;

/// What the tiers said about one text.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Every tier on the way; the last one's answer is `judgement`.
    pub(crate) tiers: Vec<TierAnswer>,
    pub(crate) judgement: Judgement,
    /// Position in the route of the tier that judged last.
    pub(crate) last: usize,
    /// The generating model whose answer was kept when every tier had passed.
    pub(crate) by_model: Option<ByModel>,
    /// What was decided beyond the tiers.
    pub(crate) route: Option<Box<RouteRecord>>,
}

/// A generating model that answered for a task, and why that counts.
#[derive(Debug, Clone)]
pub(crate) struct ByModel {
    pub(crate) model: String,
    pub(crate) backing: Backing,
}

impl Walked {
    pub(crate) fn outcome(&self) -> Outcome {
        if self.is_kept() { Outcome::Answered } else { Outcome::Abstained }
    }

    fn is_kept(&self) -> bool {
        self.by_model.is_some() || matches!(self.judgement.verdict, Verdict::Keep)
    }

    /// What asking generating models cost.
    pub(crate) fn cost(&self) -> &[Cost] {
        self.route.as_ref().map_or(&[], |it| &it.cost)
    }

    /// What would have been said, for an abstention: the last word that names a label.
    pub(crate) fn suggested(&self) -> &[Label] {
        let said = self.tiers.iter().rev().find(|it| !it.labels.is_empty());
        said.map_or(&[], |it| &it.labels)
    }

    /// The tier whose answer goes out; a person's for an abstention.
    pub(crate) fn tier(&self) -> Tier {
        match self.outcome() {
            Outcome::Answered => self.last_answer().tier,
            Outcome::Abstained | Outcome::Failed => Tier::Human,
        }
    }

    /// What the last tier said, kept or not.
    pub(crate) fn last_answer(&self) -> &TierAnswer {
        self.tiers.last().expect("a route has at least one tier")
    }

    /// The tier that judged last.
    pub(crate) fn last_tier<'a>(&self, served: &'a Served) -> &'a DeployedTier {
        &served.deployed.tiers()[self.last]
    }

    /// The id of the certificate that backs the answer; an abstention needs none.
    pub(crate) fn certificate(&self, served: &Served) -> Option<String> {
        match (&self.by_model, self.outcome()) {
            (Some(it), _) => it.backing.certificate.as_ref().map(|(id, _)| id.to_string()),
            (None, Outcome::Answered) => {
                self.last_tier(served).certificate().map(|it| it.id.to_string())
            }
            (None, Outcome::Abstained | Outcome::Failed) => None,
        }
    }

    /// Tokens read by every tier that was asked.
    pub(crate) fn tokens_read(&self) -> u64 {
        self.tiers.iter().map(|it| u64::from(it.tokens)).sum()
    }

    /// The labels that go out: none for an abstention.
    pub(crate) fn labels(&self) -> &[Label] {
        match self.outcome() {
            Outcome::Answered => &self.last_answer().labels,
            Outcome::Abstained | Outcome::Failed => &[],
        }
    }
}

/// Takes every text through the tiers of its task, then through the models behind them.
///
/// # Errors
/// When an engine refuses a text, is at capacity or fails, and when the tiers take too long.
pub(crate) async fn walk(
    app: &App,
    asked: &Asked,
    served: &Served,
    texts: &[String],
) -> Result<Vec<Walked>, ApiError> {
    let limit = app.parts.limits.answer_timeout;
    let walked = tokio::time::timeout(limit, through_tiers(app, asked.field, served, texts)).await;
    let mut walked = walked.map_err(|_elapsed| ApiError::AnswerTimeout(limit))??;
    models::ask(app, asked, served, texts, &mut walked).await;
    Ok(walked)
}

async fn through_tiers(
    app: &App,
    field: Field,
    served: &Served,
    texts: &[String],
) -> Result<Vec<Walked>, ApiError> {
    let mut ways: Vec<Vec<TierAnswer>> = texts.iter().map(|_| Vec::new()).collect();
    let mut judged: Vec<Option<(Judgement, usize)>> = texts.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..texts.len()).collect();
    for (place, tier) in served.deployed.tiers().iter().enumerate() {
        if open.is_empty() {
            break;
        }
        let asked = ask(app, served, tier, texts, &open).await;
        let judgements = asked.map_err(|cause| explained(cause, field, &open))?;
        let mut passed = Vec::new();
        for (position, (judgement, answer)) in open.into_iter().zip(judgements) {
            if let Verdict::Pass(_) = judgement.verdict {
                passed.push(position);
            }
            ways[position].push(answer);
            judged[position] = Some((judgement, place));
        }
        open = passed;
    }
    let together = ways.into_iter().zip(judged).map(|(tiers, judged)| {
        let (judgement, last) = judged.expect("the first tier is asked about every text");
        Walked { tiers, judgement, last, by_model: None, route: None }
    });
    Ok(together.collect())
}

/// What one tier says about the texts at these positions.
async fn ask(
    app: &App,
    served: &Served,
    tier: &DeployedTier,
    texts: &[String],
    positions: &[usize],
) -> Result<Vec<(Judgement, TierAnswer)>, EngineError> {
    let card = tier.engine.card();
    let batch: Vec<String> = positions.iter().map(|at| texts[*at].clone()).collect();
    let asked = batch.len();
    let started = app.parts.clock.now();
    let scored = tier.engine.answer(batch).await?;
    let latency_us = elapsed_us(started, app.parts.clock.now());
    let tokens = scored.iter().map(|it| u64::from(it.tokens)).sum();
    served.counters.engine_called(card.tier, latency_us, tokens);
    check(tier, &scored, asked)?;
    let mut judged = Vec::with_capacity(asked);
    for (place, it) in scored.iter().enumerate() {
        if place % JUDGED_IN_A_ROW == JUDGED_IN_A_ROW - 1 {
            tokio::task::yield_now().await;
        }
        judged.push(judge(tier, it, latency_us));
    }
    Ok(judged)
}

fn judge(tier: &DeployedTier, scored: &Scored, latency_us: u64) -> (Judgement, TierAnswer) {
    let card = tier.engine.card();
    let judgement = tier.policy.judge(scored);
    let reason = match &judgement.verdict {
        Verdict::Keep => None,
        Verdict::Pass(reason) => Some(reason.as_str().to_owned()),
    };
    let answer = TierAnswer {
        tier: card.tier,
        version: card.version.clone(),
        labels: named(&card.labels, &judgement.labels),
        confidence: judgement.confidence,
        ood_score: judgement.ood_score,
        kept: reason.is_none(),
        reason,
        latency_us,
        tokens: scored.tokens,
    };
    (judgement, answer)
}

/// Refuses answers that the policy cannot judge: they come from another model than it was made for.
fn check(tier: &DeployedTier, scored: &[Scored], asked: usize) -> Result<(), EngineError> {
    let broken = |reason: String| {
        let engine = tier.engine.card().name.clone();
        Err(EngineError::Broken { engine, reason })
    };
    if scored.len() != asked {
        return broken(format!("it was asked about {asked} texts and answered {}", scored.len()));
    }
    match scored.iter().find_map(|it| tier.policy.check_fits(it).err()) {
        Some(misfit) => broken(misfit.to_string()),
        None => Ok(()),
    }
}

/// The labels at these positions.
pub(crate) fn named(labels: &LabelSet, positions: &[u32]) -> Vec<Label> {
    positions.iter().filter_map(|at| labels.get(*at)).cloned().collect()
}

/// In the words of the caller, who counts the texts that were sent and not those that are left.
fn explained(cause: EngineError, field: Field, positions: &[usize]) -> ApiError {
    match cause {
        EngineError::Busy { engine, retry_after } => ApiError::EngineBusy { engine, retry_after },
        EngineError::Refused { engine, position, reason } => {
            let name = field.name(positions.get(position).copied().unwrap_or(position));
            let message = format!("`{name}` cannot be read by engine `{engine}`: {reason}");
            ApiError::invalid_field(name, message)
        }
        EngineError::Broken { engine, reason } => ApiError::EngineBroken { engine, reason },
    }
}

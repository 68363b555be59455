//! One question and one answer, never streamed: vectors and judgements.
//!
//! The rules are those of a generation: who may ask is checked, the most it can take is reserved,
//! the policy clears it, and the trace is durable before the answer goes out. No other model stands
//! in for one that fails: vectors of different models cannot be compared, and judgements are in
//! different words.

use freehold_vocabulary::Ending;
use freehold_vocabulary::chat::{ChatError, Leaves, Usage, UsageBasis};
use freehold_vocabulary::egress::Cleared;
use freehold_vocabulary::ports::ChatEngine;
use serde::Serialize;

use super::attempts::{self, Heard};
use super::conversation::Conversing;
use super::record::{Kept, Paid, Said, keep, keeps_content};
use super::{About, Asking, Settled, allowed, class, redaction};
use crate::app::{App, Offer};
use crate::budget::{Most, reserve};
use crate::egress::{Leaving, clear};
use crate::error::ApiError;

/// What is asked, and how an engine is asked it.
pub(crate) trait Question:
    Leaves + Conversing + Clone + Serialize + Send + Sync + 'static
{
    type Answer: Send + 'static;

    /// Puts in the name by which the engine knows the model.
    fn name_model(&mut self, upstream: &str);
    /// What it takes at most.
    fn most(&self, offer: &Offer) -> Most;
    /// What it took, of an engine that does not count.
    fn estimate(&self) -> Usage;
    /// What a trace may keep of it.
    fn content(&self) -> String;
    fn ask(
        engine: &dyn ChatEngine,
        cleared: Cleared<Self>,
    ) -> impl Future<Output = Result<Reply<Self::Answer>, ChatError>> + Send;
}

/// What an engine said.
#[derive(Debug)]
pub(crate) struct Reply<A> {
    pub(crate) answer: A,
    /// The model as the engine names it.
    pub(crate) model: String,
    /// None if the engine did not count.
    pub(crate) usage: Option<Usage>,
    /// Wishes that it could not fulfil.
    pub(crate) ignored: Vec<String>,
}

/// An answer whose trace is durable.
#[derive(Debug)]
pub(crate) struct Answered<A> {
    pub(crate) answer: A,
    pub(crate) about: About,
    pub(crate) settled: Settled,
}

/// Asks the first model of the offer.
///
/// # Errors
/// When the caller may not use it, no rule lets the question out, or the engine does not answer.
pub(crate) async fn once<Q: Question>(
    app: &App,
    asking: Asking,
    offer: Offer,
    question: Q,
) -> Result<Answered<Q::Answer>, ApiError> {
    let offer = allowed(&asking.caller, offer)?;
    let app = app.clone();
    // A task of its own records the answer also if the client goes away.
    let run = tokio::spawn(async move { ask(&app, asking, &offer, question).await });
    run.await.map_err(|cause| ApiError::Panicked(cause.to_string()))?
}

async fn ask<Q: Question>(
    app: &App,
    asking: Asking,
    offer: &Offer,
    question: Q,
) -> Result<Answered<Q::Answer>, ApiError> {
    let offered = &offer.chain[0];
    let model = &offered.model;
    let id = app.ids.next(asking.at);
    let reserved = reserve(app, &asking.caller, || question.most(offer)).await?;
    let estimate = question.estimate();
    let judged = class::judged(app, &asking, offer, question).await?;
    let sendable = redaction::sendable(&offer.egress, model, &judged.request).await?;
    let request = sendable.request.with(|it| it.name_model(&model.upstream));
    let leaving = Leaving {
        app,
        caller: &asking.caller,
        at: asking.at,
        trace: &id,
        offered,
        policy: &offer.egress.policy,
        found: &judged.found,
        replaced: &sendable.replaced,
    };
    let cleared = clear(&leaving, &request).await??;
    let rule = cleared.record().rule.clone();
    let heard = Heard::default();
    let answered = heard.during(Q::ask(model.engine.as_ref(), cleared)).await;
    let error = answered.as_ref().err().map(ToString::to_string);
    let (usage, basis) = match &answered {
        Ok(Reply { usage: Some(usage), .. }) => (*usage, UsageBasis::Reported),
        Ok(_) => (estimate, UsageBasis::Estimated),
        Err(_) => (Usage::default(), UsageBasis::Nothing),
    };
    let class = judged.request.class();
    let kept = Kept {
        id: id.clone(),
        asking: &asking,
        content: offer.egress.content,
        class,
        rule: rule.clone(),
        offered,
        ending: if error.is_some() { Ending::Failed } else { Ending::Complete },
        first_token_us: None,
        tries: attempts::tries(heard.take(), offered, asking.at, error, (usage, basis)),
        hit: None,
        route: Box::default(),
    };
    let content = kept.keeps_content().then(|| request.request().content());
    let upstream = answered.as_ref().ok().map(|it| it.model.clone());
    let said = Said { upstream, usage, basis: Some(basis), request: content, ..Said::default() };
    let pay = |paid: &Paid| reserved.settle(paid.usage, paid.cost.as_ref());
    let settled = keep(app, kept, said, pay).await?;
    let Reply { answer, ignored, .. } = answered.map_err(ApiError::Generation)?;
    let about = About {
        trace_id: id,
        model: model.name.clone(),
        engine: model.engine.card().name().clone(),
        tier: model.tier,
        data_class: class,
        rule,
        ignored_parameters: ignored,
        cache: None,
        keeps_content: keeps_content(offer.egress.content, model, class),
        route: None,
    };
    Ok(Answered { answer, about, settled })
}

//! A generation: from a request in our own words to its events, whoever asked in which protocol.
//!
//! The request gets its data class, the policy says which engines may see it, the first of them
//! that can answers, and everything is recorded. Each request has a task of its own, so that it
//! is recorded to the end also when the client goes away; then the engine's work is dropped.
//!
//! Never knows a protocol: endpoints translate requests before and events after.

pub mod attempts;
pub(crate) mod choice;
pub mod class;
pub mod conversation;
pub mod drive;
pub mod limits;
pub mod once;
pub mod record;
pub mod redaction;
mod resume;
pub mod sse;
pub mod tally;

use std::collections::VecDeque;

use freehold_vocabulary::chat::{ChatEvent, ChatRequest, Usage, UsageBasis};
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{
    CacheKind, DataClass, EngineName, RouteRecord, Tier, Timestamp, TraceId,
};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::app::{App, Offer};
use crate::error::ApiError;
use crate::layers::auth::Caller;
use crate::layers::told::tell;
use drive::Drive;

/// Events that may wait for a slow client; beyond them the engine waits.
const EVENTS_WAITING_MAX: usize = 64;

/// Who asks through which endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) caller: Caller,
    /// Protocol and endpoint, such as `chat.completions`.
    pub(crate) endpoint: &'static str,
    pub(crate) at: Timestamp,
    /// What the caller's header says of the data.
    pub(crate) class: Option<DataClass>,
}

/// An answer that has begun.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) about: About,
    begun: VecDeque<ChatEvent>,
    rest: mpsc::Receiver<Step>,
}

/// What the protocols have no fields for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct About {
    pub(crate) trace_id: TraceId,
    /// The model that answers, which is another one after a fallback.
    pub(crate) model: String,
    pub(crate) engine: EngineName,
    pub(crate) tier: Tier,
    pub(crate) data_class: DataClass,
    /// The rule that let the request go to the engine.
    pub(crate) rule: String,
    /// Wishes of the request that the engine could not fulfil.
    pub(crate) ignored_parameters: Vec<String>,
    /// The cache that knew the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<CacheKind>,
    /// Whether what was said may be kept at all.
    #[serde(skip)]
    pub(crate) keeps_content: bool,
    /// How it was decided who answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<Box<RouteRecord>>,
}

/// What comes after the beginning.
#[derive(Debug)]
pub(crate) enum Step {
    Event(ChatEvent),
    /// Everything was sent, and its trace is durable.
    End(Settled),
    Failed(ApiError),
}

/// What is known at the end.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) usage: Usage,
    pub(crate) basis: UsageBasis,
    pub(crate) cost: Option<Cost>,
}

/// Begins an answer. An error means that nothing went out to the caller.
///
/// # Errors
/// When no rule lets the request out, or no engine that may see it answers.
pub(crate) async fn generate(
    app: &App,
    asking: Asking,
    offer: Offer,
    request: ChatRequest,
) -> Result<Answering, ApiError> {
    let offer = allowed(&asking.caller, offer)?;
    let (head, begun) = oneshot::channel();
    let (events, rest) = mpsc::channel(EVENTS_WAITING_MAX);
    let judged = class::judged(app, &asking, &offer, request).await?;
    let drive = Drive::new(app.clone(), asking, offer, judged);
    let heard = drive.heard.clone();
    tokio::spawn(async move { heard.during(drive.run(head, events)).await });
    match begun.await {
        Ok(Ok((about, begun))) => {
            if let Some(word) = about.route.as_deref().and_then(choice::told) {
                tell(word);
            }
            Ok(Answering { about, begun, rest })
        }
        Ok(Err(error)) => Err(error),
        Err(_dropped) => Err(ApiError::Panicked("a generation ended without a word".to_owned())),
    }
}

/// What was asked for must be allowed: the model, and of those that stand in for it the allowed
/// ones stay; or the route between two models, which brings its own. A task was allowed before it
/// asks on anybody's behalf.
///
/// # Errors
/// When it is not.
pub(crate) fn allowed(caller: &Caller, mut offer: Offer) -> Result<Offer, ApiError> {
    if offer.bill.is_some() {
        return Ok(offer);
    }
    if let Some(choice) = &offer.choice {
        caller.expect_allowed(&choice.route.name)?;
        return Ok(offer);
    }
    caller.expect_allowed(&offer.chain[0].model.name)?;
    offer.chain.retain(|it| caller.may_use(&it.model.name));
    Ok(offer)
}

impl Answering {
    /// The next step; after `End` or `Failed` there is none.
    pub(crate) async fn next(&mut self) -> Step {
        match self.begun.pop_front() {
            Some(event) => Step::Event(event),
            None => self.rest.recv().await.unwrap_or_else(cut_off),
        }
    }

    /// As [`Answering::next`], for bodies.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Step> {
        match self.begun.pop_front() {
            Some(event) => std::task::Poll::Ready(Step::Event(event)),
            None => self.rest.poll_recv(context).map(|step| step.unwrap_or_else(cut_off)),
        }
    }

    /// The same answer, which ends only when `finish` is done; `see` is shown every event before.
    /// Dropping what comes back still stops the engine.
    pub(crate) fn before_end<F>(
        mut self,
        mut see: impl FnMut(&ChatEvent) + Send + 'static,
        finish: impl FnOnce(Settled) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Settled, ApiError>> + Send,
    {
        let (events, rest) = mpsc::channel(1);
        let about = self.about.clone();
        tokio::spawn(async move {
            let last = loop {
                let step = tokio::select! {
                    biased;
                    () = events.closed() => return,
                    step = self.next() => step,
                };
                match step {
                    Step::Event(event) => {
                        see(&event);
                        if events.send(Step::Event(event)).await.is_err() {
                            return;
                        }
                    }
                    Step::End(settled) => {
                        break finish(settled).await.map_or_else(Step::Failed, Step::End);
                    }
                    Step::Failed(error) => break Step::Failed(error),
                }
            };
            // The caller may have gone away; then nobody misses it.
            let _ = events.send(last).await;
        });
        Self { about, begun: VecDeque::new(), rest }
    }

    /// Waits for the whole answer.
    pub(crate) async fn whole(
        mut self,
        mut see: impl FnMut(ChatEvent),
    ) -> Result<(About, Settled), ApiError> {
        loop {
            match self.next().await {
                Step::Event(event) => see(event),
                Step::End(settled) => return Ok((self.about, settled)),
                Step::Failed(error) => return Err(error),
            }
        }
    }
}

fn cut_off() -> Step {
    Step::Failed(ApiError::Panicked("a generation ended in the middle".to_owned()))
}

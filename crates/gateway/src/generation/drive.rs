//! One request through the chain of its models, to the end and into the record.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;

use freehold_vocabulary::audit::Word;
use freehold_vocabulary::chat::{ChatError, ChatEvent, ChatRequest, Delivery, Remedy};
use freehold_vocabulary::egress::{Classified, Denied};
use freehold_vocabulary::ports::ChatStream;
use freehold_vocabulary::{Ending, EngineName, TraceId, Try};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

mod cached;
mod resumed;

use cached::Cached;
use resumed::Resumed;

use super::attempts::{self, Heard};
use super::choice::choose;
use super::class::Judged;
use super::record::{Kept, Paid, keeps_content, record};
use super::redaction::{self, Restoring, Sendable};
use super::tally::Tally;
use super::{About, Asking, Settled, Step};
use crate::app::{App, Offer, Offered};
use crate::budget::{Most, Reservation, reserve};
use crate::egress::{Leaving, clear};
use crate::error::ApiError;
use crate::layers::observe::elapsed_us;

/// A request on its way.
#[derive(Debug)]
pub(super) struct Drive {
    app: App,
    asking: Asking,
    offer: Offer,
    request: Classified<ChatRequest>,
    /// What detectors found in it, by kind.
    found: BTreeMap<Word, u64>,
    id: TraceId,
    /// What engines tell of their tries while this request asks them.
    pub(super) heard: Heard,
    tries: Vec<Try>,
    /// None before it is reserved, and after it is settled.
    reserved: Option<Reservation>,
    /// How often the current model took the answer up again.
    resumes: u32,
    /// The model that is being asked, or was the last.
    current: Option<Current>,
    cached: Cached,
}

#[derive(Debug)]
struct Current {
    offered: Offered,
    rule: String,
    /// What the engine was sent.
    sent: Classified<ChatRequest>,
    restoring: Option<Restoring>,
    tally: Tally,
    first_token_us: Option<u64>,
    /// Whether its tries are written down.
    closed: bool,
}

/// The beginning of an answer that the caller may see.
type Head = Result<(About, VecDeque<ChatEvent>), ApiError>;

impl Drive {
    pub(super) fn new(app: App, asking: Asking, offer: Offer, judged: Judged<ChatRequest>) -> Self {
        let id = app.ids.next(asking.at);
        let Judged { request, found } = judged;
        let cached = Cached::new(&app, &asking, &offer, &request, &found);
        let (heard, tries, resumes) = (Heard::default(), Vec::new(), 0);
        Self {
            app,
            asking,
            offer,
            request,
            found,
            id,
            heard,
            tries,
            reserved: None,
            resumes,
            current: None,
            cached,
        }
    }

    /// Answers through both channels. The caller went away when they are closed.
    pub(super) async fn run(mut self, head: oneshot::Sender<Head>, events: mpsc::Sender<Step>) {
        let most = || Most::of_chat(self.request.request(), &self.offer);
        match reserve(&self.app, &self.asking.caller, most).await {
            Ok(reserved) => self.reserved = Some(reserved),
            Err(error) => {
                // Nobody may be there to hear it.
                let _ = head.send(Err(error));
                return;
            }
        }
        let known = tokio::select! {
            biased;
            () = events.closed() => return self.settle_unheard().await,
            known = self.cached.look(&self.app, self.asking.at) => known,
        };
        if let Some(stored) = known {
            return self.answer_again(stored, head, events).await;
        }
        let begun = tokio::select! {
            biased;
            () = events.closed() => None,
            begun = async {
                self.choose().await;
                self.begin().await
            } => Some(begun),
        };
        let (begun, stream) = match begun {
            None => return self.settle_unheard().await,
            Some(Err(error)) => {
                // A request that no engine saw is no answer to keep.
                if self.current.is_some()
                    && let Err(cause) = self.settle(Ending::Failed).await
                {
                    warn!("a failed generation was not recorded: {cause}");
                }
                // Nobody may be there to hear it.
                let _ = head.send(Err(error));
                return;
            }
            Some(Ok(begun)) => begun,
        };
        let about = self.about(&begun);
        if head.send(Ok((about, begun))).is_err() {
            drop(stream);
            return self.settle_unheard().await;
        }
        let ended = match stream {
            None => Ok(Ending::Complete),
            Some(stream) => self.pass_on(stream, &events).await,
        };
        let last = match ended {
            Ok(ending) => self.settle(ending).await.map_or_else(Step::Failed, Step::End),
            Err(error) => {
                let shown = ApiError::Generation(error);
                match self.settle(Ending::Failed).await {
                    Ok(_settled) => Step::Failed(shown),
                    Err(cause) => Step::Failed(cause),
                }
            }
        };
        // The caller may have gone away; then nobody misses it.
        let _ = events.send(last).await;
    }

    /// Settles which chain answers.
    async fn choose(&mut self) {
        let Some(choice) = self.offer.choice.take() else { return };
        let (chain, record) = choose(&self.app, &choice, self.request.request()).await;
        self.offer.chain = chain;
        self.offer.route.gain = Some(record);
    }

    /// Asks one model after the other until one begins to answer. Gives the events that have
    /// come, and the stream if more may come.
    async fn begin(&mut self) -> Result<(VecDeque<ChatEvent>, Option<ChatStream>), ApiError> {
        let mut denied = None;
        let mut failed = None;
        for offered in self.offer.chain.clone() {
            let egress = &self.offer.egress;
            let sendable = redaction::sendable(egress, &offered.model, &self.request).await?;
            self.cached.restart(&self.app);
            let asked = match self.ask(offered, sendable, Tally::default()).await? {
                Ok(asked) => asked,
                Err((refusal, _tally)) => {
                    denied.get_or_insert(refusal);
                    continue;
                }
            };
            let begun = match asked {
                Ok(stream) => self.first_content(stream).await,
                Err(error) => Err(error),
            };
            let error = match begun {
                Ok(begun) => return Ok(begun),
                Err(error) => error,
            };
            let stays = error.remedy() == Remedy::Never;
            self.note(&error);
            failed = Some(error);
            if stays {
                break;
            }
        }
        match (failed, denied) {
            (Some(error), _) => Err(ApiError::Generation(error)),
            (None, Some(refusal)) => Err(refusal.into()),
            (None, None) => Err(ApiError::invalid("the model has no engine")),
        }
    }

    /// Asks one model, if the policy lets the request out to it.
    async fn ask(
        &mut self,
        offered: Offered,
        sendable: Sendable<ChatRequest>,
        tally: Tally,
    ) -> Result<Result<Result<ChatStream, ChatError>, (Denied, Tally)>, ApiError> {
        let leaving = Leaving {
            app: &self.app,
            caller: &self.asking.caller,
            at: self.asking.at,
            trace: &self.id,
            offered: &offered,
            policy: &self.offer.egress.policy,
            found: &self.found,
            replaced: &sendable.replaced,
        };
        let named = sendable.request.with(|it| it.model.clone_from(&offered.model.upstream));
        let cleared = match clear(&leaving, &named).await? {
            Ok(cleared) => cleared,
            Err(refusal) => return Ok(Err((refusal, tally))),
        };
        let rule = cleared.record().rule.clone();
        let first_token_us = self.current.as_ref().and_then(|it| it.first_token_us);
        let first_token_us = first_token_us.filter(|_| tally.is_resumed());
        let engine = offered.model.engine.clone();
        let Sendable { request: sent, restoring, .. } = sendable;
        let closed = false;
        self.current =
            Some(Current { offered, rule, sent, restoring, tally, first_token_us, closed });
        Ok(Ok(engine.chat(cleared).await))
    }

    /// Waits until there is something to show: the first content of a streamed answer, or all of
    /// one that is wanted whole. Until then another model may still be asked.
    async fn first_content(
        &mut self,
        mut stream: ChatStream,
    ) -> Result<(VecDeque<ChatEvent>, Option<ChatStream>), ChatError> {
        let whole = self.request.request().delivery == Delivery::Whole;
        let mut begun = VecDeque::new();
        while let Some(event) = next(&mut stream).await {
            let event = event?;
            let shows = !matches!(event, ChatEvent::Started { .. });
            self.see(&event)?;
            begun.extend(self.restored(event));
            if shows && !whole {
                return Ok((begun, Some(stream)));
            }
        }
        self.whole()?;
        Ok((begun, None))
    }

    /// Hands on what the engine says until it is done or the caller goes away.
    async fn pass_on(
        &mut self,
        mut stream: ChatStream,
        events: &mpsc::Sender<Step>,
    ) -> Result<Ending, ChatError> {
        loop {
            let event = tokio::select! {
                biased;
                () = events.closed() => {
                    drop(stream);
                    self.cancelled();
                    return Ok(Ending::Cancelled);
                }
                event = next(&mut stream) => event,
            };
            let seen = match event {
                None => self.whole().map(|()| None),
                Some(Ok(event)) => self.see(&event).map(|()| Some(event)),
                Some(Err(error)) => Err(error),
            };
            match seen {
                Ok(None) => return Ok(Ending::Complete),
                // It began long ago.
                Ok(Some(ChatEvent::Started { .. })) => {}
                Ok(Some(event)) => {
                    for event in self.restored(event) {
                        if events.send(Step::Event(event)).await.is_err() {
                            drop(stream);
                            self.cancelled();
                            return Ok(Ending::Cancelled);
                        }
                    }
                }
                Err(error) => {
                    drop(stream);
                    self.note(&error);
                    if error.remedy() == Remedy::Never {
                        return Err(error);
                    }
                    match self.resumed(events).await {
                        Resumed::Stream(rest) => stream = rest,
                        Resumed::Left => return Ok(Ending::Cancelled),
                        Resumed::Not => return Err(error),
                    }
                }
            }
        }
    }

    fn see(&mut self, event: &ChatEvent) -> Result<(), ChatError> {
        let now = self.app.parts.clock.now();
        let Some(current) = &mut self.current else { return Ok(()) };
        let shows = !matches!(event, ChatEvent::Started { .. });
        if shows && current.first_token_us.is_none() {
            current.first_token_us = Some(elapsed_us(self.asking.at, now));
        }
        let seen = current.tally.see(event);
        seen.map_err(|cause| ChatError::Malformed {
            engine: current.engine(),
            reason: cause.to_string(),
        })
    }

    /// What the caller sees of an event: originals in place of placeholders.
    fn restored(&mut self, event: ChatEvent) -> Vec<ChatEvent> {
        let events = match self.current.as_mut().and_then(|it| it.restoring.as_mut()) {
            Some(restoring) => restoring.event(event),
            None => vec![event],
        };
        events.iter().for_each(|it| self.cached.see(it));
        events
    }

    fn whole(&self) -> Result<(), ChatError> {
        match &self.current {
            Some(current) if !current.tally.is_finished() => Err(ChatError::Truncated {
                engine: current.engine(),
                reason: "it ended without a reason".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn note(&mut self, error: &ChatError) {
        warn!(trace.id = %self.id, "{error}");
        self.close(Some(error.to_string()));
        if let Some(current) = &self.current {
            current.offered.counters.passed_on();
        }
    }

    fn cancelled(&mut self) {
        self.close(Some(attempts::LEFT.to_owned()));
    }

    /// Writes down what the tries of the current model took, once they are over.
    fn close(&mut self, error: Option<String>) {
        let Some(current) = self.current.as_mut().filter(|it| !it.closed) else { return };
        current.closed = true;
        let known = current.tally.own_usage(current.sent.request());
        self.tries.extend(attempts::tries(
            self.heard.take(),
            &current.offered,
            self.asking.at,
            error,
            known,
        ));
    }

    fn about(&self, begun: &VecDeque<ChatEvent>) -> About {
        let current = self.current.as_ref().expect("an answer that began has an engine");
        let ignored = begun.iter().find_map(|event| match event {
            ChatEvent::Started { ignored, .. } => Some(ignored.clone()),
            _ => None,
        });
        About {
            trace_id: self.id.clone(),
            model: current.offered.model.name.clone(),
            engine: current.engine(),
            tier: current.offered.model.tier,
            data_class: self.request.class(),
            rule: current.rule.clone(),
            ignored_parameters: ignored.unwrap_or_default(),
            cache: self.cached.hit.as_ref().map(|it| it.kind),
            keeps_content: keeps_content(
                self.offer.egress.content,
                &current.offered.model,
                self.request.class(),
            ),
            route: (!self.offer.route.is_empty()).then(|| self.offer.route.clone()),
        }
    }

    /// The caller is gone before anything could be said.
    async fn settle_unheard(mut self) {
        self.cancelled();
        if self.current.is_some()
            && let Err(cause) = self.settle(Ending::Cancelled).await
        {
            warn!("a cancelled generation was not recorded: {cause}");
        }
    }

    /// Counts the answer and makes its trace durable.
    async fn settle(&mut self, ending: Ending) -> Result<Settled, ApiError> {
        self.close(None);
        let current = self.current.take().expect("only an answer with an engine is settled");
        let kept = Kept {
            id: self.id.clone(),
            asking: &self.asking,
            content: self.offer.egress.content,
            class: self.request.class(),
            rule: current.rule,
            offered: &current.offered,
            ending,
            first_token_us: current.first_token_us,
            tries: std::mem::take(&mut self.tries),
            hit: self.cached.hit.clone(),
            route: std::mem::take(&mut self.offer.route),
        };
        // An answer that was taken up again is one to the request as it came: none of it was
        // replaced.
        let asked = if current.tally.is_resumed() { &self.request } else { &current.sent };
        let (bill, id) = (self.offer.bill.clone(), self.id.clone());
        // What is answered again has taken its place among the requests and no tokens.
        let reserved = self.reserved.take().filter(|_| self.cached.hit.is_none());
        let pay = |paid: &Paid| {
            if let Some(bill) = bill {
                bill.add(id, paid.cost.clone());
            }
            if let Some(reserved) = reserved {
                reserved.settle(paid.usage, paid.cost.as_ref());
            }
        };
        let settled = record(&self.app, kept, asked.request(), current.tally, pay).await?;
        if ending == Ending::Complete {
            let model = &current.offered.model.name;
            self.cached.keep(&self.app, model, &self.id, &settled).await;
        }
        Ok(settled)
    }
}

impl Current {
    fn engine(&self) -> EngineName {
        self.offered.model.engine.card().name().clone()
    }
}

async fn next(stream: &mut ChatStream) -> Option<Result<ChatEvent, ChatError>> {
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}

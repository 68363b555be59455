//! The cache's part in the way of one request: the look before anybody is asked, and the keeping
//! after the trace is durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use freehold_routing::semantic::CacheThreshold;
use freehold_vocabulary::audit::Word;
use freehold_vocabulary::chat::{ChatEvent, ChatRequest};
use freehold_vocabulary::egress::Classified;
use freehold_vocabulary::{CacheKind, Digest, Ending, Timestamp, TraceId};
use tokio::sync::{mpsc, oneshot};

use super::{Current, Drive, Head};
use crate::app::{App, Offer};
use crate::caches::{
    CacheStatus, Call, Flight, Found, Hit, Keep, Question, Recorder, Scope, Stored, Wish, call,
    key, may_be_cached,
};
use crate::generation::record::keeps_content;
use crate::generation::tally::Tally;
use crate::generation::{Asking, Settled, Step};

/// What the cache knows of a request on its way.
#[derive(Debug)]
pub(super) struct Cached {
    call: Call,
    /// None where the cache has no part in it.
    wanted: Option<Wanted>,
    /// The answer that was known.
    pub(super) hit: Option<Hit>,
}

#[derive(Debug)]
struct Wanted {
    key: Digest,
    keep: Keep,
    /// Only this model's answer is the answer to the key, not that of one that stood in.
    model: String,
    flight: Option<Flight>,
    recorder: Recorder,
    /// The words that may differ, where questions are compared.
    question: Option<(Question, CacheThreshold)>,
    /// Their vector, once it is known.
    vector: Option<Vec<f32>>,
}

impl Cached {
    /// Must be called by the task that answers the request, which knows the caller's wish.
    pub(super) fn new(
        app: &App,
        asking: &Asking,
        offer: &Offer,
        request: &Classified<ChatRequest>,
        found: &BTreeMap<Word, u64>,
    ) -> Self {
        let call = call();
        let model = &offer.chain[0].model;
        let asked = request.request();
        let takes_part = call.wish != Wish::Bypass && may_be_cached(asked, model.cache.usage);
        let wanted = takes_part.then(|| {
            let scope = Scope::new(&asking.caller.0, request.class(), model);
            let kept = keeps_content(offer.egress.content, model, request.class());
            Wanted {
                key: key(&scope, asked),
                keep: if kept { Keep::Anywhere } else { Keep::InMemory },
                model: model.name.clone(),
                flight: None,
                recorder: Recorder::new(app.caches.entry_bytes_max()),
                // Two questions that differ in a person mean the same to an embedder, and their
                // answers are about different people. A task wants the label of this very text.
                question: model
                    .cache
                    .semantic
                    .filter(|_| found.is_empty() && offer.bill.is_none())
                    .and_then(|it| Some((Question::of(&scope, asked)?, it))),
                vector: None,
            }
        });
        Self { call, wanted, hit: None }
    }

    /// The answer, if it is known.
    pub(super) async fn look(&mut self, app: &App, now: Timestamp) -> Option<Arc<Stored>> {
        let hit = match &mut self.wanted {
            None => None,
            Some(wanted) => wanted.look(app, self.call.wish, now).await,
        };
        let status = match (&self.wanted, &hit) {
            (None, _) => CacheStatus::Bypass,
            (Some(_), None) => CacheStatus::Miss,
            (Some(_), Some(hit)) => CacheStatus::Hit(hit.kind),
        };
        self.call.tell(status);
        app.caches.count(status);
        let hit = hit?;
        app.caches.count_saved(hit.stored.cost.as_ref());
        self.wanted = None;
        let stored = Arc::clone(&hit.stored);
        self.hit = Some(hit);
        Some(stored)
    }

    /// Another model is asked; what the last one said is no part of the answer.
    pub(super) fn restart(&mut self, app: &App) {
        if let Some(wanted) = &mut self.wanted {
            wanted.recorder = Recorder::new(app.caches.entry_bytes_max());
        }
    }

    /// What the caller sees.
    pub(super) fn see(&mut self, event: &ChatEvent) {
        if let Some(wanted) = &mut self.wanted {
            wanted.recorder.see(event);
        }
    }

    /// Keeps a whole answer of the model that was asked.
    pub(super) async fn keep(&mut self, app: &App, model: &str, trace: &TraceId, it: &Settled) {
        let Some(wanted) = self.wanted.take().filter(|it| it.model == model) else { return };
        let Some(events) = wanted.recorder.whole() else { return };
        let stored = Stored {
            events,
            at: app.parts.clock.now(),
            trace: trace.clone(),
            usage: it.usage,
            basis: it.basis,
            cost: it.cost.clone(),
        };
        app.caches.keep(&wanted.key, wanted.keep, stored).await;
        if let (Some((question, _)), Some(vector)) = (wanted.question, wanted.vector) {
            app.caches.answered(question, vector, wanted.key);
        }
        // Now those who wait find it.
        drop(wanted.flight);
    }
}

impl Wanted {
    /// The same question, or one that means the same.
    async fn look(&mut self, app: &App, wish: Wish, now: Timestamp) -> Option<Hit> {
        let found = match wish {
            Wish::Use => app.caches.look(&self.key, self.keep, now).await,
            Wish::Refresh | Wish::Bypass => Found::Miss(app.caches.begin(&self.key)),
        };
        match found {
            Found::Hit(stored) => return Some(Hit { stored, kind: CacheKind::Exact }),
            Found::Miss(flight) => self.flight = flight,
        }
        let (question, threshold) = self.question.as_ref()?;
        let vector = app.caches.vector(question).await?;
        let stored = match wish {
            Wish::Use => app.caches.alike(question, &vector, threshold, now),
            Wish::Refresh | Wish::Bypass => None,
        };
        self.vector = Some(vector);
        Some(Hit { stored: stored?, kind: CacheKind::Semantic })
    }
}

impl Drive {
    /// Answers with what is known: through the same encoder as an answer that comes from an
    /// engine, into the same record, with nothing sent and nothing paid.
    pub(super) async fn answer_again(
        mut self,
        stored: Arc<Stored>,
        head: oneshot::Sender<Head>,
        events: mpsc::Sender<Step>,
    ) {
        let current = Current {
            offered: self.offer.chain[0].clone(),
            rule: "cache".to_owned(),
            sent: self.request.clone(),
            restoring: None,
            tally: Tally::default(),
            first_token_us: None,
            // No engine was asked, so there is no try to write down.
            closed: true,
        };
        self.current = Some(current);
        let begun: VecDeque<ChatEvent> = stored.events.iter().cloned().collect();
        let about = self.about(&begun);
        let seen = begun.iter().try_for_each(|event| self.see(event));
        debug_assert!(seen.is_ok(), "only whole answers are kept: {seen:?}");
        // A caller who went away is recorded like one who stayed: the answer was given.
        let _ = head.send(Ok((about, begun)));
        let last = self.settle(Ending::Complete).await.map_or_else(Step::Failed, Step::End);
        let _ = events.send(last).await;
    }
}

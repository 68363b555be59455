//! The cache's part in the way of one request: the look before anybody is asked, and the keeping
//! after the trace is durable.

use std::collections::VecDeque;
use std::sync::Arc;

use freehold_vocabulary::chat::{ChatEvent, ChatRequest};
use freehold_vocabulary::egress::Classified;
use freehold_vocabulary::{CacheKind, Digest, Ending, Timestamp, TraceId};
use tokio::sync::{mpsc, oneshot};

use super::{Current, Drive, Head};
use crate::app::{App, Offer};
use crate::caches::{
    CacheStatus, Call, Flight, Found, Keep, Recorder, Scope, Stored, Wish, call, key, may_be_cached,
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
    pub(super) hit: Option<Arc<Stored>>,
}

#[derive(Debug)]
struct Wanted {
    key: Digest,
    keep: Keep,
    /// Only this model's answer is the answer to the key, not that of one that stood in.
    model: String,
    flight: Option<Flight>,
    recorder: Recorder,
}

impl Cached {
    /// Must be called by the task that answers the request, which knows the caller's wish.
    pub(super) fn new(
        app: &App,
        asking: &Asking,
        offer: &Offer,
        request: &Classified<ChatRequest>,
    ) -> Self {
        let call = call();
        let model = &offer.chain[0].model;
        let asked = request.request();
        let takes_part = call.wish != Wish::Bypass && may_be_cached(asked, model.cache);
        let wanted = takes_part.then(|| {
            let scope = Scope::new(&asking.caller.0, request.class(), model);
            let kept = keeps_content(offer.egress.content, model, request.class());
            Wanted {
                key: key(&scope, asked),
                keep: if kept { Keep::Anywhere } else { Keep::InMemory },
                model: model.name.clone(),
                flight: None,
                recorder: Recorder::new(app.caches.entry_bytes_max()),
            }
        });
        Self { call, wanted, hit: None }
    }

    /// The answer, if it is known.
    pub(super) async fn look(&mut self, app: &App, now: Timestamp) -> Option<Arc<Stored>> {
        let found = match &self.wanted {
            None => None,
            Some(wanted) if self.call.wish == Wish::Refresh => {
                Some(Found::Miss(app.caches.begin(&wanted.key)))
            }
            Some(wanted) => Some(app.caches.look(&wanted.key, wanted.keep, now).await),
        };
        let status = match &found {
            None => CacheStatus::Bypass,
            Some(Found::Miss(_)) => CacheStatus::Miss,
            Some(Found::Hit(_)) => CacheStatus::Hit(CacheKind::Exact),
        };
        self.call.tell(status);
        app.caches.count(status);
        match found? {
            Found::Hit(stored) => {
                app.caches.count_saved(stored.cost.as_ref());
                self.wanted = None;
                self.hit = Some(Arc::clone(&stored));
                Some(stored)
            }
            Found::Miss(flight) => {
                if let Some(wanted) = &mut self.wanted {
                    wanted.flight = flight;
                }
                None
            }
        }
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
        // Now those who wait find it.
        drop(wanted.flight);
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
            tally: Tally::default(),
            first_token_us: None,
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

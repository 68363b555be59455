//! What waits for one model, and how it is computed together.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use freehold_vocabulary::ports::{Classifier, ClassifyError, EngineError, Scored};
use tokio::sync::{oneshot, watch};
use tracing::error;

use super::LocalLimits;

type Reply = oneshot::Sender<Result<Vec<Scored>, EngineError>>;

/// One request.
pub(super) struct Work {
    texts: Vec<String>,
    bytes: usize,
    reply: Reply,
}

impl Work {
    pub(super) fn new(texts: Vec<String>, reply: Reply) -> Self {
        let bytes = texts.iter().map(String::len).sum();
        Self { texts, bytes, reply }
    }
}

/// There is no room, or the engine is being closed.
#[derive(Debug)]
pub(super) struct Full;

/// Requests of one engine.
pub(super) struct Queue {
    engine: String,
    classifier: Arc<dyn Classifier>,
    limits: LocalLimits,
    state: Mutex<State>,
    /// Requests accepted and not yet answered or taken back.
    open: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(u64, Work)>,
    texts: usize,
    bytes: usize,
    next_id: u64,
    closed: bool,
}

/// Takes a request back when its caller is gone.
pub(super) struct Ticket<'a> {
    queue: &'a Queue,
    id: u64,
}

impl<'a> Ticket<'a> {
    pub(super) fn new(queue: &'a Queue, id: u64) -> Self {
        Self { queue, id }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.queue.take_back(self.id);
    }
}

impl State {
    fn remove(&mut self, index: usize) -> Option<Work> {
        let (_, work) = self.waiting.remove(index)?;
        self.texts -= work.texts.len();
        self.bytes -= work.bytes;
        Some(work)
    }
}

impl Queue {
    pub(super) fn new(
        engine: String,
        classifier: Arc<dyn Classifier>,
        limits: LocalLimits,
    ) -> Self {
        let open = watch::Sender::new(0);
        Self { engine, classifier, limits, state: Mutex::default(), open }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Models never run under this lock, so what it guards is whole even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting_texts(&self) -> usize {
        self.state().texts
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// Returns when no request is open.
    pub(super) async fn emptied(&self) {
        let mut open = self.open.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        drop(open.wait_for(|count| *count == 0).await);
    }

    /// Accepts a request if there is room.
    pub(super) fn push(&self, work: Work) -> Result<u64, Full> {
        let mut state = self.state();
        let (texts, bytes) = (state.texts + work.texts.len(), state.bytes + work.bytes);
        let (texts_max, bytes_max) = (self.limits.waiting_texts_max, self.limits.waiting_bytes_max);
        if state.closed || texts > texts_max.get() || bytes > bytes_max.get() {
            return Err(Full);
        }
        (state.texts, state.bytes) = (texts, bytes);
        let id = state.next_id;
        state.next_id += 1;
        state.waiting.push_back((id, work));
        self.open.send_modify(|count| *count += 1);
        Ok(id)
    }

    fn take_back(&self, id: u64) {
        let mut state = self.state();
        // Ids grow from front to back.
        if let Ok(index) = state.waiting.binary_search_by_key(&id, |(id, _)| *id)
            && state.remove(index).is_some()
        {
            self.open.send_modify(|count| *count -= 1);
        }
    }

    /// The oldest requests that fit a batch; at least one if any waits.
    fn take_batch(&self) -> Vec<Work> {
        let mut state = self.state();
        let mut batch: Vec<Work> = Vec::new();
        let (mut texts, mut bytes) = (0, 0);
        while let Some((_, next)) = state.waiting.front() {
            texts += next.texts.len();
            bytes += next.bytes;
            let fits = texts <= self.limits.batch_texts_max.get()
                && bytes <= self.limits.batch_bytes_max.get();
            if !batch.is_empty() && !fits {
                break;
            }
            batch.extend(state.remove(0));
        }
        batch
    }

    /// Computes and answers one batch; does nothing if an earlier batch took everything.
    pub(super) fn compute_batch(&self) {
        let batch = self.take_batch();
        let count = batch.len();
        if let [_, _, ..] = &batch[..] {
            let texts: Vec<&str> =
                batch.iter().flat_map(|work| &work.texts).map(String::as_str).collect();
            if let Ok(scored) = self.classify(&texts) {
                let mut scored = scored.into_iter();
                for work in batch {
                    let answer = scored.by_ref().take(work.texts.len()).collect();
                    self.answer(work.reply, Ok(answer));
                }
                return;
            }
            // One of them is at fault; the others must not suffer for it.
        }
        for work in batch {
            let texts: Vec<&str> = work.texts.iter().map(String::as_str).collect();
            let answer = self.classify(&texts).map_err(|fault| self.explain(fault));
            self.answer(work.reply, answer);
        }
        debug_assert!(count <= self.limits.batch_texts_max.get() || count == 1);
    }

    fn classify(&self, texts: &[&str]) -> Result<Vec<Scored>, Fault> {
        // A panicking model leaves no broken state behind: classifiers are shared read-only.
        let classified = catch_unwind(AssertUnwindSafe(|| self.classifier.classify(texts)));
        let scored = classified.map_err(|panic| Fault::Panic(message_of(&*panic)))?;
        let scored = scored.map_err(Fault::Classify)?;
        if scored.len() == texts.len() {
            return Ok(scored);
        }
        let (answers, asked) = (scored.len(), texts.len());
        Err(Fault::Panic(format!("the model gave {answers} answers for {asked} texts")))
    }

    fn explain(&self, fault: Fault) -> EngineError {
        let engine = self.engine.clone();
        match fault {
            Fault::Classify(ClassifyError::Text { position, reason }) => {
                EngineError::Refused { engine, position, reason }
            }
            Fault::Classify(error @ ClassifyError::NotFinite { .. }) => {
                EngineError::Broken { engine, reason: error.to_string() }
            }
            Fault::Panic(reason) => {
                error!(engine.name = %engine, reason, "the model of engine `{engine}` panicked");
                EngineError::Broken { engine, reason: format!("the model panicked: {reason}") }
            }
        }
    }

    fn answer(&self, reply: Reply, answer: Result<Vec<Scored>, EngineError>) {
        // The caller may be gone: then nobody misses the answer.
        drop(reply.send(answer));
        self.open.send_modify(|count| *count -= 1);
    }
}

enum Fault {
    Classify(ClassifyError),
    Panic(String),
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

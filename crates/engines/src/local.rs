//! The engine for models in this process.
//!
//! Requests wait in a bounded queue; a worker takes what is waiting, up to a batch, and computes
//! it at once. Nothing ever waits for a batch to fill: when workers are idle a request is
//! computed alone, when they are busy the queue fills by itself.

mod bases;
mod embedder;
mod pool;
mod queue;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use freehold_vocabulary::ports::{Classifier, Engine, EngineCard, EngineError, Scored};
use tokio::sync::oneshot;

pub use bases::BaseCache;
pub use embedder::{Embedding, LocalEmbedder};
pub use pool::WorkerPool;
use queue::{Full, Queue, Ticket, Work};

/// How much may wait and travel together.
#[derive(Debug, Clone, Copy)]
pub struct LocalLimits {
    /// Texts that may wait, all requests together; a larger request is refused.
    pub waiting_texts_max: NonZeroUsize,
    /// Bytes of text that may wait.
    pub waiting_bytes_max: NonZeroUsize,
    /// Requests are joined up to so many texts.
    pub batch_texts_max: NonZeroUsize,
    /// And up to so many bytes: a token has about four. This bounds what a short request can
    /// wait for beside long ones.
    pub batch_bytes_max: NonZeroUsize,
    /// What a caller is told when the queue is full.
    pub retry_after: Duration,
}

impl Default for LocalLimits {
    fn default() -> Self {
        let of = |number| NonZeroUsize::new(number).expect("the number is not zero");
        Self {
            waiting_texts_max: of(4096),
            waiting_bytes_max: of(16 << 20),
            batch_texts_max: of(32),
            batch_bytes_max: of(4096),
            retry_after: Duration::from_millis(100),
        }
    }
}

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The threads that compute; engines may share them.
    pub pool: Arc<WorkerPool>,
    pub limits: LocalLimits,
}

/// A model in this process behind a queue.
pub struct LocalEngine {
    card: EngineCard,
    limits: LocalLimits,
    queue: Arc<Queue>,
    pool: Arc<WorkerPool>,
}

impl fmt::Debug for LocalEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("LocalEngine");
        out.field("name", &self.card.name).field("version", &self.card.version);
        out.finish_non_exhaustive()
    }
}

impl LocalEngine {
    /// An engine that answers with `classifier` on the threads of the pool.
    #[must_use]
    pub fn start(
        card: EngineCard,
        classifier: Arc<dyn Classifier>,
        options: LocalOptions,
    ) -> Arc<Self> {
        let LocalOptions { pool, limits } = options;
        let queue = Arc::new(Queue::new(card.name.clone(), classifier, limits));
        Arc::new(Self { card, limits, queue, pool })
    }

    /// Texts that wait now.
    #[must_use]
    pub fn waiting_texts(&self) -> usize {
        self.queue.waiting_texts()
    }

    /// Takes no more requests (they are told to retry) and returns when every accepted one has
    /// been answered. Dropping the future leaves the engine closed.
    pub async fn drain(&self) {
        self.queue.close();
        self.queue.emptied().await;
    }

    fn refusal(&self, texts: &[String]) -> Option<EngineError> {
        let (texts_max, bytes_max) = (self.limits.waiting_texts_max, self.limits.waiting_bytes_max);
        let mut bytes = 0;
        for (position, text) in texts.iter().enumerate() {
            bytes += text.len();
            let reason = if position >= texts_max.get() {
                format!("a request may have {texts_max} texts")
            } else if bytes > bytes_max.get() {
                format!("a request may have {bytes_max} bytes of text")
            } else {
                continue;
            };
            return Some(EngineError::Refused { engine: self.card.name.clone(), position, reason });
        }
        None
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn card(&self) -> &EngineCard {
        &self.card
    }

    async fn answer(&self, texts: Vec<String>) -> Result<Vec<Scored>, EngineError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(refusal) = self.refusal(&texts) {
            return Err(refusal);
        }
        let (reply, answer) = oneshot::channel();
        let id = self.queue.push(Work::new(texts, reply)).map_err(|Full| EngineError::Busy {
            engine: self.card.name.clone(),
            retry_after: self.limits.retry_after,
        })?;
        // Dropped with this future: what still waits is taken back.
        let _ticket = Ticket::new(&self.queue, id);
        self.pool.announce(Arc::clone(&self.queue));
        answer.await.unwrap_or_else(|_| {
            let reason = "the request was lost".to_owned();
            Err(EngineError::Broken { engine: self.card.name.clone(), reason })
        })
    }
}

#[cfg(test)]
mod tests;

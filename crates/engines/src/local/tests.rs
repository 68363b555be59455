use std::sync::Mutex as StdMutex;
use std::sync::mpsc;

use freehold_vocabulary::ports::ClassifyError;
use freehold_vocabulary::{Digest, Label, LabelMode, LabelSet, Tier};
use tokio::sync::mpsc as async_mpsc;

use super::*;

/// A model under the test's control: it says which texts it got and waits for permission.
#[derive(Debug)]
struct Puppet {
    labels: LabelSet,
    entered: async_mpsc::UnboundedSender<Vec<String>>,
    permission: StdMutex<mpsc::Receiver<()>>,
}

impl Classifier for Puppet {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }
    fn mode(&self) -> LabelMode {
        LabelMode::Single
    }
    fn classify(&self, texts: &[&str]) -> Result<Vec<Scored>, ClassifyError> {
        self.entered.send(texts.iter().map(|text| (*text).to_owned()).collect()).unwrap();
        self.permission.lock().unwrap_or_else(|error| error.into_inner()).recv().unwrap();
        if texts.contains(&"panic") {
            panic!("the puppet was told to");
        }
        if let Some(position) = texts.iter().position(|text| *text == "bad") {
            return Err(ClassifyError::Text { position, reason: "it is bad".to_owned() });
        }
        let score = |text: &&str| Scored {
            logits: vec![text.len() as f32],
            embedding: Vec::new(),
            tokens: text.len() as u32,
        };
        Ok(texts.iter().map(score).collect())
    }
}

struct Stage {
    engine: Arc<LocalEngine>,
    entered: async_mpsc::UnboundedReceiver<Vec<String>>,
    permit: mpsc::Sender<()>,
}

impl Stage {
    fn new(limits: LocalLimits) -> Self {
        let (entered_sender, entered) = async_mpsc::unbounded_channel();
        let (permit, permission) = mpsc::channel();
        let labels = LabelSet::sorted([Label::parse("one").unwrap()]);
        let puppet = Puppet {
            labels: labels.clone(),
            entered: entered_sender,
            permission: StdMutex::new(permission),
        };
        let version = Digest::of("puppet");
        let card = EngineCard { name: "puppet".to_owned(), tier: Tier::Small, version, labels };
        let pool = WorkerPool::start(NonZeroUsize::MIN).unwrap();
        let engine = LocalEngine::start(card, Arc::new(puppet), LocalOptions { pool, limits });
        Self { engine, entered, permit }
    }

    /// Sends a request on its way and returns when it waits or runs.
    async fn ask(
        &self,
        texts: &[&str],
    ) -> tokio::task::JoinHandle<Result<Vec<Scored>, EngineError>> {
        let engine = Arc::clone(&self.engine);
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let asked = tokio::spawn(async move { engine.answer(texts).await });
        // On this single-threaded runtime the task runs up to its first wait.
        tokio::task::yield_now().await;
        asked
    }

    async fn entered(&mut self) -> Vec<String> {
        self.entered.recv().await.unwrap()
    }
}

fn lengths(answer: Result<Vec<Scored>, EngineError>) -> Vec<u32> {
    answer.unwrap().iter().map(|scored| scored.tokens).collect()
}

fn of(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[tokio::test]
async fn an_idle_engine_computes_at_once_and_a_busy_one_batches_what_waits() {
    let mut stage = Stage::new(LocalLimits::default());
    let first = stage.ask(&["a"]).await;
    assert_eq!(stage.entered().await, ["a"]);
    let second = stage.ask(&["bb", "ccc"]).await;
    let third = stage.ask(&["dddd"]).await;
    assert_eq!(stage.engine.waiting_texts(), 3);
    stage.permit.send(()).unwrap();
    assert_eq!(stage.entered().await, ["bb", "ccc", "dddd"]);
    stage.permit.send(()).unwrap();
    assert_eq!(lengths(first.await.unwrap()), [1]);
    assert_eq!(lengths(second.await.unwrap()), [2, 3]);
    assert_eq!(lengths(third.await.unwrap()), [4]);
}

#[tokio::test]
async fn a_batch_has_limits_and_a_larger_request_travels_alone() {
    let limits =
        LocalLimits { batch_texts_max: of(2), batch_bytes_max: of(10), ..LocalLimits::default() };
    let mut stage = Stage::new(limits);
    let mut asked = vec![stage.ask(&["first"]).await];
    assert_eq!(stage.entered().await, ["first"]);
    for texts in [&["a"][..], &["b", "c", "d"], &["e"], &["12345678901"], &["f"]] {
        asked.push(stage.ask(texts).await);
    }
    for expected in [&["a"][..], &["b", "c", "d"], &["e"], &["12345678901"], &["f"]] {
        stage.permit.send(()).unwrap();
        assert_eq!(stage.entered().await, expected);
    }
    stage.permit.send(()).unwrap();
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_full_queue_says_busy_and_an_impossible_request_is_refused() {
    let limits = LocalLimits {
        waiting_texts_max: of(2),
        waiting_bytes_max: of(8),
        ..LocalLimits::default()
    };
    let mut stage = Stage::new(limits);
    let first = stage.ask(&["a"]).await;
    stage.entered().await;
    let second = stage.ask(&["b", "c"]).await;
    let answer = stage.ask(&["d"]).await.await.unwrap();
    assert!(matches!(answer, Err(EngineError::Busy { .. })), "{answer:?}");
    let answer = stage.ask(&["d", "e", "f"]).await.await.unwrap();
    assert!(matches!(answer, Err(EngineError::Refused { position: 2, .. })), "{answer:?}");
    let answer = stage.ask(&["123456789"]).await.await.unwrap();
    assert!(matches!(answer, Err(EngineError::Refused { position: 0, .. })), "{answer:?}");
    stage.permit.send(()).unwrap();
    stage.permit.send(()).unwrap();
    assert_eq!(lengths(first.await.unwrap()), [1]);
    assert_eq!(lengths(second.await.unwrap()), [1, 1]);
}

#[tokio::test]
async fn a_caller_that_leaves_takes_its_request_along() {
    let mut stage = Stage::new(LocalLimits::default());
    let first = stage.ask(&["a"]).await;
    stage.entered().await;
    let leaving = stage.ask(&["bb"]).await;
    let staying = stage.ask(&["ccc"]).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    assert_eq!(stage.engine.waiting_texts(), 1);
    // One that leaves while it is computed does not disturb the worker either.
    first.abort();
    stage.permit.send(()).unwrap();
    assert_eq!(stage.entered().await, ["ccc"]);
    stage.permit.send(()).unwrap();
    assert_eq!(lengths(staying.await.unwrap()), [3]);
    stage.engine.drain().await;
}

#[tokio::test]
async fn a_panic_or_a_bad_text_harms_only_its_own_request() {
    let mut stage = Stage::new(LocalLimits::default());
    let first = stage.ask(&["a"]).await;
    stage.entered().await;
    let fine = stage.ask(&["fine"]).await;
    let broken = stage.ask(&["panic"]).await;
    let refused = stage.ask(&["ok", "bad"]).await;
    // The first, then the three together, then each alone.
    for _ in 0..5 {
        stage.permit.send(()).unwrap();
    }
    assert_eq!(lengths(first.await.unwrap()), [1]);
    assert_eq!(lengths(fine.await.unwrap()), [4]);
    let answer = broken.await.unwrap();
    assert!(
        matches!(&answer, Err(EngineError::Broken { reason, .. }) if reason.contains("told to")),
        "{answer:?}"
    );
    let answer = refused.await.unwrap();
    assert!(matches!(answer, Err(EngineError::Refused { position: 1, .. })), "{answer:?}");
    let after = stage.ask(&["again"]).await;
    stage.permit.send(()).unwrap();
    assert_eq!(lengths(after.await.unwrap()), [5]);
}

#[tokio::test]
async fn draining_answers_what_was_accepted_and_nothing_new() {
    let mut stage = Stage::new(LocalLimits::default());
    let first = stage.ask(&["a"]).await;
    stage.entered().await;
    let second = stage.ask(&["bb"]).await;
    let engine = Arc::clone(&stage.engine);
    let drained = tokio::spawn(async move { engine.drain().await });
    tokio::task::yield_now().await;
    assert!(!drained.is_finished());
    let late = stage.ask(&["late"]).await.await.unwrap();
    assert!(matches!(late, Err(EngineError::Busy { .. })), "{late:?}");
    stage.permit.send(()).unwrap();
    stage.permit.send(()).unwrap();
    assert_eq!(lengths(first.await.unwrap()), [1]);
    assert_eq!(lengths(second.await.unwrap()), [2]);
    drained.await.unwrap();
}

#[tokio::test]
async fn no_texts_is_no_work() {
    let stage = Stage::new(LocalLimits::default());
    assert!(stage.engine.answer(Vec::new()).await.unwrap().is_empty());
}

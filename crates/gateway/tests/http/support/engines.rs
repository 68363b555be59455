//! An engine that counts words: the logit of a label is how often the text says it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use freehold_routing::certificate::{Finding, Subject, Tally};
use freehold_routing::conformal::{Grouping, SetScore};
use freehold_routing::{Calibration, Certificate, Conformal, Terms, TierPolicy};
use freehold_vocabulary::ports::{Engine, EngineCard, EngineError, Scored};
use freehold_vocabulary::{
    Confidence, Digest, Label, LabelMode, LabelSet, Probability, PromiseScope, TaskName, Tier,
    Timestamp,
};
use tokio::sync::Semaphore;

/// Logits per word: one mention gives about 0.95 among three labels.
const SURE: f32 = 3.6;

#[derive(Debug)]
pub struct WordEngine {
    card: EngineCard,
    mode: LabelMode,
    /// Also understands capital letters and plurals.
    fluent: bool,
    behaviour: Behaviour,
    /// Calls that have begun and not ended.
    pub running: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Default)]
pub enum Behaviour {
    #[default]
    Answer,
    /// Answers when the test adds a permit.
    Wait(Arc<Semaphore>),
    Busy,
    Broken,
    Refuse,
    Panic,
    /// Gives fewer answers than texts.
    Short,
}

impl WordEngine {
    pub fn new(tier: Tier, labels: &[&str]) -> Self {
        let parsed = labels.iter().map(|it| Label::parse(it).unwrap()).collect();
        let card = EngineCard {
            name: format!("words-{tier}"),
            tier,
            version: Digest::of(format!("{tier} {labels:?}")),
            labels: LabelSet::new(parsed).unwrap(),
        };
        let running = Arc::default();
        Self { card, mode: LabelMode::Single, fluent: false, behaviour: Behaviour::Answer, running }
    }

    pub fn version(mut self, name: &str) -> Self {
        self.card.version = Digest::of(name);
        self
    }

    pub fn fluent(mut self) -> Self {
        self.fluent = true;
        self
    }

    pub fn multi(mut self) -> Self {
        self.mode = LabelMode::Multi;
        self
    }

    pub fn behaves(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    fn score(&self, text: &str) -> Scored {
        let heard = if self.fluent {
            text.to_lowercase().replace("bills", "billing")
        } else {
            text.to_owned()
        };
        let words: Vec<&str> = heard.split_whitespace().collect();
        let says = |label: &Label| words.iter().filter(|word| **word == label.as_str()).count();
        let base = match self.mode {
            LabelMode::Single => 0.0,
            LabelMode::Multi => -SURE,
        };
        let scale = match self.mode {
            LabelMode::Single => SURE,
            LabelMode::Multi => 2.0 * SURE,
        };
        let labels = self.card.labels.as_slice().iter();
        let logits = labels.map(|it| base + scale * says(it).min(9) as f32).collect();
        Scored { logits, embedding: Vec::new(), tokens: words.len() as u32 }
    }
}

/// Counts a call for as long as it runs, also when it is dropped.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Engine for WordEngine {
    fn card(&self) -> &EngineCard {
        &self.card
    }

    async fn answer(&self, texts: Vec<String>) -> Result<Vec<Scored>, EngineError> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(self.running.clone());
        let engine = self.card.name.clone();
        match &self.behaviour {
            Behaviour::Answer => {}
            Behaviour::Wait(permits) => permits.acquire().await.unwrap().forget(),
            Behaviour::Busy => {
                return Err(EngineError::Busy { engine, retry_after: Duration::from_millis(2500) });
            }
            Behaviour::Broken => {
                return Err(EngineError::Broken { engine, reason: "secret detail".into() });
            }
            Behaviour::Refuse => {
                return Err(EngineError::Refused { engine, position: 0, reason: "odd".into() });
            }
            Behaviour::Panic => panic!("secret panic"),
            Behaviour::Short => return Ok(Vec::new()),
        }
        Ok(texts.iter().map(|text| self.score(text)).collect())
    }
}

/// Keeps an answer of which the engine is at least 90 % sure, under a certificate of its own.
pub fn policy(engine: &WordEngine) -> Arc<TierPolicy> {
    let labels = engine.card.labels.len();
    // Ten examples of each label, nine of them as sure as one mention makes it.
    let examples: Vec<(Vec<f64>, Vec<u32>)> = (0..10 * labels)
        .map(|n| {
            let (label, sure) = (n % labels, if n < labels { 0.5 } else { 0.95 });
            let rest = (1.0 - sure) / (labels - 1) as f64;
            let probabilities = (0..labels).map(|it| if it == label { sure } else { rest });
            (probabilities.collect(), vec![label as u32])
        })
        .collect();
    let miss = Probability::new(0.1).unwrap();
    let (score, grouping) = (SetScore::LeastAmbiguous, Grouping::Marginal);
    let conformal = Conformal::fit(engine.mode, &examples, score, grouping, miss).unwrap();
    Arc::new(TierPolicy {
        mode: engine.mode,
        labels,
        calibration: Calibration::none(engine.mode),
        ood: None,
        conformal: Some(conformal),
        certificate: Some(certificate(engine)),
    })
}

fn certificate(engine: &WordEngine) -> Certificate {
    let subject = Subject {
        task: TaskName::parse("tickets").unwrap(),
        tier: engine.card.tier,
        model: engine.card.version.clone(),
        dataset: Digest::of("calibration data"),
        calibrated_at: Timestamp::from_micros(0),
        after: Vec::new(),
    };
    let error_at_most = Probability::new(0.05).unwrap();
    let terms = Terms { error_at_most, confidence: Confidence::P95, promise: PromiseScope::Tier };
    let finding = Finding {
        threshold: Some(0.9),
        n: 500,
        kept: 400,
        errors: 10,
        upper_bound: 0.045,
        counted: Tally { answers: 400, errors: 10 },
        shortfall: None,
    };
    Certificate::new(subject, terms, finding)
}

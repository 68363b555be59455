//! A generating engine that says what a test tells it to, for what protocols make of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use freehold_economics::PriceList;
use freehold_gateway::{CacheRule, Egress, GenerativeModel, ModelPrice, Portfolio};
use freehold_vocabulary::chat::{
    ChatError, ChatEvent, ChatRequest, EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest,
    ModerationAnswer, ModerationRequest, ModerationResult, Opening, Part, Protocol, StopReason,
    Usage,
};
use freehold_vocabulary::egress::{Allow, Cleared, EgressPolicy, EngineClearance, Place};
use freehold_vocabulary::ports::{
    ChatEngine, ChatEngineCard, ChatStream, Health, OfferedModel, Resuming,
};
use freehold_vocabulary::{DataClass, EngineName, Tier};

/// What the engine says to every request, and what it was asked.
#[derive(Debug)]
pub struct Scripted {
    card: ChatEngineCard,
    script: Mutex<Vec<Line>>,
    /// What it says when it is to go on with an answer; none if it cannot.
    rest: Mutex<Option<Vec<Line>>>,
    pub asked: Mutex<Vec<ChatRequest>>,
    /// Streams that live.
    pub open: Arc<AtomicUsize>,
}

/// One step of a script.
#[derive(Debug, Clone)]
pub enum Line {
    Say(ChatEvent),
    Fail(ChatError),
    /// Nothing more, ever.
    Stall,
}

impl Scripted {
    pub fn new(name: &str, clearance: DataClass, script: Vec<Line>) -> Arc<Self> {
        let engine = EngineName::parse(name).unwrap();
        let clearance = EngineClearance {
            place: Place::Remote,
            owner: Some("acme".to_owned()),
            ..EngineClearance::here(engine, clearance)
        };
        let card = ChatEngineCard { clearance, protocol: Protocol::OpenAi, provider: "scripted" };
        let (script, asked) = (Mutex::new(script), Mutex::default());
        Arc::new(Self { card, script, rest: Mutex::default(), asked, open: Arc::default() })
    }

    /// From now on it says this.
    pub fn says(&self, script: Vec<Line>) {
        *self.script.lock().unwrap() = script;
    }

    /// From now on it goes on with answers that were cut off, and says this.
    pub fn goes_on(&self, rest: Vec<Line>) {
        *self.rest.lock().unwrap() = Some(rest);
    }

    /// The last request.
    pub fn last(&self) -> ChatRequest {
        self.asked.lock().unwrap().last().cloned().unwrap()
    }

    pub fn times(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn error(&self, kind: &str) -> ChatError {
        let engine = self.card.name().clone();
        match kind {
            "refused" => ChatError::Refused {
                engine,
                status: 400,
                code: Some("context_length_exceeded".to_owned()),
                message: "too long".to_owned(),
            },
            "unavailable" => ChatError::Unavailable {
                engine,
                status: 503,
                retry_after: None,
                message: "secret detail".to_owned(),
            },
            "unauthorised" => {
                ChatError::Unauthorised { engine, status: 401, message: "secret key".to_owned() }
            }
            "truncated" => {
                ChatError::Truncated { engine, reason: "the connection ended".to_owned() }
            }
            other => panic!("{other}"),
        }
    }
}

/// Counts a stream for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The rest of a script as a stream.
struct Reading {
    left: VecDeque<Line>,
    _open: Open,
}

impl futures_core::Stream for Reading {
    type Item = Result<ChatEvent, ChatError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        match self.left.pop_front() {
            None => Poll::Ready(None),
            Some(Line::Say(event)) => Poll::Ready(Some(Ok(event))),
            Some(Line::Fail(error)) => Poll::Ready(Some(Err(error))),
            Some(Line::Stall) => {
                self.left.push_front(Line::Stall);
                Poll::Pending
            }
        }
    }
}

#[async_trait]
impl ChatEngine for Scripted {
    fn card(&self) -> &ChatEngineCard {
        &self.card
    }

    async fn chat(&self, request: Cleared<ChatRequest>) -> Result<ChatStream, ChatError> {
        let request = request.open(&self.card.clearance)?.clone();
        let script = match request.opening {
            Opening::New => self.script.lock().unwrap().clone(),
            Opening::Resume => self.rest.lock().unwrap().clone().expect("it said that it can"),
        };
        self.asked.lock().unwrap().push(request);
        if let Some(Line::Fail(error)) = script.first() {
            return Err(error.clone());
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(self.open.clone());
        Ok(Box::pin(Reading { left: script.into(), _open: open }))
    }

    async fn embed(
        &self,
        request: Cleared<EmbeddingsRequest>,
    ) -> Result<EmbeddingsAnswer, ChatError> {
        let request = request.open(&self.card.clearance)?;
        if let Some(Line::Fail(error)) = self.script.lock().unwrap().first() {
            return Err(error.clone());
        }
        let length = |input: &EmbeddingsInput| match input {
            EmbeddingsInput::Text(text) => text.len() as f32,
            EmbeddingsInput::Tokens(tokens) => tokens.len() as f32,
        };
        let embeddings: Vec<Vec<f32>> =
            request.inputs.iter().map(|it| vec![length(it), 0.5]).collect();
        let input_tokens = 3 * embeddings.len() as u64;
        Ok(EmbeddingsAnswer {
            model: request.model.clone(),
            embeddings,
            usage: Some(Usage { input_tokens, ..Usage::default() }),
            ignored: Vec::new(),
        })
    }

    async fn moderate(
        &self,
        request: Cleared<ModerationRequest>,
    ) -> Result<ModerationAnswer, ChatError> {
        let request = request.open(&self.card.clearance)?;
        if let Some(Line::Fail(error)) = self.script.lock().unwrap().first() {
            return Err(error.clone());
        }
        let results = request.inputs.iter().map(|parts| {
            let flagged =
                parts.iter().any(|it| matches!(it, Part::Text { text } if text == "hate"));
            let found = |it: &str| (it.to_owned(), vec!["text".to_owned()]);
            ModerationResult {
                flagged,
                categories: [("hate".to_owned(), flagged)].into(),
                scores: [("hate".to_owned(), if flagged { 0.75 } else { 0.25 })].into(),
                found_in: [found("hate")].into(),
            }
        });
        let (results, model) = (results.collect(), request.model.clone());
        Ok(ModerationAnswer { model, results })
    }

    fn resumes(&self) -> Resuming {
        if self.rest.lock().unwrap().is_some() { Resuming::Yes } else { Resuming::No }
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, ChatError> {
        Ok(Vec::new())
    }

    async fn health(&self) -> Result<Health, ChatError> {
        Ok(Health { version: None, probe: "none".to_owned() })
    }
}

pub fn model(name: &str, engine: &Arc<Scripted>, fallback: &[&str]) -> Arc<GenerativeModel> {
    let prices = format!(
        "[[price]]\nmodel = \"{name}\"\nvalid_from = \"2026-01-01\"\ncurrency = \"USD\"\ninput_per_million = 2.5\noutput_per_million = 10\nas_of = \"2026-01-01\"\nsource = \"test\"\n"
    );
    let price = PriceList::parse(&prices).unwrap().find(name).unwrap().clone();
    Arc::new(GenerativeModel {
        name: name.to_owned(),
        engine: engine.clone(),
        upstream: format!("{name}-2026-11-01"),
        tier: Tier::Frontier,
        price: ModelPrice::Known(price),
        data_class: None,
        cache: CacheRule::default(),
        redaction: None,
        fallback: fallback.iter().map(|it| (*it).to_owned()).collect(),
    })
}

/// The tickets, and these models; every engine has the rule of its own clearance.
pub fn with_models(models: &[Arc<GenerativeModel>]) -> Portfolio {
    let engines = models.iter().map(|it| &it.engine.card().clearance);
    let allow = engines.map(Allow::to_engine).collect();
    let policy = EgressPolicy { allow, ..EgressPolicy::default() };
    let egress = Egress { policy, default_class: DataClass::Internal, ..Egress::default() };
    super::tickets().with_models(models, egress).unwrap()
}

pub fn started() -> Line {
    Line::Say(ChatEvent::Started {
        id: "up-1".to_owned(),
        model: "large-2026-11-01".to_owned(),
        ignored: Vec::new(),
    })
}

pub fn text(text: &str) -> Line {
    Line::Say(ChatEvent::TextDelta { choice: 0, text: text.to_owned() })
}

pub fn finished(reason: StopReason) -> Line {
    Line::Say(ChatEvent::Finished { choice: 0, reason })
}

pub fn usage(input_tokens: u64, output_tokens: u64) -> Line {
    Line::Say(ChatEvent::Usage(Usage { input_tokens, output_tokens, ..Usage::default() }))
}

/// A short answer.
pub fn hello() -> Vec<Line> {
    vec![started(), text("Hel"), text("lo"), finished(StopReason::EndTurn), usage(12, 2)]
}

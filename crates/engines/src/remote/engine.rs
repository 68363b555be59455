//! The engine: a protocol, a provider and a transport joined.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use freehold_vocabulary::chat::{
    ChatError, ChatRequest, EmbeddingsAnswer, EmbeddingsRequest, ModerationAnswer,
    ModerationRequest, Opening, Phase,
};
use freehold_vocabulary::egress::Cleared;
use freehold_vocabulary::ports::{
    ChatEngine, ChatEngineCard, ChatStream, Health, Load, OfferedModel, Resuming,
};
use reqwest::Response;
use reqwest::header::HeaderMap;

use super::stream;
use super::transport::Transport;
use super::wire::{Call, Resumes, Unfit, Wire};
use super::{RemoteError, RemoteOptions};

/// An engine that is reached over HTTP.
pub struct RemoteEngine {
    card: ChatEngineCard,
    probe: super::Probe,
    adapters: super::Adapters,
    wire: Arc<dyn Wire>,
    transport: Arc<Transport>,
}

impl fmt::Debug for RemoteEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteEngine").field("card", &self.card).finish_non_exhaustive()
    }
}

impl RemoteEngine {
    /// Sets an engine up. Connects to nothing yet.
    ///
    /// # Errors
    /// When the address, the key or the certificates of this machine cannot be used.
    pub fn new(options: &RemoteOptions) -> Result<Self, RemoteError> {
        let wire = options.provider.wire();
        let card = ChatEngineCard {
            clearance: options.clearance.clone(),
            protocol: wire.protocol(),
            provider: options.provider.name,
        };
        let transport = Arc::new(Transport::new(options)?);
        let super::Provider { probe, adapters, .. } = *options.provider;
        Ok(Self { card, probe, adapters, wire, transport })
    }

    /// Has the server load an adapter that lies where the server can read it. Sends no data of
    /// anybody.
    ///
    /// # Errors
    /// When the server cannot, or fails to.
    pub async fn load_adapter(&self, name: &str, path: &str) -> Result<(), ChatError> {
        self.adapter(self.adapters.load(name, path)).await
    }

    /// Has the server forget an adapter.
    ///
    /// # Errors
    /// As [`RemoteEngine::load_adapter`].
    pub async fn unload_adapter(&self, name: &str) -> Result<(), ChatError> {
        self.adapter(self.adapters.unload(name)).await
    }

    async fn adapter(&self, call: Option<Call>) -> Result<(), ChatError> {
        let why = "loading adapters while it runs; start it with them";
        let call = call.ok_or_else(|| self.unfit(Unfit::new(why)))?;
        let response = self.transport.at_root(&call).await?;
        self.good(response, "").await.map(drop)
    }

    fn unfit(&self, unfit: Unfit) -> ChatError {
        ChatError::Unsupported { engine: self.card.name().clone(), what: unfit.0 }
    }

    /// A call whose answer comes in one piece.
    async fn fetch(&self, call: &Call, model: &str) -> Result<Vec<u8>, ChatError> {
        let deadline = self.transport.deadline();
        let total = (deadline, Phase::Total, self.transport.timeouts.total);
        let response = self.transport.send(call, total).await?;
        let response = self.good(response, model).await?;
        self.transport.body(response, deadline).await
    }

    async fn good(&self, response: Response, model: &str) -> Result<Response, ChatError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers: HeaderMap = response.headers().clone();
        let body = Transport::error_body(response).await;
        let said = self.wire.said(status.as_u16(), &body);
        Err(self.transport.blame.said(said, model, &headers))
    }
}

#[async_trait]
impl ChatEngine for RemoteEngine {
    fn card(&self) -> &ChatEngineCard {
        &self.card
    }

    async fn chat(&self, request: Cleared<ChatRequest>) -> Result<ChatStream, ChatError> {
        let request = request.open(&self.card.clearance)?;
        if request.opening == Opening::Resume && self.wire.resumes() == Resumes::No {
            return Err(self.unfit(Unfit::new("going on with an answer that was cut off")));
        }
        let call = self.wire.chat(request).map_err(|it| self.unfit(it))?;
        let reader = self.wire.reader(request, call.ignored.clone());
        stream::open(&self.transport, &*self.wire, &call, reader, request).await
    }

    async fn embed(
        &self,
        request: Cleared<EmbeddingsRequest>,
    ) -> Result<EmbeddingsAnswer, ChatError> {
        let request = request.open(&self.card.clearance)?;
        let call = self.wire.embed(request).map_err(|it| self.unfit(it))?;
        let body = self.fetch(&call, &request.model).await?;
        let answer = self.wire.embedded(request, call.ignored, &body);
        answer.map_err(|it| self.transport.blame.trouble(it, &request.model))
    }

    async fn moderate(
        &self,
        request: Cleared<ModerationRequest>,
    ) -> Result<ModerationAnswer, ChatError> {
        let request = request.open(&self.card.clearance)?;
        let call = self.wire.moderate(request).map_err(|it| self.unfit(it))?;
        let body = self.fetch(&call, &request.model).await?;
        let answer = self.wire.moderated(request, &body);
        answer.map_err(|it| self.transport.blame.trouble(it, &request.model))
    }

    fn resumes(&self) -> Resuming {
        match self.wire.resumes() {
            Resumes::No => Resuming::No,
            Resumes::Always | Resumes::WhenTold => Resuming::Yes,
        }
    }

    async fn load(&self) -> Result<Option<Load>, ChatError> {
        let Some(gauges) = self.probe.gauges else { return Ok(None) };
        let response = self.good(self.transport.probe("/metrics").await?, "").await?;
        let body = self.transport.body(response, self.transport.deadline()).await?;
        Ok(gauges.read(&String::from_utf8_lossy(&body)))
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, ChatError> {
        let body = self.fetch(&self.wire.list_models(), "").await?;
        self.wire.models(&body).map_err(|it| self.transport.blame.trouble(it, ""))
    }

    async fn health(&self) -> Result<Health, ChatError> {
        let Some(path) = self.probe.health else {
            self.models().await?;
            return Ok(Health { version: None, probe: "list of models".to_owned() });
        };
        let response = self.transport.probe(path).await?;
        self.good(response, "").await?;
        let version = match self.probe.version {
            None => None,
            Some((path, field)) => {
                let response = self.good(self.transport.probe(path).await?, "").await?;
                let body = self.transport.body(response, self.transport.deadline()).await?;
                let answer: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
                let text = answer.as_ref().and_then(|it| it.get(field)?.as_str());
                text.map(|it| it.chars().take(80).collect())
            }
        };
        Ok(Health { version, probe: format!("GET {path}") })
    }
}

//! An answer as it comes: bytes to events, under four timeouts and three limits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use freehold_vocabulary::chat::{ChatError, ChatEvent, ChatRequest, Delivery, Phase};
use freehold_vocabulary::ports::ChatStream;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::frames::{FrameTrouble, Frames};
use super::transport::Transport;
use super::wire::{Call, Reader, Trouble, Wire};

/// Makes the call. Returns when the first event has come, or with the error that came instead.
pub(super) async fn open(
    transport: &Arc<Transport>,
    wire: &dyn Wire,
    call: &Call,
    reader: Box<dyn Reader>,
    request: &ChatRequest,
) -> Result<ChatStream, ChatError> {
    let begun = Instant::now();
    let timeouts = transport.timeouts;
    let (phase, patience) = match request.delivery {
        Delivery::Whole => (Phase::Total, timeouts.total),
        Delivery::Streamed => (Phase::FirstToken, timeouts.first_token.min(timeouts.total)),
    };
    let response = transport.send(call, (begun + patience, phase, patience)).await?;
    let status = response.status();
    if !status.is_success() {
        let headers = response.headers().clone();
        let body = Transport::error_body(response).await;
        let said = wire.said(status.as_u16(), &body);
        return Err(transport.blame.said(said, &request.model, &headers));
    }
    let model = request.model.clone();
    // Some servers answer in one piece although they were asked to stream.
    let frames = Frames::of(&media_type(&response), transport.limits.event_bytes_max);
    let mut answer = Incoming {
        transport: Arc::clone(transport),
        reader,
        model,
        frames: None,
        response: None,
        bytes: 0,
        ready: VecDeque::new(),
        ended: false,
        total: begun + timeouts.total,
        next: begun + patience,
        phase,
        patience,
    };
    if frames.is_some() {
        answer.frames = frames;
        answer.response = Some(response);
        if let Some(first) = answer.next_event().await? {
            answer.ready.push_front(first);
        }
    } else {
        let body = transport.body(response, answer.total).await?;
        let mut events = answer.reader.whole(&body).map_err(|it| answer.trouble(it))?;
        events.extend(answer.reader.end().map_err(|it| answer.trouble(it))?);
        answer.ready.extend(events);
        answer.ended = true;
    }
    Ok(Box::pin(futures::stream::try_unfold(answer, |mut answer| async move {
        Ok(answer.next_event().await?.map(|event| (event, answer)))
    })))
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get("content-type").and_then(|it| it.to_str().ok());
    value.unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The state of a streamed answer. Dropping it closes the connection.
struct Incoming {
    transport: Arc<Transport>,
    reader: Box<dyn Reader>,
    model: String,
    /// None for an answer that came in one piece.
    frames: Option<Frames>,
    response: Option<Response>,
    bytes: usize,
    ready: VecDeque<ChatEvent>,
    ended: bool,
    total: Instant,
    /// When the next content must have come.
    next: Instant,
    phase: Phase,
    patience: Duration,
}

impl Incoming {
    async fn next_event(&mut self) -> Result<Option<ChatEvent>, ChatError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            let came = self.chunk().await;
            match came? {
                Some(bytes) => self.take(&bytes)?,
                None => {
                    self.ended = true;
                    self.response = None;
                    let last = self.reader.end().map_err(|it| self.trouble(it))?;
                    self.ready.extend(last);
                }
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ChatError> {
        let engine = || self.transport.blame.engine.clone();
        // What comes after the protocol's own end mark is not waited for.
        let Some(response) = self.response.as_mut().filter(|_| !self.reader.is_done()) else {
            return Ok(None);
        };
        let deadline = self.next.min(self.total);
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|it| it.to_vec())),
            Ok(Err(error)) => Err(self.transport.blame.broken(&error)),
            Err(_) if deadline == self.total => {
                let after = self.transport.timeouts.total;
                Err(ChatError::Timeout { engine: engine(), phase: Phase::Total, after })
            }
            Err(_) => {
                let (phase, after) = (self.phase, self.patience);
                Err(ChatError::Timeout { engine: engine(), phase, after })
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ChatError> {
        let limit = self.transport.limits.stream_bytes_max;
        self.bytes += bytes.len();
        if self.bytes > limit {
            let engine = self.transport.blame.engine.clone();
            return Err(ChatError::TooLarge { engine, what: "a streamed answer", limit });
        }
        let mut pieces = Vec::new();
        let decoded = match &mut self.frames {
            Some(frames) => frames.push(bytes, &mut |it| pieces.push(it)),
            None => Ok(()),
        };
        for piece in pieces {
            if self.reader.is_done() {
                break;
            }
            let events = self.reader.piece(&piece.name, &piece.data);
            let events = events.map_err(|it| self.trouble(it))?;
            if events.iter().any(is_content) {
                self.phase = Phase::BetweenTokens;
                self.patience = self.transport.timeouts.between_tokens;
                self.next = Instant::now() + self.patience;
            }
            self.ready.extend(events);
        }
        let engine = || self.transport.blame.engine.clone();
        decoded.map_err(|it| match it {
            FrameTrouble::TooLong { limit } => {
                ChatError::TooLarge { engine: engine(), what: "a line of an answer", limit }
            }
            FrameTrouble::Broken(reason) => ChatError::Malformed { engine: engine(), reason },
        })
    }

    fn trouble(&self, trouble: Trouble) -> ChatError {
        self.transport.blame.trouble(trouble, &self.model)
    }
}

/// That an answer has begun, or what it will cost, is not yet a token.
fn is_content(event: &ChatEvent) -> bool {
    !matches!(event, ChatEvent::Started { .. } | ChatEvent::Usage(_) | ChatEvent::Extra { .. })
}

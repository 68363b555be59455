//! Stored responses: what can be retrieved, and what the next turn of a conversation stands on.
//!
//! A response keeps its own turn only and names the one before, so that deleting one deletes what
//! was said in it. Its parts are in our own words, with every proof of thought; a later turn may
//! therefore go to another engine than the earlier one.

use freehold_vocabulary::chat::{Message, Part, Role};
use freehold_vocabulary::ports::Shelf;
use freehold_vocabulary::{DataClass, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input;
use crate::app::App;
use crate::depot::{self, Passing, days_after};
use crate::error::ApiError;

/// Turns of one conversation.
const TURNS_MAX: usize = 256;
/// Bytes of one conversation, without what is new.
const CONVERSATION_BYTES_MAX: usize = 16 << 20;

/// One turn.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredResponse {
    pub(crate) response: Value,
    /// The input of this turn.
    pub(crate) items: Vec<Value>,
    /// What the model said.
    pub(crate) said: Vec<Part>,
    pub(crate) previous: Option<String>,
    /// The class of the conversation so far; a later turn has at least this one.
    pub(crate) class: DataClass,
    pub(crate) expires_at: Timestamp,
}

impl Passing for StoredResponse {
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// A conversation so far.
#[derive(Debug, Default)]
pub(crate) struct Before {
    pub(crate) messages: Vec<Message>,
    /// None before the first turn.
    pub(crate) class: Option<DataClass>,
}

/// The conversation that ends with this response.
///
/// # Errors
/// When a response of it is not there for this caller, or it is too long.
pub(crate) async fn before(
    app: &App,
    owner: &str,
    previous: Option<&str>,
) -> Result<Before, ApiError> {
    let (mut turns, mut bytes, mut class) = (Vec::new(), 0, None);
    let mut next = previous.map(str::to_owned);
    while let Some(id) = next.take() {
        let turn: StoredResponse = depot::load(app, Shelf::Responses, owner, &id).await?;
        bytes += serde_json::to_vec(&(&turn.items, &turn.said)).map_or(0, |it| it.len());
        if turns.len() == TURNS_MAX || bytes > CONVERSATION_BYTES_MAX {
            let message = format!(
                "the conversation has more than {TURNS_MAX} turns or {CONVERSATION_BYTES_MAX} bytes; begin a new one and say in it what matters"
            );
            return Err(ApiError::invalid_field("previous_response_id", message));
        }
        class = class.max(Some(turn.class));
        next.clone_from(&turn.previous);
        turns.push(turn);
    }
    let mut messages = Vec::new();
    for turn in turns.into_iter().rev() {
        // Instructions hold for one turn; what a turn's items say as system is part of its talk.
        let said = input::turn(&turn.items)?;
        if !said.system.is_empty() {
            messages.push(Message { role: Role::System, parts: said.system, name: None });
        }
        messages.extend(said.messages);
        if !turn.said.is_empty() {
            messages.push(Message { role: Role::Assistant, parts: turn.said, name: None });
        }
    }
    Ok(Before { messages, class })
}

/// Keeps a turn; when this returns it survives a crash.
///
/// # Errors
/// When there is no room for it, or the depot fails.
pub(crate) async fn keep(
    app: &App,
    owner: &str,
    id: &str,
    turn: impl FnOnce(Timestamp) -> StoredResponse,
) -> Result<(), ApiError> {
    let until = days_after(app.parts.clock.now(), app.parts.keeping.response_days);
    let place = depot::place(Shelf::Responses, owner, id)?;
    depot::save(app, place, &turn(until)).await
}

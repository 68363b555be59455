//! A conversation that once was sensitive stays so.
//!
//! Protocols without a state of their own repeat the conversation in every request, so what was
//! found in it is found again; what a header said once, and what the client dropped since, is not.
//! This is what remembers it: per process, bounded, and forgotten with the process. When it is
//! full the conversations that were raised longest ago go first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use freehold_vocabulary::chat::{
    ChatRequest, EmbeddingsRequest, ModerationRequest, Part, Protocol, Role,
};
use freehold_vocabulary::{DataClass, Digest};

use crate::layers::auth::Caller;

/// Conversations that are surely remembered; at most twice as many are, in about 10 MB.
const REMEMBERED: usize = 32_768;
/// A shorter first message, such as a greeting, does not tell conversations apart.
const OPENING_BYTES_MIN: usize = 32;
/// Where clients write which conversation it is.
const METADATA: [&str; 4] = ["conversation_id", "session_id", "thread_id", "chat_id"];

/// What earlier requests of a conversation were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// The highest class that caller or key stated.
    pub(crate) stated: Option<DataClass>,
    /// The highest class of what detectors found.
    pub(crate) found: Option<DataClass>,
}

impl Past {
    fn join(self, other: Self) -> Self {
        Self { stated: self.stated.max(other.stated), found: self.found.max(other.found) }
    }
}

/// Conversations by the digest of caller and conversation.
#[derive(Debug, Default)]
pub(crate) struct Conversations(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Digest, Past>,
    old: HashMap<Digest, Past>,
}

impl Conversations {
    /// What is known of a conversation that any of these names.
    pub(crate) fn recall(&self, names: &[Digest]) -> Past {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let both = names.iter().flat_map(|it| [known.young.get(it), known.old.get(it)]);
        both.flatten().fold(Past::default(), |past, it| past.join(*it))
    }

    /// Remembers it under all its names.
    pub(crate) fn remember(&self, names: &[Digest], past: Past) {
        if past == Past::default() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if known.young.len() >= REMEMBERED && !known.young.contains_key(name) {
                known.old = std::mem::take(&mut known.young);
            }
            let before = known.young.get(name).copied().unwrap_or_default();
            known.young.insert(name.clone(), before.join(past));
        }
    }
}

/// A request that may belong to a conversation.
pub(crate) trait Conversing {
    /// What names the conversation of this caller: an id, and what it began with.
    fn names(&self, caller: &Caller) -> Vec<Digest>;
}

impl Conversing for EmbeddingsRequest {
    fn names(&self, _caller: &Caller) -> Vec<Digest> {
        Vec::new()
    }
}

impl Conversing for ModerationRequest {
    fn names(&self, _caller: &Caller) -> Vec<Digest> {
        Vec::new()
    }
}

impl Conversing for ChatRequest {
    fn names(&self, caller: &Caller) -> Vec<Digest> {
        let ids = METADATA.iter().filter_map(|it| self.metadata.get(*it)).map(String::as_str);
        let extras = ["conversation", "previous_response_id"];
        let extras = extras.iter().filter_map(|it| self.extras.get(Protocol::Responses, it));
        let ids = ids.chain(extras.filter_map(|it| it.as_str()));
        let mut names: Vec<Digest> = ids.map(|id| name(caller, &["id", id])).collect();
        let first = self.messages.iter().find(|it| it.role == Role::User);
        let opening: String = first.iter().flat_map(|it| texts(&it.parts)).collect();
        if opening.len() >= OPENING_BYTES_MIN {
            let system: String = texts(&self.system).collect();
            names.push(name(caller, &["opening", &system, &opening]));
        }
        names
    }
}

fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    })
}

fn name(caller: &Caller, words: &[&str]) -> Digest {
    let words: Vec<&str> = std::iter::once(&*caller.0).chain(words.iter().copied()).collect();
    // As JSON, so that two lists of words are never one text.
    Digest::of(serde_json::Value::from(words).to_string())
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::chat::Message;

    use super::*;

    fn stated(class: DataClass) -> Past {
        Past { stated: Some(class), found: None }
    }

    #[test]
    fn what_was_said_longest_ago_is_forgotten_first() {
        let known = Conversations::default();
        let name = |at: usize| [Digest::of(at.to_string())];
        for at in 0..=2 * REMEMBERED {
            known.remember(&name(at), stated(DataClass::Restricted));
        }
        assert_eq!(known.recall(&name(0)), Past::default());
        assert_eq!(known.recall(&name(2 * REMEMBERED)), stated(DataClass::Restricted));
        assert_eq!(known.recall(&name(REMEMBERED + 1)), stated(DataClass::Restricted));
        known.remember(&name(7), stated(DataClass::Confidential));
        known.remember(&name(7), Past { stated: None, found: Some(DataClass::Internal) });
        let both = Past { found: Some(DataClass::Internal), ..stated(DataClass::Confidential) };
        assert_eq!(known.recall(&name(7)), both);
    }

    #[test]
    fn conversations_are_told_apart_by_caller_id_and_opening() {
        let names = |caller: &str, id: Option<&str>, opening: &str| {
            let mut request = ChatRequest::default();
            request.messages.push(Message::text(Role::User, opening));
            let id = id.map(|it| ("thread_id".to_owned(), it.to_owned()));
            request.metadata.extend(id);
            request.names(&Caller(caller.into(), None))
        };
        let long = "Please read this letter and answer it:";
        assert_eq!(names("a", None, "hello"), []);
        assert_eq!(names("a", None, long), names("a", None, long));
        assert_ne!(names("a", None, long), names("b", None, long));
        assert_eq!(names("a", Some("1"), "hello"), names("a", Some("1"), "goodbye"));
        assert_ne!(names("a", Some("1"), "hello"), names("a", Some("2"), "hello"));
        assert_eq!(names("a", Some("1"), long).len(), 2);
    }
}

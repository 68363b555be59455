//! One model of a generation, to which every protocol translates and from which every engine is
//! asked.
//!
//! A [`ChatRequest`] is what a caller wants. What comes back is always a sequence of
//! [`ChatEvent`]s; a whole [`ChatAnswer`] is what an [`Accumulator`] folds them into, and
//! [`ChatAnswer::events`] is the way back. So a streamed answer and a whole one cannot differ.
//!
//! Two rules hold for what an engine cannot do. What would change the shape or the meaning of
//! the answer (tools, images, a JSON schema, several choices, log-probabilities) is refused as
//! [`ChatError::Unsupported`], so that routing can look elsewhere. What is only a wish (a seed,
//! a user's name, another protocol's extras) is left out, and named in
//! [`ChatEvent::Started::ignored`].

pub mod accumulator;
pub mod answer;
pub mod attempt;
pub mod embeddings;
pub mod error;
pub mod event;
pub mod extras;
pub mod leaf;
pub mod message;
pub mod moderation;
pub mod request;
pub mod tool;
pub mod usage;

pub use accumulator::{Accumulator, BadSequence};
pub use answer::{ChatAnswer, Choice};
pub use attempt::{Attempt, AttemptOutcome};
pub use embeddings::{EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest};
pub use error::{ChatError, Phase, Remedy};
pub use event::{ChatEvent, StopReason, TokenAlternative, TokenLogProb};
pub use extras::{Extras, Protocol};
pub use leaf::{Leaf, LeafContent, Leaves};
pub use message::{ImageSource, Message, Part, Role, ToolUse};
pub use moderation::{ModerationAnswer, ModerationRequest, ModerationResult};
pub use request::{
    ChatRequest, Delivery, Effort, JsonSchema, Opening, Reasoning, ResponseFormat, Sampling,
};
pub use tool::{Tool, ToolChoice};
pub use usage::{Usage, UsageBasis};

#[cfg(test)]
mod tests;

//! What the parts ask of each other, as small object-safe traits.

pub mod chat_engine;
pub mod classifier;
pub mod depot;
pub mod embedder;
pub mod engine;
pub mod identifiers;
pub mod progress;
pub mod trace_log;

pub use chat_engine::{
    AttemptLog, ChatEngine, ChatEngineCard, ChatStream, Health, Load, OfferedModel, Resuming,
};
pub use classifier::{Classifier, ClassifyError, Scored};
pub use depot::{Depot, DepotError, DepotLock, DepotPlace, Shelf, Shelved};
pub use embedder::{Embedder, EmbedderCard};
pub use engine::{Engine, EngineCard, EngineError};
pub use identifiers::{Found, Identifiers, Redaction, Restore, Seen, Unsearched, Within};
pub use progress::{Progress, Silent};
pub use trace_log::{TraceLog, TraceLogError};

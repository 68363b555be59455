//! The words of Freehold and the ports between its parts.
//!
//! Every other crate speaks these types. Nothing here does IO, reads a clock or draws a random
//! number: time and randomness are arguments ([`Clock`], [`Seed`]).

pub mod audit;
pub mod chat;
pub mod clock;
pub mod data_class;
pub mod digest;
pub mod egress;
pub mod example;
pub mod feedback;
pub mod interval;
pub mod label;
pub mod model;
pub mod name;
pub mod ports;
pub mod price;
pub mod probability;
pub mod promise;
pub mod random;
pub mod task;
pub mod tier;
pub mod trace;

pub use clock::{Clock, FixedClock, Timestamp};
pub use data_class::DataClass;
pub use digest::{Digest, DigestBuilder};
pub use example::{Example, LabelledText, Split};
pub use feedback::{Feedback, FeedbackKind};
pub use interval::{Interval, IntervalMethod};
pub use label::{Label, LabelMode, LabelSet};
pub use model::{Lineage, ModelFamily, ModelVersion};
pub use name::{AliasName, DatasetName, EngineName, TaskName};
pub use probability::{Confidence, Probability};
pub use promise::PromiseScope;
pub use random::{Random, Seed};
pub use task::{Bar, Metric, Task};
pub use tier::Tier;
pub use trace::{
    AskedModel, CacheKind, Ending, GainChoice, Generation, Outcome, RouteRecord, Spent, TierAnswer,
    Trace, TraceId, Trust, Try,
};

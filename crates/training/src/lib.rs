//! Fine-tunes encoders into classifiers, and hands back adapters that other tools read.
//!
//! A pure library: no clock, no printing, no global state. Randomness is a seed, progress is a
//! stream of events, and the same seed and data give the same weights with any number of threads.
//! It never fetches a base, never looks at a test split, and never decides about promotion.

pub mod checkpoint;
pub mod error;
pub mod export;
#[macro_use]
pub mod kernels;
pub mod network;
pub mod optimiser;
pub mod schedule;
pub mod storage;
pub mod trainers;

pub use error::TrainingError;
pub use trainers::encoder::spec::{ClassWeights, EncoderSpec, HeadStart, LoraSpec, Method};
pub use trainers::encoder::{TrainedEncoder, TrainingEvent, train_encoder};

//! Neural and linear text models that run in this process.
//!
//! Reads the field's formats (Hugging Face model directories, PEFT adapters) and computes logits
//! on the processor. Never trains and never fetches anything.

pub mod adapter;
pub mod config;
pub mod encoder;
pub mod error;
pub mod head;
pub mod kernels;
pub mod limits;
pub mod micro;
pub mod rotary;
#[cfg(test)]
mod testing;
pub mod tokenizer;
pub mod weights;

pub use adapter::{Adapter, Checkpoint};
pub use config::{Architecture, EncoderConfig};
pub use encoder::{EncoderBase, EncoderClassifier, EncoderOptions, Precision};
pub use error::{ModelError, TokenizeError};
pub use head::{Activation, HeadDense, HeadSpec, Pooling};
pub use limits::InputLimits;
pub use rotary::RotaryTable;
pub use tokenizer::TextTokenizer;
pub use weights::{Tensor, Weights};

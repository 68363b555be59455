//! Trained models in the formats of the field: PEFT adapters and Hugging Face directories.
//!
//! Names and shapes are those of the stock `…ForSequenceClassification` classes, so that Python
//! needs nothing of ours to load them. Writes only; reading is the business of `models`.

pub mod adapter;
pub mod merged;
mod sentence;

use std::num::NonZeroUsize;
use std::path::Path;

use freehold_models::{Architecture, HeadSpec, InputLimits};

use crate::error::TrainingError;
use crate::storage::write_text;
use crate::trainers::encoder::TrainedEncoder;

/// The name of a tensor in the stock class with a classification head.
#[must_use]
pub fn stock_name(architecture: Architecture, name: &str) -> String {
    let is_head = ["classifier", "pre_classifier", "head."].iter().any(|it| name.starts_with(it));
    if is_head { name.to_owned() } else { format!("{}{name}", architecture.prefix()) }
}

impl TrainedEncoder {
    /// The most tokens of a text that training has seen.
    #[must_use]
    pub fn tokens_max(&self) -> usize {
        self.spec.tokens_max.min(self.config.tokens_max)
    }
}

/// The stock class without a head.
#[must_use]
pub const fn bare_class(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Bert => "BertModel",
        Architecture::DistilBert => "DistilBertModel",
        Architecture::Roberta => "RobertaModel",
        Architecture::ModernBert => "ModernBertModel",
    }
}

/// The stock class with a classification head.
#[must_use]
pub const fn stock_class(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Bert => "BertForSequenceClassification",
        Architecture::DistilBert => "DistilBertForSequenceClassification",
        Architecture::Roberta => "RobertaForSequenceClassification",
        Architecture::ModernBert => "ModernBertForSequenceClassification",
    }
}

/// Writes the description of a head that is not the stock one.
fn write_head(dir: &Path, head: &HeadSpec, stock: &HeadSpec) -> Result<(), TrainingError> {
    if head == stock {
        return Ok(());
    }
    let json = serde_json::to_string_pretty(head).expect("a head is plain data");
    write_text(&dir.join(HeadSpec::FILE_NAME), &json)
}

/// Writes how much of a text the model reads, so that it serves as it was trained.
fn write_limits(dir: &Path, model: &TrainedEncoder) -> Result<(), TrainingError> {
    let limits = InputLimits { tokens_max: NonZeroUsize::new(model.tokens_max()) };
    let json = serde_json::to_string_pretty(&limits).expect("limits are plain data");
    write_text(&dir.join(InputLimits::FILE_NAME), &json)
}

fn create(dir: &Path) -> Result<(), TrainingError> {
    std::fs::create_dir_all(dir).map_err(|error| TrainingError::unwritable(dir, error))
}

//! Trained models in the formats of the field: PEFT adapters and Hugging Face directories.
//!
//! Names and shapes are those of the stock `…ForSequenceClassification` classes, so that Python
//! needs nothing of ours to load them. Writes only; reading is the business of `models`.

pub mod adapter;
pub mod merged;

use std::path::Path;

use freehold_models::{Architecture, HeadSpec};

use crate::error::TrainingError;
use crate::storage::write_text;

/// The name of a tensor in the stock class with a classification head.
#[must_use]
pub fn stock_name(architecture: Architecture, name: &str) -> String {
    let is_head = ["classifier", "pre_classifier", "head."].iter().any(|it| name.starts_with(it));
    if is_head { name.to_owned() } else { format!("{}{name}", architecture.prefix()) }
}

/// The stock class.
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

fn create(dir: &Path) -> Result<(), TrainingError> {
    std::fs::create_dir_all(dir).map_err(|error| TrainingError::unwritable(dir, error))
}

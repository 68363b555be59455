//! The classification head: how a text's token vectors become logits.
//!
//! The stock Hugging Face classes differ only in pooling and in a dense part before the last
//! matrix, so a head is data. `freehold_head.json` beside the weights describes a head that is
//! not the stock one of its architecture.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{Architecture, EncoderConfig, read_limited};
use crate::error::ModelError;

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The vector of the first token.
    Cls,
    /// The mean over all tokens, special tokens included.
    Mean,
}

impl Pooling {
    /// Reads the word that configurations use.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "cls" => Some(Self::Cls),
            "mean" => Some(Self::Mean),
            _ => None,
        }
    }
}

/// A function applied to each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// With the error function (Hendrycks and Gimpel 2016).
    Gelu,
    /// The tanh approximation of the same.
    GeluTanh,
    Relu,
    Silu,
    Tanh,
}

impl Activation {
    /// Reads the name that `transformers` uses.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "gelu" | "gelu_python" => Some(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Some(Self::GeluTanh),
            "relu" => Some(Self::Relu),
            "silu" | "swish" => Some(Self::Silu),
            "tanh" => Some(Self::Tanh),
            _ => None,
        }
    }
}

/// The dense part before the last matrix: `norm(activation(W x + b))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadDense {
    /// Path of the module, such as `pooler.dense`; square, its bias may be absent.
    pub module: String,
    pub activation: Activation,
    /// Path of a layer norm after the activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<String>,
}

/// What a head consists of; the content of `freehold_head.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadSpec {
    pub pooling: Pooling,
    /// None: the pooled vector goes straight to the classifier.
    #[serde(default)]
    pub dense: Option<HeadDense>,
    /// Path of the last module, such as `classifier`; its bias may be absent.
    pub classifier: String,
}

impl HeadSpec {
    /// The file beside the weights.
    pub const FILE_NAME: &str = "freehold_head.json";

    /// The head of the stock `…ForSequenceClassification` class.
    #[must_use]
    pub fn stock(config: &EncoderConfig) -> Self {
        let (module, norm, classifier) = match config.architecture {
            Architecture::Bert => ("pooler.dense", None, "classifier"),
            Architecture::DistilBert => ("pre_classifier", None, "classifier"),
            Architecture::Roberta => ("classifier.dense", None, "classifier.out_proj"),
            Architecture::ModernBert => ("head.dense", Some("head.norm".to_owned()), "classifier"),
        };
        let activation = config.head_activation;
        Self {
            pooling: config.pooling,
            dense: Some(HeadDense { module: module.to_owned(), activation, norm }),
            classifier: classifier.to_owned(),
        }
    }

    /// Reads `freehold_head.json` in a directory; without that file, the stock head.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood.
    pub fn open(dir: &Path, config: &EncoderConfig) -> Result<Self, ModelError> {
        let path = dir.join(Self::FILE_NAME);
        if !path.exists() {
            return Ok(Self::stock(config));
        }
        serde_json::from_slice(&read_limited(&path, 1 << 20)?)
            .map_err(|error| ModelError::malformed(&path, "description of a head", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_head_is_read_from_its_file_or_is_the_stock_one() {
        let folder = Folder::new();
        let config = br#"{"model_type":"distilbert","vocab_size":9,"dim":8,"n_layers":1,
            "n_heads":2,"hidden_dim":16,"max_position_embeddings":8}"#;
        let config = EncoderConfig::parse(config, Path::new("config.json")).unwrap();
        let stock = HeadSpec::open(folder.root(), &config).unwrap();
        assert_eq!(stock.dense.as_ref().unwrap().module, "pre_classifier");
        assert_eq!(stock.dense.as_ref().unwrap().activation, Activation::Relu);

        let path = folder.path(HeadSpec::FILE_NAME);
        std::fs::write(&path, r#"{"pooling":"mean","dense":null,"classifier":"classifier"}"#)
            .unwrap();
        let own = HeadSpec::open(folder.root(), &config).unwrap();
        assert_eq!((own.pooling, own.dense), (Pooling::Mean, None));

        std::fs::write(&path, r#"{"pooling":"max","classifier":"classifier"}"#).unwrap();
        let message = HeadSpec::open(folder.root(), &config).unwrap_err().to_string();
        assert!(message.contains("freehold_head.json") && message.contains("max"), "{message}");
    }
}

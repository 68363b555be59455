//! What each architecture calls its weights, as module paths of the stock Hugging Face classes.
//!
//! The paths are without the prefix of the surrounding class (`bert.` and the like):
//! [`Architecture::prefix`] gives that one. A module has `.weight` and maybe `.bias`.

use super::{Architecture, EncoderConfig};

/// Where the rows of the input come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingNames {
    pub word: &'static str,
    pub position: Option<&'static str>,
    pub token_type: Option<&'static str>,
    pub norm: &'static str,
    /// The norm after the last layer, in architectures that have one.
    pub final_norm: Option<&'static str>,
}

/// The query, key and value matrices: three modules, or one with the rows of all three in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    Separate { query: String, key: String, value: String },
    Joint(String),
}

/// The modules of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerNames {
    pub projection: Projection,
    pub attention_out: String,
    /// After attention, or before it where norms come first; the first layer of ModernBERT has
    /// none.
    pub attention_norm: Option<String>,
    /// Into the intermediate width; twice that in gated feed-forward: activated rows, then gate.
    pub up: String,
    pub down: String,
    pub ffn_norm: String,
}

impl Architecture {
    /// What stands before the module paths in classes with a head.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::DistilBert => "distilbert.",
            Self::Roberta => "roberta.",
            Self::ModernBert => "model.",
        }
    }
}

impl EncoderConfig {
    /// Whether the feed-forward part multiplies by a gate.
    #[must_use]
    pub fn gated(&self) -> bool {
        self.architecture == Architecture::ModernBert
    }

    /// Whether norms stand before the sub-layers instead of after the residual sum.
    #[must_use]
    pub fn norm_first(&self) -> bool {
        self.architecture == Architecture::ModernBert
    }

    /// The modules of the input.
    #[must_use]
    pub fn embedding_names(&self) -> EmbeddingNames {
        let bert = EmbeddingNames {
            word: "embeddings.word_embeddings",
            position: Some("embeddings.position_embeddings"),
            token_type: Some("embeddings.token_type_embeddings"),
            norm: "embeddings.LayerNorm",
            final_norm: None,
        };
        match self.architecture {
            Architecture::Bert | Architecture::Roberta => bert,
            Architecture::DistilBert => EmbeddingNames { token_type: None, ..bert },
            Architecture::ModernBert => EmbeddingNames {
                word: "embeddings.tok_embeddings",
                position: None,
                token_type: None,
                norm: "embeddings.norm",
                final_norm: Some("final_norm"),
            },
        }
    }

    /// The modules of a layer, counted from zero.
    #[must_use]
    pub fn layer_names(&self, layer: usize) -> LayerNames {
        match self.architecture {
            Architecture::Bert | Architecture::Roberta => bert(layer),
            Architecture::DistilBert => distilbert(layer),
            Architecture::ModernBert => modernbert(layer),
        }
    }
}

fn bert(layer: usize) -> LayerNames {
    let at = |module: &str| format!("encoder.layer.{layer}.{module}");
    LayerNames {
        projection: Projection::Separate {
            query: at("attention.self.query"),
            key: at("attention.self.key"),
            value: at("attention.self.value"),
        },
        attention_out: at("attention.output.dense"),
        attention_norm: Some(at("attention.output.LayerNorm")),
        up: at("intermediate.dense"),
        down: at("output.dense"),
        ffn_norm: at("output.LayerNorm"),
    }
}

fn distilbert(layer: usize) -> LayerNames {
    let at = |module: &str| format!("transformer.layer.{layer}.{module}");
    LayerNames {
        projection: Projection::Separate {
            query: at("attention.q_lin"),
            key: at("attention.k_lin"),
            value: at("attention.v_lin"),
        },
        attention_out: at("attention.out_lin"),
        attention_norm: Some(at("sa_layer_norm")),
        up: at("ffn.lin1"),
        down: at("ffn.lin2"),
        ffn_norm: at("output_layer_norm"),
    }
}

fn modernbert(layer: usize) -> LayerNames {
    let at = |module: &str| format!("layers.{layer}.{module}");
    LayerNames {
        projection: Projection::Joint(at("attn.Wqkv")),
        attention_out: at("attn.Wo"),
        attention_norm: (layer > 0).then(|| at("attn_norm")),
        up: at("mlp.Wi"),
        down: at("mlp.Wo"),
        ffn_norm: at("mlp_norm"),
    }
}

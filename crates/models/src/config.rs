//! The shape of an encoder, read from a Hugging Face `config.json`.
//!
//! Only what changes the numbers is kept. A feature that would change them and is not built is
//! refused by name: a silently ignored key would give wrong logits.

pub mod names;

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::ModelError;
use crate::head::{Activation, Pooling};
pub use names::{EmbeddingNames, LayerNames, Projection};

/// The families of encoders that can be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// Devlin et al. 2018; MiniLM and most sentence encoders.
    Bert,
    /// Sanh et al. 2019.
    DistilBert,
    /// Liu et al. 2019; XLM-R (Conneau et al. 2019) has the same form.
    Roberta,
    /// Warner et al. 2024: rotary positions, local attention, gated feed-forward, norm first.
    ModernBert,
}

/// `model_type` in `config.json`, and what it means here: the whole list.
const MODEL_TYPES: &[(&str, Architecture)] = &[
    ("bert", Architecture::Bert),
    ("distilbert", Architecture::DistilBert),
    ("modernbert", Architecture::ModernBert),
    ("roberta", Architecture::Roberta),
    ("xlm-roberta", Architecture::Roberta),
];

/// How far the tokens of one layer look, and the base of its rotary angles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerAttention {
    /// Keys at a distance of at most this many tokens; none means all.
    pub reach: Option<usize>,
    /// The base of the rotary angles; none means no rotation.
    pub rotary_base: Option<f32>,
}

/// Where positions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// A learned row for each position; the first token has row `offset`.
    Learned { offset: usize },
    /// Rotary angles (Su et al. 2021) inside attention.
    Rotary,
}

/// The shape of an encoder. Invariant: `hidden` is a multiple of `heads`, nothing is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderConfig {
    pub architecture: Architecture,
    pub vocab_size: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub activation: Activation,
    pub norm_eps: f32,
    /// The most tokens a text may have, special tokens included; at most [`TOKENS_MAX`].
    pub tokens_max: usize,
    pub positions: Positions,
    /// Rows of the position table; zero with rotary positions.
    pub position_rows: usize,
    /// Rows of the token type table; zero if there is none.
    pub type_rows: usize,
    pub pad_token: u32,
    /// Whether the matrices of attention, feed-forward and norms have biases.
    pub attention_bias: bool,
    pub ffn_bias: bool,
    pub norm_bias: bool,
    /// How the stock classification head pools.
    pub pooling: Pooling,
    /// Whether the dense part of the stock classification head has a bias.
    pub head_bias: bool,
    /// The activation in the stock classification head of ModernBERT.
    pub head_activation: Activation,
    /// One entry per layer.
    pub attention: Vec<LayerAttention>,
}

/// The longest text that is read, whatever a model allows: attention is quadratic.
pub const TOKENS_MAX: usize = 8192;

/// No published encoder comes near these; they keep a hostile file from exhausting memory.
const DIMENSION_MAX: usize = 1 << 20;
const LAYERS_MAX: usize = 512;
const CONFIG_BYTES_MAX: u64 = 16 << 20;

impl EncoderConfig {
    /// Reads `config.json` in a model directory.
    ///
    /// # Errors
    /// When the file cannot be read, is not JSON, lacks a key, holds an impossible size, or
    /// asks for an architecture or feature that is not built.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("config.json");
        let bytes = read_limited(&path, CONFIG_BYTES_MAX)?;
        Self::parse(&bytes, &path)
    }

    /// Reads the bytes of a `config.json`; `path` is for messages.
    ///
    /// # Errors
    /// As [`EncoderConfig::open`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let keys: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| ModelError::malformed(path, "config.json", error))?;
        let keys = Keys { keys, path };
        let model_type: String = keys.required("model_type")?;
        let known = MODEL_TYPES.iter().find(|(name, _)| *name == model_type);
        let Some((_, architecture)) = known else {
            let supported: Vec<_> = MODEL_TYPES.iter().map(|(name, _)| *name).collect();
            let supported = supported.join(", ");
            return Err(ModelError::Architecture { found: model_type, supported });
        };
        let config = match architecture {
            Architecture::Bert => bert(&keys)?,
            Architecture::Roberta => roberta(&keys)?,
            Architecture::DistilBert => distilbert(&keys)?,
            Architecture::ModernBert => modernbert(&keys)?,
        };
        config.checked(path)
    }

    /// Width of one attention head.
    #[must_use]
    pub const fn head_width(&self) -> usize {
        self.hidden / self.heads
    }

    fn checked(self, path: &Path) -> Result<Self, ModelError> {
        let wrong = |reason: String| Err(ModelError::malformed(path, "config.json", reason));
        let sizes = [
            ("vocab_size", self.vocab_size, DIMENSION_MAX * 4),
            ("hidden size", self.hidden, DIMENSION_MAX),
            ("number of layers", self.layers, LAYERS_MAX),
            ("number of heads", self.heads, DIMENSION_MAX),
            ("intermediate size", self.intermediate, DIMENSION_MAX),
            ("number of positions", self.tokens_max, DIMENSION_MAX),
        ];
        for (what, size, max) in sizes {
            if size == 0 || size > max {
                return wrong(format!("{what} is {size}; expected 1 to {max}"));
            }
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return wrong(format!(
                "hidden size {} is not a multiple of {} heads",
                self.hidden, self.heads
            ));
        }
        if self.positions == Positions::Rotary && !self.head_width().is_multiple_of(2) {
            return wrong(format!(
                "rotary positions need an even head width, not {}",
                self.head_width()
            ));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return wrong(format!("the epsilon of the norms is {}", self.norm_eps));
        }
        Ok(Self { tokens_max: self.tokens_max.min(TOKENS_MAX), ..self })
    }
}

/// Reads a whole file of at most `bytes_max` bytes.
pub(crate) fn read_limited(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ModelError> {
    let unreadable = |source| ModelError::unreadable(path, source);
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > bytes_max {
        let reason = format!("it has {size} bytes; at most {bytes_max} are read");
        return Err(ModelError::malformed(path, "file of a model", reason));
    }
    std::fs::read(path).map_err(unreadable)
}

/// The keys of a `config.json`.
struct Keys<'a> {
    keys: Map<String, Value>,
    path: &'a Path,
}

impl Keys<'_> {
    fn optional<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Result<Option<T>, ModelError> {
        match self.keys.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value).map(Some).map_err(|error| {
                ModelError::malformed(self.path, "config.json", format!("key `{key}`: {error}"))
            }),
        }
    }

    fn required<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Result<T, ModelError> {
        self.optional(key)?.ok_or_else(|| {
            ModelError::malformed(self.path, "config.json", format!("key `{key}` is missing"))
        })
    }

    fn or<T: for<'de> Deserialize<'de>>(&self, key: &str, default: T) -> Result<T, ModelError> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    fn activation(&self, key: &str) -> Result<Activation, ModelError> {
        let name: String = self.or(key, "gelu".to_owned())?;
        Activation::parse(&name).ok_or_else(|| ModelError::Unsupported {
            path: self.path.to_owned(),
            feature: format!("the activation `{name}`"),
            remedy: "choose a base with gelu, gelu_new, relu, silu or tanh",
        })
    }

    fn refuse(&self, key: &str, default: Value, remedy: &'static str) -> Result<(), ModelError> {
        let value = self.keys.get(key).unwrap_or(&Value::Null);
        if value.is_null() || *value == default {
            return Ok(());
        }
        let feature = format!("`{key}` = {value}");
        Err(ModelError::Unsupported { path: self.path.to_owned(), feature, remedy })
    }
}

const EVERYWHERE: LayerAttention = LayerAttention { reach: None, rotary_base: None };

fn bert(keys: &Keys<'_>) -> Result<EncoderConfig, ModelError> {
    let remedy = "choose a base with absolute positions";
    keys.refuse("position_embedding_type", Value::from("absolute"), remedy)?;
    keys.refuse("is_decoder", Value::from(false), "choose an encoder")?;
    let layers = keys.required("num_hidden_layers")?;
    let position_rows = keys.required("max_position_embeddings")?;
    Ok(EncoderConfig {
        architecture: Architecture::Bert,
        vocab_size: keys.required("vocab_size")?,
        hidden: keys.required("hidden_size")?,
        layers,
        heads: keys.required("num_attention_heads")?,
        intermediate: keys.required("intermediate_size")?,
        activation: keys.activation("hidden_act")?,
        norm_eps: keys.or("layer_norm_eps", 1e-12)?,
        tokens_max: position_rows,
        positions: Positions::Learned { offset: 0 },
        position_rows,
        type_rows: keys.or("type_vocab_size", 2)?,
        pad_token: keys.or("pad_token_id", 0)?,
        attention_bias: true,
        ffn_bias: true,
        norm_bias: true,
        pooling: Pooling::Cls,
        head_bias: true,
        head_activation: Activation::Tanh,
        attention: vec![EVERYWHERE; layers.min(LAYERS_MAX)],
    })
}

fn roberta(keys: &Keys<'_>) -> Result<EncoderConfig, ModelError> {
    // Positions count from one past the padding token's id, a habit of fairseq.
    let offset = keys.or("pad_token_id", 1u32)? as usize + 1;
    let bert = bert(keys)?;
    Ok(EncoderConfig {
        architecture: Architecture::Roberta,
        pad_token: (offset - 1) as u32,
        positions: Positions::Learned { offset },
        tokens_max: bert.position_rows.saturating_sub(offset),
        ..bert
    })
}

fn distilbert(keys: &Keys<'_>) -> Result<EncoderConfig, ModelError> {
    let layers = keys.required("n_layers")?;
    let position_rows = keys.required("max_position_embeddings")?;
    Ok(EncoderConfig {
        architecture: Architecture::DistilBert,
        vocab_size: keys.required("vocab_size")?,
        hidden: keys.required("dim")?,
        layers,
        heads: keys.required("n_heads")?,
        intermediate: keys.required("hidden_dim")?,
        activation: keys.activation("activation")?,
        norm_eps: 1e-12,
        tokens_max: position_rows,
        positions: Positions::Learned { offset: 0 },
        position_rows,
        type_rows: 0,
        pad_token: keys.or("pad_token_id", 0)?,
        attention_bias: true,
        ffn_bias: true,
        norm_bias: true,
        pooling: Pooling::Cls,
        head_bias: true,
        head_activation: Activation::Relu,
        attention: vec![EVERYWHERE; layers.min(LAYERS_MAX)],
    })
}

fn modernbert(keys: &Keys<'_>) -> Result<EncoderConfig, ModelError> {
    let layers: usize = keys.required("num_hidden_layers")?;
    let pooling: String = keys.or("classifier_pooling", "cls".to_owned())?;
    let pooling = Pooling::parse(&pooling).ok_or_else(|| {
        let reason = format!("key `classifier_pooling` is `{pooling}`; expected `cls` or `mean`");
        ModelError::malformed(keys.path, "config.json", reason)
    })?;
    Ok(EncoderConfig {
        architecture: Architecture::ModernBert,
        vocab_size: keys.required("vocab_size")?,
        hidden: keys.required("hidden_size")?,
        layers,
        heads: keys.required("num_attention_heads")?,
        intermediate: keys.required("intermediate_size")?,
        activation: keys.activation("hidden_activation")?,
        norm_eps: keys.or("norm_eps", 1e-5)?,
        tokens_max: keys.or("max_position_embeddings", 8192)?,
        positions: Positions::Rotary,
        position_rows: 0,
        type_rows: 0,
        pad_token: keys.or("pad_token_id", 50283)?,
        attention_bias: keys.or("attention_bias", false)?,
        ffn_bias: keys.or("mlp_bias", false)?,
        norm_bias: keys.or("norm_bias", false)?,
        pooling,
        head_bias: keys.or("classifier_bias", false)?,
        head_activation: keys.activation("classifier_activation")?,
        attention: modernbert_attention(keys, layers.min(LAYERS_MAX))?,
    })
}

/// Both spellings of ModernBERT's layers: `layer_types` with `rope_parameters`, and the older
/// `global_attn_every_n_layers` with `global_rope_theta` and `local_rope_theta`.
fn modernbert_attention(keys: &Keys<'_>, layers: usize) -> Result<Vec<LayerAttention>, ModelError> {
    let every: usize = keys.or("global_attn_every_n_layers", 3)?;
    let local: usize = keys.or("local_attention", 128)?;
    let global_base = rotary_base(keys, "full_attention", "global_rope_theta", 160_000.0)?;
    let local_base = rotary_base(keys, "sliding_attention", "local_rope_theta", 10_000.0)?;
    let kinds: Vec<String> = match keys.optional("layer_types")? {
        Some(kinds) => kinds,
        None => (0..layers)
            .map(
                |layer| {
                    if layer % every.max(1) == 0 { "full_attention" } else { "sliding_attention" }
                },
            )
            .map(str::to_owned)
            .collect(),
    };
    if kinds.len() != layers {
        let reason = format!("`layer_types` has {} entries for {layers} layers", kinds.len());
        return Err(ModelError::malformed(keys.path, "config.json", reason));
    }
    let attention = |kind: &String| match kind.as_str() {
        "full_attention" => Ok(LayerAttention { reach: None, rotary_base: Some(global_base) }),
        "sliding_attention" => {
            Ok(LayerAttention { reach: Some(local / 2), rotary_base: Some(local_base) })
        }
        other => Err(ModelError::Unsupported {
            path: keys.path.to_owned(),
            feature: format!("the layer type `{other}`"),
            remedy: "choose a base with full and sliding attention",
        }),
    };
    kinds.iter().map(attention).collect()
}

fn rotary_base(
    keys: &Keys<'_>,
    kind: &str,
    old_key: &str,
    default: f32,
) -> Result<f32, ModelError> {
    let remedy = "choose a base without rescaled rotary positions";
    keys.refuse("rope_scaling", Value::Null, remedy)?;
    let parameters: Map<String, Value> = keys.or("rope_parameters", Map::new())?;
    let Some(Value::Object(parameters)) = parameters.get(kind) else {
        return Ok(keys.optional(old_key)?.unwrap_or(default));
    };
    let parameters = Keys { keys: parameters.clone(), path: keys.path };
    parameters.refuse("rope_type", Value::from("default"), remedy)?;
    match parameters.optional("rope_theta")? {
        Some(base) => Ok(base),
        None => Ok(keys.optional(old_key)?.unwrap_or(default)),
    }
}

#[cfg(test)]
mod tests;

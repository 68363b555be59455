//! Adapters in PEFT's format, and checkpoints: base weights with an adapter laid over them.
//!
//! A LoRA pair (Hu et al. 2021) adds `scale · B A` to a matrix; `modules_to_save` replaces
//! tensors. Kinds of adapter whose arithmetic is not built are refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::read_limited;
use crate::error::ModelError;
use crate::weights::{Tensor, Weights, canonical};

/// A low-rank change of one matrix of `outputs` by `inputs`.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraPair {
    pub rank: usize,
    pub scale: f32,
    /// `rank` rows of `inputs`.
    pub down: Vec<f32>,
    /// `outputs` rows of `rank`.
    pub up: Vec<f32>,
}

impl LoraPair {
    /// Adds the change to the matrix. The order of the sums is fixed, so the result is too.
    pub fn merge_into(&self, weight: &mut [f32]) {
        let inputs = self.down.len() / self.rank;
        for (row, up) in weight.chunks_exact_mut(inputs).zip(self.up.chunks_exact(self.rank)) {
            for (&up, down) in up.iter().zip(self.down.chunks_exact(inputs)) {
                let factor = up * self.scale;
                for (weight, &down) in row.iter_mut().zip(down) {
                    *weight += factor * down;
                }
            }
        }
    }
}

/// What fine-tuning added to a base.
#[derive(Debug)]
pub struct Adapter {
    path: PathBuf,
    /// By canonical module path.
    pairs: BTreeMap<String, LoraPair>,
    /// By canonical tensor name.
    saved: BTreeMap<String, Tensor>,
}

/// `adapter_config.json`; what is not read here does not change the numbers at inference.
#[derive(Debug, Deserialize)]
struct AdapterConfig {
    peft_type: String,
    lora_alpha: f32,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    alpha_pattern: BTreeMap<String, f32>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Adapter {
    /// The description of an adapter; its presence makes a directory one.
    pub const CONFIG_FILE: &str = "adapter_config.json";
    /// The tensors of an adapter.
    pub const WEIGHTS_FILE: &str = "adapter_model.safetensors";

    /// Reads a PEFT directory.
    ///
    /// # Errors
    /// When a file is missing, damaged, or of a kind that is not built.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join(Self::CONFIG_FILE);
        let config: AdapterConfig = serde_json::from_slice(&read_limited(&path, 16 << 20)?)
            .map_err(|error| ModelError::malformed(&path, "adapter_config.json", error))?;
        config.check(&path)?;
        let weights = Weights::open_file(&dir.join(Self::WEIGHTS_FILE))?;
        let mut adapter = Self {
            path: weights.path().to_owned(),
            pairs: BTreeMap::new(),
            saved: BTreeMap::new(),
        };
        for name in weights.names() {
            let spelled = name.replace(".default.", ".");
            if let Some(module) = spelled.strip_suffix(".lora_A.weight") {
                let pair = read_pair(&weights, &config, name, module)?;
                adapter.pairs.insert(module.to_owned(), pair);
            } else if let Some(module) = spelled.strip_suffix(".lora_B.weight") {
                if !weights.contains(&name.replace(".lora_B.", ".lora_A.")) {
                    let tensor = format!("{module}.lora_A.weight");
                    return Err(ModelError::TensorMissing { tensor, path: adapter.path });
                }
            } else if spelled.contains(".lora_") {
                return Err(unsupported(&adapter.path, format!("the adapter tensor `{name}`")));
            } else {
                adapter.saved.insert(name.to_owned(), weights.any_tensor(name)?);
            }
        }
        Ok(adapter)
    }

    /// The change of a module's matrix, if it has one.
    #[must_use]
    pub fn pair(&self, module: &str) -> Option<&LoraPair> {
        self.pairs.get(&canonical(module))
    }
}

impl AdapterConfig {
    fn check(&self, path: &Path) -> Result<(), ModelError> {
        if self.peft_type != "LORA" {
            return Err(unsupported(path, format!("adapter type `{}`", self.peft_type)));
        }
        let off = [Value::Null, Value::from(false), Value::from("none"), Value::Array(Vec::new())];
        let refused = [
            "use_dora",
            "fan_in_fan_out",
            "lora_bias",
            "bias",
            "layer_replication",
            "alora_invocation_tokens",
            "use_bdlora",
            "target_parameters",
        ];
        for key in refused {
            if let Some(value) = self.rest.get(key).filter(|value| !off.contains(value)) {
                return Err(unsupported(path, format!("`{key}` = {value}")));
            }
        }
        Ok(())
    }

    /// PEFT divides alpha by the rank, or by its root (Kalajdzievski 2023).
    fn scale(&self, module: &str, rank: usize) -> f32 {
        let matches = |key: &str| {
            let head = module.strip_suffix(key);
            head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
        };
        let own = self.alpha_pattern.iter().find(|(key, _)| matches(key));
        let alpha = own.map_or(self.lora_alpha, |(_, alpha)| *alpha);
        if self.use_rslora { alpha / (rank as f32).sqrt() } else { alpha / rank as f32 }
    }
}

fn unsupported(path: &Path, feature: String) -> ModelError {
    let remedy = "merge the adapter with PEFT first, or train a plain LoRA";
    ModelError::Unsupported { path: path.to_owned(), feature, remedy }
}

fn read_pair(
    weights: &Weights,
    config: &AdapterConfig,
    down_name: &str,
    module: &str,
) -> Result<LoraPair, ModelError> {
    let down = weights.any_tensor(down_name)?;
    let up_name = down_name.replace(".lora_A.", ".lora_B.");
    let up = weights.any_tensor(&up_name)?;
    let (&[rank, _], &[outputs, up_rank]) = (&down.shape[..], &up.shape[..]) else {
        return Err(unsupported(
            weights.path(),
            format!("a pair `{module}` that is not of matrices"),
        ));
    };
    if rank == 0 || rank != up_rank {
        return Err(ModelError::TensorShape {
            tensor: up_name,
            path: weights.path().to_owned(),
            found: up.shape,
            expected: vec![outputs, rank],
        });
    }
    Ok(LoraPair { rank, scale: config.scale(module, rank), down: down.data, up: up.data })
}

/// The tensors of a model version, wherever they come from.
#[derive(Debug)]
pub struct Checkpoint {
    weights: Arc<Weights>,
    adapter: Option<Adapter>,
    /// Canonical names of the tensors that were asked for.
    read: Mutex<BTreeSet<String>>,
}

impl Checkpoint {
    /// Weights on their own, or with an adapter laid over them.
    ///
    /// # Errors
    /// When the adapter changes a module that the weights do not have, or of another size.
    pub fn new(weights: Arc<Weights>, adapter: Option<Adapter>) -> Result<Self, ModelError> {
        let changed = adapter.iter().flat_map(|adapter| &adapter.pairs);
        for (module, pair) in changed {
            let tensor = format!("{module}.weight");
            let path = weights.path().to_owned();
            let expected = vec![pair.up.len() / pair.rank, pair.down.len() / pair.rank];
            match weights.shape(&tensor) {
                None => return Err(ModelError::TensorMissing { tensor, path }),
                Some(found) if found != expected => {
                    let found = found.to_vec();
                    return Err(ModelError::TensorShape { tensor, path, found, expected });
                }
                Some(_) => {}
            }
        }
        Ok(Self { weights, adapter, read: Mutex::default() })
    }

    /// A version directory: an adapter over the weights in `base_dir`, or full weights.
    ///
    /// # Errors
    /// When files are missing or damaged, or an adapter comes without its base.
    pub fn open(version_dir: &Path, base_dir: Option<&Path>) -> Result<Self, ModelError> {
        if !version_dir.join(Adapter::CONFIG_FILE).exists() {
            return Self::new(Arc::new(Weights::open(version_dir)?), None);
        }
        let Some(base_dir) = base_dir else {
            let feature = "the base it was trained on".to_owned();
            let remedy = "name the directory of the base";
            return Err(ModelError::Unsupported { path: version_dir.to_owned(), feature, remedy });
        };
        let weights = Arc::new(Weights::open(base_dir)?);
        Self::new(weights, Some(Adapter::open(version_dir)?))
    }

    /// The weights under the adapter.
    #[must_use]
    pub const fn base(&self) -> &Arc<Weights> {
        &self.weights
    }

    /// The file that decides about a tensor, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.adapter.as_ref().map_or(self.weights.path(), |adapter| &adapter.path)
    }

    /// Whether the adapter replaces or changes a tensor.
    #[must_use]
    pub fn is_adapted(&self, name: &str) -> bool {
        let name = canonical(name);
        self.adapter.as_ref().is_some_and(|adapter| {
            let module = name.strip_suffix(".weight");
            adapter.saved.contains_key(&name)
                || module.is_some_and(|module| adapter.pairs.contains_key(module))
        })
    }

    /// Whether there is such a tensor.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.is_adapted(name) || self.weights.contains(name)
    }

    /// A tensor with the adapter merged in.
    ///
    /// # Errors
    /// When it is missing, of another shape, or not of a float type.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let mut values = self.unmerged(name, shape)?;
        let pair = name.strip_suffix(".weight").and_then(|module| self.lora(module));
        if let Some(pair) = pair {
            pair.merge_into(&mut values);
        }
        Ok(values)
    }

    /// A tensor as it is under a low-rank change; saved modules do replace it.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn unmerged(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let key = canonical(name);
        let saved = self.adapter.as_ref().and_then(|it| it.saved.get(&key));
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        let Some(saved) = saved else { return self.weights.tensor(name, shape) };
        if saved.shape != shape {
            return Err(ModelError::TensorShape {
                tensor: name.to_owned(),
                path: self.path().to_owned(),
                found: saved.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(saved.data.clone())
    }

    /// The low-rank change of a module, if it has one.
    #[must_use]
    pub fn lora(&self, module: &str) -> Option<&LoraPair> {
        self.adapter.as_ref().and_then(|adapter| adapter.pair(module))
    }

    /// The shape that a tensor has, if there is one of that name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let saved = self.adapter.as_ref().and_then(|it| it.saved.get(&canonical(name)));
        saved.map(|tensor| tensor.shape.as_slice()).or_else(|| self.weights.shape(name))
    }

    /// Whether the adapter brings its own tensor of that name.
    #[must_use]
    pub fn is_replaced(&self, name: &str) -> bool {
        let name = canonical(name);
        self.adapter.as_ref().is_some_and(|adapter| adapter.saved.contains_key(&name))
    }

    /// Checks that every tensor that the adapter brought was asked for.
    ///
    /// # Errors
    /// When one was not: the adapter was trained on another class of model.
    pub fn check_all_read(&self) -> Result<(), ModelError> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = self.adapter.iter().flat_map(|adapter| adapter.saved.keys());
        let Some(name) = saved.into_iter().find(|name| !read.contains(*name)) else {
            return Ok(());
        };
        let reason = format!("nothing in the model takes tensor `{name}`; is the head described?");
        Err(ModelError::malformed(self.path(), "adapter of this model", reason))
    }
}

#[cfg(test)]
mod tests;

//! Builds the network that a specification asks for from a base directory.

use std::collections::BTreeSet;
use std::sync::Arc;

use freehold_models::config::{Positions, Projection};
use freehold_models::weights::Weights as File;
use freehold_models::{
    Activation, Architecture, EncoderConfig, HeadDense, HeadSpec, Pooling, RotaryTable,
};
use freehold_vocabulary::{Random, Seed};
use serde::{Deserialize, Serialize};

use super::head::{Dense, Head};
use super::layer::{Form, Layer};
use super::linear::{Adapter, Linear};
use super::{Embeddings, Named, Network, Norm, Pool, PositionTable, Span, Weights};
use crate::error::TrainingError;

/// The matrices of a block that adapters can be put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetModule {
    Query,
    Key,
    Value,
    AttentionOut,
    FeedForwardUp,
    FeedForwardDown,
}

impl TargetModule {
    /// Every matrix of a block.
    pub const ALL: [Self; 6] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOut,
        Self::FeedForwardUp,
        Self::FeedForwardDown,
    ];
}

/// Which weights move.
#[derive(Debug, Clone, PartialEq)]
pub enum Trainable {
    /// Only the head.
    Head,
    /// The head and low-rank adapters of these matrices.
    Adapters { rank: usize, scale: f32, targets: BTreeSet<TargetModule> },
    /// The head and every block; embeddings stay, because rows of rare words would drift.
    Blocks,
}

/// What a network is built from.
#[derive(Debug)]
pub struct Blueprint<'a> {
    pub config: &'a EncoderConfig,
    pub file: &'a File,
    pub head: &'a HeadSpec,
    pub labels: usize,
    pub trainable: Trainable,
    /// The token ids that occur, ascending: other rows of the table are not loaded, and token
    /// ids given to the network are positions in this list.
    pub vocabulary: &'a [u32],
    /// Of the fresh weights.
    pub seed: Seed,
}

impl Blueprint<'_> {
    /// Reads the weights and draws the fresh ones.
    ///
    /// # Errors
    /// When the architecture or head cannot be trained here, or a tensor is missing or misshapen.
    pub fn build(&self) -> Result<Network, TrainingError> {
        let config = self.config;
        if config.activation != Activation::Gelu {
            let found = format!("the activation {:?}", config.activation);
            return Err(untrainable(&found, "choose a base with gelu"));
        }
        let mut builder = Builder {
            blueprint: self,
            weights: Weights::default(),
            names: Vec::new(),
            rotary: Vec::new(),
            random: Random::new(self.seed.derive("fresh weights")),
        };
        let embeddings = builder.embeddings()?;
        let layers =
            (0..config.layers).map(|layer| builder.layer(layer)).collect::<Result<_, _>>()?;
        let pool = builder.block_pool();
        let final_norm = config.embedding_names().final_norm;
        let final_norm = final_norm.map(|it| builder.norm(pool, it)).transpose()?;
        let head = builder.head()?;
        Ok(Network {
            weights: builder.weights,
            embeddings,
            layers,
            final_norm,
            head,
            hidden: config.hidden,
            heads: config.heads,
            intermediate: config.intermediate,
            epsilon: config.norm_eps,
            names: builder.names,
        })
    }
}

fn untrainable(what: &str, remedy: &'static str) -> TrainingError {
    TrainingError::Untrainable { what: what.to_owned(), remedy }
}

struct Builder<'a> {
    blueprint: &'a Blueprint<'a>,
    weights: Weights,
    names: Vec<Named>,
    /// Tables of angles, one for each base.
    rotary: Vec<Arc<RotaryTable>>,
    random: Random,
}

impl Builder<'_> {
    /// Reads tensors one behind the other and returns the span over all of them.
    fn read(
        &mut self,
        pool: Pool,
        tensors: &[(String, Vec<usize>)],
    ) -> Result<Span, TrainingError> {
        let mut all: Option<Span> = None;
        for (name, shape) in tensors {
            let values = self.blueprint.file.tensor(name, shape)?;
            let span = self.weights.allocate(pool, values.len());
            self.weights.get_mut(span).copy_from_slice(&values);
            self.names.push(Named { name: name.clone(), shape: shape.clone(), span });
            all = Some(all.map_or(span, |it| Span { len: it.len + span.len, ..it }));
        }
        Ok(all.expect("at least one tensor is read"))
    }

    /// A fresh tensor, uniform in ±`bound`.
    fn fresh(&mut self, name: String, shape: Vec<usize>, bound: f64) -> Span {
        let span = self.weights.allocate(Pool::Trainable, shape.iter().product());
        for value in self.weights.trainable[span.range()].iter_mut() {
            *value = (bound * (2.0 * self.random.unit() - 1.0)) as f32;
        }
        self.names.push(Named { name, shape, span });
        span
    }

    fn block_pool(&self) -> Pool {
        match self.blueprint.trainable {
            Trainable::Blocks => Pool::Trainable,
            Trainable::Head | Trainable::Adapters { .. } => Pool::Frozen,
        }
    }

    fn embeddings(&mut self) -> Result<Embeddings, TrainingError> {
        let config = self.blueprint.config;
        let (names, hidden) = (config.embedding_names(), config.hidden);
        let rows = word_rows(self.blueprint.file, config, self.blueprint.vocabulary)?;
        let word = self.weights.allocate(Pool::Frozen, rows.len());
        self.weights.get_mut(word).copy_from_slice(&rows);
        let position = match (names.position, config.positions) {
            (Some(name), Positions::Learned { offset }) => {
                let table = [(format!("{name}.weight"), vec![config.position_rows, hidden])];
                Some(PositionTable { rows: self.read(Pool::Frozen, &table)?, offset })
            }
            _ => None,
        };
        let token_type = match names.token_type {
            Some(name) if config.type_rows > 0 => {
                let name = format!("{name}.weight");
                Some(self.read(Pool::Frozen, &[(name, vec![config.type_rows, hidden])])?)
            }
            _ => None,
        };
        let norm = self.norm(Pool::Frozen, names.norm)?;
        Ok(Embeddings { word, position, token_type, norm })
    }

    fn norm(&mut self, pool: Pool, module: &str) -> Result<Norm, TrainingError> {
        let EncoderConfig { hidden, norm_bias, .. } = *self.blueprint.config;
        let mut part = |kind: &str| self.read(pool, &[(format!("{module}.{kind}"), vec![hidden])]);
        let gamma = part("weight")?;
        let beta = if norm_bias { Some(part("bias")?) } else { None };
        Ok(Norm { gamma, beta: beta.unwrap_or_else(|| self.no_bias(hidden)) })
    }

    /// What stands where a file has no bias.
    fn no_bias(&mut self, len: usize) -> Span {
        self.weights.allocate(Pool::Frozen, len)
    }

    fn rotary(&mut self, base: f32) -> Arc<RotaryTable> {
        if let Some(table) = self.rotary.iter().find(|it| it.base == base) {
            return Arc::clone(table);
        }
        let config = self.blueprint.config;
        let table = Arc::new(RotaryTable::new(base, config.head_width(), config.tokens_max));
        self.rotary.push(Arc::clone(&table));
        table
    }

    fn layer(&mut self, number: usize) -> Result<Layer, TrainingError> {
        use TargetModule::{AttentionOut, FeedForwardDown, FeedForwardUp, Key, Query, Value};
        let config = self.blueprint.config;
        let EncoderConfig { hidden, intermediate, attention_bias, ffn_bias, .. } = *config;
        let (names, pool) = (config.layer_names(number), self.block_pool());
        let (form, wide) = if config.norm_first() && config.gated() {
            (Form::NormFirst, 2 * intermediate)
        } else {
            (Form::NormLast, intermediate)
        };
        let attention = config.attention[number];
        let out = (names.attention_out.as_str(), AttentionOut);
        let (up, down) =
            ((names.up.as_str(), FeedForwardUp), (names.down.as_str(), FeedForwardDown));
        Ok(Layer {
            form,
            qkv: match &names.projection {
                Projection::Separate { query, key, value } => {
                    let parts = [(query.as_str(), Query), (key, Key), (value, Value)];
                    self.linear(&parts, (hidden, hidden), attention_bias)?
                }
                Projection::Joint(module) => {
                    self.check_joint()?;
                    self.linear(&[(module.as_str(), Query)], (hidden, 3 * hidden), attention_bias)?
                }
            },
            out: self.linear(&[out], (hidden, hidden), attention_bias)?,
            attention_norm: match &names.attention_norm {
                Some(module) => Some(self.norm(pool, module)?),
                None => None,
            },
            up: self.linear(&[up], (hidden, wide), ffn_bias)?,
            down: self.linear(&[down], (intermediate, hidden), ffn_bias)?,
            ffn_norm: self.norm(pool, &names.ffn_norm)?,
            reach: attention.reach,
            rotary: attention.rotary_base.map(|base| self.rotary(base)),
        })
    }

    /// One matrix cannot have adapters for a part of its rows: PEFT knows whole modules only.
    fn check_joint(&self) -> Result<(), TrainingError> {
        use TargetModule::{Key, Query, Value};
        let Trainable::Adapters { targets, .. } = &self.blueprint.trainable else { return Ok(()) };
        let named = [Query, Key, Value].iter().filter(|it| targets.contains(it)).count();
        if matches!(named, 0 | 3) {
            return Ok(());
        }
        let what = "a part of the joint matrix of queries, keys and values";
        Err(untrainable(what, "name all of query, key and value as target modules, or none"))
    }

    /// Modules of the same size, stacked into one matrix.
    fn linear(
        &mut self,
        modules: &[(&str, TargetModule)],
        (inputs, outputs): (usize, usize),
        has_bias: bool,
    ) -> Result<Linear, TrainingError> {
        let pool = self.block_pool();
        let tensors = |kind: &str, shape: &[usize]| -> Vec<_> {
            modules.iter().map(|(it, _)| (format!("{it}.{kind}"), shape.to_vec())).collect()
        };
        let weight = self.read(pool, &tensors("weight", &[outputs, inputs]))?;
        let bias = if has_bias {
            self.read(pool, &tensors("bias", &[outputs]))?
        } else {
            self.no_bias(outputs * modules.len())
        };
        let (adapters, rank, scale) = self.adapters(modules, inputs, outputs);
        Ok(Linear { weight, bias, inputs, outputs: outputs * modules.len(), adapters, rank, scale })
    }

    fn adapters(
        &mut self,
        modules: &[(&str, TargetModule)],
        inputs: usize,
        outputs: usize,
    ) -> (Vec<Adapter>, usize, f32) {
        let Trainable::Adapters { rank, scale, targets } = &self.blueprint.trainable else {
            return (Vec::new(), 0, 0.0);
        };
        let adapted = |(row, (module, kind)): (usize, &(&str, TargetModule))| {
            targets.contains(kind).then(|| (row * outputs, (*module).to_owned()))
        };
        let adapted: Vec<_> = modules.iter().enumerate().filter_map(adapted).collect();
        // As PEFT: A uniform as torch draws a linear layer, B zero, so that nothing changes yet.
        let bound = 1.0 / (inputs as f64).sqrt();
        let down: Vec<_> = adapted
            .iter()
            .map(|(_, module)| {
                self.fresh(format!("{module}.lora_A.weight"), vec![*rank, inputs], bound)
            })
            .collect();
        let pairs = adapted.iter().zip(down).map(|((first_row, module), a)| {
            let b = self.fresh(format!("{module}.lora_B.weight"), vec![outputs, *rank], 0.0);
            Adapter { a, b, first_row: *first_row, rows: outputs }
        });
        (pairs.collect(), *rank, *scale)
    }

    fn head(&mut self) -> Result<Head, TrainingError> {
        let Blueprint { config, head, labels, .. } = *self.blueprint;
        let hidden = config.hidden;
        let bound = 0.02 * 3f64.sqrt(); // Standard deviation 0.02, as the stock classes.
        let dense = match &head.dense {
            None => None,
            Some(dense) => Some(self.dense(dense, bound)?),
        };
        let weight = self.fresh(format!("{}.weight", head.classifier), vec![labels, hidden], bound);
        let bias = self.fresh(format!("{}.bias", head.classifier), vec![labels], 0.0);
        Ok(Head { pooling: head.pooling, dense, weight, bias, labels })
    }

    /// The dense part of a head: what came with the base is a better start than chance.
    fn dense(&mut self, dense: &HeadDense, bound: f64) -> Result<Dense, TrainingError> {
        let EncoderConfig { hidden, head_bias, norm_bias, .. } = *self.blueprint.config;
        if !matches!(dense.activation, Activation::Tanh | Activation::Relu | Activation::Gelu) {
            let what = format!("a head with {:?}", dense.activation);
            return Err(untrainable(&what, "choose a base with a tanh, relu or gelu head"));
        }
        let weight = self.fresh(format!("{}.weight", dense.module), vec![hidden, hidden], bound);
        let bias = if head_bias {
            self.fresh(format!("{}.bias", dense.module), vec![hidden], 0.0)
        } else {
            self.no_bias(hidden)
        };
        let mut norm = None;
        if let Some(module) = &dense.norm {
            let gamma = self.fresh(format!("{module}.weight"), vec![hidden], 0.0);
            self.weights.get_mut(gamma).fill(1.0);
            let beta = if norm_bias {
                self.fresh(format!("{module}.bias"), vec![hidden], 0.0)
            } else {
                self.no_bias(hidden)
            };
            norm = Some(Norm { gamma, beta });
        }
        let file = self.blueprint.file;
        let spans = [Some(weight), Some(bias), norm.map(|it| it.gamma), norm.map(|it| it.beta)];
        let is_own = |it: &&Named| spans.contains(&Some(it.span));
        let own: Vec<Named> = self.names.iter().filter(is_own).cloned().collect();
        if own.iter().all(|it| file.contains(&it.name)) {
            for named in &own {
                let values = file.tensor(&named.name, &named.shape)?;
                self.weights.get_mut(named.span).copy_from_slice(&values);
            }
        }
        Ok(Dense { weight, bias, activation: dense.activation, norm })
    }
}

/// The rows of the word table that are in use.
fn word_rows(
    file: &File,
    config: &EncoderConfig,
    vocabulary: &[u32],
) -> Result<Vec<f32>, TrainingError> {
    let table = format!("{}.weight", config.embedding_names().word);
    let rows = file.matrix_rows(&table, config.hidden)?;
    let mut out = vec![0.0; vocabulary.len() * config.hidden];
    for (id, out) in vocabulary.iter().zip(out.chunks_exact_mut(config.hidden)) {
        if *id as usize >= rows {
            let what = format!("token {id} of a tokenizer whose model has {rows} tokens");
            return Err(untrainable(&what, "take tokenizer and weights from the same base"));
        }
        file.read_row(&table, *id as usize, out);
    }
    Ok(out)
}

impl Network {
    /// Exchanges the rows of the word table for those of another vocabulary. They never train,
    /// so the file still has them.
    ///
    /// # Errors
    /// When the file is not that of the base.
    pub fn reload_words(
        &mut self,
        file: &File,
        config: &EncoderConfig,
        vocabulary: &[u32],
    ) -> Result<(), TrainingError> {
        let rows = word_rows(file, config, vocabulary)?;
        self.embeddings.word = self.weights.allocate(Pool::Frozen, rows.len());
        self.weights.get_mut(self.embeddings.word).copy_from_slice(&rows);
        Ok(())
    }
}

/// The head of the stock class, or the mean of all tokens straight into the classifier. The stock
/// class of ModernBERT can pool either way, so there both are its own head.
#[must_use]
pub fn head_spec(config: &EncoderConfig, pooling: Pooling) -> HeadSpec {
    let stock = HeadSpec::stock(config);
    match (config.architecture, pooling) {
        (Architecture::ModernBert, _) => HeadSpec { pooling, ..stock },
        (_, Pooling::Cls) => stock,
        (_, Pooling::Mean) => {
            HeadSpec { pooling, dense: None, classifier: "classifier".to_owned() }
        }
    }
}

//! Builds the network that a specification asks for from a base directory.

use std::collections::BTreeSet;

use freehold_models::config::{Positions, Projection};
use freehold_models::weights::Weights as File;
use freehold_models::{Activation, Architecture, EncoderConfig, HeadSpec, Pooling};
use freehold_vocabulary::{Random, Seed};
use serde::{Deserialize, Serialize};

use super::head::{Dense, Head};
use super::layer::Layer;
use super::linear::{Adapter, Linear};
use super::{Embeddings, Named, Network, Pool, Span, Weights};
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
        if config.architecture == Architecture::ModernBert {
            return Err(untrainable("ModernBERT", "choose a BERT, DistilBERT or RoBERTa base"));
        }
        if config.activation != Activation::Gelu {
            let found = format!("the activation {:?}", config.activation);
            return Err(untrainable(&found, "choose a base with gelu"));
        }
        let mut builder = Builder {
            blueprint: self,
            weights: Weights::default(),
            names: Vec::new(),
            random: Random::new(self.seed.derive("fresh weights")),
        };
        let embeddings = builder.embeddings()?;
        let layers =
            (0..config.layers).map(|layer| builder.layer(layer)).collect::<Result<_, _>>()?;
        let head = builder.head()?;
        Ok(Network {
            weights: builder.weights,
            embeddings,
            layers,
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
        let position =
            names.position.expect("architectures with norms last have learned positions");
        let position = format!("{position}.weight");
        let position =
            self.read(Pool::Frozen, &[(position, vec![config.position_rows, hidden])])?;
        let token_type = match names.token_type {
            Some(name) if config.type_rows > 0 => {
                let name = format!("{name}.weight");
                Some(self.read(Pool::Frozen, &[(name, vec![config.type_rows, hidden])])?)
            }
            _ => None,
        };
        let norm = self.read(Pool::Frozen, &norm(names.norm, hidden))?;
        let Positions::Learned { offset: position_offset } = config.positions else {
            return Err(untrainable("rotary positions", "choose a base with learned positions"));
        };
        Ok(Embeddings { word, position, position_offset, token_type, norm })
    }

    fn layer(&mut self, number: usize) -> Result<Layer, TrainingError> {
        let config = self.blueprint.config;
        let (names, hidden, wide) =
            (config.layer_names(number), config.hidden, config.intermediate);
        let Projection::Separate { query, key, value } = &names.projection else {
            return Err(untrainable(
                "a joint projection",
                "choose a BERT, DistilBERT or RoBERTa base",
            ));
        };
        let attention_norm = names.attention_norm.as_deref();
        let attention_norm = attention_norm.expect("architectures with norms last have both");
        use TargetModule::{AttentionOut, FeedForwardDown, FeedForwardUp, Key, Query, Value};
        let pool = self.block_pool();
        let qkv = [(query.as_str(), Query), (key, Key), (value, Value)];
        Ok(Layer {
            qkv: self.linear(&qkv, hidden, hidden)?,
            out: self.linear(&[(&names.attention_out, AttentionOut)], hidden, hidden)?,
            attention_norm: self.read(pool, &norm(attention_norm, hidden))?,
            up: self.linear(&[(&names.up, FeedForwardUp)], hidden, wide)?,
            down: self.linear(&[(&names.down, FeedForwardDown)], wide, hidden)?,
            ffn_norm: self.read(pool, &norm(&names.ffn_norm, hidden))?,
        })
    }

    /// Modules of the same size, stacked into one matrix.
    fn linear(
        &mut self,
        modules: &[(&str, TargetModule)],
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, TrainingError> {
        let pool = self.block_pool();
        let tensors = |kind: &str, shape: &[usize]| -> Vec<_> {
            modules.iter().map(|(it, _)| (format!("{it}.{kind}"), shape.to_vec())).collect()
        };
        let weight = self.read(pool, &tensors("weight", &[outputs, inputs]))?;
        let bias = self.read(pool, &tensors("bias", &[outputs]))?;
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
        let Blueprint { config, head, labels, file, .. } = *self.blueprint;
        let hidden = config.hidden;
        let bound = 0.02 * 3f64.sqrt(); // Standard deviation 0.02, as the stock classes.
        let dense = match &head.dense {
            None => None,
            Some(dense)
                if dense.norm.is_none()
                    && matches!(dense.activation, Activation::Tanh | Activation::Relu) =>
            {
                let [weight_name, bias_name] =
                    ["weight", "bias"].map(|kind| format!("{}.{kind}", dense.module));
                let weight = self.fresh(weight_name.clone(), vec![hidden, hidden], bound);
                let bias = self.fresh(bias_name.clone(), vec![hidden], 0.0);
                // A pooler that came with the base is a better start than chance.
                if file.contains(&weight_name) && file.contains(&bias_name) {
                    let values = file.tensor(&weight_name, &[hidden, hidden])?;
                    self.weights.get_mut(weight).copy_from_slice(&values);
                    let values = file.tensor(&bias_name, &[hidden])?;
                    self.weights.get_mut(bias).copy_from_slice(&values);
                }
                Some(Dense { weight, bias, activation: dense.activation })
            }
            Some(dense) => {
                let what = format!(
                    "a head with {:?} and a norm or activation of its own",
                    dense.activation
                );
                return Err(untrainable(&what, "choose a base with a tanh or relu head"));
            }
        };
        let weight = self.fresh(format!("{}.weight", head.classifier), vec![labels, hidden], bound);
        let bias = self.fresh(format!("{}.bias", head.classifier), vec![labels], 0.0);
        Ok(Head { pooling: head.pooling, dense, weight, bias, labels })
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

fn norm(module: &str, hidden: usize) -> [(String, Vec<usize>); 2] {
    ["weight", "bias"].map(|kind| (format!("{module}.{kind}"), vec![hidden]))
}

/// The head of the stock class, or the mean of all tokens straight into the classifier.
#[must_use]
pub fn head_spec(config: &EncoderConfig, pooling: Pooling) -> HeadSpec {
    let stock = HeadSpec::stock(config);
    match pooling {
        Pooling::Cls => stock,
        Pooling::Mean => HeadSpec { pooling, dense: None, classifier: "classifier".to_owned() },
    }
}

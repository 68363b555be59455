//! From files to a [`Network`]: names, shapes, packing, and what a base shares with its adapters.

use std::collections::VecDeque;
use std::sync::Arc;

use super::attention::Heads;
use super::linear::{Linear, LowRank};
use super::network::{Embeddings, Head, Layer, Network, Norm, Table};
use super::panels::{Draft, Panels, Precision, settle};
use crate::adapter::{Checkpoint, LoraPair};
use crate::config::{EncoderConfig, LayerNames, Positions, Projection};
use crate::error::ModelError;
use crate::head::{HeadSpec, Pooling};
use crate::rotary::RotaryTable;

/// The four large matrices of a layer, in the order in which they are used.
const PARTS: [Part; 4] = [Part::Projection, Part::AttentionOut, Part::Up, Part::Down];

#[derive(Debug, Clone, Copy)]
enum Part {
    Projection,
    AttentionOut,
    Up,
    Down,
}

/// The modules whose rows make up a matrix, with the rows of each.
struct Stack {
    modules: Vec<(String, usize)>,
    inputs: usize,
    bias: bool,
}

impl Part {
    fn stack(self, config: &EncoderConfig, names: &LayerNames) -> Stack {
        let EncoderConfig { hidden, intermediate, attention_bias, ffn_bias, .. } = *config;
        let (modules, inputs, bias) = match self {
            Self::Projection => {
                let modules = match &names.projection {
                    Projection::Joint(module) => vec![(module.clone(), 3 * hidden)],
                    Projection::Separate { query, key, value } => {
                        [query, key, value].map(|module| (module.clone(), hidden)).to_vec()
                    }
                };
                (modules, hidden, attention_bias)
            }
            Self::AttentionOut => {
                (vec![(names.attention_out.clone(), hidden)], hidden, attention_bias)
            }
            Self::Up => {
                let outputs = if config.gated() { 2 * intermediate } else { intermediate };
                (vec![(names.up.clone(), outputs)], hidden, ffn_bias)
            }
            Self::Down => (vec![(names.down.clone(), hidden)], intermediate, ffn_bias),
        };
        Stack { modules, inputs, bias }
    }
}

impl Stack {
    fn weight(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, ModelError> {
        let rows = |(module, outputs): &(String, usize)| {
            checkpoint.tensor(&format!("{module}.weight"), &[*outputs, self.inputs])
        };
        Ok(self.modules.iter().map(rows).collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn bias(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, ModelError> {
        if !self.bias {
            return Ok(Vec::new());
        }
        let rows = |(module, outputs): &(String, usize)| {
            checkpoint.tensor(&format!("{module}.bias"), &[*outputs])
        };
        Ok(self.modules.iter().map(rows).collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn is_replaced(&self, checkpoint: &Checkpoint) -> bool {
        self.modules.iter().any(|(module, _)| checkpoint.is_replaced(&format!("{module}.weight")))
    }

    /// The low-rank changes of all modules as one pair: ranks behind each other, each reaching
    /// only the rows of its own module.
    fn change(&self, checkpoint: &Checkpoint) -> Option<(Draft, Draft)> {
        let pairs: Vec<Option<&LoraPair>> =
            self.modules.iter().map(|(module, _)| checkpoint.lora(module)).collect();
        let rank: usize = pairs.iter().flatten().map(|pair| pair.rank).sum();
        if rank == 0 {
            return None;
        }
        let down: Vec<f32> = pairs.iter().flatten().flat_map(|pair| pair.down.clone()).collect();
        let mut up = Vec::new();
        let mut from = 0;
        for (pair, (_, outputs)) in pairs.iter().zip(&self.modules) {
            let own = pair.map_or(0, |pair| pair.rank);
            for output in 0..*outputs {
                let mut row = vec![0.0; rank];
                if let Some(pair) = pair {
                    let factors = &pair.up[output * own..(output + 1) * own];
                    for (value, factor) in row[from..from + own].iter_mut().zip(factors) {
                        *value = factor * pair.scale;
                    }
                }
                up.extend(row);
            }
            from += own;
        }
        let down = Draft::new(&down, self.inputs, Precision::F32);
        Some((down, Draft::new(&up, rank, Precision::F32)))
    }
}

/// Packs the large matrices of all layers, adapters merged.
///
/// # Errors
/// When weights are missing or do not fit, or memory is short.
pub fn pack(
    config: &EncoderConfig,
    checkpoint: &Checkpoint,
    precision: Precision,
) -> Result<Vec<Arc<Panels>>, ModelError> {
    let mut drafts = Vec::with_capacity(config.layers * PARTS.len());
    for layer in 0..config.layers {
        let names = config.layer_names(layer);
        for part in PARTS {
            let stack = part.stack(config, &names);
            drafts.push(Draft::new(&stack.weight(checkpoint)?, stack.inputs, precision));
        }
    }
    Ok(settled(drafts, checkpoint)?.into_iter().map(Arc::new).collect())
}

fn settled(drafts: Vec<Draft>, checkpoint: &Checkpoint) -> Result<Vec<Panels>, ModelError> {
    settle(drafts).map_err(|source| ModelError::unreadable(checkpoint.path(), source))
}

/// Which matrix stands at a place of a network.
enum Source {
    Shared(Arc<Panels>),
    /// As shared, with a change beside it: the next two drafts.
    Changed(Arc<Panels>),
    /// Of its own: the next draft.
    Own,
}

/// Builds a network whose large matrices come from `packed` (see [`pack`]).
///
/// With `merged`, `packed` already holds the adapter; otherwise it holds the bare base, and what
/// the adapter changes stays beside it. Without a head the mean over the tokens is the answer, and a
/// head of zeros gives one logit, which is finite exactly if the mean is.
///
/// # Errors
/// When weights are missing or do not fit, or memory is short.
pub fn network(
    config: &EncoderConfig,
    checkpoint: &Checkpoint,
    head: Option<(&HeadSpec, usize)>,
    packed: &[Arc<Panels>],
    merged: bool,
    tokens_max: usize,
) -> Result<Network, ModelError> {
    let mut drafts = Vec::new();
    let mut sources = Vec::with_capacity(packed.len());
    for (place, panels) in packed.iter().enumerate() {
        let names = config.layer_names(place / PARTS.len());
        let stack = PARTS[place % PARTS.len()].stack(config, &names);
        let panels = Arc::clone(panels);
        sources.push(if merged {
            Source::Shared(panels)
        } else if stack.is_replaced(checkpoint) {
            let precision = panels.precision();
            drafts.push(Draft::new(&stack.weight(checkpoint)?, stack.inputs, precision));
            Source::Own
        } else if let Some((down, up)) = stack.change(checkpoint) {
            drafts.extend([down, up]);
            Source::Changed(panels)
        } else {
            Source::Shared(panels)
        });
    }
    let head_parts = match head {
        Some((spec, labels)) => HeadParts::read(config, checkpoint, spec, labels, &mut drafts)?,
        None => HeadParts::zeros(config, &mut drafts),
    };
    let mut panels: VecDeque<Panels> = settled(drafts, checkpoint)?.into();
    let mut next = || panels.pop_front().expect("as many panels as drafts");
    let mut linears = VecDeque::new();
    for (place, source) in sources.into_iter().enumerate() {
        let names = config.layer_names(place / PARTS.len());
        let bias = PARTS[place % PARTS.len()].stack(config, &names).bias(checkpoint)?;
        linears.push_back(match source {
            Source::Shared(matrix) => Linear::new(matrix, &bias, None),
            Source::Own => Linear::new(Arc::new(next()), &bias, None),
            Source::Changed(matrix) => {
                let change = LowRank { down: next(), up: next() };
                Linear::new(matrix, &bias, Some(change))
            }
        });
    }
    let head = match head {
        Some((spec, _)) => head_parts.finish(config, checkpoint, spec, next)?,
        None => head_parts.bare(next),
    };
    let reader = Reader { config, checkpoint, tokens_max };
    reader.finish(linears, head)
}

/// The head's biases, read while its matrices are being packed.
struct HeadParts {
    dense_bias: Vec<f32>,
    classifier_bias: Vec<f32>,
}

impl HeadParts {
    /// One row of zeros.
    fn zeros(config: &EncoderConfig, drafts: &mut Vec<Draft>) -> Self {
        drafts.push(Draft::new(&vec![0.0; config.hidden], config.hidden, Precision::F32));
        Self { dense_bias: Vec::new(), classifier_bias: Vec::new() }
    }

    fn bare(self, mut next: impl FnMut() -> Panels) -> Head {
        let classifier = Linear::new(Arc::new(next()), &self.classifier_bias, None);
        Head { pooling: Pooling::Mean, dense: None, classifier }
    }

    fn read(
        config: &EncoderConfig,
        checkpoint: &Checkpoint,
        spec: &HeadSpec,
        labels: usize,
        drafts: &mut Vec<Draft>,
    ) -> Result<Self, ModelError> {
        let hidden = config.hidden;
        let mut matrix = |module: &str, outputs: usize| {
            let weight = checkpoint.tensor(&format!("{module}.weight"), &[outputs, hidden])?;
            drafts.push(Draft::new(&weight, hidden, Precision::F32));
            optional(checkpoint, &format!("{module}.bias"), outputs)
        };
        let dense_bias = match &spec.dense {
            Some(dense) => matrix(&dense.module, hidden)?,
            None => Vec::new(),
        };
        let classifier = format!("{}.weight", spec.classifier);
        if let Some(&[found, _]) = checkpoint.shape(&classifier)
            && found != labels
        {
            let path = checkpoint.path().to_owned();
            return Err(ModelError::Labels { path, found, expected: labels });
        }
        Ok(Self { dense_bias, classifier_bias: matrix(&spec.classifier, labels)? })
    }

    fn finish(
        self,
        config: &EncoderConfig,
        checkpoint: &Checkpoint,
        spec: &HeadSpec,
        mut next: impl FnMut() -> Panels,
    ) -> Result<Head, ModelError> {
        let dense = match &spec.dense {
            None => None,
            Some(dense) => {
                let linear = Linear::new(Arc::new(next()), &self.dense_bias, None);
                let norm = dense.norm.as_deref().map(|module| norm(config, checkpoint, module));
                Some((linear, dense.activation, norm.transpose()?))
            }
        };
        let classifier = Linear::new(Arc::new(next()), &self.classifier_bias, None);
        Ok(Head { pooling: spec.pooling, dense, classifier })
    }
}

fn optional(checkpoint: &Checkpoint, name: &str, width: usize) -> Result<Vec<f32>, ModelError> {
    if checkpoint.contains(name) { checkpoint.tensor(name, &[width]) } else { Ok(Vec::new()) }
}

fn norm(config: &EncoderConfig, checkpoint: &Checkpoint, module: &str) -> Result<Norm, ModelError> {
    let width = config.hidden;
    let gamma = checkpoint.tensor(&format!("{module}.weight"), &[width])?;
    let beta = if config.norm_bias {
        checkpoint.tensor(&format!("{module}.bias"), &[width])?
    } else {
        vec![0.0; width]
    };
    Ok(Norm { gamma, beta, eps: config.norm_eps })
}

/// Reads what is neither a large matrix nor the head.
struct Reader<'a> {
    config: &'a EncoderConfig,
    checkpoint: &'a Checkpoint,
    tokens_max: usize,
}

impl Reader<'_> {
    fn norm(&self, module: &str) -> Result<Norm, ModelError> {
        norm(self.config, self.checkpoint, module)
    }

    fn table(&self, module: &str, rows: usize) -> Result<Table, ModelError> {
        let (name, width) = (format!("{module}.weight"), self.config.hidden);
        if self.checkpoint.is_adapted(&name) {
            let rows = self.checkpoint.tensor(&name, &[rows, width])?;
            return Ok(Table::Own { rows, width });
        }
        let mapped = self.checkpoint.base().rows(&name, width)?;
        if mapped.count() == rows {
            return Ok(Table::Mapped(mapped));
        }
        Err(ModelError::TensorShape {
            tensor: name,
            path: self.checkpoint.base().path().to_owned(),
            found: vec![mapped.count(), width],
            expected: vec![rows, width],
        })
    }

    fn embeddings(&self) -> Result<Embeddings, ModelError> {
        let names = self.config.embedding_names();
        let position = match (names.position, self.config.positions) {
            (Some(module), Positions::Learned { offset }) => {
                Some((self.table(module, self.config.position_rows)?, offset))
            }
            _ => None,
        };
        let token_type = match names.token_type.filter(|_| self.config.type_rows > 0) {
            None => None,
            Some(module) => {
                let mut row = vec![0.0; self.config.hidden];
                self.table(module, self.config.type_rows)?.read(0, &mut row);
                Some(row)
            }
        };
        Ok(Embeddings {
            word: self.table(names.word, self.config.vocab_size)?,
            position,
            token_type,
            norm: self.norm(names.norm)?,
        })
    }

    fn layers(&self, mut linears: VecDeque<Linear>) -> Result<Vec<Layer>, ModelError> {
        let mut tables: Vec<Arc<RotaryTable>> = Vec::new();
        let mut rotary = |base: f32| {
            if let Some(table) = tables.iter().find(|table| table.base == base) {
                return Arc::clone(table);
            }
            let table = RotaryTable::new(base, self.config.head_width(), self.tokens_max);
            tables.push(Arc::new(table));
            Arc::clone(&tables[tables.len() - 1])
        };
        let mut next = || linears.pop_front().expect("four matrices for each layer");
        let mut layers = Vec::with_capacity(self.config.layers);
        for (index, &attention) in self.config.attention.iter().enumerate() {
            let names = self.config.layer_names(index);
            let attention_norm =
                names.attention_norm.map(|module| self.norm(&module)).transpose()?;
            layers.push(Layer {
                attention,
                rotary: attention.rotary_base.map(&mut rotary),
                projection: next(),
                attention_out: next(),
                attention_norm,
                up: next(),
                down: next(),
                ffn_norm: self.norm(&names.ffn_norm)?,
            });
        }
        Ok(layers)
    }

    fn finish(&self, linears: VecDeque<Linear>, head: Head) -> Result<Network, ModelError> {
        let config = self.config;
        let final_norm = config.embedding_names().final_norm;
        Ok(Network {
            heads: Heads { hidden: config.hidden, count: config.heads, width: config.head_width() },
            intermediate: config.intermediate,
            activation: config.activation,
            gated: config.gated(),
            norm_first: config.norm_first(),
            embeddings: self.embeddings()?,
            layers: self.layers(linears)?,
            final_norm: final_norm.map(|module| self.norm(module)).transpose()?,
            head,
        })
    }
}

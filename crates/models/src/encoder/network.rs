//! The encoder and its head as data, and the forward pass over packed sequences.
//!
//! A batch is the tokens of several texts behind each other, without padding. Every row is
//! computed on its own, so a text's result does not depend on its neighbours.

use std::sync::Arc;

use super::attention::{AttentionScratch, Heads, SLACK, attend};
use super::linear::{Linear, LinearScratch, grow};
use crate::config::LayerAttention;
use crate::head::{Activation, Pooling};
use crate::kernels::Isa;
use crate::kernels::elementwise::{activate, add, multiply};
use crate::kernels::finish::Finish;
use crate::kernels::rows::{layer_norm, mean};
use crate::rotary::{RotaryTable, Turn};
use crate::weights::MappedRows;

/// A layer norm; absent biases are zeros.
#[derive(Debug)]
pub struct Norm {
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    pub eps: f32,
}

/// Rows that are looked up.
#[derive(Debug)]
pub enum Table {
    /// On disk, shared with every model on the same base.
    Mapped(MappedRows),
    /// Changed by fine-tuning.
    Own { rows: Vec<f32>, width: usize },
}

/// What a token becomes before the first layer.
#[derive(Debug)]
pub struct Embeddings {
    pub word: Table,
    /// Learned positions, and the row of the first one.
    pub position: Option<(Table, usize)>,
    /// The row of the only token type that single texts have.
    pub token_type: Option<Vec<f32>>,
    pub norm: Norm,
}

/// One layer.
#[derive(Debug)]
pub struct Layer {
    pub attention: LayerAttention,
    pub rotary: Option<Arc<RotaryTable>>,
    pub projection: Linear,
    pub attention_out: Linear,
    pub attention_norm: Option<Norm>,
    pub up: Linear,
    pub down: Linear,
    pub ffn_norm: Norm,
}

/// The classification head.
#[derive(Debug)]
pub struct Head {
    pub pooling: Pooling,
    pub dense: Option<(Linear, Activation, Option<Norm>)>,
    pub classifier: Linear,
}

/// A whole model.
#[derive(Debug)]
pub struct Network {
    pub heads: Heads,
    pub intermediate: usize,
    pub activation: Activation,
    pub gated: bool,
    pub norm_first: bool,
    pub embeddings: Embeddings,
    pub layers: Vec<Layer>,
    pub final_norm: Option<Norm>,
    pub head: Head,
}

/// Memory for one forward pass at a time; grows to the largest batch and is never cleared.
#[derive(Debug, Default)]
pub struct Scratch {
    hidden: Vec<f32>,
    normed: Vec<f32>,
    projected: Vec<f32>,
    context: Vec<f32>,
    wide: Vec<f32>,
    gated: Vec<f32>,
    linear: LinearScratch,
    attention: AttentionScratch,
}

/// What a batch gives: a row for each text.
#[derive(Debug, Default, PartialEq)]
pub struct BatchOutput {
    /// Rows of the number of labels.
    pub logits: Vec<f32>,
    /// Rows of the hidden size: the pooled vectors before the head.
    pub embeddings: Vec<f32>,
}

impl Norm {
    fn apply(&self, isa: Isa, rows: &mut [f32]) {
        layer_norm(isa, rows, &self.gamma, &self.beta, self.eps);
    }
}

impl Table {
    /// How many rows there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Mapped(rows) => rows.count(),
            Self::Own { rows, width } => rows.len() / width,
        }
    }

    /// Copies a row into `out`.
    pub fn read(&self, row: usize, out: &mut [f32]) {
        match self {
            Self::Mapped(rows) => rows.read(row, out),
            Self::Own { rows, width } => out.copy_from_slice(&rows[row * width..(row + 1) * width]),
        }
    }
}

impl Network {
    /// Computes a batch: the token ids of all texts behind each other, and each text's length.
    ///
    /// Ids are below the number of word rows and no text is longer than the model reads or empty:
    /// the caller has checked.
    #[must_use]
    pub fn forward(
        &self,
        isa: Isa,
        ids: &[u32],
        lengths: &[usize],
        scratch: &mut Scratch,
    ) -> BatchOutput {
        let tokens = ids.len();
        let Heads { hidden, .. } = self.heads;
        grow(&mut scratch.hidden, tokens * hidden);
        grow(&mut scratch.normed, tokens * hidden);
        grow(&mut scratch.projected, tokens * 3 * hidden + SLACK);
        grow(&mut scratch.context, tokens * hidden);
        grow(&mut scratch.wide, tokens * self.intermediate * if self.gated { 2 } else { 1 });
        self.embed(isa, ids, lengths, &mut scratch.hidden);
        for layer in &self.layers {
            if self.norm_first {
                self.layer_norm_first(isa, layer, lengths, tokens, scratch);
            } else {
                self.layer_norm_last(isa, layer, lengths, tokens, scratch);
            }
        }
        if let Some(norm) = &self.final_norm {
            norm.apply(isa, &mut scratch.hidden[..tokens * hidden]);
        }
        self.classify(isa, lengths, scratch)
    }

    fn embed(&self, isa: Isa, ids: &[u32], lengths: &[usize], out: &mut [f32]) {
        let hidden = self.heads.hidden;
        let positions = lengths.iter().flat_map(|&length| 0..length);
        let mut row = vec![0.0; hidden];
        for ((&id, position), out) in ids.iter().zip(positions).zip(out.chunks_exact_mut(hidden)) {
            self.embeddings.word.read(id as usize, out);
            if let Some(token_type) = &self.embeddings.token_type {
                add(isa, out, token_type);
            }
            if let Some((table, offset)) = &self.embeddings.position {
                table.read(position + offset, &mut row);
                add(isa, out, &row);
            }
        }
        self.embeddings.norm.apply(isa, &mut out[..ids.len() * hidden]);
    }

    /// Attention from the rows of `input` into `scratch.context`.
    fn attention(
        &self,
        isa: Isa,
        layer: &Layer,
        lengths: &[usize],
        tokens: usize,
        normed: bool,
        scratch: &mut Scratch,
    ) {
        let hidden = self.heads.hidden;
        let Scratch {
            hidden: state,
            normed: normed_rows,
            projected,
            context,
            linear,
            attention,
            ..
        } = scratch;
        let input = if normed { &*normed_rows } else { &*state };
        layer.projection.apply(isa, input, tokens, Finish::Plain, linear, projected);
        let mut from = 0;
        for &length in lengths {
            let rows = &mut projected[from * 3 * hidden..];
            if let Some(rotary) = &layer.rotary {
                rotary.turn(isa, Turn::Forth, hidden, &mut rows[..length * 3 * hidden]);
            }
            let out = &mut context[from * hidden..(from + length) * hidden];
            attend(isa, self.heads, layer.attention, rows, length, attention, out);
            from += length;
        }
    }

    /// BERT's order: `x = norm(x + attention(x)); x = norm(x + ffn(x))`.
    fn layer_norm_last(
        &self,
        isa: Isa,
        layer: &Layer,
        lengths: &[usize],
        tokens: usize,
        scratch: &mut Scratch,
    ) {
        self.attention(isa, layer, lengths, tokens, false, scratch);
        let hidden = self.heads.hidden;
        let Scratch { hidden: state, normed, context, wide, linear, .. } = scratch;
        layer.attention_out.apply(isa, context, tokens, Finish::AddTo(&*state), linear, normed);
        if let Some(norm) = &layer.attention_norm {
            norm.apply(isa, &mut normed[..tokens * hidden]);
        }
        layer.up.apply(isa, normed, tokens, Finish::Activate(self.activation), linear, wide);
        layer.down.apply(isa, wide, tokens, Finish::AddTo(&*normed), linear, state);
        layer.ffn_norm.apply(isa, &mut state[..tokens * hidden]);
    }

    /// ModernBERT's order: `x += attention(norm(x)); x += ffn(norm(x))`, with a gate.
    fn layer_norm_first(
        &self,
        isa: Isa,
        layer: &Layer,
        lengths: &[usize],
        tokens: usize,
        scratch: &mut Scratch,
    ) {
        let hidden = self.heads.hidden;
        let size = tokens * hidden;
        if let Some(norm) = &layer.attention_norm {
            scratch.normed[..size].copy_from_slice(&scratch.hidden[..size]);
            norm.apply(isa, &mut scratch.normed[..size]);
        }
        self.attention(isa, layer, lengths, tokens, layer.attention_norm.is_some(), scratch);
        let Scratch { hidden: state, normed, context, wide, gated, linear, .. } = scratch;
        layer.attention_out.apply(isa, context, tokens, Finish::AddTo(&*state), linear, normed);
        state[..size].copy_from_slice(&normed[..size]);
        layer.ffn_norm.apply(isa, &mut normed[..size]);
        layer.up.apply(isa, normed, tokens, Finish::Plain, linear, wide);
        let inner = if self.gated {
            self.apply_gate(isa, &wide[..tokens * 2 * self.intermediate], gated);
            gated
        } else {
            activate(isa, self.activation, &mut wide[..tokens * self.intermediate]);
            wide
        };
        layer.down.apply(isa, inner, tokens, Finish::AddTo(&*state), linear, normed);
        state[..size].copy_from_slice(&normed[..size]);
    }

    /// `activation(a) · g` for rows of `a` and `g` side by side.
    fn apply_gate(&self, isa: Isa, wide: &[f32], out: &mut Vec<f32>) {
        grow(out, wide.len() / 2);
        let rows = wide.chunks_exact(2 * self.intermediate);
        for (row, out) in rows.zip(out.chunks_exact_mut(self.intermediate)) {
            let (values, gate) = row.split_at(self.intermediate);
            out.copy_from_slice(values);
            activate(isa, self.activation, out);
            multiply(isa, out, gate);
        }
    }

    fn classify(&self, isa: Isa, lengths: &[usize], scratch: &mut Scratch) -> BatchOutput {
        let (texts, hidden) = (lengths.len(), self.heads.hidden);
        let mut embeddings = vec![0.0; texts * hidden];
        let mut from = 0;
        for (&length, out) in lengths.iter().zip(embeddings.chunks_exact_mut(hidden)) {
            let rows = &scratch.hidden[from * hidden..(from + length) * hidden];
            match self.head.pooling {
                Pooling::Cls => out.copy_from_slice(&rows[..hidden]),
                Pooling::Mean => mean(isa, rows, out),
            }
            from += length;
        }
        let Scratch { normed: dense_out, linear, .. } = scratch;
        let labels = self.head.classifier.outputs();
        let mut logits = vec![0.0; texts * labels];
        let pooled = match &self.head.dense {
            None => &embeddings,
            Some((dense, activation, norm)) => {
                grow(dense_out, texts * hidden);
                dense.apply(
                    isa,
                    &embeddings,
                    texts,
                    Finish::Activate(*activation),
                    linear,
                    dense_out,
                );
                if let Some(norm) = norm {
                    norm.apply(isa, &mut dense_out[..texts * hidden]);
                }
                &*dense_out
            }
        };
        self.head.classifier.apply(isa, pooled, texts, Finish::Plain, linear, &mut logits);
        BatchOutput { logits, embeddings }
    }
}

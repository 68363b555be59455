//! One transformer block: its tensors, its activations, and attention, which both forms share.
//!
//! What differs between the forms, where norms stand and what the feed-forward part is, has a
//! file for each. Never knows the name of an architecture.

mod norm_first;
mod norm_last;

use std::sync::Arc;

use freehold_models::RotaryTable;
use freehold_models::kernels::Isa;
use freehold_models::rotary::Turn;

use super::batch::Shard;
use super::linear::{AdapterTape, Linear};
use super::{Dropout, Network, Norm, NormTape, Site, fit};
use crate::kernels::attention::Heads;
use crate::kernels::dropout::Mask;
use crate::kernels::{attention, layer_norm};

/// The forms of blocks that can be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A norm after each residual sum, GELU: BERT, DistilBERT, RoBERTa.
    NormLast,
    /// A norm before each branch, a gate in the feed-forward part: ModernBERT.
    NormFirst,
}

/// The tensors of a block.
#[derive(Debug, Clone)]
pub struct Layer {
    pub form: Form,
    /// Queries, keys and values as one matrix.
    pub qkv: Linear,
    pub out: Linear,
    /// The first block of ModernBERT has none.
    pub attention_norm: Option<Norm>,
    /// Twice as wide with a gate.
    pub up: Linear,
    pub down: Linear,
    pub ffn_norm: Norm,
    /// Keys at a distance of at most so many tokens are seen; none means all.
    pub reach: Option<usize>,
    /// What turns queries and keys by their positions.
    pub rotary: Option<Arc<RotaryTable>>,
}

/// Position of each matrix in a block: names adapter masks and gradients.
pub const QKV: usize = 0;
pub const OUT: usize = 1;
pub const UP: usize = 2;
pub const DOWN: usize = 3;

/// Activations of a block. The backward pass overwrites those marked with `→`.
#[derive(Debug, Default)]
pub struct Tape {
    pub input: Vec<f32>,
    /// → its gradient
    pub qkv: Vec<f32>,
    pub log_sum: Vec<f32>,
    pub context: Vec<f32>,
    /// The output matrix's result, normalised where the norm comes last → gradient of the result
    pub attention_branch: Vec<f32>,
    pub middle: Vec<f32>,
    /// Derivatives of the activation → gradient of the up matrix's result
    pub up: Vec<f32>,
    pub activated: Vec<f32>,
    /// The down matrix's result, normalised where the norm comes last → gradient of the result
    pub ffn_branch: Vec<f32>,
    pub adapters: [AdapterTape; 4],
    /// What the norms leave: all of it where they come first, otherwise only 1/σ and gradients.
    pub attention_norm: NormTape,
    pub ffn_norm: NormTape,
    /// What attention sees where a norm comes first.
    pub attention_input: Vec<f32>,
}

impl Layer {
    /// The four matrices, by position.
    #[must_use]
    pub fn matrices(&self) -> [&Linear; 4] {
        [&self.qkv, &self.out, &self.up, &self.down]
    }

    /// Whether training moves any part of it.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.attention_norm.is_some_and(Norm::is_trainable)
            || self.ffn_norm.is_trainable()
            || self.matrices().iter().any(|it| it.is_trainable())
    }

    /// Whether attention sees a norm of the block's input, and not the input itself.
    fn norms_attention_input(&self) -> bool {
        self.form == Form::NormFirst && self.attention_norm.is_some()
    }

    /// What went into a matrix and the gradient of what came out, after the backward pass.
    #[must_use]
    pub fn sides<'a>(&self, tape: &'a Tape, matrix: usize) -> (&'a [f32], &'a [f32]) {
        match matrix {
            QKV if self.norms_attention_input() => (&tape.attention_input, &tape.qkv),
            QKV => (&tape.input, &tape.qkv),
            OUT => (&tape.context, &tape.attention_branch),
            UP => (&tape.middle, &tape.up),
            _ => (&tape.activated, &tape.ffn_branch),
        }
    }

    /// From the tape's input to `output`.
    pub(super) fn forward(&self, pass: Pass<'_>, tape: &mut Tape, output: &mut Vec<f32>) {
        match self.form {
            Form::NormLast => norm_last::forward(self, pass, tape, output),
            Form::NormFirst => norm_first::forward(self, pass, tape, output),
        }
    }

    /// `gradient` is that of the block's output and becomes that of its input, if that is wanted.
    pub(super) fn backward(
        &self,
        pass: Pass<'_>,
        tape: &mut Tape,
        gradient: &mut [f32],
        input_is_wanted: bool,
    ) {
        let gradient = &mut gradient[..pass.shard.tokens() * pass.network.hidden];
        match self.form {
            Form::NormLast => norm_last::backward(self, pass, tape, gradient, input_is_wanted),
            Form::NormFirst => norm_first::backward(self, pass, tape, gradient, input_is_wanted),
        }
    }

    fn heads(&self, network: &Network) -> Heads {
        let width = network.hidden / network.heads;
        Heads { count: network.heads, width, reach: self.reach }
    }

    /// Turns queries and keys of every sequence by their positions, or gradients back.
    fn turn(&self, turn: Turn, lengths: &[usize], hidden: usize, qkv: &mut [f32]) {
        let Some(table) = &self.rotary else { return };
        let (isa, mut rest) = (Isa::best(), qkv);
        for length in lengths {
            let (rows, after) = rest.split_at_mut(length * 3 * hidden);
            table.turn(isa, turn, hidden, rows);
            rest = after;
        }
    }

    /// Attention, up to the vectors that go into the output matrix.
    fn attend(&self, pass: &mut Pass<'_>, tape: &mut Tape) {
        let (tokens, hidden, first) = pass.sizes();
        let weights = &pass.network.weights;
        let place = pass.place(QKV);
        let scratch = &mut pass.shard.scratch;
        let own_norm = self.norms_attention_input();
        let input = if own_norm { &tape.attention_input } else { &tape.input };
        let qkv = fit(&mut tape.qkv, tokens * 3 * hidden);
        let (input, adapter) = (&input[..tokens * hidden], &mut tape.adapters[QKV]);
        self.qkv.forward(weights, input, place, adapter, &mut scratch.wide, qkv);
        layer_norm::add_to_rows(weights.get(self.qkv.bias), qkv);
        self.turn(Turn::Forth, &pass.shard.lengths, hidden, qkv);
        attention::forward(
            qkv,
            &pass.shard.lengths,
            self.heads(pass.network),
            pass.dropout.mask(Site::Attention(pass.number)),
            first as u32,
            fit(&mut tape.context, tokens * hidden),
            fit(&mut tape.log_sum, tokens * pass.network.heads),
            &mut scratch.attention,
        );
    }

    /// From the gradient of what [`Layer::attend`] computed, in `scratch.narrow`, to that of
    /// queries, keys and values, in the tape.
    fn attend_backward(&self, pass: &mut Pass<'_>, tape: &mut Tape) {
        let (tokens, hidden, first) = pass.sizes();
        let scratch = &mut pass.shard.scratch;
        let d_qkv = &mut tape.qkv[..tokens * 3 * hidden];
        attention::backward(
            d_qkv,
            &pass.shard.lengths,
            self.heads(pass.network),
            pass.dropout.mask(Site::Attention(pass.number)),
            first as u32,
            &tape.context,
            &scratch.narrow[..tokens * hidden],
            &tape.log_sum,
            &mut scratch.attention,
        );
        self.turn(Turn::Back, &pass.shard.lengths, hidden, d_qkv);
    }
}

/// What a pass through one block needs to know.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub network: &'a Network,
    /// Of the block.
    pub number: usize,
    pub shard: &'a mut Shard,
    pub dropout: &'a Dropout,
}

impl Pass<'_> {
    /// Tokens, hidden width, and the place of the first token in the batch.
    fn sizes(&self) -> (usize, usize, usize) {
        (self.shard.tokens(), self.network.hidden, self.shard.first_token)
    }

    /// Where the adapters of a matrix drop parts of their input.
    fn place(&self, matrix: usize) -> (Mask, usize) {
        (self.dropout.mask(Site::Adapter(self.number, matrix)), self.shard.first_token)
    }
}

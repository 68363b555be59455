//! One transformer block with norms after the residual sums: BERT, DistilBERT, RoBERTa.

use super::batch::Shard;
use super::linear::{AdapterTape, Linear};
use super::{Dropout, Network, Site, Span, fit};
use crate::kernels::attention::Heads;
use crate::kernels::matrix::Store;
use crate::kernels::{attention, gelu, layer_norm};

/// The tensors of a block.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Queries, keys and values as one matrix.
    pub qkv: Linear,
    pub out: Linear,
    /// γ, then β.
    pub attention_norm: Span,
    pub up: Linear,
    pub down: Linear,
    pub ffn_norm: Span,
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
    /// → gradient of the output matrix's result
    pub attention_normal: Vec<f32>,
    pub attention_inverse: Vec<f32>,
    pub middle: Vec<f32>,
    /// Derivative of the activation → gradient of the up matrix's result
    pub up: Vec<f32>,
    pub activated: Vec<f32>,
    /// → gradient of the down matrix's result
    pub ffn_normal: Vec<f32>,
    pub ffn_inverse: Vec<f32>,
    pub adapters: [AdapterTape; 4],
    /// Gradients of both norms, γ and β each.
    pub d_attention_norm: Vec<f32>,
    pub d_ffn_norm: Vec<f32>,
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
        self.attention_norm.is_trainable() || self.matrices().iter().any(|it| it.is_trainable())
    }

    pub(super) fn forward(
        &self,
        network: &Network,
        number: usize,
        shard: &mut Shard,
        dropout: &Dropout,
        tape: &mut Tape,
        output: &mut Vec<f32>,
    ) {
        let (tokens, hidden, weights) = (shard.tokens(), network.hidden, &network.weights);
        let first = shard.first_token;
        let place = |matrix| (dropout.mask(Site::Adapter(number, matrix)), first);
        let scratch = &mut shard.scratch;
        let [qkv_tape, out_tape, up_tape, down_tape] = &mut tape.adapters;

        let input = &tape.input[..tokens * hidden];
        let qkv = fit(&mut tape.qkv, tokens * 3 * hidden);
        self.qkv.forward(weights, input, place(QKV), qkv_tape, &mut scratch.wide, qkv);
        layer_norm::add_to_rows(weights.get(self.qkv.bias), qkv);
        let heads = Heads { count: network.heads, width: hidden / network.heads };
        let context = fit(&mut tape.context, tokens * hidden);
        let log_sum = fit(&mut tape.log_sum, tokens * network.heads);
        let mask = dropout.mask(Site::Attention(number));
        attention::forward(
            qkv,
            &shard.lengths,
            heads,
            mask,
            first as u32,
            context,
            log_sum,
            &mut scratch.attention,
        );

        let normal = fit(&mut tape.attention_normal, tokens * hidden);
        self.out.forward(weights, context, place(OUT), out_tape, &mut scratch.wide, normal);
        let (gamma, beta) = weights.get(self.attention_norm).split_at(hidden);
        let middle = fit(&mut tape.middle, tokens * hidden);
        let inverse = fit(&mut tape.attention_inverse, tokens);
        layer_norm::forward(
            input,
            normal,
            weights.get(self.out.bias),
            dropout.mask(Site::AttentionOut(number)),
            first as u32,
            gamma,
            beta,
            network.epsilon,
            middle,
            inverse,
        );

        let up = fit(&mut tape.up, tokens * network.intermediate);
        self.up.forward(weights, middle, place(UP), up_tape, &mut scratch.wide, up);
        let activated = fit(&mut tape.activated, tokens * network.intermediate);
        gelu::forward(up, weights.get(self.up.bias), activated);
        let normal = fit(&mut tape.ffn_normal, tokens * hidden);
        self.down.forward(weights, activated, place(DOWN), down_tape, &mut scratch.wide, normal);
        let (gamma, beta) = weights.get(self.ffn_norm).split_at(hidden);
        let inverse = fit(&mut tape.ffn_inverse, tokens);
        layer_norm::forward(
            middle,
            normal,
            weights.get(self.down.bias),
            dropout.mask(Site::FeedForwardOut(number)),
            first as u32,
            gamma,
            beta,
            network.epsilon,
            fit(output, tokens * hidden),
            inverse,
        );
    }

    /// `gradient` is that of the block's output and becomes that of its input.
    #[expect(clippy::too_many_arguments, reason = "the buffers of one block")]
    pub(super) fn backward(
        &self,
        network: &Network,
        number: usize,
        shard: &mut Shard,
        dropout: &Dropout,
        tape: &mut Tape,
        gradient: &mut [f32],
        input_is_wanted: bool,
    ) {
        let (tokens, hidden, weights) = (shard.tokens(), network.hidden, &network.weights);
        let first = shard.first_token;
        let place = |matrix| (dropout.mask(Site::Adapter(number, matrix)), first);
        let scratch = &mut shard.scratch;
        let [qkv_tape, out_tape, up_tape, down_tape] = &mut tape.adapters;
        let gradient = &mut gradient[..tokens * hidden];

        let d_down = &mut tape.ffn_normal[..tokens * hidden];
        let scale = zeroed(&mut tape.d_ffn_norm, 2 * hidden);
        let gamma = &weights.get(self.ffn_norm)[..hidden];
        let mask = dropout.mask(Site::FeedForwardOut(number));
        let inverse = &tape.ffn_inverse[..tokens];
        layer_norm::backward(gradient, d_down, inverse, gamma, mask, first as u32, scale);
        let d_activated = fit(&mut scratch.wide, tokens * network.intermediate);
        let out = Some((&mut *d_activated, Store::Replace));
        self.down.backward(weights, d_down, place(DOWN), down_tape, &mut scratch.second, out);
        let d_up = &mut tape.up[..tokens * network.intermediate];
        gelu::backward(d_up, d_activated);
        let out = Some((&mut *gradient, Store::Add));
        self.up.backward(weights, d_up, place(UP), up_tape, &mut scratch.second, out);

        let d_out = &mut tape.attention_normal[..tokens * hidden];
        let scale = zeroed(&mut tape.d_attention_norm, 2 * hidden);
        let gamma = &weights.get(self.attention_norm)[..hidden];
        let mask = dropout.mask(Site::AttentionOut(number));
        let inverse = &tape.attention_inverse[..tokens];
        layer_norm::backward(gradient, d_out, inverse, gamma, mask, first as u32, scale);
        let d_context = fit(&mut scratch.narrow, tokens * hidden);
        let out = Some((&mut *d_context, Store::Replace));
        self.out.backward(weights, d_out, place(OUT), out_tape, &mut scratch.second, out);
        let heads = Heads { count: network.heads, width: hidden / network.heads };
        let d_qkv = &mut tape.qkv[..tokens * 3 * hidden];
        attention::backward(
            d_qkv,
            &shard.lengths,
            heads,
            dropout.mask(Site::Attention(number)),
            first as u32,
            &tape.context,
            d_context,
            &tape.log_sum,
            &mut scratch.attention,
        );
        let out = input_is_wanted.then_some((gradient, Store::Add));
        self.qkv.backward(weights, d_qkv, place(QKV), qkv_tape, &mut scratch.second, out);
    }
}

fn zeroed(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    let buffer = fit(buffer, len);
    buffer.fill(0.0);
    buffer
}

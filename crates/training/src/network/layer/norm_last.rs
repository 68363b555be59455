//! A block with norms after the residual sums: BERT, DistilBERT, RoBERTa.

use super::{DOWN, Layer, OUT, Pass, QKV, Tape, UP};
use crate::kernels::matrix::Store;
use crate::kernels::{gelu, layer_norm};
use crate::network::{Norm, Site, fit, zeroed};

/// Why there is always a norm after attention.
const BOTH: &str = "a block with norms last has both";

pub fn forward(layer: &Layer, mut pass: Pass<'_>, tape: &mut Tape, output: &mut Vec<f32>) {
    layer.attend(&mut pass, tape);
    let (tokens, hidden, first) = pass.sizes();
    let places = [OUT, UP, DOWN].map(|it| pass.place(it));
    let (network, weights) = (pass.network, &pass.network.weights);
    let scratch = &mut pass.shard.scratch;
    let [_, out_tape, up_tape, down_tape] = &mut tape.adapters;

    let context = &tape.context[..tokens * hidden];
    let branch = fit(&mut tape.attention_branch, tokens * hidden);
    layer.out.forward(weights, context, places[0], out_tape, &mut scratch.wide, branch);
    let Norm { gamma, beta } = layer.attention_norm.expect(BOTH);
    let middle = fit(&mut tape.middle, tokens * hidden);
    layer_norm::forward(
        &tape.input[..tokens * hidden],
        branch,
        weights.get(layer.out.bias),
        pass.dropout.mask(Site::AttentionOut(pass.number)),
        first as u32,
        weights.get(gamma),
        weights.get(beta),
        network.epsilon,
        middle,
        fit(&mut tape.attention_norm.inverse, tokens),
    );

    let up = fit(&mut tape.up, tokens * network.intermediate);
    layer.up.forward(weights, middle, places[1], up_tape, &mut scratch.wide, up);
    let activated = fit(&mut tape.activated, tokens * network.intermediate);
    gelu::forward(up, weights.get(layer.up.bias), activated);
    let branch = fit(&mut tape.ffn_branch, tokens * hidden);
    layer.down.forward(weights, activated, places[2], down_tape, &mut scratch.wide, branch);
    let Norm { gamma, beta } = layer.ffn_norm;
    layer_norm::forward(
        middle,
        branch,
        weights.get(layer.down.bias),
        pass.dropout.mask(Site::FeedForwardOut(pass.number)),
        first as u32,
        weights.get(gamma),
        weights.get(beta),
        network.epsilon,
        fit(output, tokens * hidden),
        fit(&mut tape.ffn_norm.inverse, tokens),
    );
}

pub fn backward(
    layer: &Layer,
    mut pass: Pass<'_>,
    tape: &mut Tape,
    gradient: &mut [f32],
    input_is_wanted: bool,
) {
    let (tokens, hidden, first) = pass.sizes();
    let places = [QKV, OUT, UP, DOWN].map(|it| pass.place(it));
    let (network, weights) = (pass.network, &pass.network.weights);
    let scratch = &mut pass.shard.scratch;
    let [_, out_tape, up_tape, down_tape] = &mut tape.adapters;

    let d_down = &mut tape.ffn_branch[..tokens * hidden];
    let scale = zeroed(&mut tape.ffn_norm.d_scale, 2 * hidden);
    let gamma = weights.get(layer.ffn_norm.gamma);
    let mask = pass.dropout.mask(Site::FeedForwardOut(pass.number));
    let inverse = &tape.ffn_norm.inverse[..tokens];
    layer_norm::backward(gradient, d_down, inverse, gamma, mask, first as u32, scale);
    let d_activated = fit(&mut scratch.wide, tokens * network.intermediate);
    let out = Some((&mut *d_activated, Store::Replace));
    layer.down.backward(weights, d_down, places[DOWN], down_tape, &mut scratch.second, out);
    let d_up = &mut tape.up[..tokens * network.intermediate];
    gelu::backward(d_up, d_activated);
    let out = Some((&mut *gradient, Store::Add));
    layer.up.backward(weights, d_up, places[UP], up_tape, &mut scratch.second, out);

    let d_out = &mut tape.attention_branch[..tokens * hidden];
    let scale = zeroed(&mut tape.attention_norm.d_scale, 2 * hidden);
    let gamma = weights.get(layer.attention_norm.expect(BOTH).gamma);
    let mask = pass.dropout.mask(Site::AttentionOut(pass.number));
    let inverse = &tape.attention_norm.inverse[..tokens];
    layer_norm::backward(gradient, d_out, inverse, gamma, mask, first as u32, scale);
    let out = Some((fit(&mut scratch.narrow, tokens * hidden), Store::Replace));
    layer.out.backward(weights, d_out, places[OUT], out_tape, &mut scratch.second, out);
    layer.attend_backward(&mut pass, tape);
    let out = input_is_wanted.then_some((gradient, Store::Add));
    let d_qkv = &tape.qkv[..tokens * 3 * hidden];
    let (tape, scratch) = (&mut tape.adapters[QKV], &mut pass.shard.scratch);
    layer.qkv.backward(weights, d_qkv, places[QKV], tape, &mut scratch.second, out);
}

//! A block with norms before its branches and a gate in the feed-forward part: ModernBERT.
//!
//! The residual sum is never normalised on its way, so it travels in the output's buffer forward
//! and in the gradient's backward, and each branch adds its part.

use super::{DOWN, Layer, OUT, Pass, QKV, Tape, UP};
use crate::kernels::matrix::Store;
use crate::kernels::{dropout, geglu, pre_norm};
use crate::network::{Norm, Site, fit};

pub fn forward(layer: &Layer, mut pass: Pass<'_>, tape: &mut Tape, output: &mut Vec<f32>) {
    let (tokens, hidden, first) = pass.sizes();
    let places = [OUT, UP, DOWN].map(|it| pass.place(it));
    let masks = [Site::AttentionOut(pass.number), Site::FeedForwardOut(pass.number)]
        .map(|it| pass.dropout.mask(it));
    let (network, weights) = (pass.network, &pass.network.weights);
    let stream = fit(output, tokens * hidden);
    stream.copy_from_slice(&tape.input[..tokens * hidden]);

    if let Some(norm) = layer.attention_norm {
        let normed = fit(&mut tape.attention_input, tokens * hidden);
        tape.attention_norm.forward(network, norm, stream, normed);
    }
    layer.attend(&mut pass, tape);
    let scratch = &mut pass.shard.scratch;
    let [_, out_tape, up_tape, down_tape] = &mut tape.adapters;
    let context = &tape.context[..tokens * hidden];
    let branch = fit(&mut tape.attention_branch, tokens * hidden);
    layer.out.forward(weights, context, places[0], out_tape, &mut scratch.wide, branch);
    pre_norm::add_branch(stream, branch, weights.get(layer.out.bias), masks[0], first as u32);

    let middle = fit(&mut tape.middle, tokens * hidden);
    tape.ffn_norm.forward(network, layer.ffn_norm, stream, middle);
    let up = fit(&mut tape.up, tokens * 2 * network.intermediate);
    layer.up.forward(weights, middle, places[1], up_tape, &mut scratch.wide, up);
    let activated = fit(&mut tape.activated, tokens * network.intermediate);
    geglu::forward(up, weights.get(layer.up.bias), activated);
    let branch = fit(&mut tape.ffn_branch, tokens * hidden);
    layer.down.forward(weights, activated, places[2], down_tape, &mut scratch.wide, branch);
    pre_norm::add_branch(stream, branch, weights.get(layer.down.bias), masks[1], first as u32);
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
    let masks = [Site::AttentionOut(pass.number), Site::FeedForwardOut(pass.number)]
        .map(|it| pass.dropout.mask(it));
    let first = (first * hidden) as u32;
    let scratch = &mut pass.shard.scratch;
    let [_, out_tape, up_tape, down_tape] = &mut tape.adapters;

    let d_down = &mut tape.ffn_branch[..tokens * hidden];
    dropout::apply(masks[1], first, gradient, d_down);
    let d_activated = fit(&mut scratch.wide, tokens * network.intermediate);
    let out = Some((&mut *d_activated, Store::Replace));
    layer.down.backward(weights, d_down, places[DOWN], down_tape, &mut scratch.second, out);
    let d_up = &mut tape.up[..tokens * 2 * network.intermediate];
    geglu::backward(d_up, d_activated, network.intermediate);
    let d_normed = fit(&mut scratch.narrow, tokens * hidden);
    let out = Some((&mut *d_normed, Store::Replace));
    layer.up.backward(weights, d_up, places[UP], up_tape, &mut scratch.second, out);
    tape.ffn_norm.backward(network, layer.ffn_norm, d_normed, gradient);

    let d_out = &mut tape.attention_branch[..tokens * hidden];
    dropout::apply(masks[0], first, gradient, d_out);
    let out = Some((fit(&mut scratch.narrow, tokens * hidden), Store::Replace));
    layer.out.backward(weights, d_out, places[OUT], out_tape, &mut scratch.second, out);
    layer.attend_backward(&mut pass, tape);
    let scratch = &mut pass.shard.scratch;
    let (d_qkv, qkv_tape) = (&tape.qkv[..tokens * 3 * hidden], &mut tape.adapters[QKV]);
    let second = &mut scratch.second;
    match layer.attention_norm {
        Some(norm) if input_is_wanted || Norm::is_trainable(norm) => {
            let d_normed = fit(&mut scratch.narrow, tokens * hidden);
            let out = Some((&mut *d_normed, Store::Replace));
            layer.qkv.backward(weights, d_qkv, places[QKV], qkv_tape, second, out);
            tape.attention_norm.backward(network, norm, d_normed, gradient);
        }
        _ => {
            let out = input_is_wanted.then_some((gradient, Store::Add));
            layer.qkv.backward(weights, d_qkv, places[QKV], qkv_tape, second, out);
        }
    }
}

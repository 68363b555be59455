//! A matrix with a bias, frozen or not, with or without low-rank adapters (LoRA; Hu et al. 2021).

use super::{Span, Weights, fit};
use crate::kernels::dropout::{self, Mask};
use crate::kernels::matrix::{Matrix, MatrixMut, Store, multiply};

/// One adapter: `rows` outputs from `first_row` on get `scale · B · A · x` more.
#[derive(Debug, Clone, Copy)]
pub struct Adapter {
    /// `[rank, inputs]`.
    pub a: Span,
    /// `[rows, rank]`.
    pub b: Span,
    pub first_row: usize,
    pub rows: usize,
}

/// `y = W·x + b`; the bias is added by whatever comes next, in a pass that happens anyway.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `[outputs, inputs]`, as in files.
    pub weight: Span,
    pub bias: Span,
    pub inputs: usize,
    pub outputs: usize,
    /// Their `a` spans follow each other without gaps.
    pub adapters: Vec<Adapter>,
    pub rank: usize,
    pub scale: f32,
}

/// What the adapters of one matrix leave for the backward pass.
#[derive(Debug, Default)]
pub struct AdapterTape {
    /// `A · x` for every adapter, `[token][adapter][rank]`.
    pub inner: Vec<f32>,
    /// Its gradient.
    pub d_inner: Vec<f32>,
}

impl Linear {
    /// Whether training moves any part of it.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.weight.is_trainable() || !self.adapters.is_empty()
    }

    /// All `a` matrices as one.
    #[must_use]
    pub fn stacked_a(&self) -> Option<Span> {
        let first = self.adapters.first()?.a;
        Some(Span { len: first.len * self.adapters.len(), ..first })
    }

    /// Columns of [`AdapterTape::inner`].
    #[must_use]
    pub fn inner_width(&self) -> usize {
        self.rank * self.adapters.len()
    }

    /// Writes `W·x` and the adapters' part to `out`, without the bias.
    pub fn forward(
        &self,
        weights: &Weights,
        x: &[f32],
        (mask, first_token): (Mask, usize),
        tape: &mut AdapterTape,
        scratch: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let weight = Matrix::new(weights.get(self.weight), self.inputs);
        let x_matrix = Matrix::new(x, self.inputs);
        multiply(
            MatrixMut::new(out, self.outputs),
            x_matrix,
            weight.transposed(),
            1.0,
            Store::Replace,
        );
        let Some(a) = self.stacked_a() else { return };
        let (tokens, width) = (x.len() / self.inputs, self.inner_width());
        let x = self.dropped(x, (mask, first_token), scratch);
        let inner = fit(&mut tape.inner, tokens * width);
        let a = Matrix::new(weights.get(a), self.inputs).transposed();
        multiply(MatrixMut::new(inner, width), Matrix::new(x, self.inputs), a, 1.0, Store::Replace);
        for (number, adapter) in self.adapters.iter().enumerate() {
            let inner = Matrix::strided(&inner[number * self.rank..], tokens, self.rank, width);
            let b = Matrix::new(weights.get(adapter.b), self.rank).transposed();
            let out = &mut out[adapter.first_row..];
            let out = MatrixMut::strided(out, tokens, adapter.rows, self.outputs);
            multiply(out, inner, b, self.scale, Store::Add);
        }
    }

    /// Adds (or writes) the gradient of `x` to `dx`, and leaves in the tape what the gradients of
    /// the adapters need.
    pub fn backward(
        &self,
        weights: &Weights,
        dy: &[f32],
        (mask, first_token): (Mask, usize),
        tape: &mut AdapterTape,
        scratch: &mut Vec<f32>,
        dx: Option<(&mut [f32], Store)>,
    ) {
        let tokens = dy.len() / self.outputs;
        let width = self.inner_width();
        for (number, adapter) in self.adapters.iter().enumerate() {
            let d_inner = &mut fit(&mut tape.d_inner, tokens * width)[number * self.rank..];
            let d_inner = MatrixMut::strided(d_inner, tokens, self.rank, width);
            let dy = Matrix::strided(&dy[adapter.first_row..], tokens, adapter.rows, self.outputs);
            let b = Matrix::new(weights.get(adapter.b), self.rank);
            multiply(d_inner, dy, b, self.scale, Store::Replace);
        }
        let Some((dx, store)) = dx else { return };
        let weight = Matrix::new(weights.get(self.weight), self.inputs);
        let dy = Matrix::new(dy, self.outputs);
        multiply(MatrixMut::new(dx, self.inputs), dy, weight, 1.0, store);
        let Some(a) = self.stacked_a() else { return };
        let a = Matrix::new(weights.get(a), self.inputs);
        let d_inner = Matrix::new(&tape.d_inner[..tokens * width], width);
        if mask.is_none() {
            multiply(MatrixMut::new(dx, self.inputs), d_inner, a, 1.0, Store::Add);
            return;
        }
        let branch = fit(scratch, tokens * self.inputs);
        multiply(MatrixMut::new(branch, self.inputs), d_inner, a, 1.0, Store::Replace);
        dropout::add(mask, (first_token * self.inputs) as u32, branch, dx);
    }

    /// What the adapters see of `x`.
    pub fn dropped<'a>(
        &self,
        x: &'a [f32],
        (mask, first_token): (Mask, usize),
        scratch: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        if mask.is_none() {
            return x;
        }
        let out = fit(scratch, x.len());
        dropout::apply(mask, (first_token * self.inputs) as u32, x, out);
        out
    }
}

//! From the vectors of a text's tokens to its logits.

use freehold_models::{Activation, Pooling};

use super::batch::Shard;
use super::{Dropout, Network, Norm, Site, Span, fit, zeroed};
use crate::kernels::matrix::{Matrix, MatrixMut, Store, multiply};
use crate::kernels::{dropout, layer_norm, scalar};

/// The dense part before the last matrix.
#[derive(Debug, Clone, Copy)]
pub struct Dense {
    pub weight: Span,
    pub bias: Span,
    pub activation: Activation,
    /// After the activation.
    pub norm: Option<Norm>,
}

/// Pooling, maybe a dense part, and the classifier.
#[derive(Debug, Clone)]
pub struct Head {
    pub pooling: Pooling,
    pub dense: Option<Dense>,
    /// `[labels, hidden]`.
    pub weight: Span,
    pub bias: Span,
    pub labels: usize,
}

impl Head {
    pub(super) fn forward(&self, network: &Network, shard: &mut Shard, dropout: &Dropout) {
        self.pool(network.hidden, shard);
        self.classify(network, shard, dropout);
    }

    /// One vector for each text, from the output of the last layer.
    fn pool(&self, hidden: usize, shard: &mut Shard) {
        let pooled = fit(&mut shard.pooled, shard.lengths.len() * hidden);
        let mut start = 0;
        for (length, pooled) in shard.lengths.iter().zip(pooled.chunks_exact_mut(hidden)) {
            let rows = &shard.output[start * hidden..(start + length) * hidden];
            match self.pooling {
                Pooling::Cls => pooled.copy_from_slice(&rows[..hidden]),
                Pooling::Mean => {
                    pooled.fill(0.0);
                    layer_norm::add_column_sums(rows, pooled);
                    pooled.iter_mut().for_each(|it| *it /= *length as f32);
                }
            }
            start += length;
        }
    }

    /// Logits of the pooled vectors that are in the shard.
    pub fn classify(&self, network: &Network, shard: &mut Shard, dropout: &Dropout) {
        let (texts, hidden, weights) = (shard.texts(), network.hidden, &network.weights);
        let features = match self.dense {
            None => &shard.pooled[..texts * hidden],
            Some(dense) => {
                let out = fit(&mut shard.dense, texts * hidden);
                let weight = Matrix::new(weights.get(dense.weight), hidden).transposed();
                let pooled = Matrix::new(&shard.pooled[..texts * hidden], hidden);
                multiply(MatrixMut::new(out, hidden), pooled, weight, 1.0, Store::Replace);
                layer_norm::add_to_rows(weights.get(dense.bias), out);
                let slopes = fit(&mut shard.dense_slope, texts * hidden);
                for (value, slope) in out.iter_mut().zip(slopes) {
                    (*value, *slope) = activate(dense.activation, *value);
                }
                match dense.norm {
                    None => out,
                    Some(norm) => {
                        let normed = fit(&mut shard.dense_normed, texts * hidden);
                        shard.dense_norm.forward(network, norm, out, normed);
                        normed
                    }
                }
            }
        };
        let dropped = fit(&mut shard.dropped, texts * hidden);
        let first = (shard.first_text * hidden) as u32;
        dropout::apply(dropout.mask(Site::Head), first, features, dropped);
        let logits = fit(&mut shard.logits, texts * self.labels);
        let weight = Matrix::new(weights.get(self.weight), hidden).transposed();
        let dropped = Matrix::new(dropped, hidden);
        multiply(MatrixMut::new(logits, self.labels), dropped, weight, 1.0, Store::Replace);
        layer_norm::add_to_rows(weights.get(self.bias), logits);
    }

    /// From the gradient of the logits to that of the last layer's output.
    pub(super) fn backward(&self, network: &Network, shard: &mut Shard, dropout: &Dropout) {
        self.unclassify(network, shard, dropout);
        let hidden = network.hidden;
        let gradient = fit(&mut shard.gradient, shard.ids.len() * hidden);
        gradient.fill(0.0);
        let mut start = 0;
        for (length, pooled) in shard.lengths.iter().zip(shard.d_pooled.chunks_exact(hidden)) {
            let rows = &mut gradient[start * hidden..(start + length) * hidden];
            match self.pooling {
                Pooling::Cls => rows[..hidden].copy_from_slice(pooled),
                Pooling::Mean => {
                    for row in rows.chunks_exact_mut(hidden) {
                        for (row, pooled) in row.iter_mut().zip(pooled) {
                            *row = pooled / *length as f32;
                        }
                    }
                }
            }
            start += length;
        }
    }

    /// From the gradient of the logits to that of the pooled vectors.
    pub fn unclassify(&self, network: &Network, shard: &mut Shard, dropout: &Dropout) {
        let (texts, hidden, weights) = (shard.texts(), network.hidden, &network.weights);
        let first = (shard.first_text * hidden) as u32;
        let d_logits = Matrix::new(&shard.logits[..texts * self.labels], self.labels);
        let classifier = Matrix::new(weights.get(self.weight), hidden);
        let d_pooled = fit(&mut shard.d_pooled, texts * hidden);
        let Some(dense) = self.dense else {
            multiply(MatrixMut::new(d_pooled, hidden), d_logits, classifier, 1.0, Store::Replace);
            dropout::apply_in_place(dropout.mask(Site::Head), first, d_pooled);
            return;
        };
        let d_dense = fit(&mut shard.d_dense, texts * hidden);
        multiply(MatrixMut::new(d_dense, hidden), d_logits, classifier, 1.0, Store::Replace);
        dropout::apply_in_place(dropout.mask(Site::Head), first, d_dense);
        if let Some(norm) = dense.norm {
            std::mem::swap(&mut shard.d_dense, &mut shard.dense_normed);
            let d_normed = &mut shard.dense_normed[..texts * hidden];
            let d_dense = zeroed(&mut shard.d_dense, texts * hidden);
            shard.dense_norm.backward(network, norm, d_normed, d_dense);
        }
        let d_dense = &mut shard.d_dense[..texts * hidden];
        for (gradient, slope) in d_dense.iter_mut().zip(&shard.dense_slope) {
            *gradient *= slope;
        }
        let weight = Matrix::new(weights.get(dense.weight), hidden);
        multiply(
            MatrixMut::new(d_pooled, hidden),
            Matrix::new(d_dense, hidden),
            weight,
            1.0,
            Store::Replace,
        );
    }
}

/// An activation and its derivative. Heads are small: the standard library's functions do. Other
/// activations are refused when the network is built.
fn activate(activation: Activation, x: f32) -> (f32, f32) {
    match activation {
        Activation::Relu => (x.max(0.0), f32::from(u8::from(x > 0.0))),
        Activation::Gelu => {
            let (below, density) = scalar::gauss(x);
            (x * below, below + x * density)
        }
        _ => {
            let value = x.tanh();
            (value, 1.0 - value * value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_slopes() {
        for activation in [Activation::Tanh, Activation::Relu, Activation::Gelu] {
            for x in (-30i8..30).map(|it| f32::from(it) * 0.1 + 0.05) {
                let at = |x: f32| f64::from(activate(activation, x).0);
                let slope = (at(x + 1e-2) - at(x - 1e-2)) / 2e-2;
                let found = f64::from(activate(activation, x).1);
                assert!((slope - found).abs() < 2e-4, "{activation:?} at {x}: {slope} {found}");
            }
        }
    }
}

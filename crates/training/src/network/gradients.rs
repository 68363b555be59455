//! Gradients of weights, from what the backward pass left in the shards.
//!
//! Tensors are independent of each other, so they are computed side by side; inside a tensor
//! shards are added one after the other. Both together give one order of sums whatever the
//! number of threads, without a copy of the gradient for each shard.

use rayon::prelude::*;

use super::batch::Shard;
use super::linear::Linear;
use super::{Dropout, Network, Norm, NormTape, Site, Span};
use crate::kernels::layer_norm::add_column_sums;
use crate::kernels::matrix::{Matrix, MatrixMut, Store, multiply};

/// What a tensor's gradient is made of.
#[derive(Debug, Clone, Copy)]
enum Source {
    Weight { layer: usize, matrix: usize },
    Bias { layer: usize, matrix: usize },
    AdapterA { layer: usize, matrix: usize },
    AdapterB { layer: usize, matrix: usize, adapter: usize },
    Gamma(NormPlace),
    Beta(NormPlace),
    DenseWeight,
    DenseBias,
    ClassifierWeight,
    ClassifierBias,
}

/// Where a norm stands.
#[derive(Debug, Clone, Copy)]
enum NormPlace {
    Attention { layer: usize },
    FeedForward { layer: usize },
    Final,
    Head,
}

impl NormPlace {
    fn tape(self, shard: &Shard) -> &NormTape {
        match self {
            Self::Attention { layer } => &shard.tape[layer].attention_norm,
            Self::FeedForward { layer } => &shard.tape[layer].ffn_norm,
            Self::Final => &shard.final_norm,
            Self::Head => &shard.dense_norm,
        }
    }

    fn sources(self, norm: Norm) -> [(Span, Source); 2] {
        [(norm.gamma, Source::Gamma(self)), (norm.beta, Source::Beta(self))]
    }
}

/// The trainable tensors of a network with the sources of their gradients, in buffer order.
#[derive(Debug)]
pub struct Plan(Vec<(Span, Source)>);

impl Plan {
    /// The plan of a network; it stays valid while the network's layout does.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let mut all = Vec::new();
        for (layer, it) in network.layers.iter().enumerate() {
            for (matrix, linear) in it.matrices().into_iter().enumerate() {
                all.push((linear.weight, Source::Weight { layer, matrix }));
                all.push((linear.bias, Source::Bias { layer, matrix }));
                all.extend(linear.stacked_a().map(|a| (a, Source::AdapterA { layer, matrix })));
                let adapters = linear.adapters.iter().enumerate();
                all.extend(
                    adapters
                        .map(|(adapter, it)| (it.b, Source::AdapterB { layer, matrix, adapter })),
                );
            }
            let attention = it.attention_norm.map(|it| NormPlace::Attention { layer }.sources(it));
            all.extend(attention.into_iter().flatten());
            all.extend(NormPlace::FeedForward { layer }.sources(it.ffn_norm));
        }
        all.extend(network.final_norm.map(|it| NormPlace::Final.sources(it)).into_iter().flatten());
        if let Some(dense) = network.head.dense {
            all.push((dense.weight, Source::DenseWeight));
            all.push((dense.bias, Source::DenseBias));
            all.extend(dense.norm.map(|it| NormPlace::Head.sources(it)).into_iter().flatten());
        }
        all.push((network.head.weight, Source::ClassifierWeight));
        all.push((network.head.bias, Source::ClassifierBias));
        all.retain(|(span, _)| span.is_trainable());
        all.sort_by_key(|(span, _)| span.start);
        let end = all.iter().fold(0, |end, (span, _)| {
            assert_eq!(span.start, end, "every trainable number has one source of its gradient");
            span.start + span.len
        });
        assert_eq!(end, network.weights.trainable.len(), "every trainable number has a source");
        Self(all)
    }

    /// Writes (or adds) the gradient of every trainable tensor.
    pub fn collect(
        &self,
        network: &Network,
        shards: &[Shard],
        dropout: &Dropout,
        store: Store,
        gradients: &mut [f32],
    ) {
        let mut rest = gradients;
        let mut tasks = Vec::with_capacity(self.0.len());
        for (span, source) in &self.0 {
            let (out, after) = rest.split_at_mut(span.len);
            tasks.push((*source, out));
            rest = after;
        }
        tasks.into_par_iter().with_max_len(1).for_each_init(Vec::new, |scratch, (source, out)| {
            let mut store = store;
            for shard in shards {
                source.compute(network, shard, dropout, store, out, scratch);
                store = Store::Add;
            }
        });
    }
}

impl Source {
    fn compute(
        self,
        network: &Network,
        shard: &Shard,
        dropout: &Dropout,
        store: Store,
        out: &mut [f32],
        scratch: &mut Vec<f32>,
    ) {
        let (texts, hidden) = (shard.texts(), network.hidden);
        let rows = Rows { store, out };
        match self {
            Self::Weight { layer, matrix } => {
                let (linear, x, dy) = sides(network, shard, layer, matrix);
                rows.product(dy, linear.outputs, x, linear.inputs);
            }
            Self::Bias { layer, matrix } => {
                rows.column_sums(sides(network, shard, layer, matrix).2)
            }
            Self::AdapterA { layer, matrix } => {
                let (linear, x, _) = sides(network, shard, layer, matrix);
                let mask = dropout.mask(Site::Adapter(layer, matrix));
                let x = linear.dropped(x, (mask, shard.first_token), scratch);
                let width = linear.inner_width();
                let d_inner = &shard.tape[layer].adapters[matrix].d_inner[..shard.tokens() * width];
                rows.product(d_inner, width, x, linear.inputs);
            }
            Self::AdapterB { layer, matrix, adapter } => {
                let (linear, _, dy) = sides(network, shard, layer, matrix);
                let (width, it) = (linear.inner_width(), &linear.adapters[adapter]);
                let inner = &shard.tape[layer].adapters[matrix].inner[adapter * linear.rank..];
                let inner = Matrix::strided(inner, shard.tokens(), linear.rank, width);
                let dy =
                    Matrix::strided(&dy[it.first_row..], shard.tokens(), it.rows, linear.outputs);
                multiply(
                    MatrixMut::new(rows.out, linear.rank),
                    dy.transposed(),
                    inner,
                    linear.scale,
                    store,
                );
            }
            Self::Gamma(place) => rows.column_sums(&place.tape(shard).d_scale[..hidden]),
            Self::Beta(place) => rows.column_sums(&place.tape(shard).d_scale[hidden..2 * hidden]),
            Self::DenseWeight => {
                rows.product(
                    &shard.d_dense[..texts * hidden],
                    hidden,
                    &shard.pooled[..texts * hidden],
                    hidden,
                );
            }
            Self::DenseBias => rows.column_sums(&shard.d_dense[..texts * hidden]),
            Self::ClassifierWeight => {
                let labels = network.head.labels;
                rows.product(
                    &shard.logits[..texts * labels],
                    labels,
                    &shard.dropped[..texts * hidden],
                    hidden,
                );
            }
            Self::ClassifierBias => rows.column_sums(&shard.logits[..texts * network.head.labels]),
        }
    }
}

/// Where a gradient goes.
struct Rows<'a> {
    store: Store,
    out: &'a mut [f32],
}

impl Rows<'_> {
    /// `dyᵀ · x`.
    fn product(self, dy: &[f32], outputs: usize, x: &[f32], inputs: usize) {
        let dy = Matrix::new(dy, outputs).transposed();
        multiply(MatrixMut::new(self.out, inputs), dy, Matrix::new(x, inputs), 1.0, self.store);
    }

    fn column_sums(self, x: &[f32]) {
        if self.store == Store::Replace {
            self.out.fill(0.0);
        }
        add_column_sums(x, self.out);
    }
}

/// A matrix with what went in and the gradient of what came out.
fn sides<'a>(
    network: &'a Network,
    shard: &'a Shard,
    layer: usize,
    matrix: usize,
) -> (&'a Linear, &'a [f32], &'a [f32]) {
    let block = &network.layers[layer];
    let linear = block.matrices()[matrix];
    let (x, dy) = block.sides(&shard.tape[layer], matrix);
    let tokens = shard.tokens();
    (linear, &x[..tokens * linear.inputs], &dy[..tokens * linear.outputs])
}

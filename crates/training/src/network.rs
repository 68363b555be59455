//! An encoder with a classification head, laid out for training.
//!
//! All weights live in two flat buffers, frozen and trainable, and a tensor is a span of one of
//! them: the optimiser, the clip and the checkpoint then see one long vector. A pass over the
//! layers is a loop forward and the same loop backward; the chain of blocks is so regular that a
//! tape would only record what the code already says. Never reads files, and never decides
//! anything about a run.

pub mod batch;
pub mod build;
pub mod gradients;
pub mod head;
pub mod layer;
pub mod linear;
pub mod loss;

use freehold_models::Pooling;

use crate::kernels::dropout::Mask;
use crate::kernels::{dropout, layer_norm, pre_norm};
use batch::Shard;
use head::Head;
use layer::{Layer, Pass};

/// Which buffer a tensor lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    Frozen,
    Trainable,
}

/// A tensor: a range of one of the two buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub pool: Pool,
    pub start: usize,
    pub len: usize,
}

impl Span {
    /// The same place in the gradient, for a trainable tensor.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }

    /// `len` elements of this span, from `offset` on.
    #[must_use]
    pub fn part(self, offset: usize, len: usize) -> Self {
        assert!(offset + len <= self.len, "a part lies inside its span");
        Self { start: self.start + offset, len, ..self }
    }

    /// Whether training moves it.
    #[must_use]
    pub fn is_trainable(self) -> bool {
        self.pool == Pool::Trainable
    }
}

/// A tensor with the name and shape that it has in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub shape: Vec<usize>,
    pub span: Span,
}

/// The two buffers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    pub frozen: Vec<f32>,
    pub trainable: Vec<f32>,
}

impl Weights {
    /// The values of a tensor.
    #[must_use]
    pub fn get(&self, span: Span) -> &[f32] {
        match span.pool {
            Pool::Frozen => &self.frozen[span.range()],
            Pool::Trainable => &self.trainable[span.range()],
        }
    }

    /// The values of a tensor, to be replaced.
    pub fn get_mut(&mut self, span: Span) -> &mut [f32] {
        match span.pool {
            Pool::Frozen => &mut self.frozen[span.range()],
            Pool::Trainable => &mut self.trainable[span.range()],
        }
    }

    /// Room for a new tensor, filled with zeros.
    pub fn allocate(&mut self, pool: Pool, len: usize) -> Span {
        let buffer = match pool {
            Pool::Frozen => &mut self.frozen,
            Pool::Trainable => &mut self.trainable,
        };
        let start = buffer.len();
        buffer.resize(start + len, 0.0);
        Span { pool, start, len }
    }
}

/// A layer norm. An absent bias is a frozen tensor of zeros without a name.
#[derive(Debug, Clone, Copy)]
pub struct Norm {
    pub gamma: Span,
    pub beta: Span,
}

impl Norm {
    /// Whether training moves any part of it.
    #[must_use]
    pub fn is_trainable(self) -> bool {
        self.gamma.is_trainable() || self.beta.is_trainable()
    }
}

/// Learned positions.
#[derive(Debug, Clone, Copy)]
pub struct PositionTable {
    pub rows: Span,
    /// The first position's row.
    pub offset: usize,
}

/// The input: rows by token, maybe by position and by type, then a norm.
#[derive(Debug, Clone, Copy)]
pub struct Embeddings {
    pub word: Span,
    /// None where attention knows positions by rotation.
    pub position: Option<PositionTable>,
    /// The row of the first type, added everywhere.
    pub token_type: Option<Span>,
    pub norm: Norm,
}

/// Shares of elements dropped while training; all zero while predicting.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dropout {
    pub hidden: f32,
    pub attention: f32,
    pub head: f32,
    pub adapter: f32,
    /// Of this step: the same seed gives the same masks.
    pub seed: u64,
}

/// What a forward pass leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every activation, for the backward pass.
    Everything,
    /// Only the logits: all blocks share the buffers of one.
    Logits,
}

/// Places where dropout happens, so that each has a mask of its own.
#[derive(Debug, Clone, Copy)]
pub enum Site {
    Embeddings,
    Head,
    Attention(usize),
    AttentionOut(usize),
    FeedForwardOut(usize),
    /// The input of an adapted matrix: layer and position of the matrix in it.
    Adapter(usize, usize),
}

impl Dropout {
    /// The mask of one place.
    #[must_use]
    pub fn mask(&self, site: Site) -> Mask {
        let (rate, number) = match site {
            Site::Embeddings => (self.hidden, 0),
            Site::Head => (self.head, 1),
            Site::Attention(layer) => (self.attention, 8 + layer * 8),
            Site::AttentionOut(layer) => (self.hidden, 9 + layer * 8),
            Site::FeedForwardOut(layer) => (self.hidden, 10 + layer * 8),
            Site::Adapter(layer, matrix) => (self.adapter, 11 + layer * 8 + matrix),
        };
        Mask::new(rate, self.seed, number as u32)
    }
}

/// The whole model.
#[derive(Debug, Clone)]
pub struct Network {
    pub weights: Weights,
    pub embeddings: Embeddings,
    pub layers: Vec<Layer>,
    /// After the last block, where norms come first.
    pub final_norm: Option<Norm>,
    pub head: Head,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub epsilon: f32,
    /// Every tensor, in the order of the buffers.
    pub names: Vec<Named>,
}

impl Network {
    /// From token ids to logits; `keep` says whether a backward pass will follow.
    pub fn forward(&self, shard: &mut Shard, dropout: &Dropout, keep: Keep) {
        let place = |number| if keep == Keep::Everything { number } else { 0 };
        let tapes = place(self.layers.len() - 1) + 1;
        shard.tape.resize_with(tapes.max(shard.tape.len()), Default::default);
        let mut input = std::mem::take(&mut shard.spare);
        self.embed(shard, dropout, &mut input);
        for (number, layer) in self.layers.iter().enumerate() {
            let mut tape = std::mem::take(&mut shard.tape[place(number)]);
            std::mem::swap(&mut tape.input, &mut input);
            let pass = Pass { network: self, number, shard, dropout };
            layer.forward(pass, &mut tape, &mut input);
            shard.tape[place(number)] = tape;
        }
        std::mem::swap(&mut shard.output, &mut input);
        shard.spare = input;
        if let Some(norm) = self.final_norm {
            let size = shard.tokens() * self.hidden;
            std::mem::swap(&mut shard.output, &mut shard.spare);
            let output = fit(&mut shard.output, size);
            shard.final_norm.forward(self, norm, &shard.spare[..size], output);
        }
        self.head.forward(self, shard, dropout);
    }

    /// From the gradient of the logits (in the shard) to that of every matrix product's output,
    /// which [`gradients`] then turns into gradients of weights.
    pub fn backward(&self, shard: &mut Shard, dropout: &Dropout) {
        self.head.backward(self, shard, dropout);
        let deepest = self.layers.iter().position(Layer::is_trainable).unwrap_or(self.layers.len());
        let mut gradient = std::mem::take(&mut shard.gradient);
        if let Some(norm) = self.final_norm.filter(|_| deepest < self.layers.len()) {
            let size = shard.tokens() * self.hidden;
            let below = zeroed(&mut shard.spare, size);
            shard.final_norm.backward(self, norm, &mut gradient[..size], below);
            std::mem::swap(&mut gradient, &mut shard.spare);
        }
        for (number, layer) in self.layers.iter().enumerate().skip(deepest).rev() {
            let mut tape = std::mem::take(&mut shard.tape[number]);
            let pass = Pass { network: self, number, shard, dropout };
            layer.backward(pass, &mut tape, &mut gradient, number > deepest);
            shard.tape[number] = tape;
        }
        shard.gradient = gradient;
    }

    fn embed(&self, shard: &mut Shard, dropout: &Dropout, out: &mut Vec<f32>) {
        let (tokens, hidden, weights) = (shard.tokens(), self.hidden, &self.weights);
        let sum = fit(&mut shard.scratch.narrow, tokens * hidden);
        let word = weights.get(self.embeddings.word);
        let table = self.embeddings.position.map(|it| (weights.get(it.rows), it.offset));
        let positions = shard.lengths.iter().flat_map(|length| 0..*length);
        for ((row, id), place) in sum.chunks_exact_mut(hidden).zip(&shard.ids).zip(positions) {
            let word = &word[*id as usize * hidden..][..hidden];
            match table {
                None => row.copy_from_slice(word),
                Some((table, offset)) => {
                    let position = &table[(place + offset) * hidden..][..hidden];
                    for ((row, word), position) in row.iter_mut().zip(word).zip(position) {
                        *row = word + position;
                    }
                }
            }
            if let Some(token_type) = self.embeddings.token_type {
                for (row, it) in row.iter_mut().zip(&weights.get(token_type)[..hidden]) {
                    *row += it;
                }
            }
        }
        let nothing = fit(&mut shard.scratch.second, tokens * hidden);
        nothing.fill(0.0);
        let inverse = fit(&mut shard.scratch.row, tokens);
        let Norm { gamma, beta } = self.embeddings.norm;
        let (out, zero) = (fit(out, tokens * hidden), vec![0.0; hidden]);
        layer_norm::forward(
            sum,
            nothing,
            &zero,
            Mask::NONE,
            0,
            weights.get(gamma),
            weights.get(beta),
            self.epsilon,
            out,
            inverse,
        );
        let mask = dropout.mask(Site::Embeddings);
        dropout::apply_in_place(mask, (shard.first_token * hidden) as u32, out);
    }
}

/// What a norm on its own leaves for its backward pass.
#[derive(Debug, Default)]
pub struct NormTape {
    normalised: Vec<f32>,
    inverse: Vec<f32>,
    /// Gradients of γ and β.
    pub d_scale: Vec<f32>,
}

impl NormTape {
    /// Writes the norm of the rows of `x` to `y`.
    fn forward(&mut self, network: &Network, norm: Norm, x: &[f32], y: &mut [f32]) {
        let weights = &network.weights;
        pre_norm::normalise(
            x,
            weights.get(norm.gamma),
            weights.get(norm.beta),
            network.epsilon,
            fit(&mut self.normalised, x.len()),
            fit(&mut self.inverse, x.len() / network.hidden),
            y,
        );
    }

    /// Adds the gradient of the rows to `dx`, given that of the result, which is overwritten.
    fn backward(&mut self, network: &Network, norm: Norm, dy: &mut [f32], dx: &mut [f32]) {
        let (normalised, inverse) = (&self.normalised[..dy.len()], &self.inverse);
        let scale = zeroed(&mut self.d_scale, 2 * network.hidden);
        let gamma = network.weights.get(norm.gamma);
        pre_norm::normalise_backward(dy, normalised, inverse, gamma, dx, scale);
    }
}

/// As [`fit`], cleared.
fn zeroed(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    let buffer = fit(buffer, len);
    buffer.fill(0.0);
    buffer
}

/// The first `len` elements of a buffer that only ever grows; their values are whatever they were.
pub(crate) fn fit(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Which vector stands for a text.
pub type TextVector = Pooling;

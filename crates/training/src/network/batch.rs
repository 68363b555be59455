//! A batch of texts, packed end to end and cut into shards.
//!
//! Shards are what threads compute side by side. How a batch is cut depends only on the batch:
//! the same shards with one thread or many, so the same sums in the same order.

use super::NormTape;
use super::layer::Tape;
use crate::kernels::attention;

/// A text as the network takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence<'a> {
    pub ids: &'a [u32],
    /// The wished probability of each label.
    pub target: Vec<f32>,
    /// How much it counts in the loss.
    pub weight: f32,
}

/// Tokens that a shard aims at: enough for efficient products, few enough for many threads.
const SHARD_TOKENS: usize = 288;

/// Tokens of a batch that are computed at once; more are taken in waves, to bound memory.
pub const WAVE_TOKENS: usize = 4 * SHARD_TOKENS;

/// Buffers that hold nothing from one call to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    pub wide: Vec<f32>,
    pub narrow: Vec<f32>,
    pub second: Vec<f32>,
    pub row: Vec<f32>,
    pub attention: attention::Scratch,
}

/// Part of a batch, with every activation that its backward pass needs.
#[derive(Debug, Default)]
pub struct Shard {
    pub ids: Vec<u32>,
    pub lengths: Vec<usize>,
    pub targets: Vec<f32>,
    pub weights: Vec<f32>,
    /// Place of its first token and text in the batch; names dropout masks.
    pub first_token: usize,
    pub first_text: usize,
    pub tape: Vec<Tape>,
    /// Of the last layer, after the final norm where there is one.
    pub output: Vec<f32>,
    pub final_norm: NormTape,
    /// Of the layer being computed backwards.
    pub gradient: Vec<f32>,
    pub pooled: Vec<f32>,
    pub dense: Vec<f32>,
    /// Derivative of the head's activation.
    pub dense_slope: Vec<f32>,
    pub dense_norm: NormTape,
    /// What the head's norm makes of `dense`, then its gradient.
    pub dense_normed: Vec<f32>,
    pub dropped: Vec<f32>,
    /// The logits, then their gradient.
    pub logits: Vec<f32>,
    pub d_dense: Vec<f32>,
    pub d_pooled: Vec<f32>,
    pub spare: Vec<f32>,
    pub scratch: Scratch,
}

impl Shard {
    /// How many tokens it holds.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// How many texts it holds.
    #[must_use]
    pub fn texts(&self) -> usize {
        self.lengths.len()
    }

    fn fill(&mut self, sequences: &[Sequence<'_>], first_token: usize, first_text: usize) {
        (self.first_token, self.first_text) = (first_token, first_text);
        self.ids.clear();
        self.lengths.clear();
        self.targets.clear();
        self.weights.clear();
        for sequence in sequences {
            self.ids.extend(sequence.ids);
            self.lengths.push(sequence.ids.len());
            self.targets.extend(&sequence.target);
            self.weights.push(sequence.weight);
        }
    }
}

/// Where a wave begins in its batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offset {
    pub text: usize,
    pub token: usize,
}

/// Cuts a batch into waves: as many texts as fit into [`WAVE_TOKENS`], at least one.
pub fn waves<'a, 'b>(
    sequences: &'a [Sequence<'b>],
) -> impl Iterator<Item = (Offset, &'a [Sequence<'b>])> + use<'a, 'b> {
    let mut offset = Offset::default();
    std::iter::from_fn(move || {
        let rest = &sequences[offset.text..];
        let totals = rest.iter().scan(0, |total, it| {
            *total += it.ids.len();
            Some(*total)
        });
        let fitting = totals.take_while(|total| *total <= WAVE_TOKENS).count();
        let wave = &rest[..fitting.max(1).min(rest.len())];
        let start = offset;
        offset.text += wave.len();
        offset.token += wave.iter().map(|it| it.ids.len()).sum::<usize>();
        (!wave.is_empty()).then_some((start, wave))
    })
}

/// Fills `shards` with a wave and returns how many were needed.
pub fn pack(sequences: &[Sequence<'_>], offset: Offset, shards: &mut Vec<Shard>) -> usize {
    let tokens: usize = sequences.iter().map(|it| it.ids.len()).sum();
    let count = tokens.div_ceil(SHARD_TOKENS).clamp(1, sequences.len().max(1));
    if shards.len() < count {
        shards.resize_with(count, Shard::default);
    }
    let (mut text, mut token) = (0, 0);
    for (number, shard) in shards[..count].iter_mut().enumerate() {
        let (first_text, first_token) = (text, token);
        let left = count - number - 1;
        // A shard ends where its share of the tokens is reached, but leaves one text to each other.
        while text < sequences.len() - left
            && (text == first_text || left == 0 || token * count < tokens * (number + 1))
        {
            token += sequences[text].ids.len();
            text += 1;
        }
        let own = &sequences[first_text..text];
        shard.fill(own, offset.token + first_token, offset.text + first_text);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lengths: &[usize], expected: &[usize]) {
        let ids = vec![1; 4096];
        let sequences: Vec<_> = lengths
            .iter()
            .map(|it| Sequence { ids: &ids[..*it], target: vec![1.0], weight: 1.0 })
            .collect();
        let mut shards = Vec::new();
        let count = pack(&sequences, Offset::default(), &mut shards);
        let texts: Vec<_> = shards[..count].iter().map(Shard::texts).collect();
        assert_eq!(texts, expected);
        let packed: Vec<_> = shards[..count].iter().flat_map(|it| it.lengths.clone()).collect();
        assert_eq!(packed, lengths);
    }

    #[test]
    fn a_batch_is_computed_in_waves_of_bounded_size() {
        let ids = vec![1; 3000];
        let text = |len: usize| Sequence { ids: &ids[..len], target: Vec::new(), weight: 1.0 };
        let batch = [500, 600, 200, 900, 3000].map(text);
        let waves: Vec<_> = waves(&batch).map(|(at, it)| (at.text, at.token, it.len())).collect();
        assert_eq!(waves, [(0, 0, 2), (2, 1100, 2), (4, 2200, 1)]);
    }

    #[test]
    fn shards_have_similar_size_and_keep_the_order() {
        check(&[10], &[1]);
        check(&[16; 32], &[16, 16]);
        check(&[900, 10, 10, 10], &[1, 1, 1, 1]);
        check(&[10, 10, 10, 900], &[1, 1, 1, 1]);
        check(&[300, 300, 300], &[1, 1, 1]);
    }
}

//! Logits of a trained or half-trained network, and how good they are.

use freehold_vocabulary::LabelMode;
use rayon::prelude::*;

use super::corpus::Corpus;
use crate::checkpoint::Score;
use crate::network::batch::{self, Offset, Sequence, Shard};
use crate::network::{Dropout, Keep, Network};

/// Which number for each text is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Logits,
    /// The vectors that go into the head.
    Pooled,
}

/// Computes logits or vectors of every example, one row each.
pub fn compute(
    network: &Network,
    corpus: &Corpus,
    shards: &mut Vec<Shard>,
    wanted: Wanted,
) -> Vec<f32> {
    let sequence = |it| Sequence { ids: corpus.ids(it), target: Vec::new(), weight: 0.0 };
    let sequences: Vec<Sequence<'_>> = (0..corpus.len()).map(sequence).collect();
    let width = match wanted {
        Wanted::Logits => network.head.labels,
        Wanted::Pooled => network.hidden,
    };
    let mut rows = Vec::with_capacity(sequences.len() * width);
    for (_, wave) in batch::waves(&sequences) {
        let count = batch::pack(wave, Offset::default(), shards);
        shards[..count]
            .par_iter_mut()
            .for_each(|it| network.forward(it, &Dropout::default(), Keep::Logits));
        for shard in &shards[..count] {
            let values = match wanted {
                Wanted::Logits => &shard.logits,
                Wanted::Pooled => &shard.pooled,
            };
            rows.extend_from_slice(&values[..shard.texts() * width]);
        }
    }
    rows
}

/// Judges logits.
#[must_use]
pub fn score(mode: LabelMode, corpus: &Corpus, logits: &[f32]) -> Score {
    let classes = logits.len() / corpus.len();
    let rows = logits.chunks_exact(classes).enumerate();
    match mode {
        LabelMode::Single => {
            single(rows.map(|(it, row)| (corpus.labels(it)[0] as usize, row)), corpus.len())
        }
        LabelMode::Multi => multi(rows.map(|(it, row)| (corpus.labels(it), row)), logits.len()),
    }
}

fn single<'a>(rows: impl Iterator<Item = (usize, &'a [f32])>, count: usize) -> Score {
    let (mut right, mut loss) = (0usize, 0.0);
    for (label, row) in rows {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // A tie is a miss for all but the first of the tied.
        right += usize::from(row.iter().position(|it| *it == most) == Some(label));
        let sum: f64 = row.iter().map(|it| f64::from(it - most).exp()).sum();
        loss += sum.ln() - f64::from(row[label] - most);
    }
    Score { quality: right as f64 / count as f64, loss: loss / count as f64 }
}

fn multi<'a>(rows: impl Iterator<Item = (&'a [u32], &'a [f32])>, count: usize) -> Score {
    let (mut hits, mut claimed, mut wanted, mut loss) = (0usize, 0usize, 0usize, 0.0);
    for (labels, row) in rows {
        wanted += labels.len();
        for (class, logit) in (0u32..).zip(row) {
            let (x, is_right) = (f64::from(*logit), labels.contains(&class));
            claimed += usize::from(x > 0.0);
            hits += usize::from(x > 0.0 && is_right);
            loss += x.max(0.0) - if is_right { x } else { 0.0 } + (-x.abs()).exp().ln_1p();
        }
    }
    let quality = 2.0 * hits as f64 / (claimed + wanted).max(1) as f64;
    Score { quality, loss: loss / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_and_loss_of_single_labels() {
        let rows = [(0, &[2.0f32, 0.0][..]), (0, &[0.0, 2.0]), (1, &[0.0, 0.0])];
        let score = single(rows.into_iter(), 3);
        assert!((score.quality - 1.0 / 3.0).abs() < 1e-12);
        let expected = (2.0 * (1.0 + (-2.0f64).exp()).ln() + 2.0 + 2f64.ln()) / 3.0;
        assert!((score.loss - expected).abs() < 1e-9);
    }

    #[test]
    fn micro_f1_of_several_labels() {
        let rows = [(&[0u32, 1][..], &[1.0f32, -1.0, 1.0][..]), (&[], &[-1.0, -1.0, -1.0])];
        assert!((multi(rows.into_iter(), 6).quality - 0.5).abs() < 1e-12);
    }
}

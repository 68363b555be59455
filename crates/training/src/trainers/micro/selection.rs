//! Which n-grams a micro model knows, and how much each says by being rare.

use std::collections::HashMap;

use freehold_models::micro::{FeatureTable, Featurizer, Space, features};
use freehold_vocabulary::LabelledText;
use rayon::prelude::*;

use super::MicroSpec;

/// The chosen n-grams, words before character n-grams, by falling frequency.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub hashes: Vec<u32>,
    pub word_rows: usize,
    pub inverse_frequency: Vec<f32>,
    spec: features::FeatureSpec,
}

/// Texts with their TF-IDF values, one after the other.
#[derive(Debug)]
pub(super) struct Matrix {
    pub entries: Vec<(u32, f32)>,
    /// Text `i` owns the entries from `ends[i - 1]` to `ends[i]`.
    pub ends: Vec<usize>,
}

/// When more n-grams than this are being counted, those met only once so far are forgotten
/// (lossy counting; Manku and Motwani 2002): memory stays bounded on millions of texts.
const COUNTED_MAX: usize = 6_000_000;

/// Below so many texts every n-gram counts: there is too little to be choosy.
const SMALL_DATA: usize = 500;

impl Selection {
    pub fn fit(spec: &MicroSpec, texts: &[&LabelledText], classes: usize) -> Self {
        let counts = count(spec, texts);
        let frequency_min =
            if texts.len() < SMALL_DATA { 1 } else { spec.document_frequency_min.max(1) };
        let mut kept: Vec<(u32, u32, Space)> = counts
            .into_iter()
            .filter(|&(_, (frequency, _))| frequency >= frequency_min)
            .map(|(hash, (frequency, space))| (frequency, hash, space))
            .collect();
        // A row is its hash, its frequency, its scale, and a byte for each class.
        let rows_max = (spec.file_bytes_max as usize / (12 + classes)).max(1);
        kept.sort_unstable_by_key(|&(frequency, hash, _)| (u32::MAX - frequency, hash));
        kept.truncate(rows_max);
        kept.sort_by_key(|&(.., space)| space == Space::Character);
        let texts = texts.len() as f32;
        Self {
            hashes: kept.iter().map(|&(_, hash, _)| hash).collect(),
            word_rows: kept.partition_point(|&(.., space)| space == Space::Word),
            inverse_frequency: kept
                .iter()
                .map(|&(frequency, ..)| ((1.0 + texts) / (1.0 + frequency as f32)).ln() + 1.0)
                .collect(),
            spec: spec.features,
        }
    }

    /// The texts as the model will see them.
    pub fn transform(&self, texts: &[&LabelledText]) -> Matrix {
        let table = FeatureTable::new(&self.hashes);
        let pieces: Vec<Vec<(u32, f32)>> = texts
            .par_iter()
            .map_init(Featurizer::default, |featurizer, example| {
                let (mut rows, mut weighted) = (Vec::new(), Vec::new());
                featurizer.each(&self.spec, &example.text, |_, hash| rows.extend(table.find(hash)));
                let idf = &self.inverse_frequency;
                features::weigh(&mut rows, idf, self.word_rows, &mut weighted);
                weighted
            })
            .collect();
        let mut matrix = Matrix {
            entries: Vec::with_capacity(pieces.iter().map(Vec::len).sum()),
            ends: Vec::with_capacity(pieces.len()),
        };
        for piece in pieces {
            matrix.entries.extend(piece);
            matrix.ends.push(matrix.entries.len());
        }
        matrix
    }
}

impl Matrix {
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    pub fn row(&self, index: usize) -> &[(u32, f32)] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.entries[start..self.ends[index]]
    }
}

/// In how many texts each n-gram occurs. A hash met as both a word and a character n-gram is one
/// feature, of the kind met first.
fn count(spec: &MicroSpec, texts: &[&LabelledText]) -> HashMap<u32, (u32, Space)> {
    let mut counts: HashMap<u32, (u32, Space)> = HashMap::new();
    let mut featurizer = Featurizer::default();
    let mut found: Vec<(u32, Space)> = Vec::new();
    for example in texts {
        found.clear();
        featurizer.each(&spec.features, &example.text, |space, hash| found.push((hash, space)));
        found.sort_unstable_by_key(|&(hash, space)| (hash, space == Space::Character));
        found.dedup_by_key(|&mut (hash, _)| hash);
        for &(hash, space) in &found {
            counts.entry(hash).or_insert((0, space)).0 += 1;
        }
        if counts.len() > COUNTED_MAX {
            counts.retain(|_, (frequency, _)| *frequency > 1);
        }
    }
    counts
}

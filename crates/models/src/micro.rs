//! The micro model: a linear classifier over hashed word and character n-grams.
//!
//! The class of fastText and of TF-IDF with a linear support vector machine (Joulin et al. 2016,
//! arXiv 1607.01759; Wang and Manning 2012): no pre-trained base, seconds to train, a few
//! megabytes, tens of thousands of texts a second. It answers the easy part of the traffic, so
//! that a dearer tier need not. Training lives elsewhere; this module only reads and answers.

pub mod features;
pub mod file;
mod rows;

use std::path::Path;

use freehold_vocabulary::ports::{Classifier, ClassifyError, Scored};
use freehold_vocabulary::{LabelMode, LabelSet};
use rayon::prelude::*;

pub use features::{FeatureSpec, FeatureTable, Featurizer, Space};
pub use file::MicroParts;

use crate::ModelError;

/// A loaded micro model.
#[derive(Debug)]
pub struct MicroClassifier {
    parts: MicroParts,
    table: FeatureTable,
    labels: LabelSet,
    mode: LabelMode,
}

/// Texts per piece of parallel work: enough to outweigh handing it over.
const TEXTS_PER_JOB: usize = 64;

impl MicroClassifier {
    /// Reads `micro.json` and `micro.safetensors` from a directory.
    ///
    /// # Errors
    /// When a file is missing, damaged, of another format, or made for another number of labels.
    pub fn open(dir: &Path, labels: LabelSet, mode: LabelMode) -> Result<Self, ModelError> {
        let parts = MicroParts::load(dir)?;
        if parts.bias.len() != labels.len() {
            let (path, found) = (dir.join(file::WEIGHTS_FILE), parts.bias.len());
            return Err(ModelError::Labels { path, found, expected: labels.len() });
        }
        Ok(Self::from_parts(parts, labels, mode))
    }

    /// Serves parts that are in memory.
    ///
    /// # Panics
    /// When the parts do not fit each other or the labels: the trainer is at fault.
    #[must_use]
    pub fn from_parts(parts: MicroParts, labels: LabelSet, mode: LabelMode) -> Self {
        assert_eq!(parts.check(), Ok(()), "parts come from the trainer or were checked on load");
        assert_eq!(parts.bias.len(), labels.len(), "one logit for each label");
        let table = FeatureTable::new(&parts.hashes);
        Self { parts, table, labels, mode }
    }

    fn score(&self, text: &str, scratch: &mut Scratch) -> Scored {
        let tokens = self.weigh(text, scratch);
        let mut logits = self.parts.bias.clone();
        for (row, value) in &mut scratch.weighted {
            *value *= self.parts.scales[*row as usize];
        }
        rows::add(&mut logits, &self.parts.weights, &scratch.weighted);
        Scored { logits, embedding: Vec::new(), tokens }
    }

    /// Leaves the known features of a text with their TF-IDF values; returns the words read.
    fn weigh(&self, text: &str, scratch: &mut Scratch) -> u32 {
        scratch.rows.clear();
        let Scratch { rows, weighted, featurizer } = scratch;
        let tokens = featurizer.each(&self.parts.spec, text, |_, hash| {
            rows.extend(self.table.find(hash));
        });
        features::weigh(rows, &self.parts.inverse_frequency, self.parts.word_rows, weighted);
        tokens
    }
}

#[derive(Debug, Default)]
struct Scratch {
    rows: Vec<u32>,
    weighted: Vec<(u32, f32)>,
    featurizer: Featurizer,
}

impl Classifier for MicroClassifier {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn mode(&self) -> LabelMode {
        self.mode
    }

    fn classify(&self, texts: &[&str]) -> Result<Vec<Scored>, ClassifyError> {
        let jobs: Vec<Vec<Scored>> = texts
            .par_chunks(TEXTS_PER_JOB)
            .map_init(Scratch::default, |scratch, chunk| {
                chunk.iter().map(|text| self.score(text, scratch)).collect()
            })
            .collect();
        let scored: Vec<Scored> = jobs.into_iter().flatten().collect();
        let broken = scored.iter().position(|it| !it.logits.iter().all(|x| x.is_finite()));
        match broken {
            Some(position) => Err(ClassifyError::NotFinite { position }),
            None => Ok(scored),
        }
    }
}

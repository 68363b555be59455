//! What a person wants to know about a dataset version at a glance.

use std::collections::BTreeMap;

use freehold_vocabulary::{DatasetName, Digest, Example, Label, LabelMode, Split};
use serde::Serialize;

use super::Dataset;
use crate::error::CurationError;

/// The version in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetSummary {
    pub digest: Digest,
    pub name: DatasetName,
    pub mode: LabelMode,
    pub rows: u64,
    pub per_split: BTreeMap<Split, u64>,
    /// Rows without a label, by split.
    pub out_of_scope: BTreeMap<Split, u64>,
    /// Most frequent first.
    pub labels: Vec<LabelSummary>,
    pub slices: Vec<String>,
    pub text_bytes_mean: f64,
    pub text_bytes_max: u64,
    pub parents: Vec<Digest>,
    pub licence: Option<String>,
    /// The first rows of each split.
    pub samples: Vec<Example>,
}

/// One label in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelSummary {
    pub label: Label,
    pub rows: u64,
    pub per_split: BTreeMap<Split, u64>,
}

impl Dataset {
    /// The version in numbers, with the first `samples` rows of each split.
    ///
    /// # Errors
    /// When the examples cannot be read.
    pub fn show(&self, samples: usize) -> Result<DatasetSummary, CurationError> {
        let manifest = self.manifest();
        let counts = &manifest.counts;
        let mut labels: Vec<LabelSummary> = counts
            .per_label
            .iter()
            .map(|(label, per_split)| LabelSummary {
                label: label.clone(),
                rows: per_split.values().sum(),
                per_split: per_split.clone(),
            })
            .collect();
        labels.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.label.cmp(&b.label)));
        Ok(DatasetSummary {
            digest: self.digest().clone(),
            name: manifest.name.clone(),
            mode: manifest.mode,
            rows: counts.rows,
            per_split: counts.per_split.clone(),
            out_of_scope: counts.out_of_scope.clone(),
            labels,
            slices: manifest.slices.clone(),
            text_bytes_mean: counts.text_bytes_total as f64 / counts.rows.max(1) as f64,
            text_bytes_max: counts.text_bytes_max,
            parents: manifest.parents.clone(),
            licence: manifest.licence.clone(),
            samples: self.samples(samples)?,
        })
    }

    fn samples(&self, each: usize) -> Result<Vec<Example>, CurationError> {
        let mut missing: BTreeMap<Split, usize> =
            self.manifest().counts.per_split.keys().map(|it| (*it, each)).collect();
        let mut samples = Vec::new();
        let mut examples = self.iter()?;
        while missing.values().any(|it| *it > 0) {
            let Some(example) = examples.next().transpose()? else { break };
            match missing.get_mut(&example.split) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    samples.push(example);
                }
                _ => {}
            }
        }
        samples.sort_by_key(|it| it.split);
        Ok(samples)
    }
}

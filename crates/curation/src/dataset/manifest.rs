//! What a dataset version says about itself.
//!
//! Holds no time of making and no path, so that the same data gives the same bytes. There is no
//! field for what was not done: a scan for personal data adds its own when it exists.

use std::collections::BTreeMap;

use freehold_vocabulary::{DatasetName, Digest, Label, LabelMode, LabelSet, Seed, Split};
use serde::{Deserialize, Serialize};

use crate::checks::{Finding, Severity};
use crate::duplicates::NearDuplicates;
use crate::import::report::{ImportReport, SourceRecord};
use crate::split::{Shares, SplitReport};

/// The format that this program writes and reads.
pub const FORMAT: &str = "freehold.dataset/1";

/// The manifest of a dataset version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetManifest {
    pub format: String,
    pub name: DatasetName,
    pub mode: LabelMode,
    pub labels: LabelSet,
    pub examples: ExamplesFile,
    /// Columns of the Parquet file in order.
    pub schema: Vec<ColumnDescription>,
    /// Slice columns, by the names that they had in the source.
    pub slices: Vec<String>,
    pub counts: Counts,
    /// How rows were divided; none for versions to which rows were appended.
    pub division: Option<Division>,
    pub near_duplicates: NearDuplicates,
    pub sources: Vec<SourceRecord>,
    /// Rows refused at import, by reason.
    pub rejected: BTreeMap<String, u64>,
    pub findings: Vec<FindingSummary>,
    /// Versions that this one was made from.
    pub parents: Vec<Digest>,
    /// The licence of the data, as its owner states it.
    pub licence: Option<String>,
}

/// The Parquet file beside the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExamplesFile {
    pub file: String,
    pub digest: Digest,
    pub bytes: u64,
    /// Digest of the rows whatever the encoding: SHA-256 over one JSON array
    /// `[id, split, source, slices]` and a line feed for each row.
    pub content: Digest,
}

/// One column of the Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDescription {
    pub name: String,
    /// `string` or `list<string>`.
    pub kind: String,
}

/// How many rows there are of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub rows: u64,
    pub per_split: BTreeMap<Split, u64>,
    pub per_label: BTreeMap<Label, BTreeMap<Split, u64>>,
    /// Rows without a label.
    pub out_of_scope: BTreeMap<Split, u64>,
    pub text_bytes_total: u64,
    pub text_bytes_max: u64,
}

/// How rows were divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Division {
    pub seed: Seed,
    pub shares: Shares,
    /// Splits that the sources gave.
    pub given: Vec<Split>,
    /// Rows dropped because a more protected split has their like.
    pub dropped: BTreeMap<Split, u64>,
}

/// A finding without its examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingSummary {
    pub check: String,
    pub severity: Severity,
    pub count: u64,
    pub summary: String,
}

impl DatasetManifest {
    /// The bytes whose digest names the version.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes =
            serde_json::to_vec_pretty(self).expect("a manifest has only text keys and numbers");
        bytes.push(b'\n');
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        let form: Form = serde_json::from_slice(bytes)
            .map_err(|error| format!("its manifest cannot be read: {error}"))?;
        if form.format != FORMAT {
            let found = form.format;
            return Err(format!("its format is `{found}`, this program reads `{FORMAT}`"));
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("its manifest cannot be read: {error}"))?;
        manifest.near_duplicates.check().map_err(|error| error.to_string())?;
        Ok(manifest)
    }
}

impl From<&SplitReport> for Division {
    fn from(report: &SplitReport) -> Self {
        Self {
            seed: report.seed,
            shares: report.shares,
            given: report.given.clone(),
            dropped: report.dropped.clone(),
        }
    }
}

impl From<&Finding> for FindingSummary {
    fn from(finding: &Finding) -> Self {
        Self {
            check: finding.check.clone(),
            severity: finding.severity,
            count: finding.count,
            summary: finding.summary.clone(),
        }
    }
}

/// The findings of import and division together, for the manifest.
pub(crate) fn summarise(import: &ImportReport, division: &[Finding]) -> Vec<FindingSummary> {
    import.findings.iter().chain(division).map(FindingSummary::from).collect()
}

impl Counts {
    pub(crate) fn add(&mut self, split: Split, labels: &[Label], text_bytes: u64) {
        self.rows += 1;
        *self.per_split.entry(split).or_default() += 1;
        self.text_bytes_total += text_bytes;
        self.text_bytes_max = self.text_bytes_max.max(text_bytes);
        if labels.is_empty() {
            *self.out_of_scope.entry(split).or_default() += 1;
        }
        for label in labels {
            match self.per_label.get_mut(label) {
                Some(counts) => *counts.entry(split).or_default() += 1,
                None => {
                    self.per_label.insert(label.clone(), BTreeMap::from([(split, 1)]));
                }
            }
        }
    }
}

//! Accepted rows between import and dataset: facts in memory, texts in a spill file.
//!
//! Forty bytes a row stay in memory; texts, slices and unusual sources go to an anonymous
//! temporary file and are read back where they are needed. Nothing here judges a row.

use std::collections::HashMap;
use std::path::Path;

use freehold_vocabulary::{Digest, Label, Split};

use crate::error::CurationError;
use crate::normal::normal_form;

mod spill;

pub(crate) use spill::{RowContent, Window};
use spill::{Spill, SpillWriter};

/// What is kept in memory of one accepted row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowFacts {
    offset: u64,
    key: [u64; 2],
    line: u32,
    /// Position in [`Staged::label_sets`].
    pub(crate) labels: u32,
    file: u16,
    /// The split that the source gave.
    pub(crate) split: Option<Split>,
}

impl RowFacts {
    /// 128 bits of the SHA-256 of the normal form: equal texts, equal keys.
    pub(crate) fn key(&self) -> u128 {
        (u128::from(self.key[0]) << 64) | u128::from(self.key[1])
    }
}

/// Where a row came from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A line of `files[file]`.
    Line { file: u16, line: u64 },
    /// In its own words.
    Named(&'a str),
}

const NAMED: u16 = u16::MAX;

/// Rows being accepted.
#[derive(Debug)]
pub(crate) struct Stager {
    staged: Vec<RowFacts>,
    labels: Vec<Label>,
    label_codes: HashMap<Label, u32>,
    label_sets: Vec<Box<[u32]>>,
    label_set_codes: HashMap<Box<[u32]>, u32>,
    slice_names: Vec<String>,
    labels_max: u32,
    rows_max: u32,
    spill: SpillWriter,
}

/// Accepted rows.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) rows: Vec<RowFacts>,
    /// By code, in order of first appearance.
    pub(crate) labels: Vec<Label>,
    /// Sorted codes, by label-set number.
    pub(crate) label_sets: Vec<Box<[u32]>>,
    pub(crate) files: Vec<String>,
    pub(crate) slice_names: Vec<String>,
    spill: Spill,
}

impl Stager {
    pub(crate) fn new(
        scratch: &Path,
        slice_names: Vec<String>,
        limits: &crate::request::Limits,
    ) -> Result<Self, CurationError> {
        Ok(Self {
            staged: Vec::new(),
            labels: Vec::new(),
            label_codes: HashMap::new(),
            label_sets: Vec::new(),
            label_set_codes: HashMap::new(),
            slice_names,
            labels_max: limits.labels_max,
            rows_max: limits.rows_max,
            spill: SpillWriter::create_in(scratch)?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.staged.len()
    }

    /// Accepts a row. `slices` stand in the order of the slice names.
    pub(crate) fn push(
        &mut self,
        text: &str,
        labels: &[Label],
        split: Option<Split>,
        slices: &[Option<String>],
        origin: Origin<'_>,
    ) -> Result<(), CurationError> {
        debug_assert_eq!(slices.len(), self.slice_names.len());
        if self.staged.len() >= self.rows_max as usize {
            return Err(CurationError::Limit {
                what: "the number of rows".to_owned(),
                limit: self.rows_max.into(),
                remedy: "import a sample, or raise `rows_max`",
            });
        }
        let labels = self.label_set(labels)?;
        let (file, line, source) = match origin {
            Origin::Line { file, line } => (file, line, ""),
            Origin::Named(source) => (NAMED, 0, source),
        };
        let line = u32::try_from(line).map_err(|_| CurationError::Limit {
            what: "a line number".to_owned(),
            limit: u32::MAX.into(),
            remedy: "cut the file into parts",
        })?;
        let offset = self.spill.append(text, source, slices)?;
        self.staged.push(RowFacts { offset, key: key_of(text), line, labels, file, split });
        Ok(())
    }

    fn label_set(&mut self, labels: &[Label]) -> Result<u32, CurationError> {
        let mut codes = Vec::with_capacity(labels.len());
        for label in labels {
            codes.push(self.label_code(label)?);
        }
        codes.sort_unstable();
        codes.dedup();
        if let Some(known) = self.label_set_codes.get(codes.as_slice()) {
            return Ok(*known);
        }
        let next = u32::try_from(self.label_sets.len()).expect("there are fewer sets than rows");
        let codes = codes.into_boxed_slice();
        self.label_sets.push(codes.clone());
        self.label_set_codes.insert(codes, next);
        Ok(next)
    }

    fn label_code(&mut self, label: &Label) -> Result<u32, CurationError> {
        if let Some(code) = self.label_codes.get(label) {
            return Ok(*code);
        }
        if self.labels.len() >= self.labels_max as usize {
            return Err(CurationError::Limit {
                what: format!("the number of labels (`{label}` is one too many)"),
                limit: self.labels_max.into(),
                remedy: "check that the label column is the right one, or raise `labels_max`",
            });
        }
        let next = u32::try_from(self.labels.len()).expect("the limit is a u32");
        self.labels.push(label.clone());
        self.label_codes.insert(label.clone(), next);
        Ok(next)
    }

    /// No more rows come. `files` are the names to which origins refer.
    pub(crate) fn finish(mut self, files: Vec<String>) -> Result<Staged, CurationError> {
        self.staged.shrink_to_fit();
        Ok(Staged {
            rows: self.staged,
            labels: self.labels,
            label_sets: self.label_sets,
            files,
            slice_names: self.slice_names,
            spill: self.spill.finish()?,
        })
    }
}

/// 128 bits of the digest of the normal form.
fn key_of(text: &str) -> [u64; 2] {
    let digest = Digest::of(normal_form(text));
    let word = |range| u64::from_str_radix(&digest.hex()[range], 16);
    [0..16, 16..32].map(|range| word(range).expect("a digest is hexadecimal"))
}

impl Staged {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A window for reading rows; cheap, one per thread.
    pub(crate) fn window(&self) -> Window<'_> {
        self.spill.window(self.slice_names.len())
    }

    /// The text of a row.
    pub(crate) fn text<'w>(
        &self,
        row: usize,
        window: &'w mut Window<'_>,
    ) -> Result<&'w str, CurationError> {
        window.text(self.rows[row].offset)
    }

    /// Everything that was spilled of a row.
    pub(crate) fn content(
        &self,
        row: usize,
        window: &mut Window<'_>,
    ) -> Result<RowContent, CurationError> {
        let facts = &self.rows[row];
        let mut content = window.content(facts.offset)?;
        if facts.file != NAMED {
            content.source = format!("{}:{}", self.files[usize::from(facts.file)], facts.line);
        }
        Ok(content)
    }

    /// The codes of a row's labels.
    pub(crate) fn label_codes(&self, row: usize) -> &[u32] {
        &self.label_sets[self.rows[row].labels as usize]
    }

    /// The labels of a row, sorted by name.
    pub(crate) fn labels_of(&self, row: usize) -> Vec<Label> {
        let codes = self.label_codes(row).iter();
        let mut labels: Vec<Label> = codes.map(|it| self.labels[*it as usize].clone()).collect();
        labels.sort_unstable();
        labels
    }
}

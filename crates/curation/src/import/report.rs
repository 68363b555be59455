//! What an import saw: sources, counts, and every row it refused with the reason.

use std::collections::BTreeMap;
use std::fmt;

use freehold_vocabulary::{Digest, Split};
use serde::{Deserialize, Serialize};

use crate::checks::Finding;
use crate::request::ColumnChoice;

/// Rejected rows that are kept one by one; the rest is only counted.
pub const REJECTED_LISTED_MAX: usize = 10_000;

/// What an import saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    pub sources: Vec<SourceRecord>,
    pub accepted: u64,
    pub rejected: u64,
    /// Rejections by [`Reason::code`].
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// The first [`REJECTED_LISTED_MAX`] of them.
    pub rejected_rows: Vec<RejectedRow>,
    /// What the checks found, most severe first.
    pub findings: Vec<Finding>,
}

/// One input file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    pub name: String,
    pub digest: Digest,
    pub bytes: u64,
    /// A name from [`crate::import::FORMATS`].
    pub format: String,
    /// The encoding and how it is known, such as `UTF-8 (valid)`; none for binary formats.
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
    /// The split that the request gave to the file.
    pub split: Option<Split>,
    pub columns: ColumnChoice,
    pub accepted: u64,
    pub rejected: u64,
}

/// One refused row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    pub file: String,
    /// The physical line on which the row starts, from 1; the row number for binary formats.
    pub line: u64,
    pub code: String,
    pub reason: String,
}

impl fmt::Display for RejectedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}: {}", self.file, self.line, self.reason)
    }
}

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the row has {found} fields, the header has {expected}")]
    FieldCount { expected: usize, found: usize },
    #[error("not valid JSON: {0}")]
    InvalidJson(String),
    #[error("not a JSON object")]
    NotAnObject,
    #[error("the record is longer than {max} bytes")]
    RecordTooLong { max: u32 },
    #[error("bytes that are not valid in the file's encoding, or U+FFFD from earlier damage")]
    InvalidBytes,
    #[error("the text is missing")]
    MissingText,
    #[error("the text is empty")]
    EmptyText,
    #[error("the text has {bytes} bytes, more than {max}")]
    TextTooLong { bytes: usize, max: u32 },
    #[error("the text holds the control character U+{0:04X}")]
    ControlCharacter(u32),
    #[error("the label is missing")]
    MissingLabel,
    #[error("{0}")]
    InvalidLabel(String),
    #[error("{0} labels in a single-label data set")]
    SeveralLabels(usize),
    #[error("{found} labels, more than {max}")]
    TooManyLabels { found: usize, max: u32 },
    #[error("`{value}` in `{column}` is neither 0 nor 1")]
    NotAnIndicator { column: String, value: String },
    #[error("`{0}` is not a split")]
    UnknownSplit(String),
    #[error("the row says `{column}`, the file was given for `{file}`")]
    ContradictorySplit { column: Split, file: Split },
    #[error("slice `{column}` has {bytes} bytes, more than {max}")]
    SliceTooLong { column: String, bytes: usize, max: u32 },
    #[error("`{column}` holds {found} where a text was expected")]
    WrongType { column: String, found: &'static str },
}

impl Reason {
    /// A stable word for counting.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FieldCount { .. } => "field_count",
            Self::InvalidJson(_) => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::RecordTooLong { .. } => "record_too_long",
            Self::InvalidBytes => "invalid_bytes",
            Self::MissingText => "missing_text",
            Self::EmptyText => "empty_text",
            Self::TextTooLong { .. } => "text_too_long",
            Self::ControlCharacter(_) => "control_character",
            Self::MissingLabel => "missing_label",
            Self::InvalidLabel(_) => "invalid_label",
            Self::SeveralLabels(_) => "several_labels",
            Self::TooManyLabels { .. } => "too_many_labels",
            Self::NotAnIndicator { .. } => "not_an_indicator",
            Self::UnknownSplit(_) => "unknown_split",
            Self::ContradictorySplit { .. } => "contradictory_split",
            Self::SliceTooLong { .. } => "slice_too_long",
            Self::WrongType { .. } => "wrong_type",
        }
    }
}

impl ImportReport {
    /// Counts and, while there is room, lists a refused row of the last source.
    pub(crate) fn reject(&mut self, file: &str, line: u64, reason: &Reason) {
        self.rejected += 1;
        *self.rejected_by_reason.entry(reason.code().to_owned()).or_default() += 1;
        if let Some(source) = self.sources.last_mut() {
            source.rejected += 1;
        }
        if self.rejected_rows.len() < REJECTED_LISTED_MAX {
            self.rejected_rows.push(RejectedRow {
                file: file.to_owned(),
                line,
                code: reason.code().to_owned(),
                reason: reason.to_string(),
            });
        }
    }

    /// The first refused row, for messages.
    #[must_use]
    pub fn first_rejected(&self) -> String {
        self.rejected_rows.first().map_or_else(|| "unknown".to_owned(), ToString::to_string)
    }
}

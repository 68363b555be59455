//! What an import is asked to do.

use std::path::PathBuf;

use freehold_vocabulary::{DatasetName, LabelMode, Split};
use serde::{Deserialize, Serialize};

use crate::duplicates::NearDuplicates;

/// One import: files, how their columns are meant, and what is tolerated.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    pub name: DatasetName,
    pub mode: LabelMode,
    pub files: Vec<SourceFile>,
    pub columns: ColumnChoice,
    /// What separates several labels in one cell, such as `|`. JSON lists need none.
    pub label_separator: Option<String>,
    /// Label values that mean "none of the known labels", such as `oos`; an empty one makes a
    /// missing label mean it too.
    pub out_of_scope: Vec<String>,
    /// Rows that may be rejected before the import fails.
    pub rejected_max: u64,
    pub near_duplicates: NearDuplicates,
    pub limits: Limits,
    /// Where rows are spilled; the system's temporary directory if none.
    pub scratch: Option<PathBuf>,
}

impl ImportRequest {
    /// Single-label, everything guessed, no row may be rejected.
    #[must_use]
    pub fn new(name: DatasetName, files: Vec<SourceFile>) -> Self {
        Self {
            name,
            mode: LabelMode::Single,
            files,
            columns: ColumnChoice::default(),
            label_separator: None,
            out_of_scope: Vec::new(),
            rejected_max: 0,
            near_duplicates: NearDuplicates::default(),
            limits: Limits::default(),
            scratch: None,
        }
    }
}

/// One input file; what is not declared is detected.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub path: PathBuf,
    /// The split to which every row belongs; a split column must not contradict it.
    pub split: Option<Split>,
    /// A name from [`crate::import::FORMATS`].
    pub format: Option<String>,
    /// A label of the WHATWG Encoding Standard, such as `windows-1252` or `shift_jis`.
    pub encoding: Option<String>,
    /// The delimiter of a CSV file, one ASCII character.
    pub delimiter: Option<char>,
    pub header: Header,
}

impl SourceFile {
    /// Everything detected.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            split: None,
            format: None,
            encoding: None,
            delimiter: None,
            header: Header::FirstRow,
        }
    }

    /// Every row belongs to `split`.
    #[must_use]
    pub fn given_for(path: impl Into<PathBuf>, split: Split) -> Self {
        Self { split: Some(split), ..Self::new(path) }
    }
}

/// Whether a CSV file names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    #[default]
    FirstRow,
    /// Columns are called `column_1`, `column_2`, …
    Absent,
}

/// Which columns mean what; nested JSON and Parquet fields are written `outer.inner`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnChoice {
    /// Guessed if none: `text`, `sentence`, `utterance`, `message` or `body`.
    pub text: Option<String>,
    pub labels: LabelColumns,
    /// A column that names a split; a column called `split` is used unasked.
    pub split: Option<String>,
    /// Columns to keep for slicing an evaluation.
    pub slices: Vec<String>,
}

/// Where labels stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelColumns {
    /// The only column called `label`, `labels`, `category`, `intent` or `class`.
    #[default]
    Guess,
    /// One column: a value, a separated list, or a JSON list.
    Column(String),
    /// Several columns, each holding a label or nothing; multi-label only.
    Columns(Vec<String>),
    /// Several columns, each named by a label and holding 0 or 1; multi-label only.
    Indicators(Vec<String>),
}

/// Bounds on what comes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest text in bytes of UTF-8; longer rows are rejected.
    pub text_bytes_max: u32,
    /// Longest value of a slice column; longer rows are rejected.
    pub slice_bytes_max: u32,
    /// Longest raw record; beyond it the file is refused, since a quote is probably unclosed.
    pub record_bytes_max: u32,
    pub columns_max: u32,
    /// Distinct labels.
    pub labels_max: u32,
    /// Labels of one row.
    pub labels_per_row_max: u32,
    /// Accepted rows.
    pub rows_max: u32,
    pub files_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 1024 * 1024,
            slice_bytes_max: 4 * 1024,
            record_bytes_max: 16 * 1024 * 1024,
            columns_max: 4096,
            labels_max: 10_000,
            labels_per_row_max: 256,
            rows_max: 50_000_000,
            files_max: 1000,
        }
    }
}

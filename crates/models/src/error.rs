//! What can go wrong with a model, split by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a model could not be read or built.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The disk refused; try again or mend permissions.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The file is damaged or is not what it claims to be; fetch it again.
    #[error("`{path}` is not a valid {what}: {reason}")]
    Malformed { path: PathBuf, what: &'static str, reason: String },
    /// The model is of a kind that is not built; choose another.
    #[error("architecture `{found}` is not supported; supported are {supported}")]
    Architecture { found: String, supported: String },
    /// The model uses a feature that is not built; choose another or convert it.
    #[error("`{path}` needs {feature}, which is not supported; {remedy}")]
    Unsupported { path: PathBuf, feature: String, remedy: &'static str },
    /// A weight is absent: the file belongs to another model.
    #[error("tensor `{tensor}` is missing from `{path}`")]
    TensorMissing { tensor: String, path: PathBuf },
    /// A weight has another size: the file belongs to another model.
    #[error("tensor `{tensor}` in `{path}` has shape {found:?}, expected {expected:?}")]
    TensorShape { tensor: String, path: PathBuf, found: Vec<usize>, expected: Vec<usize> },
    /// Weights and labels do not belong together.
    #[error("the head in `{path}` gives {found} logits but the task has {expected} labels")]
    Labels { path: PathBuf, found: usize, expected: usize },
}

impl ModelError {
    /// A damaged file.
    pub(crate) fn malformed(path: &Path, what: &'static str, reason: impl ToString) -> Self {
        Self::Malformed { path: path.to_owned(), what, reason: reason.to_string() }
    }

    /// A failed read.
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }
}

/// Why a text could not become tokens; the caller can mend the text.
#[derive(Debug, thiserror::Error)]
pub enum TokenizeError {
    /// The text is larger than any model here reads.
    #[error("the text has {bytes} bytes; at most {bytes_max} are read")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// The tokenizer gave up.
    #[error("the tokenizer refused the text: {0}")]
    Refused(String),
}

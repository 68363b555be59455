//! What can go wrong with a training run, split by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use freehold_models::{ModelError, TokenizeError};

/// Why a run did not finish. The last good checkpoint stays where it is in every case.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The base cannot be read.
    #[error("the base model cannot be used")]
    Base(#[from] ModelError),
    /// The base can be read but not trained.
    #[error("{what} cannot be trained; {remedy}")]
    Untrainable { what: String, remedy: &'static str },
    /// A text of the data set is refused by the tokenizer.
    #[error("{split} example {position} cannot be tokenised; remove or shorten it")]
    Text {
        split: &'static str,
        position: usize,
        #[source]
        source: TokenizeError,
    },
    /// A label has no training examples, so nothing can be learnt about it.
    #[error("label `{label}` has no example in the training split; add some or remove the label")]
    EmptyClass { label: String },
    /// An example has no label, several, or one that is not in the set.
    #[error("{split} example {position} {problem}")]
    Example { split: &'static str, position: usize, problem: String },
    /// There is too little of everything.
    #[error("there are {found} {what}, at least {needed} are needed")]
    TooFew { what: &'static str, found: usize, needed: usize },
    /// A value of the specification makes no sense.
    #[error("`{key}` = {value} is not usable: expected {expected}")]
    Spec { key: &'static str, value: String, expected: &'static str },
    /// A model beside the encoder gave no number.
    #[error("the n-gram model that teaches beside the labels failed: {0}; set `teacher_share` = 0")]
    Teacher(String),
    /// The loss left the finite numbers.
    #[error(
        "the loss is not a number at step {step}; lower `{key}` (now {rate}) and start again: \
         the last good checkpoint is of step {checkpoint_step}"
    )]
    Diverged { step: u64, key: &'static str, rate: f64, checkpoint_step: u64 },
    /// The disk refused; nothing half-written is left.
    #[error(
        "cannot write `{path}`: {source}; free some space or choose another directory, then resume"
    )]
    Unwritable { path: PathBuf, source: io::Error },
    /// The disk refused to be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    /// The run directory belongs to a run with other data or another specification.
    #[error("`{path}` holds another run ({difference} differs); choose an empty directory")]
    OtherRun { path: PathBuf, difference: &'static str },
    /// A checkpoint is damaged.
    #[error("checkpoint `{path}` is damaged ({reason}); delete it to start again")]
    Checkpoint { path: PathBuf, reason: String },
    /// The model cannot be written in that format.
    #[error("cannot write {what}; {remedy}")]
    NotExportable { what: String, remedy: &'static str },
    /// The machine has no threads to give.
    #[error("cannot start {threads} threads: {reason}; ask for fewer")]
    Threads { threads: usize, reason: String },
}

impl TrainingError {
    pub(crate) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable { path: path.to_owned(), source }
    }

    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }
}

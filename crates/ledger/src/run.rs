//! Runs: one execution of a job, from its start to its record.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::name::Name;
use freehold_vocabulary::{Digest, TaskName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{REMARK_BYTES_MAX, within};
use crate::{LedgerError, Limit};

/// Marks names of runs.
#[derive(Debug)]
pub enum OfRun {}

/// The name of a run, chosen by whoever starts it.
pub type RunId = Name<OfRun>;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    Train,
    Evaluate,
    Calibrate,
    Import,
}

impl RunKind {
    /// The word used in the ledger and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Calibrate => "calibrate",
            Self::Import => "import",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Train, Self::Evaluate, Self::Calibrate, Self::Import]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Where a run is. One that was killed stays `Running` until someone starts or finishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    Running,
    Succeeded,
    Failed,
    Interrupted,
}

impl RunStatus {
    /// The word used in the ledger and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed, Self::Interrupted]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunEnding {
    Succeeded,
    Failed,
    /// Stopped by a person or a signal; it may be started again.
    Interrupted,
}

impl From<RunEnding> for RunStatus {
    fn from(ending: RunEnding) -> Self {
        match ending {
            RunEnding::Succeeded => Self::Succeeded,
            RunEnding::Failed => Self::Failed,
            RunEnding::Interrupted => Self::Interrupted,
        }
    }
}

/// The beginning of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    pub id: RunId,
    pub task: TaskName,
    pub kind: RunKind,
    pub at: Timestamp,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    pub ending: RunEnding,
    pub at: Timestamp,
    /// The run record in the artifact store: everything needed to repeat the run.
    pub record: Option<Digest>,
    /// One sentence: the headline result, or why it failed.
    pub message: Option<String>,
}

impl RunEnd {
    /// Refuses what no adapter keeps.
    ///
    /// # Errors
    /// When the message is too long.
    pub fn check(&self) -> Result<(), LedgerError> {
        let bytes = self.message.as_ref().map_or(0, String::len);
        within("the message of a run", bytes, REMARK_BYTES_MAX)
    }
}

/// One execution of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub task: TaskName,
    pub kind: RunKind,
    pub status: RunStatus,
    /// The first start; a resumed run keeps it.
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub record: Option<Digest>,
    pub message: Option<String>,
}

/// Which runs there were.
#[async_trait]
pub trait RunRepository: Send + Sync + fmt::Debug {
    /// Records the start. Starting a run of the same id, task and kind again resumes it, unless it
    /// has succeeded.
    ///
    /// # Errors
    /// `Conflict` when the id belongs to another task or kind or to a run that has succeeded.
    async fn start_run(&self, start: &RunStart) -> Result<Run, LedgerError>;

    /// Records the end. Saying the same end twice changes nothing.
    ///
    /// # Errors
    /// `Missing` for an unknown run, `Conflict` when it already ended differently.
    async fn finish_run(&self, id: &RunId, end: &RunEnd) -> Result<Run, LedgerError>;

    /// The run of that name.
    async fn find_run(&self, id: &RunId) -> Result<Option<Run>, LedgerError>;

    /// The latest runs of a task, or of all tasks, newest first.
    async fn runs(&self, task: Option<&TaskName>, limit: Limit) -> Result<Vec<Run>, LedgerError>;
}

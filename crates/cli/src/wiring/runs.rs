//! Runs of jobs in the ledger: started, then finished one way or the other.

use anyhow::{Context as _, Result};
use freehold_ledger::{RunEnd, RunEnding, RunId, RunKind, RunStart};
use freehold_vocabulary::{Digest, TaskName};

use super::Session;

impl Session {
    /// A new name for a run: sortable by time, unique by what it works on and the microsecond.
    pub fn new_run_id(&self, kind: RunKind, on: &Digest) -> Result<RunId> {
        let now = self.now();
        let stamp: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
        let salt = Digest::of(format!("{}{on}", now.as_micros()));
        Ok(RunId::parse(&format!("{}-{stamp}-{}", kind.as_str(), &salt.hex()[..4]))?)
    }

    /// Records that a run of a kind begins.
    pub fn start(&self, kind: RunKind, task: &TaskName, on: &Digest) -> Result<RunId> {
        let id = self.new_run_id(kind, on)?;
        self.start_run(&id, kind, task)?;
        Ok(id)
    }

    /// Records that this run begins, or begins again.
    pub fn start_run(&self, id: &RunId, kind: RunKind, task: &TaskName) -> Result<()> {
        let start = RunStart { id: id.clone(), task: task.clone(), kind, at: self.now() };
        self.wait(self.ledger.start_run(&start))?;
        Ok(())
    }

    /// Records how it ended, and hands the outcome on.
    pub fn finish<T>(&self, id: &RunId, outcome: Result<T>) -> Result<T> {
        let message = outcome.as_ref().err().map(|error| format!("{error:#}"));
        self.finish_run(id, outcome.is_ok(), None, message)?;
        outcome.with_context(|| format!("run {id}"))
    }

    /// Records the end with its record and one sentence.
    pub fn finish_run(
        &self,
        id: &RunId,
        succeeded: bool,
        record: Option<Digest>,
        message: Option<String>,
    ) -> Result<()> {
        let ending = if succeeded { RunEnding::Succeeded } else { RunEnding::Failed };
        let message = message.map(|text| text.chars().take(500).collect());
        self.wait(self.ledger.finish_run(id, &RunEnd { ending, at: self.now(), record, message }))?;
        Ok(())
    }
}

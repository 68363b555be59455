//! The trace log as one value: what a server holds.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use async_trait::async_trait;
use freehold_vocabulary::ports::{TraceLog, TraceLogError};
use freehold_vocabulary::{Timestamp, Trace, TraceId};
use tokio::sync::oneshot;

use crate::admit;
use crate::compact::Compacted;
use crate::error::TracesError;
use crate::find;
use crate::frame;
use crate::log::{self, FolderLock, Index, Log, Recovery};
use crate::options::{Compaction, Options};
use crate::retention::{self, Forgotten, RetentionRules};
use crate::worker::{Job, Worker};

/// The trace log of one folder, which no other process writes while this value lives.
///
/// Dropping it writes what is queued and abandons a compaction at its next safe moment.
#[derive(Debug)]
pub struct Traces {
    folder: PathBuf,
    // Dropped in this order: nobody else may take the folder before both threads have ended.
    log: Log,
    worker: Worker,
    _lock: FolderLock,
    index: Arc<Index>,
    recovery: Recovery,
}

/// How the trace log is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Segments that are not compacted yet, the growing one included.
    pub segments_in_log: usize,
    /// Traces in them.
    pub traces_in_log: usize,
    /// Why the last compaction failed; none if it succeeded. The log goes on without it.
    pub compaction_error: Option<String>,
}

impl Traces {
    /// Takes a folder, creates it if need be, and mends what a crash left behind; [`Self::recovery`]
    /// says what that was.
    ///
    /// # Errors
    /// When another process holds the folder, when the disk fails, or when another version wrote it.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, TracesError> {
        let folder = folder.as_ref().to_owned();
        let lock = FolderLock::take(&folder)?;
        let (jobs, inbox) = mpsc::channel();
        let compaction = options.compaction;
        let when_sealed = jobs.clone();
        let on_sealed: log::OnSealed = Box::new(move |_| {
            if compaction == Compaction::WhenSealed {
                // The worker ends only after the log.
                let _ = when_sealed.send(Job::Compact(None));
            }
        });
        let (log, recovery) = Log::open(&folder, &options, on_sealed)?;
        let index = Arc::clone(log.index());
        let worker = Worker::start(&folder, options, Arc::clone(&index), jobs, inbox)?;
        if compaction == Compaction::WhenSealed && recovery.traces > 0 {
            worker.send(Job::Compact(None))?;
        }
        for finding in &recovery.findings {
            tracing::warn!("{finding}");
        }
        Ok(Self { folder, log, worker, _lock: lock, index, recovery })
    }

    /// What was found when the folder was opened.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// How the log is doing now.
    #[must_use]
    pub fn status(&self) -> Status {
        let extent = self.index.extent();
        Status {
            segments_in_log: extent.segments,
            traces_in_log: extent.traces,
            compaction_error: self.worker.last_error(),
        }
    }

    /// Turns everything that has been appended into Parquet. Appends may go on meanwhile.
    ///
    /// # Errors
    /// When the disk fails or is full; the log keeps everything.
    pub async fn compact(&self) -> Result<Compacted, TracesError> {
        self.log.seal().await?;
        let (reply, answer) = oneshot::channel();
        self.worker.send(Job::Compact(Some(reply)))?;
        answer.await.map_err(|_| TracesError::Stopped)?
    }

    /// Forgets what the rules say is due at `now`.
    ///
    /// # Errors
    /// When the disk fails or is full; what was not forgotten stays as it was.
    pub async fn forget(
        &self,
        rules: RetentionRules,
        now: Timestamp,
    ) -> Result<Forgotten, TracesError> {
        let (reply, answer) = oneshot::channel();
        self.worker.send(Job::Forget(rules, now, reply))?;
        answer.await.map_err(|_| TracesError::Stopped)?
    }
}

/// What the rules would forget at `now`, while nobody or somebody else writes the folder.
///
/// # Errors
/// When the disk fails.
pub fn would_forget(
    folder: impl AsRef<Path>,
    rules: &RetentionRules,
    now: Timestamp,
) -> Result<Forgotten, TracesError> {
    retention::run(folder.as_ref(), rules, now, false)
}

#[async_trait]
impl TraceLog for Traces {
    async fn append(&self, traces: Vec<Trace>) -> Result<(), TraceLogError> {
        if traces.is_empty() {
            return Ok(());
        }
        let (bytes, records) = admit::encode(&traces).map_err(broken)?;
        self.log.append(bytes, records).await
    }

    async fn find(&self, id: &TraceId) -> Result<Option<Trace>, TraceLogError> {
        let Some(key) = log::key(id) else {
            return Ok(None);
        };
        let (index, folder, id) = (Arc::clone(&self.index), self.folder.clone(), id.clone());
        let search = move || match index.find(&key) {
            Some((file, place)) => {
                let mut payload = vec![0; place.length as usize];
                file.read_exact_at(&mut payload, place.offset)
                    .map_err(TracesError::io("read the trace log in", &folder))?;
                let intact = frame::intact(&payload, place.crc);
                let trace = intact.then(|| serde_json::from_slice(&payload).ok()).flatten();
                trace.map(Some).ok_or_else(|| TracesError::Unreadable {
                    path: folder.join("log"),
                    reason: format!("the record of trace `{id}` was changed on the disk"),
                })
            }
            None => find::in_parts(&folder, &id),
        };
        let found = tokio::task::spawn_blocking(search).await;
        found.map_err(|_| broken(TracesError::Stopped))?.map_err(broken)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(broken)`")]
fn broken(error: TracesError) -> TraceLogError {
    TraceLogError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::{Outcome, TaskName, Tier, Timestamp};

    use super::*;

    fn trace(number: u128) -> Trace {
        let at = Timestamp::from_micros(1_763_600_000_000_000);
        Trace {
            id: TraceId::new(at, number),
            at,
            task: TaskName::parse("tickets").unwrap(),
            caller: "local".to_owned(),
            endpoint: "tasks.predict".to_owned(),
            input: "where is my card?".to_owned(),
            outcome: Outcome::Abstained,
            labels: vec![],
            confidence: 0.5,
            tier: Tier::Human,
            certificate: None,
            tiers: vec![],
            latency_us: 10,
            generation: None,
            route: None,
        }
    }

    async fn check_backpressure(options: Options, refused_min: usize) {
        let folder = tempfile::tempdir().unwrap();
        // One append at a time is taken from the queue.
        let options = Options { group_bytes_max: 1, ..options };
        let traces = Arc::new(Traces::open(folder.path(), options).unwrap());
        let held = traces.index.hold();
        let appends: Vec<_> = (0..20)
            .map(|number| {
                let traces = Arc::clone(&traces);
                tokio::spawn(async move { traces.append(vec![trace(number)]).await })
            })
            .collect();
        while appends.iter().filter(|append| append.is_finished()).count() < refused_min {
            tokio::task::yield_now().await;
        }
        drop(held);
        let mut refused = 0;
        for (number, append) in (0..).zip(appends) {
            let result = append.await.unwrap();
            let found = traces.find(&trace(number).id).await.unwrap();
            match result {
                Ok(()) => assert_eq!(found, Some(trace(number))),
                Err(TraceLogError::Full) => {
                    refused += 1;
                    assert_eq!(found, None);
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!((refused_min..20).contains(&refused), "{refused}");
        traces.append(vec![trace(100)]).await.unwrap();
    }

    #[tokio::test]
    async fn a_log_that_is_behind_refuses_instead_of_growing() {
        let (bytes, _) = admit::encode(&[trace(1)]).unwrap();
        // Two wait and one is being written.
        check_backpressure(Options { queue_appends_max: 2, ..Options::default() }, 17).await;
        let queue_bytes_max = bytes.len() * 5 / 2;
        check_backpressure(Options { queue_bytes_max, ..Options::default() }, 18).await;
    }
}

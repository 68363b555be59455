//! The thread that compacts.
//!
//! It works beside the log and never delays an append. A failure is logged, kept for
//! [`crate::Status`], and tried again with the next segment; meanwhile the log keeps everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use freehold_vocabulary::Timestamp;
use tokio::sync::oneshot;

use crate::commit::Commit;
use crate::compact::{self, Compacted};
use crate::error::TracesError;
use crate::layout::Partition;
use crate::log::Index;
use crate::options::Options;
use crate::retention::{self, Forgotten, RetentionRules};

/// What the thread is asked to do.
#[derive(Debug)]
pub enum Job {
    /// Compact every sealed segment, and say so.
    Compact(Option<oneshot::Sender<Result<Compacted, TracesError>>>),
    /// Forget what is due.
    Forget(RetentionRules, Timestamp, oneshot::Sender<Result<Forgotten, TracesError>>),
    /// End.
    Stop,
}

/// The thread, as its owner sees it.
#[derive(Debug)]
pub struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    last_error: Mutex<Option<String>>,
}

/// What the thread owns.
struct Compactor {
    folder: PathBuf,
    options: Options,
    index: Arc<Index>,
    shared: Arc<Shared>,
}

impl Worker {
    pub fn start(
        folder: &Path,
        options: Options,
        index: Arc<Index>,
        jobs: mpsc::Sender<Job>,
        inbox: mpsc::Receiver<Job>,
    ) -> Result<Self, TracesError> {
        let shared = Arc::new(Shared::default());
        let compactor =
            Compactor { folder: folder.to_owned(), options, index, shared: Arc::clone(&shared) };
        let thread = std::thread::Builder::new()
            .name("trace-compaction".to_owned())
            .spawn(move || compactor.run(&inbox))
            .map_err(TracesError::io("start the thread that compacts", folder))?;
        Ok(Self { jobs, thread: Some(thread), shared })
    }

    pub fn send(&self, job: Job) -> Result<(), TracesError> {
        self.jobs.send(job).map_err(|_| TracesError::Stopped)
    }

    pub fn last_error(&self) -> Option<String> {
        // Only a panic ends the thread before its owner does.
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Some(TracesError::Stopped.to_string());
        }
        self.shared.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // If the thread is gone already, there is nothing to stop.
        let _ = self.jobs.send(Job::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Compactor {
    fn run(self, inbox: &mpsc::Receiver<Job>) {
        loop {
            let reply = match inbox.recv() {
                Ok(Job::Compact(reply)) => reply,
                Ok(Job::Forget(rules, now, reply)) => {
                    // Whoever asked may have gone.
                    let _ = reply.send(retention::run(&self.folder, &rules, now, true));
                    continue;
                }
                Ok(Job::Stop) | Err(_) => break,
            };
            let done = self.compact();
            let error = done.as_ref().err().map(ToString::to_string);
            if let Some(error) = &error {
                tracing::error!("the traces stay in the log: {error}");
            }
            for path in done.iter().flat_map(|done| &done.set_aside) {
                let path = path.display();
                tracing::error!(
                    "a log segment was damaged; it was set aside as `{path}`, its valid records were kept"
                );
            }
            *self.shared.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
            if let Some(reply) = reply {
                // Whoever asked may have gone.
                let _ = reply.send(done);
            }
        }
    }

    fn compact(&self) -> Result<Compacted, TracesError> {
        let mut total = Compacted::default();
        let mut touched = BTreeSet::new();
        while let Some(through) = self.index.sealed_through().filter(|_| !self.stopping()) {
            let Some(step) = compact::segments_step(&self.folder, &self.options, through)? else {
                // Segments without a file left: all their records were refused.
                self.index.forget_through(through);
                break;
            };
            let (commit, done) = step.finish(&self.folder)?;
            self.index.forget_through(commit.compacted_through);
            touched.extend(partitions(&commit));
            total.add(done);
        }
        for partition in touched {
            while !self.stopping() {
                let step = compact::merge_step(&self.folder, &self.options, &partition)?;
                let Some(step) = step else { break };
                total.add(step.finish(&self.folder)?.1);
            }
        }
        Ok(total)
    }

    fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }
}

fn partitions(commit: &Commit) -> impl Iterator<Item = Partition> {
    commit.added.iter().map(|part| part.partition.clone())
}

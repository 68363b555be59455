//! The write-ahead log: an append returns when its traces are on the disk.
//!
//! One thread writes. Appends that arrive while it waits for the disk travel together: one write,
//! one `fdatasync`, many acknowledgements (group commit; DeWitt et al. 1984). Never reads a clock:
//! a lone append is written at once, a crowd forms while the disk is busy.

mod index;
mod lock;
mod recovery;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use freehold_vocabulary::ports::TraceLogError;
use tokio::sync::{mpsc, oneshot};

pub use self::index::{Index, key};
pub use self::lock::FolderLock;
pub use self::recovery::{Finding, Recovery};
pub use self::writer::{Append, Record};
use self::writer::{Command, Writer};
use crate::error::TracesError;
use crate::layout::SegmentId;
use crate::options::Options;

/// Told whenever a segment is sealed.
pub type OnSealed = Box<dyn Fn(SegmentId) + Send>;

/// The log of one folder.
#[derive(Debug)]
pub struct Log {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    index: Arc<Index>,
    bytes_max: usize,
}

impl Log {
    /// Mends what a crash left, and starts to write. The caller holds the folder.
    pub fn open(
        folder: &Path,
        options: &Options,
        on_sealed: OnSealed,
    ) -> Result<(Self, Recovery), TracesError> {
        let index = Arc::new(Index::default());
        let (recovery, next_id) = recovery::recover(folder, &index)?;
        let (commands, inbox) = mpsc::channel(options.queue_appends_max.max(1));
        let writer = Writer::new(folder, options, next_id, Arc::clone(&index), on_sealed);
        let thread = std::thread::Builder::new()
            .name("trace-log".to_owned())
            .spawn(move || writer.run(inbox))
            .map_err(TracesError::io("start the thread that writes", folder))?;
        let log = Self {
            commands: Some(commands),
            thread: Some(thread),
            index,
            bytes_max: options.queue_bytes_max,
        };
        Ok((log, recovery))
    }

    /// Where the traces of the log are.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Returns when the records are on the disk. Dropping the future does not undo the append.
    pub async fn append(&self, bytes: Vec<u8>, records: Vec<Record>) -> Result<(), TraceLogError> {
        let length = bytes.len();
        if length > self.bytes_max {
            return Err(TraceLogError::Broken(format!(
                "{length} bytes of traces were appended at once and at most {} may wait; append fewer at a time",
                self.bytes_max
            )));
        }
        let queued = &self.index.bytes_queued;
        if queued.fetch_add(length, Ordering::AcqRel) + length > self.bytes_max {
            queued.fetch_sub(length, Ordering::AcqRel);
            return Err(TraceLogError::Full);
        }
        let (reply, answer) = oneshot::channel();
        let append = Append { bytes, records, reply };
        match self.sender()?.try_send(Command::Append(append)) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(stopped())),
            Err(mpsc::error::TrySendError::Full(_)) => {
                queued.fetch_sub(length, Ordering::AcqRel);
                Err(TraceLogError::Full)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopped()),
        }
    }

    /// Ends the present segment; later appends begin a new one.
    pub async fn seal(&self) -> Result<(), TracesError> {
        let (reply, answer) = oneshot::channel();
        let sender = self.sender().map_err(|_| TracesError::Stopped)?;
        sender.send(Command::Seal(reply)).await.map_err(|_| TracesError::Stopped)?;
        answer.await.map_err(|_| TracesError::Stopped)
    }

    fn sender(&self) -> Result<&mpsc::Sender<Command>, TraceLogError> {
        self.commands.as_ref().ok_or_else(stopped)
    }
}

impl Drop for Log {
    /// Writes what is queued, then ends the thread.
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been reported by its hook; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

fn stopped() -> TraceLogError {
    TraceLogError::Broken(TracesError::Stopped.to_string())
}

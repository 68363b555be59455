//! Threads that compute, shared by all engines of a process.
//!
//! A hundred deployed tasks must not mean a hundred threads that fight for the processor.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::queue::Queue;

/// A fixed number of worker threads. Dropping it lets them finish what was announced.
pub struct WorkerPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Queues in which something was put, first come first served.
    announced: VecDeque<Arc<Queue>>,
    closed: bool,
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.state();
        loop {
            if let Some(queue) = state.announced.pop_front() {
                drop(state);
                queue.compute_batch();
                state = self.state();
            } else if state.closed {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl WorkerPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: NonZeroUsize) -> io::Result<Arc<Self>> {
        let shared = Arc::new(Shared::default());
        let mut pool = Self { shared, threads: Vec::with_capacity(threads.get()) };
        for number in 0..threads.get() {
            let shared = Arc::clone(&pool.shared);
            let thread = std::thread::Builder::new().name(format!("model-{number}"));
            pool.threads.push(thread.spawn(move || shared.run())?);
        }
        Ok(Arc::new(pool))
    }

    /// Says that something was put into a queue.
    pub(super) fn announce(&self, queue: Arc<Queue>) {
        self.shared.state().announced.push_back(queue);
        self.shared.changed.notify_one();
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches the panics of models, so this cannot fail; if it does, the thread
            // is gone, which is what was wanted.
            drop(thread.join());
        }
    }
}

//! Group commit, for rows that arrive in crowds: abstentions and audit records.
//!
//! A sync of the disk takes milliseconds. Whoever comes first writes for everyone who is waiting,
//! in one transaction; the others find their answer when their turn comes. An answer is only given
//! after the commit, so acknowledged still means durable. The writing goes on when its caller goes
//! away: those it writes for must not think that it failed, and enter their items again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_ledger::{LedgerError, ReviewItem, Written};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex as Turn, oneshot};

use crate::SqlLedger;
use crate::connection::Writing;
use crate::review::insert_new;

/// Most items of one transaction, beyond those of a single caller.
const ITEMS_MAX: usize = 1000;

/// Something that is inserted in groups.
pub(crate) trait Grouped: Clone + fmt::Debug + Send + Sync + 'static {
    /// What its caller is told.
    type Answer: fmt::Debug + Send;

    /// Inserts it within a transaction.
    fn insert(
        &self,
        writing: &mut Writing<'_>,
    ) -> impl Future<Output = Result<Self::Answer, LedgerError>> + Send;
}

impl Grouped for ReviewItem {
    type Answer = Written;

    async fn insert(&self, writing: &mut Writing<'_>) -> Result<Written, LedgerError> {
        insert_new(writing, self).await
    }
}

/// Who waits, and whose turn it is. Only the one whose turn it is takes from `waiting`, and it
/// answers or drops what it took before its turn ends.
#[derive(Debug)]
pub(crate) struct Group<T: Grouped> {
    turn: Arc<Turn<()>>,
    waiting: Mutex<Vec<Waiting<T>>>,
}

#[derive(Debug)]
struct Waiting<T: Grouped> {
    items: Vec<T>,
    answer: oneshot::Sender<Vec<T::Answer>>,
}

impl<T: Grouped> Default for Group<T> {
    fn default() -> Self {
        Self { turn: Arc::default(), waiting: Mutex::default() }
    }
}

impl<T: Grouped> Group<T> {
    /// Enters items, together with those of others.
    pub(crate) async fn submit(
        &self,
        ledger: &SqlLedger,
        items: &[T],
    ) -> Result<Vec<T::Answer>, LedgerError> {
        let mut answer = self.stand_in_line(items);
        loop {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            match answer.try_recv() {
                Ok(written) => return Ok(written),
                // Still in line: this caller writes for all.
                Err(TryRecvError::Empty) => {
                    let (group, writer) = (self.next_group(), ledger.clone());
                    let writing = tokio::spawn(async move {
                        let outcome = write(&writer, group).await;
                        drop(turn);
                        outcome
                    });
                    writing.await.map_err(|error| ledger.faults.broken(error))??;
                }
                // Whoever wrote for this caller failed.
                Err(TryRecvError::Closed) => answer = self.stand_in_line(items),
            }
        }
    }

    fn stand_in_line(&self, items: &[T]) -> oneshot::Receiver<Vec<T::Answer>> {
        let (answer, receiver) = oneshot::channel();
        self.line().push(Waiting { items: items.to_vec(), answer });
        receiver
    }

    fn next_group(&self) -> Vec<Waiting<T>> {
        let mut line = self.line();
        // Nobody is told what became of those who went away, so nothing becomes of them.
        line.retain(|waiting| !waiting.answer.is_closed());
        let mut items = 0;
        let fits = line.iter().take_while(|waiting| {
            let room = items < ITEMS_MAX;
            items += waiting.items.len();
            room
        });
        let count = fits.count();
        line.drain(..count).collect()
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Vec<Waiting<T>>> {
        // Nothing panics while it holds this lock, and a list of waiting callers has no half states.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One transaction for a whole group; answers are given after it is durable.
async fn write<T: Grouped>(ledger: &SqlLedger, group: Vec<Waiting<T>>) -> Result<(), LedgerError> {
    let mut writing = ledger.writing().await?;
    let mut answers = Vec::with_capacity(group.len());
    for Waiting { items, answer } in group {
        let mut written = Vec::with_capacity(items.len());
        for item in &items {
            written.push(item.insert(&mut writing).await?);
        }
        answers.push((answer, written));
    }
    writing.commit().await?;
    for (answer, written) in answers {
        // A caller who has gone away needs no answer.
        let _ = answer.send(written);
    }
    Ok(())
}

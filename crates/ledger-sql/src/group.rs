//! Group commit for the review queue.
//!
//! A sync of the disk takes milliseconds, and abstentions arrive in crowds. Whoever comes first
//! writes for everyone who is waiting, in one transaction; the others find their answer when their
//! turn comes. An answer is only given after the commit, so acknowledged still means durable.

use std::sync::{Mutex, PoisonError};

use freehold_ledger::{LedgerError, ReviewItem, Written};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex as Turn, oneshot};

use crate::SqlLedger;
use crate::review::insert_new;

/// Most items of one transaction, beyond those of a single caller.
const ITEMS_MAX: usize = 1000;

/// Who waits, and whose turn it is. Only the one whose turn it is takes from `waiting`, and it
/// answers or drops what it took before its turn ends.
#[derive(Debug, Default)]
pub(crate) struct ReviewGroup {
    turn: Turn<()>,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    items: Vec<ReviewItem>,
    answer: oneshot::Sender<Vec<Written>>,
}

impl ReviewGroup {
    /// Enters items, together with those of others.
    pub(crate) async fn enqueue(
        &self,
        ledger: &SqlLedger,
        items: &[ReviewItem],
    ) -> Result<Vec<Written>, LedgerError> {
        let mut answer = self.stand_in_line(items);
        let _turn = self.turn.lock().await;
        loop {
            match answer.try_recv() {
                Ok(written) => return Ok(written),
                // Still in line: this caller writes for all.
                Err(TryRecvError::Empty) => write(ledger, self.next_group()).await?,
                // Whoever wrote for this caller failed or went away.
                Err(TryRecvError::Closed) => answer = self.stand_in_line(items),
            }
        }
    }

    fn stand_in_line(&self, items: &[ReviewItem]) -> oneshot::Receiver<Vec<Written>> {
        let (answer, receiver) = oneshot::channel();
        self.line().push(Waiting { items: items.to_vec(), answer });
        receiver
    }

    fn next_group(&self) -> Vec<Waiting> {
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

    fn line(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        // Nothing panics while it holds this lock, and a list of waiting callers has no half states.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One transaction for a whole group; answers are given after it is durable.
async fn write(ledger: &SqlLedger, group: Vec<Waiting>) -> Result<(), LedgerError> {
    let mut writing = ledger.writing().await?;
    let mut answers = Vec::with_capacity(group.len());
    for Waiting { items, answer } in group {
        let mut written = Vec::with_capacity(items.len());
        for item in &items {
            written.push(insert_new(&mut writing, item).await?);
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

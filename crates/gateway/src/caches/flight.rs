//! Single flight: of identical requests at the same time, one is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_vocabulary::Digest;
use tokio::sync::watch;

type Flying = Arc<Mutex<HashMap<Digest, watch::Receiver<()>>>>;

/// Every request that is being answered and that others may wait for.
#[derive(Debug, Default)]
pub struct Flights(Flying);

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    Lead(Flight),
    Follow(Landing),
}

/// The right to answer for all. Dropping it, answered or not, lets those who wait go on.
#[derive(Debug)]
pub struct Flight {
    key: Digest,
    flying: Flying,
    /// Closed when the flight ends.
    _landing: watch::Sender<()>,
}

/// The end of somebody else's flight.
#[derive(Debug)]
pub struct Landing(watch::Receiver<()>);

impl Flights {
    /// Leads, or follows whoever leads already.
    pub fn begin(&self, key: &Digest) -> Turn {
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landing) = flying.get(key) {
            return Turn::Follow(Landing(landing.clone()));
        }
        let (landing, waiting) = watch::channel(());
        flying.insert(key.clone(), waiting);
        Turn::Lead(Flight { key: key.clone(), flying: Arc::clone(&self.0), _landing: landing })
    }
}

impl Landing {
    /// Until the flight has ended.
    pub async fn wait(mut self) {
        // Nothing is ever sent, so the only change is the end.
        while self.0.changed().await.is_ok() {}
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

//! Whether to try again, and when. Pure.

use std::time::Duration;

use freehold_vocabulary::Random;
use freehold_vocabulary::chat::{ChatError, Remedy};

/// How often and how patiently to try again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, the first included.
    pub tries_max: u32,
    /// The longest pause before the second try; it doubles with every further one.
    pub pause_base: Duration,
    pub pause_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries_max: 3,
            pause_base: Duration::from_millis(100),
            pause_max: Duration::from_secs(5),
        }
    }
}

/// What to do after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Try again after a pause.
    Again(Duration),
    GiveUp,
}

impl RetryPolicy {
    /// What to do after `tries` tries, the last of which failed with `error`. The pause is drawn
    /// evenly from nothing to the bound, so that callers who failed together do not come back
    /// together. A server that asks for more patience than we have is not tried again.
    pub fn decide(
        &self,
        tries: u32,
        error: &ChatError,
        budget: &mut RetryBudget,
        random: &mut Random,
    ) -> Decision {
        let Remedy::Again { not_before } = error.remedy() else { return Decision::GiveUp };
        let not_before = not_before.unwrap_or_default();
        if tries >= self.tries_max || not_before > self.pause_max || !budget.withdraw() {
            return Decision::GiveUp;
        }
        let doubled = self.pause_base.saturating_mul(1 << (tries.saturating_sub(1)).min(16));
        let pause = doubled.min(self.pause_max).mul_f64(random.unit());
        Decision::Again(pause.max(not_before))
    }
}

/// Retries are at most a share of requests, so that a failing engine is not asked ever more.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    share: f64,
    saved_max: f64,
    saved: f64,
}

impl RetryBudget {
    /// One retry for every `1 / share` requests, and `reserve` of them at once.
    #[must_use]
    pub const fn new(share: f64, reserve: f64) -> Self {
        Self { share, saved_max: reserve, saved: reserve }
    }

    /// A request came.
    pub const fn deposit(&mut self) {
        self.saved = (self.saved + self.share).min(self.saved_max);
    }

    /// Takes one retry, if there is one.
    pub const fn withdraw(&mut self) -> bool {
        let enough = self.saved >= 1.0;
        if enough {
            self.saved -= 1.0;
        }
        enough
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(0.2, 10.0)
    }
}

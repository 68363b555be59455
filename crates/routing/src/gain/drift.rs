//! Whether requests still come like the judged ones, told from how many are strangers.
//!
//! Of requests like the judged ones a stranger is one in a hundred, by construction. Windows follow
//! each other without overlap; one with so many strangers that a share of twice that would show it
//! less than once in a million windows ends the trust for good: the promise was about other
//! requests. What comes back must be certified anew.

use freehold_evaluation::intervals::rate_is_at_most;
use freehold_vocabulary::Confidence;
use serde::{Deserialize, Serialize};

use super::{FALSE_ALARM_RATE, Stranger};

/// Requests of a window.
const WINDOW: u32 = 256;
/// How sure one must be.
const SURE: f64 = 0.999_999;

/// Counts strangers.
#[derive(Debug, Clone)]
pub struct Drift {
    seen: u32,
    strangers: u32,
    strangers_max: u32,
    standing: Standing,
}

/// Whether the promise still speaks of the requests that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Holds,
    /// Requests no longer come like the judged ones.
    Drifted,
}

impl Default for Drift {
    fn default() -> Self {
        let confidence = Confidence::new(SURE).expect("the constant is a confidence");
        // "At most so many are not strangers" is the same test on the other side.
        let plausible = |strangers: u32| {
            let usual = u64::from(WINDOW - strangers);
            !rate_is_at_most(1.0 - 2.0 * FALSE_ALARM_RATE, usual, WINDOW.into(), confidence)
        };
        let strangers_max = (0..WINDOW).take_while(|it| plausible(*it)).last().unwrap_or(0);
        Self { seen: 0, strangers: 0, strangers_max, standing: Standing::Holds }
    }
}

impl Drift {
    /// Takes one request; says what holds from now on.
    pub fn see(&mut self, stranger: Stranger) -> Standing {
        self.seen += 1;
        self.strangers += u32::from(stranger == Stranger::Yes);
        if self.strangers > self.strangers_max {
            self.standing = Standing::Drifted;
        }
        if self.seen == WINDOW {
            (self.seen, self.strangers) = (0, 0);
        }
        self.standing
    }

    /// What holds now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_vocabulary::{Random, Seed};

    /// How many of 400,000 requests pass before trust ends, if it does.
    fn until_drift(share: f64, seed: u64) -> Option<u32> {
        let mut random = Random::new(Seed(seed));
        let mut drift = Drift::default();
        (1..=400_000).find(|_| {
            let stranger = if random.unit() < share { Stranger::Yes } else { Stranger::No };
            drift.see(stranger) == Standing::Drifted
        })
    }

    #[test]
    fn the_usual_share_of_strangers_never_ends_the_trust() {
        for seed in 0..5 {
            assert_eq!(until_drift(0.01, seed), None);
        }
    }

    #[test]
    fn many_strangers_end_it_within_a_window_and_for_good() {
        for seed in 0..20 {
            assert!(until_drift(0.4, seed).unwrap() <= WINDOW);
        }
        let mut drift = Drift::default();
        for _ in 0..100 {
            let _ = drift.see(Stranger::Yes);
        }
        for _ in 0..10_000 {
            let _ = drift.see(Stranger::No);
        }
        assert_eq!(drift.standing(), Standing::Drifted);
    }
}

//! How slow a replica is: a moving average that rises at once and falls slowly (peak EWMA, as in
//! Finagle and Linkerd). Pure.

use std::time::Duration;

/// The average. Time is counted from any fixed instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakEwma {
    decay: Duration,
    seconds: f64,
    seen_at: Duration,
}

impl PeakEwma {
    /// Begins with a guess; what was seen `decay` ago weighs 1/e.
    #[must_use]
    pub const fn new(guess: Duration, decay: Duration) -> Self {
        Self { decay, seconds: guess.as_secs_f64(), seen_at: Duration::ZERO }
    }

    /// An answer took so long.
    pub fn observe(&mut self, now: Duration, took: Duration) {
        let took = took.as_secs_f64();
        if took >= self.seconds {
            self.seconds = took;
        } else {
            let weight = self.weight(now);
            self.seconds = self.seconds * weight + took * (1.0 - weight);
        }
        self.seen_at = self.seen_at.max(now);
    }

    /// What one more request would wait, with so many under way. A replica that nobody asked for
    /// a while looks better and better, so that it is tried again.
    #[must_use]
    pub fn cost(&self, now: Duration, in_flight: u32) -> f64 {
        self.seconds * self.weight(now) * f64::from(in_flight + 1)
    }

    fn weight(&self, now: Duration) -> f64 {
        let age = now.saturating_sub(self.seen_at).as_secs_f64();
        (-age / self.decay.as_secs_f64()).exp()
    }
}

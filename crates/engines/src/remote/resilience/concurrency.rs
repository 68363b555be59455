//! How much to ask at once: the limit grows by one for every round of successes that used it, and
//! falls by a share with every sign of overload (additive increase, multiplicative decrease).
//! Pure.

/// An adaptive limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concurrency {
    limit: f64,
    min: f64,
    max: f64,
    in_flight: u32,
}

/// Each sign of overload leaves this share of the limit.
const BACKOFF: f64 = 0.9;

impl Concurrency {
    /// Begins with `start` and stays between `min` and `max`.
    #[must_use]
    pub fn new(start: u32, min: u32, max: u32) -> Self {
        let (min, max) = (f64::from(min.max(1)), f64::from(max.max(1)));
        Self {
            limit: f64::from(start).clamp(min, max.max(min)),
            min,
            max: max.max(min),
            in_flight: 0,
        }
    }

    /// Requests that may be under way.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Requests under way.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether one more may go.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.in_flight < self.limit()
    }

    /// One goes.
    pub const fn begin(&mut self) {
        self.in_flight += 1;
    }

    /// One came back well. A limit that was not reached says nothing about more.
    pub fn succeeded(&mut self) {
        if f64::from(self.in_flight) * 2.0 >= self.limit {
            self.limit = (self.limit + 1.0 / self.limit).min(self.max);
        }
        self.end();
    }

    /// One was refused for load, or took too long.
    pub fn overloaded(&mut self) {
        self.limit = (self.limit * BACKOFF).max(self.min);
        self.end();
    }

    /// One ended without a verdict.
    pub const fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

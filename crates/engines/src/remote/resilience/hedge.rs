//! When to ask a second replica while the first still thinks: after the time in which 95 of 100
//! answers had begun, and for at most a share of requests. Pure.

use std::time::Duration;

use super::retry::RetryBudget;

/// Answers that are remembered.
const REMEMBERED: usize = 128;
/// Fewer say nothing about the slowest twentieth.
const ENOUGH: usize = 20;

/// The times of late, and what may still be asked twice.
#[derive(Debug, Clone)]
pub struct Hedge {
    budget: RetryBudget,
    times: Vec<Duration>,
    next: usize,
}

impl Hedge {
    /// Asks at most that share of requests twice; 0 asks none.
    #[must_use]
    pub fn new(share: f64) -> Self {
        let mut budget = RetryBudget::new(share.clamp(0.0, 1.0), 1.0);
        // The reserve is earned first.
        budget.withdraw();
        Self { budget, times: Vec::new(), next: 0 }
    }

    /// A request came.
    pub const fn deposit(&mut self) {
        self.budget.deposit();
    }

    /// Takes the right to one second request, if there is one.
    pub const fn withdraw(&mut self) -> bool {
        self.budget.withdraw()
    }

    /// An answer began after so long.
    pub fn observe(&mut self, took: Duration) {
        if self.times.len() < REMEMBERED {
            self.times.push(took);
        } else {
            self.times[self.next] = took;
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// How long to wait before a second request; none while too little is known.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        if self.times.len() < ENOUGH {
            return None;
        }
        let mut times = self.times.clone();
        times.sort_unstable();
        Some(times[(times.len() * 95).div_ceil(100) - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_share(share: f64, requests: usize, twice: usize) {
        let mut hedge = Hedge::new(share);
        let rights = (0..requests).filter(|_| {
            hedge.deposit();
            hedge.withdraw()
        });
        assert_eq!(rights.count(), twice, "{share}");
    }

    #[test]
    fn at_most_a_share_is_asked_twice() {
        check_share(0.0, 1000, 0);
        check_share(0.125, 1000, 125);
        check_share(1.0, 1000, 1000);
        check_share(7.0, 1000, 1000);
    }

    #[track_caller]
    fn check_patience(times: impl Iterator<Item = u64>, expected: Option<u64>) {
        let mut hedge = Hedge::new(0.1);
        times.for_each(|it| hedge.observe(Duration::from_millis(it)));
        assert_eq!(hedge.patience(), expected.map(Duration::from_millis));
    }

    #[test]
    fn patience_ends_with_the_slowest_twentieth_of_late() {
        check_patience(0..19, None);
        check_patience((1..=100).rev(), Some(95));
        // What lies long ago is forgotten.
        check_patience((0..128).map(|_| 9000).chain(1..=128), Some(122));
    }
}

//! The exact binomial test as a table: how many errors among how many answers still prove the
//! promise. Paths ask it thousands of times.

use freehold_evaluation::intervals::rate_is_at_most;

use super::{Tally, Terms};

/// A number of answers that no calibration split reaches.
const NEEDED_MAX: u64 = 1 << 32;

/// The most errors that pass, for every number of answers up to that of the proof part.
#[derive(Debug)]
pub(super) struct Limits {
    terms: Terms,
    most: Vec<Option<u64>>,
}

impl Limits {
    pub fn new(terms: Terms, answers_max: usize) -> Self {
        // One more answer never allows fewer errors, so the search goes only forwards.
        let mut errors = 0;
        let most_of = |answers: u64| {
            while passes(terms, errors, answers) {
                errors += 1;
            }
            errors.checked_sub(1)
        };
        Self { terms, most: (0..=answers_max as u64).map(most_of).collect() }
    }

    pub fn allow(&self, tally: Tally) -> bool {
        self.most(tally.answers as usize).is_some_and(|most| tally.errors <= most)
    }

    /// The most errors among that many answers; none if even a spotless record proves nothing.
    pub fn most(&self, answers: usize) -> Option<u64> {
        self.most.get(answers).copied().flatten()
    }

    /// The fewest answers that pass without an error.
    pub fn needed(&self) -> u64 {
        let mut high = 1;
        while !passes(self.terms, 0, high) {
            if high >= NEEDED_MAX {
                return u64::MAX;
            }
            high *= 2;
        }
        let mut low = high / 2;
        while low + 1 < high {
            let middle = u64::midpoint(low, high);
            if passes(self.terms, 0, middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

fn passes(terms: Terms, errors: u64, answers: u64) -> bool {
    let alpha = terms.error_at_most.get();
    errors <= answers && answers > 0 && rate_is_at_most(alpha, errors, answers, terms.confidence)
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::{Confidence, Probability, PromiseScope};

    use super::*;

    #[test]
    fn the_table_says_what_the_test_says() {
        for (alpha, delta) in [(0.05, 0.05), (0.01, 0.1), (0.2, 0.001), (0.0, 0.05)] {
            let terms = Terms {
                error_at_most: Probability::new(alpha).unwrap(),
                confidence: Confidence::new(1.0 - delta).unwrap(),
                promise: PromiseScope::Tier,
            };
            let limits = Limits::new(terms, 400);
            for answers in 0..=400 {
                for errors in 0..=answers.min(100) {
                    let tally = Tally { answers, errors };
                    assert_eq!(limits.allow(tally), passes(terms, errors, answers), "{tally:?}");
                }
            }
            let needed = limits.needed();
            assert!(alpha == 0.0 || passes(terms, 0, needed) && !passes(terms, 0, needed - 1));
        }
    }
}

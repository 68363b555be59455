//! How alike two questions must be for one to be given the other's answer, with a promise.
//!
//! People say of pairs of questions whether one answer does for both. Thresholds are tested from
//! the strictest on a fixed grid. A threshold passes if the exact binomial bound on the share of
//! false hits among its hits is at most α; the first that fails ends the test (fixed-sequence
//! testing), so all that passed before it hold together. There are two such sequences, since one
//! false hit ends a short one: the first begins at as many hits as can just pass, the second at
//! four times as many. Where that is follows from the similarities and not from the labels. Each
//! has half of δ, so that the better of the two holds with confidence 1−δ.
//!
//! The promise is about pairs like those that were labelled: draw them as the cache will meet them,
//! a new question with the most similar one before it.

use freehold_evaluation::intervals::{clopper_pearson_upper, rate_is_at_most};
use freehold_vocabulary::{Confidence, Probability};
use serde::{Deserialize, Serialize};

/// Steps of the grid from a similarity of 1 down to 0.
const STEPS: u32 = 400;
/// Where the two sequences begin, in hits, as multiples of the fewest that can pass.
const STARTS: [u64; 2] = [1, 4];
/// Enough for any α that a test could reach.
const PAIRS_MAX: u64 = 10_000_000;

/// Two questions that somebody compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The cosine of their vectors.
    pub similarity: f64,
    pub meaning: Meaning,
}

/// Whether one answer does for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Same,
    Different,
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CachePromise {
    /// Of the answers given again, at most this share were asked for something else.
    pub false_hits_at_most: Probability,
    pub confidence: Confidence,
}

/// A threshold that keeps its promise, with the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CacheThreshold {
    /// The least similarity at which an answer is given again.
    pub similarity_at_least: f64,
    pub promise: CachePromise,
    /// Labelled pairs, and those of them that are hits at the threshold.
    pub pairs: u64,
    pub hits: u64,
    pub false_hits: u64,
    /// The upper bound on the share of false hits.
    pub false_hits_bound: f64,
}

/// Why there is no threshold.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NoCacheThreshold {
    #[error(
        "{found} pairs are too few: {needed} hits without a false one are the least that can prove the promise; label more pairs"
    )]
    TooFew { needed: u64, found: u64 },
    #[error(
        "no threshold keeps the promise: among the {hits} pairs with a similarity of at least {similarity_at_least}, the strictest that can be tested, {false_hits} mean different things"
    )]
    Refuted { similarity_at_least: f64, hits: u64, false_hits: u64 },
}

/// The least threshold of the grid that keeps the promise.
///
/// # Errors
/// When the pairs are too few, or not even the strictest threshold keeps it.
pub fn cache_threshold(
    pairs: &[Pair],
    promise: CachePromise,
) -> Result<CacheThreshold, NoCacheThreshold> {
    let (alpha, each) = (promise.false_hits_at_most.get(), half_the_risk(promise.confidence));
    let passes = |wrong, n| rate_is_at_most(alpha, wrong, n, each);
    let needed = least_hits(&passes);
    let found = pairs.len() as u64;
    let mut best: Option<CacheThreshold> = None;
    let mut refuted = NoCacheThreshold::TooFew { needed, found };
    for start in STARTS.map(|times| times * needed) {
        for step in 0..=STEPS {
            let similarity_at_least = 1.0 - f64::from(step) / f64::from(STEPS);
            let (hits, false_hits) = counted(pairs, similarity_at_least);
            if hits < start {
                continue;
            }
            if !passes(false_hits, hits) {
                if matches!(refuted, NoCacheThreshold::TooFew { .. }) {
                    refuted = NoCacheThreshold::Refuted { similarity_at_least, hits, false_hits };
                }
                break;
            }
            if best.is_none_or(|it| it.similarity_at_least > similarity_at_least) {
                best = Some(CacheThreshold {
                    similarity_at_least,
                    promise,
                    pairs: found,
                    hits,
                    false_hits,
                    false_hits_bound: clopper_pearson_upper(false_hits, hits, each),
                });
            }
        }
    }
    best.ok_or(refuted)
}

/// Hits at a threshold, and those of them that are false.
fn counted(pairs: &[Pair], similarity_at_least: f64) -> (u64, u64) {
    let hits = pairs.iter().filter(|it| it.similarity >= similarity_at_least);
    hits.fold((0, 0), |(hits, wrong), it| {
        (hits + 1, wrong + u64::from(it.meaning == Meaning::Different))
    })
}

/// The confidence of one of two tests that hold together.
fn half_the_risk(confidence: Confidence) -> Confidence {
    let half = 1.0 - (1.0 - confidence.get()) / 2.0;
    Confidence::new(half).unwrap_or(confidence)
}

/// How many hits without a false one pass.
fn least_hits(passes: &impl Fn(u64, u64) -> bool) -> u64 {
    let (mut low, mut high) = (1, PAIRS_MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(0, middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::{Random, Seed};

    use super::*;

    fn promise(alpha: f64) -> CachePromise {
        let false_hits_at_most = Probability::new(alpha).unwrap();
        CachePromise { false_hits_at_most, confidence: Confidence::new(0.9).unwrap() }
    }

    fn pair(similarity: f64, same: bool) -> Pair {
        Pair { similarity, meaning: if same { Meaning::Same } else { Meaning::Different } }
    }

    #[test]
    fn the_least_threshold_that_holds_is_found() {
        // Above 0.9 all mean the same, below it none does.
        let pairs: Vec<Pair> =
            (0..1000).map(|n| f64::from(n) / 1000.0).map(|it| pair(it, it >= 0.9)).collect();
        let found = cache_threshold(&pairs, promise(0.05)).unwrap();
        assert!((0.895..=0.9).contains(&found.similarity_at_least), "{found:?}");
        assert!(found.false_hits_bound <= 0.05 && found.hits >= 100, "{found:?}");
    }

    #[test]
    fn too_little_data_and_a_promise_that_cannot_be_kept_are_refused() {
        // (1 − 0.05)^59 is the first power below half of 0.1.
        let alike: Vec<Pair> = (0..58).map(|_| pair(0.99, true)).collect();
        let few = cache_threshold(&alike, promise(0.05));
        assert_eq!(few, Err(NoCacheThreshold::TooFew { needed: 59, found: 58 }));
        let mixed: Vec<Pair> = (0..400).map(|n| pair(0.99, n % 2 == 0)).collect();
        let refuted = cache_threshold(&mixed, promise(0.05)).unwrap_err();
        assert!(matches!(refuted, NoCacheThreshold::Refuted { false_hits: 200, .. }), "{refuted}");
        let far: Vec<Pair> = (0..400).map(|_| pair(-0.5, true)).collect();
        assert!(cache_threshold(&far, promise(0.05)).is_err());
    }

    /// Where the chance of a different meaning is known at every similarity, the true rate at the
    /// chosen threshold is above α in at most δ of the trials, and sometimes near it.
    #[test]
    fn the_promise_is_kept_as_often_as_it_says() {
        let different = |similarity: f64| (1.0 - similarity) * 0.5;
        // Similarities are uniform, so the rate above t is the mean of the chance from t to 1.
        let true_rate = |t: f64| (1.0 - t) * 0.25;
        let mut random = Random::new(Seed(7));
        let (mut broken, mut found) = (0, 0);
        for _ in 0..300 {
            let pairs: Vec<Pair> = (0..500)
                .map(|_| {
                    let similarity = random.unit();
                    pair(similarity, random.unit() >= different(similarity))
                })
                .collect();
            if let Ok(threshold) = cache_threshold(&pairs, promise(0.1)) {
                found += 1;
                broken += u32::from(true_rate(threshold.similarity_at_least) > 0.1);
            }
        }
        // 10 % are allowed; 45 of 300 are 2.9 standard errors above. A sequence may end
        // at its first threshold, so some trials find none.
        assert!(found > 200 && broken <= 45, "{broken} of {found}");
    }
}

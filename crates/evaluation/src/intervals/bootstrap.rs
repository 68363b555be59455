//! The percentile bootstrap, seeded and parallel: for statistics whose distribution nobody knows.
//!
//! Every resample has a stream of its own, drawn from the seed before the work is shared out, so
//! that the interval is the same to the last bit whatever the number of threads.
//! Efron, B. and Tibshirani, R. (1993), "An introduction to the bootstrap", chapter 13.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use freehold_vocabulary::{Confidence, Interval, IntervalMethod, Random, Seed};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How much to resample, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resampling {
    pub confidence: Confidence,
    pub resamples: NonZeroU32,
    pub seed: Seed,
}

impl Default for Resampling {
    fn default() -> Self {
        let resamples = NonZeroU32::new(2000).expect("2000 is not zero");
        Self { confidence: Confidence::P95, resamples, seed: Seed(0) }
    }
}

impl Resampling {
    /// The same with a stream of its own for a named purpose.
    #[must_use]
    pub fn derive(self, purpose: &str) -> Self {
        Self { seed: self.seed.derive(purpose), ..self }
    }
}

/// What is drawn with replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// Units are drawn within a stratum, as many as it has.
    strata: Vec<Units>,
    items: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Units {
    Items(Vec<u32>),
    Clusters(Vec<Vec<u32>>),
}

impl Design {
    /// `n` independent items.
    #[must_use]
    pub fn items(n: u32) -> Self {
        Self { strata: vec![Units::Items((0..n).collect())], items: n }
    }

    /// Items drawn within their stratum: item `i` belongs to `stratum_of[i]`. For samples whose
    /// composition was fixed, such as so many inside and so many outside of scope.
    #[must_use]
    pub fn stratified(stratum_of: &[u32]) -> Self {
        let strata = groups(stratum_of).into_values().map(Units::Items).collect();
        Self { strata, items: stratum_of.len() as u32 }
    }

    /// Whole clusters are drawn: for items that are not independent, such as several messages
    /// of one customer.
    #[must_use]
    pub fn clustered(cluster_of: &[u32]) -> Self {
        let clusters = Units::Clusters(groups(cluster_of).into_values().collect());
        Self { strata: vec![clusters], items: cluster_of.len() as u32 }
    }

    fn draw(&self, random: &mut Random, drawn: &mut Vec<u32>) {
        drawn.clear();
        for units in &self.strata {
            match units {
                Units::Items(items) => {
                    drawn.extend((0..items.len()).map(|_| items[random.below(items.len())]));
                }
                Units::Clusters(clusters) => {
                    for _ in 0..clusters.len() {
                        drawn.extend_from_slice(&clusters[random.below(clusters.len())]);
                    }
                }
            }
        }
    }
}

/// The percentile interval of one statistic, a function of item positions (with repetitions).
///
/// The closure says NaN where the statistic is undefined, such as the AUROC of a sample without
/// positives; such resamples are left out. `None` when the sample itself is undefined or empty.
pub fn bootstrap(
    design: &Design,
    resampling: &Resampling,
    statistic: impl Fn(&[u32]) -> f64 + Sync,
) -> Option<Interval> {
    let one = |items: &[u32], out: &mut [f64]| out[0] = statistic(items);
    bootstrap_many(design, resampling, 1, one).pop().flatten()
}

/// As [`bootstrap`], for `count` statistics of the same resamples.
pub fn bootstrap_many(
    design: &Design,
    resampling: &Resampling,
    count: usize,
    statistics: impl Fn(&[u32], &mut [f64]) + Sync,
) -> Vec<Option<Interval>> {
    let all: Vec<u32> = (0..design.items).collect();
    if all.is_empty() {
        return vec![None; count];
    }
    let mut estimates = vec![f64::NAN; count];
    statistics(&all, &mut estimates);
    let rows = bootstrap_distribution(design, resampling, count, statistics);
    let interval = |(position, estimate): (usize, f64)| {
        let mut column: Vec<f64> = rows.iter().map(|row| row[position]).collect();
        column.retain(|value| value.is_finite());
        column.sort_unstable_by(f64::total_cmp);
        if !estimate.is_finite() || column.is_empty() {
            return None;
        }
        let level = resampling.confidence.get();
        let low = quantile(&column, 0.5 - level / 2.0);
        let high = quantile(&column, 0.5 + level / 2.0);
        let n = u64::from(design.items);
        Some(Interval { estimate, low, high, level, n, method: IntervalMethod::Bootstrap })
    };
    estimates.into_iter().enumerate().map(interval).collect()
}

/// The statistics of every resample, one row each, in a fixed order.
pub fn bootstrap_distribution(
    design: &Design,
    resampling: &Resampling,
    count: usize,
    statistics: impl Fn(&[u32], &mut [f64]) + Sync,
) -> Vec<Vec<f64>> {
    let mut master = Random::new(resampling.seed);
    let seeds: Vec<Seed> = (0..resampling.resamples.get()).map(|_| Seed(master.bits())).collect();
    let one = |drawn: &mut Vec<u32>, seed: &Seed| {
        design.draw(&mut Random::new(*seed), drawn);
        let mut row = vec![f64::NAN; count];
        statistics(drawn, &mut row);
        row
    };
    seeds.par_iter().map_init(Vec::new, one).collect()
}

/// The quantile of sorted, non-empty values, linear between neighbours (NumPy's default).
pub(crate) fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

fn groups(group_of: &[u32]) -> BTreeMap<u32, Vec<u32>> {
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (item, group) in (0u32..).zip(group_of) {
        groups.entry(*group).or_default().push(item);
    }
    groups
}

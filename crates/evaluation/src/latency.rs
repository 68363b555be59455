//! How long answers took: percentiles with intervals, and a histogram.
//!
//! The interval of a percentile needs no assumption about the distribution: the chance that so
//! many of n observations lie below it is binomial (the Clopper–Pearson argument, read the other
//! way round). Durations are microseconds.

use freehold_vocabulary::{Confidence, Interval, IntervalMethod};
use serde::{Deserialize, Serialize};

use crate::intervals::regularized_beta;

/// Latencies of a set of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub n: u64,
    pub mean_us: f64,
    pub max_us: u64,
    /// 50th, 90th, 95th and 99th.
    pub percentiles: Vec<Percentile>,
    /// Ten bars for each factor of ten, without gaps.
    pub histogram: Vec<Bar>,
}

/// A percentile of latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    pub percent: u32,
    pub value_us: f64,
    /// `None` when there are too few observations to bound it on both sides.
    pub interval: Option<Interval>,
}

/// One bar: `from_us <= latency < to_us`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    pub from_us: f64,
    pub to_us: f64,
    pub n: u64,
}

const PERCENTS: [u32; 4] = [50, 90, 95, 99];
const BARS_PER_DECADE: f64 = 10.0;

impl Latency {
    /// Summarises; `None` without observations.
    #[must_use]
    pub fn of(latencies_us: &[u64], level: Confidence) -> Option<Self> {
        if latencies_us.is_empty() {
            return None;
        }
        let mut sorted = latencies_us.to_vec();
        sorted.sort_unstable();
        let total: f64 = sorted.iter().map(|us| *us as f64).sum();
        Some(Self {
            n: sorted.len() as u64,
            mean_us: total / sorted.len() as f64,
            max_us: sorted[sorted.len() - 1],
            percentiles: PERCENTS.map(|percent| percentile(&sorted, percent, level)).to_vec(),
            histogram: histogram(&sorted),
        })
    }

    /// The percentile, if it is one of those kept.
    #[must_use]
    pub fn percentile(&self, percent: u32) -> Option<&Percentile> {
        self.percentiles.iter().find(|it| it.percent == percent)
    }
}

fn percentile(sorted: &[u64], percent: u32, level: Confidence) -> Percentile {
    let share = f64::from(percent) / 100.0;
    let values: Vec<f64> = sorted.iter().map(|us| *us as f64).collect();
    let value_us = crate::intervals::quantile(&values, share);
    let interval = bounding_ranks(sorted.len() as u64, share, level).map(|(below, above)| {
        let (low, high) = (values[below as usize - 1], values[above as usize - 1]);
        let n = sorted.len() as u64;
        let method = IntervalMethod::ClopperPearson;
        Interval { estimate: value_us, low, high, level: level.get(), n, method }
    });
    Percentile { percent, value_us, interval }
}

/// The ranks (from 1) between which the quantile lies with that confidence.
fn bounding_ranks(n: u64, share: f64, level: Confidence) -> Option<(u64, u64)> {
    let one_side = 0.5 + level.get() / 2.0;
    // At least `rank` of n observations lie below the quantile with this chance.
    let at_least = |rank: u64| {
        if rank > n { 0.0 } else { regularized_beta(rank as f64, (n - rank) as f64 + 1.0, share) }
    };
    let ranks_above = |chance: f64| {
        let (mut low, mut high) = (0, n + 1);
        // Chances fall with the rank: the largest rank whose chance is still above.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if at_least(middle) >= chance { low = middle } else { high = middle }
        }
        low
    };
    let below = ranks_above(one_side);
    let above = ranks_above(1.0 - one_side) + 1;
    (below >= 1 && above <= n).then_some((below, above))
}

fn histogram(sorted: &[u64]) -> Vec<Bar> {
    // Latencies below a microsecond count as one.
    let place = |us: u64| ((us.max(1) as f64).log10() * BARS_PER_DECADE).floor() as i64;
    let (first, last) = (place(sorted[0]), place(sorted[sorted.len() - 1]));
    let edge = |place: i64| 10_f64.powf(place as f64 / BARS_PER_DECADE);
    let mut bars: Vec<Bar> =
        (first..=last).map(|at| Bar { from_us: edge(at), to_us: edge(at + 1), n: 0 }).collect();
    for us in sorted {
        bars[(place(*us) - first) as usize].n += 1;
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_the_median_is_the_tabulated_one() {
        // Ranks from the tables of the sign test (Conover, "Practical nonparametric statistics"):
        // n = 10 gives ranks 2 and 9, n = 100 gives 40 and 61 at 95 %.
        assert_eq!(bounding_ranks(10, 0.5, Confidence::P95), Some((2, 9)));
        assert_eq!(bounding_ranks(100, 0.5, Confidence::P95), Some((40, 61)));
    }

    #[test]
    fn too_few_observations_bound_no_tail() {
        let latency = Latency::of(&[100, 200, 300, 400], Confidence::P95).unwrap();
        assert!(latency.percentile(99).unwrap().interval.is_none());
        assert_eq!(latency.percentile(50).unwrap().value_us, 250.0);
    }

    #[test]
    fn every_observation_is_in_a_bar() {
        let latencies: Vec<u64> = (0..5000).map(|i| i * i % 70_000).collect();
        let latency = Latency::of(&latencies, Confidence::P95).unwrap();
        assert_eq!(latency.histogram.iter().map(|bar| bar.n).sum::<u64>(), 5000);
        for pair in latency.histogram.windows(2) {
            assert!((pair[0].to_us - pair[1].from_us).abs() < 1e-9 * pair[0].to_us);
        }
        let p95 = latency.percentile(95).unwrap();
        let interval = p95.interval.unwrap();
        assert!(interval.low < p95.value_us && p95.value_us < interval.high);
        assert!(Latency::of(&[], Confidence::P95).is_none());
    }
}

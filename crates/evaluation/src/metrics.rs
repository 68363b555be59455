//! The metrics: one file each, listed in [`METRICS`].
//!
//! A metric is a function of a subset of items, so that one definition serves the headline, the
//! slices, the resamples of the bootstrap and the paired comparison.

use std::collections::BTreeMap;
use std::fmt;

use freehold_vocabulary::{Interval, LabelMode};
use serde::{Deserialize, Serialize};

use crate::Predictions;
use crate::intervals::{Design, Resampling, bootstrap, wilson};

pub mod accuracy;
pub mod adaptive_ece;
pub mod aurc;
pub mod auroc;
pub mod brier;
pub mod ece;
pub mod fpr95;
pub mod hamming;
pub mod log_loss;
pub mod macro_f1;
pub mod matthews;
pub mod micro_f1;
pub mod weighted_f1;

/// Every metric, in the order in which reports show them.
pub const METRICS: &[MetricEntry] = &[
    accuracy::METRIC,
    macro_f1::METRIC,
    micro_f1::METRIC,
    weighted_f1::METRIC,
    matthews::METRIC,
    hamming::METRIC,
    log_loss::METRIC,
    brier::METRIC,
    ece::METRIC,
    adaptive_ece::METRIC,
    aurc::METRIC,
    auroc::METRIC,
    fpr95::METRIC,
];

/// A metric of some items, given by position; NaN where it is undefined.
pub type Statistic<'a> = Box<dyn Fn(&[u32]) -> f64 + Send + Sync + 'a>;

/// What a metric is.
#[derive(Clone, Copy)]
pub struct MetricEntry {
    /// The word in records and configuration.
    pub name: &'static str,
    /// The words in pages.
    pub title: &'static str,
    /// One sentence for people who have never met it.
    pub meaning: &'static str,
    pub better: Better,
    pub scope: Scope,
    pub breakdown: Breakdown,
    pub modes: &'static [LabelMode],
    pub estimate: Estimate,
}

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Higher,
    Lower,
}

/// Which items count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only items to which a known label applies.
    Inside,
    /// All items; one that is out of scope and answered is an error.
    All,
    /// All items, and there must be some on both sides.
    Both,
}

/// Whether the metric is also shown for every slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakdown {
    WholeOnly,
    Slices,
}

/// How the metric is computed.
#[derive(Clone, Copy)]
pub enum Estimate {
    /// The share of items for which this holds: a Wilson interval.
    Share(fn(&Predictions, u32) -> bool),
    /// Anything else: a bootstrap interval.
    Resampled(for<'a> fn(&'a Predictions) -> Statistic<'a>),
}

impl fmt::Debug for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Share(_) => "Share",
            Self::Resampled(_) => "Resampled",
        })
    }
}

impl fmt::Debug for MetricEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricEntry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A metric's value for some sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub name: String,
    pub better: Better,
    pub value: Interval,
}

/// Both kinds of task.
pub(crate) const ANY_MODE: &[LabelMode] = &[LabelMode::Single, LabelMode::Multi];
/// Exactly one right label.
pub(crate) const SINGLE: &[LabelMode] = &[LabelMode::Single];
/// Any number of right labels.
pub(crate) const MULTI: &[LabelMode] = &[LabelMode::Multi];

/// The metric of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static MetricEntry> {
    METRICS.iter().find(|metric| metric.name == name)
}

impl MetricEntry {
    /// The metric as a function of item positions. Positions that do not count are not filtered.
    #[must_use]
    pub fn statistic<'a>(&self, predictions: &'a Predictions) -> Statistic<'a> {
        match self.estimate {
            Estimate::Share(holds) => Box::new(move |items| {
                let hits = items.iter().filter(|item| holds(predictions, **item)).count();
                hits as f64 / items.len() as f64
            }),
            Estimate::Resampled(prepare) => prepare(predictions),
        }
    }

    /// The metric with its interval on those items; `None` where it does not apply. `cluster_by`
    /// names the slice column whose values are drawn as a whole when items are not independent;
    /// the interval is then resampled for shares too.
    #[must_use]
    pub fn measure(
        &self,
        predictions: &Predictions,
        items: &[u32],
        resampling: &Resampling,
        cluster_by: Option<&str>,
    ) -> Option<Interval> {
        let counted = self.counted(predictions, items);
        if counted.is_empty() {
            return None;
        }
        if let (Estimate::Share(holds), None) = (self.estimate, cluster_by) {
            let hits = counted.iter().filter(|item| holds(predictions, **item)).count();
            return Some(wilson(hits as u64, counted.len() as u64, resampling.confidence));
        }
        let statistic = self.statistic(predictions);
        let design = match cluster_by {
            Some(column) => Design::clustered(&clusters(predictions, &counted, column)),
            None => {
                let side = |item: &u32| u32::from(predictions.is_out_of_scope(*item));
                Design::stratified(&counted.iter().map(side).collect::<Vec<_>>())
            }
        };
        bootstrap(&design, &resampling.derive(self.name), |drawn| {
            let drawn: Vec<u32> = drawn.iter().map(|place| counted[*place as usize]).collect();
            statistic(&drawn)
        })
    }

    /// The items that count, or none if the metric does not apply to them.
    fn counted(&self, predictions: &Predictions, items: &[u32]) -> Vec<u32> {
        if !self.modes.contains(&predictions.mode()) {
            return Vec::new();
        }
        let outside = |item: &u32| predictions.is_out_of_scope(*item);
        match self.scope {
            Scope::Inside => items.iter().copied().filter(|item| !outside(item)).collect(),
            Scope::All => items.to_vec(),
            Scope::Both => {
                let strangers = items.iter().filter(|item| outside(item)).count();
                if (1..items.len()).contains(&strangers) { items.to_vec() } else { Vec::new() }
            }
        }
    }
}

/// A number for the cluster of each item; items without the column are clusters of their own.
pub(crate) fn clusters(predictions: &Predictions, items: &[u32], column: &str) -> Vec<u32> {
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let cluster_of = |item: &u32| match predictions.items()[*item as usize].slices.get(column) {
        Some(value) => *known.entry(value).or_insert_with(&mut fresh),
        None => fresh(),
    };
    items.iter().map(cluster_of).collect()
}

/// The mean of a per-item quantity.
fn mean(values: &[f64], items: &[u32]) -> f64 {
    items.iter().map(|item| values[*item as usize]).sum::<f64>() / items.len() as f64
}

/// How often each of `items_max` items was drawn.
fn times_drawn(items: &[u32], items_max: usize) -> Vec<u32> {
    let mut drawn = vec![0; items_max];
    for item in items {
        drawn[*item as usize] += 1;
    }
    drawn
}

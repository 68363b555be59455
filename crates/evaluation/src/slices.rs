//! The same numbers for every part of the sample: by any column, worst first.
//!
//! A good average can hide a group that is served badly. "Worst" goes by the upper bound of the
//! headline metric, so that a slice is not put first by a small sample alone.

use std::collections::{BTreeMap, BTreeSet};

use freehold_vocabulary::Interval;
use serde::{Deserialize, Serialize};

use crate::intervals::Resampling;
use crate::metrics::{Better, Breakdown, METRICS, Measured, MetricEntry};
use crate::{EvaluationError, Predictions};

/// Slices smaller than this are flagged.
pub const SMALL_N: u64 = 30;
/// Columns with more different values are not a breakdown but an identifier.
pub const VALUES_MAX: usize = 50;

/// More columns than this are refused: they are data, not breakdowns.
pub const COLUMNS_MAX: usize = 100;

/// The part of the sample with one value in one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    pub column: String,
    pub value: String,
    pub n: u64,
    pub size: SliceSize,
    pub metrics: Vec<Measured>,
}

/// Whether there is enough to say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SliceSize {
    Enough,
    /// Fewer than [`SMALL_N`] items: read the interval, not the number.
    Small,
}

/// The breakdown of a sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdowns {
    /// Worst first.
    pub slices: Vec<Slice>,
    /// Columns with more than [`VALUES_MAX`] values.
    pub left_out: Vec<String>,
}

impl Slice {
    /// A metric of the slice.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Interval> {
        self.metrics.iter().find(|it| it.name == name).map(|it| &it.value)
    }
}

/// Breaks the sample down by every column; `headline` decides what is worst.
///
/// # Errors
/// When there are more than [`COLUMNS_MAX`] columns.
pub fn break_down(
    predictions: &Predictions,
    headline: &MetricEntry,
    resampling: &Resampling,
    cluster_by: Option<&str>,
) -> Result<Breakdowns, EvaluationError> {
    let names: BTreeSet<&str> = predictions
        .items()
        .iter()
        .flat_map(|item| item.slices.keys())
        .map(String::as_str)
        .collect();
    if names.len() > COLUMNS_MAX {
        let count = names.len();
        let problem = format!("there are {count} slice columns; the limit is {COLUMNS_MAX}");
        return Err(EvaluationError::Request(problem));
    }
    let mut breakdowns = Breakdowns::default();
    for (column, values) in columns(predictions, names) {
        if values.len() > VALUES_MAX {
            breakdowns.left_out.push(column.to_owned());
            continue;
        }
        for (value, items) in values {
            let n = items.len() as u64;
            breakdowns.slices.push(Slice {
                column: column.to_owned(),
                value: value.to_owned(),
                n,
                size: if n < SMALL_N { SliceSize::Small } else { SliceSize::Enough },
                metrics: measure(predictions, &items, resampling, cluster_by),
            });
        }
    }
    let badness = |slice: &Slice| {
        let value = slice.metric(headline.name)?;
        Some(match headline.better {
            Better::Higher => (value.high, value.estimate),
            Better::Lower => (-value.low, -value.estimate),
        })
    };
    // Slices without the metric (nothing in scope) come last.
    let last = (f64::INFINITY, f64::INFINITY);
    breakdowns.slices.sort_by(|a, b| {
        let (a, b) = (badness(a).unwrap_or(last), badness(b).unwrap_or(last));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    Ok(breakdowns)
}

fn measure(
    predictions: &Predictions,
    items: &[u32],
    resampling: &Resampling,
    cluster_by: Option<&str>,
) -> Vec<Measured> {
    let shown = METRICS.iter().filter(|metric| metric.breakdown == Breakdown::Slices);
    let measured = |metric: &MetricEntry| {
        let value = metric.measure(predictions, items, resampling, cluster_by)?;
        Some(Measured { name: metric.name.to_owned(), better: metric.better, value })
    };
    shown.filter_map(measured).collect()
}

/// The items of every value of every column.
fn columns<'a>(
    predictions: &'a Predictions,
    names: BTreeSet<&'a str>,
) -> BTreeMap<&'a str, BTreeMap<&'a str, Vec<u32>>> {
    let mut columns: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> =
        names.into_iter().map(|name| (name, BTreeMap::new())).collect();
    for (position, item) in (0u32..).zip(predictions.items()) {
        for (column, values) in &mut columns {
            if let Some(value) = item.slices.get(*column) {
                values.entry(value).or_default().push(position);
            }
        }
    }
    columns
}

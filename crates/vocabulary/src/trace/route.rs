//! What a trace says of how it was decided who answers, and what the way there cost.
//!
//! Parts that did not take part are left out, so that records read the same before and after a
//! release adds one.

use serde::{Deserialize, Serialize};

use crate::price::Cost;
use crate::{Digest, Label, TaskName, TraceId};

/// The decision behind one answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteRecord {
    /// The task on whose behalf a generating model was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskName>,
    /// Generating models that the route of a task asked, in order; each has a trace of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedModel>,
    /// What asking them cost, failed tries included, one sum per currency. The same money stands
    /// in their own traces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cost: Vec<Cost>,
    /// What lets the answer of a generating model count as the task's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// How a weak or a strong model was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<GainChoice>,
}

/// The choice between a weak and a strong model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GainChoice {
    /// The name that stands for both.
    pub route: String,
    pub weak: String,
    pub strong: String,
    /// The model that was chosen; another one may have answered if it failed.
    pub chosen: String,
    /// In a few words.
    pub why: String,
    /// What lapsed, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the strong model was expected to add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<f64>,
    /// The weak model answers what is expected to gain less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The certificate of the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Digest>,
    pub decided_us: u64,
}

/// One generating model that a task asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedModel {
    /// By its name in the portfolio.
    pub model: String,
    /// As its engine names it.
    pub upstream: String,
    /// The certificates of the tiers before it, as one digest: what it was asked depends on them.
    pub behind: Digest,
    /// What it said; nothing when it named no label of the task.
    pub labels: Vec<Label>,
    /// The trace of the generation; none if nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// None when nothing was sent or the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Why its answer did not count; none if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl AskedModel {
    /// The reason of an answer that names a label and is a suggestion to people only.
    pub const SUGGESTED: &'static str = "no certificate";
}

/// Why the answer of a model that nobody here trained may count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// People judged enough of its answers.
    Certificate,
    /// The operator says so.
    Operator,
}

impl RouteRecord {
    /// Whether nothing was decided that is worth a record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Sums costs, one per currency, in the order in which currencies first occur.
#[must_use]
pub fn summed<'a>(costs: impl IntoIterator<Item = &'a Cost>) -> Vec<Cost> {
    let mut sums: Vec<Cost> = Vec::new();
    for cost in costs {
        match sums.iter_mut().find(|it| it.currency == cost.currency) {
            Some(sum) => sum.picos = sum.picos.saturating_add(cost.picos),
            None => sums.push(cost.clone()),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_are_never_added_to_each_other() {
        let cost = |currency: &str, picos| Cost { currency: currency.to_owned(), picos };
        let costs = [cost("USD", 2), cost("EUR", 5), cost("USD", 40)];
        assert_eq!(summed(&costs), [cost("USD", 42), cost("EUR", 5)]);
    }

    #[test]
    fn an_empty_record_takes_no_room_and_an_old_one_is_read() {
        assert_eq!(serde_json::to_string(&RouteRecord::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<RouteRecord>("{}").unwrap().is_empty());
    }
}

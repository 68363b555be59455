//! What was asked, taken and paid, added up along any dimension.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::Usage;
use serde::Serialize;

use crate::comparison::{self, Frontier};
use crate::{Day, Sums};

/// Requests that have everything in common, as traces tell of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    pub day: Day,
    pub task: String,
    /// Who asked: the name of the key, or `local`.
    pub key: String,
    /// The team of the key, or the key itself where it has none.
    pub team: String,
    pub tags: Vec<String>,
    pub model: String,
    pub engine: String,
    pub requests: u64,
    /// Of them, those whose tokens the engine did not count.
    pub estimated: u64,
    /// Of them, those whose cost nobody knows.
    pub unpriced: u64,
    /// Of them, those without a whole answer.
    pub failed: u64,
    /// Of them, those that a cache answered.
    pub cached: u64,
    pub usage: Usage,
    pub cost: Sums,
    /// What answers from a cache would have cost.
    pub saved: Sums,
    pub machine: Machine,
}

/// Whose machine answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Machine {
    /// Paid by the time.
    Own,
    /// Paid by the token.
    Others,
}

/// Along what costs are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    Task,
    Team,
    Model,
    Key,
    Engine,
    Day,
    Tag,
}

/// One sum of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The values of the dimensions, in their order.
    pub by: Vec<String>,
    pub requests: u64,
    pub estimated: u64,
    pub unpriced: u64,
    pub failed: u64,
    pub cached: u64,
    pub usage: Usage,
    pub cost: Sums,
    pub saved: Sums,
    /// Requests that the organisation's own machines answered, and what they cost.
    pub own_requests: u64,
    pub own_cost: Sums,
    /// What each model of the comparison would have asked for them.
    pub instead: BTreeMap<String, Sums>,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 7] =
        [Self::Task, Self::Team, Self::Model, Self::Key, Self::Engine, Self::Day, Self::Tag];

    /// The word used in commands and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Team => "team",
            Self::Model => "model",
            Self::Key => "key",
            Self::Engine => "engine",
            Self::Day => "day",
            Self::Tag => "tag",
        }
    }

    /// A request stands under each of its tags; without one, under `-`.
    fn values(self, row: &Metered) -> Vec<String> {
        let one = |value: &str| vec![value.to_owned()];
        match self {
            Self::Task => one(&row.task),
            Self::Team => one(&row.team),
            Self::Model => one(&row.model),
            Self::Key => one(&row.key),
            Self::Engine => one(&row.engine),
            Self::Day => vec![row.day.to_string()],
            Self::Tag if row.tags.is_empty() => one("-"),
            Self::Tag => row.tags.clone(),
        }
    }
}

/// Adds rows up; lines in the order of their values. Without a dimension there is one line.
#[must_use]
pub fn add_up(rows: &[Metered], by: &[Dimension], frontier: &[Frontier]) -> Vec<Line> {
    let mut lines: BTreeMap<Vec<String>, Line> = BTreeMap::new();
    for row in rows {
        let mut keys: Vec<Vec<String>> = vec![Vec::new()];
        for dimension in by {
            let values = dimension.values(row);
            let longer = keys.iter().flat_map(|key| {
                values.iter().map(|value| {
                    let mut key = key.clone();
                    key.push(value.clone());
                    key
                })
            });
            keys = longer.collect();
        }
        for key in keys {
            lines.entry(key).or_default().add(row, frontier);
        }
    }
    let named = lines.into_iter().map(|(by, line)| Line { by, ..line });
    named.collect()
}

impl Line {
    fn add(&mut self, row: &Metered, frontier: &[Frontier]) {
        self.requests += row.requests;
        self.estimated += row.estimated;
        self.unpriced += row.unpriced;
        self.failed += row.failed;
        self.cached += row.cached;
        self.usage += row.usage;
        self.cost.extend(&row.cost);
        self.saved.extend(&row.saved);
        if row.machine == Machine::Own {
            self.own_requests += row.requests;
            self.own_cost.extend(&row.cost);
            for model in frontier {
                let sums = self.instead.entry(model.model.clone()).or_default();
                comparison::add(sums, model, row);
            }
        }
    }
}

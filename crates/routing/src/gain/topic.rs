//! The mean gain of a topic, drawn towards the mean of all by as much as its size leaves doubt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Rows that the mean of all counts for.
const PRIOR: f64 = 20.0;

/// Topics that were seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topics {
    overall: f64,
    means: BTreeMap<String, f64>,
}

impl Topics {
    pub fn fit<'a>(rows: impl Iterator<Item = (Option<&'a str>, f64)>) -> Self {
        let (mut sum, mut count) = (0.0, 0.0f64);
        let mut of_topic: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (topic, gain) in rows {
            sum += gain;
            count += 1.0;
            if let Some(topic) = topic {
                let entry = of_topic.entry(topic).or_default();
                entry.0 += gain;
                entry.1 += 1.0;
            }
        }
        let overall = sum / count.max(1.0);
        let mean = |(sum, count): (f64, f64)| (sum + PRIOR * overall) / (count + PRIOR);
        let means = of_topic.into_iter().map(|(topic, it)| (topic.to_owned(), mean(it))).collect();
        Self { overall, means }
    }

    /// The mean of all for a topic that was never seen, or for none.
    pub fn gain(&self, topic: Option<&str>) -> f64 {
        topic.and_then(|it| self.means.get(it)).copied().unwrap_or(self.overall)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.means.keys().map(String::as_str)
    }

    pub fn is_finite(&self) -> bool {
        self.overall.is_finite() && self.means.values().all(|it| it.is_finite())
    }
}

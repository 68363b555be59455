//! A task: one AI-assisted process with its quality bar.

use serde::{Deserialize, Serialize};

use crate::{DataClass, LabelMode, TaskName};

/// What a metric measures; higher is better for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Accuracy,
    MacroF1,
    MicroF1,
}

impl Metric {
    /// The word used in configuration and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro_f1",
            Self::MicroF1 => "micro_f1",
        }
    }
}

/// The quality a model must prove before it takes traffic: the lower confidence bound of the
/// metric must reach it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bar {
    pub metric: Metric,
    pub at_least: f64,
}

/// One classification task of the portfolio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub name: TaskName,
    pub mode: LabelMode,
    pub data_class: DataClass,
    pub bar: Option<Bar>,
}

//! Confusion: which label is given where which is right. Single-label tasks only.

use std::collections::BTreeMap;

use freehold_vocabulary::LabelMode;
use serde::{Deserialize, Serialize};

use crate::Predictions;

/// How often one label was given where another (or the same) was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// `None` for items out of scope.
    pub gold: Option<u32>,
    pub predicted: u32,
    pub count: u64,
}

/// The cells that are not empty, by gold (out of scope first) and predicted label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    pub cells: Vec<Cell>,
}

impl Confusion {
    /// Counts every item; `None` for multi-label tasks.
    #[must_use]
    pub fn of(predictions: &Predictions) -> Option<Self> {
        if predictions.mode() == LabelMode::Multi {
            return None;
        }
        let mut counts: BTreeMap<(Option<u32>, u32), u64> = BTreeMap::new();
        for (item, answer) in predictions.items().iter().zip(predictions.answers()) {
            *counts.entry((item.gold.first().copied(), answer.predicted[0])).or_default() += 1;
        }
        let cell = |((gold, predicted), count)| Cell { gold, predicted, count };
        Some(Self { cells: counts.into_iter().map(cell).collect() })
    }

    /// The most frequent errors, items out of scope included.
    #[must_use]
    pub fn most_confused(&self, count: usize) -> Vec<Cell> {
        let wrong = |cell: &&Cell| cell.gold != Some(cell.predicted);
        let mut cells: Vec<Cell> = self.cells.iter().filter(wrong).copied().collect();
        cells.sort_by_key(|cell| (std::cmp::Reverse(cell.count), cell.gold, cell.predicted));
        cells.truncate(count);
        cells
    }
}

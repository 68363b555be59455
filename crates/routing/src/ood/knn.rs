//! How unlike the nearest training examples an input is: minus the mean cosine to the three
//! nearest (Sun, Ming, Zhu and Li 2022, arXiv 2204.06507). Three because on CLINC150 with MiniLM
//! embeddings their mean told strangers apart better than one, five, ten, twenty or fifty.

use std::sync::Arc;

use freehold_vocabulary::ports::Scored;

use super::file::{Tensors, TensorsRead};
use super::gaussian::unit;
use super::{Detector, Kind, Lesson};

/// In the table.
pub(super) const KIND: Kind =
    Kind { name: "knn", fit, read: |tensors, _| Ok(Arc::new(Neighbours::read(tensors)?)) };

const NEAREST: usize = 3;
/// Numbers that are stored: 6 MB.
const NUMBERS_MAX: usize = 1_500_000;

/// Unit vectors, one column each, so that all cosines are made by long vector operations.
#[derive(Debug)]
struct Neighbours {
    width: usize,
    count: usize,
    columns: Vec<f32>,
}

fn fit(lesson: &Lesson<'_>) -> Option<Arc<dyn Detector>> {
    let width = lesson.observations.first()?.scored.embedding.len();
    let fits = NUMBERS_MAX.checked_div(width)?;
    if lesson.observations.len() < NEAREST || fits < NEAREST {
        return None;
    }
    let stride = lesson.observations.len().div_ceil(fits);
    let chosen: Vec<Vec<f32>> =
        lesson.observations.iter().step_by(stride).map(|it| unit(&it.scored.embedding)).collect();
    let count = chosen.len();
    let number = |i: usize| chosen[i % count][i / count];
    let columns = (0..width * count).map(number).collect();
    Some(Arc::new(Neighbours { width, count, columns }))
}

impl Neighbours {
    fn read(tensors: &TensorsRead<'_>) -> Result<Self, String> {
        let (width, count, columns) = tensors.matrix("neighbours")?;
        if count < NEAREST {
            return Err("there are too few neighbours".to_owned());
        }
        Ok(Self { width, count, columns })
    }
}

impl Detector for Neighbours {
    fn score(&self, scored: &Scored) -> f64 {
        assert_eq!(scored.embedding.len(), self.width, "the policy belongs to another model");
        let mut cosines = vec![0.0f32; self.count];
        for (row, value) in self.columns.chunks_exact(self.count).zip(unit(&scored.embedding)) {
            for (cosine, other) in cosines.iter_mut().zip(row) {
                *cosine += value * other;
            }
        }
        let (_, _, nearest) = cosines.select_nth_unstable_by(self.count - NEAREST, f32::total_cmp);
        // The third nearest stands at the cut, the two nearer ones behind it in some order.
        let mut top = nearest.to_vec();
        top.sort_by(f32::total_cmp);
        let third = cosines[self.count - NEAREST];
        let sum: f64 = top.iter().chain([&third]).map(|&it| f64::from(it)).sum();
        -sum / NEAREST as f64
    }

    fn embedding_width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn tensors(&self) -> Tensors {
        vec![("neighbours", vec![self.width, self.count], self.columns.clone())]
    }
}

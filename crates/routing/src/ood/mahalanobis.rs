//! The distance to the nearest label's mean in units of the common spread (Lee, Lee, Lee and Shin
//! 2018, arXiv 1807.03888; for text, Podolskiy et al. 2021, arXiv 2101.03778).

use std::sync::Arc;

use freehold_vocabulary::ports::Scored;

use super::file::Tensors;
use super::gaussian::{Gaussian, unit};
use super::{Detector, Kind};

/// In the table.
pub(super) const KIND: Kind = Kind {
    name: "mahalanobis",
    fit: |lesson| {
        let geometry = lesson.geometry.as_ref()?;
        Some(Arc::new(Mahalanobis(Arc::clone(&geometry.within))))
    },
    read: |tensors, _| Ok(Arc::new(Mahalanobis(Arc::new(Gaussian::read(tensors, NAMES)?)))),
};

const NAMES: [&str; 3] = ["mean", "whitener", "centres"];

#[derive(Debug)]
struct Mahalanobis(Arc<Gaussian>);

impl Detector for Mahalanobis {
    fn score(&self, scored: &Scored) -> f64 {
        self.0.nearest_square(&unit(&scored.embedding))
    }

    fn embedding_width(&self) -> Option<usize> {
        Some(self.0.width())
    }

    fn tensors(&self) -> Tensors {
        self.0.tensors(NAMES)
    }
}

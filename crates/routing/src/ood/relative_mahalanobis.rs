//! The distance to the nearest label's mean less the distance to the mean of all (Ren, Fort, Liu,
//! Roy, Padhy and Lakshminarayanan 2021, arXiv 2106.09022): what is unusual in every respect,
//! such as length, counts less than what is unusual for each label.

use std::sync::Arc;

use freehold_vocabulary::LabelMode;
use freehold_vocabulary::ports::Scored;

use super::file::Tensors;
use super::gaussian::{Gaussian, Geometry, unit};
use super::{Detector, Kind};

/// In the table. Multi-label tasks have one group, so that nothing would be left of it.
pub(super) const KIND: Kind = Kind {
    name: "relative_mahalanobis",
    fit: |lesson| {
        if lesson.mode == LabelMode::Multi {
            return None;
        }
        let Geometry { within, total } = lesson.geometry.as_ref()?;
        let (within, total) = (Arc::clone(within), Arc::clone(total));
        Some(Arc::new(RelativeMahalanobis { within, total }))
    },
    read: |tensors, _| {
        let within = Arc::new(Gaussian::read(tensors, WITHIN)?);
        let total = Arc::new(Gaussian::read(tensors, TOTAL)?);
        if within.width() != total.width() {
            return Err("the two distributions are of different widths".to_owned());
        }
        Ok(Arc::new(RelativeMahalanobis { within, total }))
    },
};

const WITHIN: [&str; 3] = ["within.mean", "within.whitener", "within.centres"];
const TOTAL: [&str; 3] = ["total.mean", "total.whitener", "total.centres"];

#[derive(Debug)]
struct RelativeMahalanobis {
    within: Arc<Gaussian>,
    total: Arc<Gaussian>,
}

impl Detector for RelativeMahalanobis {
    fn score(&self, scored: &Scored) -> f64 {
        let unit = unit(&scored.embedding);
        self.within.nearest_square(&unit) - self.total.nearest_square(&unit)
    }

    fn embedding_width(&self) -> Option<usize> {
        Some(self.within.width())
    }

    fn tensors(&self) -> Tensors {
        let mut tensors = self.within.tensors(WITHIN);
        tensors.extend(self.total.tensors(TOTAL));
        tensors
    }
}

//! Inputs unlike anything the model was taught: detectors, their comparison, and the gate that
//! passes strangers on.
//!
//! A detector is one file and one line of [`DETECTORS`]. All are fitted on training examples; the
//! one that best tells apart labelled strangers is kept, or the first one that can be fitted when
//! there are none. The gate's threshold is a quantile of the scores of in-scope examples that no
//! detector was fitted on, so that the share of false alarms is declared, not hoped for.

mod energy;
mod file;
mod gaussian;
mod knn;
mod mahalanobis;
mod max_probability;
mod relative_mahalanobis;

use std::fmt;
use std::sync::Arc;

use freehold_vocabulary::ports::Scored;
use freehold_vocabulary::{LabelMode, Probability};
use serde::{Deserialize, Serialize};

use crate::{Observation, RoutingError};

pub use file::OOD_FILE;
use file::{Tensors, TensorsRead};
use gaussian::Geometry;

/// Says how strange an input is; larger is stranger. Finite for finite input.
pub trait Detector: Send + Sync + fmt::Debug {
    fn score(&self, scored: &Scored) -> f64;
    /// The numbers embedded inputs must have; none if it reads logits alone.
    fn embedding_width(&self) -> Option<usize>;
    /// What was learnt, as named tensors.
    fn tensors(&self) -> Tensors;
}

/// What a detector may learn from: embeddings and logits of in-scope training examples.
#[derive(Debug)]
pub struct Lesson<'a> {
    mode: LabelMode,
    observations: &'a [&'a Observation],
    /// The spread of the embeddings, which two detectors share; none if it cannot be had.
    geometry: Option<Geometry>,
}

impl<'a> Lesson<'a> {
    fn new(mode: LabelMode, observations: &'a [&'a Observation]) -> Self {
        Self { mode, observations, geometry: gaussian::fit(mode, observations) }
    }
}

/// Gets a detector back from its file.
type Reader = fn(&TensorsRead<'_>, LabelMode) -> Result<Arc<dyn Detector>, String>;

/// One way to recognise strangers.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    /// `None` when the lesson does not suffice, such as when there are no embeddings.
    fit: fn(&Lesson<'_>) -> Option<Arc<dyn Detector>>,
    read: Reader,
}

/// Every detector; without labelled strangers the first that can be fitted is kept. The order is
/// that of AUROC on CLINC150's out-of-scope queries with MiniLM embeddings.
pub const DETECTORS: &[Kind] = &[
    relative_mahalanobis::KIND,
    energy::KIND,
    mahalanobis::KIND,
    knn::KIND,
    max_probability::KIND,
];

/// With fewer labelled strangers a comparison would be noise.
pub const STRANGERS_MIN: usize = 20;

/// Passes on what is stranger than almost all in-scope examples.
#[derive(Debug, Clone)]
pub struct OodGate {
    detector: Arc<dyn Detector>,
    pub report: OodReport,
}

/// The story of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OodReport {
    pub detector: String,
    pub mode: LabelMode,
    /// Scores above it are strangers.
    pub threshold: f64,
    /// The expected share of in-scope inputs above the threshold is at most this.
    pub false_alarm_rate: f64,
    /// In-scope examples behind the threshold.
    pub n: u64,
    /// Labelled strangers behind the comparison.
    pub strangers: u64,
    pub candidates: Vec<DetectorReport>,
}

/// One detector's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorReport {
    pub detector: String,
    /// How well it orders strangers above in-scope examples; none without enough strangers.
    pub auroc: Option<f64>,
    /// Share of strangers above the threshold it would have.
    pub caught: Option<f64>,
}

impl OodGate {
    /// Fits every detector on `train`, compares them on in-scope `held_out` examples against
    /// `strangers`, and sets the threshold of the best. Examples without a label in a
    /// single-label task count as strangers wherever they stand.
    ///
    /// With n held-out examples no rate below 1 / (n + 1) can be promised; the report states
    /// what is.
    ///
    /// # Errors
    /// When there are no in-scope training or held-out examples.
    pub fn fit(
        mode: LabelMode,
        train: &[Observation],
        held_out: &[Observation],
        strangers: &[Observation],
        false_alarm_rate: Probability,
    ) -> Result<Self, RoutingError> {
        let in_scope = |it: &&Observation| !it.is_out_of_scope(mode);
        let lesson: Vec<&Observation> = train.iter().filter(in_scope).collect();
        let familiar: Vec<&Observation> = held_out.iter().filter(in_scope).collect();
        let strange = held_out.iter().filter(|it| it.is_out_of_scope(mode));
        let strange: Vec<&Observation> = strange.chain(strangers).collect();
        for (what, found) in [
            ("in-scope training examples for the stranger detector", lesson.len()),
            ("in-scope held-out examples for the stranger detector", familiar.len()),
        ] {
            if found == 0 {
                return Err(RoutingError::TooFew { what, found, needed: 1 });
            }
        }
        let lesson = Lesson::new(mode, &lesson);
        let fitted = DETECTORS.iter().filter_map(|it| Some((it.name, (it.fit)(&lesson)?)));
        let trials: Vec<Trial> = fitted
            .map(|(name, detector)| {
                Trial::new(name, detector, &familiar, &strange, false_alarm_rate)
            })
            .collect();
        Ok(Self::choose(mode, trials, familiar.len(), strange.len()))
    }

    fn choose(mode: LabelMode, trials: Vec<Trial>, n: usize, strangers: usize) -> Self {
        let mut best = 0;
        for challenger in 1..trials.len() {
            // Without an AUROC no challenger is better.
            if trials[challenger].report.auroc > trials[best].report.auroc {
                best = challenger;
            }
        }
        let candidates = trials.iter().map(|it| it.report.clone()).collect();
        let chosen = &trials[best];
        let report = OodReport {
            detector: chosen.report.detector.clone(),
            mode,
            threshold: chosen.threshold,
            false_alarm_rate: chosen.false_alarm_rate,
            n: n as u64,
            strangers: strangers as u64,
            candidates,
        };
        Self { detector: Arc::clone(&chosen.detector), report }
    }

    /// How strange the input is; larger is stranger.
    ///
    /// # Panics
    /// When the model gives embeddings of another width; see [`Self::embedding_width`].
    #[must_use]
    pub fn score(&self, scored: &Scored) -> f64 {
        self.detector.score(scored)
    }

    /// The numbers an embedding must have; none if logits suffice.
    #[must_use]
    pub fn embedding_width(&self) -> Option<usize> {
        self.detector.embedding_width()
    }

    /// Whether such a score is a stranger's.
    #[must_use]
    pub fn is_strange(&self, score: f64) -> bool {
        score.is_nan() || score > self.report.threshold
    }

    /// The gate as the bytes of a safetensors file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(&self.report, &self.detector.tensors())
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or name an unknown detector.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RoutingError> {
        let (report, tensors) = file::read(bytes)?;
        let kind = DETECTORS.iter().find(|it| it.name == report.detector).ok_or_else(|| {
            let reason = format!("detector `{}` is unknown", report.detector);
            RoutingError::malformed(OOD_FILE, reason)
        })?;
        let detector = (kind.read)(&tensors, report.mode)
            .map_err(|reason| RoutingError::malformed(OOD_FILE, reason))?;
        Ok(Self { detector, report })
    }
}

/// A fitted detector with its result.
struct Trial {
    detector: Arc<dyn Detector>,
    threshold: f64,
    false_alarm_rate: f64,
    report: DetectorReport,
}

impl Trial {
    fn new(
        name: &str,
        detector: Arc<dyn Detector>,
        familiar: &[&Observation],
        strange: &[&Observation],
        false_alarm_rate: Probability,
    ) -> Self {
        let score = |it: &&Observation| detector.score(&it.scored);
        let mut of_familiar: Vec<f64> = familiar.iter().map(score).collect();
        let of_strange: Vec<f64> = strange.iter().map(score).collect();
        of_familiar.sort_by(f64::total_cmp);
        // The rank of split conformal prediction: exchangeability alone makes the promise.
        let n = of_familiar.len();
        let wanted = ((n + 1) as f64 * (1.0 - false_alarm_rate.get())).ceil() as usize;
        let rank = wanted.clamp(1, n);
        let threshold = of_familiar[rank - 1];
        let enough = of_strange.len() >= STRANGERS_MIN;
        let caught = of_strange.iter().filter(|it| **it > threshold).count() as f64;
        let report = DetectorReport {
            detector: name.to_owned(),
            auroc: enough.then(|| auroc(&of_strange, &of_familiar)),
            caught: enough.then(|| caught / of_strange.len() as f64),
        };
        let false_alarm_rate = 1.0 - rank as f64 / (n + 1) as f64;
        Self { detector, threshold, false_alarm_rate, report }
    }
}

/// The chance that a random stranger scores above a random familiar (sorted), ties counting half
/// (Mann and Whitney 1947).
fn auroc(of_strange: &[f64], of_familiar: &[f64]) -> f64 {
    let beaten = |it: &f64| {
        let below = of_familiar.partition_point(|x| x < it);
        let not_above = of_familiar.partition_point(|x| x <= it);
        (below + not_above) as f64 / 2.0
    };
    let wins: f64 = of_strange.iter().map(beaten).sum();
    wins / (of_strange.len() * of_familiar.len()) as f64
}

#[cfg(test)]
mod tests;

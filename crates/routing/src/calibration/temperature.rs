//! Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, arXiv 1706.04599): one number for
//! all logits, which changes how sure a model is and never what it says.

use freehold_vocabulary::LabelMode;

use super::loss::{mean_log_loss, minimise};
use super::{Map, Method};
use crate::Observation;

/// For softmax.
pub(super) const SINGLE: Method = Method {
    name: "temperature",
    mode: LabelMode::Single,
    fit: |observations| fit(LabelMode::Single, observations),
};

/// For sigmoids that share one temperature.
pub(super) const MULTI: Method = Method {
    name: "temperature",
    mode: LabelMode::Multi,
    fit: |observations| fit(LabelMode::Multi, observations),
};

/// Temperatures that are considered: a model that is right everywhere would want zero.
const TEMPERATURE_MIN: f64 = 0.02;
const TEMPERATURE_MAX: f64 = 50.0;

/// The loss is convex in the inverse of the temperature, so its logarithm has one minimum.
pub(super) fn fit(mode: LabelMode, observations: &[&Observation]) -> Map {
    let at = |log: f64| Map::Temperature { temperature: log.exp() };
    let loss = |log: f64| mean_log_loss(mode, &at(log), observations);
    at(minimise(TEMPERATURE_MIN.ln(), TEMPERATURE_MAX.ln(), loss))
}

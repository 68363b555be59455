//! Which calibration method: the simplest one that no other beats by more than chance.

use freehold_vocabulary::{LabelMode, Random, Seed};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::loss::{log_loss, mean_log_loss};
use super::{METHODS, Map, Method};
use crate::Observation;

/// The story of a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationReport {
    pub chosen: String,
    /// In-scope examples it was fitted on.
    pub n: u64,
    pub folds: u32,
    /// Log-loss of the logits as they came.
    pub log_loss_before: f64,
    /// Log-loss of the chosen map on the examples it was fitted on.
    pub log_loss_after: f64,
    pub candidates: Vec<CandidateReport>,
}

/// One method's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateReport {
    pub method: String,
    /// Mean over examples, each judged by a map that did not see it.
    pub log_loss_cross_validated: f64,
}

const FOLDS: usize = 5;

pub(super) fn choose(
    mode: LabelMode,
    observations: &[&Observation],
    seed: Seed,
) -> (Map, CalibrationReport) {
    let methods: Vec<&Method> = METHODS.iter().filter(|it| it.mode == mode).collect();
    let mut order: Vec<usize> = (0..observations.len()).collect();
    Random::new(seed.derive("calibration folds")).shuffle(&mut order);
    let losses: Vec<Vec<f64>> =
        methods.iter().map(|method| cross_validate(method, observations, &order)).collect();
    let mut best = 0;
    for challenger in 1..methods.len() {
        if is_clearly_lower(&losses[challenger], &losses[best]) {
            best = challenger;
        }
    }
    let map = (methods[best].fit)(observations);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let report = CalibrationReport {
        chosen: methods[best].name.to_owned(),
        n: observations.len() as u64,
        folds: FOLDS as u32,
        log_loss_before: mean_log_loss(mode, &Map::IDENTITY, observations),
        log_loss_after: mean_log_loss(mode, &map, observations),
        candidates: methods
            .iter()
            .zip(&losses)
            .map(|(method, losses)| CandidateReport {
                method: method.name.to_owned(),
                log_loss_cross_validated: mean(losses),
            })
            .collect(),
    };
    (map, report)
}

/// The loss of each example (in shuffled order) under a map fitted without its fold.
fn cross_validate(method: &Method, observations: &[&Observation], order: &[usize]) -> Vec<f64> {
    let folds: Vec<Vec<f64>> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| {
            let part = |inside: bool| -> Vec<&Observation> {
                let chosen =
                    order.iter().enumerate().filter(|(i, _)| (i % FOLDS == fold) == inside);
                chosen.map(|(_, &index)| observations[index]).collect()
            };
            let map = (method.fit)(&part(false));
            part(true).into_iter().map(|it| log_loss(method.mode, &map, it)).collect()
        })
        .collect();
    folds.into_iter().flatten().collect()
}

/// By more than one standard error of the paired difference.
fn is_clearly_lower(challenger: &[f64], holder: &[f64]) -> bool {
    let n = holder.len() as f64;
    let gains: Vec<f64> = holder.iter().zip(challenger).map(|(a, b)| a - b).collect();
    let mean = gains.iter().sum::<f64>() / n;
    let variance = gains.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0);
    mean > (variance / n).sqrt()
}

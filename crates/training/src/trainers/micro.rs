//! Trains the micro model: one linear support vector machine for each label over TF-IDF n-grams.
//!
//! Seconds instead of minutes, and no base. The cost of a mistake and the scale of the logits are
//! chosen on the validation part; then the weights are fitted once more on training and
//! validation examples together. The calibration and test parts are never seen. Same examples,
//! same seed, same bits, whatever the number of threads.

mod choice;
mod selection;
mod solver;

use std::io::Write as _;
use std::path::Path;

use freehold_models::micro::{FeatureSpec, MicroClassifier, MicroParts};
use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{LabelMode, LabelSet, LabelledText, Seed};
use serde::{Deserialize, Serialize};

use crate::TrainingError;
use choice::Scores;
use selection::Selection;
use solver::{Machines, Problem};

/// How a micro model is trained. The defaults serve every data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MicroSpec {
    pub features: FeatureSpec,
    /// Costs of a mistake (C of the support vector machine) to choose from on the validation
    /// part; the middle one is taken when there is none.
    pub costs: Vec<f32>,
    /// Passes over the examples, unless the optimum is reached before.
    pub epochs_max: u16,
    /// N-grams seen in fewer texts are dropped.
    pub document_frequency_min: u32,
    /// The most frequent n-grams are kept up to this file size.
    pub file_bytes_max: u32,
    pub class_weights: ClassWeights,
}

/// What a mistake on a rare label costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// As much as any other.
    #[default]
    Equal,
    /// More, by how much rarer the label is than the average one.
    Balanced,
}

impl Default for MicroSpec {
    fn default() -> Self {
        Self {
            features: FeatureSpec::default(),
            costs: vec![0.25, 1.0, 4.0],
            epochs_max: 40,
            document_frequency_min: 2,
            file_bytes_max: 8 << 20,
            class_weights: ClassWeights::Equal,
        }
    }
}

/// What was chosen, and what it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MicroReport {
    /// The recipe that can repeat the run.
    pub spec: MicroSpec,
    pub seed: Seed,
    /// Each cost with its log-loss and accuracy on the validation part (exact match of the label
    /// set in multi-label tasks); empty without a validation part.
    pub trials: Vec<MicroTrial>,
    pub cost: f32,
    /// What the margins are multiplied with to become logits.
    pub sharpness: f32,
    /// Passes of the last fit, of the slowest label.
    pub epochs: u16,
    pub feature_count: usize,
}

/// One cost that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MicroTrial {
    pub cost: f32,
    pub sharpness: f32,
    pub log_loss: f64,
    pub accuracy: f64,
}

/// A trained micro model.
#[derive(Debug, Clone, PartialEq)]
pub struct MicroModel {
    pub parts: MicroParts,
    pub report: MicroReport,
}

/// The multiplier when there is no validation part to choose it on: what the validation parts of
/// public data sets lead to, about.
const SHARPNESS_BLIND: f32 = 6.0;

/// Trains a model. In a single-label task an example without a label is out of scope: it is
/// evidence against every label.
///
/// # Errors
/// When the examples or the recipe cannot be used.
pub fn train_micro(
    spec: &MicroSpec,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
    mode: LabelMode,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<MicroModel, TrainingError> {
    check(spec, train, validation, labels, mode)?;
    let fits = if validation.is_empty() { 1 } else { spec.costs.len() as u64 + 1 };
    progress.begin("training the micro model", Some(fits));
    let trials = try_costs(spec, train, validation, labels, mode, seed, progress);
    let best = trials.iter().min_by(|a, b| a.log_loss.total_cmp(&b.log_loss));
    let blind = (spec.costs[spec.costs.len() / 2], SHARPNESS_BLIND);
    let (cost, sharpness) = best.map_or(blind, |it| (it.cost, it.sharpness));

    let all: Vec<&LabelledText> = train.iter().chain(validation).collect();
    let selection = Selection::fit(spec, &all, labels.len());
    let problem = Problem::new(&selection, &all, labels.len(), spec.class_weights);
    let machines = solver::solve(&problem, cost, spec.epochs_max, seed);
    progress.advance(1);
    progress.end();
    let report = MicroReport {
        spec: spec.clone(),
        seed,
        trials,
        cost,
        sharpness,
        epochs: machines.epochs,
        feature_count: selection.hashes.len(),
    };
    Ok(MicroModel { parts: to_parts(spec, selection, &machines, sharpness), report })
}

fn check(
    spec: &MicroSpec,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
    mode: LabelMode,
) -> Result<(), TrainingError> {
    check_spec(spec)?;
    if train.is_empty() {
        return Err(TrainingError::TooFew { what: "training examples", found: 0, needed: 1 });
    }
    for (split, examples) in [("training", train), ("validation", validation)] {
        check_labels(split, examples, labels.len(), mode)?;
    }
    let mut seen = vec![false; labels.len()];
    train.iter().flat_map(|it| &it.labels).for_each(|&label| seen[label as usize] = true);
    match labels.as_slice().iter().zip(seen).find(|(_, seen)| !seen) {
        Some((label, _)) => Err(TrainingError::EmptyClass { label: label.to_string() }),
        None if labels.is_empty() => {
            Err(TrainingError::TooFew { what: "labels", found: 0, needed: 1 })
        }
        None => Ok(()),
    }
}

fn check_spec(spec: &MicroSpec) -> Result<(), TrainingError> {
    let positive = |it: &f32| it.is_finite() && *it > 0.0;
    let (key, value, expected) = if !spec.features.is_valid() {
        ("features", format!("{:?}", spec.features), "n-gram lengths from 1 to 8")
    } else if spec.costs.is_empty() || !spec.costs.iter().all(positive) {
        ("costs", format!("{:?}", spec.costs), "at least one positive number")
    } else if spec.epochs_max == 0 {
        ("epochs_max", "0".to_owned(), "at least one")
    } else {
        return Ok(());
    };
    Err(TrainingError::Spec { key, value, expected })
}

fn check_labels(
    split: &'static str,
    examples: &[LabelledText],
    labels: usize,
    mode: LabelMode,
) -> Result<(), TrainingError> {
    let problem = |example: &LabelledText| {
        let unknown = example.labels.iter().find(|it| **it as usize >= labels);
        let found = example.labels.len();
        match unknown {
            Some(label) => Some(format!("has label number {label} of only {labels} labels")),
            None if mode == LabelMode::Single && found > 1 => Some(format!(
                "has {found} labels in a single-label task; declare the task multi-label or \
                 mend the example"
            )),
            None => None,
        }
    };
    let mut problems = examples.iter().map(problem).enumerate();
    match problems.find_map(|(position, problem)| Some((position, problem?))) {
        Some((position, problem)) => Err(TrainingError::Example { split, position, problem }),
        None => Ok(()),
    }
}

fn try_costs(
    spec: &MicroSpec,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
    mode: LabelMode,
    seed: Seed,
    progress: &dyn Progress,
) -> Vec<MicroTrial> {
    if validation.is_empty() {
        return Vec::new();
    }
    let train: Vec<&LabelledText> = train.iter().collect();
    let selection = Selection::fit(spec, &train, labels.len());
    let problem = Problem::new(&selection, &train, labels.len(), spec.class_weights);
    let mut trials = Vec::with_capacity(spec.costs.len());
    for &cost in &spec.costs {
        let machines = solver::solve(&problem, cost, spec.epochs_max, seed);
        let parts = to_parts(spec, selection.clone(), &machines, 1.0);
        let classifier = MicroClassifier::from_parts(parts, labels.clone(), mode);
        let scores = Scores::new(&classifier, validation);
        let (sharpness, log_loss) = scores.sharpest();
        let accuracy = scores.accuracy();
        progress.advance(1);
        progress.remark(&format!("cost {cost}: validation accuracy {accuracy:.4}"));
        trials.push(MicroTrial { cost, sharpness, log_loss, accuracy });
    }
    trials
}

/// Rounds the weights to 8 bits, each feature with its own scale.
fn to_parts(
    spec: &MicroSpec,
    selection: Selection,
    machines: &Machines,
    sharpness: f32,
) -> MicroParts {
    let classes = machines.bias.len();
    let mut scales = Vec::with_capacity(selection.hashes.len());
    let mut weights = Vec::with_capacity(machines.weights.len());
    for row in machines.weights.chunks_exact(classes) {
        let largest = row.iter().fold(0.0f32, |largest, it| largest.max(it.abs()));
        let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        scales.push(step * sharpness);
        weights.extend(row.iter().map(|it| (it / step).round() as i8));
    }
    MicroParts {
        spec: spec.features,
        hashes: selection.hashes,
        word_rows: selection.word_rows,
        inverse_frequency: selection.inverse_frequency,
        weights,
        scales,
        bias: machines.bias.iter().map(|it| it * sharpness).collect(),
    }
}

impl MicroModel {
    /// Serves the model from memory.
    #[must_use]
    pub fn classifier(&self, labels: LabelSet, mode: LabelMode) -> MicroClassifier {
        MicroClassifier::from_parts(self.parts.clone(), labels, mode)
    }

    /// Writes `micro.json` and `micro.safetensors` into an existing directory; each file is
    /// complete or absent.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), TrainingError> {
        for (name, bytes) in self.parts.to_files() {
            let path = dir.join(name);
            write_whole(dir, &path, &bytes)
                .map_err(|source| TrainingError::unwritable(&path, source))?;
        }
        Ok(())
    }
}

fn write_whole(dir: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;

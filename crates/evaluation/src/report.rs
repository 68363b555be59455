//! The evaluation record: everything that was measured about one version on one sample, with
//! what is needed to repeat it. It is an artifact: written once, named by its digest.

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{
    Digest, Interval, LabelMode, LabelSet, Metric, Probability, Split, TaskName, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, compare};
use crate::confusion::Confusion;
use crate::intervals::Resampling;
use crate::latency::Latency;
use crate::metrics::{METRICS, Measured, MetricEntry, clusters, find};
use crate::per_class::{ClassScores, per_class};
use crate::predictions::StrangenessFrom;
use crate::reliability::{Bin, diagram};
use crate::risk_coverage::{Point, curve};
use crate::slices::{Breakdowns, break_down};
use crate::{EvaluationError, Predictions};

mod check;

/// The format of the record that this version writes and reads.
pub const FORMAT: u32 = 1;

/// What was evaluated, where, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    pub task: TaskName,
    /// What people call the model, such as `small` or `ticket-triage@champion`.
    pub model: String,
    /// The version; none while it is not registered yet.
    pub version: Option<Digest>,
    pub dataset: Digest,
    pub dataset_name: String,
    pub split: Split,
    /// The engine and its version.
    pub engine: String,
    /// Arithmetic of the engine, such as `f32` or `int8`.
    pub precision: String,
    pub at: Timestamp,
}

/// How to evaluate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub resampling: Resampling,
    /// The metric that orders slices and heads the page.
    pub headline: Metric,
    /// A slice column whose values are drawn whole, when items are not independent. It widens
    /// every resampled interval, that of accuracy included; bins, curves, precision and recall
    /// keep Wilson's intervals.
    pub cluster_by: Option<String>,
    pub outputs: Outputs,
}

/// Whether the answer to every item is kept; comparisons need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outputs {
    Keep,
    Drop,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resampling: Resampling::default(),
            headline: Metric::Accuracy,
            cluster_by: None,
            outputs: Outputs::Keep,
        }
    }
}

/// The answer to one item. Labels are positions in the record's label set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub id: Digest,
    pub gold: Vec<u32>,
    pub predicted: Vec<u32>,
    pub confidence: f64,
    /// Which cluster the item was in, when the evaluation had clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<u32>,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub format: u32,
    pub subject: Subject,
    pub settings: Settings,
    pub mode: LabelMode,
    pub labels: LabelSet,
    pub n: u64,
    pub n_out_of_scope: u64,
    /// From which probability a label counts as predicted; none for single-label tasks.
    pub threshold: Option<Probability>,
    /// What the out-of-scope metrics were computed from.
    pub strangeness_from: StrangenessFrom,
    pub metrics: Vec<Measured>,
    pub per_class: Vec<ClassScores>,
    /// None for multi-label tasks.
    pub confusion: Option<Confusion>,
    pub reliability: Vec<Bin>,
    pub risk_coverage: Vec<Point>,
    pub latency: Option<Latency>,
    pub breakdowns: Breakdowns,
    pub comparison: Option<Comparison>,
    pub outputs: Option<Vec<Output>>,
}

/// Measures everything. The same predictions and settings give the same record, whatever the
/// number of threads.
///
/// # Errors
/// When `cluster_by` names a column that no item has, or there are too many slice columns.
pub fn evaluate(
    predictions: &Predictions,
    subject: Subject,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Evaluation, EvaluationError> {
    let cluster_by = settings.cluster_by.as_deref();
    if let Some(column) = cluster_by {
        let known = predictions.items().iter().any(|item| item.slices.contains_key(column));
        if !known {
            let problem = format!("no item has the column `{column}` to cluster by");
            return Err(EvaluationError::Request(problem));
        }
    }
    let resampling = &settings.resampling;
    let latencies: Vec<u64> =
        predictions.items().iter().filter_map(|item| item.latency_us).collect();
    progress.begin("evaluate", Some(METRICS.len() as u64 + 2));
    let metrics = measure_all(predictions, settings, progress);
    let per_class = per_class(predictions, resampling, cluster_by);
    progress.advance(1);
    let breakdowns = break_down(predictions, headline(settings), resampling, cluster_by)?;
    progress.advance(1);
    progress.end();
    Ok(Evaluation {
        format: FORMAT,
        subject,
        settings: settings.clone(),
        mode: predictions.mode(),
        labels: predictions.labels().clone(),
        n: predictions.items().len() as u64,
        n_out_of_scope: predictions.out_of_scope() as u64,
        threshold: predictions.threshold(),
        strangeness_from: predictions.strangeness_from(),
        metrics,
        per_class,
        confusion: Confusion::of(predictions),
        reliability: diagram(predictions, resampling.confidence),
        risk_coverage: curve(predictions, resampling.confidence),
        latency: Latency::of(&latencies, resampling.confidence),
        breakdowns,
        comparison: None,
        outputs: (settings.outputs == Outputs::Keep).then(|| outputs(predictions, cluster_by)),
    })
}

impl Evaluation {
    /// A metric of the whole sample.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Interval> {
        self.metrics.iter().find(|it| it.name == name).map(|it| &it.value)
    }

    /// Adds the paired comparison with a baseline.
    ///
    /// # Errors
    /// When the two cannot be paired.
    pub fn compared_with(mut self, baseline: &Self) -> Result<Self, EvaluationError> {
        self.comparison = Some(compare(&self, baseline, &self.settings.resampling)?);
        Ok(self)
    }

    /// The record as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a record has string keys and finite numbers")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the text is not a record, one of another format, or one that contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, EvaluationError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let broken = |error: serde_json::Error| EvaluationError::Record(error.to_string());
        let Head { format } = serde_json::from_str(text).map_err(broken)?;
        if format != FORMAT {
            let problem = format!("its format is {format}, this version reads {FORMAT}");
            return Err(EvaluationError::Record(problem));
        }
        let record: Self = serde_json::from_str(text).map_err(broken)?;
        match check::problem(&record) {
            Some(problem) => Err(EvaluationError::Record(problem)),
            None => Ok(record),
        }
    }
}

fn headline(settings: &Settings) -> &'static MetricEntry {
    find(settings.headline.as_str()).expect("every metric a bar can name is in the table")
}

fn measure_all(
    predictions: &Predictions,
    settings: &Settings,
    progress: &dyn Progress,
) -> Vec<Measured> {
    let everything: Vec<u32> = (0..predictions.items().len() as u32).collect();
    let cluster_by = settings.cluster_by.as_deref();
    let measured = |metric: &MetricEntry| {
        progress.remark(metric.name);
        let value = metric.measure(predictions, &everything, &settings.resampling, cluster_by);
        progress.advance(1);
        let (name, better) = (metric.name.to_owned(), metric.better);
        value.map(|value| Measured { name, better, value })
    };
    METRICS.iter().filter_map(measured).collect()
}

fn outputs(predictions: &Predictions, cluster_by: Option<&str>) -> Vec<Output> {
    let everything: Vec<u32> = (0..predictions.items().len() as u32).collect();
    let clusters = cluster_by.map(|column| clusters(predictions, &everything, column));
    let output = |(place, item): (usize, &crate::Prediction)| {
        let answer = &predictions.answers()[place];
        Output {
            id: item.id.clone(),
            gold: item.gold.clone(),
            predicted: answer.predicted.clone(),
            confidence: answer.confidence,
            cluster: clusters.as_ref().map(|clusters| clusters[place]),
        }
    };
    predictions.items().iter().enumerate().map(output).collect()
}

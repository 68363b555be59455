//! From a version and a split to an evaluation record in the store.

use anyhow::{Context as _, Result, bail};
use freehold_artifacts::{ArtifactKind, Link, LinkRole, NewArtifact, NewFile};
use freehold_evaluation::intervals::Resampling;
use freehold_evaluation::{Evaluation, Prediction, Predictions, Settings, Subject, evaluate};
use freehold_ledger::EvaluationRow;
use freehold_routing::TierPolicy;
use freehold_vocabulary::ports::Scored;
use freehold_vocabulary::{Digest, Example, LabelMode, LabelSet, Metric, ModelFamily, Seed, Split};
use serde_json::json;

use super::Session;
use super::models::Found;
use super::scoring;
use crate::config::serve::PrecisionConfig;

/// Texts whose latency is measured one by one; enough for a p95.
const LATENCY_TEXTS: usize = 200;

/// The file of an evaluation artifact that holds the record.
pub const REPORT_FILE: &str = "evaluation.json";

/// What is judged, on what, and how.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    pub found: &'a Found,
    /// What people call it.
    pub name: &'a str,
    pub data: &'a Digest,
    pub split: Split,
    pub precision: PrecisionConfig,
    pub seed: u64,
}

impl Session {
    /// Scores the split and measures everything.
    pub fn judge(&self, case: &Case<'_>) -> Result<Evaluation> {
        let dataset = self.dataset(case.data)?;
        let examples = dataset.examples(case.split)?;
        if examples.is_empty() {
            bail!("the {} split of {} has no rows", case.split, case.data.short());
        }
        let classifier = self.classifier(case.found, case.precision)?;
        let stage = format!("scoring {}", case.split);
        let scored = scoring::score_examples(&*classifier, &examples, &self.progress, &stage)?;
        let texts: Vec<&str> =
            examples.iter().take(LATENCY_TEXTS).map(|it| it.text.as_str()).collect();
        let latencies = scoring::single_latencies(&*classifier, &texts)?;
        let policy = self.policy(&case.found.digest)?;
        let version = &case.found.version;
        let items = predictions(
            &version.labels,
            version.mode,
            policy.as_ref(),
            &examples,
            &scored,
            &latencies,
        )?;
        let checked = Predictions::new(version.labels.clone(), version.mode, items)?;
        let settings = Settings {
            resampling: Resampling { seed: Seed(case.seed), ..Resampling::default() },
            ..Settings::default()
        };
        let subject = Subject {
            task: version.task.clone(),
            model: case.name.to_owned(),
            version: Some(case.found.digest.clone()),
            dataset: case.data.clone(),
            dataset_name: dataset.manifest().name.to_string(),
            split: case.split,
            engine: format!("freehold {}", env!("CARGO_PKG_VERSION")),
            precision: match (version.family, case.precision) {
                (ModelFamily::Micro, _) | (_, PrecisionConfig::Int8) => "int8".to_owned(),
                (_, PrecisionConfig::F32) => "f32".to_owned(),
            },
            at: self.now(),
        };
        Ok(evaluate(&checked, subject, &settings, &self.progress)?)
    }

    /// Keeps a record: in the store, and listed for its version. Returns the artifact's digest.
    pub fn keep_evaluation(&self, case: &Case<'_>, evaluation: &Evaluation) -> Result<Digest> {
        let link = |role, digest: &Digest| Link { role, digest: digest.clone() };
        let artifact = NewArtifact {
            kind: ArtifactKind::Evaluation,
            files: vec![
                NewFile::bytes(REPORT_FILE, evaluation.to_json())?,
                NewFile::bytes(
                    "evaluation.html",
                    freehold_evaluation::page::html(evaluation, None),
                )?,
            ],
            links: vec![
                link(LinkRole::Version, &case.found.digest),
                link(LinkRole::Dataset, case.data),
            ],
            about: json!({ "task": evaluation.subject.task, "split": case.split, "n": evaluation.n }),
        };
        let digest = self.store.put(&artifact, &self.progress)?;
        let metric = Metric::Accuracy;
        let headline =
            *evaluation.metric(metric.as_str()).context("every evaluation has an accuracy")?;
        let row = EvaluationRow {
            version: case.found.digest.clone(),
            dataset: case.data.clone(),
            split: case.split,
            report: digest.clone(),
            at: evaluation.subject.at,
            metric,
            headline,
        };
        self.wait(self.ledger.record_evaluation(&row))?;
        Ok(digest)
    }

    /// The newest kept evaluation of a version on that split of that data, or of the version it
    /// was calibrated from: calibration changes no answer, only how sure it is.
    pub fn kept_evaluation(
        &self,
        found: &Found,
        data: &Digest,
        split: Split,
    ) -> Result<Option<(Digest, Evaluation)>> {
        let mut versions = vec![found.digest.clone()];
        versions.extend(found.version.lineage.parent.clone());
        for version in versions {
            let rows = self.wait(self.ledger.evaluations_of(&version))?;
            if let Some(row) =
                rows.into_iter().find(|row| row.dataset == *data && row.split == split)
            {
                let text =
                    self.artifact(&row.report, ArtifactKind::Evaluation)?.read(REPORT_FILE)?;
                let text = String::from_utf8(text).context("an evaluation record is UTF-8")?;
                return Ok(Some((row.report, Evaluation::from_json(&text)?)));
            }
        }
        Ok(None)
    }

    /// The kept evaluation, or one made and kept now.
    pub fn evaluation(&self, case: &Case<'_>) -> Result<(Digest, Evaluation)> {
        if let Some(kept) = self.kept_evaluation(case.found, case.data, case.split)? {
            return Ok(kept);
        }
        let evaluation = self.judge(case)?;
        Ok((self.keep_evaluation(case, &evaluation)?, evaluation))
    }
}

/// What the model said, in the evaluator's words.
fn predictions(
    labels: &LabelSet,
    mode: LabelMode,
    policy: Option<&TierPolicy>,
    examples: &[Example],
    scored: &[Scored],
    latencies: &[u64],
) -> Result<Vec<Prediction>> {
    let mut items = Vec::with_capacity(examples.len());
    for (position, (example, scored)) in examples.iter().zip(scored).enumerate() {
        let judged = policy.map(|policy| policy.judge(scored));
        items.push(Prediction {
            id: example.id.clone(),
            gold: gold(labels, example)?,
            probabilities: judged
                .as_ref()
                .map_or_else(|| plain(mode, &scored.logits), |it| it.probabilities.clone()),
            ood_score: judged.and_then(|it| it.ood_score),
            slices: example.slices.clone(),
            latency_us: latencies.get(position).copied(),
        });
    }
    Ok(items)
}

/// The reference labels as positions. A label that the model was never shown is an error, not a
/// silent miss.
pub fn gold(labels: &LabelSet, example: &Example) -> Result<Vec<u32>> {
    let position = |label: &freehold_vocabulary::Label| {
        labels.index_of(label).with_context(|| {
            format!("{} has the label `{label}`, which the model does not know; train it on this dataset", example.source)
        })
    };
    example.labels.iter().map(position).collect()
}

/// Probabilities without calibration: softmax or sigmoid.
fn plain(mode: LabelMode, logits: &[f32]) -> Vec<f64> {
    match mode {
        LabelMode::Single => {
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f64> = logits.iter().map(|&it| f64::from(it - top).exp()).collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(|it| it / total).collect()
        }
        LabelMode::Multi => logits.iter().map(|&it| 1.0 / (1.0 + (-f64::from(it)).exp())).collect(),
    }
}

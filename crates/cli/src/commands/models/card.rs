//! `freehold models card`: the model card of a version.

use anyhow::Result;
use freehold_artifacts::{CardCertificate, CardFacts, CardMetric, model_card};
use freehold_vocabulary::{Metric, PromiseScope, Split};
use serde_json::json;

use crate::output;
use crate::wiring::Session;
use crate::wiring::models::Found;

pub fn run(session: &Session, reference: &str) -> Result<()> {
    let found = session.version(reference)?;
    let card = card(session, &found)?;
    output::print(session.form, &json!({ "card": card }), |_| card.clone())
}

/// The card with everything that is known about the version now.
pub fn card(session: &Session, found: &Found) -> Result<String> {
    let version = &found.version;
    let data = &version.lineage.dataset;
    let dataset = session.dataset(data)?;
    let mut metrics = Vec::new();
    if let Some((_, evaluation)) = session.kept_evaluation(found, data, Split::Test)? {
        for metric in [Metric::Accuracy, Metric::MacroF1, Metric::MicroF1] {
            if let Some(interval) = evaluation.metric(metric.as_str()) {
                metrics.push(CardMetric { metric, interval: *interval, split: Split::Test });
            }
        }
    }
    let certificate = session.policy(&found.digest)?.and_then(|policy| policy.certificate);
    // A certificate that found nothing to promise is no certificate on a card.
    let certificates = certificate.and_then(|it| {
        Some(CardCertificate {
            tier: it.tier.to_string(),
            answers: match it.terms.promise {
                PromiseScope::Route if !it.after.is_empty() => {
                    "the answers that it and the tiers before it keep".to_owned()
                }
                PromiseScope::Route | PromiseScope::Tier => "the answers it keeps".to_owned(),
            },
            error_at_most: it.terms.error_at_most.get(),
            confidence: it.terms.confidence.get(),
            threshold: it.threshold()?,
            kept: it.finding.kept as f64 / it.finding.n.max(1) as f64,
            n: it.finding.n,
            at: it.calibrated_at,
        })
    });
    let task = session.config.tasks.get(&version.task);
    let facts = CardFacts {
        digest: Some(found.digest.clone()),
        licence: None,
        base: task.map(|it| it.base.clone()).filter(|_| version.lineage.base.is_some()),
        dataset: Some(dataset.manifest().name.to_string()),
        languages: Vec::new(),
        data_class: task.map(|it| it.data_class.to_string()),
        metrics,
        certificates: certificates.into_iter().collect(),
        intended_use: Some(format!("Answers the task `{}` for texts like those it was trained on; what it does not keep goes on to the next tier or to a person.", version.task)),
        limits: vec!["A certificate holds for data like the calibration data; it says nothing about data that has drifted.".to_owned()],
        commands: vec![format!("freehold train {} --data {} --trainer {}", version.task, data.hex(), if version.lineage.base.is_some() { "encoder" } else { "micro" })],
    };
    Ok(model_card(version, &facts))
}

//! Trains the micro model.

use std::path::Path;

use anyhow::{Result, bail};
use freehold_training::trainers::micro::{MicroSpec, train_micro};
use freehold_vocabulary::{ModelFamily, Seed};

use super::{Arguments, Material, Trained, files_of, recipe};
use crate::output::percent;
use crate::wiring::Session;

pub fn train(
    arguments: &Arguments,
    session: &Session,
    material: &Material,
    folder: &Path,
) -> Result<Trained> {
    if arguments.method.is_some() || arguments.base.is_some() || arguments.search.is_some() {
        bail!(
            "--method, --base and --search are for encoders; the micro trainer searches its costs by itself"
        );
    }
    let mut spec: MicroSpec = recipe(arguments)?;
    if let Some(epochs) = arguments.epochs {
        spec.epochs_max = u16::try_from(epochs)?;
    }
    let dataset = &material.dataset;
    let model = train_micro(
        &spec,
        &material.train,
        &material.validation,
        dataset.labels(),
        dataset.mode(),
        Seed(arguments.seed),
        &session.progress,
    )?;
    let out = folder.join("model");
    std::fs::create_dir_all(&out)?;
    model.save(&out)?;
    let report = &model.report;
    let best = report.trials.iter().min_by(|a, b| a.log_loss.total_cmp(&b.log_loss));
    let validated = best.map_or_else(String::new, |trial| {
        format!(
            ", validation accuracy {} (n = {})",
            percent(trial.accuracy),
            material.validation.len()
        )
    });
    let headline = format!(
        "micro model: {} examples, {} labels, {} features{validated}",
        material.train.len(),
        dataset.labels().len(),
        report.feature_count
    );
    // The store copies the files while the run's folder is still there.
    Ok(Trained {
        family: ModelFamily::Micro,
        base: None,
        report: serde_json::to_value(report)?,
        files: files_of(&out)?,
        headline,
    })
}

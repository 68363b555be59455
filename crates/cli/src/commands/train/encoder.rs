//! Fine-tunes an encoder.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context as _, Result};
use freehold_training::trainers::encoder::search::search;
use freehold_training::trainers::encoder::spec::{EncoderSpec, LoraSpec, Method as SpecMethod};
use freehold_training::trainers::encoder::{TrainedEncoder, TrainingEvent, train_encoder};
use freehold_vocabulary::ports::Progress as _;
use freehold_vocabulary::{LabelMode, ModelFamily, Seed};
use serde_json::json;

use super::{Arguments, Material, Method, Trained, files_of, recipe};
use crate::output::percent;
use crate::wiring::Session;

pub fn train(
    arguments: &Arguments,
    session: &Session,
    material: &Material,
    folder: &Path,
) -> Result<Trained> {
    let task = session.config.task(&arguments.task)?;
    let reference = arguments.base.as_deref().unwrap_or(&task.base);
    let base = freehold_artifacts::fetch_base(&session.store, reference, &session.progress)
        .with_context(|| format!("the base `{reference}`"))?;
    let base_folder = session.store.materialise(&base)?;
    let spec = spec(arguments, task.labels)?;
    let threads = NonZeroUsize::new(session.config.compute.threads())
        .context("there is at least one thread")?;
    let labels = material.dataset.labels();
    let (train, validation) = (&material.train, &material.validation);
    let (model, trials) = match arguments.search {
        Some(tries) => {
            let tries =
                NonZeroUsize::new(tries as usize).context("--search needs at least one try")?;
            let mut heard = |trial: usize, event: TrainingEvent| tell(session, Some(trial), &event);
            let found = search(
                &spec,
                tries,
                &base_folder,
                train,
                validation,
                labels,
                folder,
                threads,
                &mut heard,
            )?;
            let trials: Vec<_> = found
                .trials
                .iter()
                .map(|it| json!({ "recipe": it.spec, "score": it.score }))
                .collect();
            (found.model, trials)
        }
        None => {
            let mut heard = |event: TrainingEvent| tell(session, None, &event);
            (
                train_encoder(
                    &spec,
                    &base_folder,
                    train,
                    validation,
                    labels,
                    folder,
                    threads,
                    &mut heard,
                )?,
                Vec::new(),
            )
        }
    };
    session.progress.end();
    let out = folder.join("model");
    if matches!(model.spec.method, SpecMethod::Lora(_)) && !arguments.merged {
        model.write_adapter(&out, reference)?;
    } else {
        model.write_merged(&out)?;
    }
    let report = json!({
        "recipe": model.spec, "history": model.history, "best": model.best, "best_epoch": model.best_epoch, "trials": trials,
    });
    Ok(Trained {
        family: ModelFamily::Encoder,
        base: Some(base),
        report,
        files: files_of(&out)?,
        headline: headline(&model, material),
    })
}

fn spec(arguments: &Arguments, mode: LabelMode) -> Result<EncoderSpec> {
    let mut spec: EncoderSpec = recipe(arguments)?;
    spec.label_mode = mode;
    spec.seed = Seed(arguments.seed);
    if let Some(epochs) = arguments.epochs {
        spec.epochs = epochs;
    }
    match arguments.method {
        Some(Method::Full) => spec.method = SpecMethod::Full,
        Some(Method::HeadOnly) => spec.method = SpecMethod::HeadOnly,
        Some(Method::Lora) if !matches!(spec.method, SpecMethod::Lora(_)) => {
            spec.method = SpecMethod::Lora(LoraSpec::default())
        }
        Some(Method::Lora) | None => {}
    }
    Ok(spec)
}

/// Turns what the trainer reports into a bar with a remark.
fn tell(session: &Session, trial: Option<usize>, event: &TrainingEvent) {
    let bar = &session.progress;
    match event {
        TrainingEvent::Prepared { steps, .. } => {
            let stage = trial.map_or_else(
                || "fine-tuning".to_owned(),
                |trial| format!("fine-tuning, try {}", trial + 1),
            );
            bar.begin(&stage, Some(*steps));
        }
        TrainingEvent::HeadStarted { validation: Some(score) } => {
            bar.note(&format!("frozen base: validation {}", percent(score.quality)));
        }
        TrainingEvent::Resumed { step } => bar.advance(*step),
        TrainingEvent::Stepped { .. } => bar.advance(1),
        TrainingEvent::EpochEnded { record, .. } => {
            let validated = record.validation.map_or_else(String::new, |score| {
                format!(", validation {}", percent(score.quality))
            });
            bar.note(&format!(
                "epoch {}: loss {:.3}{validated}",
                record.epoch, record.training_loss
            ));
        }
        TrainingEvent::StoppedEarly { epoch, best_epoch } => {
            bar.note(&format!("stopped after epoch {epoch}, best was {best_epoch}"));
        }
        TrainingEvent::HeadStarted { validation: None }
        | TrainingEvent::CheckpointWritten { .. } => {}
    }
}

fn headline(model: &TrainedEncoder, material: &Material) -> String {
    let validated = model.best.map_or_else(String::new, |score| {
        format!(
            ", validation {} (n = {}) after epoch {}",
            percent(score.quality),
            material.validation.len(),
            model.best_epoch
        )
    });
    format!(
        "encoder: {} examples, {} labels{validated}",
        material.train.len(),
        material.dataset.labels().len()
    )
}

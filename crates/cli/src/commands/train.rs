//! `freehold train`: examples become a candidate model version.

mod encoder;
mod micro;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use freehold_artifacts::{ArtifactKind, Link, LinkRole, NewArtifact, NewFile};
use freehold_curation::Dataset;
use freehold_ledger::{RunId, RunKind};
use freehold_vocabulary::{
    AliasName, Digest, LabelledText, Lineage, ModelFamily, ModelVersion, Split, TaskName, Timestamp,
};
use serde_json::json;

use crate::output;
use crate::wiring::Session;
use crate::wiring::models::candidate_alias;

/// Fine-tune a model for a task and register it as a candidate.
///
/// The test and calibration splits are never read. A run that was killed continues with
/// --resume RUN and ends with the same weights.
#[derive(Debug, Args)]
pub struct Arguments {
    task: TaskName,
    /// `micro`: hashed n-grams, seconds, no base. `encoder`: a fine-tuned transformer, minutes.
    #[arg(long, value_enum)]
    trainer: Trainer,
    /// The dataset, if it is not called like the task.
    #[arg(long)]
    data: Option<String>,
    /// The base of an encoder, if not the task's.
    #[arg(long)]
    base: Option<String>,
    /// How much of an encoder is trained.
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// A TOML file with the whole recipe; the other options override it.
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Store LoRA weights merged into the base, as `transformers` loads them, not as an adapter.
    #[arg(long)]
    merged: bool,
    #[arg(long)]
    epochs: Option<u32>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Try that many recipes on the validation split and keep the best.
    #[arg(long, value_name = "TRIES")]
    search: Option<u32>,
    /// Continue a run that was interrupted.
    #[arg(long, value_name = "RUN")]
    resume: Option<RunId>,
    /// Also fit on splits that nothing else needs, such as `validation` after the recipe is chosen.
    #[arg(long = "also-fit", value_name = "SPLIT", value_parser = parse_extra)]
    also_fit: Vec<Split>,
    /// The alias to move; by default candidate-micro or candidate-encoder.
    #[arg(long = "as")]
    alias: Option<AliasName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trainer {
    Micro,
    Encoder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// All weights but the word embeddings.
    Full,
    /// Low-rank adapters (Hu et al. 2021).
    Lora,
    /// Only the classification head.
    HeadOnly,
}

fn parse_extra(text: &str) -> Result<Split, String> {
    match Split::parse(text) {
        Some(Split::Calibration) => Ok(Split::Calibration),
        _ => Err(format!(
            "`{text}` cannot be fitted on: only `calibration` can be given up, and then no certificate can be made"
        )),
    }
}

/// What a trainer hands back.
struct Trained {
    family: ModelFamily,
    base: Option<Digest>,
    /// Recipe, curve, counts: all that is needed to repeat the run.
    report: serde_json::Value,
    files: Vec<NewFile>,
    /// One sentence.
    headline: String,
}

/// What a trainer works on.
struct Material {
    dataset: Dataset,
    digest: Digest,
    train: Vec<LabelledText>,
    validation: Vec<LabelledText>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let task = session.config.task(&arguments.task)?;
    let material = material(arguments, session)?;
    if material.dataset.mode() != task.labels {
        bail!(
            "the task wants {:?}-label data, but {} was imported as {:?}; set `labels` in [tasks.{}] and import again",
            task.labels,
            material.digest.short(),
            material.dataset.mode(),
            arguments.task
        );
    }
    let started = session.now();
    let id = match &arguments.resume {
        Some(id) => id.clone(),
        None => session.new_run_id(RunKind::Train, &material.digest)?,
    };
    session.start_run(&id, RunKind::Train, &arguments.task)?;
    let folder = session.work_folder().join("runs").join(id.as_str());
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let trained = match arguments.trainer {
        Trainer::Micro => micro::train(arguments, session, &material, &folder),
        Trainer::Encoder => encoder::train(arguments, session, &material, &folder),
    };
    let outcome = trained.and_then(|trained| {
        let (version, record) = register(arguments, session, &material, &id, started, &trained)?;
        Ok((trained, version, record))
    });
    let (trained, version, record) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return session.finish(&id, Err(error)),
    };
    session.finish_run(&id, true, Some(record.clone()), Some(trained.headline.clone()))?;
    // Everything worth keeping is in the store now.
    std::fs::remove_dir_all(&folder)
        .with_context(|| format!("{} cannot be removed", folder.display()))?;
    let alias = alias(arguments, trained.family);
    let shown = json!({ "version": version, "run": record, "alias": format!("{}@{alias}", arguments.task), "report": trained.report });
    output::print(session.form, &shown, |_| {
        format!(
            "{}\nregistered {} as {}@{alias}",
            trained.headline,
            version.short(),
            arguments.task
        )
    })?;
    output::next(session.form, &format!("freehold evaluate {}@{alias}", arguments.task));
    Ok(())
}

fn alias(arguments: &Arguments, family: ModelFamily) -> AliasName {
    arguments.alias.clone().unwrap_or_else(|| candidate_alias(family))
}

fn material(arguments: &Arguments, session: &Session) -> Result<Material> {
    let reference = arguments.data.as_deref().unwrap_or(arguments.task.as_str());
    let digest = session.dataset_digest(reference)?;
    let dataset = session.dataset(&digest)?;
    let mut train = dataset.labelled_texts(Split::Train)?;
    for split in &arguments.also_fit {
        train.extend(dataset.labelled_texts(*split)?);
    }
    let validation = dataset.labelled_texts(Split::Validation)?;
    Ok(Material { dataset, digest, train, validation })
}

/// Stores the run record and the version; returns both digests, the version's first.
fn register(
    arguments: &Arguments,
    session: &Session,
    material: &Material,
    id: &RunId,
    started: Timestamp,
    trained: &Trained,
) -> Result<(Digest, Digest)> {
    let link = |role, digest: &Digest| Link { role, digest: digest.clone() };
    let mut links = vec![link(LinkRole::Dataset, &material.digest)];
    links.extend(trained.base.as_ref().map(|base| link(LinkRole::Base, base)));
    let record = json!({
        "run": id, "task": arguments.task, "dataset": material.digest, "base": trained.base, "seed": arguments.seed,
        "also_fit": arguments.also_fit, "freehold": env!("CARGO_PKG_VERSION"), "started_at": started,
        "finished_at": session.now(), "report": trained.report,
    });
    let run = session.store.put(
        &NewArtifact {
            kind: ArtifactKind::Run,
            files: vec![NewFile::bytes("run.json", serde_json::to_vec_pretty(&record)?)?],
            links,
            about: json!({ "task": arguments.task, "run": id }),
        },
        &session.progress,
    )?;
    let version = ModelVersion {
        task: arguments.task.clone(),
        family: trained.family,
        mode: material.dataset.mode(),
        labels: material.dataset.labels().clone(),
        created_at: started,
        lineage: Lineage {
            base: trained.base.clone(),
            dataset: material.digest.clone(),
            run: run.clone(),
            evaluation: None,
            parent: None,
        },
    };
    let alias = alias(arguments, trained.family);
    let digest =
        session.register(&version, &trained.files, &alias, &format!("trained by run {id}"))?;
    Ok((digest, run))
}

/// Every file below a folder, under its relative name.
fn files_of(folder: &std::path::Path) -> Result<Vec<NewFile>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        let entries = std::fs::read_dir(&inner)
            .with_context(|| format!("{} cannot be read", inner.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            files.push(NewFile::path(&name, path)?);
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The recipe from --recipe, or the default.
fn recipe<T: serde::de::DeserializeOwned + Default>(arguments: &Arguments) -> Result<T> {
    match &arguments.recipe {
        None => Ok(T::default()),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            toml::from_str(&text).with_context(|| format!("in {}", path.display()))
        }
    }
}

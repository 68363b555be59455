//! Model versions: from a reference to a loaded model, and from files to a registered version.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use freehold_artifacts::model_pack::ModelFacts;
use freehold_artifacts::{ArtifactKind, NewFile};
use freehold_ledger::{AliasRequest, Expected, VersionRow};
use freehold_models::micro::MicroClassifier;
use freehold_models::{EncoderClassifier, EncoderOptions, Precision};
use freehold_routing::TierPolicy;
use freehold_routing::cascade::{CALIBRATION_FILE, CERTIFICATE_FILE};
use freehold_routing::ood::OOD_FILE;
use freehold_vocabulary::ports::Classifier;
use freehold_vocabulary::{AliasName, Digest, ModelFamily, ModelVersion, TaskName};

use super::Session;
use crate::config::serve::PrecisionConfig;

/// A version that was found by its reference.
#[derive(Debug, Clone)]
pub struct Found {
    pub digest: Digest,
    pub version: ModelVersion,
}

impl Session {
    /// `TASK@ALIAS` or the beginning of a digest.
    pub fn version(&self, reference: &str) -> Result<Found> {
        let digest = match reference.split_once('@') {
            Some((task, alias)) => self.alias_target(&TaskName::parse(task)?, &AliasName::parse(alias)?)?,
            None => self.store.resolve(reference).with_context(|| {
                format!("there is no model version `{reference}`; `freehold models list` shows what there is")
            })?,
        };
        let artifact = self.artifact(&digest, ArtifactKind::ModelVersion)?;
        let version = artifact.version().cloned().context("a model version has a description")?;
        Ok(Found { digest, version })
    }

    fn alias_target(&self, task: &TaskName, alias: &AliasName) -> Result<Digest> {
        let current = self.wait(self.ledger.current_alias(task, alias))?;
        current.and_then(|it| it.to).with_context(|| {
            format!("{task}@{alias} points at nothing; `freehold models list` shows versions and aliases")
        })
    }

    /// Loads a version, every file checked against its digest.
    pub fn classifier(
        &self,
        found: &Found,
        precision: PrecisionConfig,
    ) -> Result<Arc<dyn Classifier>> {
        let folder = self.store.materialise(&found.digest)?;
        let (labels, mode) = (found.version.labels.clone(), found.version.mode);
        Ok(match found.version.family {
            ModelFamily::Micro => Arc::new(MicroClassifier::open(&folder, labels, mode)?),
            ModelFamily::Encoder => {
                let base = found.version.lineage.base.as_ref().context("an encoder has a base")?;
                let base = self.store.materialise(base)?;
                Arc::new(EncoderClassifier::open(
                    &folder,
                    Some(&base),
                    labels,
                    mode,
                    options(precision),
                )?)
            }
        })
    }

    /// The folder of a version if it is an adapter, whose base can be shared.
    pub fn adapter_folder(&self, found: &Found) -> Result<Option<std::path::PathBuf>> {
        let folder = self.store.materialise(&found.digest)?;
        Ok(folder.join("adapter_config.json").is_file().then_some(folder))
    }

    /// The calibration and certificate of a version, if it has been calibrated.
    pub fn policy(&self, digest: &Digest) -> Result<Option<TierPolicy>> {
        let artifact = self.artifact(digest, ArtifactKind::ModelVersion)?;
        if !artifact.has(CALIBRATION_FILE) {
            return Ok(None);
        }
        let mut files = Vec::new();
        for name in [CALIBRATION_FILE, CERTIFICATE_FILE, OOD_FILE] {
            if artifact.has(name) {
                files.push((name.to_owned(), artifact.read(name)?));
            }
        }
        Ok(Some(TierPolicy::from_files(&files)?))
    }

    /// Stores a version, lists it, and lets an alias point at it.
    pub fn register(
        &self,
        version: &ModelVersion,
        files: &[NewFile],
        alias: &AliasName,
        why: &str,
    ) -> Result<Digest> {
        let facts = ModelFacts {
            architecture: Some(match version.family {
                ModelFamily::Micro => "hashed-ngram-linear".to_owned(),
                ModelFamily::Encoder => "transformer-encoder".to_owned(),
            }),
            ..ModelFacts::default()
        };
        let digest = self.store.put_version(version, &facts, files, &self.progress)?;
        let row = VersionRow {
            digest: digest.clone(),
            task: version.task.clone(),
            family: version.family,
            created_at: version.created_at,
        };
        self.wait(self.ledger.add_version(&row))?;
        self.point(&version.task, alias, &digest, why)?;
        Ok(digest)
    }

    fn point(&self, task: &TaskName, alias: &AliasName, to: &Digest, why: &str) -> Result<()> {
        let request = AliasRequest {
            task: task.clone(),
            alias: alias.clone(),
            to: Some(to.clone()),
            expected: Expected::Anything,
            at: self.now(),
            by: "local".to_owned(),
            why: why.to_owned(),
            gate: serde_json::Value::Null,
        };
        self.wait(self.ledger.move_alias(&request))?;
        Ok(())
    }
}

/// How encoders are loaded.
pub fn options(precision: PrecisionConfig) -> EncoderOptions {
    let precision = match precision {
        PrecisionConfig::F32 => Precision::F32,
        PrecisionConfig::Int8 => Precision::Int8,
    };
    EncoderOptions { precision, ..EncoderOptions::default() }
}

/// The alias of the newest version of a family that has not been promoted.
pub fn candidate_alias(family: ModelFamily) -> AliasName {
    let name = match family {
        ModelFamily::Micro => "candidate-micro",
        ModelFamily::Encoder => "candidate-encoder",
    };
    AliasName::parse(name).expect("the constant is a name")
}

/// Refuses a version of another task.
pub fn same_task(found: &Found, task: &TaskName) -> Result<()> {
    if found.version.task != *task {
        bail!("{} is a version of {}, not of {task}", found.digest.short(), found.version.task);
    }
    Ok(())
}

/// The policy as it holds behind the tiers before it.
///
/// A certificate is about what the certified tiers before it pass on. Behind other tiers it says
/// nothing, so it lapses: the tier then keeps nothing until the cascade is calibrated anew.
pub fn in_its_place(policy: TierPolicy, before: &mut Vec<Digest>) -> (TierPolicy, Place) {
    let Some(certificate) = policy.certificate.clone() else { return (policy, Place::Right) };
    let place = if certificate.after == *before { Place::Right } else { Place::Wrong };
    before.push(certificate.id);
    match place {
        Place::Right => (policy, place),
        Place::Wrong => (TierPolicy { certificate: None, ..policy }, place),
    }
}

/// Whether a certificate stands behind the tiers that it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Right,
    Wrong,
}

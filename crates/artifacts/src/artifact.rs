//! One artifact: what goes in, and what comes out.

use std::path::PathBuf;

use freehold_vocabulary::{Digest, Lineage, ModelVersion};
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::media_type::FILE_PATH;
use crate::model_pack::VERSION_FILE;
use crate::{ArtifactError, ArtifactKind, FileName, FileRole, NewFile, Store, StoredFile};

/// Why one artifact points at another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkRole {
    /// The pre-trained weights that were used.
    Base,
    /// The data that was used.
    Dataset,
    /// The report that backs it.
    Evaluation,
    /// The artifact of the same kind that it was made from.
    Parent,
    /// The run that made it.
    Run,
    /// The model version that is judged.
    Version,
}

impl LinkRole {
    /// The word used in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Dataset => "dataset",
            Self::Evaluation => "evaluation",
            Self::Parent => "parent",
            Self::Run => "run",
            Self::Version => "version",
        }
    }
}

/// One edge of the lineage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    pub role: LinkRole,
    pub digest: Digest,
}

impl Link {
    /// The edges of a model version.
    #[must_use]
    pub fn of_version(lineage: &Lineage) -> Vec<Self> {
        let link = |role| move |digest: &Digest| Self { role, digest: digest.clone() };
        let optional = [
            lineage.base.as_ref().map(link(LinkRole::Base)),
            lineage.evaluation.as_ref().map(link(LinkRole::Evaluation)),
            lineage.parent.as_ref().map(link(LinkRole::Parent)),
        ];
        let always = [link(LinkRole::Dataset)(&lineage.dataset), link(LinkRole::Run)(&lineage.run)];
        always.into_iter().chain(optional.into_iter().flatten()).collect()
    }
}

/// An artifact that is to be stored; model versions have [`Store::put_version`].
#[derive(Debug, Clone)]
pub struct NewArtifact {
    pub kind: ArtifactKind,
    pub files: Vec<NewFile>,
    pub links: Vec<Link>,
    /// What is worth knowing without opening a file: counts, names. Part of the digest, so it
    /// must not hold what differs between two makings of the same thing.
    pub about: serde_json::Value,
}

/// The config blob of every kind but model versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlainConfig {
    pub links: Vec<Link>,
    pub about: serde_json::Value,
}

/// A stored artifact whose manifest and config have been read and checked; its files are checked
/// when they are read.
#[derive(Debug, Clone)]
pub struct Artifact {
    store: Store,
    digest: Digest,
    kind: ArtifactKind,
    files: Vec<StoredFile>,
    links: Vec<Link>,
    about: serde_json::Value,
    version: Option<ModelVersion>,
}

impl Artifact {
    pub(crate) fn load(store: &Store, digest: &Digest) -> Result<Self, ArtifactError> {
        let (manifest, kind) = store.manifest(digest)?;
        let files = files(&manifest, digest)?;
        let mut artifact = Self {
            store: store.clone(),
            digest: digest.clone(),
            kind,
            files,
            links: Vec::new(),
            about: serde_json::Value::Null,
            version: None,
        };
        let name = format!("config of {kind} {}", digest.short());
        let config = store.document(&manifest.config, &name)?;
        if kind == ArtifactKind::ModelVersion {
            artifact.about = parse(&name, &config)?;
            let version: ModelVersion = parse(VERSION_FILE, &artifact.read(VERSION_FILE)?)?;
            artifact.links = Link::of_version(&version.lineage);
            artifact.version = Some(version);
        } else {
            let PlainConfig { links, about } = parse(&name, &config)?;
            (artifact.links, artifact.about) = (links, about);
        }
        Ok(artifact)
    }

    /// Its name.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> ArtifactKind {
        self.kind
    }

    /// Its files, in the order of their names.
    #[must_use]
    pub fn files(&self) -> &[StoredFile] {
        &self.files
    }

    /// What it points at.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What was said about it when it was stored; of a model version, its ModelPack config.
    #[must_use]
    pub fn about(&self) -> &serde_json::Value {
        &self.about
    }

    /// The description of a model version; None for every other kind.
    #[must_use]
    pub fn version(&self) -> Option<&ModelVersion> {
        self.version.as_ref()
    }

    /// The whole content of a file, checked against its digest.
    ///
    /// # Errors
    /// `NotFound` when the artifact has no such file, `Damaged` when its bytes are not the ones
    /// that were stored.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ArtifactError> {
        let file = self.file(name)?;
        self.store.read_blob(&file.digest, file.bytes, file.name.as_str())
    }

    /// Where a file lies, after checking its whole content against its digest. The path does not
    /// carry the file's name; loaders that go by names want [`Store::materialise`].
    ///
    /// # Errors
    /// As [`Artifact::read`].
    pub fn path(&self, name: &str) -> Result<PathBuf, ArtifactError> {
        let file = self.file(name)?;
        self.store.checked_blob(&file.digest, file.bytes, file.name.as_str())
    }

    /// Whether a file of that name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name.as_str() == name)
    }

    fn file(&self, name: &str) -> Result<&StoredFile, ArtifactError> {
        self.files.iter().find(|file| file.name.as_str() == name).ok_or_else(|| {
            ArtifactError::NotFound {
                what: format!("file `{name}` in {} {}", self.kind, self.digest.short()),
            }
        })
    }
}

/// The files of a manifest, in the order of their names.
fn files(manifest: &Manifest, digest: &Digest) -> Result<Vec<StoredFile>, ArtifactError> {
    let damaged = |why: &str| ArtifactError::damaged(format!("manifest {}", digest.short()), why);
    let mut files = Vec::with_capacity(manifest.layers.len());
    for layer in &manifest.layers {
        let name = layer.annotations.get(FILE_PATH);
        let name = name.ok_or_else(|| damaged("a layer has no file path"))?;
        let role = FileRole::of_media_type(&layer.media_type);
        files.push(StoredFile {
            name: FileName::parse(name).map_err(|error| damaged(&error.to_string()))?,
            role: role.ok_or_else(|| damaged("a layer has an unknown media type"))?,
            digest: layer.digest.clone(),
            bytes: layer.size,
        });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if files.windows(2).any(|pair| pair[0].name == pair[1].name) {
        return Err(damaged("a file path occurs twice"));
    }
    Ok(files)
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ArtifactError> {
    serde_json::from_slice(bytes).map_err(|error| ArtifactError::damaged(name, error))
}

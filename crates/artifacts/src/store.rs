//! The store: a folder with an OCI image layout.
//!
//! Blobs are written first, then the manifest, then the index: whoever reads the index finds
//! everything behind it, whenever a writer dies. Many processes may write at once.

mod blobs;
mod export;
pub mod garbage;
mod index;
pub mod repair;

use std::path::{Path, PathBuf};

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Digest, ModelVersion};

use crate::artifact::PlainConfig;
use crate::disk::{Bench, Workshop};
use crate::file::{Content, FileRole};
use crate::manifest::{Descriptor, Manifest, canonical};
use crate::media_type::FILE_PATH;
use crate::model_pack::{ModelFacts, ModelPackConfig, VERSION_FILE};
use crate::{Artifact, ArtifactError, ArtifactKind, FileName, NewArtifact, NewFile};

/// Most files of one artifact.
const FILES_MAX: usize = 10_000;
/// Shortest beginning of a digest that names an artifact.
const PREFIX_MIN: usize = 6;

/// A folder of artifacts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    workshop: Workshop,
}

/// One line of the table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub digest: Digest,
    pub kind: ArtifactKind,
}

impl Store {
    /// Opens a store, makes it where there is none, and removes what killed writers left behind.
    ///
    /// # Errors
    /// `Unsupported` for a layout of another version, `Damaged` when marker or index cannot be
    /// read, `NoSpace` or `Io` when the disk does not play along.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        let store = Self { root: root.to_owned(), workshop: Workshop::in_store(root) };
        std::fs::create_dir_all(store.blob_folder())
            .map_err(ArtifactError::at(&store.blob_folder()))?;
        store.workshop.open()?;
        store.make_layout()?;
        store.read_index()?;
        Ok(store)
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Stores an artifact and returns its name. Storing the same again changes nothing, except
    /// that damaged files are made whole.
    ///
    /// # Errors
    /// `Invalid` for a model version (see [`Store::put_version`]), for names that occur twice, and
    /// for too many files.
    pub fn put(&self, new: &NewArtifact, progress: &dyn Progress) -> Result<Digest, ArtifactError> {
        if new.kind == ArtifactKind::ModelVersion {
            let why = "a model version is stored with its description";
            return Err(ArtifactError::invalid("the artifact", why));
        }
        let _writing = self.bench()?;
        let layers = self.put_files(&new.files, progress)?;
        let mut links = new.links.clone();
        links.sort();
        links.dedup();
        let config = canonical(&PlainConfig { links, about: new.about.clone() });
        self.put_manifest(new.kind, &config, layers)
    }

    /// Stores a model version: its description, and its files beside it.
    ///
    /// # Errors
    /// `Invalid` for names that occur twice or are taken by the description.
    pub fn put_version(
        &self,
        version: &ModelVersion,
        facts: &ModelFacts,
        files: &[NewFile],
        progress: &dyn Progress,
    ) -> Result<Digest, ArtifactError> {
        let mut files = files.to_vec();
        files.push(NewFile {
            name: FileName::parse(VERSION_FILE)?,
            role: FileRole::Config,
            content: Content::Bytes(canonical(version)),
        });
        let _writing = self.bench()?;
        let layers = self.put_files(&files, progress)?;
        let digests = layers.iter().map(|layer| layer.digest.clone()).collect();
        let config = canonical(&ModelPackConfig::new(version, facts, digests));
        self.put_manifest(ArtifactKind::ModelVersion, &config, layers)
    }

    /// Reads an artifact; its files are checked when they are read.
    ///
    /// # Errors
    /// `NotFound` for an unknown name, `Damaged` when manifest, config or description are not what
    /// was stored.
    pub fn get(&self, digest: &Digest) -> Result<Artifact, ArtifactError> {
        Artifact::load(self, digest)
    }

    /// Every artifact of a kind, in the order in which they were stored.
    ///
    /// # Errors
    /// `Damaged` when the index cannot be read.
    pub fn list(&self, kind: ArtifactKind) -> Result<Vec<Listed>, ArtifactError> {
        Ok(self.listed()?.into_iter().filter(|listed| listed.kind == kind).collect())
    }

    /// Whether an artifact of that name is stored.
    ///
    /// # Errors
    /// `Damaged` when the index cannot be read.
    pub fn contains(&self, digest: &Digest) -> Result<bool, ArtifactError> {
        Ok(self.listed()?.iter().any(|listed| listed.digest == *digest))
    }

    /// The artifact whose digest begins like this, with or without `sha256:`.
    ///
    /// # Errors
    /// `Invalid` for fewer than six characters or when several fit, `NotFound` when none does.
    pub fn resolve(&self, beginning: &str) -> Result<Digest, ArtifactError> {
        let hex = beginning.strip_prefix("sha256:").unwrap_or(beginning);
        let what = || format!("the digest `{beginning}`");
        if hex.len() < PREFIX_MIN || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            let why = format!("give at least {PREFIX_MIN} of its hexadecimal characters");
            return Err(ArtifactError::invalid(what(), why));
        }
        let mut found: Vec<Digest> = self.listed()?.into_iter().map(|it| it.digest).collect();
        found.retain(|digest| digest.hex().starts_with(hex));
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(ArtifactError::NotFound {
                what: format!("artifact `{beginning}` in the store"),
            }),
            many => {
                let why = format!("{} artifacts begin like that; give more of it", many.len());
                Err(ArtifactError::invalid(what(), why))
            }
        }
    }

    /// Room for temporaries on the same file system.
    pub(crate) fn bench(&self) -> Result<Bench, ArtifactError> {
        self.workshop.bench()
    }

    fn put_files(
        &self,
        files: &[NewFile],
        progress: &dyn Progress,
    ) -> Result<Vec<Descriptor>, ArtifactError> {
        let mut sorted: Vec<&NewFile> = files.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].name == pair[1].name) {
            let what = format!("file `{}`", pair[0].name);
            return Err(ArtifactError::invalid(what, "it is given twice"));
        }
        if files.is_empty() || files.len() > FILES_MAX {
            let why = format!("it has {} files; from 1 to {FILES_MAX} are kept", files.len());
            return Err(ArtifactError::invalid("the artifact", why));
        }
        sorted.into_iter().map(|file| self.put_file(file, progress)).collect()
    }

    fn put_file(
        &self,
        file: &NewFile,
        progress: &dyn Progress,
    ) -> Result<Descriptor, ArtifactError> {
        let (digest, size) = match &file.content {
            Content::Bytes(bytes) => self.put_blob(bytes, progress)?,
            Content::File(path) => self.put_blob_from(path, progress)?,
        };
        let mut layer = Descriptor::plain(file.role.media_type(), digest, size);
        layer.annotations.insert(FILE_PATH.to_owned(), file.name.to_string());
        Ok(layer)
    }

    fn put_manifest(
        &self,
        kind: ArtifactKind,
        config: &[u8],
        layers: Vec<Descriptor>,
    ) -> Result<Digest, ArtifactError> {
        let silent = &freehold_vocabulary::ports::Silent;
        let (digest, size) = self.put_blob(config, silent)?;
        let config = Descriptor::plain(kind.config_type(), digest, size);
        let manifest = canonical(&Manifest::new(kind, config, layers));
        let (digest, size) = self.put_blob(&manifest, silent)?;
        self.add_to_index(kind, &digest, size)?;
        Ok(digest)
    }
}

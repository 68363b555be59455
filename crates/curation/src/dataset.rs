//! Immutable dataset versions: one Parquet file and one manifest, named by digest.
//!
//! A version is a directory `sha256 of the manifest` with `manifest.json` and
//! `examples.parquet`; the manifest names the digest of the Parquet file, so that the digest of
//! the version covers every byte. Opening verifies both. Nothing here changes a version.

use std::fs::File;
use std::path::{Path, PathBuf};

use freehold_vocabulary::ports::{Progress, Silent};
use freehold_vocabulary::{Digest, Example, Label, LabelMode, LabelSet, LabelledText, Split};

use crate::error::CurationError;

pub mod append;
pub mod diff;
pub mod export;
pub mod manifest;
pub mod resplit;
mod rows;
pub mod summary;
pub mod version;

use manifest::DatasetManifest;
pub use rows::Examples;

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The file name of the examples.
pub const EXAMPLES_FILE: &str = "examples.parquet";
/// Manifests are read whole; a larger one is not ours.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A verified dataset version.
#[derive(Debug, Clone)]
pub struct Dataset {
    digest: Digest,
    manifest: DatasetManifest,
    dir: PathBuf,
}

impl Dataset {
    /// Opens the version in `dir` and verifies every byte of it.
    ///
    /// # Errors
    /// When the directory is no version, or damaged.
    pub fn open(dir: &Path) -> Result<Self, CurationError> {
        Self::open_with_progress(dir, &Silent)
    }

    /// As [`Dataset::open`], reporting bytes verified.
    ///
    /// # Errors
    /// When the directory is no version, or damaged.
    pub fn open_with_progress(dir: &Path, progress: &dyn Progress) -> Result<Self, CurationError> {
        let (manifest, digest) = read_manifest(dir)?;
        let path = dir.join(EXAMPLES_FILE);
        let found = digest_of_file(&path, progress)?;
        if found != manifest.examples.digest {
            return Err(CurationError::Damaged { path, expected: manifest.examples.digest, found });
        }
        Ok(Self { digest, manifest, dir: dir.to_owned() })
    }

    /// As [`Dataset::open`], and refuses any version but the one with this digest.
    ///
    /// # Errors
    /// When the directory is no version, damaged, or another version.
    pub fn open_verified(dir: &Path, expected: &Digest) -> Result<Self, CurationError> {
        let dataset = Self::open(dir)?;
        if dataset.digest == *expected {
            return Ok(dataset);
        }
        let path = dir.join(MANIFEST_FILE);
        Err(CurationError::Damaged { path, expected: expected.clone(), found: dataset.digest })
    }

    /// The name of the version: the digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What the version says about itself.
    #[must_use]
    pub fn manifest(&self) -> &DatasetManifest {
        &self.manifest
    }

    /// Where the version lies.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every label, in canonical order.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.manifest.labels
    }

    /// One label or several.
    #[must_use]
    pub fn mode(&self) -> LabelMode {
        self.manifest.mode
    }

    /// Rows in a split.
    #[must_use]
    pub fn rows(&self, split: Split) -> u64 {
        self.manifest.counts.per_split.get(&split).copied().unwrap_or(0)
    }

    /// All examples in the order of the file, streaming.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn iter(&self) -> Result<Examples, CurationError> {
        Examples::open(&self.dir.join(EXAMPLES_FILE), &self.manifest.slices)
    }

    /// The examples of a split, in the order of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn examples(&self, split: Split) -> Result<Vec<Example>, CurationError> {
        let of_split = |it: &Result<Example, _>| it.as_ref().map_or(true, |it| it.split == split);
        self.iter()?.filter(of_split).collect()
    }

    /// The texts of a split with label indices: what trainers and judges take. Rows out of
    /// scope have no labels.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn labelled_texts(&self, split: Split) -> Result<Vec<LabelledText>, CurationError> {
        let index = |label: &Label| {
            self.manifest.labels.index_of(label).ok_or_else(|| CurationError::NotADataset {
                path: self.dir.clone(),
                reason: format!("an example has the label `{label}`, which the manifest lacks"),
            })
        };
        let examples = self.examples(split)?.into_iter().map(|example| {
            let labels = example.labels.iter().map(index).collect::<Result<_, _>>()?;
            Ok(LabelledText { text: example.text, labels })
        });
        examples.collect()
    }
}

fn read_manifest(dir: &Path) -> Result<(DatasetManifest, Digest), CurationError> {
    let path = dir.join(MANIFEST_FILE);
    let not_ours = |reason: String| CurationError::NotADataset { path: dir.to_owned(), reason };
    let bytes = match std::fs::metadata(&path) {
        Ok(it) if it.len() > MANIFEST_BYTES_MAX => {
            return Err(not_ours("its manifest is too large".to_owned()));
        }
        Ok(_) => std::fs::read(&path).map_err(CurationError::read(&path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(not_ours(format!("it holds no `{MANIFEST_FILE}`")));
        }
        Err(error) => return Err(CurationError::read(&path)(error)),
    };
    let manifest = DatasetManifest::parse(&bytes).map_err(not_ours)?;
    Ok((manifest, Digest::of(&bytes)))
}

fn digest_of_file(path: &Path, progress: &dyn Progress) -> Result<Digest, CurationError> {
    use std::io::Read;
    let mut file = File::open(path).map_err(CurationError::read(path))?;
    let total = file.metadata().map_err(CurationError::read(path))?.len();
    progress.begin("verifying", Some(total));
    let mut builder = freehold_vocabulary::DigestBuilder::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(CurationError::read(path))?;
        if read == 0 {
            progress.end();
            return Ok(builder.finish());
        }
        builder.update(&buffer[..read]);
        progress.advance(read as u64);
    }
}

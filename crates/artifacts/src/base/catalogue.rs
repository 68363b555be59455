//! Known bases, pinned by the SHA-256 of every file.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_vocabulary::Digest;
use serde::Deserialize;

use super::reference::BaseReference;
use crate::{ArtifactError, FileName, disk};

/// The bases that have a name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

/// One pinned base.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    pub name: String,
    pub about: String,
    /// The model on the Hugging Face hub, for model cards.
    pub published_as: String,
    pub source: BaseReference,
    /// SPDX expression.
    pub licence: String,
    pub architecture: String,
    /// How many parameters, as people write it.
    pub parameters: String,
    /// The name of the artifact that the files make.
    pub digest: Digest,
    pub files: BTreeMap<FileName, Digest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    bases: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    about: String,
    published_as: String,
    source: String,
    licence: String,
    architecture: String,
    parameters: String,
    digest: Digest,
    files: BTreeMap<FileName, Digest>,
}

impl Catalogue {
    /// The catalogue that this release ships.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(include_str!("../../catalogue.toml")).expect("the tests read this very text")
    }

    /// Reads a catalogue file.
    ///
    /// # Errors
    /// `Invalid` with what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, ArtifactError> {
        let document: Document = toml::from_str(text)
            .map_err(|error| ArtifactError::invalid("the catalogue of bases", error))?;
        let entry = |(name, entry): (String, Entry)| {
            let source = BaseReference::parse(&entry.source)?;
            let Entry { about, published_as, licence, architecture, parameters, .. } = entry;
            let (digest, files) = (entry.digest, entry.files);
            Ok(CatalogueEntry {
                name,
                about,
                published_as,
                source,
                licence,
                architecture,
                parameters,
                digest,
                files,
            })
        };
        let entries = document.bases.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Every entry, in the order of the names.
    #[must_use]
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The entry of that name.
    ///
    /// # Errors
    /// `Invalid` with the names that there are.
    pub fn find(&self, name: &str) -> Result<&CatalogueEntry, ArtifactError> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
            let why = format!(
                "the catalogue knows {}; another base is given as `file:DIR`, `hf:org/name` or `pip:NAME`",
                names.join(", ")
            );
            ArtifactError::invalid(format!("base `{name}`"), why)
        })
    }

    /// The entry that a digest belongs to, for model cards.
    #[must_use]
    pub fn of_digest(&self, digest: &Digest) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.digest == *digest)
    }
}

impl CatalogueEntry {
    /// Compares every pinned file with what a source delivered.
    pub(super) fn check(
        &self,
        folder: &Path,
        delivered: &[FileName],
        from: &str,
    ) -> Result<(), ArtifactError> {
        for (name, expected) in &self.files {
            if !delivered.contains(name) {
                let why = format!("`{name}` is missing, which the catalogue pins");
                return Err(ArtifactError::refused(format!("base `{from}`"), why));
            }
            let (found, _) = disk::hash_file(&folder.join(name.as_str()))?;
            if found != *expected {
                return Err(ArtifactError::WrongDigest {
                    file: name.to_string(),
                    from: from.to_owned(),
                    expected: expected.clone(),
                    found,
                });
            }
        }
        Ok(())
    }
}

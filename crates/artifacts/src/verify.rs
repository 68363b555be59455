//! Is everything still what it was? A report, blob by blob.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use freehold_vocabulary::Digest;
use serde::Serialize;

use crate::disk;
use crate::manifest::{DOCUMENT_BYTES_MAX, Descriptor, Index, Manifest, canonical};
use crate::media_type::FILE_PATH;
use crate::{Artifact, ArtifactError, ArtifactKind, Store};

/// Properties that an index may have beside those that are read here.
const INDEX_PROPERTIES: &[&str] = &["annotations", "artifactType", "subject"];

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Every blob that was looked at, each once, and every entry of the index that is wrong.
    pub blobs: Vec<BlobReport>,
}

/// What was found about one blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlobReport {
    /// What people call it: a file of an artifact, a manifest, an entry of the index.
    pub name: String,
    pub digest: Digest,
    /// What it should have; None when nothing says so.
    pub bytes: Option<u64>,
    pub state: BlobState,
}

/// What became of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BlobState {
    Intact,
    Missing,
    /// Shorter than it was, as after a crash of another program or a full disk.
    Truncated {
        found: u64,
    },
    /// Longer than it was.
    WrongSize {
        found: u64,
    },
    WrongDigest {
        found: Digest,
    },
    /// It is whole, and does not say what the one that points at it says, or makes no sense.
    Inconsistent {
        why: String,
    },
    /// Nothing points at it: left by a killed writer, harmless.
    Unreferenced,
}

impl VerifyReport {
    /// Everything that is wrong; unreferenced blobs are not.
    pub fn faults(&self) -> impl Iterator<Item = &BlobReport> {
        let harmless =
            |state: &BlobState| matches!(state, BlobState::Intact | BlobState::Unreferenced);
        self.blobs.iter().filter(move |blob| !harmless(&blob.state))
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.faults().next().is_none()
    }
}

impl Store {
    /// Checks one artifact: its entry in the index, manifest, config and every file.
    ///
    /// # Errors
    /// `NotFound` when the index does not list it, `Damaged` when the index cannot be read. Damage
    /// to the artifact itself is a finding, not an error.
    pub fn verify(&self, digest: &Digest) -> Result<VerifyReport, ArtifactError> {
        let index = self.read_index()?;
        let entry = index.manifests.into_iter().find(|entry| entry.digest == *digest);
        let entry = entry.ok_or_else(|| ArtifactError::NotFound {
            what: format!("artifact {digest} in the store"),
        })?;
        let mut inspection = Inspection::of(self);
        inspection.entry(&entry)?;
        Ok(inspection.report())
    }

    /// Checks every artifact, and looks for blobs that nothing points at.
    ///
    /// # Errors
    /// `Damaged` when the index cannot be read, `Io` when the folder cannot.
    pub fn verify_all(&self) -> Result<VerifyReport, ArtifactError> {
        let mut inspection = Inspection::of(self);
        let index = self.read_index()?;
        for entry in &index.manifests {
            inspection.entry(entry)?;
        }
        inspection.index(&index);
        inspection.unreferenced()?;
        Ok(inspection.report())
    }
}

/// One walk over the store.
struct Inspection<'a> {
    store: &'a Store,
    seen: BTreeMap<(Digest, String), BlobReport>,
    /// Digest and length of what lies under a name; None where nothing does. Versions share most
    /// of their blobs, and each is read once.
    found: BTreeMap<Digest, Option<(Digest, u64)>>,
}

impl<'a> Inspection<'a> {
    fn of(store: &'a Store) -> Self {
        Self { store, seen: BTreeMap::new(), found: BTreeMap::new() }
    }

    fn report(self) -> VerifyReport {
        VerifyReport { blobs: self.seen.into_values().collect() }
    }

    fn note(&mut self, name: String, digest: &Digest, bytes: Option<u64>, state: BlobState) {
        let key = (digest.clone(), name.clone());
        self.seen.insert(key, BlobReport { name, digest: digest.clone(), bytes, state });
    }

    /// A property of the index that no specification knows is the sign of a flipped byte.
    fn index(&mut self, index: &Index) {
        for name in index.others.keys().filter(|name| !INDEX_PROPERTIES.contains(&name.as_str())) {
            let why = format!("its property `{name}` is not known");
            let state = BlobState::Inconsistent { why };
            self.note("index.json".to_owned(), &Digest::of(canonical(index)), None, state);
        }
    }

    fn entry(&mut self, entry: &Descriptor) -> Result<(), ArtifactError> {
        let name = format!("manifest {}", entry.digest.short());
        if !self.blob(entry, name.clone())? {
            return Ok(());
        }
        let path = self.store.blob_path(&entry.digest);
        let bytes = disk::read_small(&path, DOCUMENT_BYTES_MAX)?.unwrap_or_default();
        let inconsistent = |inspection: &mut Self, name, why: String| {
            let state = BlobState::Inconsistent { why };
            inspection.note(name, &entry.digest, Some(entry.size), state);
        };
        let (manifest, kind) = match Manifest::parse(&name, &bytes) {
            Ok(parsed) => parsed,
            Err(error) => {
                inconsistent(self, name, error.to_string());
                return Ok(());
            }
        };
        if *entry != Index::entry(kind, entry.digest.clone(), entry.size) {
            let name = format!("index entry of {}", entry.digest.short());
            inconsistent(self, name, "it differs from what the manifest says".to_owned());
        }
        let mut whole = true;
        for blob in manifest.blobs() {
            whole &= self.blob(blob, name_of(blob, kind, &entry.digest))?;
        }
        if whole && let Err(error) = Artifact::load(self.store, &entry.digest) {
            inconsistent(self, name, error.to_string());
        }
        Ok(())
    }

    /// Checks length and digest; returns whether the blob is intact.
    fn blob(&mut self, blob: &Descriptor, name: String) -> Result<bool, ArtifactError> {
        let state = match self.look_at(&blob.digest)? {
            None => BlobState::Missing,
            Some((_, found)) if found < blob.size => BlobState::Truncated { found },
            Some((_, found)) if found > blob.size => BlobState::WrongSize { found },
            Some((found, _)) if found != blob.digest => BlobState::WrongDigest { found },
            Some(_) => BlobState::Intact,
        };
        let intact = state == BlobState::Intact;
        self.note(name, &blob.digest, Some(blob.size), state);
        Ok(intact)
    }

    fn look_at(&mut self, digest: &Digest) -> Result<Option<(Digest, u64)>, ArtifactError> {
        if let Some(known) = self.found.get(digest) {
            return Ok(known.clone());
        }
        let path = self.store.blob_path(digest);
        let found = if path.exists() { Some(disk::hash_file(&path)?) } else { None };
        self.found.insert(digest.clone(), found.clone());
        Ok(found)
    }

    fn unreferenced(&mut self) -> Result<(), ArtifactError> {
        let known: BTreeSet<Digest> = self.seen.keys().map(|(digest, _)| digest.clone()).collect();
        let folder = self.store.blob_folder();
        for entry in fs::read_dir(&folder).map_err(ArtifactError::at(&folder))? {
            let file_name = entry.map_err(ArtifactError::at(&folder))?.file_name();
            let Ok(digest) = Digest::parse(&file_name.to_string_lossy()) else { continue };
            if !known.contains(&digest) {
                let name = format!("blob {}", digest.short());
                self.note(name, &digest, None, BlobState::Unreferenced);
            }
        }
        Ok(())
    }
}

fn name_of(blob: &Descriptor, kind: ArtifactKind, artifact: &Digest) -> String {
    match blob.annotations.get(FILE_PATH) {
        Some(file) => format!("file `{file}` of {kind} {}", artifact.short()),
        None => format!("config of {kind} {}", artifact.short()),
    }
}

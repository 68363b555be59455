//! The marker `oci-layout` and the table of contents `index.json`.

use std::path::PathBuf;

use freehold_vocabulary::Digest;

use crate::disk;
use crate::manifest::{INDEX_BYTES_MAX, Index, LayoutMarker, canonical};
use crate::media_type::OCI_INDEX;
use crate::{ArtifactError, ArtifactKind, Listed, Store};

/// Largest marker that is read, in bytes.
const MARKER_BYTES_MAX: u64 = 4096;
/// What to do about a damaged index.
const REBUILT: &str = "`freehold models verify --repair` rebuilds it from the blobs";
const LOST: &str = "it is missing; `freehold models verify --repair` rebuilds it from the blobs";

impl Store {
    pub(super) fn index_path(&self) -> PathBuf {
        self.root.join("index.json")
    }

    /// Writes marker and empty index where they are missing, and checks the marker.
    pub(super) fn make_layout(&self) -> Result<(), ArtifactError> {
        let marker_path = self.root.join("oci-layout");
        if !(marker_path.exists() && self.index_path().exists()) {
            let _alone = self.lock_index()?;
            let bench = self.workshop.bench()?;
            if !self.index_path().exists() {
                // A lost index over blobs that are there is damage, not an empty store.
                if !marker_path.exists() {
                    bench.replace(&self.index_path(), &canonical(&Index::empty()))?;
                } else {
                    return Err(ArtifactError::damaged("index.json", LOST));
                }
            }
            if !marker_path.exists() {
                let version = LayoutMarker::VERSION.to_owned();
                let marker = LayoutMarker { image_layout_version: version };
                bench.replace(&marker_path, &canonical(&marker))?;
            }
        }
        let bytes = disk::read_small(&marker_path, MARKER_BYTES_MAX)?
            .ok_or_else(|| ArtifactError::damaged("oci-layout", "it is missing"))?;
        let marker: LayoutMarker = serde_json::from_slice(&bytes)
            .map_err(|error| ArtifactError::damaged("oci-layout", error))?;
        if marker.image_layout_version == LayoutMarker::VERSION {
            return Ok(());
        }
        let why = format!(
            "it has image layout version {}, this release knows {}",
            marker.image_layout_version,
            LayoutMarker::VERSION
        );
        Err(ArtifactError::Unsupported { path: self.root.clone(), why })
    }

    pub(crate) fn read_index(&self) -> Result<Index, ArtifactError> {
        let bytes = disk::read_small(&self.index_path(), INDEX_BYTES_MAX)?
            .ok_or_else(|| ArtifactError::damaged("index.json", LOST))?;
        let index: Index = serde_json::from_slice(&bytes)
            .map_err(|error| ArtifactError::damaged("index.json", format!("{error}; {REBUILT}")))?;
        let known_type = index.media_type.as_deref().is_none_or(|it| it == OCI_INDEX);
        if index.schema_version == 2 && known_type {
            Ok(index)
        } else {
            let why = format!("it is not an OCI image index; {REBUILT}");
            Err(ArtifactError::damaged("index.json", why))
        }
    }

    /// The artifacts of the index that are ours; other tools may keep theirs beside them.
    pub(crate) fn listed(&self) -> Result<Vec<Listed>, ArtifactError> {
        let manifests = self.read_index()?.manifests;
        let ours = manifests.into_iter().filter_map(|entry| {
            let kind = ArtifactKind::of_artifact_type(entry.artifact_type.as_deref()?)?;
            Some(Listed { digest: entry.digest, kind })
        });
        Ok(ours.collect())
    }

    pub(super) fn add_to_index(
        &self,
        kind: ArtifactKind,
        digest: &Digest,
        size: u64,
    ) -> Result<(), ArtifactError> {
        let entry = Index::entry(kind, digest.clone(), size);
        let _alone = self.lock_index()?;
        let mut index = self.read_index()?;
        if index.manifests.contains(&entry) {
            return Ok(());
        }
        // An entry of that digest that says something else has decayed.
        index.manifests.retain(|other| other.digest != *digest);
        index.manifests.push(entry);
        self.workshop.bench()?.replace(&self.index_path(), &canonical(&index))
    }

    /// Ends with the value, and with the process.
    pub(super) fn lock_index(&self) -> Result<std::fs::File, ArtifactError> {
        let path = self.root.join(".lock");
        let file = disk::lock_file(&path)?;
        file.lock().map_err(ArtifactError::at(&path))?;
        Ok(file)
    }
}

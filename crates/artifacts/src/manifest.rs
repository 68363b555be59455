//! The JSON of the OCI image specification 1.1: descriptors, manifests, the index, the marker.
//!
//! Written compactly and with sorted annotations, so that the same content always has the same
//! bytes and therefore the same digest. Properties that other tools add are kept, as the specification
//! asks.

use std::collections::BTreeMap;

use freehold_vocabulary::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::media_type::{OCI_INDEX, OCI_MANIFEST, REF_NAME};
use crate::{ArtifactError, ArtifactKind};

/// Largest manifest or config that is read, in bytes.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 8 << 20;
/// Largest index that is read, in bytes: some two hundred thousand artifacts.
pub(crate) const INDEX_BYTES_MAX: u64 = 64 << 20;

/// Points at a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What other tools wrote and must find again.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

impl Descriptor {
    /// A pointer of a blob without further properties.
    pub(crate) fn plain(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            annotations: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }
}

/// One artifact: a config and layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub schema_version: u32,
    pub media_type: String,
    pub artifact_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

impl Manifest {
    pub(crate) fn new(kind: ArtifactKind, config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: OCI_MANIFEST.to_owned(),
            artifact_type: kind.artifact_type().to_owned(),
            config,
            layers,
        }
    }

    /// Reads a manifest of ours; `name` is what messages call it.
    pub(crate) fn parse(name: &str, bytes: &[u8]) -> Result<(Self, ArtifactKind), ArtifactError> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| ArtifactError::damaged(name, error))?;
        let kind = ArtifactKind::of_artifact_type(&manifest.artifact_type);
        match kind {
            Some(kind) if manifest.media_type == OCI_MANIFEST => Ok((manifest, kind)),
            _ => {
                let why = format!("its artifact type `{}` is not known", manifest.artifact_type);
                Err(ArtifactError::damaged(name, why))
            }
        }
    }

    /// Everything that the manifest points at.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

/// The table of contents of a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    pub manifests: Vec<Descriptor>,
    /// What other tools wrote and must find again.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

impl Index {
    pub(crate) fn empty() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(OCI_INDEX.to_owned()),
            manifests: Vec::new(),
            others: BTreeMap::new(),
        }
    }

    /// The entry of an artifact: a pure function of the manifest, so that damage to it shows.
    pub(crate) fn entry(kind: ArtifactKind, digest: Digest, size: u64) -> Descriptor {
        let name = format!("{kind}-{}", digest.short());
        let mut entry = Descriptor::plain(OCI_MANIFEST, digest, size);
        entry.artifact_type = Some(kind.artifact_type().to_owned());
        entry.annotations.insert(REF_NAME.to_owned(), name);
        entry
    }
}

/// The file `oci-layout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LayoutMarker {
    pub image_layout_version: String,
}

impl LayoutMarker {
    pub(crate) const VERSION: &str = "1.0.0";
}

/// The canonical bytes of a document.
pub(crate) fn canonical(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents have string keys and no odd numbers")
}

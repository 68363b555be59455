//! A new table of contents from the blobs, when the old one is lost or damaged.
//!
//! Every manifest is a blob that names its kind and everything that it points at, so the index says
//! nothing that the blobs do not. It is replaced with one rename: a repair that dies changes nothing
//! and can be begun again. Blobs are neither written nor removed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use freehold_vocabulary::Digest;
use serde::Serialize;

use crate::disk::{self, Workshop};
use crate::manifest::{
    DOCUMENT_BYTES_MAX, Descriptor, INDEX_BYTES_MAX, Index, Manifest, canonical,
};
use crate::{ArtifactError, ArtifactKind, Store};

/// What a repair found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Artifacts that the index lists now.
    pub listed: usize,
    /// Those that it did not list, or not rightly, before.
    pub added: Vec<Digest>,
    /// Entries that led to no readable manifest and are listed no more.
    pub dropped: Vec<Digest>,
    /// Manifests that are not listed because something they point at is missing or cut short.
    pub incomplete: Vec<Digest>,
    /// Where the index lies that was replaced, if there was one.
    pub set_aside: Option<PathBuf>,
}

/// A manifest among the blobs.
struct Found {
    kind: ArtifactKind,
    size: u64,
    written: SystemTime,
    complete: bool,
}

impl Store {
    /// Makes the index of the store in `root` say what its blobs say. Entries of other tools are
    /// kept as they are. Changes nothing when nothing is wrong.
    ///
    /// # Errors
    /// `NotFound` when there are no blobs, `NoSpace` or `Io` when the disk does not play along.
    pub fn repair(root: &Path) -> Result<Repaired, ArtifactError> {
        let store = Self { root: root.to_owned(), workshop: Workshop::in_store(root) };
        if !store.blob_folder().is_dir() {
            let what = format!("artifact store with blobs in `{}`", root.display());
            return Err(ArtifactError::NotFound { what });
        }
        store.workshop.open()?;
        let alone = store.lock_index()?;
        let old = store.read_index();
        let found = store.manifests()?;
        let mut repaired = Repaired::default();
        let index = rebuilt(old.as_ref().ok(), &found, &mut repaired);
        repaired.listed = index.manifests.len();
        if !old.is_ok_and(|old| old == index) {
            repaired.set_aside = store.set_index_aside()?;
            store.workshop.bench()?.replace(&store.index_path(), &canonical(&index))?;
        }
        // Looking at the marker takes the same lock.
        drop(alone);
        store.make_layout()?;
        Ok(repaired)
    }

    /// Every intact manifest of ours among the blobs.
    fn manifests(&self) -> Result<BTreeMap<Digest, Found>, ArtifactError> {
        let mut found = BTreeMap::new();
        for (digest, size) in self.blobs()? {
            let path = self.blob_path(&digest);
            if size > DOCUMENT_BYTES_MAX {
                continue;
            }
            let Some(bytes) = disk::read_small(&path, DOCUMENT_BYTES_MAX)? else { continue };
            let Ok((manifest, kind)) = Manifest::parse("", &bytes) else { continue };
            if Digest::of(&bytes) != digest {
                continue;
            }
            let there = |blob: &Descriptor| {
                fs::metadata(self.blob_path(&blob.digest)).is_ok_and(|it| it.len() == blob.size)
            };
            let complete = manifest.blobs().all(there);
            let written = fs::metadata(&path).and_then(|it| it.modified());
            let written = written.map_err(ArtifactError::at(&path))?;
            found.insert(digest, Found { kind, size, written, complete });
        }
        Ok(found)
    }

    /// Keeps a copy of the index that is about to be replaced; the same bytes are kept once.
    fn set_index_aside(&self) -> Result<Option<PathBuf>, ArtifactError> {
        let Some(bytes) = disk::read_small(&self.index_path(), INDEX_BYTES_MAX)? else {
            return Ok(None);
        };
        let name = format!("index.replaced-{}.json", Digest::of(&bytes).short());
        let path = self.root.join(name);
        self.workshop.bench()?.replace(&path, &bytes)?;
        Ok(Some(path))
    }
}

/// The old order as far as it is known; after it the rest, in the order in which it was stored.
fn rebuilt(old: Option<&Index>, found: &BTreeMap<Digest, Found>, repaired: &mut Repaired) -> Index {
    let mut index = Index::empty();
    if let Some(old) = old {
        index.others.clone_from(&old.others);
    }
    let right = |digest: &Digest, it: &Found| Index::entry(it.kind, digest.clone(), it.size);
    for entry in old.into_iter().flat_map(|it| &it.manifests) {
        match found.get(&entry.digest) {
            _ if index.manifests.iter().any(|it| it.digest == entry.digest) => {}
            Some(it) => {
                let right = right(&entry.digest, it);
                if right != *entry {
                    repaired.added.push(entry.digest.clone());
                }
                index.manifests.push(right);
            }
            None if is_ours(entry) => repaired.dropped.push(entry.digest.clone()),
            None => index.manifests.push(entry.clone()),
        }
    }
    let listed =
        |index: &Index, digest: &Digest| index.manifests.iter().any(|it| it.digest == *digest);
    let mut rest: Vec<(&Digest, &Found)> =
        found.iter().filter(|(digest, _)| !listed(&index, digest)).collect();
    rest.sort_by_key(|(digest, it)| (it.written, (*digest).clone()));
    for (digest, it) in rest {
        if it.complete {
            repaired.added.push(digest.clone());
            index.manifests.push(right(digest, it));
        } else {
            repaired.incomplete.push(digest.clone());
        }
    }
    index
}

/// Whether the entry says that it is; one of another tool has another type or none.
fn is_ours(entry: &Descriptor) -> bool {
    entry.artifact_type.as_deref().and_then(ArtifactKind::of_artifact_type).is_some()
}

//! Blobs that nothing reaches, left behind by killed writers, and how to be rid of them.
//!
//! What is reached is found by reading: every document that is reached, and every digest that any
//! string in it names, is reached too. That is more than strictly needed and never less: manifests,
//! configs, lineage and reports of whatever kind protect what they mention. Nothing that the index
//! lists is ever garbage.

use std::collections::BTreeSet;
use std::fs;

use freehold_vocabulary::Digest;
use serde::Serialize;
use serde_json::Value;

use crate::disk;
use crate::manifest::DOCUMENT_BYTES_MAX;
use crate::{ArtifactError, Store};

/// What nothing reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Garbage {
    pub blobs: Vec<GarbageBlob>,
    /// Of all of them.
    pub bytes: u64,
    /// Blobs that something reaches.
    pub kept: usize,
}

/// One blob that nothing reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GarbageBlob {
    pub digest: Digest,
    pub bytes: u64,
}

impl Store {
    /// What nothing reaches: neither the index nor `roots`, the digests that others remember, nor
    /// anything behind them. What is being written at this moment can look like garbage.
    ///
    /// # Errors
    /// `Damaged` when something that is reached cannot be read: then nobody knows what is behind it.
    pub fn garbage(&self, roots: &[Digest]) -> Result<Garbage, ArtifactError> {
        let reached = self.reached(roots)?;
        let mut garbage = Garbage::default();
        for (digest, bytes) in self.blobs()? {
            if reached.contains(&digest) {
                garbage.kept += 1;
            } else {
                garbage.bytes += bytes;
                garbage.blobs.push(GarbageBlob { digest, bytes });
            }
        }
        Ok(garbage)
    }

    /// Removes it. Waits for no one: a store that is being written refuses. Dying on the way leaves
    /// less garbage and nothing else.
    ///
    /// # Errors
    /// As [`Store::garbage`], and `Busy` while somebody writes.
    pub fn collect(&self, roots: &[Digest]) -> Result<Garbage, ArtifactError> {
        // Whoever stores an artifact holds this from its first blob to its entry in the index.
        let _alone = self.workshop.alone()?;
        let garbage = self.garbage(roots)?;
        for blob in &garbage.blobs {
            let path = self.blob_path(&blob.digest);
            // A folder for loaders is a second name of the same bytes.
            self.forget_folder(&blob.digest)?;
            fs::remove_file(&path).map_err(ArtifactError::at(&path))?;
        }
        if !garbage.blobs.is_empty() {
            disk::sync_folder(&self.blob_folder())?;
        }
        Ok(garbage)
    }

    /// Digest and length of everything that lies among the blobs under a digest's name.
    pub(super) fn blobs(&self) -> Result<Vec<(Digest, u64)>, ArtifactError> {
        let folder = self.blob_folder();
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&folder).map_err(ArtifactError::at(&folder))? {
            let entry = entry.map_err(ArtifactError::at(&folder))?;
            let Ok(digest) = Digest::parse(&entry.file_name().to_string_lossy()) else { continue };
            let metadata = entry.metadata().map_err(ArtifactError::at(&folder))?;
            if metadata.is_file() {
                blobs.push((digest, metadata.len()));
            }
        }
        blobs.sort();
        Ok(blobs)
    }

    fn reached(&self, roots: &[Digest]) -> Result<BTreeSet<Digest>, ArtifactError> {
        let listed: Vec<Digest> =
            self.read_index()?.manifests.into_iter().map(|entry| entry.digest).collect();
        for digest in &listed {
            // What is listed must be there: behind a manifest that is lost anything may lie.
            if !self.blob_path(digest).exists() {
                let name = format!("manifest {}", digest.short());
                return Err(ArtifactError::damaged(name, format!("its blob {digest} is missing")));
            }
        }
        let mut next: Vec<Digest> = listed.into_iter().chain(roots.iter().cloned()).collect();
        let mut reached = BTreeSet::new();
        while let Some(digest) = next.pop() {
            if reached.contains(&digest) {
                continue;
            }
            if let Some(document) = self.as_document(&digest)? {
                named(&document, &mut next);
            }
            reached.insert(digest);
        }
        Ok(reached)
    }

    /// A blob as JSON; none when it is something else, is larger than any document, or is not here.
    fn as_document(&self, digest: &Digest) -> Result<Option<Value>, ArtifactError> {
        let path = self.blob_path(digest);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() <= DOCUMENT_BYTES_MAX => {}
            Ok(_) => return Ok(None),
            // Lineage may name what was never stored here.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ArtifactError::io(&path, error)),
        }
        let Some(bytes) = disk::read_small(&path, DOCUMENT_BYTES_MAX)? else { return Ok(None) };
        if Digest::of(&bytes) != *digest {
            let why = "its bytes are not those of its name, so nobody knows what it points at";
            return Err(ArtifactError::damaged(format!("blob {}", digest.short()), why));
        }
        Ok(serde_json::from_slice(&bytes).ok())
    }
}

/// Every digest that a string of the document is.
fn named(document: &Value, into: &mut Vec<Digest>) {
    match document {
        Value::String(text) => into.extend(Digest::parse(text).ok()),
        Value::Array(items) => items.iter().for_each(|it| named(it, into)),
        Value::Object(fields) => fields.values().for_each(|it| named(it, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

//! Blobs: bytes in a file named by their digest.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Progress;

use crate::disk::{self, Access};
use crate::manifest::{DOCUMENT_BYTES_MAX, Descriptor, Manifest};
use crate::{ArtifactError, ArtifactKind, Store};

impl Store {
    pub(crate) fn blob_folder(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blob_folder().join(digest.hex())
    }

    /// Stores bytes from memory.
    pub(super) fn put_blob(
        &self,
        bytes: &[u8],
        progress: &dyn Progress,
    ) -> Result<(Digest, u64), ArtifactError> {
        self.put_reader(&mut &bytes[..], Path::new("memory"), progress)
    }

    /// Stores a file, in pieces.
    pub(super) fn put_blob_from(
        &self,
        path: &Path,
        progress: &dyn Progress,
    ) -> Result<(Digest, u64), ArtifactError> {
        let mut file = File::open(path).map_err(ArtifactError::at(path))?;
        self.put_reader(&mut file, path, progress)
    }

    fn put_reader(
        &self,
        from: &mut dyn Read,
        from_path: &Path,
        progress: &dyn Progress,
    ) -> Result<(Digest, u64), ArtifactError> {
        let bench = self.workshop.bench()?;
        let mut file = bench.file()?;
        let path = file.path().to_owned();
        let (digest, size) =
            disk::copy_hashed((from, from_path), (file.as_file_mut(), &path), progress)?;
        let target = self.blob_path(&digest);
        // The bytes at hand are right; what lies there under their name may have decayed.
        let whole = target.exists() && disk::hash_file(&target)? == (digest.clone(), size);
        if !whole {
            disk::keep(file, &target, Access::Immutable)?;
        }
        Ok((digest, size))
    }

    /// The whole content of a blob, checked. `name` is what messages call it.
    pub(crate) fn read_blob(
        &self,
        digest: &Digest,
        size: u64,
        name: &str,
    ) -> Result<Vec<u8>, ArtifactError> {
        let path = self.blob_path(digest);
        let bytes = disk::read_small(&path, size)
            .map_err(|error| named(error, name))?
            .ok_or_else(|| missing(name, digest))?;
        if bytes.len() as u64 == size && Digest::of(&bytes) == *digest {
            Ok(bytes)
        } else {
            Err(changed(name, digest))
        }
    }

    /// The path of a blob whose whole content has just been checked.
    pub(crate) fn checked_blob(
        &self,
        digest: &Digest,
        size: u64,
        name: &str,
    ) -> Result<PathBuf, ArtifactError> {
        let path = self.blob_path(digest);
        if !path.exists() {
            return Err(missing(name, digest));
        }
        if disk::hash_file(&path)? == (digest.clone(), size) {
            Ok(path)
        } else {
            Err(changed(name, digest))
        }
    }

    /// A config blob.
    pub(crate) fn document(
        &self,
        descriptor: &Descriptor,
        name: &str,
    ) -> Result<Vec<u8>, ArtifactError> {
        if descriptor.size > DOCUMENT_BYTES_MAX {
            let why = format!("it is larger than {DOCUMENT_BYTES_MAX} bytes");
            return Err(ArtifactError::damaged(name, why));
        }
        self.read_blob(&descriptor.digest, descriptor.size, name)
    }

    /// The manifest of an artifact.
    pub(crate) fn manifest(
        &self,
        digest: &Digest,
    ) -> Result<(Manifest, ArtifactKind), ArtifactError> {
        let name = format!("manifest {}", digest.short());
        let path = self.blob_path(digest);
        let bytes = disk::read_small(&path, DOCUMENT_BYTES_MAX)
            .map_err(|error| named(error, &name))?
            .ok_or_else(|| ArtifactError::NotFound {
                what: format!("artifact {digest} in the store"),
            })?;
        if Digest::of(&bytes) != *digest {
            return Err(changed(&name, digest));
        }
        Manifest::parse(&name, &bytes)
    }
}

fn missing(name: &str, digest: &Digest) -> ArtifactError {
    ArtifactError::damaged(name, format!("its blob {digest} is missing"))
}

fn changed(name: &str, digest: &Digest) -> ArtifactError {
    ArtifactError::damaged(name, format!("its bytes are not those of {digest}"))
}

/// Damage to a blob, told by the name that people know.
fn named(error: ArtifactError, name: &str) -> ArtifactError {
    match error {
        ArtifactError::Damaged { why, .. } => ArtifactError::damaged(name, why),
        other => other,
    }
}

//! Artifacts as folders of named files: copies for people, links for loaders.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::disk;
use crate::{Artifact, ArtifactError, Store, StoredFile};

impl Store {
    /// Writes the files of an artifact into a folder, as copies that may be edited.
    ///
    /// # Errors
    /// `Invalid` when the folder is there and not empty, `Damaged` when a file is not what was
    /// stored; the folder is then not made.
    pub fn export(&self, digest: &Digest, folder: &Path) -> Result<(), ArtifactError> {
        let artifact = self.get(digest)?;
        let failed = ArtifactError::at;
        if folder.exists() && fs::read_dir(folder).map_err(failed(folder))?.next().is_some() {
            let what = format!("the folder `{}`", folder.display());
            return Err(ArtifactError::invalid(what, "it is not empty; choose a new one"));
        }
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(failed(parent))?;
        // Beside the target, so that the finished folder appears with one rename.
        let draft = tempfile::Builder::new().prefix(".export-").tempdir_in(parent);
        let draft = draft.map_err(failed(parent))?;
        for file in artifact.files() {
            self.copy_out(file, draft.path())?;
        }
        allow_entering(draft.path())?;
        // An empty folder of that name gives way to the rename.
        let draft = draft.keep();
        fs::rename(&draft, folder).map_err(|error| {
            // What cannot be delivered is not left lying about; the first failure is the one to tell.
            let _ = fs::remove_dir_all(&draft);
            ArtifactError::io(folder, error)
        })
    }

    /// A folder with the files of an artifact under their names, for loaders that want one. Every
    /// call checks every file against its digest. The folder belongs to the store: read it only.
    ///
    /// # Errors
    /// `Damaged` when a file is not what was stored.
    pub fn materialise(&self, digest: &Digest) -> Result<PathBuf, ArtifactError> {
        let artifact = self.get(digest)?;
        let folder = self.root.join(".folders").join(digest.hex());
        if folder.exists() {
            if is_exactly(&folder, &artifact)? {
                return Ok(folder);
            }
            self.discard(&folder)?;
        }
        let bench = self.workshop.bench()?;
        let draft = bench.folder()?;
        for file in artifact.files() {
            let blob = self.checked_blob(&file.digest, file.bytes, file.name.as_str())?;
            let target = place(file, draft.path())?;
            // Blobs are read-only, so a link is as good as a copy; some file systems have none.
            if fs::hard_link(&blob, &target).is_err() {
                fs::copy(&blob, &target).map_err(ArtifactError::at(&target))?;
            }
        }
        let parent = self.root.join(".folders");
        fs::create_dir_all(&parent).map_err(ArtifactError::at(&parent))?;
        match fs::rename(draft.path(), &folder) {
            Ok(()) => Ok(folder),
            // Someone else was faster; theirs is the same if it is right.
            Err(_) if folder.exists() && is_exactly(&folder, &artifact)? => Ok(folder),
            Err(error) => Err(ArtifactError::io(&folder, error)),
        }
    }

    /// Removes the folder of an artifact for loaders, if there is one.
    pub(super) fn forget_folder(&self, digest: &Digest) -> Result<(), ArtifactError> {
        let folder = self.root.join(".folders").join(digest.hex());
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            outcome => outcome.map_err(ArtifactError::at(&folder)),
        }
    }

    fn copy_out(&self, file: &StoredFile, folder: &Path) -> Result<(), ArtifactError> {
        let blob = self.checked_blob(&file.digest, file.bytes, file.name.as_str())?;
        let target = place(file, folder)?;
        let mut from = File::open(&blob).map_err(ArtifactError::at(&blob))?;
        let mut to = File::create(&target).map_err(ArtifactError::at(&target))?;
        let copied = disk::copy_hashed((&mut from, &blob), (&mut to, &target), &Silent)?;
        to.sync_all().map_err(ArtifactError::at(&target))?;
        if copied == (file.digest.clone(), file.bytes) {
            Ok(())
        } else {
            let why = "it changed while it was copied";
            Err(ArtifactError::damaged(file.name.as_str(), why))
        }
    }

    /// Takes a folder out of the way with one rename, then removes it.
    fn discard(&self, folder: &Path) -> Result<(), ArtifactError> {
        let bench = self.workshop.bench()?;
        let bin = bench.folder()?;
        match fs::rename(folder, bin.path().join("old")) {
            // Someone else has discarded it already.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            outcome => outcome.map_err(ArtifactError::at(folder)),
        }
    }
}

/// Where a file goes, after making the folders on the way.
fn place(file: &StoredFile, folder: &Path) -> Result<PathBuf, ArtifactError> {
    let target = folder.join(file.name.as_str());
    let parent = target.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(ArtifactError::at(parent))?;
    Ok(target)
}

/// Whether a folder holds the files of an artifact, byte for byte, and nothing else.
fn is_exactly(folder: &Path, artifact: &Artifact) -> Result<bool, ArtifactError> {
    let mut expected = BTreeSet::new();
    for file in artifact.files() {
        let path = folder.join(file.name.as_str());
        let plain = path.symlink_metadata().is_ok_and(|it| it.is_file() && it.len() == file.bytes);
        if !plain || disk::hash_file(&path)?.0 != file.digest {
            return Ok(false);
        }
        expected.insert(path);
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(ArtifactError::at(&next))? {
            let path = entry.map_err(ArtifactError::at(&next))?.path();
            if path.symlink_metadata().is_ok_and(|it| it.is_dir()) {
                folders.push(path);
            } else if !expected.contains(&path) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Temporary folders are closed to everyone but their maker; delivered ones are ordinary.
fn allow_entering(folder: &Path) -> Result<(), ArtifactError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder, permissions).map_err(ArtifactError::at(folder))?;
    }
    Ok(())
}

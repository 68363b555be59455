//! The few file operations that the store is built of: whole or not at all.
//!
//! Everything is written to a temporary file in the store's own folder, synced, and renamed, so a
//! crash at any moment leaves either the old or the new state. Knows nothing of OCI.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Digest, DigestBuilder};
use tempfile::{NamedTempFile, TempDir};

use crate::ArtifactError;

/// Bytes that are read, hashed and written at a time.
const PIECE: usize = 256 * 1024;

/// The folder of temporaries. Whoever writes holds its lock in common; whoever sweeps must hold it
/// alone, so that a sweep never takes a file from under a living writer.
#[derive(Debug, Clone)]
pub(crate) struct Workshop {
    folder: PathBuf,
    lock: PathBuf,
}

/// The right to make temporaries; ends with the value.
#[derive(Debug)]
pub(crate) struct Bench {
    folder: PathBuf,
    _lock: File,
}

impl Workshop {
    pub(crate) fn in_store(root: &Path) -> Self {
        Self { folder: root.join(".work"), lock: root.join(".work.lock") }
    }

    /// Makes the folder and removes what killed processes left behind, unless someone is writing.
    pub(crate) fn open(&self) -> Result<(), ArtifactError> {
        fs::create_dir_all(&self.folder).map_err(ArtifactError::at(&self.folder))?;
        let lock = lock_file(&self.lock)?;
        match lock.try_lock() {
            Ok(()) => self.sweep(),
            Err(fs::TryLockError::WouldBlock) => Ok(()),
            Err(fs::TryLockError::Error(error)) => Err(ArtifactError::io(&self.lock, error)),
        }
    }

    fn sweep(&self) -> Result<(), ArtifactError> {
        let failed = ArtifactError::at;
        for entry in fs::read_dir(&self.folder).map_err(failed(&self.folder))? {
            let path = entry.map_err(failed(&self.folder))?.path();
            let gone =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Keeps writers out, unless there are some.
    pub(crate) fn alone(&self) -> Result<Alone, ArtifactError> {
        let lock = lock_file(&self.lock)?;
        match lock.try_lock() {
            Ok(()) => Ok(Alone { _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(ArtifactError::Busy),
            Err(fs::TryLockError::Error(error)) => Err(ArtifactError::io(&self.lock, error)),
        }
    }

    pub(crate) fn bench(&self) -> Result<Bench, ArtifactError> {
        let lock = lock_file(&self.lock)?;
        lock.lock_shared().map_err(ArtifactError::at(&self.lock))?;
        Ok(Bench { folder: self.folder.clone(), _lock: lock })
    }
}

/// The certainty that nobody writes; ends with the value.
#[derive(Debug)]
pub(crate) struct Alone {
    _lock: File,
}

impl Bench {
    pub(crate) fn file(&self) -> Result<NamedTempFile, ArtifactError> {
        NamedTempFile::new_in(&self.folder).map_err(ArtifactError::at(&self.folder))
    }

    pub(crate) fn folder(&self) -> Result<TempDir, ArtifactError> {
        TempDir::new_in(&self.folder).map_err(ArtifactError::at(&self.folder))
    }

    /// Replaces `target` by these bytes.
    pub(crate) fn replace(&self, target: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
        let mut file = self.file()?;
        file.write_all(bytes).map_err(ArtifactError::at(target))?;
        keep(file, target, Access::Rewritten)
    }
}

/// What happens to a file after it has its name. Either way only owner and group may read it:
/// data sets hold what people wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Never changes again.
    Immutable,
    /// Is replaced as a whole.
    Rewritten,
}

/// Syncs a temporary and gives it its name.
pub(crate) fn keep(
    file: NamedTempFile,
    target: &Path,
    access: Access,
) -> Result<(), ArtifactError> {
    let failed = ArtifactError::at;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = match access {
            Access::Immutable => 0o440,
            Access::Rewritten => 0o640,
        };
        let permissions = fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(permissions).map_err(failed(target))?;
    }
    #[cfg(not(unix))]
    let _ = access;
    file.as_file().sync_all().map_err(failed(target))?;
    file.persist(target).map_err(|error| ArtifactError::io(target, error.error))?;
    sync_folder(target.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), ArtifactError> {
    // Only Unix lets a folder be opened and synced; elsewhere a rename is as durable as it gets.
    if cfg!(unix) {
        let opened = File::open(folder).map_err(ArtifactError::at(folder))?;
        opened.sync_all().map_err(ArtifactError::at(folder))?;
    }
    Ok(())
}

/// Opens, and makes where needed, a file that only exists to be locked.
pub(crate) fn lock_file(path: &Path) -> Result<File, ArtifactError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(ArtifactError::at(path))
}

/// Copies to the end and returns digest and length of what was copied.
pub(crate) fn copy_hashed(
    (from, from_path): (&mut dyn Read, &Path),
    (to, to_path): (&mut dyn Write, &Path),
    progress: &dyn Progress,
) -> Result<(Digest, u64), ArtifactError> {
    let mut builder = DigestBuilder::default();
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok((builder.finish(), bytes)),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ArtifactError::io(from_path, error)),
        };
        builder.update(&piece[..read]);
        to.write_all(&piece[..read]).map_err(ArtifactError::at(to_path))?;
        bytes += read as u64;
        progress.advance(read as u64);
    }
}

/// Digest and length of a file.
pub(crate) fn hash_file(path: &Path) -> Result<(Digest, u64), ArtifactError> {
    let mut file = File::open(path).map_err(ArtifactError::at(path))?;
    let nowhere = &mut std::io::sink();
    let silent = &freehold_vocabulary::ports::Silent;
    copy_hashed((&mut file, path), (nowhere, path), silent)
}

/// Reads a small file whole; None when it is not there.
pub(crate) fn read_small(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, ArtifactError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ArtifactError::io(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(ArtifactError::at(path))?;
    if bytes.len() as u64 > bytes_max {
        let why = format!("it is larger than {bytes_max} bytes");
        return Err(ArtifactError::damaged(path.display().to_string(), why));
    }
    Ok(Some(bytes))
}

//! Writes that are on the disk when they return.
//!
//! A new name is durable only when its folder has been synced too (POSIX leaves this open, and
//! every journaling file system makes use of it), so each function here syncs both.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::error::TracesError;

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<(), TracesError> {
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.map_err(TracesError::io("sync folder", folder))
}

/// Creates a folder and those above it, durably.
pub fn create_folder(folder: &Path) -> Result<(), TracesError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_folder(above)?;
    }
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(TracesError::io("create folder", folder)(error)),
    }
    sync_folder(above.unwrap_or(Path::new(".")))
}

/// Replaces a file as a whole: after a crash it has the old content or the new one.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), TracesError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)
    };
    write().map_err(TracesError::io("write", path))?;
    sync_folder(folder)
}

/// Removes a file that may be gone already.
pub fn remove(path: &Path) -> Result<(), TracesError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(TracesError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The names in a folder; none if there is no such folder.
pub fn names(folder: &Path) -> Result<Vec<String>, TracesError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(TracesError::io("list", folder)(error)),
    };
    let mut names = vec![];
    for entry in entries {
        let entry = entry.map_err(TracesError::io("list", folder))?;
        // A name that is not UTF-8 is none of ours.
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

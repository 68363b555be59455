//! One process writes a folder; the others are told which one does.
//!
//! An advisory lock of the operating system on an open file: it ends with the process, however that
//! ends, so there is no stale lock to remove by hand.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::disk;
use crate::error::TracesError;

/// Holds the folder until it is dropped.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder, creating it if need be.
    pub fn take(folder: &Path) -> Result<Self, TracesError> {
        disk::create_folder(folder)?;
        let path = folder.join("lock");
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(TracesError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TracesError::InUse {
                    dir: folder.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(TracesError::io("lock", &path)(error)),
        }
        let mut note = || {
            file.set_len(0)?;
            file.write_all(std::process::id().to_string().as_bytes())
        };
        note().map_err(TracesError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Longer than any process id; a file that somebody else filled is not read into memory.
    let read = file.take(20).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(process) if read.is_ok() => format!("process {process}"),
        _ => "another process".to_owned(),
    }
}

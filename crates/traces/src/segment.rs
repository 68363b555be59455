//! One segment file: read whole, cut, or set aside.
//!
//! Segments are small enough to be read at once (the limit is in `Options`). Never decides what is
//! to be done about damage.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use freehold_vocabulary::Trace;

use crate::disk;
use crate::error::TracesError;
use crate::frame::{self, Header};
use crate::layout::{self, SegmentId};

/// Creates an empty segment, durably. `id` must be new.
pub fn create(folder: &Path, id: SegmentId) -> Result<fs::File, TracesError> {
    let path = layout::segment_path(folder, id);
    let create = || {
        let mut file = OpenOptions::new().read(true).append(true).create_new(true).open(&path)?;
        io::Write::write_all(&mut file, &frame::header())?;
        file.sync_all()?;
        Ok(file)
    };
    match create().map_err(TracesError::io("create log segment", &path)) {
        Ok(file) => disk::sync_folder(&layout::log_folder(folder)).map(|()| file),
        Err(error) => {
            // An empty segment is harmless, so it does not matter whether this succeeds.
            let _ = fs::remove_file(&path);
            Err(error)
        }
    }
}

/// The bytes of a segment, header included.
pub fn read(folder: &Path, id: SegmentId) -> Result<Vec<u8>, TracesError> {
    let path = layout::segment_path(folder, id);
    fs::read(&path).map_err(TracesError::io("read log segment", &path))
}

/// Refuses a segment that another version wrote. Damage is left to the caller.
pub fn check_version(folder: &Path, id: SegmentId, bytes: &[u8]) -> Result<(), TracesError> {
    if let Header::Foreign(version) = frame::read_header(bytes) {
        let path = layout::segment_path(folder, id);
        return Err(TracesError::Unreadable {
            path,
            reason: format!("it has version {version} of the log format"),
        });
    }
    Ok(())
}

/// Reads the payload of a record.
pub fn decode(
    folder: &Path,
    id: SegmentId,
    offset: usize,
    payload: &[u8],
) -> Result<Trace, TracesError> {
    serde_json::from_slice(payload).map_err(|error| TracesError::Unreadable {
        path: layout::segment_path(folder, id),
        reason: format!("the record at byte {offset} is whole but not a trace: {error}"),
    })
}

/// Shortens a segment, durably.
pub fn cut(folder: &Path, id: SegmentId, length: u64) -> Result<(), TracesError> {
    let path = layout::segment_path(folder, id);
    let cut = || {
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(length)?;
        file.sync_all()
    };
    cut().map_err(TracesError::io("cut log segment", &path))
}

/// Keeps a copy of a damaged segment beside the log, durably. The same bytes are kept once.
pub fn set_aside(folder: &Path, id: SegmentId, bytes: &[u8]) -> Result<PathBuf, TracesError> {
    for n in 1.. {
        let path = layout::damaged_path(folder, id, n);
        match fs::read(&path) {
            Ok(kept) if kept == bytes => return Ok(path),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                disk::replace(&path, bytes)?;
                return Ok(path);
            }
            Err(error) => return Err(TracesError::io("read", &path)(error)),
        }
    }
    unreachable!("some number is free")
}

//! What is done when a folder is opened: finish what a crash interrupted, keep every valid record.
//!
//! The last segment may end in a torn record: the process or the machine died while writing it, so
//! it was never acknowledged, and it is cut. Damage anywhere else was not made by a crash: the valid
//! records are kept in a clean segment and the damaged file is set aside. Either is reported.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::index::{Index, Place, key};
use crate::commit;
use crate::disk;
use crate::error::TracesError;
use crate::frame::{self, Header, PREFIX_BYTES, Piece};
use crate::layout::{self, PartName, SegmentId};
use crate::segment;

/// What was found when the folder was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Traces in the log that are not compacted yet.
    pub traces: u64,
    /// Nothing after an orderly end.
    pub findings: Vec<Finding>,
}

/// One thing an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The end of the last segment was an unfinished write; it was cut off.
    Torn { segment: PathBuf, offset: u64, bytes: u64 },
    /// A segment held invalid bytes; its valid records were kept, the file was set aside.
    Damaged { segment: PathBuf, set_aside: PathBuf, bytes: u64, records_kept: u64 },
    /// A part of the last compaction is gone.
    PartMissing { part: PathBuf },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { segment, offset, bytes } => write!(
                f,
                "`{}` ended in an unfinished write of {bytes} bytes at byte {offset}, never acknowledged; it was cut off",
                segment.display()
            ),
            Self::Damaged { segment, set_aside, bytes, records_kept } => write!(
                f,
                "`{}` held {bytes} invalid bytes; its {records_kept} valid records were kept, the damaged file is `{}`",
                segment.display(),
                set_aside.display()
            ),
            Self::PartMissing { part } => {
                write!(f, "`{}` was written by the last compaction and is gone", part.display())
            }
        }
    }
}

/// Mends the folder, fills the index, and says which segment comes next.
pub fn recover(folder: &Path, index: &Index) -> Result<(Recovery, SegmentId), TracesError> {
    disk::create_folder(&layout::log_folder(folder))?;
    let mut recovery = Recovery::default();
    let commit = commit::read(folder)?;
    let missing = commit::apply(folder, &commit)?;
    let missing = missing.iter().map(|part: &PartName| part.path(folder));
    recovery.findings.extend(missing.map(|part| Finding::PartMissing { part }));
    remove_leftovers(folder)?;
    let next_id = layout::last_segment(folder)?.unwrap_or(0).max(commit.compacted_through) + 1;
    let ids = layout::segments(folder)?;
    for &id in &ids {
        let bytes = mend(folder, id, ids.last() == Some(&id), &mut recovery.findings)?;
        recovery.traces += load(folder, id, &bytes, index)?;
    }
    Ok((recovery, next_id))
}

/// Removes what was never committed.
fn remove_leftovers(folder: &Path) -> Result<(), TracesError> {
    for partition in layout::partitions(folder, &|_| true)? {
        for path in layout::unfinished(folder, &partition)? {
            disk::remove(&path)?;
        }
    }
    for place in [folder.to_owned(), layout::log_folder(folder)] {
        let names = disk::names(&place)?;
        for name in names.iter().filter(|name| name.starts_with(".tmp")) {
            disk::remove(&place.join(name))?;
        }
    }
    Ok(())
}

/// Returns the bytes of a segment that holds nothing but valid records; none if none are left.
fn mend(
    folder: &Path,
    id: SegmentId,
    last: bool,
    findings: &mut Vec<Finding>,
) -> Result<Vec<u8>, TracesError> {
    let bytes = segment::read(folder, id)?;
    segment::check_version(folder, id, &bytes)?;
    let path = layout::segment_path(folder, id);
    let header = frame::read_header(&bytes);
    let survey = Survey::of(&bytes);
    match (header, survey.first_damage) {
        (Header::Valid, None) => Ok(bytes),
        (Header::Unfinished, _) if last => {
            findings.push(Finding::Torn { segment: path, offset: 0, bytes: bytes.len() as u64 });
            Ok(vec![])
        }
        (Header::Valid, Some((offset, true))) if last => {
            let torn = (bytes.len() - offset) as u64;
            segment::cut(folder, id, offset as u64)?;
            findings.push(Finding::Torn { segment: path, offset: offset as u64, bytes: torn });
            Ok(bytes[..offset].to_vec())
        }
        _ => {
            let set_aside = segment::set_aside(folder, id, &bytes)?;
            let damaged = bytes.len() - survey.clean.len().min(bytes.len());
            let damaged = damaged.max(survey.damaged_bytes) as u64;
            disk::replace(&path, &survey.clean)?;
            let records_kept = survey.records;
            findings.push(Finding::Damaged {
                segment: path,
                set_aside,
                bytes: damaged,
                records_kept,
            });
            Ok(survey.clean)
        }
    }
}

/// What a segment holds.
struct Survey {
    /// A valid segment with the valid records.
    clean: Vec<u8>,
    records: u64,
    damaged_bytes: usize,
    /// Where the first damage is, and whether no record follows it.
    first_damage: Option<(usize, bool)>,
}

impl Survey {
    fn of(bytes: &[u8]) -> Self {
        let mut survey = Self {
            clean: frame::header().to_vec(),
            records: 0,
            damaged_bytes: 0,
            first_damage: None,
        };
        for piece in frame::pieces(bytes) {
            match piece {
                Piece::Record { payload, .. } => {
                    frame::encode(payload, &mut survey.clean);
                    survey.records += 1;
                }
                Piece::Damage { offset, bytes, last } => {
                    survey.damaged_bytes += bytes;
                    survey.first_damage.get_or_insert((offset, last));
                }
            }
        }
        survey
    }
}

/// Puts a clean segment into the index; an empty one is removed.
fn load(folder: &Path, id: SegmentId, bytes: &[u8], index: &Index) -> Result<u64, TracesError> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: freehold_vocabulary::TraceId,
    }
    let path = layout::segment_path(folder, id);
    let mut places = vec![];
    for piece in frame::pieces(bytes) {
        let Piece::Record { offset, payload, crc } = piece else { continue };
        let read = serde_json::from_slice::<OnlyId>(payload).ok();
        let Some(key) = read.and_then(|it| key(&it.id)) else {
            let reason = format!("the record at byte {offset} is whole but names no trace");
            return Err(TracesError::Unreadable { path, reason });
        };
        let offset = (offset + PREFIX_BYTES) as u64;
        places.push((key, Place { offset, length: payload.len() as u32, crc }));
    }
    if places.is_empty() {
        disk::remove(&path)?;
        return Ok(0);
    }
    let file = File::open(&path).map_err(TracesError::io("open log segment", &path))?;
    // After a mere crash of the process its last writes may not be on the disk yet.
    file.sync_all().map_err(TracesError::io("sync log segment", &path))?;
    let count = places.len() as u64;
    index.begin(id, Arc::new(file));
    index.add(id, places);
    index.seal(id);
    Ok(count)
}

//! Writes a dataset version: into a temporary directory, to the disk, then renamed.
//!
//! A version that is already there is verified and left alone, so importing the same file twice
//! does nothing. A crash or a full disk leaves no version behind, at most a directory whose name
//! starts with `.incoming-`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Digest, LabelSet, Split};

use super::manifest::{
    Counts, DatasetManifest, Division, ExamplesFile, FORMAT, FindingSummary, summarise,
};
use super::rows::{ExampleWriter, NewRow, describe_columns};
use super::{Dataset, EXAMPLES_FILE, MANIFEST_FILE};
use crate::error::CurationError;
use crate::split::Divided;
use crate::staging::Staged;

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 4096;

/// A version on the disk.
#[derive(Debug, Clone)]
pub struct Written {
    /// The name of the version: the digest of its manifest.
    pub digest: Digest,
    /// `root/<hexadecimal digest>`.
    pub dir: PathBuf,
    pub manifest: DatasetManifest,
    pub how: WrittenAs,
}

/// Whether anything had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenAs {
    New,
    /// The same version was there, undamaged.
    AlreadyThere,
}

impl Divided {
    /// Writes the version below `root`, in a directory named by its digest.
    ///
    /// # Errors
    /// When the disk is full or refuses, or a damaged version of that name is there.
    pub fn write_version(
        &self,
        root: &Path,
        licence: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Written, CurationError> {
        let report = self.imported.report();
        let mut manifest = DatasetManifest {
            format: FORMAT.to_owned(),
            name: self.imported.request.name.clone(),
            mode: self.imported.request.mode,
            labels: LabelSet::sorted([]),
            examples: unwritten(),
            schema: Vec::new(),
            slices: Vec::new(),
            counts: Counts::default(),
            division: Some(Division::from(&self.report)),
            near_duplicates: self.imported.request.near_duplicates,
            sources: report.sources.clone(),
            rejected: report.rejected_by_reason.clone(),
            findings: summarise(report, &self.report.findings),
            parents: Vec::new(),
            licence: licence.map(str::to_owned),
        };
        manifest.findings.sort_by_key(|it: &FindingSummary| it.severity);
        write(root, &self.imported.staged, &self.splits, manifest, progress)
    }
}

/// Stands in the manifest until the file is written.
pub(super) fn unwritten() -> ExamplesFile {
    let none = Digest::of(b"");
    ExamplesFile { file: EXAMPLES_FILE.to_owned(), digest: none.clone(), bytes: 0, content: none }
}

/// Writes rows that have a split, and completes the manifest with what follows from them.
pub(super) fn write(
    root: &Path,
    staged: &Staged,
    splits: &[Option<Split>],
    mut manifest: DatasetManifest,
    progress: &dyn Progress,
) -> Result<Written, CurationError> {
    std::fs::create_dir_all(root).map_err(CurationError::write(root))?;
    let incoming = tempfile::Builder::new()
        .prefix(".incoming-")
        .tempdir_in(root)
        .map_err(CurationError::write(root))?;
    write_examples(&incoming.path().join(EXAMPLES_FILE), staged, splits, &mut manifest, progress)?;
    let bytes = manifest.to_bytes();
    let digest = Digest::of(&bytes);
    let dir = root.join(digest.hex());
    if dir.exists() {
        return already_there(dir, &digest);
    }
    let path = incoming.path().join(MANIFEST_FILE);
    let mut file = File::create_new(&path).map_err(CurationError::write(&path))?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(CurationError::write(&path))?;
    sync_directory(incoming.path())?;
    match std::fs::rename(incoming.path(), &dir) {
        Ok(()) => {
            // The directory has its final name: there is nothing left to clean up.
            let _ = incoming.keep();
            sync_directory(root)?;
            Ok(Written { digest, dir, manifest, how: WrittenAs::New })
        }
        // Somebody else was quicker; versions are named by content, so theirs is ours.
        Err(_) if dir.exists() => already_there(dir, &digest),
        Err(error) => Err(CurationError::write(&dir)(error)),
    }
}

fn write_examples(
    path: &Path,
    staged: &Staged,
    splits: &[Option<Split>],
    manifest: &mut DatasetManifest,
    progress: &dyn Progress,
) -> Result<(), CurationError> {
    progress.begin("writing", Some(staged.len() as u64));
    let mut writer = ExampleWriter::create(path, &staged.slice_names)?;
    let mut window = staged.window();
    let mut counts = Counts::default();
    for (row, split) in splits.iter().enumerate() {
        if (row as u64 + 1).is_multiple_of(PROGRESS_ROWS) {
            progress.advance(PROGRESS_ROWS);
        }
        let Some(split) = *split else { continue };
        let content = staged.content(row, &mut window)?;
        let labels = staged.labels_of(row);
        counts.add(split, &labels, content.text.len() as u64);
        writer.push(&NewRow {
            text: &content.text,
            labels: &labels,
            split,
            source: &content.source,
            slices: &content.slices,
        })?;
    }
    let written = writer.finish()?;
    progress.end();
    manifest.labels = LabelSet::sorted(counts.per_label.keys().cloned());
    manifest.schema = describe_columns(&staged.slice_names);
    manifest.slices.clone_from(&staged.slice_names);
    manifest.counts = counts;
    manifest.examples.digest = written.digest;
    manifest.examples.bytes = written.bytes;
    manifest.examples.content = written.content;
    Ok(())
}

fn already_there(dir: PathBuf, digest: &Digest) -> Result<Written, CurationError> {
    let dataset = Dataset::open_verified(&dir, digest)?;
    let (digest, manifest) = (digest.clone(), dataset.manifest);
    Ok(Written { digest, dir, manifest, how: WrittenAs::AlreadyThere })
}

/// A rename survives a power failure only when the directory is on the disk too.
fn sync_directory(path: &Path) -> Result<(), CurationError> {
    if cfg!(unix) {
        let directory = File::open(path).map_err(CurationError::write(path))?;
        directory.sync_all().map_err(CurationError::write(path))?;
    }
    Ok(())
}

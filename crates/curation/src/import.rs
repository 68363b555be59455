//! Reads files into staged rows: probe, recognise, map columns, judge every row.
//!
//! Rows are judged one at a time and spilled at once. Which split a row ends in is decided
//! later, by [`Imported::split`]; nothing is written that anyone else can see.

use std::path::Path;

use freehold_vocabulary::ports::Progress;

use crate::checks::{self, Finding};
use crate::duplicates::{self, Groups};
use crate::error::CurationError;
use crate::request::{ImportRequest, SourceFile};
use crate::staging::{Origin, Staged, Stager};

mod columns;
mod csv;
mod encoding;
mod format;
mod json;
mod judge;
mod parquet;
pub mod report;

pub use format::{FORMATS, Format, is_importable};

pub(crate) use encoding::{KnownEncoding, Probe, Utf8Reader, probe};
use format::Content;
pub(crate) use format::{Cell, Opening, RowReader, Step};
use judge::Judge;
pub(crate) use judge::check_text;
use report::{ImportReport, SourceRecord};

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 4096;

/// Accepted rows with their duplicate groups, ready to be split.
#[derive(Debug)]
pub struct Imported {
    pub(crate) request: ImportRequest,
    pub(crate) report: ImportReport,
    pub(crate) staged: Staged,
    pub(crate) groups: Groups,
}

impl Imported {
    /// What was seen, refused and found.
    #[must_use]
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    /// What the checks found, most severe first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.report.findings
    }

    /// Rows that were accepted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.staged.len() as u64
    }
}

/// Reads every file of the request, groups duplicates and runs the checks.
///
/// # Errors
/// When a file cannot be read or understood, when a limit is exceeded, or when more rows are
/// refused than the request allows; the last carries the whole report.
pub fn import(request: &ImportRequest, progress: &dyn Progress) -> Result<Imported, CurationError> {
    check_request(request)?;
    let scratch = request.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let slices = request.columns.slices.clone();
    let mut stager = Stager::new(&scratch, slices, &request.limits)?;
    let names = file_names(&request.files);
    let mut report = ImportReport::default();
    for (position, (source, name)) in request.files.iter().zip(&names).enumerate() {
        let file = u16::try_from(position).expect("the number of files is limited");
        import_file(request, source, name, file, &mut stager, &mut report, progress)?;
    }
    report.accepted = stager.len() as u64;
    if report.rejected > request.rejected_max {
        let allowed = request.rejected_max;
        return Err(CurationError::TooManyRejected { report: Box::new(report), allowed });
    }
    if stager.len() == 0 {
        let files = names.join("`, `");
        return Err(CurationError::Empty(format!("`{files}` holds no data row that was accepted")));
    }
    let staged = stager.finish(names)?;
    let groups = duplicates::group(&staged, &request.near_duplicates, progress)?;
    report.findings = checks::run(&staged, &groups, progress)?;
    Ok(Imported { request: request.clone(), report, staged, groups })
}

fn check_request(request: &ImportRequest) -> Result<(), CurationError> {
    use crate::request::LabelColumns::{Columns, Indicators};
    use freehold_vocabulary::LabelMode;
    let refuse = |reason: &str| Err(CurationError::Request(reason.to_owned()));
    if request.files.is_empty() {
        return refuse("no input file was given; name at least one");
    }
    let files_max = u64::from(request.limits.files_max).min(u64::from(u16::MAX) - 1);
    if request.files.len() as u64 > files_max {
        return Err(CurationError::Limit {
            what: "the number of files".to_owned(),
            limit: files_max,
            remedy: "join some of them",
        });
    }
    let several = matches!(&request.columns.labels, Columns(_) | Indicators(_));
    if several && request.mode == LabelMode::Single {
        return refuse(
            "several label columns need a multi-label data set; name one column or set the mode to multi",
        );
    }
    if let Columns(names) | Indicators(names) = &request.columns.labels
        && names.is_empty()
    {
        return refuse("the list of label columns is empty; name at least one");
    }
    if request.label_separator.as_deref() == Some("") {
        return refuse("the label separator is empty; use a character such as `|`");
    }
    let mut slices = request.columns.slices.clone();
    slices.sort_unstable();
    if let Some(twice) = slices.windows(2).find(|it| it[0] == it[1]) {
        return refuse(&format!("the slice column `{}` is named twice", twice[0]));
    }
    request.near_duplicates.check()
}

fn import_file(
    request: &ImportRequest,
    source: &SourceFile,
    name: &str,
    file: u16,
    stager: &mut Stager,
    report: &mut ImportReport,
    progress: &dyn Progress,
) -> Result<(), CurationError> {
    let total = std::fs::metadata(&source.path).map_err(CurationError::read(&source.path))?.len();
    progress.begin(&format!("probing {name}"), Some(total));
    let probe = probe(&source.path, &|bytes| progress.advance(bytes))?;
    progress.end();
    if probe.bytes == 0 {
        return Err(CurationError::Empty(format!("`{name}` is empty")));
    }
    let encoding = probe.encoding(&source.path, source.encoding.as_deref())?;
    let (head_text, _) = encoding.encoding.decode_with_bom_removal(&probe.head);
    let format = format::format_of(source, name, &probe.head, &head_text)?;
    let head = if format.content == Content::Text { &*head_text } else { "" };
    let limits = request.limits;
    let opening = Opening { source, name, probe: &probe, head, encoding, limits };
    let mut reader = (format.open)(&opening)?;
    let mapping = columns::resolve(name, reader.columns(), &request.columns)?;
    reader.select(&mapping.selected)?;
    report.sources.push(SourceRecord {
        name: name.to_owned(),
        digest: probe.digest.clone(),
        bytes: probe.bytes,
        format: format.name.to_owned(),
        encoding: (format.content == Content::Text).then(|| describe(encoding)),
        delimiter: reader.delimiter(),
        split: source.split,
        columns: mapping.resolved.clone(),
        accepted: 0,
        rejected: 0,
    });
    progress.begin(&format!("reading {name}"), Some(probe.bytes));
    let judge = Judge::new(request, &mapping, source.split);
    read_rows(reader.as_mut(), &judge, (name, file), stager, report, progress)?;
    progress.end();
    Ok(())
}

fn describe(known: KnownEncoding) -> String {
    format!("{} ({})", known.encoding.name(), known.how)
}

fn read_rows(
    reader: &mut dyn RowReader,
    judge: &Judge<'_>,
    (name, file): (&str, u16),
    stager: &mut Stager,
    report: &mut ImportReport,
    progress: &dyn Progress,
) -> Result<(), CurationError> {
    let (mut cells, mut rows, mut position, mut accepted) = (Vec::new(), 0u64, 0, 0);
    loop {
        let judged = match reader.next(&mut cells)? {
            Step::End => break,
            Step::Bad { line, reason } => (line, Err(reason)),
            Step::Row { line } => (line, judge.judge(&cells)),
        };
        match judged {
            (line, Ok(row)) => {
                let origin = Origin::Line { file, line };
                stager.push(&row.text, &row.labels, row.split, &row.slices, origin)?;
                accepted += 1;
            }
            (line, Err(reason)) => report.reject(name, line, &reason),
        }
        rows += 1;
        if rows.is_multiple_of(PROGRESS_ROWS) {
            progress.advance(reader.position() - position);
            position = reader.position();
        }
    }
    progress.advance(reader.position() - position);
    if let Some(source) = report.sources.last_mut() {
        source.accepted = accepted;
    }
    Ok(())
}

/// Short names for messages and sources: the file name, with as many parent directories as it
/// takes to tell all files apart. Independent of where the files lie.
fn file_names(files: &[SourceFile]) -> Vec<String> {
    let longest = files.iter().map(|it| it.path.components().count()).max().unwrap_or(1);
    for depth in 1..=longest {
        let names: Vec<String> = files.iter().map(|it| last_components(&it.path, depth)).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        if unique.len() == names.len() {
            return names;
        }
    }
    files.iter().map(|it| last_components(&it.path, usize::MAX)).collect()
}

fn last_components(path: &Path, depth: usize) -> String {
    let all: Vec<_> = path.components().map(|it| it.as_os_str().to_string_lossy()).collect();
    all[all.len().saturating_sub(depth)..].join("/")
}

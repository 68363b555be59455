//! `freehold data import`: files become a dataset version.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use freehold_artifacts::{ArtifactKind, Link, LinkRole, NewArtifact, NewFile};
use freehold_curation::{
    ColumnChoice, CurationError, Header, ImportReport, ImportRequest, LabelColumns, Shares,
    SourceFile, SplitPlan, Written,
};
use freehold_ledger::NamedDataset;
use freehold_vocabulary::{DatasetName, Digest, LabelMode, Seed, Split, TaskName};
use serde_json::json;

use super::describe_findings;
use crate::output;
use crate::wiring::Session;

/// Read labelled files, check them, split them, and keep the result as an immutable version.
///
/// Formats: CSV, JSON Lines, Parquet, in any common encoding. Importing the same files twice
/// changes nothing. Rows that cannot be used are listed with line and reason; the import fails
/// unless --bad-rows-max allows as many.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The dataset's name; use the task's name.
    name: DatasetName,
    /// Files, or SPLIT=FILE where a file is one published split (train=a.csv test=b.csv).
    #[arg(required = true)]
    files: Vec<String>,
    /// The column with the text; guessed when its name leaves no doubt.
    #[arg(long)]
    text: Option<String>,
    /// The column with the label; repeat for several label columns.
    #[arg(long = "label")]
    labels: Vec<String>,
    /// The column that names the split of each row.
    #[arg(long)]
    split_column: Option<String>,
    /// Columns to keep for slicing evaluations.
    #[arg(long = "slice")]
    slices: Vec<String>,
    /// What separates labels in one cell, for multi-label tasks.
    #[arg(long)]
    label_separator: Option<String>,
    /// Label values that mean "none of the known labels".
    #[arg(long = "out-of-scope")]
    out_of_scope: Vec<String>,
    /// A WHATWG encoding label such as `windows-1252`; detected when absent.
    #[arg(long)]
    encoding: Option<String>,
    /// The CSV files have no header row.
    #[arg(long)]
    no_header: bool,
    /// Unusable rows that are tolerated.
    #[arg(long, default_value_t = 0)]
    bad_rows_max: u64,
    /// Write every refused row, with line and reason, to this JSON file.
    #[arg(long)]
    bad_rows: Option<PathBuf>,
    /// Share of the rows for choosing recipes.
    #[arg(long, default_value_t = 0.08)]
    validation: f64,
    /// Share for calibration and certificates.
    #[arg(long, default_value_t = 0.12)]
    calibration: f64,
    /// Share for the test, unless a test split is given.
    #[arg(long, default_value_t = 0.20)]
    test: f64,
    /// Where the split's randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The licence of the data, as a sentence.
    #[arg(long)]
    licence: Option<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let request = request(arguments, session)?;
    let imported = match freehold_curation::import(&request, &session.progress) {
        Ok(imported) => imported,
        Err(error) => return Err(explain(error, arguments)),
    };
    write_bad_rows(arguments, imported.report())?;
    let shares = Shares {
        validation: arguments.validation,
        calibration: arguments.calibration,
        test: arguments.test,
    };
    let divided = imported.split(&SplitPlan { shares }, Seed(arguments.seed), &session.progress)?;
    let scratch =
        tempfile::tempdir_in(session.work_folder()).context("no room for the new version")?;
    let written =
        divided.write_version(scratch.path(), arguments.licence.as_deref(), &session.progress)?;
    let (digest, named) = keep(session, &written, &[])?;
    let (report, split) = (divided.imported().report(), divided.report());
    let shown = json!({
        "digest": digest, "name": arguments.name, "new": named, "accepted": report.accepted,
        "rejected": report.rejected, "rows": split.rows, "dropped": split.dropped,
        "findings": report.findings, "split_findings": split.findings,
    });
    output::print(session.form, &shown, |_| {
        let state = if named { "imported" } else { "already imported, nothing changed:" };
        let mut text = format!("{state} {} as {}\n", arguments.name, digest.short());
        text += &format!("{} rows accepted, {} refused", report.accepted, report.rejected);
        for (split, rows) in &split.rows {
            text += &format!(", {split} {rows}");
        }
        let dropped: u64 = split.dropped.values().sum();
        if dropped > 0 {
            text += &format!("\n{dropped} rows dropped because a protected split has their like");
        }
        text += &format!("\n\n{}", describe_findings(&report.findings));
        text
    })?;
    output::next(session.form, &format!("freehold train {} --trainer micro", arguments.name));
    Ok(())
}

fn request(arguments: &Arguments, session: &Session) -> Result<ImportRequest> {
    let mut files = Vec::new();
    for text in &arguments.files {
        // A path may hold `=`, so the part before it must be a split to count as one.
        let given =
            text.split_once('=').and_then(|(split, path)| Some((Split::parse(split)?, path)));
        let mut file = match given {
            Some((split, path)) => SourceFile::given_for(path, split),
            None => SourceFile::new(text),
        };
        file.encoding.clone_from(&arguments.encoding);
        if arguments.no_header {
            file.header = Header::Absent;
        }
        files.push(file);
    }
    let mut request = ImportRequest::new(arguments.name.clone(), files);
    let task =
        TaskName::parse(arguments.name.as_str()).ok().and_then(|it| session.config.tasks.get(&it));
    request.mode = task.map_or(LabelMode::Single, |task| task.labels);
    request.columns = ColumnChoice {
        text: arguments.text.clone(),
        labels: match arguments.labels.as_slice() {
            [] => LabelColumns::Guess,
            [one] => LabelColumns::Column(one.clone()),
            several => LabelColumns::Columns(several.to_vec()),
        },
        split: arguments.split_column.clone(),
        slices: arguments.slices.clone(),
    };
    request.label_separator.clone_from(&arguments.label_separator);
    request.out_of_scope.clone_from(&arguments.out_of_scope);
    request.rejected_max = arguments.bad_rows_max;
    Ok(request)
}

/// Stores a written version and names it. Returns its digest and whether the name moved.
pub fn keep(session: &Session, written: &Written, parents: &[Digest]) -> Result<(Digest, bool)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&written.dir)? {
        let entry = entry?;
        files.push(NewFile::path(&entry.file_name().to_string_lossy(), entry.path())?);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let manifest = &written.manifest;
    let parent = |digest: &Digest| Link { role: LinkRole::Parent, digest: digest.clone() };
    let artifact = NewArtifact {
        kind: ArtifactKind::Dataset,
        files,
        links: parents.iter().map(parent).collect(),
        about: json!({ "name": manifest.name, "rows": manifest.counts.rows, "labels": manifest.labels.len() }),
    };
    let digest = session.store.put(&artifact, &session.progress)?;
    let naming =
        NamedDataset { name: manifest.name.clone(), digest: digest.clone(), at: session.now() };
    let how = session.wait(session.ledger.name_dataset(&naming))?;
    Ok((digest, how == freehold_ledger::Written::New))
}

fn explain(error: CurationError, arguments: &Arguments) -> anyhow::Error {
    let CurationError::TooManyRejected { report, .. } = &error else { return error.into() };
    if let Err(failed) = write_bad_rows(arguments, report) {
        return failed;
    }
    let first: Vec<String> =
        report.rejected_rows.iter().take(5).map(|row| format!("  {row}")).collect();
    anyhow::anyhow!(
        "{error}\n{}\nmend the file, or allow them with --bad-rows-max {}",
        first.join("\n"),
        report.rejected
    )
}

fn write_bad_rows(arguments: &Arguments, report: &ImportReport) -> Result<()> {
    if let Some(path) = &arguments.bad_rows {
        std::fs::write(path, serde_json::to_string_pretty(&report.rejected_rows)?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

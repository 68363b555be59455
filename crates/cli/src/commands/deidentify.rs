//! `freehold deidentify`: a file without identifiers, in its own format.
//!
//! Needs no portfolio: it works on any file. Nothing of the content is printed but the result
//! itself; the report holds counts and the names of columns.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_curation::SourceFile;
use freehold_curation::deidentify::{Decryptor, FileReport, FileRequest, rewrite};
use freehold_deidentification::detection::{Detector, Selection};
use freehold_deidentification::recognisers::{Kind, Pack};
use freehold_deidentification::redaction::{DateOrder, Key, OPERATORS, Policy, Redactor, Tally};
use serde::Serialize;

use crate::output::{self, Form};
use crate::progress::Bars;

/// Holds the key of keyed operators.
const KEY_VARIABLE: &str = "FREEHOLD_DEIDENTIFY_KEY";
/// Most that is read from standard input.
const INPUT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Take identifiers and secrets out of a file: text, CSV, JSON, JSON Lines or Parquet.
#[derive(Debug, Args)]
#[command(
    after_help = "Names of people, places and organisations have no fixed form and are NOT found; a span model finds those.\nExamples:\n  freehold deidentify notes.txt --out safe.txt\n  freehold deidentify patients.csv --columns note,phone --operator DATE=year --operator AGE=age-cap --operator POSTAL_CODE=zip3 --out safe.csv\n  freehold deidentify - < mail.txt"
)]
pub struct Arguments {
    /// The file, or `-` for standard input.
    #[arg(value_name = "FILE|-", required_unless_present = "list")]
    file: Option<PathBuf>,
    /// Columns or top-level keys to look into; by default all that hold text.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    columns: Vec<String>,
    /// What to do with a kind, such as EMAIL=hash; `*=mask` for all others. By default everything
    /// becomes a placeholder such as <EMAIL_1>. `--list` shows kinds and operators.
    #[arg(long = "operator", short, value_name = "KIND=OPERATOR")]
    operators: Vec<String>,
    /// Country packs to use besides the global recognisers; by default all.
    #[arg(long, value_delimiter = ',', value_name = "CODE,...")]
    packs: Vec<String>,
    /// Kinds that are not looked for.
    #[arg(long, value_delimiter = ',', value_name = "KIND,...")]
    without: Vec<String>,
    /// The column that says whose dates are in a row, for date-shift.
    #[arg(long, value_name = "COLUMN")]
    subject: Option<String>,
    /// Read 3/4/2020 as the 3rd of April.
    #[arg(long)]
    day_first: bool,
    /// csv, json, jsonl, parquet or text; by default as the extension says, else text.
    #[arg(long)]
    format: Option<String>,
    /// The encoding, such as windows-1252; by default detected.
    #[arg(long)]
    encoding: Option<String>,
    /// Where the result goes; by default standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the report (counts, no content) as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Turn encrypted identifiers back instead.
    #[arg(long, conflicts_with_all = ["operators", "packs", "without", "subject"])]
    decrypt: bool,
    /// Show every kind and operator.
    #[arg(long)]
    list: bool,
}

/// What was done; no content.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    out: Option<String>,
    decrypted: bool,
    #[serde(flatten)]
    file_report: FileReport,
    #[serde(flatten)]
    tally: Tally,
    /// What no recogniser can find.
    not_looked_for: &'static str,
}

/// What every report says, since silence would read as safety.
const NOT_LOOKED_FOR: &str = "names, places and organisations (they need a span model)";

pub fn run(arguments: &Arguments, form: Form, quiet: bool) -> Result<()> {
    let Some(file) = arguments.file.as_deref().filter(|_| !arguments.list) else {
        return list(form);
    };
    let to_stdout = arguments.out.is_none();
    if to_stdout && form == Form::Json {
        bail!(
            "with --json the report goes to standard output; name a file for the result with --out"
        );
    }
    if arguments.out.as_deref().is_some_and(|it| same_file(it, file)) {
        bail!("`{}` is the input; name another file for the result", file.display());
    }
    let (path, _spool) = input(file)?;
    let mut source = SourceFile::new(path);
    source.format.clone_from(&arguments.format);
    source.encoding.clone_from(&arguments.encoding);
    let request = FileRequest {
        source,
        columns: arguments.columns.clone(),
        subject: arguments.subject.clone(),
    };
    let bars = Bars::new(quiet);
    let mut result = target(arguments.out.as_deref())?;
    let (file_report, tally) = if arguments.decrypt {
        let key =
            key()?.with_context(|| format!("set {KEY_VARIABLE} to the key they were made with"))?;
        (rewrite(&request, &mut Decryptor(key), result.as_file_mut(), &bars)?, Tally::default())
    } else {
        let mut redactor = redactor(arguments)?;
        let report = rewrite(&request, &mut redactor, result.as_file_mut(), &bars)?;
        (report, redactor.tally().clone())
    };
    deliver(result, arguments.out.as_deref())?;
    let report = Report {
        file: file.display().to_string(),
        out: arguments.out.as_ref().map(|it| it.display().to_string()),
        decrypted: arguments.decrypt,
        file_report,
        tally,
        not_looked_for: NOT_LOOKED_FOR,
    };
    if let Some(path) = &arguments.report {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("write `{}`", path.display()))?;
    }
    if to_stdout {
        if !quiet {
            eprint!("{}", summary(&report));
        }
        return Ok(());
    }
    output::print(form, &report, summary)
}

fn redactor(arguments: &Arguments) -> Result<Redactor> {
    let mut policy = Policy::parse(&arguments.operators)?;
    if arguments.day_first {
        policy.dates = DateOrder::DayFirst;
    }
    let key = match policy.keyed() {
        Some(operator) => Some(key()?.with_context(|| {
            format!(
                "the operator `{}` needs a key; set {KEY_VARIABLE}, such as with `export {KEY_VARIABLE}=$(openssl rand -hex 32)`, and keep it",
                operator.name
            )
        })?),
        None => None,
    };
    let mut selection = Selection::default();
    if !arguments.packs.is_empty() {
        selection.packs = arguments
            .packs
            .iter()
            .map(|name| {
                Pack::parse(name).with_context(|| {
                    let names: Vec<String> = Pack::ALL.iter().map(|it| it.name()).collect();
                    format!("there is no pack `{name}`; there are {}", names.join(", "))
                })
            })
            .collect::<Result<_>>()?;
    }
    for name in &arguments.without {
        let kind = Kind::parse(name).with_context(|| {
            format!("there is no kind `{name}`; see `freehold deidentify --list`")
        })?;
        selection.without.push(kind);
    }
    Ok(Redactor::new(Arc::new(Detector::new(selection)), Arc::new(policy), key)?)
}

fn key() -> Result<Option<Key>> {
    match std::env::var(KEY_VARIABLE) {
        Ok(text) => Ok(Some(Key::parse(&text).context(KEY_VARIABLE)?)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{KEY_VARIABLE} is not text"),
    }
}

/// The path to read; standard input is spooled, since a file is read twice.
fn input(file: &Path) -> Result<(PathBuf, Option<tempfile::NamedTempFile>)> {
    if file != Path::new("-") {
        return Ok((file.to_owned(), None));
    }
    let mut spool = tempfile::NamedTempFile::new().context("keep standard input in a file")?;
    let mut input = std::io::stdin().lock().take(INPUT_BYTES_MAX + 1);
    let bytes = std::io::copy(&mut input, &mut spool).context("read standard input")?;
    if bytes > INPUT_BYTES_MAX {
        bail!("standard input exceeds {INPUT_BYTES_MAX} bytes; give a file instead");
    }
    Ok((spool.path().to_owned(), Some(spool)))
}

/// A temporary file beside the result, so that a half-written one never has its name.
fn target(out: Option<&Path>) -> Result<tempfile::NamedTempFile> {
    let folder = out.and_then(Path::parent).filter(|it| !it.as_os_str().is_empty());
    match (out, folder) {
        (Some(_), Some(folder)) => tempfile::NamedTempFile::new_in(folder)
            .with_context(|| format!("write into `{}`", folder.display())),
        (Some(_), None) => tempfile::NamedTempFile::new_in(".").context("write into this folder"),
        (None, _) => tempfile::NamedTempFile::new().context("keep the result in a file"),
    }
}

fn deliver(mut result: tempfile::NamedTempFile, out: Option<&Path>) -> Result<()> {
    result.flush()?;
    match out {
        Some(path) => {
            result.as_file().sync_all()?;
            result.persist(path).with_context(|| format!("write `{}`", path.display()))?;
        }
        None => {
            let mut whole = result.reopen()?;
            std::io::copy(&mut whole, &mut std::io::stdout().lock())?;
        }
    }
    Ok(())
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn summary(report: &Report) -> String {
    let mut text = format!(
        "{}: {} records of {}\n",
        report.file, report.file_report.records, report.file_report.format
    );
    let rows: Vec<Vec<String>> = (report.tally.kinds.iter())
        .map(|(kind, n)| {
            let unread = report.tally.fallbacks.get(kind).copied().unwrap_or(0);
            vec![(*kind).to_owned(), n.to_string(), unread.to_string()]
        })
        .collect();
    if report.decrypted {
        return text + "what was encrypted with this key is turned back\n";
    }
    if rows.is_empty() {
        text += "no identifier was found\n";
    } else {
        text += &output::table(&["kind", "found", "became a placeholder since unreadable"], &rows);
    }
    if !report.file_report.columns_left.is_empty() {
        text +=
            &format!("columns left as they are: {}\n", report.file_report.columns_left.join(", "));
    }
    text + &format!("not looked for: {}\n", report.not_looked_for)
}

#[derive(Debug, Serialize)]
struct Catalogue {
    kinds: Vec<&'static str>,
    operators: Vec<(&'static str, &'static str)>,
    packs: Vec<String>,
}

fn list(form: Form) -> Result<()> {
    let catalogue = Catalogue {
        kinds: Kind::all().into_iter().map(Kind::as_str).collect(),
        operators: OPERATORS.iter().map(|it| (it.name, it.about)).collect(),
        packs: Pack::ALL.iter().map(|it| it.name()).collect(),
    };
    output::print(form, &catalogue, |it| {
        let rows: Vec<Vec<String>> = (it.operators.iter())
            .map(|(name, about)| vec![(*name).to_owned(), (*about).to_owned()])
            .collect();
        format!(
            "{}\nkinds: {}\npacks: {}\n",
            output::table(&["operator", "what it does"], &rows),
            it.kinds.join(", "),
            it.packs.join(", ")
        )
    })
}

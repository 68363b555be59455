//! Paired outcomes from CSV files: a prompt, whether the weak model was right, whether the strong
//! one was.
//!
//! The form of RouteLLM's published responses: one file a topic, three columns, named by their
//! models. The file's name is the topic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use freehold_vocabulary::{Digest, DigestBuilder};

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Most rows in all files together: the neighbours of all rows are searched among all.
const ROWS_MAX: usize = 200_000;
/// Fewer say nothing about a router.
pub const ROWS_MIN: usize = 200;

/// One prompt with both outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub prompt: String,
    pub topic: String,
    pub weak_right: bool,
    pub strong_right: bool,
}

/// All files of a folder.
#[derive(Debug)]
pub struct Data {
    pub rows: Vec<Row>,
    pub weak: String,
    pub strong: String,
    /// Of all files, in the order of their names.
    pub digest: Digest,
}

/// Reads every `*.csv` of a folder.
pub fn read(folder: &Path) -> Result<Data> {
    let listed = std::fs::read_dir(folder).with_context(|| {
        format!("{} cannot be listed; give a folder of CSV files", folder.display())
    })?;
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in listed {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("csv")) {
            let topic = path.file_stem().context("a file has a name")?.to_string_lossy();
            files.insert(topic.into_owned(), path);
        }
    }
    let mut all = DigestBuilder::default();
    let mut names: Option<(String, String)> = None;
    let mut rows = Vec::new();
    for (topic, path) in &files {
        let size = std::fs::metadata(path)?.len();
        if size > FILE_BYTES_MAX {
            bail!("{} has {size} bytes; at most {FILE_BYTES_MAX} are read", path.display());
        }
        let bytes =
            std::fs::read(path).with_context(|| format!("{} is unreadable", path.display()))?;
        all.update(Digest::of(&bytes).hex());
        let found =
            file(&bytes, topic, &mut rows).with_context(|| format!("in {}", path.display()))?;
        match &names {
            None => names = Some(found),
            Some(first) if *first == found => {}
            Some((weak, strong)) => bail!(
                "{} is about {} and {}; the files before it are about {weak} and {strong}",
                path.display(),
                found.0,
                found.1
            ),
        }
    }
    let Some((weak, strong)) = names else {
        bail!("{} has no file that ends in .csv", folder.display());
    };
    if !(ROWS_MIN..=ROWS_MAX).contains(&rows.len()) {
        bail!("{} has {} rows; expected {ROWS_MIN} to {ROWS_MAX}", folder.display(), rows.len());
    }
    Ok(Data { rows, weak, strong, digest: all.finish() })
}

/// Adds the rows of one file; the names of the two models.
fn file(bytes: &[u8], topic: &str, rows: &mut Vec<Row>) -> Result<(String, String)> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().context("the first line is not a header")?;
    if header.len() != 3 {
        bail!(
            "it has {} columns; expected three: the prompt, the weak model, the strong model",
            header.len()
        );
    }
    let names = (header[1].to_owned(), header[2].to_owned());
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let outcome = |column: usize| {
            verdict(&record[column]).with_context(|| {
                let (name, text) = (if column == 1 { &names.0 } else { &names.1 }, &record[column]);
                format!("line {line}: `{text}` under `{name}` is neither True nor False")
            })
        };
        let (weak_right, strong_right) = (outcome(1)?, outcome(2)?);
        if record[0].trim().is_empty() {
            bail!("line {line}: the prompt is empty");
        }
        let (prompt, topic) = (record[0].to_owned(), topic.to_owned());
        rows.push(Row { prompt, topic, weak_right, strong_right });
    }
    Ok(names)
}

fn verdict(text: &str) -> Option<bool> {
    match text.trim() {
        "True" | "true" | "1" => Some(true),
        "False" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[track_caller]
    fn refused(files: &[(&str, &str)], words: &[&str]) {
        let message = format!("{:#}", read(folder(files).path()).unwrap_err());
        for word in words {
            assert!(message.contains(word), "`{word}` in {message}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        refused(&[], &["no file that ends in .csv"]);
        refused(&[("a.csv", "prompt,weak\nx,True\n")], &["a.csv", "2 columns", "three"]);
        refused(&[("a.csv", "p,w,s\nx,True,maybe\n")], &["a.csv", "line 2", "maybe", "`s`"]);
        refused(&[("a.csv", "p,w,s\n ,True,True\n")], &["line 2", "empty"]);
        refused(&[("a.csv", "p,w,s\nx,1,0\n")], &["1 rows", "200"]);
        refused(
            &[("a.csv", "p,w,s\nx,1,0\n"), ("b.csv", "p,w,t\nx,1,0\n")],
            &["b.csv", "w and t", "w and s"],
        );
    }

    #[test]
    fn the_name_of_a_file_is_its_topic() {
        let text = format!("prompt,small,large\n{}", "\"a\nb\",True,False\n".repeat(100));
        let folder = folder(&[("law.csv", &text), ("art.csv", &text)]);
        let data = read(folder.path()).unwrap();
        assert_eq!(
            (data.rows.len(), data.weak.as_str(), data.strong.as_str()),
            (200, "small", "large")
        );
        let first = &data.rows[0];
        assert_eq!((first.topic.as_str(), first.prompt.as_str()), ("art", "a\nb"));
        assert!(first.weak_right && !first.strong_right);
    }
}

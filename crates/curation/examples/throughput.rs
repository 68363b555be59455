//! Imports, splits and writes a generated file, for measuring time and memory from outside:
//!
//! ```text
//! cargo build --release -p freehold-curation --example throughput
//! throughput generate 1000000 rows.csv
//! /usr/bin/time -v throughput import rows.csv versions
//! ```
//!
//! Texts are sentences of 4 to 16 words out of 20,000, so that a word is about as informative as
//! in a language; one row in fifty repeats an earlier one, one in fifty changes a word of it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use freehold_curation::{ImportRequest, SourceFile, SplitPlan, import};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{DatasetName, Random, Seed};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate", rows, path] => generate(rows.parse()?, Path::new(path)),
        ["import", path, root] => run(Path::new(path), Path::new(root)),
        _ => Err("usage: throughput generate ROWS FILE | throughput import FILE DIRECTORY".into()),
    }
}

fn generate(rows: usize, path: &Path) -> Result<(), Failure> {
    let mut random = Random::new(Seed(11));
    let words: Vec<String> = (0..20_000)
        .map(|_| {
            let length = 2 + random.below(9);
            (0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
        })
        .collect();
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "text,label")?;
    let mut recent: Vec<Vec<usize>> = Vec::new();
    for row in 0..rows {
        let mut sentence: Vec<usize> = match random.below(50) {
            it @ (0 | 1) if !recent.is_empty() => {
                let mut copy = recent[random.below(recent.len())].clone();
                if it == 1 {
                    let place = random.below(copy.len());
                    copy[place] = random.below(words.len());
                }
                copy
            }
            _ => (0..4 + random.below(13)).map(|_| random.below(words.len())).collect(),
        };
        let text: Vec<&str> = sentence.iter().map(|it| words[*it].as_str()).collect();
        writeln!(file, "{}?,label_{}", text.join(" "), sentence[0] % 150)?;
        if recent.len() < 10_000 {
            recent.push(std::mem::take(&mut sentence));
        } else {
            recent[row % 10_000] = sentence;
        }
    }
    Ok(file.flush()?)
}

fn run(path: &Path, root: &Path) -> Result<(), Failure> {
    let name = DatasetName::parse("throughput")?;
    let mut request = ImportRequest::new(name, vec![SourceFile::new(path)]);
    request.scratch = Some(root.parent().unwrap_or(Path::new(".")).to_owned());
    let imported = import(&request, &Silent)?;
    for finding in imported.findings() {
        println!("{:?} {}: {}", finding.severity, finding.check, finding.summary);
    }
    let divided = imported.split(&SplitPlan::default(), Seed(1), &Silent)?;
    let written = divided.write_version(root, None, &Silent)?;
    println!("{} rows in {}", written.manifest.counts.rows, written.dir.display());
    Ok(())
}

//! Traces to test with, and a folder to keep them in.

use std::path::Path;

use freehold_traces::{Compaction, Limits, Options, Rows, Traces};
use freehold_vocabulary::{
    Digest, Label, Outcome, RouteRecord, TaskName, Tier, TierAnswer, Timestamp, Trace, TraceId,
};

/// Compacts only when asked to.
pub fn quiet() -> Options {
    Options { compaction: Compaction::OnRequest, ..Options::default() }
}

/// A tiny log, so that a few traces make many segments.
pub fn tiny() -> Options {
    Options { segment_bytes_max: 1500, merge_parts_min: 3, ..quiet() }
}

pub fn open(folder: &Path, options: Options) -> Traces {
    Traces::open(folder, options).expect("the folder can be opened")
}

/// The `number`th trace: every field differs with it, and every fourth is an abstention. A thousand
/// of them fill a day.
pub fn trace(number: u64) -> Trace {
    let start = Timestamp::parse("2026-11-20T00:00:00Z").expect("an instant").as_micros();
    let at = Timestamp::from_micros(start + number as i64 * 86_400_001);
    let abstained = number % 4 == 3;
    let label = |text: &str| Label::parse(text).expect("a label");
    let labels = if abstained { vec![] } else { vec![label(&format!("label {}", number % 5))] };
    let micro = TierAnswer {
        tier: Tier::Micro,
        version: Digest::of(b"micro"),
        labels: vec![label("label 0"), label("naïve \"quoted\"")],
        confidence: 0.1 + 0.2,
        ood_score: Some(number as f64 / 7.0),
        kept: number.is_multiple_of(2),
        reason: (number % 2 == 1).then(|| "confidence below threshold".to_owned()),
        latency_us: 35 + number,
        tokens: 9,
    };
    let small = TierAnswer {
        tier: Tier::Small,
        version: Digest::of(b"small"),
        labels: labels.clone(),
        confidence: 0.9,
        ood_score: None,
        kept: !abstained,
        reason: abstained.then(|| "out of distribution".to_owned()),
        latency_us: 4000,
        tokens: 11,
    };
    let tiers = if number.is_multiple_of(2) { vec![micro] } else { vec![micro, small] };
    Trace {
        id: TraceId::new(at, u128::from(number) * 0x9e37_79b9_7f4a_7c15),
        at,
        task: TaskName::parse(if number.is_multiple_of(3) { "mail" } else { "tickets" })
            .expect("a name"),
        caller: format!("key-{}", number % 2),
        endpoint: "tasks.predict".to_owned(),
        input: format!("line one of {number}\n\tü 😀 \u{0} 'quoted'"),
        outcome: if abstained { Outcome::Abstained } else { Outcome::Answered },
        labels,
        confidence: number as f64 / 1000.0,
        tier: match (abstained, number % 2) {
            (true, _) => Tier::Human,
            (false, 0) => Tier::Micro,
            (false, _) => Tier::Small,
        },
        certificate: (number.is_multiple_of(2)).then(|| format!("cert-{number}")),
        tiers,
        latency_us: 1000 * number,
        generation: None,
        route: (number % 5 == 3).then(|| {
            let task = TaskName::parse("tickets").expect("a name");
            Box::new(RouteRecord { task: Some(task), ..RouteRecord::default() })
        }),
    }
}

/// The answer to a question, as lines of values separated by spaces.
pub async fn ask(folder: &Path, question: &str) -> Vec<String> {
    let rows = freehold_traces::sql(folder, question, &Limits::default()).await;
    lines(&rows.expect("the question can be answered"))
}

pub fn lines(rows: &Rows) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let line = |row: &Vec<_>| row.iter().map(text).collect::<Vec<_>>().join(" ");
    rows.rows.iter().map(line).collect()
}

/// The Parquet files below a folder.
pub fn parquet_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "parquet") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The segment files of the log.
pub fn segment_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.join("log")).expect("a log");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        paths.filter(|it| it.extension().is_some_and(|it| it == "log")).collect();
    files.sort();
    files
}

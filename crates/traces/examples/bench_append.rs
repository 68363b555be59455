//! How fast the trace log acknowledges, and how fast it answers.
//!
//! `cargo run --release -p freehold-traces --example bench_append -- [<folder> [<traces to query>]]`
//! prints one JSON object; `benches/peer_sqlite.py` prints the same for SQLite on the same folder's
//! disk, and `benches/traces.sh` of the project runs both and prints the ratios.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use freehold_traces::{Compaction, Limits, Options, Traces, sql};
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::{
    Clock, Digest, FixedClock, Label, Outcome, Random, Seed, TaskName, Tier, TierAnswer, Timestamp,
    Trace, TraceId,
};
use serde_json::{Map, Value, json};

/// Seconds for each number of appenders.
const SECONDS: f64 = 3.0;

const QUESTIONS: &[(&str, &str)] = &[
    ("count", "SELECT count(*) FROM traces"),
    ("by_tier", "SELECT task, tier, count(*), avg(confidence) FROM traces GROUP BY task, tier"),
    ("max_latency_of_a_task", "SELECT max(latency_us) FROM traces WHERE task = 'mail'"),
    ("text_search", "SELECT count(*) FROM traces WHERE input LIKE '%refund 77%'"),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let queried = arguments.next().map_or(200_000, |it| it.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.expect("a runtime can be built").block_on(async {
        let mut result = Map::new();
        for appenders in [1, 16, 256] {
            let rate = acknowledged_per_second(&folder, appenders).await;
            result.insert(format!("appenders_{appenders}_per_s"), json!(rate.round()));
        }
        let scratch = tempfile::tempdir_in(&folder).expect("a folder");
        result.extend(fill(scratch.path(), queried).await);
        for &(name, question) in QUESTIONS {
            result.insert(format!("{name}_ms"), median_ms(scratch.path(), question).await);
        }
        result
    });
    println!("{}", Value::Object(result));
}

async fn acknowledged_per_second(folder: &Path, appenders: u64) -> f64 {
    let scratch = tempfile::tempdir_in(folder).expect("a folder");
    let options = Options { compaction: Compaction::OnRequest, ..Options::default() };
    let traces = Arc::new(Traces::open(scratch.path(), options).expect("the folder can be opened"));
    let clock = Arc::new(FixedClock::at(start()));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|appender| {
            let (traces, clock) = (Arc::clone(&traces), Arc::clone(&clock));
            let mut random = Random::new(Seed(appender));
            tokio::spawn(async move {
                let mut count = 0_u64;
                while begun.elapsed().as_secs_f64() < SECONDS {
                    clock.advance_micros(100);
                    let batch = vec![trace(clock.now(), &mut random)];
                    traces.append(batch).await.expect("the log is open");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("an appender does not panic");
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

/// Appends and compacts; says how long the compaction took and how large it is.
async fn fill(folder: &Path, count: usize) -> Map<String, Value> {
    let options = Options { compaction: Compaction::OnRequest, ..Options::default() };
    let traces = Traces::open(folder, options).expect("the folder can be opened");
    let clock = FixedClock::at(start());
    let mut random = Random::new(Seed(99));
    let mut left = count;
    while left > 0 {
        let batch = (0..left.min(1000)).map(|_| {
            clock.advance_micros(1000);
            trace(clock.now(), &mut random)
        });
        let batch: Vec<Trace> = batch.collect();
        left -= batch.len();
        traces.append(batch).await.expect("the log is open");
    }
    let begun = Instant::now();
    traces.compact().await.expect("the disk has space");
    let seconds = begun.elapsed().as_secs_f64();
    let Value::Object(filled) = json!({
        "compacted_per_s": (count as f64 / seconds).round(),
        "queried_traces": count,
        "megabytes": (bytes(folder) as f64 / 1e5).round() / 10.0,
    }) else {
        unreachable!("an object was written")
    };
    filled
}

/// Median of seven answers, each with everything a fresh process does but its start.
async fn median_ms(folder: &Path, question: &str) -> Value {
    let mut times = vec![];
    for _ in 0..7 {
        let begun = Instant::now();
        sql(folder, question, &Limits::default()).await.expect("an answer");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    json!((times[3] * 100.0).round() / 100.0)
}

fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let size = |path: PathBuf| {
        if path.is_dir() { bytes(&path) } else { path.metadata().map_or(0, |it| it.len()) }
    };
    entries.map(|entry| size(entry.expect("an entry").path())).sum()
}

fn start() -> Timestamp {
    Timestamp::parse("2026-11-20T09:00:00Z").expect("an instant")
}

/// About 600 bytes, as a ticket is.
fn trace(at: Timestamp, random: &mut Random) -> Trace {
    let entropy = u128::from(random.bits()) << 64 | u128::from(random.bits());
    let labels =
        vec![Label::parse(["refund", "card lost", "top up"][random.below(3)]).expect("a label")];
    let words = ["card", "refund", "late", "the", "transfer", "why", "is", "my"];
    let mut input = String::new();
    for _ in 0..20 {
        input.push_str(words[random.below(words.len())]);
        input.push(' ');
    }
    input.push_str(&format!("refund {}", random.below(1000)));
    let tier = if random.below(4) == 0 { Tier::Small } else { Tier::Micro };
    Trace {
        id: TraceId::new(at, entropy),
        at,
        task: TaskName::parse(["mail", "tickets"][random.below(2)]).expect("a name"),
        caller: "crm".to_owned(),
        endpoint: "tasks.predict".to_owned(),
        input,
        outcome: Outcome::Answered,
        labels: labels.clone(),
        confidence: random.unit(),
        tier,
        certificate: Some("0f3a".to_owned()),
        tiers: vec![TierAnswer {
            tier,
            version: Digest::of(b"model"),
            labels,
            confidence: random.unit(),
            ood_score: Some(random.unit()),
            kept: true,
            reason: None,
            latency_us: 40,
            tokens: 24,
        }],
        latency_us: 50 + random.below(5000) as u64,
        generation: None,
        route: None,
    }
}

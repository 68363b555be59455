//! Appends traces from many tasks and prints the id of each one that was acknowledged, until it is
//! killed: the victim of the durability test. Compacts small segments all the time, and now and then
//! the growing one too, as a server does by age; so it dies in the middle of everything.
//!
//! Usage: `freehold-traces-appender <folder> <seed> <appenders> <segment bytes> [<traces>]`
//! Ends by itself after `<traces>` acknowledged traces per appender, if given. A refused append is
//! printed as `refused <id> <reason>` and ends that appender's round, not the process.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use freehold_traces::{Options, Traces};
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::{
    Clock, Digest, FixedClock, Label, Outcome, Random, Seed, TaskName, Tier, TierAnswer, Timestamp,
    Trace, TraceId,
};

/// After so many of its own batches an appender asks for everything to be compacted.
const BATCHES_BETWEEN_COMPACTIONS: u64 = 97;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place).and_then(|it| it.parse::<u64>().ok());
    let (Some(folder), Some(seed), Some(appenders), Some(segment_bytes_max)) =
        (arguments.first(), number(1), number(2), number(3))
    else {
        say(
            "usage: freehold-traces-appender <folder> <seed> <appenders> <segment bytes> [<traces>]",
        );
        return ExitCode::FAILURE;
    };
    let options = Options { segment_bytes_max, merge_parts_min: 3, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    runtime.expect("a runtime can be built").block_on(async {
        let traces = match Traces::open(folder, options) {
            Ok(traces) => Arc::new(traces),
            Err(error) => {
                say(&format!("failed {error}"));
                return ExitCode::FAILURE;
            }
        };
        for finding in &traces.recovery().findings {
            say(&format!("found {finding}"));
        }
        let started = Timestamp::parse("2026-11-20T23:59:50Z").expect("an instant");
        let clock = Arc::new(FixedClock::at(started));
        let append = |appender: u64| {
            let random = Random::new(Seed(seed).derive(&appender.to_string()));
            append_all(Arc::clone(&traces), Arc::clone(&clock), random, number(4))
        };
        let tasks: Vec<_> = (0..appenders).map(|appender| tokio::spawn(append(appender))).collect();
        for task in tasks {
            task.await.expect("an appender does not panic");
        }
        ExitCode::SUCCESS
    })
}

async fn append_all(
    traces: Arc<Traces>,
    clock: Arc<FixedClock>,
    mut random: Random,
    count: Option<u64>,
) {
    let (mut acknowledged, mut batches) = (0, 0u64);
    while count.is_none_or(|count| acknowledged < count) {
        clock.advance_micros(1000);
        let batch: Vec<Trace> =
            (0..1 + random.below(3)).map(|_| trace(clock.now(), &mut random)).collect();
        let ids: Vec<TraceId> = batch.iter().map(|trace| trace.id.clone()).collect();
        match traces.append(batch).await {
            Ok(()) => {
                acknowledged += ids.len() as u64;
                ids.iter().for_each(|id| say(&format!("kept {id}")));
                batches += 1;
                // A failure is the log's to report; here only what was acknowledged counts.
                if batches % BATCHES_BETWEEN_COMPACTIONS == 0 {
                    let _ = traces.compact().await;
                }
            }
            Err(error) => ids.iter().for_each(|id| say(&format!("refused {id} {error}"))),
        }
        tokio::task::yield_now().await;
    }
}

fn trace(at: Timestamp, random: &mut Random) -> Trace {
    let entropy = u128::from(random.bits()) << 64 | u128::from(random.bits());
    let label =
        Label::parse(["refund", "card lost", "über-pay"][random.below(3)]).expect("a label");
    let task = ["tickets", "mail", "claims"][random.below(3)];
    Trace {
        id: TraceId::new(at, entropy),
        at,
        task: TaskName::parse(task).expect("a name"),
        caller: "crm".to_owned(),
        endpoint: "tasks.predict".to_owned(),
        input: "where is my card? ".repeat(1 + random.below(30)),
        outcome: Outcome::Answered,
        labels: vec![label.clone()],
        confidence: random.unit(),
        tier: Tier::Micro,
        certificate: None,
        tiers: vec![TierAnswer {
            tier: Tier::Micro,
            version: Digest::of(b"model"),
            labels: vec![label],
            confidence: random.unit(),
            ood_score: None,
            kept: true,
            reason: None,
            latency_us: 40,
            tokens: 12,
        }],
        latency_us: random.bits() >> 50,
        generation: None,
        route: None,
    }
}

/// One line at once, so that a kill cannot leave half of one.
fn say(line: &str) {
    // Nobody listens any more: then there is nothing to say either.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

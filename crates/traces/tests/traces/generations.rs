//! Generated answers: kept whole through log and Parquet, and open to questions.

use std::fs::File;

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use freehold_traces::{QUESTIONS, Traces};
use freehold_vocabulary::chat::{Usage, UsageBasis};
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{
    DataClass, Ending, EngineName, Generation, Outcome, TaskName, Tier, Trace, Try,
};

use crate::sample::{ask, open, parquet_files, quiet, trace};

fn generated(number: u64) -> Trace {
    let engine = |name| EngineName::parse(name).unwrap();
    let failed = number.is_multiple_of(3);
    let first = Try {
        model: "small".to_owned(),
        engine: engine("own"),
        error: Some("engine `own` failed (500): \"no\"".to_owned()),
    };
    let last = Try { model: "large".to_owned(), engine: engine("cloud"), error: None };
    let generation = Generation {
        model: "large".to_owned(),
        engine: engine("cloud"),
        upstream: "large-2026-11-01".to_owned(),
        data_class: DataClass::Internal,
        rule: "engines.cloud.clearance".to_owned(),
        ending: if failed { Ending::Cancelled } else { Ending::Complete },
        stop: (!failed).then(|| "end_turn".to_owned()),
        usage: Usage {
            input_tokens: 10 * number,
            cached_input_tokens: number,
            output_tokens: 5,
            ..Usage::default()
        },
        basis: if failed { UsageBasis::Estimated } else { UsageBasis::Reported },
        cost: number
            .is_multiple_of(2)
            .then(|| Cost { currency: "EUR".to_owned(), picos: 3_000_000_001 }),
        first_token_us: (!failed).then_some(1200),
        tries: if number % 2 == 1 { vec![first, last] } else { vec![last] },
        request: number.is_multiple_of(4).then(|| "{\"messages\":[]}".to_owned()),
        answer: None,
    };
    Trace {
        task: TaskName::parse(Trace::GENERATION).unwrap(),
        outcome: if failed { Outcome::Failed } else { Outcome::Answered },
        labels: vec![],
        confidence: 0.0,
        tier: Tier::Frontier,
        certificate: None,
        tiers: vec![],
        generation: Some(Box::new(generation)),
        ..trace(number)
    }
}

async fn check_found(traces: &Traces, when: &str) {
    for number in 0..12 {
        let wanted = generated(number);
        assert_eq!(traces.find(&wanted.id).await.unwrap(), Some(wanted), "{when}");
    }
    assert_eq!(traces.find(&trace(20).id).await.unwrap(), Some(trace(20)), "{when}");
}

#[tokio::test]
async fn a_generation_reads_back_as_it_was_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append((0..12).map(generated).chain([trace(20)]).collect()).await.unwrap();
    check_found(&traces, "in the log").await;
    let counted = "SELECT model, count(*), sum(cost_picos), sum(input_tokens), max(tries[1]['model']) \
                   FROM generations GROUP BY model";
    let expected = ["large 12 18000000006 660 small"];
    assert_eq!(ask(folder.path(), counted).await, expected);
    traces.compact().await.unwrap();
    check_found(&traces, "in Parquet").await;
    assert_eq!(ask(folder.path(), counted).await, expected);
    let spend = QUESTIONS.iter().find(|it| it.name == "spend").unwrap();
    let rows = ask(folder.path(), spend.sql).await;
    let expected = [
        "2026-11-20 large cloud EUR 6 300 30 0.018000000006 0 2 2",
        "2026-11-20 large cloud null 6 360 30 null 6 2 2",
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_file_from_before_generations_is_read_beside_newer_ones() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append((20..23).map(trace).collect()).await.unwrap();
    traces.compact().await.unwrap();
    for file in parquet_files(folder.path()) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file).unwrap()).unwrap();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let older = |batch: &RecordBatch| {
            let columns: Vec<usize> = (0..batch.num_columns() - 1).collect();
            batch.project(&columns).unwrap()
        };
        let batches: Vec<RecordBatch> = batches.iter().map(older).collect();
        let file = File::create(&file).unwrap();
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
    }
    traces.append((0..12).map(generated).collect()).await.unwrap();
    check_found(&traces, "beside an older file").await;
    traces.compact().await.unwrap();
    check_found(&traces, "beside an older file, compacted").await;
    let counts = "SELECT count(*), count(generation) FROM traces";
    assert_eq!(ask(folder.path(), counts).await, ["15 12"]);
}

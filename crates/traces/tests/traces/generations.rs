//! Generated answers: kept whole through log and Parquet, and open to questions.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch, StructArray};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use freehold_traces::{QUESTIONS, Traces};
use freehold_vocabulary::chat::{Usage, UsageBasis};
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{
    CacheKind, DataClass, Ending, EngineName, Generation, Outcome, Spent, TaskName, Tier, Trace,
    Try,
};

use crate::sample::{ask, open, parquet_files, quiet, trace};

fn generated(number: u64) -> Trace {
    let engine = |name| EngineName::parse(name).unwrap();
    let failed = number.is_multiple_of(3);
    let first = Try {
        model: "small".to_owned(),
        engine: engine("own"),
        error: Some("engine `own` failed (500): \"no\"".to_owned()),
        spent: None,
    };
    let spent = Spent {
        usage: Usage { input_tokens: number, output_tokens: 1, ..Usage::default() },
        basis: UsageBasis::Estimated,
        cost: number.is_multiple_of(2).then(|| Cost { currency: "EUR".to_owned(), picos: 7 }),
    };
    let spent = number.is_multiple_of(5).then_some(spent);
    let last = Try { model: "large".to_owned(), engine: engine("cloud"), error: None, spent };
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
        cache: number.is_multiple_of(5).then_some(CacheKind::Exact),
        saved: number
            .is_multiple_of(10)
            .then(|| Cost { currency: "EUR".to_owned(), picos: number + 1 }),
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

/// Writes every file anew, as an older version would have written it.
fn rewrite(folder: &Path, older: impl Fn(&RecordBatch) -> RecordBatch) {
    for file in parquet_files(folder) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file).unwrap()).unwrap();
        let batches: Vec<RecordBatch> =
            reader.build().unwrap().map(|batch| older(&batch.unwrap())).collect();
        let file = File::create(&file).unwrap();
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
    }
}

/// The batch without what a generation says of caches.
fn before_caches(batch: &RecordBatch) -> RecordBatch {
    let generation = batch.column_by_name("generation").unwrap();
    let generation = generation.as_any().downcast_ref::<StructArray>().unwrap();
    let newer = ["cache", "saved_picos", "saved_currency"];
    let fields = generation.fields().iter().cloned().zip(generation.columns().iter().cloned());
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) =
        fields.filter(|(field, _)| !newer.contains(&field.name().as_str())).unzip();
    let nulls = generation.nulls().cloned();
    let older: ArrayRef = Arc::new(StructArray::try_new(fields.into(), columns, nulls).unwrap());
    let named = batch.schema().fields().iter().map(|it| it.name().clone()).collect::<Vec<_>>();
    let columns = named.iter().zip(batch.columns()).map(|(name, column)| {
        let column = if name == "generation" { &older } else { column };
        let nullable = ["certificate", "generation", "route"].contains(&name.as_str());
        (name.as_str(), Arc::clone(column), nullable)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

#[tokio::test]
async fn a_file_from_before_caches_is_read_beside_newer_ones() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append([1, 2, 3].map(generated).into()).await.unwrap();
    traces.compact().await.unwrap();
    rewrite(folder.path(), before_caches);
    traces.append([5, 10].map(generated).into()).await.unwrap();
    let counts = "SELECT count(*), count(cache), sum(saved_picos) FROM generations";
    for when in ["beside the log", "beside a newer file"] {
        for number in [1, 2, 3, 5, 10] {
            let wanted = generated(number);
            assert_eq!(traces.find(&wanted.id).await.unwrap(), Some(wanted), "{when}");
        }
        assert_eq!(ask(folder.path(), counts).await, ["5 2 11"], "{when}");
        traces.compact().await.unwrap();
    }
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
    rewrite(folder.path(), |batch| {
        let newer = ["generation", "route"];
        let schema = batch.schema();
        let names = schema.fields().iter().enumerate();
        let older = names.filter(|(_, field)| !newer.contains(&field.name().as_str()));
        let columns: Vec<usize> = older.map(|(place, _)| place).collect();
        batch.project(&columns).unwrap()
    });
    traces.append((0..12).map(generated).collect()).await.unwrap();
    check_found(&traces, "beside an older file").await;
    traces.compact().await.unwrap();
    check_found(&traces, "beside an older file, compacted").await;
    let counts = "SELECT count(*), count(generation) FROM traces";
    assert_eq!(ask(folder.path(), counts).await, ["15 12"]);
}

//! Questions in SQL: right answers, and no more than reading.

use std::path::Path;

use freehold_traces::{Limits, QUESTIONS, Traces, TracesError, questions};
use freehold_vocabulary::ports::TraceLog as _;
use serde_json::json;

use crate::sample::{ask, lines, open, parquet_files, quiet, trace};

/// Two hundred traces over three days; half of them in parts, half in the log.
async fn folder_with_traces(folder: &Path) -> Traces {
    let traces = open(folder, quiet());
    let mut all: Vec<_> = (0..200).map(|number| trace(number * 13)).collect();
    let later = all.split_off(100);
    traces.append(all).await.unwrap();
    traces.compact().await.unwrap();
    traces.append(later).await.unwrap();
    traces
}

#[tokio::test]
async fn parts_and_log_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let _traces = folder_with_traces(folder.path()).await;
    let check = async |question: &str, expected: &[&str]| {
        assert_eq!(ask(folder.path(), question).await, expected, "{question}");
    };
    check("SELECT count(*) FROM traces", &["200"]).await;
    check(
        "SELECT day, count(*) FROM traces GROUP BY day ORDER BY day",
        &["2026-11-20 77", "2026-11-21 77", "2026-11-22 46"],
    )
    .await;
    check("SELECT count(*) FROM traces WHERE task = 'mail' AND day = '2026-11-20'", &["26"]).await;
    check("SELECT count(*) FROM traces t WHERE t.day > '2026-11-21' OR t.task = 'none'", &["46"])
        .await;
    check("SELECT max(latency_us), sum(confidence) > 0 FROM traces", &["2587000 true"]).await;
    check("SELECT count(*) FROM answers WHERE tier = 'small' AND NOT kept", &["50"]).await;
    check(
        "SELECT input FROM traces WHERE id = (SELECT min(id) FROM traces)",
        &["line one of 0\n\tü 😀 \u{0} 'quoted'"],
    )
    .await;
    check(
        "SELECT date_trunc('hour', at) FROM traces ORDER BY at LIMIT 1",
        &["2026-11-20T00:00:00.000000Z"],
    )
    .await;
    check("SELECT 1 FROM traces WHERE false", &[]).await;
}

#[tokio::test]
async fn a_row_is_plain_json() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append(vec![trace(3)]).await.unwrap();
    let question =
        "SELECT at, day, labels, tiers, certificate, latency_us / 0.0 AS nothing FROM traces";
    for compacted in [false, true] {
        if compacted {
            traces.compact().await.unwrap();
        }
        let rows = freehold_traces::sql(folder.path(), question, &Limits::default()).await.unwrap();
        assert_eq!(rows.columns, ["at", "day", "labels", "tiers", "certificate", "nothing"]);
        let micro = json!({
            "tier": "micro", "version": trace(3).tiers[0].version,
            "labels": ["label 0", "naïve \"quoted\""], "confidence": 0.1 + 0.2,
            "ood_score": 3.0 / 7.0, "kept": false, "reason": "confidence below threshold",
            "latency_us": 38, "tokens": 9,
        });
        let small = json!({
            "tier": "small", "version": trace(3).tiers[1].version, "labels": [],
            "confidence": 0.9, "ood_score": null, "kept": false, "reason": "out of distribution",
            "latency_us": 4000, "tokens": 11,
        });
        let at = "2026-11-20T00:04:19.200003Z";
        let expected = json!([at, "2026-11-20", [], [micro, small], null, null]);
        assert_eq!(json!(rows.rows), json!([expected]));
    }
}

#[tokio::test]
async fn what_is_not_a_question_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let _traces = folder_with_traces(folder.path()).await;
    let files = parquet_files(folder.path());
    let target = folder.path().join("out.csv");
    let target = target.display();
    let cases = [
        ("DROP TABLE traces", "only read"),
        ("DELETE FROM traces", "only read"),
        ("UPDATE traces SET task = 'x'", "only read"),
        ("INSERT INTO traces SELECT * FROM traces", "only read"),
        ("CREATE TABLE t AS SELECT * FROM traces", "only read"),
        ("CREATE VIEW v AS SELECT 1", "only read"),
        ("SET datafusion.execution.batch_size = 1", "only read"),
        (&format!("COPY traces TO '{target}'"), "only read"),
        (&format!("EXPLAIN ANALYZE COPY traces TO '{target}'"), ""),
        (&format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{target}'"), "only read"),
        ("SELECT * FROM '/etc/passwd'", "etc/passwd"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELECT 1; SELECT 2", "single"),
        ("SELECT nonsense FROM traces", "nonsense"),
        ("SELEKT 1", "SELEKT"),
        ("", ""),
        (&format!("SELECT '{}'", "x".repeat(70_000)), "longer than"),
    ];
    for (question, why) in cases {
        let error = freehold_traces::sql(folder.path(), question, &Limits::default()).await;
        let error = error.expect_err(question);
        assert!(matches!(error, TracesError::Refused { .. }), "{question:.80}: {error:?}");
        assert!(error.to_string().contains(why), "{question:.80}: {error}");
    }
    assert_eq!(parquet_files(folder.path()), files);
    assert!(!folder.path().join("out.csv").exists());
    assert_eq!(ask(folder.path(), "SELECT count(*) FROM traces").await, ["200"]);
}

#[tokio::test]
async fn a_question_that_needs_too_much_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let _traces = folder_with_traces(folder.path()).await;
    let all = "SELECT * FROM traces";
    let few = Limits { rows_max: 7, ..Limits::default() };
    let rows = freehold_traces::sql(folder.path(), all, &few).await.unwrap();
    assert!(rows.truncated);
    assert_eq!(rows.rows.len(), 7);
    let exactly = Limits { rows_max: 200, ..Limits::default() };
    let rows = freehold_traces::sql(folder.path(), all, &exactly).await.unwrap();
    assert!(!rows.truncated);
    assert_eq!(rows.rows.len(), 200);

    let check_limit = async |question: &str, limits: Limits| {
        let error = freehold_traces::sql(folder.path(), question, &limits).await.unwrap_err();
        assert!(matches!(error, TracesError::Limit { .. }), "{error:?}");
    };
    check_limit(all, Limits { answer_bytes_max: 1000, ..Limits::default() }).await;
    let product = "SELECT count(*) FROM (SELECT DISTINCT a.id, b.input FROM traces a, traces b)";
    check_limit(product, Limits { memory_bytes_max: 100_000, ..Limits::default() }).await;
}

#[tokio::test]
async fn parts_of_other_days_and_tasks_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let traces = folder_with_traces(folder.path()).await;
    traces.compact().await.unwrap();
    for path in parquet_files(folder.path()) {
        if path.to_string_lossy().contains("2026-11-20") {
            std::fs::write(path, b"not a Parquet file").unwrap();
        }
    }
    let count = "SELECT count(*) FROM traces WHERE day >= '2026-11-21' AND latency_us >= 0";
    assert_eq!(ask(folder.path(), count).await, ["123"]);
    let everything = "SELECT * FROM traces";
    let error =
        freehold_traces::sql(folder.path(), everything, &Limits::default()).await.unwrap_err();
    assert!(matches!(error, TracesError::Query { .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_without_traces_answers_and_one_that_does_not_exist_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ask(folder.path(), "SELECT count(*) FROM traces").await, ["0"]);
    assert_eq!(ask(folder.path(), "SELECT task, input FROM traces").await, Vec::<String>::new());
    for question in QUESTIONS {
        let rows = questions::ask(folder.path(), question, &Limits::default()).await.unwrap();
        assert_eq!(rows.rows.len(), 0, "{}", question.name);
    }
    let nowhere = folder.path().join("nowhere");
    let error = freehold_traces::sql(nowhere, "SELECT 1", &Limits::default()).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn the_ready_questions_count_right() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append((0..100).map(trace).collect()).await.unwrap();
    let answer = async |name: &str| {
        let question = questions::find(name).expect("a question of that name");
        lines(&questions::ask(folder.path(), question, &Limits::default()).await.unwrap())
    };
    // Wilson's interval for 17 of 34 is 0.3407 to 0.6593.
    let by_tier = answer("by_tier").await;
    assert_eq!(by_tier.len(), 6, "{by_tier:?}");
    let mail = "mail 2026-11-20 micro 17 34 0.5 0.34";
    assert!(by_tier[0].starts_with(mail), "{by_tier:?}");
    let latency = answer("latency").await;
    assert_eq!(latency[0], "mail micro 17 48.0 91.2 96.0", "{latency:?}");
    let abstentions = answer("abstentions").await;
    let first = "tickets micro confidence below threshold 33 66 0.5 ";
    assert!(abstentions[0].starts_with(first), "{abstentions:?}");
    let labels = answer("labels").await;
    assert!(labels.iter().any(|it| it.starts_with("tickets label 0 10 ")), "{labels:?}");
    let volume = answer("volume").await;
    assert_eq!(volume[0], "2026-11-20 tickets key-0 33 0", "{volume:?}");
    let mut names: Vec<_> = QUESTIONS.iter().map(|it| it.name).collect();
    names.dedup();
    assert!(names.is_sorted() && names.len() == QUESTIONS.len());
}

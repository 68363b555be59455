//! A trace comes back as it was, from wherever it lies; what cannot is refused.

use freehold_traces::Options;
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::{Timestamp, Trace, TraceId};

use crate::sample::{ask, open, quiet, tiny, trace};

#[tokio::test]
async fn every_trace_is_found_exactly_as_it_was_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    // Three days, two tasks, dozens of segments.
    let all: Vec<Trace> = (0..60).map(|number| trace(number * 40)).collect();
    let mut traces = open(folder.path(), tiny());
    for (place, trace) in all.iter().enumerate() {
        traces.append(vec![trace.clone()]).await.unwrap();
        assert_eq!(traces.find(&trace.id).await.unwrap().as_ref(), Some(trace));
        match place {
            20 | 30 | 40 => drop(traces.compact().await.unwrap()),
            25 => {
                drop(traces);
                traces = open(folder.path(), tiny());
            }
            _ => {}
        }
    }
    let check = async |traces: &freehold_traces::Traces| {
        for trace in &all {
            assert_eq!(traces.find(&trace.id).await.unwrap().as_ref(), Some(trace));
        }
        assert_eq!(
            ask(folder.path(), "SELECT count(*), count(DISTINCT id) FROM traces").await,
            ["60 60"]
        );
    };
    check(&traces).await;
    traces.compact().await.unwrap();
    check(&traces).await;
    drop(traces);
    check(&open(folder.path(), quiet())).await;
}

#[tokio::test]
async fn an_unknown_trace_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    let known = trace(5);
    traces.append(vec![known.clone()]).await.unwrap();
    for compacted in [false, true] {
        if compacted {
            traces.compact().await.unwrap();
        }
        for id in [trace(6).id, TraceId::new(known.at, 1), trace(400_000).id] {
            assert_eq!(traces.find(&id).await.unwrap(), None, "compacted: {compacted}");
        }
        let far = TraceId::parse(&"Z".repeat(26)).unwrap();
        assert_eq!(traces.find(&far).await.unwrap(), None);
    }
}

#[tokio::test]
async fn appending_the_same_trace_again_keeps_one() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append(vec![trace(1), trace(2)]).await.unwrap();
    let (first, second) =
        tokio::join!(traces.append(vec![trace(2), trace(3)]), traces.append(vec![trace(3)]));
    first.unwrap();
    second.unwrap();
    assert_eq!(ask(folder.path(), "SELECT count(*) FROM traces").await, ["3"]);
    let changed = Trace { input: "another".to_owned(), ..trace(2) };
    let error = traces.append(vec![trace(4), changed]).await.unwrap_err().to_string();
    assert!(error.contains("already recorded with other content"), "{error}");
    assert_eq!(traces.find(&trace(4).id).await.unwrap(), None);
}

#[track_caller]
fn check_refused(result: Result<(), freehold_vocabulary::ports::TraceLogError>, why: &str) {
    let error = result.expect_err("the trace cannot be kept").to_string();
    assert!(error.contains(why), "{error}");
}

#[tokio::test]
async fn a_trace_that_could_not_be_read_back_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    let change = |change: fn(&mut Trace)| {
        let mut trace = trace(9);
        change(&mut trace);
        vec![trace]
    };
    let append = |batch| traces.append(batch);
    check_refused(append(change(|it| it.confidence = f64::NAN)).await, "not a finite number");
    check_refused(append(change(|it| it.tiers[0].confidence = f64::INFINITY)).await, "finite");
    check_refused(append(change(|it| it.tiers[0].ood_score = Some(f64::NAN))).await, "finite");
    check_refused(append(change(|it| it.latency_us = u64::MAX)).await, "2^63");
    check_refused(append(change(|it| it.at = Timestamp::from_micros(0))).await, "made at 2026-11");
    check_refused(append(change(|it| it.input = "x".repeat(9 << 20))).await, "shorten its input");
    let before_1970 = change(|it| {
        it.at = Timestamp::from_micros(-5);
        it.id = TraceId::new(it.at, 5);
    });
    check_refused(append(before_1970).await, "outside the years");
    check_refused(append(vec![trace(1), trace(2), trace(1)]).await, "twice in one append");
    append(vec![]).await.unwrap();
    assert_eq!(traces.status().traces_in_log, 0);
    let small = Options { queue_bytes_max: 100, ..quiet() };
    let elsewhere = tempfile::tempdir().unwrap();
    let result = open(elsewhere.path(), small).append(vec![trace(1)]).await;
    check_refused(result, "append fewer at a time");
}

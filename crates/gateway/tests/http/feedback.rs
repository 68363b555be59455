//! `POST /v1/feedback`.

use freehold_ledger::{FeedbackRepository, Limit, ReviewRepository, Sequence};
use freehold_vocabulary::{TaskName, TraceId};
use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{Server, TracesMode};

const PATH: &str = "/v1/feedback";

/// An answered and an abstained trace.
async fn asked(server: &Server) -> (String, String) {
    let body = r#"{"inputs": ["billing", "hm"]}"#;
    let answer = server.post("/v1/tasks/tickets/predict", body).await.ok();
    let id = |place: usize| answer["results"][place]["trace_id"].as_str().unwrap().to_owned();
    (id(0), id(1))
}

#[tokio::test]
async fn a_correction_is_settled_whether_it_was_answered_or_not() {
    let server = Server::default().await;
    let (answered, abstained) = asked(&server).await;
    for (trace, label) in [(&answered, "login"), (&abstained, "shipping")] {
        let body = json!({ "trace_id": trace, "kind": "correction", "labels": [label] });
        let reply = server.post(PATH, &body.to_string()).await.ok();
        assert_eq!(reply, json!({ "trace_id": trace, "recorded": true, "settled": true }));
        // What a client sends again, because it does not know whether it arrived, changes nothing.
        server.post(PATH, &body.to_string()).await.ok();
        let said = server.ledger.feedback_on(&TraceId::parse(trace).unwrap()).await.unwrap();
        assert_eq!(said.len(), 1);
    }
    let task = TaskName::parse("tickets").unwrap();
    let settled = server.ledger.settled_reviews(&task, Sequence::START, Limit::PAGE).await.unwrap();
    let settled: Vec<(&str, &str, &str)> = settled
        .iter()
        .map(|it| {
            (it.trace.as_str(), it.text.as_str(), it.settlement().unwrap().labels[0].as_str())
        })
        .collect();
    let expected =
        [(answered.as_str(), "billing", "login"), (abstained.as_str(), "hm", "shipping")];
    assert_eq!(settled, expected);
    assert_eq!(server.ledger.count_pending_reviews(None).await.unwrap(), 0);
}

#[tokio::test]
async fn ratings_and_outcomes_are_kept_and_settle_nothing() {
    let server = Server::default().await;
    let (trace, _) = asked(&server).await;
    for said in [
        json!({ "trace_id": trace, "kind": "rating", "rating": 0.5 }),
        json!({ "trace_id": trace, "kind": "outcome", "outcome": "ticket reopened" }),
    ] {
        let reply = server.post(PATH, &said.to_string()).await.ok();
        assert_eq!(reply["settled"], false);
    }
    let said = server.ledger.feedback(Sequence::START, Limit::PAGE).await.unwrap();
    assert_eq!(said.len(), 2);
}

#[tokio::test]
async fn a_label_that_the_task_does_not_know_is_answered_with_near_ones() {
    let server = Server::default().await;
    let (trace, _) = asked(&server).await;
    let body = json!({ "trace_id": trace, "kind": "correction", "labels": ["Biling"] });
    let reply = server.post(PATH, &body.to_string()).await;
    assert_eq!(reply.status, 400);
    assert_json_snapshot!("feedback_unknown_label", reply.json());
}

#[tokio::test]
async fn a_wrong_statement_is_told_what_is_wrong() {
    let server = Server::default().await;
    let (trace, _) = asked(&server).await;
    let mut client = server.client().await;
    let mut check = async |change: serde_json::Value, status: u16, code: &str, part: &str| {
        let mut body = json!({ "trace_id": trace });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let message = client.post(PATH, &body.to_string()).await.error(status, code);
        assert!(message.contains(part), "{body}: {message}");
    };
    let rating =
        json!({ "kind": "rating", "rating": 1.0, "trace_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV" });
    check(rating, 404, "trace_not_found", "01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
    check(
        json!({ "kind": "rating", "rating": 1.0, "trace_id": "x" }),
        404,
        "trace_not_found",
        "`x`",
    )
    .await;
    check(json!({ "kind": "rating", "rating": 1.5 }), 400, "invalid_request", "between 0 and 1")
        .await;
    check(json!({ "kind": "rating" }), 400, "invalid_request", "`rating`").await;
    check(
        json!({ "kind": "rating", "rating": 1.0, "labels": [] }),
        400,
        "invalid_request",
        "exactly",
    )
    .await;
    check(json!({ "kind": "outcome", "outcome": "" }), 400, "invalid_request", "empty").await;
    check(json!({ "kind": "outcome", "outcome": "x".repeat(70_000) }), 413, "too_large", "65536")
        .await;
    check(json!({ "kind": "applause" }), 400, "invalid_json", "applause").await;
    check(
        json!({ "kind": "correction", "labels": ["a", "b"] }),
        400,
        "invalid_request",
        "one label",
    )
    .await;
    check(
        json!({ "kind": "correction", "labels": ["login", "login"] }),
        400,
        "invalid_request",
        "twice",
    )
    .await;
    check(json!({ "kind": "correction", "labels": [" "] }), 400, "invalid_request", "not a label")
        .await;
    check(json!({ "kind": "correction", "label": "login" }), 400, "invalid_json", "unknown field")
        .await;
}

#[tokio::test]
async fn feedback_is_never_acknowledged_without_being_kept() {
    let server = Server::default().await;
    let (trace, _) = asked(&server).await;
    let body = json!({ "trace_id": trace, "kind": "rating", "rating": 1.0 }).to_string();
    server.traces.set(TracesMode::Broken);
    server.post(PATH, &body).await.error(503, "trace_log_unavailable");
    server.traces.set(TracesMode::Well);
    server.ledger.close().await;
    server.post(PATH, &body).await.error(503, "ledger_unavailable");
}

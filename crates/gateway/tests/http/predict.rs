//! `POST /v1/tasks/{task}/predict`.

use freehold_ledger::{Limit, ReviewRepository};
use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{Behaviour, Server, Setup, TracesMode, WordEngine, one};
use freehold_vocabulary::{Outcome, Tier};

const PATH: &str = "/v1/tasks/tickets/predict";

#[tokio::test]
async fn a_batch_goes_through_the_tiers_and_every_answer_says_how() {
    let server = Server::default().await;
    let body = json!({
        "inputs": ["billing please", {"text": "Login again"}, "nothing known"],
        "top_k": 2,
    });
    let answer = server.post(PATH, &body.to_string()).await.steady();
    assert_json_snapshot!("predict", answer);
}

#[tokio::test]
async fn an_answer_is_recorded_and_an_abstention_waits_for_a_person() {
    let server = Server::default().await;
    let answer = server.post(PATH, r#"{"inputs": ["Login", "what"]}"#).await.ok();
    let id = |place: usize| answer["results"][place]["trace_id"].as_str().unwrap().to_owned();

    let kept = server.traces.get(&id(0)).unwrap();
    assert_eq!(
        (kept.outcome, kept.tier, kept.input.as_str()),
        (Outcome::Answered, Tier::Small, "Login")
    );
    assert_eq!(kept.tiers.len(), 2);
    assert!(!kept.tiers[0].kept && kept.tiers[1].kept);
    assert_eq!((kept.endpoint.as_str(), kept.caller.as_str()), ("tasks.predict", "local"));

    let passed = server.traces.get(&id(1)).unwrap();
    assert_eq!(
        (passed.outcome, passed.tier, passed.labels.len()),
        (Outcome::Abstained, Tier::Human, 0)
    );
    let queue = server.ledger.pending_reviews(None, Limit::PAGE, None).await.unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!((queue[0].trace.as_str(), queue[0].text.as_str()), (id(1).as_str(), "what"));
}

#[tokio::test]
async fn a_batch_says_what_its_texts_say_alone() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let kinds = ["billing", "Login", "hm", "shipping shipping", "billing login", "Bills"];
    let texts: Vec<&str> = kinds.into_iter().cycle().take(60).collect();
    let anonymous = |result: &serde_json::Value| {
        let mut result = result.clone();
        result["trace_id"].take();
        result
    };
    let batch = client.post(PATH, &json!({ "inputs": texts }).to_string()).await.ok();
    let batch = batch["results"].as_array().unwrap();
    assert_eq!(batch.len(), texts.len());
    for (text, together) in texts.iter().zip(batch) {
        let alone = client.post(PATH, &json!({ "inputs": [text] }).to_string()).await.ok();
        assert_eq!(anonymous(&alone["results"][0]), anonymous(together), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_recorded_is_withheld() {
    let server = Server::default().await;
    for (mode, code) in
        [(TracesMode::Full, "trace_log_full"), (TracesMode::Broken, "trace_log_unavailable")]
    {
        server.traces.set(mode);
        let reply = server.post(PATH, r#"{"inputs": ["billing"]}"#).await;
        let message = reply.error(503, code);
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    server.traces.set(TracesMode::Well);
    server.ledger.close().await;
    server.post(PATH, r#"{"inputs": ["billing"]}"#).await.ok();
    let reply = server.post(PATH, r#"{"inputs": ["abstain"]}"#).await;
    reply.error(503, "ledger_unavailable");
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let mut check = async |body: &str, code: &str, part: &str| {
        let reply = client.post(PATH, body).await;
        let message = reply.error(400, code);
        assert!(message.contains(part), "{body}: {message}");
    };
    check("", "invalid_json", "EOF").await;
    check("{", "invalid_json", "line 1 column 1").await;
    check(r#"{"inputs": ["a"]} x"#, "invalid_json", "trailing characters").await;
    check(r#"{"inputs": ["a", 3]}"#, "invalid_json", "at `inputs[1]`").await;
    check(r#"{"inputs": [{"txt": "a"}]}"#, "invalid_json", "unknown field `txt`").await;
    check(r#"{"inputs": [{"text": "a", "text": "b"}]}"#, "invalid_json", "duplicate field").await;
    check(r#"{"inputs": "a"}"#, "invalid_json", "at `inputs`").await;
    check(r#"{"input": ["a"]}"#, "invalid_json", "unknown field `input`").await;
    check(r#"{}"#, "invalid_json", "missing field `inputs`").await;
    check(r#"{"inputs": []}"#, "invalid_request", "`inputs` is empty").await;
    check(r#"{"inputs": ["a", " \n"]}"#, "invalid_request", "`inputs[1]` is empty").await;
    check(r#"{"inputs": ["a"], "top_k": 0}"#, "invalid_request", "outside 1 to 255").await;
    let deep = "[".repeat(100_000);
    check(&deep, "invalid_json", "at").await;
}

#[tokio::test]
async fn an_unknown_task_is_answered_with_the_known_ones() {
    let server = Server::default().await;
    let reply = server.post("/v1/tasks/ticket/predict", r#"{"inputs": ["a"]}"#).await;
    assert_eq!(reply.status, 404);
    assert_json_snapshot!("unknown_task", reply.json());
    server
        .post("/v1/tasks/%FF/predict", r#"{"inputs": ["a"]}"#)
        .await
        .error(400, "invalid_request");
}

#[tokio::test]
async fn an_engine_that_does_not_answer_costs_one_request() {
    for (behaviour, status, code) in [
        (Behaviour::Busy, 429, "engine_busy"),
        (Behaviour::Broken, 500, "engine_failed"),
        (Behaviour::Short, 500, "engine_failed"),
        (Behaviour::Panic, 500, "internal_error"),
        (Behaviour::Refuse, 400, "invalid_request"),
    ] {
        let engine = WordEngine::new(Tier::Micro, &["billing", "login"]).behaves(behaviour);
        let server = Server::start(Setup { portfolio: one(engine), ..Setup::default() }).await;
        let mut client = server.client().await;
        let reply = client.post(PATH, r#"{"inputs": ["billing"]}"#).await;
        let message = reply.error(status, code);
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(reply.header("retry-after"), (status == 429).then_some("3"));
        assert_eq!(server.traces.count(), 0);
        assert_eq!(client.get("/healthz").await.status, 200);
    }
}

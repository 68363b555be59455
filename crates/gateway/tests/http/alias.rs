//! `task@alias` as a model: one tier alone, in every protocol.

use std::sync::Arc;

use freehold_gateway::{Deployed, DeployedTier, Portfolio};
use freehold_vocabulary::{AliasName, LabelMode, Tier, Timestamp};
use serde_json::json;

use crate::support::{START, Server, Setup, WordEngine, deployed, policy, task};

const TOPICS: [&str; 2] = ["billing", "login"];

fn micro() -> WordEngine {
    WordEngine::new(Tier::Micro, &TOPICS)
}

fn small() -> WordEngine {
    WordEngine::new(Tier::Small, &TOPICS).fluent()
}

fn alone(alias: &str, engine: WordEngine) -> Deployed {
    let tier = DeployedTier { policy: policy(&engine), engine: Arc::new(engine) };
    let alias = AliasName::parse(alias).unwrap();
    let task = task("tickets", LabelMode::Single);
    Deployed::alone(task, alias, tier, Timestamp::parse(START).unwrap()).unwrap()
}

/// A route of two tiers, and each of them alone.
async fn server() -> Server {
    let route = deployed(task("tickets", LabelMode::Single), vec![micro(), small()]);
    let all = vec![alone("micro", micro()), route, alone("champion", small())];
    let portfolio = Portfolio::new(all).unwrap();
    Server::start(Setup { portfolio, ..Setup::default() }).await
}

/// Who answers a text that only the second tier understands.
#[track_caller]
fn check(answer: &serde_json::Value, outcome: &str, tier: &str) {
    assert_eq!((&answer["outcome"], &answer["tier"]), (&json!(outcome), &json!(tier)), "{answer}");
}

#[tokio::test]
async fn an_alias_answers_alone_where_the_route_would_go_on() {
    let server = server().await;
    let body = json!({ "inputs": ["BILLS"] }).to_string();
    for (name, alias, outcome, tier) in [
        ("tickets", None, "answered", "small"),
        ("tickets@micro", Some("micro"), "abstained", "human"),
        ("tickets%40micro", Some("micro"), "abstained", "human"),
        ("tickets@champion", Some("champion"), "answered", "small"),
    ] {
        let path = format!("/v1/tasks/{name}/predict");
        let answer = server.post(&path, &body).await.ok();
        check(&answer["results"][0], outcome, tier);
        assert_eq!((&answer["task"], answer["alias"].as_str()), (&json!("tickets"), alias));
        // What an alias said alone can be told from what the route said.
        let id = answer["results"][0]["trace_id"].as_str().unwrap();
        let trace = server.traces.get(id).unwrap();
        let suffix = alias.map(|it| format!("@{it}")).unwrap_or_default();
        assert_eq!(trace.endpoint, format!("tasks.predict{suffix}"));
        assert_eq!(trace.tiers.len(), if alias.is_some() { 1 } else { 2 });
    }
}

#[tokio::test]
async fn an_alias_is_a_model_in_every_protocol() {
    let server = server().await;
    let messages = json!([{ "role": "user", "content": "BILLS" }]);
    let body = json!({ "model": "tickets@champion", "messages": messages });
    let answer = server.post("/v1/chat/completions", &body.to_string()).await.ok();
    assert_eq!(answer["model"], "tickets@champion");
    check(&answer["freehold"], "answered", "small");
    let body = json!({ "model": "tickets@micro", "state": "login", "questions": {
        "topic": { "type": "choice", "criteria": { "billing": null, "login": null } },
    }});
    let answer = server.post("/v1/systemone", &body.to_string()).await.ok();
    assert_eq!(answer["answers"]["topic"]["choice"], "login", "{answer}");
    let listed = server.get("/v1/models").await.ok();
    let ids = listed["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), ["tickets", "tickets@champion", "tickets@micro"]);
    let one = server.get("/v1/models/tickets@micro").await.ok();
    assert_eq!(
        (&one["freehold"]["task"], &one["freehold"]["alias"]),
        (&json!("tickets"), &json!("micro"))
    );
    assert_eq!(server.get("/readyz").await.ok()["tasks"], 1);
}

#[tokio::test]
async fn an_alias_that_is_not_loaded_is_not_found() {
    let server = server().await;
    let body = json!({ "inputs": ["login"] }).to_string();
    let chat = |model: &str| {
        json!({ "model": model, "messages": [{ "role": "user", "content": "login" }] }).to_string()
    };
    for name in ["tickets@nobody", "tickets@", "@micro", "other@micro", "tickets@micro@micro"] {
        let reply = server.post(&format!("/v1/tasks/{name}/predict"), &body).await;
        let error = reply.error(404, "task_not_found").to_string();
        assert!(error.contains("tickets@champion"), "{error}");
        let reply = server.post("/v1/chat/completions", &chat(name)).await;
        reply.error(404, "model_not_found");
        server.get(&format!("/v1/models/{name}")).await.error(404, "model_not_found");
    }
}

#[tokio::test]
async fn feedback_on_an_alias_is_feedback_on_its_task() {
    let server = server().await;
    let body = json!({ "inputs": ["login"] }).to_string();
    let answer = server.post("/v1/tasks/tickets@micro/predict", &body).await.ok();
    let id = &answer["results"][0]["trace_id"];
    let sent = json!({ "trace_id": id, "kind": "correction", "labels": ["billing"] });
    server.post("/v1/feedback", &sent.to_string()).await.ok();
}

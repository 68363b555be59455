//! Answers that are given again: to whom, in which form, and what the record says.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use freehold_vocabulary::chat::{StopReason, Usage};
use freehold_vocabulary::{CacheKind, DataClass, Trace};
use serde_json::{Value, json};

use super::{CHAT, ask};
use crate::support::{
    Line, Reply, Scripted, Server, Setup, finished, hello, model, started, text, with_models,
};

async fn one() -> (Server, Arc<Scripted>) {
    let cloud = Scripted::new("cloud", DataClass::Confidential, hello());
    let setup =
        Setup { portfolio: with_models(&[model("large", &cloud, &[])]), ..Setup::default() };
    (Server::start(setup).await, cloud)
}

fn steady(text: &str) -> Value {
    let mut body = ask(text);
    body["temperature"] = json!(0);
    body
}

async fn send(server: &Server, path: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.client().await.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn did(reply: &Reply) -> &str {
    reply.headers["x-freehold-cache"].to_str().unwrap()
}

fn trace(server: &Server, answer: &Value) -> Trace {
    server.traces.get(answer["freehold"]["trace_id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn an_answer_is_given_again_for_nothing() {
    let (server, cloud) = one().await;
    let first = send(&server, CHAT, &steady("hi"), &[]).await;
    let again = send(&server, CHAT, &steady("hi"), &[]).await;
    assert_eq!((did(&first), did(&again), cloud.times()), ("miss", "hit", 1));
    let (first, again) = (first.ok(), again.ok());
    assert_eq!(first["choices"], again["choices"]);
    assert_eq!(first["usage"], again["usage"]);
    assert_eq!(again["freehold"]["cache"], "exact");
    assert_eq!(again["freehold"]["cost"], json!({ "currency": "USD", "amount": 0.0 }));
    let kept = trace(&server, &again).generation.unwrap();
    assert_eq!(
        (kept.cache, kept.usage, kept.tries.len()),
        (Some(CacheKind::Exact), Usage::default(), 0)
    );
    assert_eq!(kept.saved, trace(&server, &first).generation.unwrap().cost);
    let metrics = server.get("/metrics").await.text;
    for line in [
        "freehold_cache_lookups_total{result=\"hit\"} 1",
        "freehold_cache_lookups_total{result=\"miss\"} 1",
        "freehold_cache_saved_total{currency=\"USD\"} 0.00005",
        "freehold_cache_entries 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_stream_and_another_protocol_get_the_same_answer() {
    let (server, cloud) = one().await;
    let whole = send(&server, CHAT, &steady("hi"), &[]).await.ok();
    let mut body = steady("hi");
    body["stream"] = json!(true);
    let streamed = send(&server, CHAT, &body, &[]).await;
    assert_eq!((did(&streamed), cloud.times()), ("hit", 1));
    let said: String = streamed
        .text
        .lines()
        .filter_map(|it| it.strip_prefix("data: "))
        .filter_map(|it| serde_json::from_str::<Value>(it).ok())
        .filter_map(|it| it["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(whole["choices"][0]["message"]["content"], said);
    assert!(streamed.text.ends_with("data: [DONE]\n\n"), "{}", streamed.text);
}

#[tokio::test]
async fn what_differs_is_asked() {
    let (server, cloud) = one().await;
    let mut asked = 0;
    let mut check = async |body: Value, headers: &[(&str, &str)], expected: &str| {
        let reply = send(&server, CHAT, &body, headers).await;
        assert_eq!(did(&reply), expected, "{body} {headers:?}");
        asked += usize::from(expected != "hit");
        assert_eq!(cloud.times(), asked, "{body} {headers:?}");
    };
    check(steady("hi"), &[], "miss").await;
    check(steady("ho"), &[], "miss").await;
    check(steady("hi"), &[("x-freehold-data-class", "confidential")], "miss").await;
    check(ask("hi"), &[], "bypass").await;
    let mut tools = steady("hi");
    tools["tools"] =
        json!([{ "type": "function", "function": { "name": "pay", "parameters": {} } }]);
    check(tools, &[], "bypass").await;
    check(steady("hi"), &[("cache-control", "no-store")], "bypass").await;
    check(steady("hi"), &[("cache-control", "max-age=0, no-cache")], "miss").await;
    check(steady("hi"), &[], "hit").await;
}

#[tokio::test]
async fn what_broke_off_or_was_filtered_is_not_given_again() {
    let (server, cloud) = one().await;
    for script in [
        vec![started(), text("a"), Line::Fail(cloud.error("truncated"))],
        vec![started(), text("a"), finished(StopReason::ContentFilter)],
    ] {
        cloud.says(script);
        let _ = send(&server, CHAT, &steady("hi"), &[]).await;
    }
    cloud.says(hello());
    assert_eq!(did(&send(&server, CHAT, &steady("hi"), &[]).await), "miss");
    assert_eq!(cloud.times(), 3);
}

#[tokio::test]
async fn another_tenant_is_never_given_it() {
    let cloud = Scripted::new("cloud", DataClass::Internal, hello());
    let portfolio = with_models(&[model("large", &cloud, &[])]);
    let setup = Setup { access: freehold_gateway::Access::Keys, portfolio, ..Setup::default() };
    let server = Server::start(setup).await;
    for (name, secret, expected) in
        [("one", "fh-one", "miss"), ("two", "fh-two", "miss"), ("one", "fh-one", "hit")]
    {
        if expected == "miss" {
            crate::keys::add(&server, name, None).await;
        }
        let key = format!("Bearer {secret}");
        let reply = send(&server, CHAT, &steady("hi"), &[("authorization", &key)]).await;
        assert_eq!((reply.status.as_u16(), did(&reply)), (200, expected), "{name}");
    }
}

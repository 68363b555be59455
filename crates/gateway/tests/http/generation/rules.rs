//! Who is asked, what is denied, what is recorded, and what happens when an engine fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use freehold_gateway::Limits;
use freehold_ledger::{AuditRepository as _, Limit, Sequence};
use freehold_vocabulary::audit::{Act, ActKind};
use freehold_vocabulary::chat::{StopReason, UsageBasis};
use freehold_vocabulary::{DataClass, Ending, Outcome, Trace};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CHAT, ask};
use crate::support::{
    Line, Reply, Scripted, Server, Setup, TracesMode, finished, hello, model, started, text, until,
    with_models,
};

/// `large` at a cloud that may see internal data, which falls back to `small`, which may see more.
pub(super) async fn two(script: Vec<Line>) -> (Server, Arc<Scripted>, Arc<Scripted>) {
    let cloud = Scripted::new("cloud", DataClass::Internal, script);
    let own = Scripted::new("own", DataClass::Confidential, hello());
    let models = [model("large", &cloud, &["small"]), model("small", &own, &[])];
    let setup = Setup { portfolio: with_models(&models), ..Setup::default() };
    (Server::start(setup).await, cloud, own)
}

async fn classed(server: &Server, body: &Value, class: &str) -> Reply {
    let request = Request::post(CHAT)
        .header("content-type", "application/json")
        .header("x-freehold-data-class", class)
        .body(Body::from(body.to_string()));
    server.client().await.send(request.unwrap()).await
}

fn trace(server: &Server, answer: &Value) -> Trace {
    server.traces.get(answer["freehold"]["trace_id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_class_decides_who_may_be_asked() {
    let (server, cloud, own) = two(hello()).await;
    let answer = classed(&server, &ask("hi"), "public").await.ok();
    assert_eq!(answer["model"], "large");
    assert_eq!(answer["freehold"]["data_class"], "internal", "a header never lowers the class");
    let answer = classed(&server, &ask("hi"), "confidential").await.ok();
    assert_eq!((&answer["model"], cloud.times(), own.times()), (&json!("small"), 1, 1));
    let reply = classed(&server, &ask("hi"), "restricted").await;
    assert_eq!(reply.status, 403);
    assert_json_snapshot!("denied", reply.json());
    classed(&server, &ask("hi"), "secret").await.error(400, "invalid_request");
    assert_eq!((cloud.times(), own.times()), (1, 1));
    let limit = Limit::rows(10);
    let audited = server.ledger.audit_records(Some(ActKind::Egress), Sequence::START, limit).await;
    let told = audited.unwrap().into_iter().map(|it| match it.act {
        Act::Egress(it) => {
            format!("{} {} {} {}", it.decision.as_str(), it.engine, it.data_class, it.rule)
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "allowed cloud internal engines.cloud.clearance",
            "denied cloud confidential clearance",
            "allowed own confidential engines.own.clearance",
            "denied cloud restricted clearance",
            "denied own restricted clearance",
        ]
    );
    let metrics = server.get("/metrics").await.text;
    for (model, engine) in [("large", "cloud"), ("small", "own")] {
        let denials = if engine == "cloud" { 2 } else { 1 };
        let line = format!(
            "freehold_egress_denials_total{{model=\"{model}\",engine=\"{engine}\",rule=\"clearance\"}} {denials}"
        );
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_trace_says_who_answered_under_which_rule_at_what_cost() {
    let (server, cloud, _own) = two(hello()).await;
    let answer = server.post(CHAT, &ask("hi").to_string()).await.ok();
    let kept = trace(&server, &answer);
    assert_json_snapshot!("generation_trace", serde_json::to_value(&kept).unwrap());
    assert_eq!(answer["freehold"]["cost"]["amount"], 0.00005);
    cloud.says(vec![started(), text("12345678"), finished(StopReason::EndTurn)]);
    let answer = server.post(CHAT, &ask("four").to_string()).await.ok();
    let generation = self::trace(&server, &answer).generation.unwrap();
    assert_eq!((generation.usage.input_tokens, generation.usage.output_tokens), (1, 2));
    assert_eq!(generation.basis, UsageBasis::Estimated);
    let metrics = server.get("/metrics").await.text;
    let labels = "{model=\"large\",engine=\"cloud\"";
    for line in [
        format!("freehold_generations_total{labels},ending=\"complete\"}} 2"),
        format!("freehold_generation_tokens_total{labels},kind=\"input\"}} 13"),
        format!("freehold_generation_cost_total{labels},currency=\"USD\"}} 0.0000725"),
        format!("freehold_generation_first_token_seconds_count{labels}}} 2"),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn content_above_internal_is_not_kept_of_remote_engines() {
    let (server, _cloud, own) = two(hello()).await;
    let answer = classed(&server, &ask("my secret"), "confidential").await.ok();
    let kept = trace(&server, &answer);
    let text = serde_json::to_string(&kept).unwrap();
    assert!(!text.contains("secret") && !text.contains("Hello"), "{text}");
    assert_eq!(own.times(), 1);
}

#[tokio::test]
async fn another_model_is_asked_when_one_fails_before_the_first_byte() {
    let (server, cloud, own) = two(Vec::new()).await;
    let broken = [
        vec![Line::Fail(cloud.error("unavailable"))],
        vec![Line::Fail(cloud.error("unauthorised"))],
        vec![started(), Line::Fail(cloud.error("truncated"))],
        vec![started()],
        // Out of order: content before the beginning.
        vec![text("x")],
    ];
    for (times, script) in (1..).zip(broken) {
        for streamed in [false, true] {
            cloud.says(script.clone());
            let mut body = ask("hi");
            body["stream"] = json!(streamed);
            body["stream_options"] =
                if streamed { json!({ "include_usage": true }) } else { json!(null) };
            let reply = server.post(CHAT, &body.to_string()).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert!(reply.text.contains("\"model\":\"small\""), "{}", reply.text);
        }
        assert_eq!(own.times(), 2 * times);
    }
    // A whole answer that breaks in the middle has sent nothing yet.
    cloud.says(vec![started(), text("Hal"), Line::Fail(cloud.error("truncated"))]);
    let answer = server.post(CHAT, &ask("hi").to_string()).await.ok();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    let tries = trace(&server, &answer).generation.unwrap().tries;
    assert_eq!((tries.len(), tries[0].engine.as_str()), (2, "cloud"));
    assert!(tries[0].error.as_ref().unwrap().contains("cut its answer off"), "{tries:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_and_asks_nobody_else() {
    let (server, cloud, own) = two(Vec::new()).await;
    cloud.says(vec![started(), text("Hal"), Line::Fail(cloud.error("truncated"))]);
    let mut body = ask("hi");
    body["stream"] = json!(true);
    let reply = server.post(CHAT, &body.to_string()).await;
    assert_eq!(reply.status, 200);
    let last = reply.text.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["code"], "engine_answer_broken", "{}", reply.text);
    assert!(!reply.text.contains("[DONE]") && own.times() == 0);
    let trace = server.traces.all().pop().unwrap();
    assert_eq!(trace.outcome, Outcome::Failed);
    let generation = trace.generation.unwrap();
    assert_eq!((generation.ending, generation.basis), (Ending::Failed, UsageBasis::Estimated));
}

#[tokio::test]
async fn what_an_engine_refuses_is_the_callers_and_what_it_says_of_itself_is_not() {
    let (server, cloud, own) = two(Vec::new()).await;
    cloud.says(vec![Line::Fail(cloud.error("refused"))]);
    let message = server.post(CHAT, &ask("hi").to_string()).await.error(400, "engine_refused");
    assert!(message.contains("too long") && own.times() == 0, "{message}");
    own.says(vec![Line::Fail(own.error("unavailable"))]);
    cloud.says(vec![Line::Fail(cloud.error("unavailable"))]);
    let reply = server.post(CHAT, &ask("hi").to_string()).await;
    let message = reply.error(503, "engine_unavailable");
    assert!(!message.contains("secret") && reply.header("retry-after").is_some(), "{message}");
    own.says(vec![Line::Fail(own.error("unauthorised"))]);
    let message =
        server.post(CHAT, &ask("hi").to_string()).await.error(502, "engine_misconfigured");
    assert!(!message.contains("secret"), "{message}");
    let traces = server.traces.all();
    assert!(traces.iter().all(|it| it.outcome == Outcome::Failed) && traces.len() == 3);
}

#[tokio::test]
async fn an_answer_that_cannot_be_recorded_is_withheld() {
    let (server, _cloud, _own) = two(hello()).await;
    server.traces.set(TracesMode::Full);
    server.post(CHAT, &ask("hi").to_string()).await.error(503, "trace_log_full");
    let mut body = ask("hi");
    body["stream"] = json!(true);
    let reply = server.post(CHAT, &body.to_string()).await;
    assert!(reply.text.contains("trace_log_full") && !reply.text.contains("[DONE]"));
}

async fn begun(server: &Server, body: &Value, heard: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut all = String::new();
    while !all.contains(heard) {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{all}");
        all.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_the_work_and_the_trace_says_so() {
    let (server, cloud, _own) = two(vec![started(), text("Hal"), Line::Stall]).await;
    let mut body = ask("hi");
    body["stream"] = json!(true);
    let stream = begun(&server, &body, "Hal").await;
    assert_eq!(cloud.open.load(Ordering::SeqCst), 1);
    drop(stream);
    until(|| cloud.open.load(Ordering::SeqCst) == 0 && server.traces.count() == 1).await;
    let trace = server.traces.all().pop().unwrap();
    let generation = trace.generation.unwrap();
    assert_eq!((trace.outcome, generation.ending), (Outcome::Failed, Ending::Cancelled));
    // One that goes away before anything was said, too.
    cloud.says(vec![started(), Line::Stall]);
    let mut client = server.client().await;
    let asking =
        tokio::spawn(
            async move { client.try_post(CHAT, &ask("hi").to_string()).await.map(|_| ()) },
        );
    until(|| cloud.open.load(Ordering::SeqCst) == 1).await;
    asking.abort();
    until(|| cloud.open.load(Ordering::SeqCst) == 0 && server.traces.count() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_a_place_for_as_long_as_it_runs() {
    let cloud =
        Scripted::new("cloud", DataClass::Internal, vec![started(), text("Hal"), Line::Stall]);
    let limits = Limits { in_flight_max: std::num::NonZeroUsize::MIN, ..Limits::default() };
    let portfolio = with_models(&[model("large", &cloud, &[])]);
    let server = Server::start(Setup { portfolio, limits, ..Setup::default() }).await;
    let mut body = ask("hi");
    body["stream"] = json!(true);
    let stream = begun(&server, &body, "Hal").await;
    server.post(CHAT, &ask("hi").to_string()).await.error(429, "overloaded");
    drop(stream);
    until(|| cloud.open.load(Ordering::SeqCst) == 0).await;
    cloud.says(hello());
    while server.post(CHAT, &ask("hi").to_string()).await.status != 200 {}
}

#[test]
fn names_are_unique_and_fallbacks_exist() {
    let cloud = Scripted::new("cloud", DataClass::Internal, Vec::new());
    let check = |models: &[Arc<freehold_gateway::GenerativeModel>], part: &str| {
        let built =
            crate::support::tickets().with_models(models, freehold_gateway::Egress::default());
        let error = built.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check(&[model("tickets", &cloud, &[])], "name of a task");
    check(&[model("a", &cloud, &[]), model("a", &cloud, &[])], "twice");
    check(&[model("a", &cloud, &["b"])], "falls back to `b`");
}

#[tokio::test]
async fn without_models_nothing_generates() {
    let server = Server::default().await;
    server.post(CHAT, &ask("hi").to_string()).await.error(404, "model_not_found");
}

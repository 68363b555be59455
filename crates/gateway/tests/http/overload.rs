//! Limits: what is too large, and what is too much at once.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use freehold_gateway::Limits;
use freehold_vocabulary::Tier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::support::{Behaviour, Server, Setup, WordEngine, one, until};

const PATH: &str = "/v1/tasks/tickets/predict";
const BODY: &str = r#"{"inputs": ["billing"]}"#;

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

#[tokio::test]
async fn what_is_too_large_is_refused_by_the_name_of_its_limit() {
    let limits = limits(|it| {
        it.body_bytes_max = n(2000);
        it.batch_max = n(3);
        it.text_bytes_max = n(100);
    });
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let check = async |path: &str, body: String, part: &str| {
        let message = server.post(path, &body).await.error(413, "too_large");
        assert!(message.contains(part), "{message}");
    };
    check(PATH, format!(r#"{{"inputs": ["{}"]}}"#, "x".repeat(3000)), "2000 bytes").await;
    check(PATH, r#"{"inputs": ["a", "b", "c", "d"]}"#.into(), "3 items").await;
    check(PATH, format!(r#"{{"inputs": ["a", "{}"]}}"#, "x".repeat(101)), "`inputs[1]`").await;
    let chat = r#"{"model": "tickets", "messages": [{"role": "user", "content": "@"}]}"#;
    check("/v1/chat/completions", chat.replace('@', &"x".repeat(101)), "100 bytes").await;
    let decide = r#"{"model": "tickets", "state": "@", "questions": {"q": {"type": "noul", "criteria": {"true": "login"}}}}"#;
    check("/v1/systemone", decide.replace('@', &"x".repeat(101)), "`state`").await;
    server.post(PATH, r#"{"inputs": ["a", "b", "c"]}"#).await.ok();
}

#[tokio::test]
async fn a_client_that_sends_far_too_much_still_reads_the_answer() {
    let limits = limits(|it| it.body_bytes_max = n(100_000));
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let body = "x".repeat(1_500_000);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 413"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_in_flight_the_answer_is_429_and_probes_still_work() {
    let permits = Arc::new(Semaphore::new(0));
    let engine = WordEngine::new(Tier::Micro, &["billing", "login"])
        .behaves(Behaviour::Wait(permits.clone()));
    let running = engine.running.clone();
    let limits = limits(|it| it.in_flight_max = n(2));
    let server = Server::start(Setup { limits, portfolio: one(engine), ..Setup::default() }).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut client = server.client().await;
        waiting.push(tokio::spawn(async move { client.post(PATH, BODY).await }));
    }
    until(|| running.load(Ordering::SeqCst) == 2).await;

    let refused = server.post(PATH, BODY).await;
    refused.error(429, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let refused = server.get("/v1/models").await;
    refused.error(429, "overloaded");
    assert_eq!(refused.json()["error"]["type"], "requests");
    server.get("/healthz").await.ok();
    server.get("/readyz").await.ok();
    assert_eq!(server.get("/metrics").await.status, 200);

    permits.add_permits(3);
    for reply in waiting {
        reply.await.unwrap().ok();
    }
    server.post(PATH, BODY).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_is_given_up() {
    let engine = WordEngine::new(Tier::Micro, &["billing", "login"])
        .behaves(Behaviour::Wait(Arc::new(Semaphore::new(0))));
    let running = engine.running.clone();
    let limits = limits(|it| it.answer_timeout = Duration::from_millis(20));
    let server = Server::start(Setup { limits, portfolio: one(engine), ..Setup::default() }).await;
    server.post(PATH, BODY).await.error(503, "answer_timeout");
    until(|| running.load(Ordering::SeqCst) == 0).await;
}

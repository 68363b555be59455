//! Connections: keep-alive, slow and vanishing clients, the end of the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use freehold_gateway::{Drained, Limits};
use freehold_vocabulary::Tier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::support::{Behaviour, Client, Server, Setup, WordEngine, one, until};

const PATH: &str = "/v1/tasks/tickets/predict";
const BODY: &str = r#"{"inputs": ["billing"]}"#;

fn waiting(permits: &Arc<Semaphore>) -> WordEngine {
    WordEngine::new(Tier::Micro, &["billing", "login"]).behaves(Behaviour::Wait(permits.clone()))
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_outlives_errors() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let mut ids = std::collections::HashSet::new();
    for body in [BODY, "{", BODY] {
        let reply = client.post(PATH, body).await;
        ids.insert(reply.header("x-request-id").unwrap().to_owned());
    }
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_answered_in_json() {
    let server = Server::default().await;
    server.get("/v1/nothing").await.error(404, "unknown_route");
    let reply = server.get("/v1/chat/nothing").await;
    reply.error(404, "unknown_route");
    assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    let reply = server.get(PATH).await;
    reply.error(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = server.post("/v1/models", "{}").await;
    reply.error(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn only_json_is_read() {
    let server = Server::default().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let request = Request::post(PATH).header("content-type", kind).body(Body::from(BODY));
        let reply = server.client().await.send(request.unwrap()).await;
        reply.error(415, "unsupported_media_type");
    }
    let request = Request::post(PATH).header("content-type", "application/json; charset=utf-8");
    server.client().await.send(request.body(Body::from(BODY)).unwrap()).await.ok();
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_a_slow_body_is_refused() {
    let limits = Limits {
        header_timeout: Duration::from_millis(30),
        body_timeout: Duration::from_millis(30),
        ..Limits::default()
    };
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    silent.write_all(b"POST /v1/tasks/tickets/predict HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    let mut heard = Vec::new();
    silent.read_to_end(&mut heard).await.unwrap();

    let mut slow = TcpStream::connect(server.addr).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut heard = [0; 4096];
    let read = slow.read(&mut heard).await.unwrap();
    let heard = String::from_utf8_lossy(&heard[..read]);
    assert!(heard.starts_with("HTTP/1.1 408") && heard.contains("body_timeout"), "{heard}");
}

#[tokio::test]
async fn a_body_that_breaks_off_and_a_torn_head_harm_nobody() {
    let server = Server::default().await;
    for sent in [
        "POST /v1/feedback HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
        "POST /v1/feedback HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "\0\0\0\0\r\n\r\n",
        "GET",
    ] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        let _reset_or_read = stream.read_to_end(&mut heard).await;
        assert!(!heard.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&heard));
    }
    server.post(PATH, BODY).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_client_that_went_away_is_dropped() {
    let permits = Arc::new(Semaphore::new(0));
    let engine = waiting(&permits);
    let running = engine.running.clone();
    let server = Server::start(Setup { portfolio: one(engine), ..Setup::default() }).await;
    let mut client = server.client().await;
    let asking = tokio::spawn(async move { client.try_post(PATH, BODY).await.map(|_| ()) });
    until(|| running.load(Ordering::SeqCst) == 1).await;
    asking.abort();
    until(|| running.load(Ordering::SeqCst) == 0).await;
    assert_eq!(server.traces.count(), 0);
    let gone = r#"route="/v1/tasks/{task}/predict",status="499"} 1"#;
    let metrics = server.get("/metrics").await.text;
    assert!(metrics.contains(gone), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_requests_in_flight_finish() {
    let permits = Arc::new(Semaphore::new(0));
    let engine = waiting(&permits);
    let running = engine.running.clone();
    let server = Server::start(Setup { portfolio: one(engine), ..Setup::default() }).await;
    let addr = server.addr;
    let mut client = server.client().await;
    let asking = tokio::spawn(async move { client.post(PATH, BODY).await });
    until(|| running.load(Ordering::SeqCst) == 1).await;
    let stopping = server.stop();
    while Client::try_connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    permits.add_permits(1);
    asking.await.unwrap().ok();
    assert_eq!(stopping.await.unwrap().unwrap(), Drained::Completely);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_no_longer_than_it_was_told() {
    let permits = Arc::new(Semaphore::new(0));
    let engine = waiting(&permits);
    let running = engine.running.clone();
    let limits = Limits { drain_timeout: Duration::from_millis(20), ..Limits::default() };
    let server = Server::start(Setup { portfolio: one(engine), limits, ..Setup::default() }).await;
    let mut client = server.client().await;
    let asking = tokio::spawn(async move { client.try_post(PATH, BODY).await.map(|_| ()) });
    until(|| running.load(Ordering::SeqCst) == 1).await;
    let drained = server.stop().await.unwrap().unwrap();
    assert_eq!(drained, Drained::Cut { connections: 1 });
    assert!(asking.await.unwrap().is_err());
}

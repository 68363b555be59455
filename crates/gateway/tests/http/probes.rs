//! Probes and metrics.

use freehold_gateway::Portfolio;
use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::{Server, TracesMode};

#[tokio::test]
async fn ready_means_that_everything_needed_is_there() {
    let server = Server::default().await;
    assert_json_snapshot!("ready", server.get("/readyz").await.ok());
    let check = async |part: &str, health: &str| {
        let reply = server.get("/readyz").await;
        assert_eq!((reply.status.as_u16(), &reply.json()[part]), (503, &health.into()));
        server.get("/healthz").await.ok();
    };
    server.traces.set(TracesMode::Broken);
    check("traces", "unreachable").await;
    server.traces.set(TracesMode::Well);
    server.ledger.close().await;
    check("ledger", "unreachable").await;
    server.app.deploy(Portfolio::default());
    check("portfolio", "empty").await;
}

#[tokio::test]
async fn what_happened_is_counted() {
    let server = Server::default().await;
    let body = r#"{"inputs": ["billing", "Login", "hm"]}"#;
    server.post("/v1/tasks/tickets/predict", body).await.ok();
    server.post("/v1/tasks/nothing/predict", body).await.error(404, "task_not_found");
    server.get("/v1/none/of/these").await.error(404, "unknown_route");
    let reply = server.get("/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    // Connections end when the server notices, so their gauge is not part of the picture.
    let stable = reply.text.lines().filter(|line| !line.starts_with("freehold_http_connections "));
    assert_snapshot!("metrics", stable.collect::<Vec<_>>().join("\n"));
}

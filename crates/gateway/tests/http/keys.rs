//! API keys.

use freehold_gateway::Access;
use freehold_ledger::{Key, KeyName, KeyRepository};
use freehold_vocabulary::{Clock, Digest, Timestamp};

use crate::support::{Reply, Server, Setup};

const PATH: &str = "/v1/tasks/tickets/predict";
const BODY: &str = r#"{"inputs": ["billing"]}"#;
const SECOND_US: i64 = 1_000_000;

async fn locked() -> Server {
    Server::start(Setup { access: Access::Keys, ..Setup::default() }).await
}

pub async fn add(server: &Server, name: &str, expires_at: Option<Timestamp>) {
    let name = KeyName::parse(name).unwrap();
    let secret = Digest::of(format!("fh-{name}"));
    let key = Key { expires_at, ..Key::new(name, secret, "fh-", server.clock.now()) };
    server.ledger.add_key(&key, "test").await.unwrap();
}

async fn ask(server: &Server, key: &str) -> Reply {
    server.client().await.with_key(key).post(PATH, BODY).await
}

#[tokio::test]
async fn a_valid_key_opens_and_names_the_caller() {
    let server = locked().await;
    add(&server, "ci", None).await;
    let answer = ask(&server, "fh-ci").await.ok();
    let id = answer["results"][0]["trace_id"].as_str().unwrap();
    assert_eq!(server.traces.get(id).unwrap().caller, "ci");
    let request = axum::http::Request::get("/v1/models").header("x-api-key", "fh-ci");
    let request = request.body(axum::body::Body::empty()).unwrap();
    server.client().await.send(request).await.ok();
}

#[tokio::test]
async fn without_a_valid_key_nothing_is_answered() {
    let server = locked().await;
    let reply = server.post(PATH, BODY).await;
    reply.error(401, "missing_api_key");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    ask(&server, "fh-wrong").await.error(401, "invalid_api_key");
    ask(&server, &"x".repeat(5000)).await.error(401, "invalid_api_key");
    for path in ["/v1/models", "/metrics"] {
        server.get(path).await.error(401, "missing_api_key");
    }
    assert_eq!(server.get("/v1/models").await.json()["error"]["type"], "invalid_request_error");
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        server.get(path).await.ok();
    }
    assert_eq!(server.traces.count(), 0);
}

#[tokio::test]
async fn a_key_ends_with_its_expiry_at_once_and_with_its_revocation_within_seconds() {
    let server = locked().await;
    let soon = Timestamp::from_micros(server.clock.now().as_micros() + 2 * SECOND_US);
    add(&server, "short", Some(soon)).await;
    add(&server, "fired", None).await;
    ask(&server, "fh-short").await.ok();
    ask(&server, "fh-fired").await.ok();
    server.clock.advance_micros(2 * SECOND_US);
    ask(&server, "fh-short").await.error(401, "invalid_api_key");
    let name = KeyName::parse("fired").unwrap();
    server.ledger.revoke_key(&name, "test", server.clock.now()).await.unwrap();
    server.clock.advance_micros(3 * SECOND_US);
    ask(&server, "fh-fired").await.error(401, "invalid_api_key");
}

#[tokio::test]
async fn a_ledger_that_is_down_is_never_a_refused_key() {
    let server = locked().await;
    add(&server, "ci", None).await;
    add(&server, "new", None).await;
    ask(&server, "fh-ci").await.ok();
    server.ledger.close().await;
    let reply = ask(&server, "fh-new").await;
    reply.error(503, "ledger_unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
    // A key that was known a moment ago still opens.
    ask(&server, "fh-ci").await.ok();
    server.clock.advance_micros(60 * SECOND_US);
    ask(&server, "fh-ci").await.error(503, "ledger_unavailable");
}

//! Files: whose they are, how large they may be, and when they are gone.

use std::num::NonZeroU64;

use axum::body::Body;
use axum::http::Request;
use freehold_gateway::{Access, Egress, Keeping, KeptContent};
use serde_json::json;

use crate::keys::add;
use crate::support::{Server, Setup, tickets};

const FILES: &str = "/v1/files";
const BATCH: &[(&str, &str)] = &[("purpose", "batch")];

#[tokio::test]
async fn a_file_comes_back_as_it_was_and_is_gone_when_deleted_or_past_its_time() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let content = "{\"é\": 1}\n".repeat(300_000);
    let made = client.upload(BATCH, Some(&content)).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["bytes"], content.len());
    assert_eq!((&made["filename"], &made["purpose"]), (&json!("in.jsonl"), &json!("batch")));
    let path = format!("{FILES}/{id}");
    assert_eq!(client.get(&path).await.ok(), made);
    let bytes = client.get(&format!("{path}/content")).await;
    assert_eq!(bytes.header("content-type"), Some("application/octet-stream"));
    assert!(bytes.text == content, "the bytes differ");

    let hour =
        [BATCH, &[("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600")]];
    let second = client.upload(&hour.concat(), Some("x")).await.ok();
    assert_eq!(
        second["expires_at"].as_i64().unwrap(),
        second["created_at"].as_i64().unwrap() + 3600
    );
    let listed = client.get(&format!("{FILES}?limit=1")).await.ok();
    assert_eq!((&listed["data"], &listed["has_more"]), (&json!([second]), &json!(true)));
    let rest = client.get(&format!("{FILES}?after={}", second["id"].as_str().unwrap())).await.ok();
    assert_eq!(rest["data"], json!([made]));

    server.clock.advance_micros(3_600_000_000);
    let gone = format!("{FILES}/{}", second["id"].as_str().unwrap());
    client.get(&gone).await.error(404, "not_found");
    assert_eq!(client.get(FILES).await.ok()["data"], json!([made]));
    assert_eq!(client.delete(&path).await.ok()["deleted"], true);
    for reply in [client.get(&path).await, client.get(&format!("{path}/content")).await] {
        reply.error(404, "not_found");
    }
    client.get(&format!("{FILES}/..%2Fx")).await.error(404, "not_found");
}

#[tokio::test]
async fn a_file_belongs_to_its_key() {
    let server = Server::start(Setup { access: Access::Keys, ..Setup::default() }).await;
    for name in ["ann", "bob"] {
        add(&server, name, None).await;
    }
    let mut ann = server.client().await.with_key("fh-ann");
    let mut bob = server.client().await.with_key("fh-bob");
    let made = ann.upload(BATCH, Some("x")).await.ok();
    let path = format!("{FILES}/{}", made["id"].as_str().unwrap());
    let content = format!("{path}/content");
    for reply in [bob.get(&path).await, bob.get(&content).await, bob.delete(&path).await] {
        reply.error(404, "not_found");
    }
    assert_eq!(bob.get(FILES).await.ok()["data"], json!([]));
    let batch = json!({
        "input_file_id": made["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h",
    });
    bob.post("/v1/batches", &batch.to_string()).await.error(404, "not_found");
    assert_eq!(ann.get(&content).await.text, "x");
    server.client().await.upload(BATCH, Some("x")).await.error(401, "missing_api_key");
}

#[tokio::test]
async fn what_is_too_large_or_no_file_leaves_nothing_behind() {
    let bytes = |n| NonZeroU64::new(n).unwrap();
    let keeping =
        Keeping { file_bytes_max: bytes(10), key_bytes_max: bytes(15), ..Keeping::default() };
    let server = Server::start(Setup { keeping, ..Setup::default() }).await;
    let mut client = server.client().await;
    let mut check = async |fields: &[(&str, &str)], content, status, code: &str, part: &str| {
        let message = client.upload(fields, content).await.error(status, code);
        assert!(message.contains(part), "{message}");
    };
    let bad = "invalid_request";
    check(BATCH, Some("12345678901"), 413, "too_large", "`file`").await;
    check(BATCH, None, 400, bad, "`file` is missing").await;
    check(&[], Some("x"), 400, bad, "`purpose` is missing").await;
    check(&[("purpose", "fine-tune")], Some("x"), 400, bad, "fine-tune").await;
    check(&[("colour", "red")], Some("x"), 400, "unknown_parameter", "colour").await;
    check(&[("expires_after[seconds]", "9")], Some("x"), 400, bad, "3600").await;
    let contents = server.folder.path().join("contents/local");
    assert_eq!(std::fs::read_dir(&contents).unwrap().count(), 0);
    let mut client = server.client().await;
    client.upload(BATCH, Some("1234567890")).await.ok();
    let message = client.upload(BATCH, Some("123456")).await.error(413, "too_large");
    assert!(message.contains("what this key keeps"), "{message}");
    client.upload(BATCH, Some("12345")).await.ok();
    let plain = Request::post(FILES).header("content-type", "text/plain").body(Body::from("x"));
    client.send(plain.unwrap()).await.error(400, bad);
}

#[tokio::test]
async fn nothing_is_kept_where_no_content_may_be_kept() {
    let egress = Egress { content: KeptContent::Never, ..Egress::default() };
    let portfolio = tickets().with_models(&[], egress).unwrap();
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let reply = server.client().await.upload(BATCH, Some("x")).await;
    assert!(reply.error(403, "content_not_kept").contains("trace_content"));
}

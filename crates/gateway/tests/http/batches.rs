//! Batches: what they answer, how they end, and that nothing is lost or answered twice when the
//! process dies.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use freehold_artifacts::FolderDepot;
use freehold_gateway::{Access, Keeping};
use freehold_ledger::{KeyName, KeyRepository as _};
use freehold_vocabulary::ports::{Depot as _, DepotPlace, Shelf};
use freehold_vocabulary::{Clock as _, DataClass, Tier};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::keys::add;
use crate::support::{
    Behaviour, Client, Scripted, Server, Setup, WordEngine, hello, model, one, with_models,
};

const CHAT: &str = "/v1/chat/completions";

/// A line of a batch that asks a model about a text.
fn line(id: &str, model: &str, text: &str) -> String {
    let messages = json!([{ "role": "user", "content": text }]);
    let body = json!({ "model": model, "messages": messages });
    json!({ "custom_id": id, "method": "POST", "url": CHAT, "body": body }).to_string()
}

fn lines(model: &str, count: usize) -> String {
    (0..count).map(|n| line(&format!("r{n}"), model, "billing") + "\n").collect()
}

async fn begin(client: &mut Client, endpoint: &str, input: &str) -> Value {
    let file = client.upload(&[("purpose", "batch")], Some(input)).await.ok();
    let asked = json!({
        "input_file_id": file["id"], "endpoint": endpoint, "completion_window": "24h",
        "metadata": { "k": "v" },
    });
    client.post("/v1/batches", &asked.to_string()).await.ok()
}

fn path(batch: &Value) -> String {
    format!("/v1/batches/{}", batch["id"].as_str().unwrap())
}

/// Waits until the batch says so.
async fn until(client: &mut Client, batch: &Value, status: &str) -> Value {
    loop {
        let now = client.get(&path(batch)).await.ok();
        if now["status"] == status {
            return now;
        }
        let over = ["completed", "failed", "expired", "cancelled"];
        assert!(!over.contains(&now["status"].as_str().unwrap()), "{now}");
        tokio::task::yield_now().await;
    }
}

/// The lines of a file of the batch, by the ids of the requests; none occurs twice.
async fn read(client: &mut Client, batch: &Value, field: &str) -> BTreeMap<String, Value> {
    let Some(id) = batch[field].as_str() else { return BTreeMap::new() };
    let text = client.get(&format!("/v1/files/{id}/content")).await.text;
    let mut read = BTreeMap::new();
    for it in text.lines() {
        let line: Value = serde_json::from_str(it).unwrap();
        let id = line["custom_id"].as_str().unwrap().to_owned();
        assert!(read.insert(id, line).is_none(), "answered twice: {it}");
    }
    read
}

/// Tickets by an engine that waits for permits, two requests of batches at once.
async fn waiting() -> (Server, Arc<Semaphore>, Arc<std::sync::atomic::AtomicUsize>) {
    let permits = Arc::new(Semaphore::new(0));
    let engine = WordEngine::new(Tier::Micro, &["billing", "login", "shipping"])
        .behaves(Behaviour::Wait(permits.clone()));
    let running = engine.running.clone();
    let setup = Setup { portfolio: one(engine), keeping: two(), ..Setup::default() };
    (Server::start(setup).await, permits, running)
}

fn two() -> Keeping {
    let batch_parallel_max = NonZeroUsize::new(2).unwrap();
    Keeping { batch_parallel_max, ..Keeping::default() }
}

#[tokio::test]
async fn every_line_is_answered_as_if_it_had_been_asked_alone() {
    let engine = Scripted::new("cloud", DataClass::Confidential, hello());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let setup = Setup { access: Access::Keys, portfolio, ..Setup::default() };
    let server = Server::start(setup).await;
    add(&server, "ann", None).await;
    let mut client = server.client().await.with_key("fh-ann");
    let input = [
        line("task", "tickets", "billing"),
        String::new(),
        line("model", "large", "hi"),
        line("unknown", "nothing", "hi"),
        line("empty", "tickets", " "),
    ];
    // The last line has no end, as many tools write it.
    let batch = begin(&mut client, CHAT, &input.join("\n")).await;
    assert_eq!(batch["status"], "validating");
    let done = until(&mut client, &batch, "completed").await;
    assert_eq!(done["request_counts"], json!({ "total": 4, "completed": 2, "failed": 2 }));
    assert_eq!(done["metadata"], json!({ "k": "v" }));
    let (good, bad) = (
        read(&mut client, &done, "output_file_id").await,
        read(&mut client, &done, "error_file_id").await,
    );
    assert_eq!(good.keys().collect::<Vec<_>>(), ["model", "task"]);
    assert_eq!(bad.keys().collect::<Vec<_>>(), ["empty", "unknown"]);
    for (it, status) in [(&good["model"], 200), (&bad["unknown"], 404), (&bad["empty"], 400)] {
        assert_eq!((&it["response"]["status_code"], &it["error"]), (&json!(status), &json!(null)));
        assert!(it["response"]["request_id"].as_str().is_some_and(|it| it.len() == 26), "{it}");
    }
    assert_eq!(bad["unknown"]["response"]["body"]["error"]["code"], "model_not_found");
    let answer = &good["model"]["response"]["body"];
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    let trace = server.traces.get(answer["freehold"]["trace_id"].as_str().unwrap()).unwrap();
    assert_eq!((trace.caller.as_str(), trace.endpoint.as_str()), ("ann", "chat.completions"));
    let listed = client.get("/v1/batches").await.ok();
    assert_eq!(listed["data"], json!([done]));
    let file = done["output_file_id"].as_str().unwrap();
    let file = client.get(&format!("/v1/files/{file}")).await.ok();
    assert_eq!(file["purpose"], "batch_output");
    let metrics = client.get("/metrics").await.text;
    assert!(
        metrics.contains("route=\"/v1/chat/completions\"") || metrics.contains(CHAT),
        "{metrics}"
    );
}

#[tokio::test]
async fn every_endpoint_of_batches_answers() {
    let engine = Scripted::new("cloud", DataClass::Confidential, hello());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let mut client = server.client().await;
    for (endpoint, body) in [
        ("/v1/completions", json!({ "model": "large", "prompt": "Once" })),
        ("/v1/embeddings", json!({ "model": "large", "input": "a" })),
        ("/v1/responses", json!({ "model": "large", "input": "a" })),
    ] {
        let line = json!({ "custom_id": "a", "method": "POST", "url": endpoint, "body": body });
        let batch = begin(&mut client, endpoint, &line.to_string()).await;
        let done = until(&mut client, &batch, "completed").await;
        let good = read(&mut client, &done, "output_file_id").await;
        assert_eq!(good["a"]["response"]["body"]["model"], "large", "{endpoint}");
    }
}

#[tokio::test]
async fn a_wrong_input_is_told_by_line_and_asks_nobody() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let url = line("url", "tickets", "a").replace(CHAT, "/v1/embeddings");
    let input = [
        "not json".to_owned(),
        line("twice", "tickets", "a"),
        line("twice", "tickets", "a"),
        url,
        line("stream", "tickets", "a").replace("\"model\"", "\"stream\":true,\"model\""),
        line("", "tickets", "a"),
    ];
    let batch = begin(&mut client, CHAT, &input.join("\n")).await;
    let failed = until(&mut client, &batch, "failed").await;
    let told = failed["errors"]["data"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|it| (it["line"].as_u64().unwrap(), it["code"].clone())).collect();
    let expected = [
        (1, "invalid_json_line"),
        (3, "duplicate_custom_id"),
        (4, "mismatched_endpoint"),
        (5, "invalid_request"),
        (6, "invalid_custom_id"),
    ];
    assert_eq!(told, expected.map(|(line, code)| (line, json!(code))));
    let batch = begin(&mut client, CHAT, " \n\n").await;
    let failed = until(&mut client, &batch, "failed").await;
    assert_eq!(failed["errors"]["data"][0]["code"], "empty_file");
    assert_eq!(server.traces.count(), 0);
    let mut check = async |change: Value, status: u16, code: &str| {
        let mut body = json!({
            "input_file_id": batch["input_file_id"], "endpoint": CHAT, "completion_window": "24h",
        });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        client.post("/v1/batches", &body.to_string()).await.error(status, code);
    };
    check(json!({ "endpoint": "/v1/messages" }), 400, "invalid_request").await;
    check(json!({ "completion_window": "1h" }), 400, "invalid_request").await;
    check(json!({ "input_file_id": "file-x" }), 404, "not_found").await;
    check(json!({ "colour": 1 }), 400, "invalid_json").await;
}

#[tokio::test]
async fn a_cancelled_batch_keeps_what_was_answered_and_begins_nothing_more() {
    let (server, permits, running) = waiting().await;
    let mut client = server.client().await;
    let batch = begin(&mut client, CHAT, &lines("tickets", 5)).await;
    crate::support::until(|| running.load(Ordering::SeqCst) == 2).await;
    let told = client.post(&format!("{}/cancel", path(&batch)), "").await.ok();
    assert_eq!(told["status"], "cancelling");
    assert_eq!(told["cancelling_at"], told["created_at"]);
    permits.add_permits(5);
    let done = until(&mut client, &batch, "cancelled").await;
    assert_eq!(
        (&done["cancelling_at"], &done["cancelled_at"]),
        (&told["created_at"], &told["created_at"])
    );
    assert_eq!(done["request_counts"], json!({ "total": 5, "completed": 2, "failed": 0 }));
    assert_eq!(read(&mut client, &done, "output_file_id").await.len(), 2);
    assert_eq!((&done["error_file_id"], server.traces.count()), (&json!(null), 2));
    client.post(&format!("{}/cancel", path(&batch)), "").await.error(400, "invalid_request");
}

#[tokio::test]
async fn what_is_not_asked_before_the_deadline_is_not_asked_any_more() {
    let (server, permits, running) = waiting().await;
    let mut client = server.client().await;
    let batch = begin(&mut client, CHAT, &lines("tickets", 5)).await;
    crate::support::until(|| running.load(Ordering::SeqCst) == 2).await;
    server.clock.advance_micros(86_400_000_000);
    permits.add_permits(5);
    let done = until(&mut client, &batch, "expired").await;
    assert_eq!(done["request_counts"], json!({ "total": 5, "completed": 2, "failed": 3 }));
    let bad = read(&mut client, &done, "error_file_id").await;
    let codes: Vec<&Value> = bad.values().map(|it| &it["error"]["code"]).collect();
    assert_eq!(codes, [&json!("batch_expired"); 3]);
}

/// Where the answers of a batch are written, once that is known.
async fn output_of(depot: &FolderDepot, batch: &DepotPlace) -> DepotPlace {
    loop {
        let kept = depot.read_at(batch, 0, 1 << 20).unwrap().unwrap();
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        if let Some(id) = kept["output_file_id"].as_str() {
            return DepotPlace::new(Shelf::Contents, "local", id).unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_killed_process_goes_on_where_it_was() {
    let (server, permits, running) = waiting().await;
    let mut client = server.client().await;
    let batch = begin(&mut client, CHAT, &lines("tickets", 6)).await;
    permits.add_permits(2);
    let depot = FolderDepot::new(server.folder.path().to_owned());
    let place = DepotPlace::new(Shelf::Batches, "local", batch["id"].as_str().unwrap()).unwrap();
    let output = output_of(&depot, &place).await;
    let written = || depot.read_at(&output, 0, 1 << 20).unwrap().unwrap_or_default();
    let two_written = || written().iter().filter(|byte| **byte == b'\n').count() == 2;
    crate::support::until(|| two_written() && running.load(Ordering::SeqCst) == 2).await;
    let (folder, now) = (server.folder.clone(), server.clock.now());
    server.kill().await;
    while depot.lock(&place).unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    // Half a line, as a crash in the middle of writing leaves it.
    let length = depot.length(&output).unwrap().unwrap();
    depot.write_at(&output, length, b"{\"custom_id\":\"r5\",\"respo").unwrap();

    let engine = WordEngine::new(Tier::Micro, &["billing", "login", "shipping"]);
    let setup = Setup { portfolio: one(engine), keeping: two(), ..Setup::default() };
    let server = Server::start_in(folder, setup).await;
    assert_eq!(server.clock.now(), now);
    let mut client = server.client().await;
    let done = until(&mut client, &batch, "completed").await;
    assert_eq!(done["request_counts"], json!({ "total": 6, "completed": 6, "failed": 0 }));
    assert_eq!(read(&mut client, &done, "output_file_id").await.len(), 6);
    assert_eq!(server.traces.count(), 4, "what was answered is not asked again");
}

#[tokio::test]
async fn a_batch_has_the_rights_of_its_key_at_that_moment() {
    let permits = Arc::new(Semaphore::new(0));
    let engine = WordEngine::new(Tier::Micro, &["billing", "login"])
        .behaves(Behaviour::Wait(permits.clone()));
    let running = engine.running.clone();
    let setup =
        Setup { access: Access::Keys, portfolio: one(engine), keeping: two(), ..Setup::default() };
    let server = Server::start(setup).await;
    for name in ["ann", "bob"] {
        add(&server, name, None).await;
    }
    let mut ann = server.client().await.with_key("fh-ann");
    let batch = begin(&mut ann, CHAT, &lines("tickets", 3)).await;
    crate::support::until(|| running.load(Ordering::SeqCst) == 2).await;
    server.client().await.with_key("fh-bob").get(&path(&batch)).await.error(404, "not_found");
    // The key is remembered for some seconds by the door, and by no batch.
    let name = KeyName::parse("ann").unwrap();
    server.ledger.revoke_key(&name, "test", server.clock.now()).await.unwrap();
    permits.add_permits(3);
    let done = until(&mut ann, &batch, "completed").await;
    assert_eq!(done["request_counts"], json!({ "total": 3, "completed": 2, "failed": 1 }));
    let bad = read(&mut ann, &done, "error_file_id").await;
    let refused = &bad.values().next().unwrap()["response"];
    assert_eq!(
        (&refused["status_code"], &refused["body"]["error"]["code"]),
        (&json!(401), &json!("invalid_api_key"))
    );
}

#[tokio::test]
async fn a_class_holds_for_every_line_and_what_may_not_be_kept_is_not_asked() {
    let engine = Scripted::new("cloud", DataClass::Confidential, hello());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let mut client = server.client().await;
    let file = client.upload(&[("purpose", "batch")], Some(&lines("large", 1))).await.ok();
    let asked = json!({
        "input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h",
    });
    let request = Request::post("/v1/batches")
        .header("content-type", "application/json")
        .header("x-freehold-data-class", "confidential")
        .body(Body::from(asked.to_string()));
    let batch = client.send(request.unwrap()).await.ok();
    let mut done = until(&mut client, &batch, "completed").await;
    let bad = read(&mut client, &done, "error_file_id").await;
    assert_eq!(bad["r0"]["error"]["code"], "content_not_kept");
    assert_eq!(engine.times(), 0);
    // Which id it gets depends on how often the batch was asked for meanwhile.
    done["error_file_id"] = json!("file-…");
    assert_json_snapshot!("batch", done);
}

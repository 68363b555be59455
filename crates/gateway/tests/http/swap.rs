//! Promotion and rollback under load.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freehold_vocabulary::{Digest, Tier};

use crate::support::{Server, Setup, WordEngine, one};

const PATH: &str = "/v1/tasks/tickets/predict";
const CLIENTS: usize = 8;
const SWAPS: usize = 200;

fn version(name: &str) -> WordEngine {
    WordEngine::new(Tier::Micro, &["billing", "login"]).version(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_under_load_fails_no_request_and_mixes_no_versions() {
    let server = Server::start(Setup { portfolio: one(version("a")), ..Setup::default() }).await;
    let ending = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (mut client, ending) = (server.client().await, ending.clone());
        clients.push(tokio::spawn(async move {
            let mut seen = HashSet::new();
            while !ending.load(Ordering::Relaxed) {
                let body = r#"{"inputs": ["billing", "login", "billing"]}"#;
                let answer = client.post(PATH, body).await.ok();
                let results = answer["results"].as_array().unwrap();
                let versions: HashSet<_> =
                    results.iter().map(|it| it["version"].to_string()).collect();
                assert_eq!(versions.len(), 1, "one request was answered by two versions");
                seen.extend(versions);
            }
            seen
        }));
    }
    for turn in 0..SWAPS {
        server.app.deploy(one(version(if turn % 2 == 0 { "b" } else { "a" })));
        server.client().await.get("/healthz").await.ok();
    }
    ending.store(true, Ordering::Relaxed);
    let mut seen = HashSet::new();
    for client in clients {
        seen.extend(client.await.unwrap());
    }
    let quoted = |name: &str| format!("\"{}\"", Digest::of(name));
    assert_eq!(seen, HashSet::from([quoted("a"), quoted("b")]));
}

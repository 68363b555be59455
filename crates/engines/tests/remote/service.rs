//! What an operator asks of engines: a second replica for slow answers, rest for one that leaves
//! service, adapters that are loaded while it runs, and how busy it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use freehold_engines::remote::resilience::{Chain, Intake, ReplicaOptions, Replicas};
use freehold_engines::remote::{Timeouts, find};
use freehold_vocabulary::Seed;
use freehold_vocabulary::chat::{AttemptOutcome, ChatError, Delivery};
use freehold_vocabulary::ports::ChatEngine;
use serde_json::{Value, json};

use crate::always::{Ledger, engine, fold, link, policy, public, reliable};
use crate::stand_in::{self, Reply, StandIn, Step, connect, request};

/// Warm-up requests: enough that times are known.
const KNOWN: usize = 30;

fn joined(
    engines: Vec<Arc<dyn ChatEngine>>,
    options: &ReplicaOptions,
    log: &Arc<Ledger>,
) -> Arc<dyn ChatEngine> {
    Arc::new(Replicas::new(engines, options, Seed(5), Arc::clone(log) as _).unwrap())
}

/// Whoever is asked `once` first never begins to answer.
async fn stalling(first: &Arc<AtomicBool>) -> StandIn {
    let first = Arc::clone(first);
    StandIn::start(Arc::new(move |path, body: &Value| {
        let mut asked = body.clone();
        let last = asked["messages"].as_array_mut().unwrap().last_mut().unwrap();
        if last["content"] == "once" {
            let stalls = first.swap(false, Ordering::SeqCst);
            last["content"] = if stalls { "stall-before" } else { "text" }.into();
        }
        stand_in::openai::reply(path, &asked)
    }))
    .await
}

#[tokio::test]
async fn a_second_replica_answers_while_the_first_thinks() {
    let first = Arc::new(AtomicBool::new(true));
    let (one, two) = (stalling(&first).await, stalling(&first).await);
    let log = Arc::new(Ledger::default());
    let servers = [&one, &two].map(|it| engine("both", it, Timeouts::default()));
    let options = ReplicaOptions { hedge_share: 1.0, ..ReplicaOptions::default() };
    let both = joined(servers.to_vec(), &options, &log);
    let policy = policy(&[&both]);
    let chain = Chain::new(vec![link(both)]);
    for _ in 0..KNOWN {
        let asked = public(request("text", Delivery::Streamed));
        fold(chain.answer(&asked, &policy).await.unwrap().stream).await.unwrap();
    }
    log.0.lock().unwrap().clear();
    let asked = public(request("once", Delivery::Streamed));
    let answer = fold(chain.answer(&asked, &policy).await.unwrap().stream).await.unwrap();
    assert_eq!(answer.choices[0].text(), "Grüezi, Welt 😀");
    let outcomes: Vec<_> = log.0.lock().unwrap().iter().map(|it| it.outcome.clone()).collect();
    assert_eq!(outcomes, [AttemptOutcome::Cancelled, AttemptOutcome::Answered]);
    assert!(!first.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_drained_engine_is_asked_nothing_and_the_next_one_answers() {
    let (leaving, staying) = (reliable().await, reliable().await);
    let log = Arc::new(Ledger::default());
    let drained = ReplicaOptions { intake: Intake::Drained, ..ReplicaOptions::default() };
    let first = joined(vec![engine("first", &leaving, Timeouts::default())], &drained, &log);
    let options = ReplicaOptions::default();
    let last = joined(vec![engine("last", &staying, Timeouts::default())], &options, &log);
    let policy = policy(&[&first, &last]);
    let asked = public(request("text", Delivery::Whole));
    let alone = Chain::new(vec![link(Arc::clone(&first))]);
    let error = alone.answer(&asked, &policy).await.unwrap_err().to_string();
    assert!(error.contains("first") && error.contains("it is being drained"), "{error}");
    let chain = Chain::new(vec![link(first), link(last)]);
    let outcome = chain.answer(&asked, &policy).await.unwrap();
    assert_eq!(outcome.link, 1);
    fold(outcome.stream).await.unwrap();
    assert_eq!((leaving.count(), staying.count()), (0, 1));
}

/// A server that takes the adapter `a` and no other, and remembers what it was asked.
async fn adaptable() -> (StandIn, Arc<Mutex<Vec<(String, Value)>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let server = StandIn::start(Arc::new(move |path, body: &Value| {
        seen.lock().unwrap().push((path.to_owned(), body.clone()));
        if body["lora_name"] == "a" {
            return Reply { status: 200, headers: vec![], steps: vec![Step::Send("ok".into())] };
        }
        let name = body["lora_name"].as_str().unwrap();
        let error = format!("The lora adapter '{name}' cannot be found.");
        Reply::json(404, &json!({ "error": { "message": error, "code": 404 } }))
    }))
    .await;
    (server, asked)
}

/// Loads and unloads at a server of that provider, whose calls lie below `below`.
async fn check_adapters(provider: &str, below: &str) {
    let (server, asked) = adaptable().await;
    let engine = connect(find(provider).unwrap(), &server).engine;
    engine.load_adapter("a", "/adapters/a").await.unwrap();
    engine.unload_adapter("a").await.unwrap();
    let expected = [
        ("load", json!({ "lora_name": "a", "lora_path": "/adapters/a" })),
        ("unload", json!({ "lora_name": "a" })),
    ];
    let expected = expected.map(|(it, body)| (format!("{below}/{it}_lora_adapter"), body));
    assert_eq!(*asked.lock().unwrap(), expected, "{provider}");
    let error = engine.unload_adapter("b").await.unwrap_err().to_string();
    assert!(error.contains(provider) && !error.contains(stand_in::KEY), "{error}");
}

#[tokio::test]
async fn adapters_are_loaded_and_forgotten() {
    check_adapters("vllm", "/v1").await;
    check_adapters("sglang", "").await;
    // Others are started with theirs; they are not even asked.
    let (server, asked) = adaptable().await;
    let engine = connect(find("llama-server").unwrap(), &server).engine;
    let error = engine.load_adapter("a", "/adapters/a").await.unwrap_err();
    assert!(matches!(error, ChatError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("start it with them"), "{error}");
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_says_it_is_busy_is_asked_less() {
    let serving = |running: u32| -> stand_in::Script {
        Arc::new(move |path, body| {
            if path != "/metrics" {
                return stand_in::openai::reply(path, body);
            }
            let text = format!("vllm:num_requests_running{{model_name=\"m-1\"}} {running}.0\n");
            Reply { status: 200, headers: vec![], steps: vec![Step::Send(text)] }
        })
    };
    let (busy, idle) = (StandIn::start(serving(100_000)).await, StandIn::start(serving(0)).await);
    let load = connect(find("vllm").unwrap(), &busy).engine.load().await.unwrap();
    assert_eq!(load.map(|it| (it.running, it.waiting)), Some((100_000, 0)));
    let log = Arc::new(Ledger::default());
    let servers = [&busy, &idle].map(|it| engine("both", it, Timeouts::default()));
    let options = ReplicaOptions::default();
    let both = Replicas::new(servers.to_vec(), &options, Seed(5), Arc::clone(&log) as _).unwrap();
    both.look_around().await;
    let (before, both) = (busy.count(), Arc::new(both) as Arc<dyn ChatEngine>);
    let policy = policy(&[&both]);
    let chain = Chain::new(vec![link(both)]);
    for _ in 0..KNOWN {
        let asked = public(request("text", Delivery::Whole));
        fold(chain.answer(&asked, &policy).await.unwrap().stream).await.unwrap();
    }
    // Its two rounds of gauges apart, the busy one was left alone.
    assert_eq!((busy.count() - before, idle.count()), (0, KNOWN + 1));
}

//! What keys may do, and how much: roles, lists, and limits at every level.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_gateway::{Access, GenerativeModel, ModelPrice};
use freehold_ledger::{
    Account, AccountRepository, Allowed, BudgetRepository, CapRequest, Key, KeyName, KeyRepository,
    Measure, Party, Role, Tags, Window,
};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{Clock, DataClass, Digest, Tier};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::generation::{CHAT, ask};
use crate::support::{
    Behaviour, Client, Scripted, Server, Setup, WordEngine, hello, model, one, until, with_models,
};

const PREDICT: &str = "/v1/tasks/tickets/predict";
const BODY: &str = r#"{"inputs": ["billing"]}"#;
const MINUTE_US: i64 = 60_000_000;

fn party(text: &str) -> Party {
    Party::parse(text).unwrap()
}

fn allowed(names: &[&str]) -> Allowed {
    Allowed(names.iter().map(ToString::to_string).collect())
}

/// Adds `acme`, its team `support`, and two keys of the team: `one` and `two`.
async fn house(server: &Server) {
    let account = |text: &str, parent: Option<&str>| Account {
        party: party(text),
        parent: parent.map(party),
        allowed: Allowed::default(),
        tags: Tags::new(),
        created_at: server.clock.now(),
        closed_at: None,
    };
    let ledger = &server.ledger;
    ledger.add_account(&account("organisation/acme", None), "test").await.unwrap();
    let team = account("team/support", Some("organisation/acme"));
    ledger.add_account(&team, "test").await.unwrap();
    for name in ["one", "two"] {
        add(server, name, |key| key.owner = Some(party("team/support"))).await;
    }
}

async fn add(server: &Server, name: &str, change: impl FnOnce(&mut Key)) {
    let secret = Digest::of(format!("fh-{name}"));
    let name = KeyName::parse(name).unwrap();
    let mut key = Key::new(name, secret, "fh-", server.clock.now());
    change(&mut key);
    server.ledger.add_key(&key, "test").await.unwrap();
}

async fn limit(ledger: &SqlLedger, who: &str, at_most: u64, measure: &str, per: &str) {
    let request = CapRequest {
        party: party(who),
        measure: Measure::parse(measure).unwrap(),
        per: Window::parse(per).unwrap(),
        at_most: Some(at_most),
        why: String::new(),
    };
    let at = freehold_vocabulary::Timestamp::from_micros(0);
    ledger.set_cap(&request, "test", at).await.unwrap();
}

async fn client(server: &Server, key: &str) -> Client {
    server.client().await.with_key(&format!("fh-{key}"))
}

/// What was used of the only limit.
async fn used(server: &Server) -> u64 {
    server.ledger.cap_states(server.clock.now()).await.unwrap()[0].used
}

async fn until_used(server: &Server, expected: u64) {
    while used(server).await != expected {
        tokio::task::yield_now().await;
    }
}

async fn locked(models: &[Arc<GenerativeModel>]) -> Server {
    let portfolio = with_models(models);
    Server::start(Setup { access: Access::Keys, portfolio, ..Setup::default() }).await
}

fn cloud() -> Arc<Scripted> {
    Scripted::new("cloud", DataClass::Internal, hello())
}

#[tokio::test]
async fn a_key_asks_what_all_levels_allow_and_nothing_else() {
    let (cloud, own) = (cloud(), Scripted::new("own", DataClass::Internal, hello()));
    let server = locked(&[model("large", &cloud, &["small"]), model("small", &own, &[])]).await;
    add(&server, "tasks", |key| key.allowed = allowed(&["tickets"])).await;
    add(&server, "large", |key| key.allowed = allowed(&["large"])).await;
    let mut tasks = client(&server, "tasks").await;
    tasks.post(PREDICT, BODY).await.ok();
    let message = tasks.post("/v1/tasks/spam/predict", BODY).await.error(403, "not_allowed");
    assert!(message.contains("`spam`") && message.contains("`tickets`"), "{message}");
    tasks.post(CHAT, &ask("hi").to_string()).await.error(403, "not_allowed");
    // Whichever endpoint it is asked through.
    let said = json!([{ "role": "user", "content": "hi" }]);
    for (path, body) in [
        ("/v1/completions", json!({ "model": "large", "prompt": "hi" })),
        ("/v1/embeddings", json!({ "model": "large", "input": "hi" })),
        ("/v1/messages", json!({ "model": "large", "max_tokens": 5, "messages": said })),
        ("/v1/moderations", json!({ "model": "large", "input": "hi" })),
        ("/v1/responses", json!({ "model": "large", "input": "hi" })),
    ] {
        let reply = tasks.post(path, &body.to_string()).await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.text);
    }
    let listed = tasks.get("/v1/models").await.ok();
    let names: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["tickets"]);
    // What stands in for a model must be allowed too.
    cloud.says(vec![crate::support::Line::Fail(cloud.error("unavailable"))]);
    let mut large = client(&server, "large").await;
    assert_eq!(large.post(CHAT, &ask("hi").to_string()).await.status, 503);
    assert_eq!((cloud.times(), own.times()), (1, 0));
}

#[tokio::test]
async fn a_role_opens_its_routes() {
    let server = locked(&[]).await;
    for (name, role) in [("m", Role::Member), ("w", Role::Monitor), ("a", Role::Admin)] {
        add(&server, name, |key| key.role = role).await;
    }
    let mut monitor = client(&server, "w").await;
    assert_eq!(monitor.get("/metrics").await.status, 200);
    monitor.get("/v1/models").await.ok();
    let message = monitor.post(PREDICT, BODY).await.error(403, "not_allowed");
    assert!(message.contains("`monitor`"), "{message}");
    client(&server, "m").await.post(PREDICT, BODY).await.ok();
    client(&server, "m").await.get("/admin/v1/x").await.error(404, "unknown_route");
    client(&server, "a").await.post(PREDICT, BODY).await.ok();
}

#[tokio::test]
async fn a_closed_team_closes_its_keys() {
    let server = locked(&[]).await;
    house(&server).await;
    server.ledger.close_account(&party("team/support"), "test", server.clock.now()).await.unwrap();
    client(&server, "one").await.post(PREDICT, BODY).await.error(401, "invalid_api_key");
}

#[tokio::test]
async fn a_limit_of_a_team_counts_all_its_keys_and_begins_anew() {
    let server = locked(&[]).await;
    house(&server).await;
    limit(&server.ledger, "team/support", 3, "requests", "minute").await;
    for key in ["one", "two", "one"] {
        client(&server, key).await.post(PREDICT, BODY).await.ok();
    }
    let reply = client(&server, "two").await.post(PREDICT, BODY).await;
    let message = reply.error(429, "limit_reached");
    assert!(message.contains("`team/support requests per minute`"), "{message}");
    // The tests begin with a full minute.
    assert_eq!(reply.header("retry-after"), Some("60"));
    assert_eq!(reply.json()["error"]["details"]["limit"], "team/support requests per minute");
    server.clock.advance_micros(MINUTE_US);
    client(&server, "two").await.post(PREDICT, BODY).await.ok();
}

#[tokio::test]
async fn tokens_and_cost_are_settled_with_what_was_taken() {
    let server = locked(&[model("large", &cloud(), &[])]).await;
    house(&server).await;
    limit(&server.ledger, "key/one", 5000, "tokens", "day").await;
    let chat = |max: u32| {
        let mut body = ask("hi");
        body["max_tokens"] = json!(max);
        body.to_string()
    };
    let mut one = client(&server, "one").await;
    let message = one.post(CHAT, &chat(5000)).await.error(429, "limit_reached");
    assert!(message.contains("whole limit is 5000 tokens"), "{message}");
    for round in 1..=5 {
        one.post(CHAT, &chat(4900)).await.ok();
        until_used(&server, 14 * round).await;
    }
    // 70 are used: 4,930 are left, of which the request itself may take 17.
    let reply = one.post(CHAT, &chat(4914)).await;
    let message = reply.error(429, "limit_reached");
    assert!(message.contains("70 tokens of 5000 tokens are used"), "{message}");
    assert_eq!(reply.header("retry-after"), Some("43200"), "until midnight");
}

#[tokio::test]
async fn a_cost_limit_counts_every_protocol_and_streams() {
    let server = locked(&[model("large", &cloud(), &[])]).await;
    house(&server).await;
    let micro_usd = 1_000_000;
    limit(&server.ledger, "organisation/acme", 1_000_000 * micro_usd, "USD", "month").await;
    let mut one = client(&server, "one").await;
    let messages = json!([{ "role": "user", "content": "hi" }]);
    let bodies: [(&str, Value); 5] = [
        (CHAT, json!({ "model": "large", "messages": messages })),
        (CHAT, json!({ "model": "large", "messages": messages, "stream": true })),
        ("/v1/messages", json!({ "model": "large", "messages": messages, "max_tokens": 100 })),
        ("/v1/completions", json!({ "model": "large", "prompt": "hi" })),
        ("/v1/embeddings", json!({ "model": "large", "input": "hi" })),
    ];
    let mut expected = 0;
    for (path, body) in bodies {
        assert_eq!(one.post(path, &body.to_string()).await.status, 200, "{path}");
        // 12 tokens in and 2 out; of the embedding 3 in.
        expected += if path.ends_with("embeddings") { 7_500_000 } else { 50 * micro_usd };
        until_used(&server, expected).await;
    }
}

#[tokio::test]
async fn what_has_no_price_is_not_let_in_under_a_cost_limit() {
    let unknown = Arc::into_inner(model("free", &cloud(), &[])).unwrap();
    let unknown = Arc::new(GenerativeModel { price: ModelPrice::Unknown, ..unknown });
    let server = locked(&[model("large", &cloud(), &[]), unknown]).await;
    house(&server).await;
    limit(&server.ledger, "key/one", 1_000_000_000_000, "EUR", "day").await;
    let mut one = client(&server, "one").await;
    for name in ["free", "large"] {
        let body = json!({ "model": name, "messages": [{ "role": "user", "content": "hi" }] });
        let message = one.post(CHAT, &body.to_string()).await.error(403, "price_unknown");
        assert!(message.contains(name) && message.contains("key/one EUR per day"), "{message}");
    }
    // A task costs nothing, and says so.
    one.post(PREDICT, BODY).await.ok();
}

#[tokio::test]
async fn a_request_that_failed_has_taken_its_place_and_nothing_else() {
    let cloud = cloud();
    let server = locked(&[model("large", &cloud, &[])]).await;
    house(&server).await;
    limit(&server.ledger, "key/one", 20_000, "tokens", "day").await;
    limit(&server.ledger, "key/one", 100, "requests", "day").await;
    cloud.says(vec![crate::support::Line::Fail(cloud.error("unavailable"))]);
    let mut one = client(&server, "one").await;
    for _ in 0..3 {
        assert_eq!(one.post(CHAT, &ask("hi").to_string()).await.status, 503);
    }
    loop {
        let states = server.ledger.cap_states(server.clock.now()).await.unwrap();
        let of = |measure| states.iter().find(|it| it.cap.measure == measure).unwrap().used;
        if of(Measure::Requests) == 3 {
            assert_eq!(of(Measure::Tokens), 0);
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_hold_what_they_may_take() {
    let permits = Arc::new(Semaphore::new(0));
    let engine = WordEngine::new(Tier::Micro, &["billing", "login"])
        .behaves(Behaviour::Wait(permits.clone()));
    let running = engine.running.clone();
    let setup = Setup { access: Access::Keys, portfolio: one(engine), ..Setup::default() };
    let server = Server::start(setup).await;
    house(&server).await;
    // A text of seven bytes may be five tokens.
    limit(&server.ledger, "team/support", 12, "tokens", "day").await;
    let mut waiting = Vec::new();
    for key in ["one", "two"] {
        let mut client = client(&server, key).await;
        waiting.push(tokio::spawn(async move { client.post(PREDICT, BODY).await }));
    }
    until(|| running.load(Ordering::SeqCst) == 2).await;
    let reply = client(&server, "one").await.post(PREDICT, BODY).await;
    let message = reply.error(429, "limit_reached");
    assert!(message.contains("in flight"), "{message}");
    assert_eq!(reply.header("retry-after"), Some("1"));
    permits.add_permits(2);
    for reply in waiting {
        reply.await.unwrap().ok();
    }
    // Each took one token, so there is room again.
    permits.add_permits(1);
    until_used(&server, 2).await;
    client(&server, "one").await.post(PREDICT, BODY).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_with_one_ledger_share_its_limits() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
    let mut servers = Vec::new();
    for seed in 0..4 {
        let ledger = Some(url.clone());
        servers.push(
            Server::start(Setup { access: Access::Keys, ledger, seed, ..Setup::default() }).await,
        );
    }
    house(&servers[0]).await;
    limit(&servers[0].ledger, "organisation/acme", 100, "requests", "day").await;
    let asking: Vec<_> = (0..16)
        .map(|number: usize| {
            let addr = servers[number % 4].addr;
            let clocks: Vec<_> = servers.iter().map(|it| it.clock.clone()).collect();
            let key = if number.is_multiple_of(3) { "fh-one" } else { "fh-two" };
            tokio::spawn(async move {
                let mut client = Client::connect(addr).await.with_key(key);
                let mut answered = 0;
                loop {
                    let reply = client.post(PREDICT, BODY).await;
                    match (reply.status.as_u16(), reply.header("retry-after")) {
                        (200, _) => answered += 1,
                        // Others hold the rest; what they do not need comes back as time passes.
                        (429, Some("1")) => {
                            clocks.iter().for_each(|it| it.advance_micros(1000));
                            tokio::task::yield_now().await;
                        }
                        (429, _) => return answered,
                        other => panic!("{other:?}: {}", reply.text),
                    }
                }
            })
        })
        .collect();
    let mut answered = 0;
    for it in asking {
        answered += it.await.unwrap();
    }
    assert_eq!(answered, 100);
}

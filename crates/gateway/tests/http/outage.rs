//! A ledger that goes away: 503 and never 401, by itself again, and what a grace allows.

use std::time::Duration;

use freehold_gateway::{Access, Limits};
use freehold_ledger::{
    BudgetRepository, CapRequest, Key, KeyName, KeyRepository, Measure, Party, Window,
};
use freehold_vocabulary::{Clock, Digest};

use crate::postgres::Postgres;
use crate::support::{Reply, Server, Setup};

const PATH: &str = "/v1/tasks/tickets/predict";
const BODY: &str = r#"{"inputs": ["billing"]}"#;
const SECOND_US: i64 = 1_000_000;

async fn start(postgres: &Postgres, grace_s: u64) -> Server {
    let ledger = Some(postgres.database(&format!("ledger_{grace_s}")));
    let limits = Limits { ledger_grace: Duration::from_secs(grace_s), ..Limits::default() };
    let server =
        Server::start(Setup { access: Access::Keys, ledger, limits, ..Setup::default() }).await;
    for name in ["plain", "limited"] {
        let secret = Digest::of(format!("fh-{name}"));
        let name = KeyName::parse(name).unwrap();
        let key = Key::new(name, secret, "fh-", server.clock.now());
        server.ledger.add_key(&key, "test").await.unwrap();
    }
    let request = CapRequest {
        party: Party::parse("key/limited").unwrap(),
        measure: Measure::Requests,
        per: Window::Day,
        at_most: Some(32),
        why: String::new(),
    };
    server.ledger.set_cap(&request, "test", server.clock.now()).await.unwrap();
    server
}

async fn ask(server: &Server, key: &str) -> Reply {
    server.client().await.with_key(&format!("fh-{key}")).post(PATH, BODY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_503_and_ends_by_itself() {
    let mut postgres = Postgres::start();
    let strict = start(&postgres, 0).await;
    let lenient = start(&postgres, 3600).await;
    for server in [&strict, &lenient] {
        ask(server, "plain").await.ok();
        ask(server, "limited").await.ok();
    }
    postgres.down();
    for server in [&strict, &lenient] {
        // Keys are trusted for a few seconds anyway; then the ledger would have to vouch for them.
        server.clock.advance_micros(10 * SECOND_US);
        ask(server, "unknown").await.error(503, "ledger_unavailable");
    }
    let reply = ask(&strict, "plain").await;
    reply.error(503, "ledger_unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
    ask(&lenient, "plain").await.ok();
    // Of its limit a key has what was drawn and did not go back, and no more.
    let mut answered = 0;
    let refused = loop {
        let reply = ask(&lenient, "limited").await;
        if reply.status != 200 {
            break reply;
        }
        answered += 1;
    };
    refused.error(503, "ledger_unavailable");
    assert!(answered <= 32, "{answered}");
    // The grace is bounded too.
    lenient.clock.advance_micros(3601 * SECOND_US);
    ask(&lenient, "plain").await.error(503, "ledger_unavailable");
    postgres.up();
    for server in [&strict, &lenient] {
        // Whoever asked while the ledger was down may be told so once more.
        server.clock.advance_micros(10 * SECOND_US);
        ask(server, "plain").await.ok();
        ask(server, "limited").await.ok();
        ask(server, "unknown").await.error(401, "invalid_api_key");
    }
}

//! A server without a model: its engine counts words. For trying clients against the protocols.
//!
//! `cargo run -p freehold-gateway --example serve_words -- [port] [key]`; with a key every request
//! needs it. Keeps everything in memory or in a temporary folder, so it is no example of how to run Freehold.

#[path = "../tests/http/support/engines.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "made for tests, which use more of it")]
mod engines;
#[path = "../tests/http/support/traces.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "made for tests, which use more of it")]
mod traces;

use std::error::Error;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use engines::{WordEngine, policy};
use freehold_artifacts::FolderDepot;
use freehold_gateway::{
    Access, App, Deployed, DeployedTier, Keeping, Limits, Parts, Portfolio, serve,
};
use freehold_ledger::{Key, KeyName, KeyRepository};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{
    Clock, DataClass, Digest, LabelMode, Seed, Task, TaskName, Tier, Timestamp,
};
use tokio::net::TcpListener;
use traces::MemoryTraces;

/// The wall clock, which only a program may read.
#[derive(Debug)]
struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the program that owns the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(8080), |it| it.parse())?;
    let key = arguments.next();
    let ledger = SqlLedger::open("sqlite::memory:").await?;
    let access = if key.is_some() { Access::Keys } else { Access::Open };
    if let Some(key) = key {
        let name = KeyName::parse("example")?;
        let key = Key::new(name, Digest::of(key), "example", WallClock.now());
        ledger.add_key(&key, "example").await?;
    }
    let folder = tempfile::TempDir::new()?;
    let app = App::new(Parts {
        clock: Arc::new(WallClock),
        ledger,
        traces: Arc::new(MemoryTraces::default()),
        depot: Arc::new(FolderDepot::new(folder.path().to_owned())),
        access,
        limits: Limits::default(),
        keeping: Keeping::default(),
        seed: Seed(WallClock.now().as_micros().unsigned_abs()),
    });
    app.deploy(Portfolio::new(vec![
        deployed("tickets", LabelMode::Single, &["billing", "login", "shipping"])?,
        deployed("urgency", LabelMode::Single, &["low", "mid", "high"])?,
        deployed("spam", LabelMode::Single, &["no", "yes"])?,
        deployed("topics", LabelMode::Multi, &["billing", "login", "shipping"])?,
    ])?);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("serving on http://{}", listener.local_addr()?);
    let drained = serve(listener, app, async {
        // Without a signal handler there is no way to ask, so the server serves on.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await?;
    println!("stopped: {drained:?}");
    Ok(())
}

/// A task by a plain and a fluent word counter.
fn deployed(name: &str, mode: LabelMode, labels: &[&str]) -> Result<Deployed, Box<dyn Error>> {
    let engines =
        [WordEngine::new(Tier::Micro, labels), WordEngine::new(Tier::Small, labels).fluent()];
    let tiers = engines.map(|engine| {
        let engine = if mode == LabelMode::Multi { engine.multi() } else { engine };
        DeployedTier { policy: policy(&engine), engine: Arc::new(engine) }
    });
    let name = TaskName::parse(name)?;
    let task = Task { name, mode, data_class: DataClass::Public, bar: None };
    Ok(Deployed::new(task, tiers.into(), WallClock.now())?)
}

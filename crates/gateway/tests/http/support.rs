//! A server on a free port, a client, and engines whose answers can be foretold.

mod chat_engines;
mod client;
mod engines;
mod stand_in;
mod traces;

use std::net::SocketAddr;
use std::sync::Arc;

use freehold_artifacts::FolderDepot;
use freehold_gateway::{
    Access, App, Deployed, DeployedTier, Drained, Keeping, Limits, Parts, Portfolio, serve,
};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{
    DataClass, FixedClock, LabelMode, Seed, Task, TaskName, Tier, Timestamp,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use chat_engines::{Line, Scripted, finished, hello, model, started, text, usage, with_models};
pub use client::{Client, Reply, steady};
pub use engines::{Behaviour, WordEngine, policy};
pub use stand_in::{StandIn, options, served};
pub use traces::{MemoryTraces, TracesMode};

/// The instant at which every test begins.
pub const START: &str = "2026-11-20T12:00:00Z";

/// A running server with everything behind it.
pub struct Server {
    pub addr: SocketAddr,
    pub app: App,
    pub ledger: Arc<SqlLedger>,
    pub traces: Arc<MemoryTraces>,
    pub clock: Arc<FixedClock>,
    /// Where the depot is.
    pub folder: Arc<TempDir>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<Drained>>,
}

/// What a test wants to differ.
pub struct Setup {
    pub access: Access,
    pub limits: Limits,
    pub portfolio: Portfolio,
    pub keeping: Keeping,
    /// A ledger that lives outside of the test; none for one in memory.
    pub ledger: Option<String>,
    pub seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            access: Access::Open,
            limits: Limits::default(),
            portfolio: tickets(),
            keeping: Keeping::default(),
            ledger: None,
            seed: 42,
        }
    }
}

impl Server {
    pub async fn start(setup: Setup) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        Self::start_in(folder, setup).await
    }

    /// A server that finds what another left in this folder.
    pub async fn start_in(folder: Arc<TempDir>, setup: Setup) -> Self {
        let (app, ledger, traces, clock) = app_in(&folder, setup).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, app.clone(), async {
            let _ = stopped.await;
        }));
        Self { addr, app, ledger, traces, clock, folder, stop, served }
    }

    pub async fn default() -> Self {
        Self::start(Setup::default()).await
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.addr).await
    }

    /// One request on a connection of its own.
    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.client().await.post(path, body).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.client().await.get(path).await
    }

    /// Ends at once, as a process that is killed does.
    pub async fn kill(self) {
        self.served.abort();
        let _ = self.served.await;
    }

    /// Begins to stop; the result comes when every connection has ended.
    pub fn stop(self) -> JoinHandle<std::io::Result<Drained>> {
        self.stop.send(()).unwrap();
        self.served
    }
}

/// An app without a socket; what it keeps for callers has no place to stay.
pub async fn app(setup: Setup) -> (App, Arc<SqlLedger>, Arc<MemoryTraces>, Arc<FixedClock>) {
    app_in(&TempDir::new().unwrap(), setup).await
}

async fn app_in(
    folder: &TempDir,
    setup: Setup,
) -> (App, Arc<SqlLedger>, Arc<MemoryTraces>, Arc<FixedClock>) {
    let ledger = setup.ledger.as_deref().unwrap_or("sqlite::memory:");
    let ledger = SqlLedger::open(ledger).await.unwrap();
    let traces = Arc::new(MemoryTraces::default());
    let clock = Arc::new(FixedClock::at(Timestamp::parse(START).unwrap()));
    let app = App::new(Parts {
        clock: clock.clone(),
        ledger: ledger.clone(),
        traces: traces.clone(),
        depot: Arc::new(FolderDepot::new(folder.path().to_owned())),
        access: setup.access,
        limits: setup.limits,
        keeping: setup.keeping,
        seed: Seed(setup.seed),
    });
    app.deploy(setup.portfolio);
    (app, ledger, traces, clock)
}

pub fn task(name: &str, mode: LabelMode) -> Task {
    let name = TaskName::parse(name).unwrap();
    Task { name, mode, data_class: DataClass::Internal, bar: None }
}

pub fn deployed(task: Task, engines: Vec<WordEngine>) -> Deployed {
    let tiers = engines
        .into_iter()
        .map(|engine| DeployedTier { policy: policy(&engine), engine: Arc::new(engine) });
    Deployed::new(task, tiers.collect(), Timestamp::parse(START).unwrap()).unwrap()
}

/// The portfolio of most tests: tickets by two tiers, urgency by one, spam with a yes and a no,
/// and topics, of which a text may have several.
pub fn tickets() -> Portfolio {
    let topics = ["billing", "login", "shipping"];
    let micro = WordEngine::new(Tier::Micro, &topics);
    let small = WordEngine::new(Tier::Small, &topics).fluent();
    let urgency = WordEngine::new(Tier::Micro, &["low", "mid", "high"]);
    let spam = WordEngine::new(Tier::Micro, &["no", "yes"]);
    let several = WordEngine::new(Tier::Micro, &topics).multi();
    Portfolio::new(vec![
        deployed(task("tickets", LabelMode::Single), vec![micro, small]),
        deployed(task("urgency", LabelMode::Single), vec![urgency]),
        deployed(task("spam", LabelMode::Single), vec![spam]),
        deployed(task("topics", LabelMode::Multi), vec![several]),
    ])
    .unwrap()
}

/// One task, one tier.
pub fn one(engine: WordEngine) -> Portfolio {
    Portfolio::new(vec![deployed(task("tickets", LabelMode::Single), vec![engine])]).unwrap()
}

/// Waits for a state that another task brings about, however long that takes.
pub async fn until(reached: impl Fn() -> bool) {
    while !reached() {
        tokio::task::yield_now().await;
    }
}

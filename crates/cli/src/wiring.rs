//! The only place that knows both domains and adapters: opens stores, resolves names, loads
//! models.

pub mod cache_folder;
pub mod deployments;
pub mod embedding;
pub mod engines;
pub mod judging;
pub mod model_routes;
pub mod models;
pub mod policy;
pub mod remote_tiers;
pub mod routes;
pub mod runs;
pub mod scoring;
pub mod semantic;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use freehold_artifacts::{Artifact, ArtifactKind, Store};
use freehold_curation::Dataset;
use freehold_ledger::Ledger;
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{Clock as _, DatasetName, Digest, Label, TaskName, Timestamp, TraceId};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::output::Form;
use crate::progress::Bars;

/// Everything that a command works with.
#[derive(Debug)]
pub struct Session {
    pub config: Config,
    pub form: Form,
    pub progress: Bars,
    pub store: Store,
    pub ledger: Arc<dyn Ledger>,
    runtime: Arc<tokio::runtime::Runtime>,
}

/// What a correction needs to know about the answer that it corrects.
#[derive(Debug)]
pub struct TraceFacts {
    pub task: TaskName,
    pub input: String,
    pub labels: Vec<Label>,
    pub confidence: f64,
}

impl Session {
    /// Reads the configuration and opens ledger and artifact store.
    pub fn open(config: Option<&Path>, form: Form, quiet: bool) -> Result<Self> {
        let config = Config::load(config)?;
        // Scoring spreads over this pool. It can be set once in a process, which opens one session.
        rayon::ThreadPoolBuilder::new().num_threads(config.compute.threads()).build_global()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let runtime = Arc::new(runtime);
        let store = Store::open(&artifacts_folder(&config)?)?;
        let ledger = runtime.block_on(SqlLedger::open(&ledger_url(&config)?))?;
        Ok(Self { form, progress: Bars::new(quiet), store, ledger, runtime, config })
    }

    /// The same stores with another configuration, for a server whose file has changed.
    pub fn with(&self, config: Config) -> Self {
        let Self { form, progress, store, ledger, runtime, .. } = self;
        let (progress, store) = (progress.another(), store.clone());
        Self {
            config,
            form: *form,
            progress,
            store,
            ledger: ledger.clone(),
            runtime: runtime.clone(),
        }
    }

    /// Waits for IO from a command, which is not async.
    pub fn wait<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T>
    where
        E: Into<anyhow::Error>,
    {
        self.runtime.block_on(work).map_err(Into::into)
    }

    /// Hands over the runtime's context, for code that spawns.
    pub fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Where traces live.
    pub fn traces_folder(&self) -> Result<PathBuf> {
        folder(&self.config, &self.config.store.traces, "store.traces")
    }

    /// Where callers leave files, batches and responses.
    pub fn depot_folder(&self) -> Result<PathBuf> {
        folder(&self.config, &self.config.store.depot, "store.depot")
    }

    /// Where unfinished work is kept, such as checkpoints of runs.
    pub fn work_folder(&self) -> PathBuf {
        self.config.root.join(".freehold")
    }

    /// The version that a dataset's name or digest means.
    pub fn dataset_digest(&self, reference: &str) -> Result<Digest> {
        if let Ok(name) = DatasetName::parse(reference)
            && let Some(named) = self.wait(self.ledger.newest_dataset(&name))?
        {
            return Ok(named.digest);
        }
        let digest = self.store.resolve(reference).with_context(|| {
            format!("there is no dataset `{reference}`; `freehold data list` shows what there is")
        })?;
        let kind = self.store.get(&digest)?.kind();
        if kind != ArtifactKind::Dataset {
            bail!("{} is a {kind}, not a dataset", digest.short());
        }
        Ok(digest)
    }

    /// Opens a dataset version, verified.
    pub fn dataset(&self, digest: &Digest) -> Result<Dataset> {
        let folder = self.store.materialise(digest)?;
        Ok(Dataset::open(&folder)?)
    }

    /// Reads an artifact and checks its kind.
    pub fn artifact(&self, digest: &Digest, kind: ArtifactKind) -> Result<Artifact> {
        let artifact = self.store.get(digest)?;
        if artifact.kind() != kind {
            bail!("{} is a {}, not a {kind}", digest.short(), artifact.kind());
        }
        Ok(artifact)
    }

    /// What is known of a trace, also while a server is writing.
    pub fn find_trace(&self, id: &TraceId) -> Result<Option<TraceFacts>> {
        let folder = self.traces_folder()?;
        // An id holds nothing but letters and digits, by its type.
        let query = format!("select task, input, labels, confidence from traces where id = '{id}'");
        let rows =
            self.wait(freehold_traces::sql(&folder, &query, &freehold_traces::Limits::default()))?;
        let Some(row) = rows.rows.into_iter().next() else { return Ok(None) };
        let facts: (TaskName, String, Vec<Label>, f64) =
            serde_json::from_value(serde_json::Value::Array(row))
                .context("a row of the table `traces`")?;
        let (task, input, labels, confidence) = facts;
        Ok(Some(TraceFacts { task, input, labels, confidence }))
    }

    /// Refuses labels that the task's newest dataset does not know.
    pub fn check_labels(&self, task: &TaskName, labels: &[Label]) -> Result<()> {
        let digest = self.dataset_digest(task.as_str())?;
        let known = self.dataset(&digest)?.labels().clone();
        for label in labels {
            if known.index_of(label).is_none() {
                let list: Vec<&str> = known.as_slice().iter().map(Label::as_str).collect();
                bail!("`{label}` is not a label of {task}; the labels are: {}", list.join(", "));
            }
        }
        Ok(())
    }
}

/// Where artifacts live.
pub fn artifacts_folder(config: &Config) -> Result<PathBuf> {
    folder(config, &config.store.artifacts, "store.artifacts")
}

/// `file:PATH`, relative to the configuration.
fn folder(config: &Config, url: &str, key: &str) -> Result<PathBuf> {
    match url.strip_prefix("file:") {
        Some(path) if !path.is_empty() => Ok(config.root.join(path)),
        _ => bail!("{key} is `{url}`; expected `file:FOLDER` (other stores are not built yet)"),
    }
}

/// `sqlite:PATH` with the path made relative to the configuration, or `postgres://…` with its
/// password.
fn ledger_url(config: &Config) -> Result<String> {
    match config.store.ledger.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => {
            Ok(format!("sqlite:{}", config.root.join(path).display()))
        }
        _ => config.store.ledger_with_password(|name| std::env::var(name).ok()),
    }
}

//! The semantic cache: thresholds from files, and the embedder that they were calibrated with.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use freehold_gateway::App;
use freehold_routing::semantic::CacheThreshold;
use freehold_vocabulary::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::Session;
use super::deployments::Deployments;
use crate::config::Config;

/// A threshold is a page of JSON at most.
const BYTES_MAX: u64 = 64 << 10;

/// What `freehold cache calibrate` writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibratedCache {
    pub threshold: CacheThreshold,
    /// The embedder by name and version: vectors of another one mean something else.
    pub embedder: String,
    pub embedder_version: Digest,
    /// The digest of the labelled pairs.
    pub pairs: Digest,
    pub at: Timestamp,
}

/// The threshold of a model, if it has one.
pub fn threshold(config: &Config, model: &str) -> Result<Option<CacheThreshold>> {
    Ok(calibrated(config, model)?.map(|it| it.threshold))
}

/// Lets the server compare questions, if any model has a threshold. One that was calibrated with
/// another embedder has lapsed.
pub fn connect(app: &App, session: &Session, deployments: &Deployments) -> Result<()> {
    let mut wanted = Vec::new();
    for name in session.config.models.keys() {
        wanted.extend(calibrated(&session.config, name)?.map(|it| (name, it)));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let embedder = deployments.embedder(session)?;
    for (name, calibrated) in wanted {
        if calibrated.embedder_version != embedder.card().version {
            bail!(
                "[models.{name}]: semantic_cache was calibrated with the embedder `{}` as it was then; `freehold cache calibrate` makes a threshold for `{}` as it is now",
                calibrated.embedder,
                embedder.card().name
            );
        }
    }
    app.compare_questions_with(embedder, bytes_read(session.config.embedding.tokens_max));
    Ok(())
}

/// How long a text the embedder surely reads to its end: no token is shorter than a byte, and two
/// stand around the text.
pub fn bytes_read(tokens_max: NonZeroUsize) -> usize {
    tokens_max.get().saturating_sub(2)
}

fn calibrated(config: &Config, model: &str) -> Result<Option<CalibratedCache>> {
    let Some(path) = config.models.get(model).and_then(|it| it.semantic_cache.as_ref()) else {
        return Ok(None);
    };
    let path = config.root.join(path);
    let read = read(&path)
        .with_context(|| format!("[models.{model}]: semantic_cache, which is {}", path.display()));
    read.map(Some)
}

fn read(path: &Path) -> Result<CalibratedCache> {
    let size = std::fs::metadata(path)
        .context("it cannot be read; `freehold cache calibrate` writes it")?
        .len();
    if size > BYTES_MAX {
        bail!("it has {size} bytes, which no threshold has");
    }
    let text = std::fs::read_to_string(path).context("it is not readable UTF-8 text")?;
    serde_json::from_str(&text).context("it is not what `freehold cache calibrate` writes")
}

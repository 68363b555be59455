//! The portfolio's embedder, from `[embedding]`.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use freehold_engines::WorkerPool;
use freehold_engines::local::{BaseCache, Embedding, LocalEmbedder, LocalLimits, LocalOptions};
use freehold_vocabulary::ports::Embedder;

use super::Session;
use super::models::options;

/// Fetches the base if need be and loads it; it computes on `pool`, and a base that tasks use too
/// is in memory once.
pub fn open(
    session: &Session,
    pool: Arc<WorkerPool>,
    bases: &BaseCache,
) -> Result<Arc<dyn Embedder>> {
    let config = &session.config.embedding;
    let opened = || -> Result<Arc<dyn Embedder>> {
        let store = &session.store;
        let digest = freehold_artifacts::fetch_base(store, &config.base, &session.progress)
            .with_context(|| format!("the base `{}`", config.base))?;
        let base = bases.get(&digest, &store.materialise(&digest)?, options(config.precision))?;
        let (name, tokens_max) = (config.base.as_str(), config.tokens_max);
        let embedding = Embedding { name, digest: &digest, tokens_max };
        let limits = LocalOptions { pool, limits: LocalLimits::default() };
        Ok(LocalEmbedder::start(&base, embedding, limits)?)
    };
    opened().context("[embedding]")
}

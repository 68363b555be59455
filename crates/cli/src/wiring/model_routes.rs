//! From `[routes]` to choices between two models, with the routers that decide them.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use freehold_artifacts::ArtifactKind;
use freehold_gateway::{ModelRoute, Rule};
use freehold_routing::gain::{GAIN_FILE, MadeFor, NamedModel, ROUTER_FILE, Router};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Embedder;

use super::Session;
use super::deployments::Deployments;
use crate::config::{Config, ModelRouteConfig};

/// Every choice of the configuration. One whose router may not decide sends everything to the strong
/// model, with a line in the log; a router that cannot be read is an error.
pub fn open(session: &Session, deployments: &Deployments) -> Result<Vec<Arc<ModelRoute>>> {
    let mut routes = Vec::new();
    for (name, config) in &session.config.routes {
        let rule =
            rule(session, deployments, config).with_context(|| format!("[routes.{name}]"))?;
        if let Rule::Strong(why) = &rule {
            tracing::warn!("[routes.{name}]: everything goes to {}: {why}", config.strong);
        }
        let (weak, strong) = (config.weak.clone(), config.strong.clone());
        routes.push(Arc::new(ModelRoute { name: name.clone(), weak, strong, rule }));
    }
    Ok(routes)
}

fn rule(session: &Session, deployments: &Deployments, config: &ModelRouteConfig) -> Result<Rule> {
    let Some(digest) = &config.router else {
        let why = "it has no router; `freehold route train` makes one".to_owned();
        return Ok(Rule::Strong(why));
    };
    let router = session.router(digest)?;
    let embedder = deployments.embedder(session)?;
    let here = made_for(&session.config, config, &*embedder)?;
    Ok(Rule::of(router, &here, config.terms(), embedder))
}

/// What a router for this choice is made for.
pub fn made_for(
    config: &Config,
    route: &ModelRouteConfig,
    embedder: &dyn Embedder,
) -> Result<MadeFor> {
    let named = |name: &str| -> Result<NamedModel> {
        let model = config.models.get(name).filter(|it| it.is_served());
        let Some(model) = model else {
            bail!("`{name}` is no model that an engine serves; add [models.{name}] with an engine");
        };
        let upstream = model.upstream.clone().unwrap_or_else(|| name.to_owned());
        Ok(NamedModel { name: name.to_owned(), upstream })
    };
    Ok(MadeFor {
        weak: named(&route.weak)?,
        strong: named(&route.strong)?,
        embedder: embedder.card().version.clone(),
    })
}

impl Session {
    /// Reads a router, every file checked.
    pub fn router(&self, digest: &Digest) -> Result<Router> {
        let artifact = self.artifact(digest, ArtifactKind::Router)?;
        if !artifact.has(ROUTER_FILE) {
            bail!(
                "{} certifies a model for a task; it does not choose between two",
                digest.short()
            );
        }
        Ok(Router::from_bytes(&artifact.read(ROUTER_FILE)?, &artifact.read(GAIN_FILE)?)?)
    }
}

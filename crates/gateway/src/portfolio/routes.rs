//! Names that stand for a choice between two models: the strong one, and a weak one where the
//! strong one would add little.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use freehold_routing::gain::{Decided, Drift, MadeFor, QualityTerms, Request, Router, Why};
use freehold_vocabulary::ports::{Embedder, EngineError};

/// A name that clients use as a model.
#[derive(Debug)]
pub struct ModelRoute {
    pub name: String,
    /// Names of models.
    pub weak: String,
    pub strong: String,
    pub rule: Rule,
}

/// By what it is decided.
#[derive(Debug)]
pub enum Rule {
    Router(Box<ActiveRouter>),
    /// Everything goes to the strong model, for this reason.
    Strong(String),
}

/// A router that may decide here.
#[derive(Debug)]
pub struct ActiveRouter {
    router: Router,
    embedder: Arc<dyn Embedder>,
    drift: Mutex<Drift>,
}

impl Rule {
    /// The router, if it was made for what stands here and promises what is wanted.
    #[must_use]
    pub fn of(
        router: Router,
        here: &MadeFor,
        wanted: QualityTerms,
        embedder: Arc<dyn Embedder>,
    ) -> Self {
        match router.lapse(here, wanted) {
            Some(why) => Self::Strong(why),
            None => {
                Self::Router(Box::new(ActiveRouter { router, embedder, drift: Mutex::default() }))
            }
        }
    }
}

impl ActiveRouter {
    /// Decides about one request. Never fails: what cannot be decided goes to the strong model.
    pub(crate) async fn decide(&self, text: &str, topic: Option<&str>) -> Decided {
        if self.router.certificate.threshold.is_none() {
            return Decided::strong(Why::NothingCertified);
        }
        let embedding = match self.embedder.embed(vec![text.to_owned()]).await {
            Ok(vectors) => vectors.into_iter().next().unwrap_or_default(),
            Err(EngineError::Busy { .. }) => return Decided::strong(Why::Busy),
            Err(error) => {
                tracing::warn!("a text was not embedded: {error}");
                return Decided::strong(Why::Unseen);
            }
        };
        let request = Request::new(text, embedding, topic);
        let mut drift = self.drift.lock().unwrap_or_else(PoisonError::into_inner);
        let decided = self.router.decide(&request, &mut drift);
        decided.unwrap_or_else(|error| {
            tracing::warn!("the router cannot read an embedding: {error}");
            Decided::strong(Why::Unseen)
        })
    }

    pub(crate) fn router(&self) -> &Router {
        &self.router
    }
}

//! What an answer depends on, and what may be answered twice.

use freehold_vocabulary::chat::{ChatRequest, Delivery};
use freehold_vocabulary::{DataClass, Digest};
use serde::Serialize;

use super::CacheUse;
use crate::portfolio::GenerativeModel;

/// What must never meet in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Whose request it is.
    pub tenant: &'a str,
    pub class: DataClass,
    /// The model that is asked, by its names here and at its engine.
    pub model: &'a str,
    pub upstream: &'a str,
    pub engine: &'a str,
}

impl<'a> Scope<'a> {
    pub fn new(tenant: &'a str, class: DataClass, model: &'a GenerativeModel) -> Self {
        let engine = model.engine.card().name().as_str();
        Self { tenant, class, model: &model.name, upstream: &model.upstream, engine }
    }
}

#[derive(Serialize)]
struct Canonical<'a> {
    /// Of this form of keys.
    version: u8,
    tenant: &'a str,
    class: DataClass,
    model: &'a str,
    upstream: &'a str,
    engine: &'a str,
    request: &'a ChatRequest,
}

/// The key of a request. Its fields are in one order and its maps are sorted, so that equal
/// requests have equal keys; lengths are explicit in JSON, so that others have not.
pub fn key(scope: &Scope<'_>, request: &ChatRequest) -> Digest {
    // Not part of what is asked: the engine's own name of the model, which the scope holds, how
    // the answer is delivered, and who uses the application.
    let request = ChatRequest {
        model: String::new(),
        delivery: Delivery::Whole,
        user: None,
        metadata: Default::default(),
        ..request.clone()
    };
    let canonical = Canonical {
        version: 1,
        tenant: scope.tenant,
        class: scope.class,
        model: scope.model,
        upstream: scope.upstream,
        engine: scope.engine,
        request: &request,
    };
    Digest::of(serde_json::to_vec(&canonical).expect("a request has string keys"))
}

/// Parameters of one protocol with which a request has no effect but its answer. Any other may
/// search, store or run something, so its request is always asked.
const HARMLESS: [&str; 9] = [
    "chat_template_kwargs",
    "logit_bias",
    "min_p",
    "prediction",
    "prompt_cache_key",
    "repetition_penalty",
    "safety_identifier",
    "service_tier",
    "verbosity",
];

/// Whether the same answer may be given to the same request twice: it is not drawn, or the
/// operator says that one drawing will do; and nothing but an answer comes of it.
pub fn may_be_cached(request: &ChatRequest, usage: CacheUse) -> bool {
    let steady = match usage {
        CacheUse::Never => false,
        CacheUse::Deterministic => request.sampling.temperature == Some(0.0),
        CacheUse::Always => true,
    };
    steady
        && request.tools.is_empty()
        && request.extras.iter().all(|(_, name, _)| HARMLESS.contains(&name))
}

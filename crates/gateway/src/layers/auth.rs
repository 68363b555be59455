//! Lets in whoever presents a valid key, and says who asks.
//!
//! Keys are found by the SHA-256 of what was presented, so no comparison sees a secret. A ledger
//! that does not answer is 503 and never 401: clients throw away keys that are refused.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use freehold_vocabulary::{Digest, Timestamp};

use crate::app::{Access, App};
use crate::error::ApiError;

/// How long a key is trusted without asking the ledger again: a revocation takes effect within it.
const TRUSTED_US: i64 = 5_000_000;
/// Keys remembered at once; beyond it every one is asked for again.
const KNOWN_MAX: usize = 1024;
/// Longest key that is looked up.
const KEY_BYTES_MAX: usize = 256;
/// Who asks when no key is needed.
const LOCAL: &str = "local";

/// Who asks: the name of the key, or `local`.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Arc<str>);

/// Keys that the ledger vouched for a moment ago. Read without a lock, replaced whole.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(ArcSwap<HashMap<Digest, Known>>);

#[derive(Debug, Clone)]
struct Known {
    caller: Caller,
    since: Timestamp,
    until: Timestamp,
}

impl Known {
    /// A clock that was set back does not prolong trust.
    fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

pub(crate) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match admit(&app, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if app.parts.access == Access::Open {
        return Ok(Caller(LOCAL.into()));
    }
    let presented = presented(headers).ok_or(ApiError::KeyMissing)?;
    if presented.len() > KEY_BYTES_MAX {
        return Err(ApiError::KeyInvalid);
    }
    let hash = Digest::of(presented);
    let now = app.parts.clock.now();
    if let Some(caller) = app.known_keys.find(&hash, now) {
        return Ok(caller);
    }
    let found = app.parts.ledger.find_key(&hash).await;
    let key = found.map_err(|cause| ApiError::ledger(&cause))?;
    let key = key.filter(|key| key.is_valid_at(now)).ok_or(ApiError::KeyInvalid)?;
    let until = Timestamp::from_micros(now.as_micros().saturating_add(TRUSTED_US));
    let until = key.expires_at.map_or(until, |expiry| expiry.min(until));
    let caller = Caller(key.name.as_str().into());
    app.known_keys.remember(hash, Known { caller: caller.clone(), since: now, until }, now);
    Ok(caller)
}

/// Lets a caller in again who made a job earlier, if the key is still valid.
///
/// # Errors
/// When it is not, or the ledger does not say.
pub(crate) async fn again(app: &App, name: &str) -> Result<Caller, ApiError> {
    if app.parts.access == Access::Open && name == LOCAL {
        return Ok(Caller(LOCAL.into()));
    }
    let keys = app.parts.ledger.keys().await.map_err(|cause| ApiError::ledger(&cause))?;
    let now = app.parts.clock.now();
    let key = keys.into_iter().find(|key| key.name.as_str() == name && key.is_valid_at(now));
    key.map(|key| Caller(key.name.as_str().into())).ok_or(ApiError::KeyInvalid)
}

/// What was presented: `authorization: Bearer …` as OpenAI clients do, or `x-api-key: …`.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        return scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii());
    }
    headers.get("x-api-key").map(|value| value.as_bytes().trim_ascii())
}

impl KnownKeys {
    fn find(&self, hash: &Digest, now: Timestamp) -> Option<Caller> {
        let known = self.0.load();
        known.get(hash).filter(|it| it.holds_at(now)).map(|it| it.caller.clone())
    }

    fn remember(&self, hash: Digest, entry: Known, now: Timestamp) {
        self.0.rcu(|known| {
            let mut fresh: HashMap<Digest, Known> = HashMap::clone(known);
            fresh.retain(|_, it| it.holds_at(now));
            if fresh.len() >= KNOWN_MAX {
                fresh.clear();
            }
            fresh.insert(hash.clone(), entry.clone());
            fresh
        });
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        Ok(caller.expect("the router puts this layer around every handler that asks for a caller"))
    }
}

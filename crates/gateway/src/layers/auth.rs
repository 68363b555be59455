//! Lets in whoever presents a valid key, and says who asks.
//!
//! Keys are found by the SHA-256 of what was presented, so no comparison sees a secret. A ledger
//! that does not answer is 503 and never 401: clients throw away keys that are refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use freehold_ledger::{Grant, Role};
use freehold_vocabulary::{Digest, Timestamp};

use crate::app::{Access, App};
use crate::error::ApiError;

/// How long a key is trusted without asking the ledger again: a revocation takes effect within it.
const TRUSTED_US: i64 = 5_000_000;
/// How long a ledger that failed is not asked about keys that are let in without it.
const OUTAGE_US: i64 = 1_000_000;
/// Keys remembered at once; beyond it every one is asked for again.
const KNOWN_MAX: usize = 1024;
/// Longest key that is looked up.
const KEY_BYTES_MAX: usize = 256;
/// Who asks when no key is needed.
const LOCAL: &str = "local";

/// Who asks: the name of the key, or `local`; and what the key may do, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Arc<str>, pub(crate) Option<Arc<Grant>>);

impl Caller {
    /// Refuses a task, `task@alias` or model that some level above the key does not allow.
    ///
    /// # Errors
    /// When it is not among those.
    pub(crate) fn expect_allowed(&self, name: &str) -> Result<(), ApiError> {
        match &self.1 {
            Some(grant) if !grant.allows(name) => Err(ApiError::NotAllowed {
                key: self.0.to_string(),
                what: format!("use `{name}`"),
                allowed: grant.allowed(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether it may be used.
    pub(crate) fn may_use(&self, name: &str) -> bool {
        self.1.as_ref().is_none_or(|grant| grant.allows(name))
    }

    /// Refuses a route that is not for the key's role.
    fn expect_role(&self, path: &str) -> Result<(), ApiError> {
        let role = self.1.as_ref().map(|it| it.key.role);
        let below = |root: &str| {
            path.strip_prefix(root).is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        let serves = match role {
            None | Some(Role::Admin) => true,
            Some(Role::Member) => !below("/admin"),
            Some(Role::Monitor) => path == "/metrics" || below("/v1/models"),
        };
        if serves {
            return Ok(());
        }
        let role = role.map_or("", Role::as_str);
        let what = format!("ask `{}`: its role is `{role}`", crate::app::shown(path));
        Err(ApiError::NotAllowed { key: self.0.to_string(), what, allowed: Vec::new() })
    }
}

/// Keys that the ledger vouched for a moment ago. Read without a lock, replaced whole.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    known: ArcSwap<HashMap<Digest, Known>>,
    /// When the ledger last failed, in microseconds.
    failed_at: AtomicI64,
}

impl Default for KnownKeys {
    fn default() -> Self {
        Self { known: ArcSwap::default(), failed_at: AtomicI64::new(i64::MIN) }
    }
}

#[derive(Debug, Clone)]
struct Known {
    caller: Caller,
    since: Timestamp,
    until: Timestamp,
    expires_at: Option<Timestamp>,
}

impl Known {
    /// A clock that was set back does not prolong trust.
    fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }

    /// While the ledger does not answer, trust lasts longer, but no expiry is overlooked.
    fn holds_within(&self, now: Timestamp, grace: Duration) -> bool {
        let grace = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        let ends = self.until.as_micros().saturating_add(grace);
        let expired = self.expires_at.is_some_and(|at| at <= now);
        self.since <= now && now.as_micros() < ends && !expired
    }
}

pub(crate) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let admitted = admit(&app, request.headers()).await;
    match admitted.and_then(|it| it.expect_role(request.uri().path()).map(|()| it)) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if app.parts.access == Access::Open {
        return Ok(Caller(LOCAL.into(), None));
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
    let grace = app.parts.limits.ledger_grace;
    if let Some(caller) = app.known_keys.find_in_outage(&hash, now, grace) {
        return Ok(caller);
    }
    let grant = match app.parts.ledger.find_grant(&hash).await {
        Ok(grant) => grant.filter(|it| it.is_valid_at(now)).ok_or(ApiError::KeyInvalid)?,
        Err(cause) => {
            app.known_keys.failed_at.store(now.as_micros(), Ordering::Relaxed);
            let known = app.known_keys.find_in_outage(&hash, now, grace);
            return known.ok_or_else(|| ApiError::ledger(&cause));
        }
    };
    let until = Timestamp::from_micros(now.as_micros().saturating_add(TRUSTED_US));
    let expires_at = grant.key.expires_at;
    let until = expires_at.map_or(until, |expiry| expiry.min(until));
    let caller = Caller(grant.key.name.as_str().into(), Some(Arc::new(grant)));
    let known = Known { caller: caller.clone(), since: now, until, expires_at };
    app.known_keys.remember(hash, known, grace);
    Ok(caller)
}

/// Lets a caller in again who made a job earlier, if the key is still valid.
///
/// # Errors
/// When it is not, or the ledger does not say.
pub(crate) async fn again(app: &App, name: &str, path: &str) -> Result<Caller, ApiError> {
    if app.parts.access == Access::Open && name == LOCAL {
        return Ok(Caller(LOCAL.into(), None));
    }
    let keys = app.parts.ledger.keys().await.map_err(|cause| ApiError::ledger(&cause))?;
    let now = app.parts.clock.now();
    let key = keys.into_iter().find(|key| key.name.as_str() == name);
    let key = key.ok_or(ApiError::KeyInvalid)?;
    let grant = app.parts.ledger.find_grant(&key.hash).await;
    let grant = grant.map_err(|cause| ApiError::ledger(&cause))?;
    let grant = grant.filter(|it| it.is_valid_at(now)).ok_or(ApiError::KeyInvalid)?;
    let caller = Caller(grant.key.name.as_str().into(), Some(Arc::new(grant)));
    caller.expect_role(path)?;
    Ok(caller)
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
        let known = self.known.load();
        known.get(hash).filter(|it| it.holds_at(now)).map(|it| it.caller.clone())
    }

    /// The same, of a key that the ledger vouched for before it failed, which was a moment ago: it
    /// may take seconds to fail again.
    fn find_in_outage(&self, hash: &Digest, now: Timestamp, grace: Duration) -> Option<Caller> {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        if grace.is_zero() || now.as_micros().saturating_sub(failed_at) >= OUTAGE_US {
            return None;
        }
        let known = self.known.load();
        known.get(hash).filter(|it| it.holds_within(now, grace)).map(|it| it.caller.clone())
    }

    fn remember(&self, hash: Digest, entry: Known, grace: Duration) {
        let now = entry.since;
        self.known.rcu(|known| {
            let mut fresh: HashMap<Digest, Known> = HashMap::clone(known);
            fresh.retain(|_, it| it.holds_within(now, grace));
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

//! What a caller wishes of the cache, and the header that says what it did.
//!
//! Handlers need not know of either: both travel beside the request, in the task that answers it.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::CacheStatus;

/// On every answer of a generating model: `hit`, `semantic-hit`, `miss` or `bypass`.
pub const HEADER: HeaderName = HeaderName::from_static("x-freehold-cache");

/// What the caller's `cache-control` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wish {
    #[default]
    Use,
    /// `no-cache`: asked anew, and kept for others.
    Refresh,
    /// `no-store`: neither read nor kept.
    Bypass,
}

/// One call: what it wishes, and what became of it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub wish: Wish,
    status: Arc<OnceLock<CacheStatus>>,
}

impl Call {
    /// Says what became of it; the first word counts.
    pub fn tell(&self, status: CacheStatus) {
        let _ = self.status.set(status);
    }
}

tokio::task_local! {
    static CALL: Call;
}

/// The call that is being answered; outside of one, a call of nobody.
pub fn call() -> Call {
    CALL.try_with(Clone::clone).unwrap_or_default()
}

/// Reads the wish before the handler and writes the header after it.
pub async fn layer(request: Request, next: Next) -> Response {
    let call = Call { wish: wish(request.headers()), ..Call::default() };
    let status = Arc::clone(&call.status);
    let mut response = CALL.scope(call, next.run(request)).await;
    if let Some(status) = status.get() {
        response.headers_mut().insert(HEADER, HeaderValue::from_static(status.as_str()));
    }
    response
}

/// The strictest of all that is said.
fn wish(headers: &HeaderMap) -> Wish {
    let said = |word: &str| {
        let values = headers.get_all(header::CACHE_CONTROL).iter();
        let mut words =
            values.filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(',')).map(str::trim);
        words.any(|it| it.eq_ignore_ascii_case(word))
    };
    if said("no-store") {
        Wish::Bypass
    } else if said("no-cache") {
        Wish::Refresh
    } else {
        Wish::Use
    }
}

//! The header that says which way an answer took, `x-freehold-route`, whatever the protocol.
//!
//! What decides runs deep inside a handler, and every endpoint makes its own response; so the word
//! travels beside them, bound to the task that serves the request.

use std::cell::RefCell;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// The header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-freehold-route");

tokio::task_local! {
    static WORD: RefCell<Option<String>>;
}

pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let served = async {
        let mut response = next.run(request).await;
        let word = WORD.with(|it| it.borrow_mut().take());
        // A name of a model may be no header; then the trace says it alone.
        if let Some(value) = word.and_then(|it| HeaderValue::from_str(&it).ok()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    };
    WORD.scope(RefCell::default(), served).await
}

/// Says it of the request that is being served; outside of one, to nobody.
pub(crate) fn tell(word: String) {
    // Work that no request waits for has no header.
    let _ = WORD.try_with(|it| *it.borrow_mut() = Some(word));
}

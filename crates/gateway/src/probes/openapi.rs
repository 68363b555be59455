//! `GET /openapi.json`: the description of this API, kept by hand beside the code; a test holds it
//! against the route table and against real answers.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// OpenAPI 3.1.
pub const DOCUMENT: &str = include_str!("../../openapi.json");

pub(crate) async fn handler() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], DOCUMENT).into_response()
}

//! Bodies: read within the limits, parsed once, refused with the place of the mistake.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::{App, shown};
use crate::error::ApiError;

/// How much of a body that is too large is read and thrown away, in largest bodies.
const DISCARDED_BODIES_MAX: usize = 16;

/// The id in a path.
///
/// # Errors
/// When it is no text.
pub(crate) fn id(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let path = path.map_err(|cause| ApiError::invalid_field("id", cause.to_string()))?;
    Ok(path.0)
}

/// A request or answer in JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        let bytes = read(request, app).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_cause| located::<T>(&bytes))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let bytes = serde_json::to_vec(&self.0);
        let bytes = bytes.expect("answers have string keys and no fallible serialisers");
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    }
}

/// Anything but JSON is refused, since a foreign page may post forms and plain text to a server on
/// loopback, but not JSON.
fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(ApiError::MediaType) }
}

async fn read(request: Request, app: &App) -> Result<Vec<u8>, ApiError> {
    let limits = &app.parts.limits;
    let limit = limits.body_bytes_max.get();
    let asks_first = request.headers().contains_key(header::EXPECT);
    let mut body = request.into_body();
    let reading = async {
        let announced = body.size_hint().lower();
        if announced <= limit as u64 {
            let collected = collect(&mut body, limit).await?;
            if let Some(bytes) = collected {
                return Ok(bytes);
            }
        }
        // Who asks before sending is told at once; who is sending already would not listen.
        if !asks_first {
            discard(&mut body, limit.saturating_mul(DISCARDED_BODIES_MAX)).await;
        }
        Err(too_large(limit))
    };
    let read = tokio::time::timeout(limits.body_timeout, reading).await;
    read.map_err(|_elapsed| ApiError::SlowBody(limits.body_timeout))?
}

/// The bytes of a body; none when it is beyond the limit.
async fn collect(body: &mut Body, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut bytes = Vec::with_capacity(expected.min(limit));
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let frame = frame.map_err(|_cause| ApiError::BrokenBody)?;
        // Trailers carry nothing that an endpoint reads.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes))
}

/// Lets a client finish sending: many read the answer only then.
async fn discard(body: &mut Body, bytes_max: usize) {
    let mut left = bytes_max;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
        if left == 0 {
            return;
        }
    }
}

/// Reads a refused body again, this time keeping track of where in it the mistake is.
fn located<T: DeserializeOwned>(bytes: &[u8]) -> ApiError {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize::<_, T>(&mut reader);
    let reason = match read.map_err(|cause| (cause.path().to_string(), cause.into_inner())) {
        Err((path, cause)) if path == "." => cause.to_string(),
        Err((path, cause)) => format!("at `{}`: {cause}", shown(&path)),
        // The value itself is fine, so something stands behind it.
        Ok(_value) => match reader.end() {
            Err(cause) => cause.to_string(),
            Ok(()) => "it could not be read".to_owned(),
        },
    };
    ApiError::Json { reason }
}

fn too_large(limit: usize) -> ApiError {
    let what = "the body".to_owned();
    ApiError::TooLarge { what, limit, unit: "bytes", remedy: "send smaller batches" }
}

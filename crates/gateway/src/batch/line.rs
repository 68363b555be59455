//! One request of a batch: through the same endpoint, rules and records as any other, with the
//! rights that its owner's key has at that moment.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use freehold_vocabulary::DataClass;
use serde_json::Value;
use tower::ServiceExt as _;

use super::Batch;
use super::input::Line;
use super::output::{Answered, Outcome};
use crate::app::{App, Target};
use crate::error::ApiError;
use crate::generation::class;
use crate::generation::record::keeps_content;
use crate::layers::auth;
use crate::layers::rescue::openai_body;

/// Largest answer of one request.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Tries of a request that was told to come again.
const TRIES_MAX: u32 = 6;
/// Who is told to wait for longer is not tried again.
const WAIT_MAX: Duration = Duration::from_secs(60);
const NOT_KEPT: &str = "content_not_kept";

/// Asks, and asks again where that was the answer.
pub(crate) async fn answer(app: &App, endpoints: &Router, batch: &Batch, line: Line) -> Answered {
    let outcome = match refused(app, batch, &line.body).await {
        Some(outcome) => outcome,
        None => asked(app, endpoints, batch, &line.body).await,
    };
    Answered { custom_id: line.custom_id, outcome }
}

/// Why a request must not even be asked: its answer could not be kept, and keeping it is all that
/// a batch does.
async fn refused(app: &App, batch: &Batch, body: &Value) -> Option<Outcome> {
    let Ok(Target::Model(offer)) = app.model(body["model"].as_str()?) else { return None };
    // What is known before anybody has looked into it.
    let named = offer.chain[0].model.data_class.unwrap_or(offer.egress.default_class);
    let class = batch.class.map_or(named, |it| it.max(named));
    let kept = offer.chain.iter().all(|it| keeps_content(offer.egress.content, &it.model, class));
    (!kept).then(|| not_kept(class))
}

fn not_kept(class: DataClass) -> Outcome {
    let message = format!(
        "the answer of an engine elsewhere to {class} data may not be kept here, so it could not be fetched; ask directly, or let the operator say `trace_content = true` in [serve] or a lower `data_class` for the model"
    );
    Outcome::Nothing { code: NOT_KEPT, message }
}

async fn asked(app: &App, endpoints: &Router, batch: &Batch, body: &Value) -> Outcome {
    let mut tries = 1;
    loop {
        let (outcome, again) = match once(app, endpoints, batch, body).await {
            Ok(answered) => answered,
            Err(error) => {
                let face = error.face();
                let (status, body) = (face.status.as_u16(), openai_body(&face));
                (Outcome::Response { status, request_id: String::new(), body }, None)
            }
        };
        match again {
            Some(wait) if tries < TRIES_MAX && wait <= WAIT_MAX && !app.is_draining() => {
                tokio::time::sleep(wait).await;
                tries += 1;
            }
            _ => return outcome,
        }
    }
}

/// One try, and after how long another may help.
async fn once(
    app: &App,
    endpoints: &Router,
    batch: &Batch,
    body: &Value,
) -> Result<(Outcome, Option<Duration>), ApiError> {
    let caller = auth::again(app, &batch.owner, batch.wish.endpoint.as_str()).await?;
    let mut request = Request::post(batch.wish.endpoint.as_str())
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(class) = batch.class {
        request = request.header(class::HEADER, class.as_str());
    }
    let mut request = request
        .body(Body::from(body.to_string()))
        .map_err(|cause| ApiError::invalid(cause.to_string()))?;
    request.extensions_mut().insert(caller);
    let answered = endpoints.clone().oneshot(request).await;
    let answer = answered.unwrap_or_else(|never| match never {});
    let (head, body) = answer.into_parts();
    let status = head.status.as_u16();
    let again = matches!(status, 429 | 503).then(|| wait(&head.headers)).flatten();
    let request_id = text(&head.headers, "x-request-id").unwrap_or_default().to_owned();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_cause| ApiError::TooLarge {
        what: "the answer".to_owned(),
        limit: ANSWER_BYTES_MAX,
        unit: "bytes",
        remedy: "ask for less",
    })?;
    let body: Value = serde_json::from_slice(&bytes)
        .map_err(|cause| ApiError::Panicked(format!("an endpoint answered no JSON: {cause}")))?;
    if let Some(class) = must_not_be_kept(app, &body) {
        return Ok((not_kept(class), None));
    }
    Ok((Outcome::Response { status, request_id, body }, again))
}

/// The class of an answer that may not be kept after all: what a request holds is looked at only
/// on its way.
fn must_not_be_kept(app: &App, body: &Value) -> Option<DataClass> {
    let about = &body["freehold"];
    let class = serde_json::from_value::<DataClass>(about["data_class"].clone()).ok()?;
    let Ok(Target::Model(offer)) = app.model(about["model"].as_str()?) else { return None };
    let model = &offer.chain.first()?.model;
    (!keeps_content(offer.egress.content, model, class)).then_some(class)
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    text(headers, header::RETRY_AFTER.as_str())?.parse().ok().map(Duration::from_secs)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

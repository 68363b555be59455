//! A model at `POST /v1/chat/completions`.

use axum::response::{IntoResponse, Response};
use freehold_vocabulary::chat::Delivery;

use super::ChatRequest;
use super::pieces::{Chunks, Head, Whole};
use super::request::translated;
use crate::app::{App, Offer};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::{Asking, generate, limits, sse};

/// Answers with what a model generates.
///
/// # Errors
/// When the request is wrong, may not go to any engine, or nothing answers before the first byte.
pub(crate) async fn answer_model(
    app: &App,
    asking: Asking,
    offer: Offer,
    request: ChatRequest,
) -> Result<Response, ApiError> {
    let streamed = request.stream.unwrap_or(false);
    let with_usage = request.stream_options.and_then(|it| it.include_usage).unwrap_or(false);
    let delivery = if streamed { Delivery::Streamed } else { Delivery::Whole };
    let translated = translated(request.messages, request.others, delivery)?;
    limits::check(&translated)?;
    let created = asking.at.as_micros().div_euclid(1_000_000);
    let answering = generate(app, asking, offer, translated).await?;
    if streamed {
        let head = Head { about: answering.about.clone(), created };
        return Ok(sse::stream(answering, Chunks::new(head, with_usage)));
    }
    let mut whole = Whole::default();
    let (about, settled) = answering.whole(|event| whole.add(event)).await?;
    let head = Head { about, created };
    Ok(Json(whole.completion(&head, &settled)).into_response())
}

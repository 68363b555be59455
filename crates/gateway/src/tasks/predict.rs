//! `POST /v1/tasks/{task}/predict`: a batch of texts in, one answer for each out, in order.
//!
//! `{task}` may be `task@alias`: that model alone, without the rest of the route.

use std::fmt;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use freehold_vocabulary::{AliasName, TaskName};
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::answer::{AnswerView, answer, check_text};
use crate::app::{App, shown};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::class;
use crate::layers::auth::Caller;
use crate::record::{Asked, Field};
use crate::walk::Elsewhere;

/// Most probabilities that one answer shows.
const TOP_K_MAX: usize = 255;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictRequest {
    inputs: Vec<Input>,
    top_k: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PredictResponse {
    task: TaskName,
    /// The alias that answered alone, if one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<AliasName>,
    results: Vec<AnswerView>,
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct Usage {
    /// Tokens read by every tier that was asked.
    tokens: u64,
}

/// A text, written as a string or as `{"text": "…"}`.
#[derive(Debug)]
struct Input(String);

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    Json(request): Json<PredictRequest>,
) -> Result<Json<PredictResponse>, ApiError> {
    let at = app.parts.clock.now();
    let Path(task) = path.map_err(|cause| ApiError::invalid_field("task", cause.to_string()))?;
    let served = app.task(&task)?;
    let texts = checked(&app, request.inputs)?;
    if request.top_k.is_some_and(|k| !(1..=TOP_K_MAX).contains(&k)) {
        let message = format!("`top_k` is outside 1 to {TOP_K_MAX}");
        return Err(ApiError::invalid_field("top_k", message));
    }
    let elsewhere = Elsewhere::May { class: class::stated(&headers)? };
    let (endpoint, field) = ("tasks.predict", Field::Inputs);
    let asked = Asked { caller, endpoint, at, field, elsewhere };
    let answers = answer(&app, &asked, &served, texts).await?;
    let tokens = answers.iter().map(|(_, walked)| walked.tokens_read()).sum();
    let results = answers.into_iter();
    let results = results.map(|(id, it)| AnswerView::new(&served, id, &it, request.top_k));
    Ok(Json(PredictResponse {
        task: served.deployed.task().name.clone(),
        alias: served.deployed.alias().cloned(),
        results: results.collect(),
        usage: Usage { tokens },
    }))
}

fn checked(app: &App, inputs: Vec<Input>) -> Result<Vec<String>, ApiError> {
    let limit = app.parts.limits.batch_max.get();
    if inputs.len() > limit {
        let what = "`inputs`".to_owned();
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy: "split the batch" });
    }
    if inputs.is_empty() {
        return Err(ApiError::invalid_field("inputs", "`inputs` is empty; send at least one text"));
    }
    for (place, Input(text)) in inputs.iter().enumerate() {
        check_text(app, &Field::Inputs.name(place), text)?;
    }
    Ok(inputs.into_iter().map(|Input(text)| text).collect())
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

/// Instead of an untagged enum, whose errors do not say what was expected.
struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object `{\"text\": \"…\"}`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Input, E> {
        Ok(Input(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Input, E> {
        Ok(Input(text))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Input, M::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "text" {
                map.next_value::<IgnoredAny>()?;
                return Err(M::Error::unknown_field(&shown(&key), &["text"]));
            }
            if found.replace(map.next_value()?).is_some() {
                return Err(M::Error::duplicate_field("text"));
            }
        }
        found.map(Input).ok_or_else(|| M::Error::missing_field("text"))
    }
}

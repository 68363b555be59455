//! `POST /v1/moderations`: whether something is harmful, by a task of the house or by a model of
//! an engine that judges harm.
//!
//! Which task that is, and which of its labels are harmless, the operator says in `[moderation]`;
//! so a client of OpenAI need not know. Nothing is judged by a model that was not made for it.

use axum::extract::State;
use axum::http::HeaderMap;
use freehold_vocabulary::chat::{ImageSource, Part};
use serde::Deserialize;
use serde_json::Value;

use crate::answer::check_text;
use crate::app::{App, Target, shown};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::class;
use crate::layers::auth::Caller;

pub(crate) mod model;
pub(crate) mod task;

/// Names that OpenAI gives its own models for this; clients send them unasked.
const CUSTOMARY: [&str; 2] = ["omni-moderation", "text-moderation"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    input: Input,
    #[serde(default)]
    model: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`input` is a text, a list of texts, or a list of parts of the types `text` and `image_url`"
)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Parts(Vec<Sent>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Sent {
    Text { text: String },
    ImageUrl { image_url: Url },
}

#[derive(Debug, Deserialize)]
struct Url {
    url: String,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Json<Value>, ApiError> {
    let at = app.parts.clock.now();
    let class = class::stated(&headers)?;
    let name = judge(&app, request.model.as_deref())?;
    let inputs = inputs(&app, request.input)?;
    match app.model(&name)? {
        Target::Task(served) => task::answer(&app, caller, at, (&name, &served), inputs).await,
        Target::Model(offer) => {
            let asking = crate::generation::Asking { caller, endpoint: "moderations", at, class };
            model::answer(&app, asking, offer, inputs).await
        }
    }
}

/// Who judges: whom the request names, unless it names nobody or a model of OpenAI that is not
/// here.
fn judge(app: &App, named: Option<&str>) -> Result<String, ApiError> {
    let portfolio = app.portfolio();
    let configured = portfolio.moderation();
    match (named, configured) {
        (Some(name), _) if portfolio.chain(name).is_some() => Ok(name.to_owned()),
        (Some(name), Some(moderation)) if name == moderation.model => Ok(name.to_owned()),
        (Some(name), _) if portfolio.find(name).is_some() => {
            let name = shown(name);
            let message = format!(
                "the task `{name}` is not the one that judges harm; the operator says in [moderation] which is, and which of its labels are harmless"
            );
            Err(ApiError::invalid_field("model", message))
        }
        (Some(name), _) if !CUSTOMARY.iter().any(|it| name.starts_with(it)) => {
            Err(ApiError::UnknownModel { model: shown(name), deployed: portfolio.model_names() })
        }
        (_, Some(moderation)) => Ok(moderation.model.clone()),
        (_, None) => {
            let message = "nothing judges harm here: name a model of an engine that does, or let the operator add [moderation] with `model` to freehold.toml";
            Err(ApiError::invalid_field("model", message))
        }
    }
}

/// The inputs; parts are one input together.
fn inputs(app: &App, input: Input) -> Result<Vec<Vec<Part>>, ApiError> {
    let inputs: Vec<Vec<Part>> = match input {
        Input::Text(text) => vec![vec![Part::Text { text }]],
        Input::Texts(texts) => texts.into_iter().map(|text| vec![Part::Text { text }]).collect(),
        Input::Parts(parts) => {
            let parts = parts.into_iter().map(|it| match it {
                Sent::Text { text } => Part::Text { text },
                Sent::ImageUrl { image_url } => {
                    Part::Image { source: ImageSource::of_url(image_url.url), detail: None }
                }
            });
            vec![parts.collect()]
        }
    };
    let limit = app.parts.limits.batch_max.get();
    let count = inputs.iter().map(Vec::len).sum::<usize>();
    if count == 0 {
        return Err(ApiError::invalid_field("input", "`input` is empty; send at least one text"));
    }
    if count > limit {
        let (what, remedy) = ("`input`".to_owned(), "split the batch");
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy });
    }
    for part in inputs.iter().flatten() {
        if let Part::Text { text } = part {
            check_text(app, "input", text)?;
        }
    }
    Ok(inputs)
}

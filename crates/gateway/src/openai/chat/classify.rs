//! A task at `POST /v1/chat/completions`: the last user message is classified.
//!
//! The content of the answer is `{"label": …, "confidence": …}`, with `labels` for tasks that allow
//! several; an abstention has the label null. Everything else that is known of the answer is in
//! the field `freehold`, which OpenAI clients keep as an extra. Other messages are not read: what
//! a system prompt would say, a fine-tuned model has learnt from its examples.

use axum::response::{IntoResponse, Response};
use freehold_vocabulary::{Label, LabelMode, Outcome};
use serde::Serialize;
use serde_json::Value;

use super::parameters::ignored;
use super::stream::stream;
use super::{ChatRequest, Message};

use crate::answer::{AnswerView, answer, check_text};
use crate::app::{App, Served, shown};
use crate::error::ApiError;
use crate::extract::Json;
use crate::record::Asked;

const MESSAGES_MAX: usize = 4096;

/// A completion; the stream cuts it into chunks.
#[derive(Debug, Serialize)]
pub(crate) struct Completion {
    pub(crate) id: String,
    object: &'static str,
    pub(crate) created: i64,
    pub(crate) model: String,
    choices: [Choice; 1],
    pub(crate) usage: Usage,
    pub(crate) freehold: Freehold,
}

#[derive(Debug, Serialize)]
struct Choice {
    index: u32,
    message: AssistantMessage,
    logprobs: (),
    finish_reason: &'static str,
}

#[derive(Debug, Serialize)]
struct AssistantMessage {
    role: &'static str,
    content: String,
    refusal: (),
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u32,
    /// Always 0: a classifier generates no tokens.
    completion_tokens: u32,
    total_tokens: u32,
}

/// What the protocol has no field for.
#[derive(Debug, Serialize)]
pub(crate) struct Freehold {
    #[serde(flatten)]
    answer: AnswerView,
    ignored_parameters: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Content<'a> {
    label: Option<&'a Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [Label]>,
    confidence: f64,
}

/// Answers with the label of a task.
///
/// # Errors
/// When a parameter or a message asks for what a classifier cannot do, and when no tier answers.
pub(crate) async fn answer_task(
    app: App,
    asked: Asked,
    served: &Served,
    request: ChatRequest,
) -> Result<Response, ApiError> {
    let sent = request.others.iter().map(|(name, value)| (name.as_str(), value));
    let ignored_parameters = ignored(sent)?;
    let streamed = request.stream.unwrap_or(false);
    let text = last_user_text(&request.messages)?;
    check_text(&app, "messages", &text)?;
    let answered = answer(&app, &asked, served, vec![text]).await?;
    let (id, walked) =
        answered.into_iter().next().expect("one text was asked and every text is answered");
    let prompt_tokens = walked.last_answer().tokens;
    let answer = AnswerView::new(served, id, &walked, None);
    let completion = Completion {
        id: format!("chatcmpl-{}", answer.trace_id),
        object: "chat.completion",
        created: asked.at.as_micros().div_euclid(1_000_000),
        model: request.model,
        choices: [Choice {
            index: 0,
            message: AssistantMessage {
                role: "assistant",
                content: content(served, &answer),
                refusal: (),
            },
            logprobs: (),
            finish_reason: "stop",
        }],
        usage: Usage { prompt_tokens, completion_tokens: 0, total_tokens: prompt_tokens },
        freehold: Freehold { answer, ignored_parameters },
    };
    if streamed {
        let with_usage = request.stream_options.and_then(|it| it.include_usage).unwrap_or(false);
        return Ok(stream(&completion, with_usage));
    }
    Ok(Json(completion).into_response())
}

impl Completion {
    pub(crate) fn content(&self) -> &str {
        &self.choices[0].message.content
    }
}

/// The answer as a small JSON object.
pub(crate) fn content(served: &Served, answer: &AnswerView) -> String {
    let answered = answer.outcome == Outcome::Answered;
    let content = Content {
        label: answer.labels.first(),
        labels: (answered && served.deployed.task().mode == LabelMode::Multi)
            .then_some(answer.labels.as_slice()),
        confidence: answer.confidence,
    };
    serde_json::to_string(&content).expect("labels and numbers are JSON")
}

/// The text of the last message of the user.
fn last_user_text(messages: &[Message]) -> Result<String, ApiError> {
    if messages.len() > MESSAGES_MAX {
        let (what, limit) = ("`messages`".to_owned(), MESSAGES_MAX);
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy: "send fewer" });
    }
    const ROLES: [&str; 6] = ["developer", "system", "user", "assistant", "tool", "function"];
    if let Some(bad) = messages.iter().find(|it| !ROLES.contains(&it.role.as_str())) {
        let message = format!("role `{}` is not one of {}", shown(&bad.role), ROLES.join(", "));
        return Err(ApiError::invalid_field("messages", message));
    }
    let last = messages.iter().rev().find(|it| it.role == "user").ok_or_else(|| {
        ApiError::invalid_field("messages", "`messages` has no message of the role `user`")
    })?;
    match &last.content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => joined(parts),
        _ => Err(ApiError::invalid_field("messages", "the content of a message is a text")),
    }
}

/// Text parts, one after the other; a part of another kind cannot be read by a model of texts.
fn joined(parts: &[Value]) -> Result<String, ApiError> {
    let mut text = String::new();
    for part in parts {
        let kind = part.get("type").and_then(Value::as_str);
        match (kind, part.get("text").and_then(Value::as_str)) {
            (Some("text"), Some(more)) => text.push_str(more),
            _ => {
                let message = "a content part is not `{\"type\": \"text\", \"text\": …}`; models here read text only";
                return Err(ApiError::invalid_field("messages", message));
            }
        }
    }
    Ok(text)
}

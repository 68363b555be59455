//! A task at `POST /v1/responses`: the last words of the user are classified, and the answer is
//! complete before its stream begins.

use axum::response::{IntoResponse, Response};
use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{ChatEvent, Part, StopReason, Usage};
use serde_json::json;

use super::keep::{self, StoredResponse};
use super::request::Wanted;
use super::view::{Frames, Head};
use super::{Turn, items::Items};
use crate::answer::{AnswerView, check_text};
use crate::app::{App, Served};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::record::last_text;
use crate::generation::sse::{self, Encode as _};
use crate::openai::chat::classify::content;
use crate::openai::files::may_keep;
use crate::record::{Asked, Field};
use crate::walk::Elsewhere;

/// Answers with the label of a task.
///
/// # Errors
/// When the request asks for what a classifier cannot do, or no tier answers.
pub(crate) async fn answer(
    app: &App,
    turn: Turn,
    served: &Served,
    wanted: Wanted,
) -> Result<Response, ApiError> {
    if !wanted.chat.tools.is_empty() {
        let reason = "`tools`: a classifier calls no tools".to_owned();
        return Err(ApiError::UnsupportedParameter { param: "tools".to_owned(), reason });
    }
    let text = last_text(&wanted.chat);
    check_text(app, "input", &text)?;
    let Turn { caller, at, class, .. } = turn;
    let owner = caller.0.clone();
    let (endpoint, field) = ("responses", Field::Only("input"));
    let asked = Asked { caller, endpoint, at, field, elsewhere: Elsewhere::May { class } };
    let answered = crate::answer::answer(app, &asked, served, vec![text]).await?;
    let (id, walked) =
        answered.into_iter().next().expect("one text was asked and every text is answered");
    let input_tokens = u64::from(walked.last_answer().tokens);
    let usage = Usage { input_tokens, ..Usage::default() };
    let view = AnswerView::new(served, id, &walked, None);
    let text = content(served, &view);
    let head = Head {
        id: format!("resp_{}", view.trace_id),
        created: at.as_micros().div_euclid(1_000_000),
        model: served.deployed.name(),
        previous: turn.previous.clone(),
        stored: turn.store && may_keep(app).is_ok(),
        echo: wanted.echo,
        freehold: json!(view),
    };
    let events = [
        ChatEvent::TextDelta { choice: 0, text: text.clone() },
        ChatEvent::Finished { choice: 0, reason: StopReason::EndTurn },
    ];
    let mut items = Items::new(head.suffix(), wanted.include);
    for event in events.clone() {
        items.see(event);
    }
    let response = head.whole(&items, &usage, None);
    if head.stored {
        let stored = |expires_at| StoredResponse {
            response: response.clone(),
            items: wanted.items,
            said: vec![Part::Text { text }],
            previous: turn.previous,
            class: served.deployed.task().data_class.max(turn.class.unwrap_or(DataClass::Public)),
            expires_at,
        };
        keep::keep(app, &owner, &head.id, stored).await?;
    }
    if !turn.streamed {
        return Ok(Json(response).into_response());
    }
    let mut frames = Frames::new(head, wanted.include);
    let mut told: String = events.into_iter().map(|it| frames.event(it)).collect();
    told.push_str(&frames.finish(&usage, None));
    Ok(sse::complete(told))
}

//! A task judges: its labels are the categories, but for those that the operator calls harmless.
//!
//! An abstention is flagged: nobody vouches that the text is harmless, and it waits for a person.

use freehold_vocabulary::chat::Part;
use freehold_vocabulary::{Outcome, Timestamp};
use serde_json::{Map, Value, json};

use crate::answer::{AnswerView, answer as answered};
use crate::app::{App, Served};
use crate::error::ApiError;
use crate::extract::Json;
use crate::layers::auth::Caller;
use crate::record::{Asked, Field};
use crate::walk::Elsewhere;

/// Judges texts.
///
/// # Errors
/// When something else than a text is sent, or no tier answers.
pub(crate) async fn answer(
    app: &App,
    caller: Caller,
    at: Timestamp,
    (name, served): (&str, &Served),
    inputs: Vec<Vec<Part>>,
) -> Result<Json<Value>, ApiError> {
    let portfolio = app.portfolio();
    let harmless = portfolio.moderation().map(|it| it.harmless.as_slice()).unwrap_or_default();
    check(name, served, harmless)?;
    let texts = inputs.into_iter().map(|parts| text(parts, name));
    let texts = texts.collect::<Result<Vec<String>, _>>()?;
    let (endpoint, field) = ("moderations", Field::Only("input"));
    // What is answered are probabilities, which only the task's own tiers have.
    let asked = Asked { caller, endpoint, at, field, elsewhere: Elsewhere::Never };
    let walked = answered(app, &asked, served, texts).await?;
    let all = served.deployed.labels().len();
    let views = walked
        .into_iter()
        .map(|(id, walked)| AnswerView::new(served, id, &walked, Some(all)))
        .collect::<Vec<_>>();
    let id = views.first().map(|it| format!("modr-{}", it.trace_id));
    let results: Vec<Value> = views.into_iter().map(|it| result(it, harmless)).collect();
    Ok(Json(json!({ "id": id, "model": name, "results": results })))
}

/// A misspelt label would turn every harmless text into a finding.
fn check(name: &str, served: &Served, harmless: &[String]) -> Result<(), ApiError> {
    let labels = served.deployed.labels().as_slice();
    match harmless.iter().find(|it| labels.iter().all(|label| label.as_str() != it.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(ApiError::EngineBroken {
            engine: name.to_owned(),
            reason: format!(
                "[moderation] says that `{unknown}` is harmless, which is none of its labels; correct `harmless`"
            ),
        }),
    }
}

fn text(parts: Vec<Part>, name: &str) -> Result<String, ApiError> {
    let texts = parts.into_iter().map(|part| match part {
        Part::Text { text } => Ok(text),
        _ => {
            let reason = format!("`input`: the task `{name}` judges texts, not images");
            Err(ApiError::UnsupportedParameter { param: "input".to_owned(), reason })
        }
    });
    Ok(texts.collect::<Result<Vec<String>, _>>()?.join("\n"))
}

fn result(mut view: AnswerView, harmless: &[String]) -> Value {
    let said = match view.outcome {
        Outcome::Answered => view.labels.clone(),
        Outcome::Abstained | Outcome::Failed => view.suggested.clone().unwrap_or_default(),
    };
    let mut categories = Map::new();
    let (mut scores, mut found_in) = (Map::new(), Map::new());
    for it in view.probabilities.take().unwrap_or_default() {
        let label = it.label.as_str();
        if harmless.iter().any(|harmless| harmless == label) {
            continue;
        }
        categories.insert(label.to_owned(), said.contains(&it.label).into());
        scores.insert(label.to_owned(), it.probability.into());
        found_in.insert(label.to_owned(), json!(["text"]));
    }
    let found = categories.values().any(|it| *it == true);
    json!({
        "flagged": found || view.outcome != Outcome::Answered, "categories": categories,
        "category_scores": scores, "category_applied_input_types": found_in, "freehold": view,
    })
}

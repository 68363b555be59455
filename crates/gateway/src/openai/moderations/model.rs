//! A model of an engine elsewhere judges, if a rule lets the texts out.

use freehold_vocabulary::chat::{ChatError, ModerationAnswer, ModerationRequest, Part, Usage};
use freehold_vocabulary::egress::Cleared;
use freehold_vocabulary::ports::ChatEngine;
use serde_json::{Value, json};

use crate::app::{App, Offer};
use crate::budget::Most;
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::Asking;
use crate::generation::once::{Answered, Question, Reply, once};
use crate::generation::record::bounded;
use crate::openai::wire::Freehold;

/// Judges texts and images.
///
/// # Errors
/// When no rule lets them out, or the engine does not answer.
pub(crate) async fn answer(
    app: &App,
    asking: Asking,
    offer: Offer,
    inputs: Vec<Vec<Part>>,
) -> Result<Json<Value>, ApiError> {
    let wanted = ModerationRequest { inputs, ..ModerationRequest::default() };
    let Answered { answer, about, settled } = once(app, asking, offer, wanted).await?;
    let results = answer.results.into_iter().map(|it| {
        json!({
            "flagged": it.flagged, "categories": it.categories, "category_scores": it.scores,
            "category_applied_input_types": it.found_in,
        })
    });
    let results: Vec<Value> = results.collect();
    Ok(Json(json!({
        "id": format!("modr-{}", about.trace_id), "model": about.model, "results": results,
        "freehold": Freehold::new(&about, Some(&settled)),
    })))
}

impl Question for ModerationRequest {
    type Answer = ModerationAnswer;

    fn name_model(&mut self, upstream: &str) {
        upstream.clone_into(&mut self.model);
    }

    fn most(&self, offer: &Offer) -> Most {
        Most::of_moderation(self, offer)
    }

    fn estimate(&self) -> Usage {
        let mut bytes = 0;
        self.each_text(&mut |it| bytes += it.len() as u64);
        Usage { input_tokens: bytes.div_ceil(4), ..Usage::default() }
    }

    fn content(&self) -> String {
        bounded(&self.inputs)
    }

    async fn ask(
        engine: &dyn ChatEngine,
        cleared: Cleared<Self>,
    ) -> Result<Reply<ModerationAnswer>, ChatError> {
        let answer = engine.moderate(cleared).await?;
        // Nobody counts the tokens of a judgement.
        let model = answer.model.clone();
        Ok(Reply { answer, model, usage: None, ignored: Vec::new() })
    }
}

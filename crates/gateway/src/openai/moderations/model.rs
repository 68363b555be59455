//! A model of an engine elsewhere judges, if a rule lets the texts out.
//!
//! No other model stands in for one that fails: judgements of different models are in different
//! words.

use freehold_vocabulary::Ending;
use freehold_vocabulary::chat::{ModerationAnswer, ModerationRequest, Part, Usage, UsageBasis};
use serde_json::{Value, json};

use crate::app::{App, Offer};
use crate::budget::{Most, reserve};
use crate::egress::{Leaving, clear};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::attempts::{self, Heard};
use crate::generation::record::{Kept, Said, bounded, keep, keeps_content};
use crate::generation::{About, Asking, class, redaction};
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
    let app = app.clone();
    let run = tokio::spawn(async move { judge(&app, asking, &offer, inputs).await });
    // A task of its own records the answer also if the client goes away.
    let done = run.await.map_err(|cause| ApiError::Panicked(cause.to_string()))?;
    let (answer, about, freehold) = done?;
    let results = answer.results.into_iter().map(|it| {
        json!({
            "flagged": it.flagged, "categories": it.categories, "category_scores": it.scores,
            "category_applied_input_types": it.found_in,
        })
    });
    let results: Vec<Value> = results.collect();
    Ok(Json(json!({
        "id": format!("modr-{}", about.trace_id), "model": about.model, "results": results,
        "freehold": freehold,
    })))
}

async fn judge(
    app: &App,
    asking: Asking,
    offer: &Offer,
    inputs: Vec<Vec<Part>>,
) -> Result<(ModerationAnswer, About, Freehold), ApiError> {
    let offered = &offer.chain[0];
    let model = &offered.model;
    let id = app.ids.next(asking.at);
    let wanted = ModerationRequest { model: model.upstream.clone(), inputs };
    let mut bytes = 0;
    wanted.each_text(&mut |it| bytes += it.len() as u64);
    let estimate = Usage { input_tokens: bytes.div_ceil(4), ..Usage::default() };
    let most = || Most::of_moderation(&wanted, offer);
    let reserved = reserve(app, &asking.caller, most).await?;
    let judged = class::judged(app, &asking, offer, wanted).await?;
    let sendable = redaction::sendable(&offer.egress, model, &judged.request).await?;
    let request = sendable.request;
    let leaving = Leaving {
        app,
        caller: &asking.caller,
        at: asking.at,
        trace: &id,
        offered,
        policy: &offer.egress.policy,
        found: &judged.found,
        replaced: &sendable.replaced,
    };
    let cleared = clear(&leaving, &request).await??;
    let rule = cleared.record().rule.clone();
    let engine = model.engine.card().name().clone();
    let heard = Heard::default();
    let answered = heard.during(model.engine.moderate(cleared)).await;
    let error = answered.as_ref().err().map(ToString::to_string);
    // Nobody counts the tokens of a judgement.
    let (usage, basis) = match &answered {
        Ok(_) => (estimate, UsageBasis::Estimated),
        Err(_) => (Usage::default(), UsageBasis::Nothing),
    };
    let kept = Kept {
        id: id.clone(),
        asking: &asking,
        content: offer.egress.content,
        class: judged.request.class(),
        rule: rule.clone(),
        offered,
        ending: if error.is_some() { Ending::Failed } else { Ending::Complete },
        first_token_us: None,
        tries: attempts::tries(heard.take(), offered, asking.at, error, (usage, basis)),
        hit: None,
        route: Box::default(),
    };
    let content = kept.keeps_content().then(|| bounded(&request.request().inputs));
    let upstream = answered.as_ref().ok().map(|it| it.model.clone());
    let said = Said { upstream, usage, basis: Some(basis), request: content, ..Said::default() };
    let settled = keep(app, kept, said).await?;
    reserved.settle(settled.usage, settled.cost.as_ref());
    let answer = answered.map_err(ApiError::Generation)?;
    let about = About {
        trace_id: id,
        model: model.name.clone(),
        engine,
        tier: model.tier,
        data_class: judged.request.class(),
        rule,
        ignored_parameters: Vec::new(),
        cache: None,
        keeps_content: keeps_content(offer.egress.content, model, judged.request.class()),
        route: None,
    };
    let freehold = Freehold::new(&about, Some(&settled));
    Ok((answer, about, freehold))
}

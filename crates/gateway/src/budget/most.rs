//! What a request takes at most, before anybody has counted.
//!
//! A token of ordinary text is three bytes or more; each message and image adds what protocols and
//! engines wrap around it. A request may take more than that. Then its limits are charged with what
//! it took, and the next request finds less.

use std::sync::Arc;

use freehold_vocabulary::Timestamp;
use freehold_vocabulary::chat::{
    ChatRequest, EmbeddingsInput, EmbeddingsRequest, ModerationRequest, Part, Usage,
};

use crate::app::Offer;
use crate::error::ApiError;
use crate::portfolio::GenerativeModel;

const BYTES_PER_TOKEN: u64 = 3;
const TOKENS_PER_MESSAGE: u64 = 16;
/// A large image at the finest resolution that providers count.
const TOKENS_PER_IMAGE: u64 = 1600;
/// The output of a request that names no limit of its own.
const OUTPUT_TOKENS: u64 = 4096;

/// An upper estimate.
#[derive(Debug, Default)]
pub(crate) struct Most {
    pub(crate) usage: Usage,
    /// Whoever may be asked; none where the answer costs nothing.
    pub(crate) models: Vec<Arc<GenerativeModel>>,
}

impl Most {
    /// Of a conversation.
    pub(crate) fn of_chat(request: &ChatRequest, offer: &Offer) -> Self {
        let mut bytes = 0;
        request.each_text(&mut |text| bytes += text.len() as u64);
        let schemas = request.tools.iter().map(|it| it.parameters.to_string().len() as u64);
        bytes += schemas.sum::<u64>();
        let messages = request.messages.len() as u64;
        let images = request.messages.iter().flat_map(|it| &it.parts).map(images).sum::<u64>();
        let input_tokens = bytes.div_ceil(BYTES_PER_TOKEN)
            + messages * TOKENS_PER_MESSAGE
            + images * TOKENS_PER_IMAGE;
        let each = request.sampling.max_tokens.map_or(OUTPUT_TOKENS, u64::from);
        let choices = u64::from(request.sampling.n.unwrap_or(1));
        let output_tokens = each.saturating_mul(choices);
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        Self { usage, models: models(offer) }
    }

    /// Of texts that become vectors.
    pub(crate) fn of_embeddings(request: &EmbeddingsRequest, offer: &Offer) -> Self {
        let tokens = request.inputs.iter().map(|input| match input {
            EmbeddingsInput::Text(text) => in_text(text),
            EmbeddingsInput::Tokens(tokens) => tokens.len() as u64,
        });
        let usage = Usage { input_tokens: tokens.sum(), ..Usage::default() };
        Self { usage, models: vec![offer.chain[0].model.clone()] }
    }

    /// Of texts and images that a model judges.
    pub(crate) fn of_moderation(request: &ModerationRequest, offer: &Offer) -> Self {
        let mut bytes = 0;
        request.each_text(&mut |text| bytes += text.len() as u64);
        let images = request.inputs.iter().flatten().map(images).sum::<u64>();
        let input_tokens = bytes.div_ceil(BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE;
        Self {
            usage: Usage { input_tokens, ..Usage::default() },
            models: vec![offer.chain[0].model.clone()],
        }
    }

    /// Of texts that every tier of a task may read. Answers from within cost nothing more.
    pub(crate) fn of_task(texts: &[String], tiers: usize) -> Self {
        let tokens = texts.iter().map(|it| in_text(it)).sum::<u64>();
        let input_tokens = tokens.saturating_mul(tiers as u64);
        Self { usage: Usage { input_tokens, ..Usage::default() }, models: Vec::new() }
    }

    /// The dearest of whoever may be asked, in 10⁻¹² of that currency.
    ///
    /// # Errors
    /// When one of them has no price in it: what cannot be counted is not let in.
    pub(crate) fn cost(
        &self,
        currency: &str,
        limit: &str,
        now: Timestamp,
    ) -> Result<u64, ApiError> {
        let costs = self.models.iter().map(|model| {
            let cost = model.price.cost(&self.usage, now).filter(|it| it.currency == currency);
            cost.map(|it| it.picos).ok_or_else(|| ApiError::NoPrice {
                model: model.name.clone(),
                currency: currency.to_owned(),
                limit: limit.to_owned(),
            })
        });
        costs.collect::<Result<Vec<u64>, _>>().map(|all| all.into_iter().max().unwrap_or(0))
    }
}

fn models(offer: &Offer) -> Vec<Arc<GenerativeModel>> {
    let weak = offer.choice.iter().flat_map(|it| &it.weak);
    offer.chain.iter().chain(weak).map(|it| it.model.clone()).collect()
}

/// Begin and end of a text are tokens too.
fn in_text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(BYTES_PER_TOKEN) + 2
}

fn images(part: &Part) -> u64 {
    match part {
        Part::Image { .. } => 1,
        Part::ToolResult { content, .. } => content.iter().map(images).sum(),
        _ => 0,
    }
}

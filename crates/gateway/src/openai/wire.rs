//! Parts of OpenAI's answers that several endpoints share.

use freehold_vocabulary::chat::{StopReason, TokenAlternative, TokenLogProb, Usage, UsageBasis};
use freehold_vocabulary::price::Cost;
use serde::Serialize;
use serde_json::{Value, json};

use crate::generation::{About, Settled};

/// Tokens in OpenAI's words.
pub(crate) fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens(),
        "prompt_tokens_details": { "cached_tokens": usage.cached_input_tokens },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
    })
}

/// Why a choice ended, in OpenAI's words.
pub(crate) fn finish_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence { .. } => "stop",
        StopReason::MaxTokens => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter | StopReason::Refusal => "content_filter",
        StopReason::Other { name } => name,
    }
}

/// A token with its log-probability.
pub(crate) fn logprob(token: &TokenLogProb) -> Value {
    let top: Vec<Value> = token.top.iter().map(alternative).collect();
    json!({
        "token": token.token, "logprob": token.logprob,
        "bytes": bytes(&token.token, token.bytes.as_deref()), "top_logprobs": top,
    })
}

fn alternative(token: &TokenAlternative) -> Value {
    json!({
        "token": token.token, "logprob": token.logprob,
        "bytes": bytes(&token.token, token.bytes.as_deref()),
    })
}

fn bytes<'a>(token: &'a str, bytes: Option<&'a [u8]>) -> &'a [u8] {
    bytes.unwrap_or(token.as_bytes())
}

/// What the protocol has no field for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Freehold {
    #[serde(flatten)]
    about: About,
    #[serde(flatten)]
    end: Option<EndView>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct EndView {
    usage_basis: UsageBasis,
    /// Null when the price is not known.
    cost: Option<CostView>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct CostView {
    currency: String,
    amount: f64,
}

impl CostView {
    /// In units of the currency.
    pub(crate) fn of(cost: &Cost) -> Self {
        Self { currency: cost.currency.clone(), amount: cost.picos as f64 / 1e12 }
    }
}

impl Freehold {
    /// What is known when the answer begins, and what is known at its end.
    pub(crate) fn new(about: &About, settled: Option<&Settled>) -> Self {
        Self { about: about.clone(), end: settled.map(Self::end) }
    }

    /// What is known only at the end.
    pub(crate) fn end(settled: &Settled) -> EndView {
        EndView { usage_basis: settled.basis, cost: settled.cost.as_ref().map(CostView::of) }
    }
}

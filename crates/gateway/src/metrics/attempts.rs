//! Every try of every engine, those that nobody saw included: what retries take is not hidden.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use freehold_vocabulary::chat::{Attempt, AttemptOutcome};

use super::{head, line};

/// Tries by engine and outcome.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<BTreeMap<(String, &'static str), Counted>>);

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    tries: u64,
    input_tokens: u64,
    output_tokens: u64,
}

impl Attempts {
    pub(super) fn record(&self, attempt: &Attempt) {
        let outcome = match attempt.outcome {
            AttemptOutcome::Answered => "answered",
            AttemptOutcome::Cancelled => "cancelled",
            AttemptOutcome::Failed(_) => "failed",
        };
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = attempts.entry((attempt.engine.to_string(), outcome)).or_default();
        counted.tries += 1;
        counted.input_tokens += attempt.usage.input_tokens;
        counted.output_tokens += attempt.usage.output_tokens;
    }

    pub(super) fn render(&self, text: &mut String) {
        let attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if attempts.is_empty() {
            return;
        }
        let name = "freehold_engine_attempts_total";
        head(text, name, "Tries of engines by outcome, retries included.", "counter");
        for ((engine, outcome), counted) in &attempts {
            let labels = format!("engine=\"{engine}\",outcome=\"{outcome}\"");
            line(text, name, &labels, counted.tries);
        }
        let name = "freehold_engine_attempt_tokens_total";
        head(text, name, "Tokens that those tries took.", "counter");
        for ((engine, outcome), counted) in &attempts {
            for (kind, tokens) in
                [("input", counted.input_tokens), ("output", counted.output_tokens)]
            {
                let labels = format!("engine=\"{engine}\",outcome=\"{outcome}\",kind=\"{kind}\"");
                line(text, name, &labels, tokens);
            }
        }
    }
}

//! What generating models answered, took and cost.
//!
//! The series are bounded by the portfolio: its models, its engines, and the names of its rules.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use freehold_vocabulary::chat::Usage;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{Ending, Generation};

use super::{Histogram, head, line};

/// Kinds of tokens with a series each. Cached and thought tokens are also in the first two.
const KINDS: [&str; 5] = ["input", "output", "cached_input", "cache_written", "reasoning"];

/// Counters by model and engine.
#[derive(Debug, Default)]
pub(super) struct Models(Mutex<BTreeMap<(String, String), Arc<ModelCounters>>>);

/// What happened to the requests of one model at one engine; survives swaps of the portfolio.
#[derive(Debug, Default)]
pub struct ModelCounters {
    endings: [AtomicU64; Ending::ALL.len()],
    tokens: [AtomicU64; KINDS.len()],
    first_token: Histogram,
    /// In 10⁻¹² of each currency. Prices change rarely, so a lock costs nothing here.
    cost: Mutex<BTreeMap<String, u64>>,
    unpriced: AtomicU64,
    denials: Mutex<BTreeMap<String, u64>>,
    fallbacks: AtomicU64,
}

impl ModelCounters {
    /// A generation is over. What it took is counted try by try.
    pub(crate) fn ended(&self, generation: &Generation) {
        let place = Ending::ALL.iter().position(|it| *it == generation.ending).unwrap_or_default();
        self.endings[place].fetch_add(1, Relaxed);
        if let Some(first_token_us) = generation.first_token_us {
            self.first_token.observe(first_token_us);
        }
    }

    /// Tokens and their cost.
    pub(crate) fn used(&self, usage: &Usage, cost: Option<&Cost>) {
        let kinds = [
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_input_tokens,
            usage.cache_written_tokens,
            usage.reasoning_tokens,
        ];
        for (counter, tokens) in self.tokens.iter().zip(kinds) {
            counter.fetch_add(tokens, Relaxed);
        }
        match cost {
            None => {
                self.unpriced.fetch_add(1, Relaxed);
            }
            Some(cost) => {
                let mut spent = self.cost.lock().unwrap_or_else(PoisonError::into_inner);
                let sum = spent.entry(cost.currency.clone()).or_default();
                *sum = sum.saturating_add(cost.picos);
            }
        }
    }

    /// A request was not let through to the engine.
    pub(crate) fn denied(&self, rule: &str) {
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        *denials.entry(rule.to_owned()).or_default() += 1;
    }

    /// The next model of the chain was asked instead.
    pub(crate) fn passed_on(&self) {
        self.fallbacks.fetch_add(1, Relaxed);
    }
}

impl Models {
    pub(super) fn counters(&self, model: &str, engine: &str) -> Arc<ModelCounters> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        models.entry((model.to_owned(), engine.to_owned())).or_default().clone()
    }

    pub(super) fn render(&self, text: &mut String) {
        let models = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if models.is_empty() {
            return;
        }
        let named = || {
            models.iter().map(|((model, engine), counters)| {
                (format!("model=\"{model}\",engine=\"{engine}\""), counters)
            })
        };
        let name = "freehold_generations_total";
        head(text, name, "Generated answers by model, engine and ending.", "counter");
        for (labels, counters) in named() {
            for (ending, count) in Ending::ALL.map(Ending::as_str).iter().zip(&counters.endings) {
                counted(text, name, &format!("{labels},ending=\"{ending}\""), count);
            }
        }
        let name = "freehold_generation_tokens_total";
        head(
            text,
            name,
            "Tokens of generating models; cached ones and thoughts count twice.",
            "counter",
        );
        for (labels, counters) in named() {
            for (kind, count) in KINDS.iter().zip(&counters.tokens) {
                counted(text, name, &format!("{labels},kind=\"{kind}\""), count);
            }
        }
        render_cost(text, &models);
        let name = "freehold_generation_first_token_seconds";
        head(text, name, "Time from the request to the first content.", "histogram");
        for (labels, counters) in named() {
            counters.first_token.render(text, name, &labels);
        }
        let name = "freehold_generation_fallbacks_total";
        head(text, name, "Requests that were passed on to the next model.", "counter");
        for (labels, counters) in named() {
            counted(text, name, &labels, &counters.fallbacks);
        }
        let name = "freehold_egress_denials_total";
        head(text, name, "Requests that no rule let through to an engine.", "counter");
        for (labels, counters) in named() {
            let denials = counters.denials.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (rule, count) in denials {
                line(text, name, &format!("{labels},rule=\"{}\"", escaped(&rule)), count);
            }
        }
    }
}

fn render_cost(text: &mut String, models: &BTreeMap<(String, String), Arc<ModelCounters>>) {
    let name = "freehold_generation_cost_total";
    head(text, name, "Cost of generated answers, in units of the currency.", "counter");
    for ((model, engine), counters) in models {
        let spent = counters.cost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (currency, picos) in spent {
            let labels = format!(
                "model=\"{model}\",engine=\"{engine}\",currency=\"{}\"",
                escaped(&currency)
            );
            line(text, name, &labels, picos as f64 / 1e12);
        }
    }
    let name = "freehold_generations_unpriced_total";
    head(text, name, "Generated answers of models whose price is not known.", "counter");
    for ((model, engine), counters) in models {
        let labels = format!("model=\"{model}\",engine=\"{engine}\"");
        counted(text, name, &labels, &counters.unpriced);
    }
}

fn counted(text: &mut String, name: &str, labels: &str, count: &AtomicU64) {
    let count = count.load(Relaxed);
    if count > 0 {
        line(text, name, labels, count);
    }
}

/// As the exposition format asks of a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

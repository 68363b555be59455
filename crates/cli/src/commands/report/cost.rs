//! What a million requests cost here, and at a list price.

use anyhow::{Context as _, Result};
use freehold_economics::Day;
use freehold_evaluation::page::{CostLine, FunnelStep, ModelLine};
use freehold_models::TextTokenizer;
use freehold_routing::cost::{MeasuredTier, ProcessorPrice, cascade_cost};
use freehold_vocabulary::price::ListPrice;
use freehold_vocabulary::{Example, Label};

use crate::wiring::Session;
use crate::wiring::routes::Route;

/// Examples whose prompts are counted.
const PROMPTS: usize = 200;
/// Longest prompt that is counted, in tokens; longer ones would not fit other limits either.
const PROMPT_TOKENS_MAX: usize = 100_000;

/// Costs with what is to be said about them.
pub struct Costs {
    pub lines: Vec<CostLine>,
    pub list_prices: Vec<ListPrice>,
    pub input_tokens: f64,
    pub output_tokens: f64,
    pub notes: Vec<String>,
}

pub fn lines(
    session: &Session,
    route: &Route,
    models: &[ModelLine],
    funnel: &[FunnelStep],
    examples: &[Example],
) -> Result<Costs> {
    let mut costs = Costs {
        lines: Vec::new(),
        list_prices: Vec::new(),
        input_tokens: 0.0,
        output_tokens: 0.0,
        notes: Vec::new(),
    };
    let Some(price) = &session.config.compute.cpu_hour else {
        costs.notes.push(
            "What a request costs here is unknown: compute.cpu_hour is not set in freehold.toml."
                .to_owned(),
        );
        return Ok(costs);
    };
    let mut tiers = Vec::new();
    for (model, step) in models.iter().zip(funnel) {
        let latency = model.latency.as_ref().context("an evaluation made here measures latency")?;
        // One text at a time on one thread: what it takes is what the processor spends.
        tiers.push(MeasuredTier {
            tier: model.tier,
            cpu_seconds_per_try: latency.mean_us / 1e6,
            kept_share: step.answered.estimate,
        });
    }
    let own = ProcessorPrice {
        currency: price.currency.clone(),
        per_cpu_hour: price.price,
        as_of: price.as_of.clone(),
        source: price.source.clone(),
    };
    let cascade = cascade_cost(&tiers, &own)?;
    costs.lines.push(CostLine {
        name: "this cascade".to_owned(),
        currency: cascade.currency.clone(),
        per_million_requests: cascade.per_million_requests,
        basis: format!(
            "processor time, failed tries included, at {} {} per core-hour ({}; {})",
            price.price, price.currency, price.as_of, price.source
        ),
    });
    let Some(tokenizer) = tokenizer(session, route)? else {
        costs.notes.push("List prices are left out: without an encoder in the route there is no tokenizer to count with.".to_owned());
        return Ok(costs);
    };
    costs.input_tokens = prompt_tokens(&tokenizer, route, examples)?;
    costs.output_tokens = answer_tokens(&tokenizer, route)?;
    let today = Day::of(session.now());
    for name in session.config.models.keys() {
        let Some(list) = session.config.list_price(name, today) else { continue };
        let asked = list.per_million_requests(costs.input_tokens, costs.output_tokens);
        let factor = freehold_routing::cost::times_dearer(
            &cascade,
            &list,
            costs.input_tokens,
            costs.output_tokens,
        );
        let factor =
            factor.map_or_else(String::new, |factor| format!(", {factor:.0} times as much"));
        costs.notes.push(format!(
            "A million requests cost {:.2} {} of processor time here; {name} asks {asked:.0} {} at its list price of {} for {:.0} tokens in and {:.0} out{factor}. People's time is not in it.",
            cascade.per_million_requests, cascade.currency, list.currency, list.as_of, costs.input_tokens, costs.output_tokens
        ));
        costs.list_prices.push(list);
    }
    Ok(costs)
}

fn tokenizer(session: &Session, route: &Route) -> Result<Option<TextTokenizer>> {
    let base = route.tiers.iter().find_map(|tier| tier.found.version.lineage.base.as_ref());
    let Some(base) = base else { return Ok(None) };
    Ok(Some(TextTokenizer::open(&session.store.materialise(base)?)?))
}

/// Mean length of a prompt that lists the labels and asks for one: what a general model needs to
/// be told each time.
fn prompt_tokens(tokenizer: &TextTokenizer, route: &Route, examples: &[Example]) -> Result<f64> {
    let labels: Vec<&str> =
        route.tiers[0].found.version.labels.as_slice().iter().map(Label::as_str).collect();
    let head = format!(
        "Classify the text into exactly one of these categories and answer with its name only: {}.\n\nText: ",
        labels.join(", ")
    );
    let sample: Vec<&Example> = examples.iter().take(PROMPTS).collect();
    let mut total = 0;
    for example in &sample {
        total += tokenizer.encode(&format!("{head}{}", example.text), PROMPT_TOKENS_MAX)?.len();
    }
    Ok(total as f64 / sample.len().max(1) as f64)
}

fn answer_tokens(tokenizer: &TextTokenizer, route: &Route) -> Result<f64> {
    let labels = route.tiers[0].found.version.labels.as_slice();
    let mut total = 0;
    for label in labels {
        total += tokenizer.encode(label.as_str(), PROMPT_TOKENS_MAX)?.len();
    }
    Ok(total as f64 / labels.len().max(1) as f64)
}

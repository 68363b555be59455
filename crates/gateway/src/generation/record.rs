//! The trace of a generation: durable before the last of the answer goes out.

use freehold_vocabulary::chat::{ChatRequest, ImageSource, Message, Part, Role, Usage, UsageBasis};
use freehold_vocabulary::egress::Place;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{
    DataClass, Digest, Ending, Generation, Outcome, RouteRecord, TaskName, Trace, TraceId, Try,
};

use super::attempts;
use super::tally::Tally;
use super::{Asking, Settled};
use crate::app::{App, Offered};
use crate::caches::Hit;
use crate::error::ApiError;
use crate::layers::observe::elapsed_us;
use crate::portfolio::{GenerativeModel, KeptContent};

/// Content beyond it is left out of the trace, which says so.
const CONTENT_BYTES_MAX: usize = 2 << 20;
const LEFT_OUT: &str = "\"(too long to be kept)\"";

/// All that a trace says but what came and went.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) id: TraceId,
    pub(crate) asking: &'a Asking,
    pub(crate) content: KeptContent,
    pub(crate) class: DataClass,
    pub(crate) rule: String,
    pub(crate) offered: &'a Offered,
    pub(crate) ending: Ending,
    pub(crate) first_token_us: Option<u64>,
    pub(crate) tries: Vec<Try>,
    /// The answer was known; no engine was asked for it.
    pub(crate) hit: Option<Hit>,
    pub(crate) route: Box<RouteRecord>,
}

/// What came and went, where it is known.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) upstream: Option<String>,
    pub(crate) stop: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) basis: Option<UsageBasis>,
    pub(crate) input: String,
    pub(crate) request: Option<String>,
    pub(crate) answer: Option<String>,
}

/// Counts a generation and keeps its trace.
///
/// # Errors
/// When the trace log does not take it.
pub(super) async fn record(
    app: &App,
    kept: Kept<'_>,
    request: &ChatRequest,
    tally: Tally,
    pay: impl FnOnce(&Paid),
) -> Result<Settled, ApiError> {
    let hit = kept.hit.clone();
    // Tokens that nobody read or wrote are in no sum.
    let (usage, basis) = match &hit {
        Some(_) => (Usage::default(), UsageBasis::Nothing),
        None => tally.usage(request),
    };
    let upstream = tally.upstream().map(str::to_owned);
    let stop = tally.stop().map(str::to_owned);
    let said = Said { upstream, stop, usage, basis: Some(basis), ..Said::default() };
    let said = if kept.keeps_content() {
        Said {
            input: last_text(request),
            request: Some(bounded(&without_images(request))),
            answer: tally.into_answer().map(|it| bounded(&it.choices)),
            ..said
        }
    } else {
        said
    };
    let settled = keep(app, kept, said, pay).await?;
    // The caller is told what the answer took when it was made.
    Ok(match hit {
        Some(hit) => Settled { usage: hit.stored.usage, basis: hit.stored.basis, ..settled },
        None => settled,
    })
}

/// What all tries of a request took together. It is owed whether or not the trace can be written.
#[derive(Debug)]
pub(crate) struct Paid {
    pub(crate) usage: Usage,
    pub(crate) cost: Option<Cost>,
}

/// Counts what was said and makes its trace durable.
///
/// # Errors
/// When the trace log does not take it.
pub(crate) async fn keep(
    app: &App,
    kept: Kept<'_>,
    said: Said,
    pay: impl FnOnce(&Paid),
) -> Result<Settled, ApiError> {
    let model = &kept.offered.model;
    let (usage, basis) = (said.usage, said.basis.unwrap_or(UsageBasis::Nothing));
    let (cost, saved) = match &kept.hit {
        None if kept.tries.iter().any(|it| it.spent.is_some()) => {
            (attempts::total(&kept.tries), None)
        }
        None => (model.price.cost(&Usage::default(), kept.asking.at), None),
        Some(hit) => {
            let free = |it: &Cost| Cost { currency: it.currency.clone(), picos: 0 };
            (hit.stored.cost.as_ref().map(free), hit.stored.cost.clone())
        }
    };
    pay(&Paid { usage: attempts::used(&kept.tries), cost: cost.clone() });
    let generation = Generation {
        model: model.name.clone(),
        engine: model.engine.card().name().clone(),
        upstream: said.upstream.unwrap_or_else(|| model.upstream.clone()),
        data_class: kept.class,
        rule: kept.rule,
        ending: kept.ending,
        stop: said.stop,
        usage,
        basis,
        cost: cost.clone(),
        first_token_us: kept.first_token_us,
        tries: kept.tries,
        cache: kept.hit.as_ref().map(|it| it.kind),
        saved,
        request: said.request,
        answer: said.answer,
    };
    kept.offered.counters.ended(&generation);
    let whole = kept.ending == Ending::Complete;
    let trace = Trace {
        id: kept.id,
        at: kept.asking.at,
        task: TaskName::parse(Trace::GENERATION).expect("the name keeps to the rules of names"),
        caller: kept.asking.caller.0.to_string(),
        endpoint: kept.asking.endpoint.to_owned(),
        input: said.input,
        outcome: if whole { Outcome::Answered } else { Outcome::Failed },
        labels: Vec::new(),
        confidence: 0.0,
        tier: model.tier,
        certificate: None,
        tiers: Vec::new(),
        latency_us: elapsed_us(kept.asking.at, app.parts.clock.now()),
        generation: Some(Box::new(generation)),
        route: (!kept.route.is_empty()).then_some(kept.route),
    };
    app.parts.traces.append(vec![trace]).await.map_err(ApiError::trace_log)?;
    Ok(Settled { usage, basis, cost })
}

impl Kept<'_> {
    /// Whether the trace may hold what was said.
    pub(crate) fn keeps_content(&self) -> bool {
        keeps_content(self.content, &self.offered.model, self.class)
    }
}

/// Whether what was said to a model, and what it said, may lie on a disk.
pub(crate) fn keeps_content(rule: KeptContent, model: &GenerativeModel, class: DataClass) -> bool {
    let place = model.engine.card().clearance.place;
    match rule {
        KeptContent::Always => true,
        KeptContent::Never => false,
        KeptContent::Harmless => place == Place::Here || class <= DataClass::Internal,
    }
}

/// The last words of the user.
pub(crate) fn last_text(request: &ChatRequest) -> String {
    let said = request.messages.iter().rev().filter(|it| it.role == Role::User);
    let texts = said.map(|message| {
        let texts = message.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<String>()
    });
    let mut texts = texts.filter(|it| !it.is_empty());
    let text = texts.next().unwrap_or_default();
    if text.len() <= CONTENT_BYTES_MAX { text } else { LEFT_OUT.to_owned() }
}

/// Images are large, and a digest is enough to know one again.
fn without_images(request: &ChatRequest) -> ChatRequest {
    let mut request = request.clone();
    request.messages.iter_mut().for_each(name_images);
    request
}

fn name_images(message: &mut Message) {
    for part in &mut message.parts {
        name_image(part);
        if let Part::ToolResult { content, .. } = part {
            content.iter_mut().for_each(name_image);
        }
    }
}

fn name_image(part: &mut Part) {
    if let Part::Image { source: ImageSource::Base64 { data, .. }, .. } = part {
        *data = Digest::of(data.as_bytes()).to_string();
    }
}

/// As JSON, unless it is too long.
pub(crate) fn bounded<T: serde::Serialize>(content: &T) -> String {
    let text = serde_json::to_string(content).expect("requests and answers have string keys");
    if text.len() <= CONTENT_BYTES_MAX { text } else { LEFT_OUT.to_owned() }
}

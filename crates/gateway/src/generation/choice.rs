//! Step 4 of a request: a name that stands for two models becomes one of them.
//!
//! The strong model stays behind the weak one as its fallback, and never the other way round: what
//! needs the strong one is not answered by the weak one because the strong one failed.

use std::sync::Arc;

use freehold_routing::gain::{Decided, Sent, Why};
use freehold_vocabulary::chat::{ChatRequest, Part};
use freehold_vocabulary::{GainChoice, RouteRecord};

use super::record::last_text;
use crate::app::{App, Offered};
use crate::layers::observe::elapsed_us;
use crate::portfolio::{ModelRoute, Rule};

/// The field of a request's metadata that names its topic.
const TOPIC: &str = "topic";

/// Both chains of a route, until it is decided which one answers.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) route: Arc<ModelRoute>,
    pub(crate) weak: Vec<Offered>,
    pub(crate) strong: Vec<Offered>,
}

/// The chain that answers, and the record of why.
pub(super) async fn choose(
    app: &App,
    choice: &Choice,
    request: &ChatRequest,
) -> (Vec<Offered>, GainChoice) {
    let started = app.parts.clock.now();
    let Choice { route, weak, strong } = choice;
    let (decided, why_not, threshold, certificate) = match &route.rule {
        Rule::Strong(why) => (Decided::strong(Why::Lapsed), Some(why.clone()), None, None),
        Rule::Router(active) => {
            let certificate = &active.router().certificate;
            let decided = if sees_all(request) {
                let topic = request.metadata.get(TOPIC).map(String::as_str);
                active.decide(&last_text(request), topic).await
            } else {
                Decided::strong(Why::Unseen)
            };
            (decided, None, certificate.threshold, Some(certificate.id.clone()))
        }
    };
    let chain = match decided.sent {
        Sent::Strong => strong.clone(),
        Sent::Weak => {
            let behind =
                strong.iter().filter(|it| weak.iter().all(|own| own.model.name != it.model.name));
            weak.iter().chain(behind).cloned().collect()
        }
    };
    let record = GainChoice {
        route: route.name.clone(),
        weak: route.weak.clone(),
        strong: route.strong.clone(),
        chosen: chain[0].model.name.clone(),
        why: decided.why.as_str().to_owned(),
        detail: why_not,
        // JSON has no numbers that are not finite, and thresholds that are kept are.
        gain: decided.expected.map(|it| it.gain).filter(|it| it.is_finite()),
        threshold: threshold.filter(|it| it.is_finite()),
        certificate,
        decided_us: elapsed_us(started, app.parts.clock.now()),
    };
    (chain, record)
}

/// Whether all that the request holds is text: a router was certified on nothing else.
fn sees_all(request: &ChatRequest) -> bool {
    let text = |part: &Part| matches!(part, Part::Text { .. } | Part::CachePoint { .. });
    let said = request.messages.last();
    said.is_some_and(|message| message.parts.iter().all(text)) && request.tools.is_empty()
}

/// The decision in a header.
pub(crate) fn told(record: &RouteRecord) -> Option<String> {
    let it = record.gain.as_ref()?;
    let mut text = format!("{}={}; why={}", it.route, it.chosen, it.why.replace(' ', "-"));
    for (name, number) in [("gain", it.gain), ("threshold", it.threshold)] {
        if let Some(number) = number {
            text += &format!("; {name}={number:.4}");
        }
    }
    if let Some(certificate) = &it.certificate {
        text += &format!("; certificate={}", certificate.short());
    }
    Some(text)
}

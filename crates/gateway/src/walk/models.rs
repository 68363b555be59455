//! The end of a route: generating models are asked about what no tier of the task's own keeps.
//!
//! Each question is an ordinary generation, with its own egress decision, audit record and trace. A
//! model that fails or may not be asked passes the text on; what stands behind it then answers
//! without its certificate, which was earned on fewer texts.

use std::sync::{Arc, Mutex, PoisonError};

use freehold_routing::remote::behind;
use freehold_vocabulary::chat::ChatEvent;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{
    AskedModel, DataClass, Digest, Label, RouteRecord, TierAnswer, TraceId, Trust,
};
use tokio::task::JoinSet;

use super::{ByModel, Walked, labelling};
use crate::app::{App, Offer, Served};
use crate::error::ApiError;
use crate::generation::{Asking, generate};
use crate::layers::observe::elapsed_us;
use crate::portfolio::RemoteTiers;
use crate::record::Asked;

/// Texts of one request that models elsewhere read at the same time.
const AT_ONCE: usize = 8;

/// What a generation cost, told when it is settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bill(Arc<Mutex<Option<Charged>>>);

/// The last of them.
#[derive(Debug, Clone)]
struct Charged {
    trace: TraceId,
    /// None where the price is not known.
    cost: Option<Cost>,
}

impl Bill {
    pub(crate) fn add(&self, trace: TraceId, cost: Option<Cost>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Charged { trace, cost });
    }

    fn take(&self) -> Option<Charged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What is the same for all texts of a request.
#[derive(Debug)]
struct Errand {
    app: App,
    served: Served,
    asking: Asking,
}

/// Asks about every text that nobody kept.
pub(super) async fn ask(
    app: &App,
    asked: &Asked,
    served: &Served,
    texts: &[String],
    walked: &mut [Walked],
) {
    let Some(class) = asked.elsewhere.class() else { return };
    let Some(remote) = served.deployed.remote() else { return };
    let class = class.max(Some(served.deployed.task().data_class));
    let (caller, at) = (asked.caller.clone(), asked.at);
    let asking = Asking { caller, endpoint: "route", at, class };
    let errand = Arc::new(Errand { app: app.clone(), served: served.clone(), asking });
    let open = walked.iter().enumerate().filter(|(_, it)| !it.is_kept());
    let mut open: Vec<usize> = open.map(|(place, _)| place).collect();
    open.reverse();
    // Dropping the set stops the work of all.
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(place) = open.pop()
        {
            let (errand, remote, text) = (errand.clone(), remote.clone(), texts[place].clone());
            running.spawn(async move { (place, errand.through(&remote, &text).await) });
        }
        match running.join_next().await {
            Some(Ok((place, way))) => way.enter(&mut walked[place]),
            // One that panicked leaves its text to people.
            Some(Err(cause)) => tracing::error!("asking a model for a label broke: {cause}"),
            None => return,
        }
    }
}

/// What the models said about one text.
#[derive(Debug, Default)]
struct Way {
    tiers: Vec<TierAnswer>,
    route: RouteRecord,
    kept: Option<ByModel>,
}

impl Way {
    fn enter(self, walked: &mut Walked) {
        walked.tiers.extend(self.tiers);
        walked.by_model = self.kept;
        walked.route = (!self.route.is_empty()).then(|| Box::new(self.route));
    }
}

/// What came of asking one model.
#[derive(Debug)]
struct Said {
    labels: Option<Vec<Label>>,
    tokens: u64,
    failed: Option<String>,
}

impl Errand {
    async fn through(&self, remote: &RemoteTiers, text: &str) -> Way {
        let mut way = Way::default();
        let mut before = self.served.deployed.certificates();
        let mut all_answered = true;
        for name in &remote.models {
            let Some(offer) = self.app.offer(name) else { continue };
            let model = offer.chain[0].model.clone();
            let mut backing = remote.backing(&self.served.deployed, &model, &before);
            if !all_answered && backing.as_ref().is_some_and(|it| it.certificate.is_some()) {
                // It was proved on what the models before it pass on when they answer.
                backing = match remote.trust {
                    Trust::Operator => backing.map(|it| it.by_operator()),
                    Trust::Certificate => None,
                };
            }
            let started = self.app.parts.clock.now();
            let bill = Bill::default();
            let said = self.ask(offer, &bill, text).await;
            let latency_us = elapsed_us(started, self.app.parts.clock.now());
            self.served.counters.engine_called(model.tier, latency_us, said.tokens);
            let reason = match (&said.failed, &said.labels, &backing) {
                (Some(failed), ..) => Some(failed.clone()),
                (None, None, _) => Some("it named no label".to_owned()),
                (None, Some(_), None) => Some(AskedModel::SUGGESTED.to_owned()),
                (None, Some(_), Some(_)) => None,
            };
            let (trace, cost) = bill.take().map(|it| (it.trace, it.cost)).unzip();
            let cost: Option<Cost> = cost.flatten();
            way.route.cost = freehold_vocabulary::trace::summed(way.route.cost.iter().chain(&cost));
            way.route.asked.push(AskedModel {
                model: model.name.clone(),
                upstream: model.upstream.clone(),
                behind: behind(&before),
                labels: said.labels.clone().unwrap_or_default(),
                trace,
                cost,
                reason: reason.clone(),
            });
            let certificate = backing.as_ref().and_then(|it| it.certificate.as_ref());
            way.tiers.push(TierAnswer {
                tier: model.tier,
                version: Digest::of(format!("{}/{}", model.engine.card().name(), model.upstream)),
                labels: said.labels.unwrap_or_default(),
                // Without a certificate nobody has measured it.
                confidence: certificate.map_or(0.0, |(_, accuracy)| *accuracy),
                ood_score: None,
                kept: reason.is_none(),
                reason: reason.clone(),
                latency_us,
                // They stand in the trace of the question, and are counted there.
                tokens: 0,
            });
            if reason.is_none() {
                way.route.trust = backing.as_ref().map(|it| it.trust);
                way.kept = backing.map(|backing| ByModel { model: model.name.clone(), backing });
                return way;
            }
            all_answered &= said.failed.is_none();
            before.extend(certificate.map(|(id, _)| id.clone()));
        }
        way
    }

    async fn ask(&self, offer: Offer, bill: &Bill, text: &str) -> Said {
        let limit = self.app.parts.limits.answer_timeout;
        let asked = tokio::time::timeout(limit, self.generate(offer, bill, text)).await;
        let failed = |reason: String| Said { labels: None, tokens: 0, failed: Some(reason) };
        match asked {
            Ok(Ok((labels, tokens))) => Said { labels, tokens, failed: None },
            Ok(Err(ApiError::EgressDenied { class, clearance, .. })) => failed(format!(
                "may not leave: the data is {class} and the engine is cleared for {clearance}"
            )),
            Ok(Err(_recorded)) => failed("the model did not answer".to_owned()),
            Err(_elapsed) => failed("the model took too long".to_owned()),
        }
    }

    async fn generate(
        &self,
        offer: Offer,
        bill: &Bill,
        text: &str,
    ) -> Result<(Option<Vec<Label>>, u64), ApiError> {
        let deployed = &self.served.deployed;
        let task = deployed.task();
        let question = labelling::question(&task.name, task.mode, deployed.labels(), text);
        let offer = offer.on_behalf_of(task, bill.clone());
        let answering = generate(&self.app, self.asking.clone(), offer, question).await?;
        let mut answer = String::new();
        let (_about, settled) = answering
            .whole(|event| {
                if let ChatEvent::TextDelta { choice: 0, text } = event {
                    answer.push_str(&text);
                }
            })
            .await?;
        let labels = labelling::labels_in(&answer, task.mode, deployed.labels());
        Ok((labels, settled.usage.total_tokens()))
    }
}

/// Whether models elsewhere may be asked, and what the caller's header says of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// The protocol wants probabilities, which only the task's own tiers have.
    Never,
    May {
        class: Option<DataClass>,
    },
}

impl Elsewhere {
    fn class(self) -> Option<Option<DataClass>> {
        match self {
            Self::Never => None,
            Self::May { class } => Some(class),
        }
    }
}

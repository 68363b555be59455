//! Limits of use: reserved before an answer, settled after it.
//!
//! A request reserves what it takes at most at every level that limits it: from the share that this
//! process has drawn, without asking anybody, or else after drawing more in one transaction of the
//! ledger. What it really took is settled in the share, and a task of its own reports it a moment
//! later. Nothing here is counted for a caller whom nothing limits.

mod keep;
mod most;
mod shares;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use freehold_ledger::{Cap, Exchanged, Grant, Holder, Measure, Refusal, Want};
use freehold_vocabulary::chat::Usage;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{Seed, Timestamp};
use tokio::sync::{Mutex as Turn, Notify};

pub(crate) use keep::keep;
pub(crate) use most::Most;
use shares::{Part, Shares};

use crate::app::App;
use crate::error::ApiError;
use crate::layers::auth::Caller;

/// How long others respect what this process has drawn without hearing of it again.
const LEASE_US: i64 = 60_000_000;
/// When to come again if the limit is only taken by requests in flight.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// The shares of this process.
#[derive(Debug)]
pub(crate) struct Meter {
    holder: String,
    shares: Mutex<Shares>,
    /// One exchange with the ledger at a time; who waited may find that enough was drawn.
    turn: Turn<()>,
    changed: Notify,
}

impl Meter {
    /// The seed differs between processes.
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            holder: format!("{:016x}", seed.0),
            shares: Mutex::default(),
            turn: Turn::default(),
            changed: Notify::new(),
        }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        // Nothing panics while it holds this lock.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holder(&self, now: Timestamp) -> Holder {
        let lease_until = Timestamp::from_micros(now.as_micros().saturating_add(LEASE_US));
        Holder { id: self.holder.clone(), lease_until }
    }
}

/// What a request holds of its limits. Dropped, it has taken nothing but its place among the
/// requests.
#[derive(Debug)]
pub(crate) struct Reservation(Option<Held>);

#[derive(Debug)]
struct Held {
    app: App,
    grant: Arc<Grant>,
    /// One for each limit of the grant.
    parts: Vec<Part>,
    usage: Usage,
    cost: Option<Cost>,
}

/// Reserves what a request takes at most, at every level.
///
/// # Errors
/// When a limit has no room for it, a price is missing, or the ledger does not answer.
pub(crate) async fn reserve(
    app: &App,
    caller: &Caller,
    most: impl FnOnce() -> Most,
) -> Result<Reservation, ApiError> {
    let Some(grant) = caller.1.as_ref().filter(|it| !it.caps.is_empty()) else {
        return Ok(Reservation(None));
    };
    let now = app.parts.clock.now();
    let parts = parts(grant, now, &most())?;
    let first = app.meter.shares().hold(now, &parts);
    let (app, grant) = (app.clone(), grant.clone());
    if first.is_ok() {
        return Ok(Reservation::holding(app, grant, parts));
    }
    // A task of its own knows what was drawn also if the client goes away meanwhile.
    let drawing = tokio::spawn(async move {
        {
            let _turn = app.meter.turn.lock().await;
            draw_until_held(&app, &grant, now, &parts).await?;
        }
        Ok(Reservation::holding(app, grant, parts))
    });
    drawing.await.unwrap_or_else(|cause| Err(ApiError::Panicked(cause.to_string())))
}

/// While this request draws, others may take from the share what it counted on; then it draws
/// again. Whoever is refused has drawn nothing.
async fn draw_until_held(
    app: &App,
    grant: &Grant,
    now: Timestamp,
    parts: &[Part],
) -> Result<(), ApiError> {
    loop {
        let (lacking, told) = {
            let mut shares = app.meter.shares();
            match shares.hold(now, parts) {
                Ok(()) => return Ok(()),
                Err(lacking) => (lacking, shares.report(now)),
            }
        };
        let holder = app.meter.holder(now);
        let exchanged = app.parts.ledger.exchange(&holder, now, &told, &lacking).await;
        let exchanged = exchanged.map_err(|cause| {
            app.meter.shares().unsure(&lacking);
            ApiError::ledger(&cause)
        })?;
        let (drew, refusal): (Vec<(Want, u64)>, _) = match exchanged {
            Exchanged::Drawn(amounts) => (lacking.into_iter().zip(amounts).collect(), None),
            Exchanged::Refused(refusal) => (Vec::new(), Some(refusal)),
        };
        app.meter.shares().exchanged(now, holder.lease_until, &told, &drew);
        if let Some(refusal) = refusal {
            return Err(refused(grant, now, parts, &refusal));
        }
    }
}

/// What it takes of each limit.
fn parts(grant: &Grant, now: Timestamp, most: &Most) -> Result<Vec<Part>, ApiError> {
    let part = |cap: &Cap| {
        let amount = match &cap.measure {
            Measure::Requests => 1,
            Measure::Tokens => most.usage.total_tokens(),
            Measure::Cost(currency) => most.cost(currency, &cap.name(), now)?,
        };
        let span = cap.per.at(now);
        Ok(Part { cap: cap.id, from: span.from, until: span.until, amount })
    };
    grant.caps.iter().map(part).collect()
}

fn refused(grant: &Grant, now: Timestamp, parts: &[Part], refusal: &Refusal) -> ApiError {
    let found = grant.caps.iter().zip(parts).find(|(cap, _)| cap.id == refusal.cap);
    let Some((cap, part)) = found else {
        return ApiError::Panicked(
            "the ledger refused by a limit that nobody asked for".to_owned(),
        );
    };
    let (measure, needed) = (&cap.measure, part.amount);
    let until_anew = part.until.as_micros().saturating_sub(now.as_micros()).unsigned_abs();
    let (why, retry_after) = if needed > refusal.at_most {
        let why = format!(
            "this request may take {} and the whole limit is {}; send a smaller one, or one that asks for less output",
            measure.shown(needed),
            measure.shown(refusal.at_most)
        );
        (why, None)
    } else if refusal.used.saturating_add(needed) > refusal.at_most {
        let why = format!(
            "{} of {} are used, and this request may take {}; the limit begins anew at {}",
            measure.shown(refusal.used),
            measure.shown(refusal.at_most),
            measure.shown(needed),
            part.until
        );
        (why, Some(Duration::from_micros(until_anew)))
    } else {
        let why = "what is left of it is reserved by requests in flight".to_owned();
        (why, Some(IN_FLIGHT))
    };
    ApiError::LimitReached { limit: cap.name(), why, retry_after }
}

impl Reservation {
    /// Of parts that the shares hold.
    fn holding(app: App, grant: Arc<Grant>, parts: Vec<Part>) -> Self {
        Self(Some(Held { app, grant, parts, usage: Usage::default(), cost: None }))
    }

    /// What the request took in the end.
    pub(crate) fn settle(mut self, usage: Usage, cost: Option<&Cost>) {
        if let Some(held) = &mut self.0 {
            held.usage = usage;
            held.cost = cost.cloned();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Self { app, grant, parts, usage, cost } = self;
        let mut shares = app.meter.shares();
        for (cap, part) in grant.caps.iter().zip(parts) {
            let used = match &cap.measure {
                Measure::Requests => 1,
                Measure::Tokens => usage.total_tokens(),
                Measure::Cost(currency) => {
                    cost.as_ref().filter(|it| it.currency == *currency).map_or(0, |it| it.picos)
                }
            };
            shares.settle(part, used);
        }
        drop(shares);
        app.meter.changed.notify_one();
    }
}

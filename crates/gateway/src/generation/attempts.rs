//! What every try of a request took: retries, failed models and hedges included, so that the
//! cost of an answer is the cost of everything that was done for it.
//!
//! Engines tell each try to one log for all requests. A request's own task listens while it asks
//! them, so that it knows which tries were its own.

use std::sync::{Arc, Mutex, PoisonError};

use freehold_vocabulary::chat::{Attempt, AttemptOutcome, Usage, UsageBasis};
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{Spent, Timestamp, Try};

use crate::app::Offered;

/// What a trace says of a caller who left.
pub(crate) const LEFT: &str = "the caller went away";

/// The tries that have ended since somebody last looked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Attempt>>>);

tokio::task_local! {
    static HEARD: Heard;
}

impl Heard {
    /// Listens while `work` is done.
    pub(crate) async fn during<F: Future>(&self, work: F) -> F::Output {
        HEARD.scope(self.clone(), work).await
    }

    pub(crate) fn take(&self) -> Vec<Attempt> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells a try to the request whose task this is, if it is one's.
pub(crate) fn tell(attempt: &Attempt) {
    let _ = HEARD.try_with(|heard| {
        heard.0.lock().unwrap_or_else(PoisonError::into_inner).push(attempt.clone());
    });
}

/// The tries of one model, with their cost, counted for it. An engine that tells no tries gets
/// one, of which `known` says what it took. `error` is why the last of them is no answer.
pub(crate) fn tries(
    attempts: Vec<Attempt>,
    offered: &Offered,
    at: Timestamp,
    error: Option<String>,
    known: (Usage, UsageBasis),
) -> Vec<Try> {
    let model = &offered.model;
    let of = |error, (usage, basis): (Usage, UsageBasis)| {
        let spent = (basis != UsageBasis::Nothing).then(|| {
            let cost = model.price.cost(&usage, at);
            offered.counters.used(&usage, cost.as_ref());
            Spent { usage, basis, cost }
        });
        let engine = model.engine.card().name().clone();
        Try { model: model.name.clone(), engine, error, spent }
    };
    let each = attempts.into_iter().map(|it| {
        let error = match it.outcome {
            AttemptOutcome::Answered => None,
            AttemptOutcome::Cancelled => Some(LEFT.to_owned()),
            AttemptOutcome::Failed(reason) => Some(reason),
        };
        of(error, (it.usage, it.basis))
    });
    let mut tries: Vec<Try> = each.collect();
    match tries.last_mut() {
        None => tries.push(of(error, known)),
        // An answer may turn out to be none after its engine was done with it.
        Some(last) => last.error = last.error.take().or(error),
    }
    tries
}

/// The tokens of all tries together.
pub(crate) fn used(tries: &[Try]) -> Usage {
    tries.iter().filter_map(|it| it.spent.as_ref()).fold(Usage::default(), |mut sum, it| {
        sum += it.usage;
        sum
    })
}

/// What all tries cost together, in the currency of the last that cost something. What was paid
/// in another one stands with its try. None if the price of one of them is not known.
pub(crate) fn total(tries: &[Try]) -> Option<Cost> {
    let spent = tries.iter().filter_map(|it| it.spent.as_ref());
    let costs: Vec<&Cost> = spent.map(|it| it.cost.as_ref()).collect::<Option<_>>()?;
    let currency = costs.last()?.currency.clone();
    let same = costs.into_iter().filter(|it| it.currency == currency);
    let picos = same.fold(0u64, |sum, it| sum.saturating_add(it.picos));
    Some(Cost { currency, picos })
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::EngineName;

    use super::*;

    fn tried(cost: Option<Option<(&str, u64)>>) -> Try {
        let spent = cost.map(|cost| Spent {
            usage: Usage::default(),
            basis: UsageBasis::Reported,
            cost: cost.map(|(currency, picos)| Cost { currency: currency.to_owned(), picos }),
        });
        let engine = EngineName::parse("e").unwrap();
        Try { model: "m".to_owned(), engine, error: None, spent }
    }

    #[track_caller]
    fn check(costs: &[Option<Option<(&str, u64)>>], expected: Option<(&str, u64)>) {
        let tries: Vec<Try> = costs.iter().map(|it| tried(*it)).collect();
        let total = total(&tries).map(|it| (it.currency, it.picos));
        assert_eq!(total, expected.map(|(a, b)| (a.to_owned(), b)), "{costs:?}");
    }

    #[test]
    fn a_total_has_every_try_and_no_guess() {
        check(&[], None);
        check(&[None], None);
        check(&[Some(Some(("EUR", 3))), None, Some(Some(("EUR", 4)))], Some(("EUR", 7)));
        check(&[Some(Some(("USD", 3))), Some(Some(("EUR", 4)))], Some(("EUR", 4)));
        check(&[Some(None), Some(Some(("EUR", 4)))], None);
    }
}

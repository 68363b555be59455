//! The decisions, with time and chance given.

use std::time::Duration;

use freehold_vocabulary::chat::{ChatError, Phase};
use freehold_vocabulary::{EngineName, Random, Seed};

use super::choose::choose;
use super::concurrency::Concurrency;
use super::ejection::{Admission, EjectionPolicy, Standing};
use super::ewma::PeakEwma;
use super::retry::{Decision, RetryBudget, RetryPolicy};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn engine() -> EngineName {
    EngineName::parse("e").unwrap()
}

fn unavailable(retry_after: Option<Duration>) -> ChatError {
    ChatError::Unavailable { engine: engine(), status: 500, retry_after, message: String::new() }
}

/// The bounds of the pause, or `None` for giving up.
#[track_caller]
fn decides(tries: u32, error: &ChatError, expected: Option<(Duration, Duration)>) {
    let policy = RetryPolicy { tries_max: 4, pause_base: ms(100), pause_max: ms(1000) };
    for seed in 0..200 {
        let (mut budget, mut random) = (RetryBudget::default(), Random::new(Seed(seed)));
        match (policy.decide(tries, error, &mut budget, &mut random), expected) {
            (Decision::GiveUp, None) => {}
            (Decision::Again(pause), Some((low, high))) => {
                assert!(low <= pause && pause <= high, "{pause:?} after {tries} tries");
            }
            (decision, expected) => panic!("{decision:?}, expected {expected:?}: {error}"),
        }
    }
}

#[test]
fn retries_wait_longer_each_time_and_end() {
    decides(1, &unavailable(None), Some((ms(0), ms(100))));
    decides(2, &unavailable(None), Some((ms(0), ms(200))));
    decides(3, &unavailable(None), Some((ms(0), ms(400))));
    decides(4, &unavailable(None), None);
    decides(1, &unavailable(Some(ms(700))), Some((ms(700), ms(700))));
    decides(1, &unavailable(Some(ms(1001))), None);
}

#[test]
fn only_what_another_try_can_mend_is_tried_again() {
    let (after, reason) = (ms(1), String::new());
    let timeout = |phase| ChatError::Timeout { engine: engine(), phase, after };
    decides(1, &timeout(Phase::FirstToken), Some((ms(0), ms(100))));
    decides(1, &timeout(Phase::Total), None);
    decides(1, &ChatError::Truncated { engine: engine(), reason }, Some((ms(0), ms(100))));
    let (code, message) = (None, String::new());
    decides(1, &ChatError::Refused { engine: engine(), status: 400, code, message }, None);
    let message = String::new();
    decides(1, &ChatError::Unauthorised { engine: engine(), status: 401, message }, None);
}

#[test]
fn retries_are_a_share_of_requests() {
    let mut budget = RetryBudget::new(0.2, 10.0);
    let mut granted = 0;
    for _ in 0..1000 {
        budget.deposit();
        granted += u32::from(budget.withdraw());
    }
    // The reserve, and a fifth of the requests.
    assert!((205..=210).contains(&granted), "{granted}");
}

#[test]
fn slowness_rises_at_once_and_fades() {
    let mut slowness = PeakEwma::new(ms(10), ms(1000));
    slowness.observe(ms(0), ms(500));
    assert!((slowness.cost(ms(0), 0) - 0.5).abs() < 1e-9);
    assert!((slowness.cost(ms(0), 1) - 1.0).abs() < 1e-9, "a request under way costs as much");
    slowness.observe(ms(1000), ms(100));
    let expected = 0.5 * (-1f64).exp() + 0.1 * (1.0 - (-1f64).exp());
    assert!((slowness.cost(ms(1000), 0) - expected).abs() < 1e-9);
    assert!(slowness.cost(ms(20_000), 0) < 1e-6, "nobody asked for long");
}

#[test]
fn the_worst_of_three_is_never_chosen_and_the_rest_share() {
    let mut random = Random::new(Seed(1));
    let mut counts = [0; 4];
    for _ in 0..3000 {
        let costs = [Some(1.0), Some(2.0), Some(3.0), None];
        counts[choose(&costs, &mut random).unwrap()] += 1;
    }
    assert_eq!(counts[2..], [0, 0], "{counts:?}");
    assert!(counts[0] > 1800 && counts[1] > 800, "{counts:?}");
    assert_eq!(choose(&[None, None], &mut random), None);
    assert_eq!(choose(&[None, Some(9.0)], &mut random), Some(1));
}

#[test]
fn the_broken_rest_and_are_probed() {
    let policy = EjectionPolicy { failures: 3, rest_base: ms(100), rest_max: ms(300) };
    let mut standing = Standing::new(policy);
    standing.failed(ms(0));
    standing.failed(ms(1));
    standing.succeeded();
    standing.failed(ms(2));
    standing.failed(ms(3));
    assert_eq!(standing.admission(ms(3)), Admission::Open, "only failures in a row count");
    standing.failed(ms(4));
    assert_eq!(standing.admission(ms(4)), Admission::Closed(ms(100)));
    standing.failed(ms(90));
    assert_eq!(standing.admission(ms(104)), Admission::Probe, "stragglers add nothing");
    standing.asked(ms(104));
    assert!(matches!(standing.admission(ms(105)), Admission::Closed(_)), "one probe at a time");
    standing.failed(ms(110));
    assert_eq!(standing.admission(ms(110)), Admission::Closed(ms(200)));
    standing.asked(ms(310));
    standing.failed(ms(310));
    assert_eq!(standing.admission(ms(310)), Admission::Closed(ms(300)), "never longer");
    standing.asked(ms(610));
    standing.abandoned(ms(615));
    assert_eq!(standing.admission(ms(615)), Admission::Probe, "no verdict, another probe");
    standing.asked(ms(615));
    standing.succeeded();
    assert_eq!(standing.admission(ms(616)), Admission::Open);
}

#[test]
fn the_limit_follows_the_load() {
    let mut limit = Concurrency::new(10, 2, 20);
    for _ in 0..500 {
        limit.begin();
        limit.succeeded();
    }
    assert_eq!(limit.limit(), 10, "one at a time proves nothing about ten");
    for _ in 0..50 {
        while limit.has_room() {
            limit.begin();
        }
        while limit.in_flight() > 0 {
            limit.succeeded();
        }
    }
    assert_eq!(limit.limit(), 20);
    for _ in 0..100 {
        limit.begin();
        limit.overloaded();
    }
    assert_eq!((limit.limit(), limit.in_flight()), (2, 0));
}

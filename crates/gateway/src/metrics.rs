//! Counters and latency histograms, written as Prometheus text.
//!
//! A registry of our own, since the set of series is known when the program is compiled: an
//! increment is one atomic addition to an array, with no lock, no hashing and no allocation.
//! Never labels a series with anything that a client chooses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use freehold_vocabulary::chat::Attempt;
use freehold_vocabulary::{Outcome, Tier};

use crate::router::ROUTES;

mod attempts;
mod models;

use attempts::Attempts;
pub use models::ModelCounters;
use models::Models;

/// Upper bounds of the latency buckets in microseconds; the last bucket is unbounded.
const BUCKETS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// Statuses with a series of their own; the last place counts every other one.
const STATUSES: [&str; 17] = [
    "200", "400", "401", "403", "404", "405", "408", "413", "415", "429", "499", "500", "501",
    "502", "503", "504", "other",
];

/// The status under which a request is counted whose client went away (the habit of nginx).
pub const CLIENT_GONE: u16 = 499;

const TIERS: [Tier; 5] = [Tier::Micro, Tier::Small, Tier::Mid, Tier::Frontier, Tier::Human];

/// Everything that the server counts.
#[derive(Debug)]
pub struct Metrics {
    /// One place for each of [`ROUTES`], and one for requests that match none.
    routes: Vec<RouteCounters>,
    in_flight: AtomicI64,
    connections: AtomicI64,
    tasks: Mutex<BTreeMap<String, Arc<TaskCounters>>>,
    models: Models,
    attempts: Attempts,
}

#[derive(Debug, Default)]
struct RouteCounters {
    statuses: [AtomicU64; STATUSES.len()],
    latency: Histogram,
}

/// What happened to the inputs of one task; survives swaps of the portfolio.
#[derive(Debug, Default)]
pub struct TaskCounters {
    answers: [[AtomicU64; Outcome::ALL.len()]; TIERS.len()],
    engine: [Histogram; TIERS.len()],
    tokens: AtomicU64,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
}

/// Counts one thing for as long as it lives.
#[derive(Debug)]
pub struct Present<'a>(&'a AtomicI64);

impl Metrics {
    pub(crate) fn new() -> Self {
        let routes = (0..=ROUTES.len()).map(|_| RouteCounters::default()).collect();
        Self {
            routes,
            in_flight: AtomicI64::new(0),
            connections: AtomicI64::new(0),
            tasks: Mutex::new(BTreeMap::new()),
            models: Models::default(),
            attempts: Attempts::default(),
        }
    }

    /// One request more in flight until the guard is dropped.
    pub(crate) fn enter(&self) -> Present<'_> {
        Present::begin(&self.in_flight)
    }

    /// One connection more until the guard is dropped.
    pub(crate) fn connect(&self) -> Present<'_> {
        Present::begin(&self.connections)
    }

    /// A request is over. `path` is the matched route, none when no route matched.
    pub(crate) fn answered(&self, path: Option<&str>, status: u16, latency_us: u64) {
        let place = path.and_then(|it| ROUTES.iter().position(|route| route.path == it));
        let route = &self.routes[place.unwrap_or(ROUTES.len())];
        route.statuses[status_place(status)].fetch_add(1, Relaxed);
        route.latency.observe(latency_us);
    }

    /// The counters of a task; the same ones whenever the name is the same.
    pub(crate) fn task(&self, name: &str) -> Arc<TaskCounters> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.entry(name.to_owned()).or_default().clone()
    }

    /// The counters of a generating model at its engine; the same ones whenever both are the same.
    pub(crate) fn model(&self, name: &str, engine: &str) -> Arc<ModelCounters> {
        self.models.counters(name, engine)
    }

    /// An engine was tried.
    pub(crate) fn attempt(&self, attempt: &Attempt) {
        self.attempts.record(attempt);
    }

    /// Everything as text, exposition format 0.0.4. `review_queue` is the number of items that
    /// wait for a person, none when the ledger could not say.
    pub(crate) fn render(&self, review_queue: Option<u64>) -> String {
        let mut text = String::with_capacity(16 * 1024);
        self.render_requests(&mut text);
        self.render_tasks(&mut text);
        self.models.render(&mut text);
        self.attempts.render(&mut text);
        let in_flight = self.in_flight.load(Relaxed).max(0);
        let connections = self.connections.load(Relaxed).max(0);
        gauge(&mut text, "freehold_http_requests_in_flight", "Requests being answered.", in_flight);
        gauge(&mut text, "freehold_http_connections", "Open connections.", connections);
        if let Some(pending) = review_queue {
            let what = "Abstentions that wait for a person.";
            gauge(&mut text, "freehold_review_queue_items", what, pending);
        }
        text
    }

    fn render_requests(&self, text: &mut String) {
        let name = "freehold_http_requests_total";
        head(text, name, "Requests by route and status.", "counter");
        for (method, path, route) in self.named_routes() {
            for (status, count) in STATUSES.iter().zip(&route.statuses) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels =
                        format!("method=\"{method}\",route=\"{path}\",status=\"{status}\"");
                    line(text, name, &labels, count);
                }
            }
        }
        let name = "freehold_http_request_duration_seconds";
        head(text, name, "Time from the request's head to its answer.", "histogram");
        for (method, path, route) in self.named_routes() {
            route.latency.render(text, name, &format!("method=\"{method}\",route=\"{path}\""));
        }
    }

    fn render_tasks(&self, text: &mut String) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = "freehold_answers_total";
        head(text, name, "Inputs by task, tier and outcome.", "counter");
        for (task, counters) in &tasks {
            for (tier, counts) in TIERS.iter().zip(&counters.answers) {
                for (outcome, count) in Outcome::ALL.map(Outcome::as_str).iter().zip(counts) {
                    let count = count.load(Relaxed);
                    if count > 0 {
                        let labels =
                            format!("task=\"{task}\",tier=\"{tier}\",outcome=\"{outcome}\"");
                        line(text, name, &labels, count);
                    }
                }
            }
        }
        let name = "freehold_tokens_total";
        head(text, name, "Tokens read by models.", "counter");
        for (task, counters) in &tasks {
            line(text, name, &format!("task=\"{task}\""), counters.tokens.load(Relaxed));
        }
        let name = "freehold_engine_duration_seconds";
        head(text, name, "Time of one call of an engine, queueing included.", "histogram");
        for (task, counters) in &tasks {
            for (tier, histogram) in TIERS.iter().zip(&counters.engine) {
                histogram.render(text, name, &format!("task=\"{task}\",tier=\"{tier}\""));
            }
        }
    }

    fn named_routes(&self) -> impl Iterator<Item = (&'static str, &'static str, &RouteCounters)> {
        let named = ROUTES.iter().map(|route| (route.method, route.path));
        named.chain([("any", "unmatched")]).zip(&self.routes).map(|((m, p), r)| (m, p, r))
    }
}

impl TaskCounters {
    /// One input has been decided.
    pub(crate) fn decided(&self, tier: Tier, outcome: Outcome) {
        let place = match outcome {
            Outcome::Answered => 0,
            Outcome::Abstained => 1,
            Outcome::Failed => 2,
        };
        self.answers[tier_place(tier)][place].fetch_add(1, Relaxed);
    }

    /// One call of an engine is over.
    pub(crate) fn engine_called(&self, tier: Tier, latency_us: u64, tokens: u64) {
        self.engine[tier_place(tier)].observe(latency_us);
        self.tokens.fetch_add(tokens, Relaxed);
    }
}

impl Histogram {
    fn observe(&self, value_us: u64) {
        let place = BUCKETS_US.partition_point(|bound| *bound < value_us);
        self.buckets[place].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(value_us, Relaxed);
    }

    /// Writes nothing for a histogram without observations.
    fn render(&self, text: &mut String, name: &str, labels: &str) {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        let mut total = 0;
        for (place, count) in counts.iter().enumerate() {
            total += count;
            let bound = BUCKETS_US.get(place);
            let bound = bound.map_or("+Inf".to_owned(), |us| (*us as f64 / 1e6).to_string());
            line(text, &format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), total);
        }
        line(text, &format!("{name}_sum"), labels, self.sum_us.load(Relaxed) as f64 / 1e6);
        line(text, &format!("{name}_count"), labels, total);
    }
}

impl<'a> Present<'a> {
    fn begin(gauge: &'a AtomicI64) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn status_place(status: u16) -> usize {
    let known = STATUSES.iter().position(|it| it.parse() == Ok(status));
    known.unwrap_or(STATUSES.len() - 1)
}

fn tier_place(tier: Tier) -> usize {
    match tier {
        Tier::Micro => 0,
        Tier::Small => 1,
        Tier::Mid => 2,
        Tier::Frontier => 3,
        Tier::Human => 4,
    }
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{name}{{{labels}}} {value}");
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    head(text, name, help, "gauge");
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_cumulative_and_in_seconds() {
        let histogram = Histogram::default();
        for value_us in [250, 251, 99_000_000] {
            histogram.observe(value_us);
        }
        let mut text = String::new();
        histogram.render(&mut text, "x", "a=\"b\"");
        assert!(text.contains("x_bucket{a=\"b\",le=\"0.00025\"} 1\n"), "{text}");
        assert!(text.contains("x_bucket{a=\"b\",le=\"0.0005\"} 2\n"), "{text}");
        assert!(text.contains("x_bucket{a=\"b\",le=\"10\"} 2\n"), "{text}");
        assert!(text.contains("x_bucket{a=\"b\",le=\"+Inf\"} 3\n"), "{text}");
        assert!(text.contains("x_sum{a=\"b\"} 99.000501\n"), "{text}");
        assert!(text.contains("x_count{a=\"b\"} 3\n"), "{text}");
    }

    #[test]
    fn a_task_keeps_its_counters_through_a_swap() {
        let metrics = Metrics::new();
        metrics.task("a").decided(Tier::Micro, Outcome::Answered);
        metrics.task("a").decided(Tier::Micro, Outcome::Answered);
        let line = "freehold_answers_total{task=\"a\",tier=\"micro\",outcome=\"answered\"} 2";
        assert!(metrics.render(None).contains(line));
    }

    #[test]
    fn an_unlisted_status_is_counted_as_other() {
        assert_eq!(STATUSES[status_place(418)], "other");
        assert_eq!(STATUSES[status_place(CLIENT_GONE)], "499");
    }
}

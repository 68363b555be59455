//! An answer comes although engines fail, and every try is counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freehold_engines::remote::resilience::ejection::EjectionPolicy;
use freehold_engines::remote::resilience::retry::{RetryBudget, RetryPolicy};
use freehold_engines::remote::resilience::{
    Chain, ChainError, Link, NotOneEngine, ReplicaOptions, Replicas,
};
use freehold_engines::remote::{RemoteEngine, Timeouts, find};
use freehold_vocabulary::chat::{
    Accumulator, Attempt, AttemptOutcome, ChatAnswer, ChatError, ChatRequest, Delivery, UsageBasis,
};
use freehold_vocabulary::egress::{Allow, Classified, EgressPolicy, Origin};
use freehold_vocabulary::ports::{AttemptLog, ChatEngine, ChatStream};
use freehold_vocabulary::{DataClass, EngineName, Random, Seed};
use futures::StreamExt as _;

use crate::stand_in::{self, Reply, StandIn, request};

#[derive(Debug, Default)]
pub struct Ledger(pub Mutex<Vec<Attempt>>);

impl AttemptLog for Ledger {
    fn record(&self, attempt: Attempt) {
        self.0.lock().unwrap().push(attempt);
    }
}

/// Answers as OpenAI does, but fails 30 %, stalls 5 % and truncates 5 % of calls.
async fn unreliable(seed: u64) -> StandIn {
    let random = Mutex::new(Random::new(Seed(seed)));
    StandIn::start(Arc::new(move |path, body| {
        let scenario = match random.lock().unwrap().unit() {
            it if it < 0.30 => "500",
            it if it < 0.35 => "stall-before",
            it if it < 0.40 => "cut",
            _ => "text",
        };
        let mut asked = body.clone();
        let last = asked["messages"].as_array_mut().unwrap().last_mut().unwrap();
        last["content"] = scenario.into();
        stand_in::openai::reply(path, &asked)
    }))
    .await
}

pub async fn reliable() -> StandIn {
    StandIn::start(Arc::new(stand_in::openai::reply)).await
}

pub fn engine(name: &str, server: &StandIn, timeouts: Timeouts) -> Arc<dyn ChatEngine> {
    let mut options = stand_in::options(find("vllm").unwrap(), server, timeouts);
    options.clearance.engine = EngineName::parse(name).unwrap();
    Arc::new(RemoteEngine::new(&options).unwrap())
}

fn replicas(engines: Vec<Arc<dyn ChatEngine>>, log: &Arc<Ledger>) -> Arc<dyn ChatEngine> {
    let options = ReplicaOptions {
        retry: RetryPolicy {
            tries_max: 3,
            pause_base: Duration::from_millis(2),
            pause_max: Duration::from_millis(20),
        },
        budget: RetryBudget::new(0.5, 100.0),
        ejection: EjectionPolicy {
            rest_base: Duration::from_millis(20),
            ..EjectionPolicy::default()
        },
        ..ReplicaOptions::default()
    };
    let log: Arc<dyn AttemptLog> = Arc::clone(log) as _;
    Arc::new(Replicas::new(engines, &options, Seed(7), log).unwrap())
}

pub fn link(engine: Arc<dyn ChatEngine>) -> Link {
    Link { engine, model: None }
}

pub fn policy(engines: &[&Arc<dyn ChatEngine>]) -> EgressPolicy {
    let allow = engines.iter().map(|it| Allow::to_engine(&it.card().clearance)).collect();
    EgressPolicy { allow, limits: vec![] }
}

pub fn public(request: ChatRequest) -> Classified<ChatRequest> {
    Classified::new(request, DataClass::Public, Origin::Task)
}

pub async fn fold(mut stream: ChatStream) -> Result<ChatAnswer, ChatError> {
    let mut answer = Accumulator::new();
    while let Some(event) = stream.next().await {
        answer.push(event?).unwrap();
    }
    Ok(answer.finish().unwrap())
}

/// A stall must not make the test slow; a busy machine that is slow to answer counts as one.
fn hasty() -> Timeouts {
    let patience = Duration::from_secs(2);
    Timeouts {
        first_token: patience,
        between_tokens: patience,
        total: patience,
        ..Timeouts::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nearly_every_request_is_answered_when_one_engine_is_healthy() {
    const REQUESTS: usize = 1000;
    let (bad, worse, good) = (unreliable(1).await, unreliable(2).await, reliable().await);
    let log = Arc::new(Ledger::default());
    let first =
        replicas(vec![engine("first", &bad, hasty()), engine("first", &worse, hasty())], &log);
    let last = replicas(vec![engine("last", &good, Timeouts::default())], &log);
    let policy = policy(&[&first, &last]);
    let chain = Chain::new(vec![link(first), link(last)]);
    let asked = public(request("text", Delivery::Whole));
    let answers = futures::stream::iter(0..REQUESTS)
        .map(|_| async { fold(chain.answer(&asked, &policy).await.ok()?.stream).await.ok() })
        .buffer_unordered(48)
        .collect::<Vec<_>>()
        .await;
    let answered = answers.iter().flatten().count();
    assert!(answered * 1000 >= REQUESTS * 999, "{answered} of {REQUESTS}");
    assert!(answers.iter().flatten().all(|it| it.choices[0].text() == "Grüezi, Welt 😀"));

    let attempts = log.0.lock().unwrap();
    let asked = bad.count() + worse.count() + good.count();
    assert_eq!(attempts.len(), asked, "every try is counted once");
    let successes = attempts.iter().filter(|it| it.outcome == AttemptOutcome::Answered);
    assert_eq!(successes.clone().count(), answered);
    assert!(successes.clone().all(|it| it.basis == UsageBasis::Reported));
    assert!(successes.clone().all(|it| it.usage.total_tokens() == 29));
    let by_first = successes.filter(|it| it.engine.as_str() == "first").count();
    assert!(by_first > 0, "the first in the chain is asked first");
    let said = |it: &&Attempt, text: &str| matches!(&it.outcome, AttemptOutcome::Failed(it) if it.contains(text));
    let cut: Vec<_> = attempts.iter().filter(|it| said(it, "cut its answer off")).collect();
    assert!(!cut.is_empty() && cut.iter().all(|it| it.usage.input_tokens > 0));
    let failed: Vec<_> = attempts.iter().filter(|it| said(it, "(500)")).collect();
    assert!(!failed.is_empty() && failed.iter().all(|it| it.basis == UsageBasis::Nothing));
}

#[tokio::test]
async fn nothing_is_tried_again_once_content_went_out() {
    let server = reliable().await;
    let log = Arc::new(Ledger::default());
    let engine = replicas(vec![engine("one", &server, Timeouts::default())], &log);
    let policy = policy(&[&engine]);
    let chain = Chain::new(vec![link(engine)]);
    let asked = public(request("cut", Delivery::Streamed));
    let outcome = chain.answer(&asked, &policy).await.unwrap();
    let error = fold(outcome.stream).await.unwrap_err();
    assert!(matches!(error, ChatError::Truncated { .. }), "{error}");
    assert_eq!(server.count(), 1);
    let attempts = log.0.lock().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].basis, UsageBasis::Estimated);
    assert!(attempts[0].usage.output_tokens > 0, "what was received is counted");
}

#[tokio::test]
async fn a_caller_who_leaves_is_counted() {
    let server = reliable().await;
    let log = Arc::new(Ledger::default());
    let engine = replicas(vec![engine("one", &server, Timeouts::default())], &log);
    let policy = policy(&[&engine]);
    let chain = Chain::new(vec![link(engine)]);
    let asked = public(request("stall-between", Delivery::Streamed));
    let outcome = chain.answer(&asked, &policy).await.unwrap();
    drop(outcome);
    server.left.notified().await;
    let attempts = log.0.lock().unwrap();
    assert_eq!(attempts[0].outcome, AttemptOutcome::Cancelled);
    assert_eq!(attempts[0].basis, UsageBasis::Estimated);
}

#[tokio::test]
async fn a_fallback_is_no_way_around_a_rule() {
    let (broken, open) = (unreliable(3).await, reliable().await);
    let log = Arc::new(Ledger::default());
    let inner = replicas(vec![engine("inner", &broken, hasty())], &log);
    let outer = replicas(vec![engine("outer", &open, Timeouts::default())], &log);
    // Both engines are cleared for internal data; nobody allowed the outer one.
    let policy = policy(&[&inner]);
    let chain = Chain::new(vec![link(inner), link(outer)]);
    let asked = request("text", Delivery::Whole);
    let asked = Classified::new(asked, DataClass::Internal, Origin::Key);
    for _ in 0..20 {
        match chain.answer(&asked, &policy).await {
            Ok(outcome) => assert_eq!(outcome.link, 0),
            Err(ChainError::Failed { passed, .. }) => assert_eq!(passed.denied.len(), 1),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(open.count(), 0);
    let secret = request("text", Delivery::Whole);
    let secret = Classified::new(secret, DataClass::Restricted, Origin::Task);
    let before = broken.count();
    let error = chain.answer(&secret, &policy).await.unwrap_err();
    assert!(matches!(error, ChainError::Denied(_)), "{error}");
    assert!(error.to_string().contains("restricted data may not go to engine `inner`"), "{error}");
    assert_eq!(broken.count(), before);
}

#[tokio::test]
async fn a_wrong_request_is_not_tried_elsewhere() {
    let (first, second) = (reliable().await, reliable().await);
    let log = Arc::new(Ledger::default());
    let a = replicas(vec![engine("a", &first, Timeouts::default())], &log);
    let b = replicas(vec![engine("b", &second, Timeouts::default())], &log);
    let policy = policy(&[&a, &b]);
    let chain = Chain::new(vec![link(a), link(b)]);
    let error = chain.answer(&public(request("400", Delivery::Whole)), &policy).await.unwrap_err();
    assert!(error.to_string().contains("mend the request"), "{error}");
    assert_eq!((first.count(), second.count()), (1, 0));
}

#[tokio::test]
async fn the_broken_rest_while_others_work() {
    let dead =
        StandIn::start(Arc::new(|_, _| Reply { status: 500, headers: vec![], steps: vec![] }))
            .await;
    let good = reliable().await;
    let log = Arc::new(Ledger::default());
    let engines = ["one", "one"].into_iter().zip([&dead, &good]);
    let engines = engines.map(|(name, it)| engine(name, it, Timeouts::default())).collect();
    let options = ReplicaOptions::default();
    let both = Arc::new(Replicas::new(engines, &options, Seed(3), Arc::clone(&log) as _).unwrap());
    let both: Arc<dyn ChatEngine> = both;
    let policy = policy(&[&both]);
    let chain = Chain::new(vec![link(both)]);
    for _ in 0..50 {
        let asked = public(request("text", Delivery::Whole));
        fold(chain.answer(&asked, &policy).await.unwrap().stream).await.unwrap();
    }
    // Five failures in a row and it rests a second; on a slow machine a few probes follow. One that
    // failed slowly is not asked again while the other is fast.
    assert!((1..30).contains(&dead.count()), "{}", dead.count());
    assert_eq!(good.count(), 50);
}

#[tokio::test]
async fn replicas_are_one_engine() {
    let server = reliable().await;
    let log: Arc<Ledger> = Arc::default();
    let of = |name| engine(name, &server, Timeouts::default());
    let options = ReplicaOptions::default();
    let join = |engines| Replicas::new(engines, &options, Seed(1), Arc::clone(&log) as _);
    assert!(matches!(join(vec![]), Err(NotOneEngine)));
    assert!(matches!(join(vec![of("a"), of("b")]), Err(NotOneEngine)));
    assert!(join(vec![of("a"), of("a")]).is_ok());
}

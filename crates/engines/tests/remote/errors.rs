//! What goes wrong is named for what the caller can do, and nothing leaks.

use std::time::Duration;

use freehold_engines::remote::{
    Network, PROVIDERS, Provider, RemoteEngine, RemoteOptions, Speaks, Timeouts, find,
};
use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{ChatError, Delivery, Phase, Remedy};
use freehold_vocabulary::egress::{Classified, EgressPolicy, Origin};
use freehold_vocabulary::ports::ChatEngine as _;
use futures::StreamExt as _;

use crate::stand_in::{KEY, StandIn, connect, connect_with, impatient, options, request, script};

/// The kind of error in a word.
fn kind(error: &ChatError) -> &'static str {
    match error {
        ChatError::Refused { .. } => "refused",
        ChatError::Unsupported { .. } => "unsupported",
        ChatError::UnknownModel { .. } => "unknown model",
        ChatError::Unauthorised { .. } => "unauthorised",
        ChatError::RateLimited { .. } => "rate limited",
        ChatError::Unavailable { .. } => "unavailable",
        ChatError::NotAsked { .. } => "not asked",
        ChatError::Timeout { phase: Phase::Connect, .. } => "timeout connect",
        ChatError::Timeout { phase: Phase::FirstToken, .. } => "timeout first token",
        ChatError::Timeout { phase: Phase::BetweenTokens, .. } => "timeout between tokens",
        ChatError::Timeout { phase: Phase::Total, .. } => "timeout total",
        ChatError::Connection { .. } => "connection",
        ChatError::Truncated { .. } => "truncated",
        ChatError::Malformed { .. } => "malformed",
        ChatError::TooLarge { .. } => "too large",
        ChatError::NotCleared(_) => "not cleared",
    }
}

/// The error of a scenario at every provider that chats, all at once.
async fn check(scenario: &str, delivery: Delivery, timeouts: Timeouts, expected: &str) {
    let chats = |it: &&&Provider| !matches!(it.speaks, Speaks::OpenAi(it) if !it.chat);
    let checks = PROVIDERS
        .iter()
        .filter(chats)
        .map(|provider| check_one(provider, scenario, delivery, timeouts, expected));
    futures::future::join_all(checks).await;
}

async fn check_one(
    provider: &'static Provider,
    scenario: &str,
    delivery: Delivery,
    timeouts: Timeouts,
    expected: &str,
) {
    let server = StandIn::start(script(provider)).await;
    let connected = connect_with(provider, &server, timeouts);
    let error = connected.ask(request(scenario, delivery)).await.unwrap_err();
    let name = provider.name;
    assert_eq!(kind(&error), expected, "{name} {scenario}: {error}");
    assert_eq!(error.engine().as_str(), name);
    for text in [error.to_string(), format!("{error:?}"), format!("{:?}", connected.engine)] {
        assert!(!text.contains(KEY), "{name} {scenario}: {text}");
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (scenario, expected) in [
        ("400", "refused"),
        ("401", "unauthorised"),
        ("404", "unknown model"),
        ("429", "rate limited"),
        ("500", "unavailable"),
        ("503", "unavailable"),
        ("302", "malformed"),
    ] {
        for delivery in [Delivery::Whole, Delivery::Streamed] {
            check(scenario, delivery, Timeouts::default(), expected).await;
        }
    }
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    for (scenario, expected) in [
        ("cut", "truncated"),
        ("short", "truncated"),
        ("empty", "truncated"),
        ("garbage", "malformed"),
        ("bytes", "malformed"),
        ("html", "malformed"),
        ("huge", "too large"),
        ("error-inside", "unavailable"),
    ] {
        check(scenario, Delivery::Streamed, Timeouts::default(), expected).await;
    }
}

#[tokio::test]
async fn every_phase_has_its_timeout() {
    check("stall-before", Delivery::Streamed, impatient(), "timeout first token").await;
    check("stall-between", Delivery::Streamed, impatient(), "timeout between tokens").await;
    let total = Timeouts { total: Duration::from_millis(1500), ..Timeouts::default() };
    check("stall-between", Delivery::Streamed, total, "timeout total").await;
}

#[tokio::test]
async fn the_provider_says_how_long_to_wait() {
    let provider = find("openai").unwrap();
    let server = StandIn::start(script(provider)).await;
    let asked = request("429", Delivery::Whole);
    let error = connect(provider, &server).ask(asked).await.unwrap_err();
    let not_before = Some(Duration::from_secs(7));
    assert_eq!(error.remedy(), Remedy::Again { not_before });
    assert_eq!(error.to_string(), "engine `openai` limits the rate: slow down");
}

#[tokio::test]
async fn nobody_listens() {
    let provider = find("vllm").unwrap();
    let server = StandIn::start(script(provider)).await;
    let mut options = options(provider, &server, Timeouts::default());
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    options.url = Some(format!("http://{free}/v1"));
    let error = RemoteEngine::new(&options).unwrap().models().await.unwrap_err();
    assert_eq!(kind(&error), "connection", "{error}");
}

#[tokio::test]
async fn a_name_that_resolves_inward_is_not_asked() {
    let provider = find("openai").unwrap();
    let server = StandIn::start(script(provider)).await;
    let mut options = options(provider, &server, Timeouts::default());
    options.network = Network::Public;
    options.url = Some(format!("https://localhost:{}/v1", server.address.port()));
    let error = RemoteEngine::new(&options).unwrap().models().await.unwrap_err();
    assert_eq!(kind(&error), "connection", "{error}");
    assert!(error.to_string().contains("not an address that this engine may have"), "{error}");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn what_is_cleared_for_another_engine_is_not_sent() {
    let (openai, vllm) = (find("openai").unwrap(), find("vllm").unwrap());
    let server = StandIn::start(script(openai)).await;
    let (here, there) = (connect(openai, &server), connect(vllm, &server));
    let cleared = here.clear(request("text", Delivery::Whole));
    let error = there.engine.chat(cleared).await.err().unwrap();
    assert_eq!(kind(&error), "not cleared", "{error}");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn nothing_is_sent_without_a_rule() {
    let provider = find("openai").unwrap();
    let server = StandIn::start(script(provider)).await;
    let connected = connect(provider, &server);
    let clearance = &connected.engine.card().clearance;
    let asked = || request("text", Delivery::Whole);
    let secret = Classified::new(asked(), DataClass::Restricted, Origin::Task);
    assert!(EgressPolicy::default().clear(&secret, clearance).is_err());
    let public = Classified::new(asked(), DataClass::Public, Origin::Task);
    assert!(EgressPolicy::default().clear(&public, clearance).is_err());
}

#[tokio::test]
async fn leaving_cancels_the_work_upstream() {
    for name in ["openai", "anthropic", "bedrock", "gemini"] {
        let provider = find(name).unwrap();
        let server = StandIn::start(script(provider)).await;
        let connected = connect(provider, &server);
        let asked = connected.clear(request("stall-between", Delivery::Streamed));
        let mut stream = connected.engine.chat(asked).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok(), "{name}");
        drop(stream);
        // Hangs for ever if the server is not told.
        server.left.notified().await;
    }
}

#[track_caller]
fn misconfigured(change: impl FnOnce(&mut RemoteOptions), options: &RemoteOptions, expected: &str) {
    let mut options = options.clone();
    change(&mut options);
    let error = RemoteEngine::new(&options).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(!error.contains(KEY), "{error}");
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_before_it_is_used() {
    let provider = find("azure").unwrap();
    let server = StandIn::start(script(provider)).await;
    let options = options(provider, &server, Timeouts::default());
    misconfigured(|it| it.url = None, &options, "needs `url`");
    misconfigured(|it| it.key = None, &options, "needs `key`");
    misconfigured(|it| it.network = Network::Public, &options, "https");
    misconfigured(|it| it.url = Some("api".to_owned()), &options, "`api` cannot be used");
    let broken = freehold_engines::remote::Secret::new("two\nlines");
    misconfigured(|it| it.key = Some(broken), &options, "spaces or line breaks");
}

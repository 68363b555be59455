//! Nothing crosses a scope, nobody asks twice, and the limits hold.

use std::collections::HashMap;

use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{
    ChatEvent, ChatRequest, Delivery, Message, Role, StopReason, Usage, UsageBasis,
};
use freehold_vocabulary::{TraceId, chat};
use proptest::prelude::*;

use super::*;

const CLASSES: [DataClass; 4] =
    [DataClass::Public, DataClass::Internal, DataClass::Confidential, DataClass::Restricted];

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + second * 1_000_000)
}

fn stored(text: &str, second: i64) -> Stored {
    let events = vec![
        ChatEvent::Started { id: "a".to_owned(), model: "m".to_owned(), ignored: Vec::new() },
        ChatEvent::TextDelta { choice: 0, text: text.to_owned() },
        ChatEvent::Finished { choice: 0, reason: StopReason::EndTurn },
    ];
    let trace = TraceId::new(at(second), 7);
    let (usage, basis) = (Usage::default(), UsageBasis::Reported);
    Stored { events, at: at(second), trace, usage, basis, cost: None }
}

fn request(text: &str, temperature: f64) -> ChatRequest {
    let mut request =
        ChatRequest { messages: vec![Message::text(Role::User, text)], ..ChatRequest::default() };
    request.sampling.temperature = Some(temperature);
    request
}

fn caches(memory: usize) -> Caches {
    let memory_bytes_max = NonZeroUsize::new(memory).unwrap();
    Caches::new(CacheLimits { memory_bytes_max, ..CacheLimits::default() })
}

fn hit(found: Found) -> Option<Arc<Stored>> {
    match found {
        Found::Hit(stored) => Some(stored),
        Found::Miss(_) => None,
    }
}

/// One request in one scope. Names are such that joining them without their lengths would let
/// some meet.
fn asked() -> impl Strategy<Value = (String, usize, String, String, String)> {
    let name = "[ab|\"]{1,2}";
    (name, 0..CLASSES.len(), name, name, name)
}

proptest! {
    /// A look-up finds what was kept for the very same tenant, class, model and request, and
    /// nothing else.
    #[test]
    fn nothing_crosses_a_scope(asks in proptest::collection::vec(asked(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let caches = caches(1 << 20);
        let mut kept: HashMap<_, String> = HashMap::new();
        for (number, ask) in asks.into_iter().enumerate() {
            let (tenant, class, model, upstream, text) = &ask;
            let scope = Scope {
                tenant, class: CLASSES[*class], model, upstream, engine: "e",
            };
            let key = key(&scope, &request(text, 0.0));
            let found = runtime.block_on(caches.look(&key, Keep::InMemory, at(0)));
            let known = hit(found).map(|it| match &it.events[1] {
                ChatEvent::TextDelta { text, .. } => text.clone(),
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(known.as_ref(), kept.get(&ask));
            if known.is_none() {
                let answer = number.to_string();
                runtime.block_on(caches.keep(&key, Keep::InMemory, stored(&answer, 0)));
                kept.insert(ask, answer);
            }
        }
    }
}

#[test]
fn a_key_is_what_was_asked_and_not_how_it_is_delivered() {
    let scope =
        Scope { tenant: "t", class: DataClass::Internal, model: "m", upstream: "u", engine: "e" };
    let plain = request("hi", 0.0);
    let same = ChatRequest {
        delivery: Delivery::Streamed,
        user: Some("somebody".to_owned()),
        model: "u".to_owned(),
        ..plain.clone()
    };
    assert_eq!(key(&scope, &plain), key(&scope, &same));
    let mut other = plain.clone();
    other.sampling.max_tokens = Some(3);
    assert_ne!(key(&scope, &plain), key(&scope, &other));
    assert_ne!(key(&scope, &plain), key(&Scope { engine: "f", ..scope }, &plain));
}

#[track_caller]
fn check(usage: CacheUse, change: impl FnOnce(&mut ChatRequest), expected: bool) {
    let mut request = request("hi", 0.0);
    change(&mut request);
    assert_eq!(may_be_cached(&request, usage), expected, "{usage:?} {request:?}");
}

#[test]
fn only_what_may_be_answered_twice_is_cached() {
    check(CacheUse::Deterministic, |_| {}, true);
    check(CacheUse::Deterministic, |it| it.sampling.temperature = None, false);
    check(CacheUse::Deterministic, |it| it.sampling.temperature = Some(0.1), false);
    check(CacheUse::Always, |it| it.sampling.temperature = None, true);
    check(CacheUse::Never, |_| {}, false);
    let tool = chat::Tool {
        name: "pay".to_owned(),
        description: None,
        parameters: serde_json::json!({}),
        strict: None,
        extras: chat::Extras::new(),
    };
    check(CacheUse::Always, |it| it.tools.push(tool), false);
    let extra = |name: &'static str| {
        move |it: &mut ChatRequest| it.extras.insert(chat::Protocol::OpenAi, name, true.into())
    };
    check(CacheUse::Always, extra("web_search_options"), false);
    check(CacheUse::Always, extra("store"), false);
    check(CacheUse::Always, extra("service_tier"), true);
}

#[tokio::test]
async fn of_identical_requests_in_flight_one_is_asked() {
    let caches = Arc::new(caches(1 << 20));
    let key = Digest::of("k");
    let Found::Miss(Some(flight)) = caches.look(&key, Keep::InMemory, at(0)).await else {
        panic!("nobody asked before")
    };
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let (caches, key) = (Arc::clone(&caches), key.clone());
            tokio::spawn(async move { hit(caches.look(&key, Keep::InMemory, at(1)).await) })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(waiting.iter().all(|it| !it.is_finished()), "they wait for the first");
    caches.keep(&key, Keep::InMemory, stored("x", 1)).await;
    drop(flight);
    for it in waiting {
        assert!(it.await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_failed_flight_sends_those_who_waited_on_their_own() {
    let caches = Arc::new(caches(1 << 20));
    let key = Digest::of("k");
    let Found::Miss(flight) = caches.look(&key, Keep::InMemory, at(0)).await else { panic!() };
    let (other, same) = (Arc::clone(&caches), key.clone());
    let waiting = tokio::spawn(async move { other.look(&same, Keep::InMemory, at(0)).await });
    tokio::task::yield_now().await;
    drop(flight);
    assert!(matches!(waiting.await.unwrap(), Found::Miss(None)));
    // The next one leads again.
    let next = caches.look(&key, Keep::InMemory, at(0)).await;
    assert!(matches!(next, Found::Miss(Some(_))));
}

#[tokio::test]
async fn memory_is_bounded_and_answers_grow_old() {
    let caches = caches(2000);
    let name = |n: usize| Digest::of(n.to_string());
    for n in 0..20 {
        caches.keep(&name(n), Keep::InMemory, stored("some words", 0)).await;
        let memory = caches.memory.lock().unwrap();
        assert!(memory.bytes() <= 2000 && memory.len() >= 1);
    }
    assert!(hit(caches.look(&name(0), Keep::InMemory, at(0)).await).is_none(), "it made room");
    assert!(hit(caches.look(&name(19), Keep::InMemory, at(3600)).await).is_some());
    assert!(hit(caches.look(&name(19), Keep::InMemory, at(3601)).await).is_none());
    caches.keep(&name(1), Keep::InMemory, stored("later", 10)).await;
    assert!(hit(caches.look(&name(1), Keep::InMemory, at(9)).await).is_none(), "a clock set back");
}

/// A shelf that remembers what was put there.
#[derive(Debug, Default)]
struct Shelf(Mutex<HashMap<Digest, Vec<u8>>>);

impl CacheShelf for Shelf {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: &Digest, bytes: &[u8]) {
        self.0.lock().unwrap().insert(key.clone(), bytes.to_vec());
    }
}

#[tokio::test]
async fn the_disk_holds_what_may_lie_there_and_no_more() {
    let shelf = Arc::new(Shelf::default());
    let fresh = || {
        let caches = caches(1 << 20);
        caches.keep_on(shelf.clone());
        caches
    };
    let (open, closed) = (Digest::of("open"), Digest::of("closed"));
    let caches = fresh();
    caches.keep(&open, Keep::Anywhere, stored("open", 0)).await;
    caches.keep(&closed, Keep::InMemory, stored("closed", 0)).await;
    assert_eq!(shelf.0.lock().unwrap().keys().collect::<Vec<_>>(), [&open]);
    let after = fresh();
    assert_eq!(*hit(after.look(&open, Keep::Anywhere, at(1)).await).unwrap(), stored("open", 0));
    assert!(hit(fresh().look(&open, Keep::InMemory, at(1)).await).is_none(), "no longer allowed");
    assert!(hit(fresh().look(&open, Keep::Anywhere, at(4000)).await).is_none(), "too old");
    let mut cut = stored("open", 0);
    cut.events.pop();
    shelf.put(&open, &cut.to_bytes());
    assert!(hit(fresh().look(&open, Keep::Anywhere, at(1)).await).is_none(), "no whole answer");
}

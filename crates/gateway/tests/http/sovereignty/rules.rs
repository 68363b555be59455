//! Headers that lie, engines that send elsewhere, names that lead inward, fallbacks, retries,
//! conversations and keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use freehold_engines::remote::resilience::{ReplicaOptions, Replicas};
use freehold_engines::remote::{Network, RemoteEngine};
use freehold_gateway::{Access, GenerativeModel, KeyRule};
use freehold_ledger::{Key, KeyName, KeyRepository as _};
use freehold_vocabulary::egress::EnginesOfKey;
use freehold_vocabulary::{Clock as _, DataClass, Digest, EngineName, Seed};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{decisions, egress, nothing_else_left, public_cloud, start};
use crate::support::{Reply, Server, Setup, StandIn, options, served};

const CHAT: &str = "/v1/chat/completions";
const SECRET: &str = "ssn 078-05-1121";

fn ask(text: &str) -> Value {
    json!({ "model": "large", "messages": [{ "role": "user", "content": text }] })
}

async fn send(server: &Server, body: &Value, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::post(CHAT).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    server.client().await.send(request).await
}

#[tokio::test]
async fn headers_that_lie_let_nothing_out() {
    let (server, cloud) = public_cloud().await;
    let class = "x-freehold-data-class";
    for headers in [
        &[(class, "public")][..],
        &[(class, "public"), (class, "public")],
        &[("x-forwarded-host", "localhost"), ("x-forwarded-for", "127.0.0.1")],
        &[("host", "internal.example"), (class, "PUBLIC")],
        &[("x-freehold-engine", "own"), ("x-freehold-clearance", "restricted")],
    ] {
        send(&server, &ask(SECRET), headers).await.error(403, "egress_denied");
    }
    for headers in [&[(class, "restricted"), (class, "public")][..], &[(class, "internal")]] {
        send(&server, &ask("hi"), headers).await.error(403, "egress_denied");
    }
    assert!(cloud.seen().is_empty());
    // What a caller says to the gateway is not said to the provider.
    let headers = [(class, "public"), ("x-forwarded-for", "10.1.2.3"), ("x-note", "of-the-caller")];
    assert_eq!(send(&server, &ask("hi"), &headers).await.status, 200);
    let seen = cloud.seen().pop().unwrap();
    assert!(!seen.contains("of-the-caller") && !seen.contains("10.1.2.3"), "{seen}");
    nothing_else_left(&server, &cloud).await;
}

#[tokio::test]
async fn an_engine_that_sends_elsewhere_is_not_followed() {
    let (server, cloud) = public_cloud().await;
    let other = StandIn::start().await;
    for to in [
        format!("http://{}/v1/chat/completions", other.address),
        format!("http://localhost:{}/v1/chat/completions", other.address.port()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        cloud.sends_on_to(to);
        let reply = server.post(CHAT, &ask("hi").to_string()).await;
        assert!(reply.status.is_server_error(), "{}", reply.text);
    }
    assert!(other.seen().is_empty() && !cloud.seen().is_empty());
}

#[tokio::test]
async fn a_public_name_that_leads_inward_is_not_connected_to() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", inside.local_addr().unwrap().port());
    let engine = options("cloud", DataClass::Public, url, Network::Public);
    let models = vec![served("large", RemoteEngine::new(&engine).unwrap(), &[])];
    let egress = egress(&models);
    let server = start(models, egress, Setup::default()).await;
    let reply = server.post(CHAT, &ask("hi").to_string()).await;
    reply.error(503, "engine_unavailable");
    // Whoever had connected would stand in the queue of the listener.
    let accepted = tokio::time::timeout(Duration::ZERO, inside.accept()).await;
    assert!(accepted.is_err(), "{accepted:?}");
    let inward =
        options("cloud", DataClass::Public, "https://127.0.0.1/v1".into(), Network::Public);
    assert!(RemoteEngine::new(&inward).unwrap_err().to_string().contains("not public"));
}

#[tokio::test]
async fn fallbacks_and_retries_are_cleared_as_the_first_try_is() {
    let (cloud, own) = (StandIn::start().await, StandIn::start().await);
    let servers: Vec<Arc<dyn freehold_vocabulary::ports::ChatEngine>> =
        vec![Arc::new(cloud.engine("cloud", DataClass::Public))];
    let log = Arc::new(NoLog);
    let replicas = Replicas::new(servers, &ReplicaOptions::default(), Seed(1), log).unwrap();
    let large = GenerativeModel {
        engine: Arc::new(replicas),
        ..served("large", cloud.engine("cloud", DataClass::Public), &["small"])
    };
    let models = vec![large, served("small", own.engine("own", DataClass::Internal), &[])];
    let egress = egress(&models);
    let server = start(models, egress, Setup::default()).await;
    // Public data: the first try fails, the second is answered or another engine is asked.
    cloud.fails(1);
    assert_eq!(server.post(CHAT, &ask("hi").to_string()).await.status, 200);
    let tried = cloud.seen().len();
    assert!(tried >= 1);
    // Internal data goes to the second engine only, restricted data to none; also when they fail.
    own.fails(1);
    let internal = ask("the server is 10.2.3.4");
    let reply = server.post(CHAT, &internal.to_string()).await;
    assert!(reply.status == 503 || reply.status == 200, "{}", reply.text);
    server.post(CHAT, &ask(SECRET).to_string()).await.error(403, "egress_denied");
    assert_eq!(cloud.seen().len(), tried);
    assert!(own.seen().iter().all(|it| !it.contains("078-05")) && !own.seen().is_empty());
    let decisions = decisions(&server).await;
    assert!(decisions.iter().all(|it| {
        it.decision == freehold_vocabulary::audit::Decision::Denied || it.data_class <= it.clearance
    }));
}

#[derive(Debug)]
struct NoLog;

impl freehold_vocabulary::ports::AttemptLog for NoLog {
    fn record(&self, _attempt: freehold_vocabulary::chat::Attempt) {}
}

#[tokio::test]
async fn a_conversation_that_was_sensitive_stays_so() {
    let (server, cloud) = public_cloud().await;
    let class = ("x-freehold-data-class", "restricted");
    let opening = "Please read the letter of our client and say what she wants.";
    send(&server, &ask(opening), &[class]).await.error(403, "egress_denied");
    let mut later = ask(opening);
    later["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "role": "user", "content": "And now?" }));
    send(&server, &later, &[]).await.error(403, "egress_denied");
    // The same by the client's own name for it, when what was found is no longer sent along.
    let mut named = ask(SECRET);
    named["metadata"] = json!({ "conversation_id": "c-1" });
    send(&server, &named, &[]).await.error(403, "egress_denied");
    named["messages"] = json!([{ "role": "user", "content": "And now?" }]);
    send(&server, &named, &[]).await.error(403, "egress_denied");
    assert!(cloud.seen().is_empty());
    named["metadata"] = json!({ "conversation_id": "c-2" });
    assert_eq!(send(&server, &named, &[]).await.status, 200);
    nothing_else_left(&server, &cloud).await;
}

async fn keyed(rules: &[(&str, KeyRule)]) -> (Server, StandIn) {
    let cloud = StandIn::start().await;
    let models = vec![served("large", cloud.engine("cloud", DataClass::Public), &[])];
    let mut egress = egress(&models);
    egress.keys = rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.clone())).collect();
    let setup = Setup { access: Access::Keys, ..Setup::default() };
    let server = start(models, egress, setup).await;
    for name in ["free", "ward", "lab"] {
        let (secret, made) = (Digest::of(format!("fh-{name}")), server.clock.now());
        let key = Key::new(KeyName::parse(name).unwrap(), secret, "fh-", made);
        server.ledger.add_key(&key, "test").await.unwrap();
    }
    (server, cloud)
}

#[tokio::test]
async fn a_key_has_a_class_and_engines_of_its_own() {
    let ward = KeyRule { data_class: Some(DataClass::Confidential), engines: None };
    let engines = BTreeSet::from([EngineName::parse("own").unwrap()]);
    let rule = "egress.keys.lab.engines".to_owned();
    let lab = KeyRule { data_class: None, engines: Some(Arc::new(EnginesOfKey { rule, engines })) };
    let (server, cloud) = keyed(&[("ward", ward), ("lab", lab)]).await;
    for (name, rule) in [("ward", "clearance"), ("lab", "egress.keys.lab.engines")] {
        let mut client = server.client().await.with_key(&format!("fh-{name}"));
        let reply = client.post(CHAT, &ask("hi").to_string()).await;
        assert!(reply.error(403, "egress_denied").contains(rule), "{}", reply.text);
    }
    assert!(cloud.seen().is_empty());
    let mut client = server.client().await.with_key("fh-free");
    assert_eq!(client.post(CHAT, &ask("hi").to_string()).await.status, 200);
    nothing_else_left(&server, &cloud).await;
}

//! A name that stands for a weak and a strong model.

use std::sync::Arc;

use async_trait::async_trait;
use freehold_gateway::{GenerativeModel, ModelRoute, Rule};
use freehold_routing::gain::{
    GainModel, GainSubject, Judged, MadeFor, NamedModel, QualityTerms, Request, Router,
};
use freehold_vocabulary::ports::{Embedder, EmbedderCard, EngineError};
use freehold_vocabulary::{Confidence, DataClass, Digest, Probability, Random, Seed, Timestamp};
use serde_json::{Value, json};

use super::CHAT;
use crate::support::{Line, Reply, Scripted, Server, Setup, hello, model, with_models};

const WIDTH: usize = 8;

/// Words that have a direction; the strong model helps with the second.
const WORDS: [&str; 3] = ["history", "maths", "pottery"];

/// Each known word is a direction; `full` has no room.
#[derive(Debug)]
struct Words(EmbedderCard);

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01; WIDTH];
    for (place, word) in WORDS.iter().enumerate() {
        vector[place] += text.matches(word).count() as f32;
    }
    vector
}

#[async_trait]
impl Embedder for Words {
    fn card(&self) -> &EmbedderCard {
        &self.0
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EngineError> {
        if texts.iter().any(|it| it.contains("full")) {
            let (engine, retry_after) = ("words".to_owned(), std::time::Duration::from_secs(1));
            return Err(EngineError::Busy { engine, retry_after });
        }
        Ok(texts.iter().map(|it| vector(it)).collect())
    }
}

/// What people judged: on history both are right, on maths only the strong one.
fn judged(n: usize, seed: u64) -> Vec<Judged> {
    let mut random = Random::new(Seed(seed));
    let one = |n: usize| {
        let word = WORDS[n % 2];
        let mut embedding = vector(word);
        embedding.iter_mut().for_each(|it| *it += random.normal() as f32 * 0.02);
        let request = Request::new(word, embedding, None);
        Judged { request, weak_right: n.is_multiple_of(2), strong_right: true }
    };
    (0..n).map(one).collect()
}

fn terms(quality: f64) -> QualityTerms {
    let quality_at_least = Probability::new(quality).unwrap();
    QualityTerms { quality_at_least, confidence: Confidence::new(0.9).unwrap() }
}

fn made_for(strong: &str) -> MadeFor {
    let named = |name: &str, upstream: &str| NamedModel {
        name: name.to_owned(),
        upstream: upstream.to_owned(),
    };
    MadeFor {
        weak: named("mini", "mini-2026-11-01"),
        strong: named("large", strong),
        embedder: Digest::of("words"),
    }
}

/// A router that sends history to the weak model.
fn router(proof_rows: usize) -> Router {
    let model = GainModel::fit(&judged(400, 1), Seed(0)).unwrap();
    let subject = GainSubject {
        model: model.digest(),
        data: Digest::of("rows"),
        weak: "mini".to_owned(),
        strong: "large".to_owned(),
        certified_at: Timestamp::from_micros(0),
    };
    let certificate = model.certify(&judged(proof_rows, 2), terms(0.95), subject).unwrap();
    Router { made_for: made_for("large-2026-11-01"), model, certificate }
}

fn rule(proof_rows: usize, strong: &str, quality: f64) -> Rule {
    let card =
        EmbedderCard { name: "words".to_owned(), version: Digest::of("words"), width: WIDTH };
    Rule::of(router(proof_rows), &made_for(strong), terms(quality), Arc::new(Words(card)))
}

struct Routed {
    server: Server,
    mini: Arc<Scripted>,
    large: Arc<Scripted>,
}

async fn start(rule: Rule, mini: Vec<Line>) -> Routed {
    let mini = Scripted::new("small-cloud", DataClass::Internal, mini);
    let large = Scripted::new("cloud", DataClass::Internal, hello());
    let models: [Arc<GenerativeModel>; 2] =
        [model("mini", &mini, &[]), model("large", &large, &[])];
    let (weak, strong) = ("mini".to_owned(), "large".to_owned());
    let route = ModelRoute { name: "auto".to_owned(), weak, strong, rule };
    let portfolio = with_models(&models).with_routes(&[Arc::new(route)]).unwrap();
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    Routed { server, mini, large }
}

impl Routed {
    async fn ask(&self, content: Value) -> Reply {
        let messages = json!([{ "role": "user", "content": content }]);
        let body = json!({ "model": "auto", "messages": messages });
        self.server.post(CHAT, &body.to_string()).await
    }

    /// The model that answered, and why it was chosen.
    async fn check(&self, content: Value, model: &str, why: &str) -> Reply {
        let reply = self.ask(content).await;
        let body = reply.ok();
        assert_eq!(body["freehold"]["model"], model, "{body}");
        let header = reply.header("x-freehold-route").unwrap();
        let expected = format!("why={}", why.replace(' ', "-"));
        assert!(header.starts_with("auto=") && header.contains(&expected), "{header}");
        let trace = body["freehold"]["trace_id"].as_str().unwrap();
        let gain = self.server.traces.get(trace).unwrap().route.unwrap().gain.unwrap();
        assert_eq!(gain.why, why);
        assert_eq!(body["freehold"]["route"]["gain"]["why"], why);
        reply
    }
}

#[tokio::test]
async fn the_weak_model_answers_where_little_is_to_gain() {
    let routed = start(rule(2000, "large-2026-11-01", 0.95), hello()).await;
    let reply = routed.check("a question of history".into(), "mini", "little to gain").await;
    let header = reply.header("x-freehold-route").unwrap();
    assert!(header.contains("; gain=") && header.contains("; certificate="), "{header}");
    routed.check("a question of maths".into(), "large", "much to gain").await;
    routed.check("a question of pottery".into(), "large", "out of distribution").await;
    routed.check("full of history".into(), "large", "busy").await;
    let image = json!([
        { "type": "text", "text": "history" },
        { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
    ]);
    routed.check(image, "large", "not seen by the router").await;
    assert_eq!((routed.mini.times(), routed.large.times()), (1, 4));
}

#[tokio::test]
async fn what_lapsed_or_was_never_proved_goes_to_the_strong_model() {
    let cases = [
        (rule(2000, "large-2027-01-01", 0.95), "lapsed"),
        (rule(2000, "large-2026-11-01", 0.99), "lapsed"),
        (rule(20, "large-2026-11-01", 0.95), "nothing certified"),
        (Rule::Strong("no router".to_owned()), "lapsed"),
    ];
    for (rule, why) in cases {
        let routed = start(rule, hello()).await;
        routed.check("a question of history".into(), "large", why).await;
        assert_eq!(routed.mini.times(), 0);
    }
}

#[tokio::test]
async fn the_strong_model_stands_in_for_the_weak_one() {
    let error = Scripted::new("x", DataClass::Internal, Vec::new()).error("unavailable");
    let routed = start(rule(2000, "large-2026-11-01", 0.95), vec![Line::Fail(error)]).await;
    let reply = routed.check("history".into(), "large", "little to gain").await;
    assert!(reply.header("x-freehold-route").unwrap().starts_with("auto=mini"));
    assert_eq!((routed.mini.times(), routed.large.times()), (1, 1));
}

#[tokio::test]
async fn a_stream_and_another_protocol_have_the_header_too() {
    let routed = start(rule(2000, "large-2026-11-01", 0.95), hello()).await;
    let messages = json!([{ "role": "user", "content": "history" }]);
    let stream = json!({ "model": "auto", "messages": messages, "stream": true });
    let anthropic = json!({ "model": "auto", "messages": messages, "max_tokens": 9 });
    for (path, body) in [(CHAT, stream), ("/v1/messages", anthropic)] {
        let reply = routed.server.post(path, &body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.header("x-freehold-route").unwrap().starts_with("auto=mini"), "{path}");
    }
    assert_eq!(routed.mini.times(), 2);
    let plain = json!({ "model": "large", "messages": messages });
    let reply = routed.server.post(CHAT, &plain.to_string()).await;
    assert_eq!(reply.header("x-freehold-route"), None);
}

#[tokio::test]
async fn a_route_is_listed_and_embeds_nothing() {
    let routed = start(rule(2000, "large-2026-11-01", 0.95), hello()).await;
    let listed = routed.server.get("/v1/models/auto").await.ok();
    assert_eq!((&listed["freehold"]["weak"], &listed["id"]), (&json!("mini"), &json!("auto")));
    assert!(listed["freehold"]["statement"].as_str().unwrap().contains("95.00 %"), "{listed}");
    let body = json!({ "model": "auto", "input": "history" }).to_string();
    let refusal = routed.server.post("/v1/embeddings", &body).await;
    assert!(refusal.error(400, "invalid_request").contains("two models"));
}

#[test]
fn a_route_takes_no_name_and_names_no_stranger() {
    let engine = Scripted::new("cloud", DataClass::Internal, hello());
    let check = |name: &str, weak: &str, expected: &str| {
        let portfolio = with_models(&[model("large", &engine, &[])]);
        let rule = Rule::Strong("no router".to_owned());
        let (name, weak, strong) = (name.to_owned(), weak.to_owned(), "large".to_owned());
        let route = Arc::new(ModelRoute { name, weak, strong, rule });
        let error = portfolio.with_routes(&[route]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("tickets", "large", "`tickets` is deployed twice");
    check("large", "large", "`large` is deployed twice");
    check("auto", "gone", "`gone`");
}

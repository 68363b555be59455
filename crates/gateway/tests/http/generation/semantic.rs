//! Answers to questions that mean the same: only with a certificate, and only where everything
//! else is equal.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use freehold_deidentification::requests::RequestDetector;
use freehold_gateway::{CacheRule, Egress, GenerativeModel};
use freehold_routing::semantic::{CachePromise, CacheThreshold};
use freehold_vocabulary::egress::{Allow, EgressPolicy};
use freehold_vocabulary::ports::{Embedder, EmbedderCard, EngineError};
use freehold_vocabulary::{CacheKind, Confidence, DataClass, Digest, Probability};
use serde_json::{Value, json};

use super::CHAT;
use crate::support::{Scripted, Server, Setup, hello, model, tickets};

/// Counts letters, so that the order of words does not matter and other words do.
#[derive(Debug)]
struct Letters(EmbedderCard);

#[async_trait]
impl Embedder for Letters {
    fn card(&self) -> &EmbedderCard {
        &self.0
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EngineError> {
        let vector = |text: &String| {
            let mut counts = [0.0_f32; 26];
            for b in text.bytes().filter(u8::is_ascii_lowercase) {
                counts[usize::from(b - b'a')] += 1.0;
            }
            let length = counts.iter().map(|it| it * it).sum::<f32>().sqrt();
            counts.iter().map(|it| it / length).collect()
        };
        Ok(texts.iter().map(vector).collect())
    }
}

fn certified() -> CacheThreshold {
    let promise = CachePromise {
        false_hits_at_most: Probability::new(0.05).unwrap(),
        confidence: Confidence::P95,
    };
    CacheThreshold {
        similarity_at_least: 0.95,
        promise,
        pairs: 100,
        hits: 80,
        false_hits: 0,
        false_hits_bound: 0.037,
    }
}

async fn server(threshold: Option<CacheThreshold>) -> (Server, Arc<Scripted>) {
    let cloud = Scripted::new("cloud", DataClass::Confidential, hello());
    let mut large = Arc::into_inner(model("large", &cloud, &[])).unwrap();
    large.cache = CacheRule { semantic: threshold, ..CacheRule::default() };
    let models: [Arc<GenerativeModel>; 1] = [Arc::new(large)];
    let allow = vec![Allow::to_engine(&models[0].engine.card().clearance)];
    let egress = Egress {
        policy: EgressPolicy { allow, ..EgressPolicy::default() },
        default_class: DataClass::Internal,
        identifiers: Some(Arc::new(RequestDetector::default())),
        ..Egress::default()
    };
    let portfolio = tickets().with_models(&models, egress).unwrap();
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let card = EmbedderCard { name: "letters".to_owned(), version: Digest::of("1"), width: 26 };
    server.app.compare_questions_with(Arc::new(Letters(card)), 40);
    (server, cloud)
}

fn said(system: &str, text: &str) -> Value {
    json!({
        "model": "large", "temperature": 0,
        "messages": [{ "role": "system", "content": system }, { "role": "user", "content": text }],
    })
}

async fn did(server: &Server, body: &Value, class: &str) -> (String, Value) {
    let request = Request::post(CHAT)
        .header("content-type", "application/json")
        .header("x-freehold-data-class", class);
    let request = request.body(Body::from(body.to_string())).unwrap();
    let reply = server.client().await.send(request).await;
    (reply.header("x-freehold-cache").unwrap().to_owned(), reply.ok())
}

#[tokio::test]
async fn a_question_that_means_the_same_has_the_same_answer() {
    let (server, cloud) = server(Some(certified())).await;
    let check = async |system: &str, text: &str, class: &str, expected: &str| {
        let (found, answer) = did(&server, &said(system, text), class).await;
        assert_eq!(found, expected, "{system} {text} {class}");
        answer
    };
    check("be kind", "where is my card", "internal", "miss").await;
    let again = check("be kind", "my card is where", "internal", "semantic-hit").await;
    assert_eq!(again["freehold"]["cache"], "semantic");
    let id = again["freehold"]["trace_id"].as_str().unwrap();
    let kept = server.traces.get(id).unwrap().generation.unwrap();
    assert_eq!((kept.cache, kept.cost.unwrap().picos), (Some(CacheKind::Semantic), 0));
    assert!(kept.saved.unwrap().picos > 0);
    // Other words, another prompt before them, another class: all are asked.
    check("be kind", "cancel this transfer", "internal", "miss").await;
    check("be rude", "my card is where", "internal", "miss").await;
    check("be kind", "my card is where", "confidential", "miss").await;
    // Longer than the embedder reads whole.
    let long = "where is my card ".repeat(4);
    check("be kind", &long, "internal", "miss").await;
    // About people: a known answer may be about another one.
    check("be kind", "where is ann@example.com", "internal", "miss").await;
    check("be kind", "is ann@example.com where", "internal", "miss").await;
    assert_eq!(cloud.times(), 7);
    let metrics = server.get("/metrics").await.text;
    assert!(
        metrics.contains("freehold_cache_lookups_total{result=\"semantic-hit\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn without_a_certificate_nothing_is_compared() {
    let (server, cloud) = server(None).await;
    did(&server, &said("be kind", "where is my card"), "internal").await;
    let (found, _) = did(&server, &said("be kind", "my card is where"), "internal").await;
    assert_eq!((found.as_str(), cloud.times()), ("miss", 2));
}

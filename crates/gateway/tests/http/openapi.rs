//! The description of the API against the routes and against real answers.

mod schema;

use std::collections::BTreeSet;

use freehold_gateway::router::ROUTES;
use freehold_gateway::{Moderation, OPENAPI};
use serde_json::{Value, json};

use crate::support::{Reply, Scripted, Server, Setup, hello, model, with_models};
use freehold_vocabulary::DataClass;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.clone(), path.clone()));
        }
    }
    let routes: BTreeSet<_> =
        ROUTES.iter().map(|it| (it.method.to_owned(), it.path.to_owned())).collect();
    assert_eq!(described, routes);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(node: &Value, document: &Value) {
        match node {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    assert!(document.pointer(&to[1..]).is_some(), "{to}");
                }
                fields.values().for_each(|it| walk(it, document));
            }
            Value::Array(items) => items.iter().for_each(|it| walk(it, document)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[tokio::test]
async fn real_requests_and_answers_are_as_described() {
    let engine = Scripted::new("cloud", DataClass::Internal, hello());
    let judge = Moderation { model: "spam".to_owned(), harmless: vec!["no".to_owned()] };
    let portfolio = with_models(&[model("large", &engine, &[])]).with_moderation(Some(judge));
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let document = document();
    let check = |method: &str, path: &str, sent: Option<&Value>, reply: &Reply| {
        let operation = &document["paths"][path][method];
        if let Some(sent) = sent {
            let asked = &operation["requestBody"]["content"]["application/json"]["schema"];
            schema::check(&document, asked, sent, "request");
        }
        let mut described = &operation["responses"][reply.status.as_str()];
        if let Some(Value::String(to)) = described.get("$ref") {
            described = document.pointer(&to[1..]).unwrap();
        }
        let answer = &described["content"]["application/json"]["schema"];
        assert!(answer.is_object(), "{method} {path} {} is not described", reply.status);
        schema::check(&document, answer, &reply.json(), path);
    };
    let predict = "/v1/tasks/{task}/predict";
    let sent = json!({ "inputs": ["billing", { "text": "hm" }], "top_k": 2 });
    let reply = server.post("/v1/tasks/tickets/predict", &sent.to_string()).await;
    check("post", predict, Some(&sent), &reply);
    let trace = reply.ok()["results"][0]["trace_id"].clone();
    let reply = server.post("/v1/tasks/x/predict", &sent.to_string()).await;
    check("post", predict, Some(&sent), &reply);
    for kind in [
        json!({ "kind": "correction", "labels": ["login"] }),
        json!({ "kind": "rating", "rating": 0.25 }),
        json!({ "kind": "outcome", "outcome": "closed" }),
        json!({ "kind": "correction", "labels": ["lgin"] }),
    ] {
        let mut sent = kind;
        sent["trace_id"] = trace.clone();
        let reply = server.post("/v1/feedback", &sent.to_string()).await;
        check("post", "/v1/feedback", Some(&sent), &reply);
    }
    let sent = json!({ "model": "tickets", "state": ["billing", 1], "questions": {
        "a": { "type": "choice", "instructions": {}, "criteria": { "login": null, "billing": "x" } },
        "b": { "type": "noul", "criteria": { "true": "billing" } },
        "c": { "type": "score", "criteria": ["billing", "login"] },
    }});
    let reply = server.post("/v1/systemone", &sent.to_string()).await;
    reply.ok();
    check("post", "/v1/systemone", Some(&sent), &reply);
    let sent = json!({ "model": "spam", "state": "x", "questions": {
        "a": { "type": "choice", "criteria": { "login": null, "billing": null } },
    }});
    let reply = server.post("/v1/systemone", &sent.to_string()).await;
    assert_eq!(reply.status, 501);
    check("post", "/v1/systemone", Some(&sent), &reply);
    for text in ["billing", "hm", ""] {
        let sent = json!({ "model": "tickets", "top_p": 1, "messages": [{ "role": "user", "content": text }] });
        let reply = server.post("/v1/chat/completions", &sent.to_string()).await;
        check("post", "/v1/chat/completions", Some(&sent), &reply);
    }
    for model in ["tickets", "large", "nothing"] {
        let messages = json!([{ "role": "user", "content": "billing" }]);
        let mut sent = json!({ "model": model, "max_tokens": 9, "messages": messages });
        for path in ["/v1/chat/completions", "/v1/messages"] {
            let reply = server.post(path, &sent.to_string()).await;
            check("post", path, Some(&sent), &reply);
        }
        sent.as_object_mut().unwrap().remove("max_tokens");
        let path = "/v1/messages/count_tokens";
        let reply = server.post(path, &sent.to_string()).await;
        check("post", path, Some(&sent), &reply);
        let sent = json!({ "model": model, "prompt": "Once" });
        let reply = server.post("/v1/completions", &sent.to_string()).await;
        check("post", "/v1/completions", Some(&sent), &reply);
        for encoding in ["float", "base64"] {
            let sent = json!({ "model": model, "input": ["a", "b"], "encoding_format": encoding });
            let reply = server.post("/v1/embeddings", &sent.to_string()).await;
            check("post", "/v1/embeddings", Some(&sent), &reply);
        }
    }
    for model in ["tickets", "large", "nothing"] {
        let sent = json!({ "model": model, "input": "billing" });
        let reply = server.post("/v1/responses", &sent.to_string()).await;
        check("post", "/v1/responses", Some(&sent), &reply);
        let path = format!("/v1/responses/{}", reply.json()["id"].as_str().unwrap_or("x"));
        let below = format!("{path}/input_items");
        check("get", "/v1/responses/{id}", None, &server.get(&path).await);
        check("get", "/v1/responses/{id}/input_items", None, &server.get(&below).await);
        let reply = server.client().await.delete(&path).await;
        check("delete", "/v1/responses/{id}", None, &reply);
    }
    for model in ["spam", "large", "nothing"] {
        let sent = json!({ "model": model, "input": ["yes"] });
        let reply = server.post("/v1/moderations", &sent.to_string()).await;
        check("post", "/v1/moderations", Some(&sent), &reply);
    }
    let file = server.client().await.upload(&[("purpose", "batch")], Some("x")).await;
    check("post", "/v1/files", None, &file);
    let file = file.ok()["id"].as_str().unwrap().to_owned();
    check("get", "/v1/files/{id}", None, &server.get(&format!("/v1/files/{file}")).await);
    check("get", "/v1/files", None, &server.get("/v1/files").await);
    let endpoint = "/v1/responses";
    let sent = json!({ "input_file_id": file, "endpoint": endpoint, "completion_window": "24h" });
    let batch = server.post("/v1/batches", &sent.to_string()).await;
    check("post", "/v1/batches", Some(&sent), &batch);
    let batch = format!("/v1/batches/{}", batch.ok()["id"].as_str().unwrap());
    check("get", "/v1/batches/{id}", None, &server.get(&batch).await);
    check("get", "/v1/batches", None, &server.get("/v1/batches").await);
    let cancelled = server.post(&format!("{batch}/cancel"), "").await;
    check("post", "/v1/batches/{id}/cancel", None, &cancelled);
    let reply = server.client().await.delete(&format!("/v1/files/{file}")).await;
    check("delete", "/v1/files/{id}", None, &reply);
    for (path, described) in [
        ("/v1/models/large", "/v1/models/{id}"),
        ("/v1/models", "/v1/models"),
        ("/v1/models/tickets", "/v1/models/{id}"),
        ("/v1/models/x", "/v1/models/{id}"),
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
        ("/openapi.json", "/openapi.json"),
    ] {
        check("get", described, None, &server.get(path).await);
    }
}

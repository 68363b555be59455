//! Identifiers that are taken out on the way and put back into the answer.

use std::sync::Arc;

use freehold_gateway::RedactionRule;
use freehold_vocabulary::DataClass;
use freehold_vocabulary::audit::Decision;
use freehold_vocabulary::chat::StopReason;
use serde_json::{Value, json};

use super::{decisions, egress, nothing_else_left, start};
use crate::support::{
    Line, Scripted, Server, Setup, StandIn, finished, model, served, started, text,
};

const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "Card 4111 1111 1111 1111 of jane@example.com, again jane@example.com.";

/// `large` at a provider that may see internal data, with identifiers taken out.
async fn redacting(class: Option<DataClass>) -> (Server, StandIn) {
    let cloud = StandIn::start().await;
    let mut model = served("large", cloud.engine("cloud", DataClass::Internal), &[]);
    model.redaction = Some(RedactionRule { class });
    let mut egress = egress(std::slice::from_ref(&model));
    egress.default_class = DataClass::Confidential;
    (start(vec![model], egress, Setup::default()).await, cloud)
}

fn ask(text: &str) -> Value {
    json!({ "model": "large", "messages": [{ "role": "user", "content": text }] })
}

/// The pieces of a streamed answer, joined.
fn streamed(text: &str, piece: impl Fn(&Value) -> Option<&str>) -> String {
    let events = text.split("\n\n").filter_map(|it| it.strip_prefix("data: "));
    let values = events.filter_map(|it| serde_json::from_str::<Value>(it).ok());
    values.filter_map(|it| piece(&it["choices"][0]["delta"]).map(str::to_owned)).collect()
}

#[tokio::test]
async fn what_leaves_has_placeholders_and_what_comes_back_has_none() {
    let (server, cloud) = redacting(Some(DataClass::Internal)).await;
    let answer = server.post(CHAT, &ask(TEXT).to_string()).await.ok();
    assert_eq!(answer["choices"][0]["message"]["content"], TEXT);
    assert_eq!(answer["freehold"]["data_class"], "restricted", "the class of what came");
    let mut body = ask(TEXT);
    body["stream"] = json!(true);
    let reply = server.post(CHAT, &body.to_string()).await;
    assert_eq!(streamed(&reply.text, |it| it["content"].as_str()), TEXT);
    body["tools"] =
        json!([{ "type": "function", "function": { "name": "note", "parameters": {} } }]);
    let reply = server.post(CHAT, &body.to_string()).await;
    let arguments =
        streamed(&reply.text, |it| it["tool_calls"][0]["function"]["arguments"].as_str());
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap()["said"], TEXT);
    body["stream"] = json!(false);
    let answer = server.post(CHAT, &body.to_string()).await.ok();
    let arguments = &answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
    assert_eq!(arguments["said"], TEXT);
    for seen in cloud.seen() {
        assert!(!seen.contains("1111") && !seen.contains("jane"), "{seen}");
        assert!(seen.contains("Card <CREDIT_CARD_1> of <EMAIL_1>, again <EMAIL_1>."), "{seen}");
    }
    for it in decisions(&server).await {
        assert_eq!((it.decision, it.data_class), (Decision::Allowed, DataClass::Internal));
        let counts = |it: &std::collections::BTreeMap<_, u64>| serde_json::to_value(it).unwrap();
        assert_eq!(counts(&it.found), json!({ "credit_card": 1, "email": 2 }));
        assert_eq!(counts(&it.redacted), json!({ "credit_card": 1, "email": 2 }));
    }
    nothing_else_left(&server, &cloud).await;
    let traces = serde_json::to_string(&server.traces.all()).unwrap();
    assert!(!traces.contains("1111") && !traces.contains("jane"), "{traces}");
}

#[tokio::test]
async fn an_answer_that_is_given_again_has_its_originals() {
    let (server, cloud) = redacting(Some(DataClass::Internal)).await;
    let mut body = ask(TEXT);
    body["temperature"] = json!(0);
    for _ in 0..2 {
        let answer = server.post(CHAT, &body.to_string()).await.ok();
        assert_eq!(answer["choices"][0]["message"]["content"], TEXT);
    }
    assert_eq!(cloud.seen().len(), 1);
}

#[tokio::test]
async fn without_a_rule_the_class_stays_and_nothing_leaves() {
    let (server, cloud) = redacting(None).await;
    server.post(CHAT, &ask(TEXT).to_string()).await.error(403, "egress_denied");
    assert!(cloud.seen().is_empty());
}

#[tokio::test]
async fn what_a_redaction_cannot_reach_keeps_the_request_here() {
    let (server, cloud) = redacting(Some(DataClass::Internal)).await;
    // The name of a tool must stay as it is.
    let mut body = ask("hi");
    let function = json!({ "name": "ssn_078-05-1121", "parameters": {} });
    body["tools"] = json!([{ "type": "function", "function": function }]);
    server.post(CHAT, &body.to_string()).await.error(403, "egress_denied");
    // What the caller says of the data is about more than identifiers.
    let request = axum::http::Request::post(CHAT)
        .header("content-type", "application/json")
        .header("x-freehold-data-class", "restricted")
        .body(axum::body::Body::from(ask("hi").to_string()));
    server.client().await.send(request.unwrap()).await.error(403, "egress_denied");
    assert!(cloud.seen().is_empty());
}

#[tokio::test]
async fn vectors_are_made_of_what_has_no_identifiers() {
    let (server, cloud) = redacting(Some(DataClass::Internal)).await;
    let body = json!({ "model": "large", "input": ["hello", TEXT] });
    server.post("/v1/embeddings", &body.to_string()).await.ok();
    let seen = cloud.seen().pop().unwrap();
    assert!(seen.contains("<EMAIL_1>") && !seen.contains("jane"), "{seen}");
}

#[tokio::test]
async fn an_answer_with_placeholders_is_not_taken_up_again() {
    let cloud = Scripted::new("cloud", DataClass::Internal, Vec::new());
    let own = Scripted::new("own", DataClass::Restricted, Vec::new());
    let rest = || vec![started(), text(" and all"), finished(StopReason::EndTurn)];
    cloud.goes_on(rest());
    own.goes_on(rest());
    let mut large = Arc::into_inner(model("large", &cloud, &["small"])).unwrap();
    large.redaction = Some(RedactionRule { class: Some(DataClass::Internal) });
    let small = Arc::into_inner(model("small", &own, &[])).unwrap();
    let models = vec![large, small];
    let egress = egress(&models);
    let server = start(models, egress, Setup::default()).await;
    for (asked, said, answer, times) in [
        (TEXT, "To <EMAIL_1>", "To jane@example.com", (1, 0)),
        // Nothing was taken out, so there is nothing to mix up.
        ("hi", "To you", "To you and all", (3, 0)),
        // What the model wrote itself may not go back to it as it is; it may go to another one.
        ("hi", "To joe@example.com", "To joe@example.com and all", (4, 1)),
    ] {
        cloud.says(vec![started(), text(said), Line::Fail(cloud.error("truncated"))]);
        let mut body = ask(asked);
        body["stream"] = json!(true);
        let reply = server.post(CHAT, &body.to_string()).await;
        assert_eq!(streamed(&reply.text, |it| it["content"].as_str()), answer, "{}", reply.text);
        assert_eq!((cloud.times(), own.times()), times, "{said}");
        let broken = reply.text.contains("engine_answer_broken");
        assert_eq!(broken, asked == TEXT, "{}", reply.text);
    }
    let traces = serde_json::to_string(&server.traces.all()).unwrap();
    assert!(!traces.contains("1111") && !traces.contains("jane"), "{traces}");
}

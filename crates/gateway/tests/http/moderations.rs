//! Whether something is harmful: by a task, by a model elsewhere, or by nobody.

use freehold_gateway::{Moderation, Portfolio};
use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::UsageBasis;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{Line, Scripted, Server, Setup, model, tickets, with_models};

const MODERATIONS: &str = "/v1/moderations";

async fn serve(portfolio: Portfolio, judge: Option<&str>) -> Server {
    let judge =
        judge.map(|it| Moderation { model: it.to_owned(), harmless: vec!["no".to_owned()] });
    let portfolio = portfolio.with_moderation(judge);
    Server::start(Setup { portfolio, ..Setup::default() }).await
}

fn ask(input: impl Into<Value>) -> Value {
    json!({ "input": input.into(), "model": "omni-moderation-latest" })
}

#[tokio::test]
async fn a_task_judges_and_flags_what_it_does_not_know() {
    let server = serve(tickets(), Some("spam")).await;
    let body = ask(vec!["yes yes", "no no", "hm"]);
    let answer = server.post(MODERATIONS, &body.to_string()).await.steady();
    let flagged: Vec<_> = (0..3).map(|n| &answer["results"][n]["flagged"]).collect();
    assert_eq!(flagged, [&json!(true), &json!(false), &json!(true)]);
    assert_eq!(answer["results"][2]["freehold"]["outcome"], "abstained");
    assert_json_snapshot!("moderation_task", answer);
    let trace = answer["results"][0]["freehold"]["trace_id"].as_str().unwrap();
    assert_eq!(server.traces.get(trace).unwrap().endpoint, "moderations");
    let unnamed = server.post(MODERATIONS, r#"{"input":"yes"}"#).await.ok();
    assert_eq!(unnamed["model"], "spam");
}

#[tokio::test]
async fn a_model_elsewhere_judges_under_the_same_rules() {
    let engine = Scripted::new("cloud", DataClass::Internal, Vec::new());
    let portfolio = with_models(&[model("guard", &engine, &[])]);
    let server = serve(portfolio, Some("guard")).await;
    let url = json!({ "url": "data:image/png;base64,AA" });
    let parts =
        json!([{ "type": "text", "text": "hate" }, { "type": "image_url", "image_url": url }]);
    let answer = server.post(MODERATIONS, &ask(parts).to_string()).await.ok();
    assert_json_snapshot!("moderation_model", answer);
    let trace = server.traces.get(answer["freehold"]["trace_id"].as_str().unwrap()).unwrap();
    let generation = trace.generation.unwrap();
    assert_eq!((generation.usage.input_tokens, generation.basis), (1, UsageBasis::Estimated));
    let request = axum::http::Request::post(MODERATIONS)
        .header("content-type", "application/json")
        .header("x-freehold-data-class", "restricted")
        .body(axum::body::Body::from(ask("x").to_string()));
    let denied = server.client().await.send(request.unwrap()).await;
    denied.error(403, "egress_denied");
    engine.says(vec![Line::Fail(engine.error("unavailable"))]);
    server.post(MODERATIONS, &ask("x").to_string()).await.error(503, "engine_unavailable");
}

#[tokio::test]
async fn without_a_judge_nothing_is_judged() {
    let server = serve(tickets(), None).await;
    let mut client = server.client().await;
    let mut check = async |body: Value, status: u16, code: &str, part: &str| {
        let message = client.post(MODERATIONS, &body.to_string()).await.error(status, code);
        assert!(message.contains(part), "{message}");
    };
    let bad = "invalid_request";
    check(ask("x"), 400, bad, "[moderation]").await;
    check(json!({ "input": "x" }), 400, bad, "[moderation]").await;
    check(json!({ "input": "x", "model": "nothing" }), 404, "model_not_found", "nothing").await;
    check(json!({ "input": "x", "model": "spam" }), 400, bad, "harmless").await;
    let server = serve(tickets(), Some("spam")).await;
    let mut client = server.client().await;
    let mut check = async |input: Value, status: u16, code: &str, part: &str| {
        let message = client.post(MODERATIONS, &ask(input).to_string()).await.error(status, code);
        assert!(message.contains(part), "{message}");
    };
    check(json!([]), 400, bad, "empty").await;
    check(json!(""), 400, bad, "empty").await;
    check(json!([1]), 400, "invalid_json", "list of texts").await;
    let image =
        json!([{ "type": "image_url", "image_url": { "url": "https://example.org/a.png" } }]);
    check(image, 400, "unsupported_parameter", "not images").await;
    // No label of the task is called `no`: the operator's mistake, which must not flag everything.
    let server = serve(tickets(), Some("tickets")).await;
    let reply = server.post(MODERATIONS, &ask("billing").to_string()).await;
    reply.error(500, "engine_failed");
    assert_eq!(server.traces.count(), 0);
}

//! The server as its clients see it.

use serde_json::json;

use crate::portfolio::Portfolio;

#[test]
fn answers_traces_feedback_and_review_go_round() {
    let portfolio = Portfolio::deployed();
    let server = portfolio.serve();
    assert_eq!(server.get("/readyz").0, 200);
    let inputs = json!({ "inputs": ["you charged me two times for the same order", "the colour of the sky over the sea"] });
    let (status, body) = server.post("/v1/tasks/ticket-triage/predict", &inputs).unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["results"][0]["outcome"], "answered");
    assert_eq!(body["results"][0]["labels"], json!(["charged_twice"]));
    assert_eq!(body["results"][1]["outcome"], "abstained", "{body}");

    let answered = body["results"][0]["trace_id"].as_str().unwrap();
    let abstained = body["results"][1]["trace_id"].as_str().unwrap();
    let correction =
        json!({ "trace_id": answered, "kind": "correction", "labels": ["refund_status"] });
    assert_eq!(server.post("/v1/feedback", &correction).unwrap().0, 200);
    let unknown =
        json!({ "trace_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "kind": "rating", "rating": 1.0 });
    assert_eq!(server.post("/v1/feedback", &unknown).unwrap().0, 404);

    let waiting = portfolio.json(&["review", "list"]);
    assert_eq!(waiting[0]["trace"], abstained);
    portfolio.run(&["review", "settle", abstained, "--label", "product_question"]);
    portfolio.run(&["feedback", answered, "--rating", "0.5"]);
    let counted = portfolio.json(&["traces", "sql", "select count(*) as n from traces"]);
    assert_eq!(counted["rows"][0][0], 2);
    server.stop();

    let appended = portfolio.json(&["data", "append", "ticket-triage"]);
    assert_eq!(appended["added"], 2, "{appended}");
    let diff = portfolio.json(&[
        "data",
        "diff",
        appended["parent"].as_str().unwrap(),
        appended["digest"].as_str().unwrap(),
    ]);
    assert_eq!(diff["added"], 2, "{diff}");
}

#[test]
fn a_promotion_takes_effect_without_a_failed_request() {
    let portfolio = Portfolio::deployed();
    let server = portfolio.serve();
    let ask = || {
        let body = json!({ "inputs": ["please send an invoice for order A1234"] });
        let (status, body) = server.post("/v1/tasks/ticket-triage/predict", &body).unwrap();
        assert_eq!(status, 200, "{body}");
        body["results"][0]["version"].as_str().unwrap_or_default().to_owned()
    };
    let before = ask();
    portfolio.replace();
    let promoted = portfolio.digest("ticket-triage@micro");
    assert_ne!(before, promoted);
    // Every request on the way is answered; the new version comes within the watch interval.
    while ask() != promoted {}
    portfolio.run(&["models", "rollback", "ticket-triage", "--as", "micro", "--why", "back"]);
    while ask() != before {}
}

#[test]
fn an_alias_is_asked_alone_by_its_name() {
    let portfolio = Portfolio::deployed();
    let path = portfolio.path().join("freehold.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let route = "route = { tiers";
    let alone = "route = { alone = [\"@candidate-micro\"], tiers";
    std::fs::write(&path, text.replace(route, alone)).unwrap();
    portfolio.train(&["--epochs", "3"]);
    let server = portfolio.serve();
    let body = json!({ "inputs": ["you charged me two times for the same order"] });
    for alias in ["micro", "candidate-micro"] {
        let name = format!("ticket-triage@{alias}");
        let (status, answer) = server.post(&format!("/v1/tasks/{name}/predict"), &body).unwrap();
        assert_eq!((status, &answer["alias"]), (200, &json!(alias)), "{answer}");
        assert_eq!(answer["results"][0]["version"], portfolio.digest(&name));
    }
    let (status, answer) = server.post("/v1/tasks/ticket-triage@champion/predict", &body).unwrap();
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("task_not_found")), "{answer}");
}

#[test]
fn with_a_key_in_the_ledger_a_key_is_needed() {
    let portfolio = Portfolio::deployed();
    let secret = portfolio.json(&["keys", "add", "app"])["secret"].as_str().unwrap().to_owned();
    let server = portfolio.serve();
    let body = json!({ "inputs": ["hello"] });
    assert_eq!(server.post("/v1/tasks/ticket-triage/predict", &body).unwrap().0, 401);
    let mut reply = ureq::post(format!("{}/v1/tasks/ticket-triage/predict", server.url))
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    assert!(reply.body_mut().read_to_string().unwrap().contains("trace_id"));
    let listed = portfolio.run(&["keys", "list", "--json"]);
    assert!(!listed.contains(&secret));
}

#[test]
fn the_openai_client_needs_only_another_base_url() {
    let python = std::env::var("FREEHOLD_PYTHON")
        .expect("set FREEHOLD_PYTHON to a Python with `openai`; `make test` does");
    let portfolio = Portfolio::deployed();
    let server = portfolio.serve();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ticket-triage/ask.py");
    let output = std::process::Command::new(python)
        .args([script, &server.url, "you charged me two times for the same order"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("models: ticket-triage") && text.contains("charged_twice"), "{text}");
}

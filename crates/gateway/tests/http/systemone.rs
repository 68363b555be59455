//! `POST /v1/systemone`.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::Server;

const PATH: &str = "/v1/systemone";

fn ask(model: &str, state: Value, questions: Value) -> String {
    json!({ "model": model, "state": state, "questions": questions }).to_string()
}

#[tokio::test]
async fn a_choice_names_the_best_option_and_what_backs_it() {
    let server = Server::default().await;
    let questions = json!({ "topic": { "type": "choice", "instructions": "What is it about?",
        "criteria": { "shipping": null, "billing": "money" } } });
    let answer = server.post(PATH, &ask("tickets", json!("billing"), questions)).await.steady();
    assert_json_snapshot!("systemone_choice", answer);
}

#[tokio::test]
async fn a_score_is_the_expected_level_and_a_noul_the_probability_of_yes() {
    let server = Server::default().await;
    let score = json!({ "urgency": { "type": "score", "criteria": ["low", "mid", "high"] } });
    let answer =
        server.post(PATH, &ask("urgency", json!({ "message": "high" }), score)).await.steady();
    assert_json_snapshot!("systemone_score", answer);
    let noul =
        json!({ "spam": { "type": "noul", "instructions": ["Is it spam?"], "criteria": null } });
    let answer = server.post(PATH, &ask("spam", json!(["yes"]), noul)).await.steady();
    assert_json_snapshot!("systemone_noul", answer);
}

#[tokio::test]
async fn all_questions_of_a_request_are_read_from_one_recorded_answer() {
    let server = Server::default().await;
    // Written by hand, since a JSON value would sort the names.
    let body = r#"{"model": "tickets", "state": "billing", "questions": {
        "z": { "type": "noul", "criteria": { "true": "billing" } },
        "a": { "type": "choice", "criteria": { "login": null, "billing": null, "shipping": null } }
    }}"#;
    let reply = server.post(PATH, body).await;
    let answers = &reply.ok()["answers"];
    assert_eq!(server.traces.count(), 1);
    assert_eq!(answers["a"]["trace_id"], answers["z"]["trace_id"]);
    assert_eq!(answers["z"]["noul"], answers["a"]["probabilities"]["billing"]);
    assert_eq!(answers["a"]["renormalised"], false);
    assert!(reply.text.find("\"z\":").unwrap() < reply.text.find("\"a\":").unwrap());
}

#[tokio::test]
async fn the_order_of_the_options_changes_no_digit() {
    let server = Server::default().await;
    let labels = ["billing", "login", "shipping"];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let mut seen = Vec::new();
    for order in orders {
        // Written by hand, since a JSON value would sort the names.
        let options: Vec<String> =
            order.iter().map(|it| format!("\"{}\": null", labels[*it])).collect();
        let body = format!(
            r#"{{"model": "tickets", "state": "billing login", "questions": {{"q": {{"type": "choice", "criteria": {{{}}}}}}}}}"#,
            options.join(", ")
        );
        let mut answer = server.post(PATH, &body).await.ok()["answers"]["q"].clone();
        answer["trace_id"] = Value::Null;
        seen.push(answer.to_string());
    }
    assert!(seen.iter().all(|it| it == &seen[0]), "{seen:#?}");
}

#[tokio::test]
async fn an_answer_outside_the_options_is_an_abstention() {
    let server = Server::default().await;
    let questions =
        json!({ "q": { "type": "choice", "criteria": { "login": null, "shipping": null } } });
    let answer = server.post(PATH, &ask("tickets", json!("billing"), questions)).await.ok();
    let answer = &answer["answers"]["q"];
    assert_eq!((&answer["abstained"], &answer["tier"]), (&json!(true), &json!("human")));
    assert_eq!(answer["reason"], "the answer lies outside the asked options");
    assert!(answer["certificate"].is_null());
}

#[tokio::test]
async fn a_question_that_fits_no_task_is_told_what_is_deployed() {
    let server = Server::default().await;
    let questions =
        json!({ "q": { "type": "choice", "criteria": { "cats": null, "dogs": null } } });
    let reply = server.post(PATH, &ask("tickets", json!("x"), questions.clone())).await;
    assert_eq!(reply.status, 501);
    assert_json_snapshot!("systemone_unfit", reply.json());
    server.post(PATH, &ask("jev-latest", json!("x"), questions)).await.error(501, "no_task_fits");
    let several =
        json!({ "q": { "type": "choice", "criteria": { "billing": null, "login": null } } });
    let message =
        server.post(PATH, &ask("topics", json!("x"), several)).await.error(501, "no_task_fits");
    assert!(message.contains("noul"), "{message}");
    assert_eq!(server.traces.count(), 0);
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let mut check = async |state: Value, questions: Value, code: &str, part: &str| {
        let message = client.post(PATH, &ask("tickets", state, questions)).await.error(400, code);
        assert!(message.contains(part), "{message}");
    };
    let fine = json!({ "q": { "type": "noul", "criteria": { "true": "billing" } } });
    check(json!(3), fine.clone(), "invalid_request", "`state` is a text").await;
    check(json!(""), fine.clone(), "invalid_request", "`state` is empty").await;
    check(json!("x"), json!({}), "invalid_request", "at least one").await;
    check(json!("x"), json!([]), "invalid_json", "questions").await;
    check(json!("x"), json!({ "q": { "type": "box" } }), "invalid_json", "`questions.q.type`")
        .await;
    check(json!("x"), json!({ "q": { "type": "noul", "hint": 1 } }), "invalid_json", "hint").await;
    check(
        json!("x"),
        json!({ "q": { "type": "choice", "criteria": { "billing": null } } }),
        "invalid_request",
        "2 to 255",
    )
    .await;
    check(
        json!("x"),
        json!({ "q": { "type": "score", "criteria": ["billing"] } }),
        "invalid_request",
        "2 to 10",
    )
    .await;
    check(
        json!("x"),
        json!({ "q": { "type": "noul", "criteria": { "maybe": "x" } } }),
        "invalid_request",
        "maybe",
    )
    .await;
    let many: serde_json::Map<String, Value> =
        (0..65).map(|n| (format!("q{n}"), fine["q"].clone())).collect();
    client
        .post(PATH, &ask("tickets", json!("x"), Value::Object(many)))
        .await
        .error(413, "too_large");
    let twice = r#"{"model": "tickets", "state": "x", "questions": {"q": {"type": "noul"}, "q": {"type": "noul"}}}"#;
    let message = client.post(PATH, twice).await.error(400, "invalid_json");
    assert!(message.contains("`q` occurs twice"), "{message}");
}

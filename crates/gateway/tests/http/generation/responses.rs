//! What clients of OpenAI's responses send and get.

use axum::body::Body;
use axum::http::Request;
use freehold_gateway::Access;
use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{ChatEvent, Part, Role, StopReason};
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use super::chat::{everything, serve};
use super::same::events;
use crate::keys::add;
use crate::support::{
    Line, Scripted, Server, Setup, finished, hello, model, started, text, usage, with_models,
};

const RESPONSES: &str = "/v1/responses";

fn ask(input: impl Into<Value>) -> Value {
    json!({ "model": "large", "input": input.into() })
}

fn id(response: &Value) -> &str {
    response["id"].as_str().unwrap()
}

#[tokio::test]
async fn whole_and_streamed_answers() {
    let (server, _engine) = serve(everything()).await;
    let mut body = ask("?");
    body["include"] = json!(["reasoning.encrypted_content"]);
    assert_json_snapshot!("response", server.post(RESPONSES, &body.to_string()).await.ok());
    body["stream"] = json!(true);
    let reply = server.post(RESPONSES, &body.to_string()).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_snapshot!("response_stream", reply.text);
}

#[tokio::test]
async fn an_answer_that_is_cut_or_declined_says_so() {
    let (server, engine) =
        serve(vec![started(), text("Onc"), finished(StopReason::MaxTokens)]).await;
    let answer = server.post(RESPONSES, &ask("?").to_string()).await.ok();
    assert_eq!(answer["status"], "incomplete");
    assert_eq!(answer["incomplete_details"], json!({ "reason": "max_output_tokens" }));
    assert_eq!(answer["output"][0]["status"], "incomplete");
    let refusal = |text: &str| ChatEvent::RefusalDelta { choice: 0, text: text.to_owned() };
    let script = vec![
        started(),
        Line::Say(refusal("I c")),
        Line::Say(refusal("annot.")),
        finished(StopReason::Refusal),
    ];
    engine.says(script);
    let answer = server.post(RESPONSES, &ask("?").to_string()).await.ok();
    assert_eq!(
        answer["output"][0]["content"],
        json!([{ "type": "refusal", "refusal": "I cannot." }])
    );
    let broken = engine.error("truncated");
    engine.says(vec![started(), text("Hal"), Line::Fail(broken)]);
    let mut body = ask("?");
    body["stream"] = json!(true);
    let reply = server.post(RESPONSES, &body.to_string()).await;
    let last = events(&reply.text).pop().unwrap();
    assert_eq!(last["type"], "response.failed", "{}", reply.text);
    assert_eq!(last["response"]["error"]["code"], "engine_answer_broken");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], "Hal");
}

#[tokio::test]
async fn every_parameter_reaches_the_engine() {
    let (server, engine) = serve(hello()).await;
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let body = json!({
        "model": "large", "instructions": "Be brief.",
        "input": [
            { "role": "developer", "content": "In French." },
            { "role": "user", "content": [
                { "type": "input_text", "text": "What is this?" },
                { "type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low" },
                { "type": "input_file", "file_url": "https://example.org/a.pdf" },
            ] },
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "Hm" }] },
            { "type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
              "content": [{ "type": "output_text", "text": "I look.", "annotations": [] }] },
            { "type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}" },
            { "type": "function_call", "call_id": "b", "name": "weather", "arguments": "" },
            { "type": "function_call_output", "call_id": "a", "output": "rain" },
            { "type": "function_call_output", "call_id": "b", "output": [{ "type": "input_text", "text": "sun" }] },
            { "role": "user", "content": "Go on." },
        ],
        "tools": [{ "type": "function", "name": "weather", "description": "d", "parameters": schema, "strict": true }],
        "tool_choice": { "type": "function", "name": "weather" }, "parallel_tool_calls": false,
        "text": { "format": { "type": "json_schema", "name": "place", "schema": schema, "strict": true }, "verbosity": "low" },
        "temperature": 0.5, "top_p": 0.9, "max_output_tokens": 99, "top_logprobs": 3,
        "include": ["message.output_text.logprobs"], "reasoning": { "effort": "low", "summary": "auto" },
        "user": "u1", "metadata": { "k": "v" }, "service_tier": "flex", "truncation": "auto",
    });
    let answer = server.post(RESPONSES, &body.to_string()).await.ok();
    assert_json_snapshot!("response_request", engine.last());
    for name in
        ["instructions", "text", "tools", "tool_choice", "metadata", "reasoning", "truncation"]
    {
        assert_eq!(answer[name], body[name], "an answer repeats its request");
    }
}

#[tokio::test]
async fn signed_thoughts_come_back_to_who_made_them() {
    let thought =
        |text: &str| Line::Say(ChatEvent::ThinkingDelta { choice: 0, text: text.to_owned() });
    let signed =
        |it: &str| Line::Say(ChatEvent::ThinkingSigned { choice: 0, signature: it.to_owned() });
    let call = ChatEvent::ToolCallStarted {
        choice: 0,
        call: 0,
        id: "call_0".to_owned(),
        name: "weather".to_owned(),
        signature: Some("of the call".to_owned()),
    };
    let script = vec![
        started(),
        thought("Two "),
        thought("cities"),
        signed("c2ln"),
        signed("of a hidden thought"),
        Line::Say(ChatEvent::ThinkingRedacted { choice: 0, data: "AA".to_owned() }),
        Line::Say(call),
        Line::Say(ChatEvent::ToolCallEnded { choice: 0, call: 0 }),
        finished(StopReason::ToolCalls),
        usage(3, 4),
    ];
    let (server, engine) = serve(script).await;
    let result = json!({ "type": "function_call_output", "call_id": "call_0", "output": "rain" });
    let expected = |engine: &Scripted| {
        let said = engine.last().messages[1].clone();
        assert_eq!(said.role, Role::Assistant);
        assert_json_snapshot!("signed_thoughts", said);
        assert!(matches!(engine.last().messages[2].parts[..], [Part::ToolResult { .. }]));
    };
    // Kept by the client, which stores nothing here.
    let mut body = ask("?");
    body["store"] = json!(false);
    body["include"] = json!(["reasoning.encrypted_content"]);
    let first = server.post(RESPONSES, &body.to_string()).await.ok();
    let mut items = vec![json!({ "role": "user", "content": "?" })];
    items.extend(first["output"].as_array().unwrap().iter().cloned());
    items.push(result.clone());
    body["input"] = items.into();
    server.post(RESPONSES, &body.to_string()).await.ok();
    expected(&engine);
    // Kept here.
    let first = server.post(RESPONSES, &ask("?").to_string()).await.ok();
    let mut body = ask(vec![result]);
    body["previous_response_id"] = first["id"].clone();
    server.post(RESPONSES, &body.to_string()).await.ok();
    expected(&engine);
}

#[tokio::test]
async fn a_stored_response_is_retrieved_continued_and_deleted() {
    let (server, engine) = serve(hello()).await;
    let mut client = server.client().await;
    let mut body = ask("one");
    body["stream"] = json!(true);
    body["instructions"] = json!("Only for one turn.");
    let reply = client.post(RESPONSES, &body.to_string()).await;
    let first = events(&reply.text).pop().unwrap()["response"].clone();
    assert_eq!((&first["store"], &first["status"]), (&json!(true), &json!("completed")));
    let path = format!("{RESPONSES}/{}", id(&first));
    assert_eq!(client.get(&path).await.ok(), first, "what is stored is what the stream ended with");
    let streamed = client.get(&format!("{path}?stream=true")).await;
    streamed.error(400, "unsupported_parameter");
    let items = client.get(&format!("{path}/input_items?order=asc&limit=5")).await.ok();
    assert_eq!(items["data"][0]["content"], json!([{ "type": "input_text", "text": "one" }]));
    assert_eq!((&items["has_more"], &items["first_id"]), (&json!(false), &items["data"][0]["id"]));

    let mut body = ask("two");
    body["previous_response_id"] = first["id"].clone();
    let second = client.post(RESPONSES, &body.to_string()).await.ok();
    assert_eq!(second["previous_response_id"], first["id"]);
    let said: Vec<(Role, String)> = engine
        .last()
        .messages
        .iter()
        .map(|it| match &it.parts[..] {
            [Part::Text { text }] => (it.role, text.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let turns = [(Role::User, "one"), (Role::Assistant, "Hello"), (Role::User, "two")];
    assert_eq!(said, turns.map(|(role, text)| (role, text.to_owned())));
    assert!(engine.last().system.is_empty());

    let gone = client.delete(&path).await.ok();
    assert_eq!(gone, json!({ "id": first["id"], "object": "response", "deleted": true }));
    for reply in [
        client.delete(&path).await,
        client.get(&path).await,
        client.post(RESPONSES, &body.to_string()).await,
        client.get("/v1/responses/..%2f..%2fledger").await,
    ] {
        reply.error(404, "not_found");
    }
    // What stood on it can still be seen.
    client.get(&format!("{RESPONSES}/{}", id(&second))).await.ok();
    server.clock.advance_micros(31 * 86_400_000_000);
    client.get(&format!("{RESPONSES}/{}", id(&second))).await.error(404, "not_found");
}

#[tokio::test]
async fn nobody_sees_the_responses_of_another_key() {
    let engine = Scripted::new("cloud", DataClass::Confidential, hello());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let setup = Setup { access: Access::Keys, portfolio, ..Setup::default() };
    let server = Server::start(setup).await;
    for name in ["ann", "bob"] {
        add(&server, name, None).await;
    }
    let mut ann = server.client().await.with_key("fh-ann");
    let mut bob = server.client().await.with_key("fh-bob");
    let first = ann.post(RESPONSES, &ask("one").to_string()).await.ok();
    let path = format!("{RESPONSES}/{}", id(&first));
    let mut body = ask("two");
    body["previous_response_id"] = first["id"].clone();
    for reply in [
        bob.get(&path).await,
        bob.delete(&path).await,
        bob.get(&format!("{path}/input_items")).await,
        bob.post(RESPONSES, &body.to_string()).await,
    ] {
        reply.error(404, "not_found");
    }
    ann.get(&path).await.ok();
}

#[tokio::test]
async fn what_may_not_be_kept_is_not_stored_and_a_class_sticks_to_its_conversation() {
    let (server, engine) = serve(hello()).await;
    let mut client = server.client().await;
    let mut classed = async |body: &Value, class: &str| {
        let request = Request::post(RESPONSES)
            .header("content-type", "application/json")
            .header("x-freehold-data-class", class)
            .body(Body::from(body.to_string()));
        client.send(request.unwrap()).await
    };
    let told = classed(&ask("one"), "confidential").await.ok();
    assert_eq!(told["store"], false, "the engine is elsewhere and the class above internal");
    let unknown = server.get(&format!("{RESPONSES}/{}", id(&told))).await;
    unknown.error(404, "not_found");
    // A task answers here, so what it was asked may be kept; its class goes on with it.
    let mut body = ask("billing");
    body["model"] = json!("tickets");
    let first = classed(&body, "restricted").await.ok();
    assert_eq!(first["store"], true);
    let mut body = ask("and now?");
    body["previous_response_id"] = first["id"].clone();
    let asked = engine.times();
    server.post(RESPONSES, &body.to_string()).await.error(403, "egress_denied");
    assert_eq!(engine.times(), asked);
}

#[tokio::test]
async fn a_task_answers_here_too() {
    let server = Server::default().await;
    let mut body = ask("billing");
    body["model"] = json!("tickets");
    let whole = server.post(RESPONSES, &body.to_string()).await.ok();
    assert_eq!(whole["freehold"]["labels"], json!(["billing"]));
    let text = whole["output"][0]["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["label"], "billing");
    let stored = server.get(&format!("{RESPONSES}/{}", id(&whole))).await.ok();
    assert_eq!(stored, whole);
    body["stream"] = json!(true);
    let reply = server.post(RESPONSES, &body.to_string()).await;
    let told = events(&reply.text);
    let deltas: Vec<&str> = told.iter().filter_map(|it| it["delta"].as_str()).collect();
    assert_eq!(deltas, [text]);
    assert_eq!(told.last().unwrap()["type"], "response.completed");
    body["tools"] = json!([{ "type": "function", "name": "f" }]);
    server.post(RESPONSES, &body.to_string()).await.error(400, "unsupported_parameter");
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong_and_asks_nobody() {
    let (server, engine) = serve(hello()).await;
    let mut client = server.client().await;
    let mut check = async |change: Value, code: &str, part: &str| {
        let mut body = ask("x");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let message = client.post(RESPONSES, &body.to_string()).await.error(400, code);
        assert!(message.contains(part), "{body}: {message}");
    };
    let (bad, not_here) = ("invalid_request", "unsupported_parameter");
    check(json!({ "input": null }), bad, "`input` is empty").await;
    check(json!({ "input": 1 }), bad, "neither a text").await;
    check(json!({ "input": ["a"] }), bad, "input[0]").await;
    check(json!({ "input": [{ "role": "wizard", "content": "a" }] }), bad, "wizard").await;
    check(json!({ "input": [{ "role": "user" }] }), bad, "input[0]").await;
    check(json!({ "input": [{ "type": "web_search_call" }] }), bad, "web_search_call").await;
    check(
        json!({ "input": [{ "type": "item_reference", "id": "a" }] }),
        bad,
        "previous_response_id",
    )
    .await;
    let sealed = json!([{ "type": "reasoning", "summary": [], "encrypted_content": "gAAAA" }]);
    check(json!({ "input": sealed }), bad, "was not made here").await;
    check(json!({ "background": true }), not_here, "batch").await;
    check(json!({ "conversation": "c" }), not_here, "previous_response_id").await;
    check(json!({ "tools": [{ "type": "web_search" }] }), not_here, "web_search").await;
    check(json!({ "include": ["file_search_call.results"] }), not_here, "file_search_call").await;
    check(json!({ "tool_choice": { "type": "mcp" } }), not_here, "tool_choice").await;
    check(json!({ "text": { "format": { "type": "xml" } } }), bad, "text").await;
    check(json!({ "colour": 1 }), "unknown_parameter", "colour").await;
    check(json!({ "temperature": "hot" }), bad, "temperature").await;
    assert_eq!(engine.times(), 0);
}

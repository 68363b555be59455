//! What servers send that their documentation does not say.

use std::sync::Arc;

use freehold_engines::remote::find;
use freehold_vocabulary::chat::{
    ChatAnswer, ChatRequest, Delivery, Effort, Extras, Part, Protocol, StopReason,
};
use serde_json::{Value, json};

use crate::stand_in::{Reply, StandIn, Step, connect, request, sse};

async fn answered(provider: &str, delivery: Delivery, reply: Reply) -> ChatAnswer {
    let script = Arc::new(move |_: &str, _: &Value| reply.clone());
    let server = StandIn::start(script).await;
    let connected = connect(find(provider).unwrap(), &server);
    connected.ask(request("x", delivery)).await.unwrap()
}

async fn sent(provider: &str, asked: ChatRequest) -> (Value, Vec<String>) {
    let provider = find(provider).unwrap();
    let server = StandIn::start(crate::stand_in::script(provider)).await;
    let answer = connect(provider, &server).ask(asked).await.unwrap();
    (server.last().body, answer.ignored)
}

fn streamed(pieces: &[Value]) -> Reply {
    Reply::events(vec![Step::Send(sse(pieces))])
}

fn delta(delta: Value, finish: Value) -> Value {
    json!({ "id": "1", "model": "m", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
}

fn calls(answer: &ChatAnswer) -> Vec<(String, String)> {
    let parts = answer.choices[0].parts.iter();
    parts
        .filter_map(|part| match part {
            Part::ToolUse(it) => Some((it.name.clone(), it.arguments.clone())),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn calls_are_told_apart_without_a_good_index() {
    let call = |index: Value, id: &str, name: &str| {
        json!({ "tool_calls": [{ "index": index, "id": id,
                "function": { "name": name, "arguments": "{}" } }] })
    };
    for index in [json!(0), Value::Null] {
        let reply = streamed(&[
            delta(call(index.clone(), "a", "f"), Value::Null),
            delta(call(index.clone(), "b", "g"), Value::Null),
            // Without an end mark, and with `stop` although tools are to run.
            delta(json!({}), json!("stop")),
        ]);
        let answer = answered("vllm", Delivery::Streamed, reply).await;
        let expected = [("f", "{}"), ("g", "{}")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(calls(&answer), expected, "{index}");
        assert_eq!(answer.choices[0].reason, StopReason::ToolCalls);
    }
}

#[tokio::test]
async fn arguments_may_be_an_object_and_an_id_may_be_missing() {
    let call = json!({ "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }] });
    let reply = streamed(&[delta(call, json!("tool_calls"))]);
    let answer = answered("ollama", Delivery::Streamed, reply).await;
    assert_eq!(calls(&answer), [("f".to_owned(), "{\"a\":1}".to_owned())]);
}

#[tokio::test]
async fn a_server_may_answer_in_one_piece_although_asked_to_stream() {
    let whole = json!({ "id": "1", "model": "m", "choices": [
        { "index": 0, "message": { "content": "hello" }, "finish_reason": "stop" } ] });
    let answer = answered("tgi", Delivery::Streamed, Reply::json(200, &whole)).await;
    assert_eq!(answer.choices[0].text(), "hello");
    assert_eq!(answer.usage, None, "unknown is not zero");
}

#[tokio::test]
async fn thoughts_come_under_three_names() {
    let chunks = json!([
        { "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] },
        { "type": "text", "text": "a" },
    ]);
    for (provider, delta_of) in [
        ("deepseek", json!({ "reasoning_content": "hm", "content": "a" })),
        ("openrouter", json!({ "reasoning": "hm", "content": "a" })),
        ("mistral", json!({ "content": chunks })),
    ] {
        let reply = streamed(&[delta(delta_of, json!("stop"))]);
        let answer = answered(provider, Delivery::Streamed, reply).await;
        let thought = Part::Thinking { text: "hm".to_owned(), signature: None };
        assert_eq!(answer.choices[0].parts, [thought, Part::text("a")], "{provider}");
    }
}

#[tokio::test]
async fn anthropic_thinks_signs_and_hides() {
    let block = |index: u32, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let more = |index: u32, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let stop = |index: u32| json!({ "type": "content_block_stop", "index": index });
    let reply = streamed(&[
        json!({ "type": "message_start", "message": { "id": "1", "model": "m", "content": [] } }),
        block(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        more(0, json!({ "type": "thinking_delta", "thinking": "hm" })),
        more(0, json!({ "type": "signature_delta", "signature": "proof" })),
        stop(0),
        block(1, json!({ "type": "redacted_thinking", "data": "xyz" })),
        stop(1),
        json!({ "type": "from_the_future" }),
        block(2, json!({ "type": "text", "text": "" })),
        more(2, json!({ "type": "text_delta", "text": "a" })),
        stop(2),
        json!({ "type": "message_delta", "delta": { "stop_reason": "stop_sequence", "stop_sequence": "END" } }),
        json!({ "type": "message_stop" }),
    ]);
    let answer = answered("anthropic", Delivery::Streamed, reply).await;
    let signature = Some("proof".to_owned());
    let expected = [
        Part::Thinking { text: "hm".to_owned(), signature },
        Part::RedactedThinking { data: "xyz".to_owned() },
        Part::text("a"),
    ];
    assert_eq!(answer.choices[0].parts, expected);
    let sequence = Some("END".to_owned());
    assert_eq!(answer.choices[0].reason, StopReason::StopSequence { sequence });
}

#[tokio::test]
async fn several_choices_are_all_awaited() {
    let choice = |index: u32, text: &str, finish: Value| {
        json!({ "id": "1", "model": "m", "choices": [
            { "index": index, "delta": { "content": text }, "finish_reason": finish } ] })
    };
    let one = [choice(1, "b", json!("stop"))];
    let both = [
        choice(0, "a", Value::Null),
        choice(1, "b", json!("length")),
        choice(0, "c", json!("stop")),
    ];
    for (pieces, expected) in [(&one[..], None), (&both[..], Some(["ac", "b"]))] {
        let reply = streamed(pieces);
        let script = Arc::new(move |_: &str, _: &Value| reply.clone());
        let server = StandIn::start(script).await;
        let connected = connect(find("openai").unwrap(), &server);
        let mut asked = request("x", Delivery::Streamed);
        asked.sampling.n = Some(2);
        let texts = connected.ask(asked).await.ok().map(|answer| {
            answer.choices.iter().map(freehold_vocabulary::chat::Choice::text).collect::<Vec<_>>()
        });
        assert_eq!(texts, expected.map(|it| it.map(str::to_owned).to_vec()));
    }
}

#[tokio::test]
async fn wishes_are_fulfilled_or_named() {
    let mut asked = request("text", Delivery::Whole);
    asked.sampling.seed = Some(7);
    asked.sampling.top_k = Some(5);
    asked.sampling.max_tokens = Some(100);
    asked.reasoning.effort = Some(Effort::Low);
    asked.user = Some("u-1".to_owned());
    asked.messages[0].parts.push(Part::CachePoint { ttl: None });
    let mut extras = Extras::new();
    extras.insert(Protocol::OpenAi, "service_tier", json!("flex"));
    extras.insert(Protocol::OpenAi, "stream", json!(true));
    extras.insert(Protocol::Anthropic, "container", json!("c"));
    asked.extras = extras;

    let (body, ignored) = sent("openai", asked.clone()).await;
    assert_eq!(ignored, ["cache_control", "top_k", "stream", "container"]);
    assert_eq!(body["max_completion_tokens"], 100);
    assert_eq!(body["seed"], 7);
    assert_eq!(body["service_tier"], "flex");
    assert_eq!(body.get("stream"), None);
    assert_eq!(body["messages"][0]["content"], "text");

    let (body, ignored) = sent("mistral", asked.clone()).await;
    assert_eq!(body["random_seed"], 7);
    assert_eq!(body["max_tokens"], 100);
    assert!(ignored.contains(&"user".to_owned()), "{ignored:?}");

    let (body, ignored) = sent("anthropic", asked).await;
    assert_eq!(ignored, ["seed", "service_tier", "stream"]);
    assert_eq!(body["output_config"]["effort"], "low");
    assert_eq!(body["messages"][0]["content"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(body["container"], "c");
    assert_eq!(body["metadata"]["user_id"], "u-1");
}

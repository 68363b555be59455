//! Streamed is not streamed: content, usage and cost are the same, whatever the engine says.

use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{ChatEvent, StopReason, TokenLogProb, Usage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use super::{CHAT, ask};
use crate::support::{Line, Scripted, Server, Setup, model, started, with_models};

/// What a step adds; calls are numbered when the script is put together.
#[derive(Debug, Clone)]
enum Add {
    Text(String),
    Refusal(String),
    Thought(String),
    Signed,
    Call(String),
    Arguments(usize, String),
    Token(f64),
    Usage(u64, u64, u64),
}

fn add() -> impl Strategy<Value = Add> {
    let text = || "[a-zé\"\\\\\n😀 ]{0,6}";
    prop_oneof![
        4 => text().prop_map(Add::Text),
        1 => text().prop_map(Add::Refusal),
        2 => text().prop_map(Add::Thought),
        1 => Just(Add::Signed),
        2 => "[a-z]{1,6}".prop_map(Add::Call),
        4 => (0usize..3, text()).prop_map(|(call, text)| Add::Arguments(call, text)),
        1 => (-9.0..0.0).prop_map(Add::Token),
        1 => (0u64..1000, 0u64..1000, 0u64..1000).prop_map(|(a, b, c)| Add::Usage(a, b, c)),
    ]
}

fn reason() -> impl Strategy<Value = StopReason> {
    prop_oneof![
        Just(StopReason::EndTurn),
        Just(StopReason::StopSequence { sequence: Some("END".to_owned()) }),
        Just(StopReason::MaxTokens),
        Just(StopReason::ToolCalls),
        Just(StopReason::ContentFilter),
        Just(StopReason::Refusal),
    ]
}

/// A sequence that keeps to the order of events.
pub fn script(choices: usize) -> impl Strategy<Value = Vec<Line>> {
    let steps = vec((0..choices as u32, add()), 0..24);
    (steps, vec(reason(), choices)).prop_map(move |(steps, reasons)| {
        let mut lines = vec![started()];
        let mut calls = vec![0u32; choices];
        for (choice, add) in steps {
            let so_far = &mut calls[choice as usize];
            let event = match add {
                Add::Text(text) => ChatEvent::TextDelta { choice, text },
                Add::Refusal(text) => ChatEvent::RefusalDelta { choice, text },
                Add::Thought(text) => ChatEvent::ThinkingDelta { choice, text },
                Add::Signed => ChatEvent::ThinkingSigned { choice, signature: "c2ln".to_owned() },
                Add::Call(name) => {
                    let call = *so_far;
                    *so_far += 1;
                    let (id, signature) = (format!("c{choice}-{call}"), None);
                    ChatEvent::ToolCallStarted { choice, call, id, name, signature }
                }
                Add::Arguments(call, fragment) if (call as u32) < *so_far => {
                    ChatEvent::ToolCallArguments { choice, call: call as u32, fragment }
                }
                Add::Arguments(_, text) => ChatEvent::TextDelta { choice, text },
                Add::Token(logprob) => {
                    let (token, bytes, top) = ("t".to_owned(), None, Vec::new());
                    let tokens = vec![TokenLogProb { token, logprob, bytes, top }];
                    ChatEvent::LogProbs { choice, tokens }
                }
                Add::Usage(input_tokens, output_tokens, cached_input_tokens) => {
                    let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
                    let cached_input_tokens = cached_input_tokens.min(input_tokens);
                    ChatEvent::Usage(Usage { cached_input_tokens, ..usage })
                }
            };
            lines.push(Line::Say(event));
        }
        for (choice, (reason, calls)) in (0..).zip(reasons.into_iter().zip(calls)) {
            lines.extend(
                (0..calls).map(|call| Line::Say(ChatEvent::ToolCallEnded { choice, call })),
            );
            lines.push(Line::Say(ChatEvent::Finished { choice, reason }));
        }
        lines
    })
}

/// Asks for the same whole and streamed, through the server, and compares.
pub fn check(choices: usize, path: &'static str, body: Value, folded: fn(&str) -> Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = Scripted::new("cloud", DataClass::Confidential, Vec::new());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let server = runtime.block_on(Server::start(Setup { portfolio, ..Setup::default() }));
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let ran = TestRunner::new_with_rng(config, rng).run(&script(choices), |script| {
        engine.says(script);
        let mut streamed = body.clone();
        streamed["stream"] = json!(true);
        if path == CHAT {
            streamed["stream_options"] = json!({ "include_usage": true });
        }
        let (whole, streamed) = runtime.block_on(async {
            let mut client = server.client().await;
            let whole = client.post(path, &body.to_string()).await;
            (whole, client.post(path, &streamed.to_string()).await)
        });
        prop_assert_eq!(whole.status, 200, "{}", whole.text);
        let (mut whole, mut folded) = (whole.json(), folded(&streamed.text));
        let traces: Vec<_> = [&whole, &folded]
            .map(|it| it["freehold"]["trace_id"].as_str().unwrap().to_owned())
            .map(|id| server.traces.get(&id).unwrap().generation.unwrap())
            .into();
        prop_assert_eq!(&traces[0].cost, &traces[1].cost);
        prop_assert_eq!(&traces[0].usage, &traces[1].usage);
        prop_assert_eq!(&traces[0].answer, &traces[1].answer);
        for answer in [&mut whole, &mut folded] {
            // Ids of answers and of their items are made of it.
            let trace = answer["freehold"]["trace_id"].as_str().unwrap().to_owned();
            *answer = serde_json::from_str(&answer.to_string().replace(&trace, "")).unwrap();
        }
        prop_assert_eq!(whole, folded, "{}", streamed.text);
        Ok(())
    });
    if let Err(cause) = ran {
        panic!("{cause}");
    }
}

/// The JSON of every `data:` line.
pub fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|it| it.strip_prefix("data: "));
    data.filter(|it| *it != "[DONE]").map(|it| serde_json::from_str(it).unwrap()).collect()
}

/// As a client adds chunks up.
fn folded_chat(text: &str) -> Value {
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let mut whole = Map::new();
    let mut choices: Vec<Value> = Vec::new();
    for mut chunk in events(text) {
        for sent in chunk["choices"].take().as_array().unwrap() {
            let index = sent["index"].as_u64().unwrap() as usize;
            while choices.len() <= index {
                choices.push(json!({
                    "index": choices.len(), "logprobs": null, "finish_reason": null,
                    "message": { "content": null, "refusal": null },
                }));
            }
            add_up(&mut choices[index], sent);
        }
        for (name, value) in chunk.as_object().unwrap() {
            whole.insert(name.clone(), value.clone());
        }
    }
    whole.insert("object".to_owned(), json!("chat.completion"));
    whole.insert("choices".to_owned(), json!(choices));
    Value::Object(whole)
}

fn add_up(choice: &mut Value, sent: &Value) {
    for (name, value) in sent["delta"].as_object().unwrap() {
        let message = &mut choice["message"];
        match name.as_str() {
            "role" => message[name] = value.clone(),
            "tool_calls" => value.as_array().unwrap().iter().for_each(|it| call(message, it)),
            _ => {
                let before = message[name].as_str().unwrap_or_default();
                message[name] = json!(format!("{before}{}", value.as_str().unwrap()));
            }
        }
    }
    if let Some(tokens) = sent["logprobs"]["content"].as_array() {
        if choice["logprobs"].is_null() {
            choice["logprobs"] = json!({ "content": [], "refusal": null });
        }
        choice["logprobs"]["content"].as_array_mut().unwrap().extend(tokens.iter().cloned());
    }
    if !sent["finish_reason"].is_null() {
        choice["finish_reason"] = sent["finish_reason"].clone();
    }
}

fn call(message: &mut Value, sent: &Value) {
    let index = sent["index"].as_u64().unwrap() as usize;
    if message["tool_calls"].is_null() {
        message["tool_calls"] = json!([]);
    }
    let calls = message["tool_calls"].as_array_mut().unwrap();
    if index == calls.len() {
        let mut begun = sent.clone();
        begun.as_object_mut().unwrap().remove("index");
        calls.push(begun);
        return;
    }
    let before = calls[index]["function"]["arguments"].as_str().unwrap();
    let more = sent["function"]["arguments"].as_str().unwrap();
    calls[index]["function"]["arguments"] = json!(format!("{before}{more}"));
}

#[test]
fn chat_completions() {
    check(2, CHAT, ask("hi"), folded_chat);
}

/// As a client adds the frames of messages up.
fn folded_messages(text: &str) -> Value {
    let mut message = Value::Null;
    let mut arguments = String::new();
    for event in events(text) {
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!(content.len() as u64, event["index"].as_u64().unwrap(), "{text}");
                content.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let block = message["content"].as_array_mut().unwrap().last_mut().unwrap();
                for name in ["text", "thinking", "signature"] {
                    if let Some(more) = event["delta"][name].as_str() {
                        let before = block[name].as_str().unwrap_or_default();
                        block[name] = json!(format!("{before}{more}"));
                    }
                }
                arguments.push_str(event["delta"]["partial_json"].as_str().unwrap_or_default());
            }
            "content_block_stop" => {
                let block = message["content"].as_array_mut().unwrap().last_mut().unwrap();
                let said = std::mem::take(&mut arguments);
                if block["type"] == "tool_use" && !said.is_empty() {
                    let parsed = serde_json::from_str::<Value>(&said).ok();
                    let object = parsed.filter(Value::is_object);
                    block["input"] = object.unwrap_or(json!({ "INVALID_JSON": said }));
                }
            }
            "message_delta" => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = event["delta"]["stop_sequence"].clone();
                message["usage"] = event["usage"].clone();
                message["freehold"] = event["freehold"].clone();
            }
            "ping" | "message_stop" => {}
            other => panic!("{other}"),
        }
    }
    message
}

#[test]
fn messages() {
    let mut body = ask("hi");
    body["max_tokens"] = json!(99);
    check(1, "/v1/messages", body, folded_messages);
}

/// As a client builds a response from the pieces of its stream, which must be what its end says.
fn folded_response(text: &str) -> Value {
    let mut output: Vec<Value> = Vec::new();
    let mut last = Value::Null;
    for (place, event) in events(text).into_iter().enumerate() {
        assert_eq!(event["sequence_number"], place, "{text}");
        let index = event["output_index"].as_u64().map(|it| it as usize);
        let Some(index) = index else {
            last = event["response"].clone();
            continue;
        };
        let kind = event["type"].as_str().unwrap().strip_prefix("response.").unwrap();
        if kind == "output_item.added" {
            assert_eq!(index, output.len(), "{text}");
            output.push(event["item"].clone());
            continue;
        }
        let item = &mut output[index];
        let part = event["content_index"].as_u64().map(|it| it as usize);
        match kind {
            "content_part.added" => {
                let parts = item["content"].as_array_mut().unwrap();
                assert_eq!(Some(parts.len()), part, "{text}");
                parts.push(event["part"].clone());
            }
            "output_text.delta" | "reasoning_text.delta" => {
                more(&mut item["content"][part.unwrap()]["text"], &event["delta"]);
            }
            "refusal.delta" => {
                more(&mut item["content"][part.unwrap()]["refusal"], &event["delta"])
            }
            "function_call_arguments.delta" => more(&mut item["arguments"], &event["delta"]),
            "output_text.done" | "reasoning_text.done" => {
                assert_eq!(item["content"][part.unwrap()]["text"], event["text"], "{text}");
                item["content"][part.unwrap()]["logprobs"] = event["logprobs"].clone();
            }
            "refusal.done" => {
                assert_eq!(item["content"][part.unwrap()]["refusal"], event["refusal"], "{text}");
            }
            "function_call_arguments.done" => {
                assert_eq!(item["arguments"], event["arguments"], "{text}");
            }
            "content_part.done" => item["content"][part.unwrap()] = event["part"].clone(),
            "output_item.done" => {
                item["status"] = event["item"]["status"].clone();
                // A proof of thought comes with the end of its item.
                if let Some(sealed) = event["item"].get("encrypted_content") {
                    item["encrypted_content"] = sealed.clone();
                }
                assert_eq!(*item, event["item"], "{text}");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(last["output"], json!(output), "{text}");
    last
}

fn more(text: &mut Value, delta: &Value) {
    *text = json!(format!("{}{}", text.as_str().unwrap(), delta.as_str().unwrap()));
}

#[test]
fn responses() {
    let include = ["reasoning.encrypted_content", "message.output_text.logprobs"];
    let body = json!({ "model": "large", "input": "hi", "store": false, "include": include });
    check(1, "/v1/responses", body, folded_response);
}

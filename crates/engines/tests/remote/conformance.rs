//! What every provider must do, run for every row of the table.

use freehold_engines::remote::{PROVIDERS, Provider, Speaks};
use freehold_vocabulary::chat::{
    ChatAnswer, ChatError, ChatRequest, Delivery, EmbeddingsInput, EmbeddingsRequest, JsonSchema,
    Message, Part, ResponseFormat, Role, StopReason, Tool, ToolUse, Usage,
};
use freehold_vocabulary::ports::ChatEngine as _;
use serde_json::{Value, json};

use crate::stand_in::{StandIn, connect, request, script};

/// Every provider that chats, with a server of its own.
async fn each(check: impl AsyncFn(&'static Provider, StandIn)) {
    for provider in PROVIDERS {
        if !matches!(provider.speaks, Speaks::OpenAi(dialect) if !dialect.chat) {
            check(provider, StandIn::start(script(provider)).await).await;
        }
    }
}

/// Asks in both ways and holds the answers against each other.
async fn both(provider: &'static Provider, server: &StandIn, asked: ChatRequest) -> ChatAnswer {
    let connected = connect(provider, server);
    let name = provider.name;
    let mut answers = Vec::new();
    for delivery in [Delivery::Whole, Delivery::Streamed] {
        let asked = ChatRequest { delivery, ..asked.clone() };
        let mut answer =
            connected.ask(asked).await.unwrap_or_else(|it| panic!("{name} {delivery:?}: {it}"));
        // Spaces in arguments are the writer's; what they say must be equal.
        for part in answer.choices.iter_mut().flat_map(|it| &mut it.parts) {
            if let Part::ToolUse(tool) = part {
                let value: Value = serde_json::from_str(&tool.arguments).unwrap();
                tool.arguments = value.to_string();
            }
        }
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1], "{name}: whole and streamed");
    answers.remove(0)
}

#[tokio::test]
async fn a_text_is_the_same_whole_and_streamed() {
    each(async |provider, server| {
        let answer = both(provider, &server, request("text", Delivery::Whole)).await;
        let choice = &answer.choices[0];
        assert_eq!(choice.text(), "Grüezi, Welt 😀", "{}", provider.name);
        assert_eq!(choice.reason, StopReason::EndTurn, "{}", provider.name);
        // Bedrock does not say who answered, nor what was thought.
        let bedrock = matches!(provider.speaks, Speaks::Bedrock);
        let model = if bedrock { "m-1" } else { "m-1-2026" };
        assert_eq!(answer.model, model, "{}", provider.name);
        assert_eq!(answer.ignored, Vec::<String>::new(), "{}", provider.name);
        let output_tokens = if provider.name == "xai" { 12 } else { 9 };
        let expected = Usage {
            input_tokens: 20,
            cached_input_tokens: 8,
            cache_written_tokens: 0,
            output_tokens,
            reasoning_tokens: if bedrock { 0 } else { 3 },
        };
        assert_eq!(answer.usage, Some(expected), "{}", provider.name);
    })
    .await;
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: Some("says".to_owned()),
        parameters: json!({ "type": "object", "properties": { "city": { "type": "string" } } }),
        strict: None,
        extras: freehold_vocabulary::chat::Extras::new(),
    }
}

#[tokio::test]
async fn parallel_tool_calls_arrive_whole() {
    each(async |provider, server| {
        let mut asked = request("tools", Delivery::Whole);
        asked.tools = vec![tool("weather"), tool("clock")];
        let answer = both(provider, &server, asked).await;
        let choice = &answer.choices[0];
        assert_eq!(choice.reason, StopReason::ToolCalls, "{}", provider.name);
        let calls: Vec<(&str, &str, &str)> = choice
            .parts
            .iter()
            .map(|part| match part {
                Part::ToolUse(it) => (it.id.as_str(), it.name.as_str(), it.arguments.as_str()),
                other => panic!("{}: {other:?}", provider.name),
            })
            .collect();
        let input = r#"{"city":"Zürich","days":2}"#;
        let expected = [("call_a", "weather", input), ("call_b", "clock", "{}")];
        assert_eq!(calls, expected, "{}", provider.name);
        let sent = server.last().body.to_string();
        assert!(sent.contains("\"city\"") && sent.contains("says"), "{}: {sent}", provider.name);
    })
    .await;
}

#[tokio::test]
async fn results_of_tools_go_back() {
    each(async |provider, server| {
        let use_of = |id: &str, name: &str| {
            let arguments = "{\"city\": \"Bern\"}".to_owned();
            Part::ToolUse(ToolUse {
                id: id.to_owned(),
                name: name.to_owned(),
                arguments,
                signature: None,
            })
        };
        let result = |id: &str, text: &str| Part::ToolResult {
            id: id.to_owned(),
            content: vec![Part::text(text)],
            is_error: false,
        };
        let mut asked = request("how is it?", Delivery::Whole);
        asked.system = vec![Part::text("be brief")];
        asked.tools = vec![tool("weather"), tool("clock")];
        let parts = vec![use_of("call_a", "weather"), use_of("call_b", "clock")];
        asked.messages.push(Message { role: Role::Assistant, parts, name: None });
        let parts = vec![result("call_a", "rain"), result("call_b", "noon"), Part::text("text")];
        asked.messages.push(Message { role: Role::User, parts, name: None });
        both(provider, &server, asked).await;
        let body = server.last().body;
        let turns = body.get("messages").or(body.get("contents")).unwrap().as_array().unwrap();
        let roles: Vec<&str> = turns.iter().map(|it| it["role"].as_str().unwrap()).collect();
        let expected: &[&str] = match provider.speaks {
            Speaks::OpenAi(_) => &["system", "user", "assistant", "tool", "tool", "user"],
            Speaks::Anthropic | Speaks::Bedrock => &["user", "assistant", "user"],
            Speaks::Gemini => &["user", "model", "user"],
        };
        assert_eq!(roles, expected, "{}", provider.name);
        let text = body.to_string();
        for expected in ["be brief", "call_a", "rain", "noon", "Bern"] {
            assert!(text.contains(expected), "{}: {expected} in {text}", provider.name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_schema_is_demanded_or_the_request_refused() {
    each(async |provider, server| {
        let mut asked = request("schema", Delivery::Whole);
        let schema = json!({ "type": "object", "properties": { "label": { "enum": ["a"] } } });
        asked.response_format = ResponseFormat::JsonSchema(JsonSchema {
            name: "verdict".to_owned(),
            description: None,
            schema: schema.clone(),
            strict: Some(true),
        });
        if provider.name == "deepseek" {
            let error = connect(provider, &server).ask(asked).await.unwrap_err();
            assert!(matches!(error, ChatError::Unsupported { .. }), "{error}");
            assert_eq!(server.count(), 0, "nothing was sent");
            return;
        }
        let answer = both(provider, &server, asked).await;
        assert_eq!(answer.choices[0].text(), "{\"label\":\"a\"}", "{}", provider.name);
        let sent = server.last().body.to_string();
        // Bedrock wants the schema as a text.
        let text = Value::String(schema.to_string()).to_string();
        let contains = sent.contains(&schema.to_string()) || sent.contains(&text);
        assert!(contains, "{}: {sent}", provider.name);
    })
    .await;
}

#[tokio::test]
async fn the_key_is_shown_as_the_provider_asks() {
    each(async |provider, server| {
        connect(provider, &server).ask(request("text", Delivery::Whole)).await.unwrap();
        let headers = server.last().headers;
        let (name, value) =
            headers.iter().find(|(_, it)| it.contains(crate::stand_in::KEY)).unwrap();
        let expected = match provider.name {
            "anthropic" => "x-api-key",
            "azure" => "api-key",
            "bedrock" => "x-amz-security-token",
            "gemini" => "x-goog-api-key",
            _ => "authorization",
        };
        assert_eq!(name, expected, "{}", provider.name);
        assert_eq!(value.starts_with("Bearer "), expected == "authorization", "{}", provider.name);
    })
    .await;
}

#[tokio::test]
async fn models_and_health_are_found() {
    for provider in PROVIDERS {
        let server = StandIn::start(script(provider)).await;
        let connected = connect(provider, &server);
        let models = connected.engine.models().await.unwrap();
        assert_eq!(models[0].id, "m-1", "{}", provider.name);
        assert_eq!(models[0].parent, None, "{}", provider.name);
        let says = !matches!(provider.speaks, Speaks::Bedrock);
        assert_eq!(models[0].context_tokens.is_some(), says, "{}", provider.name);
        let health = connected.engine.health().await.unwrap();
        let expected = provider.probe.version.map(|_| "1.2.3".to_owned());
        assert_eq!(health.version, expected, "{}", provider.name);
    }
}

#[tokio::test]
async fn embeddings_keep_their_order_or_are_refused() {
    for provider in PROVIDERS {
        let server = StandIn::start(script(provider)).await;
        let connected = connect(provider, &server);
        let inputs = ["a", "four", "no"].map(|it| EmbeddingsInput::Text(it.to_owned()));
        let asked = EmbeddingsRequest {
            model: "m-1".to_owned(),
            inputs: inputs.to_vec(),
            ..EmbeddingsRequest::default()
        };
        match connected.engine.embed(connected.clear(asked)).await {
            Ok(answer) => {
                let lengths: Vec<f32> = answer.embeddings.iter().map(|it| it[0]).collect();
                assert_eq!(lengths, [1.0, 4.0, 2.0], "{}", provider.name);
            }
            Err(ChatError::Unsupported { .. }) => {
                let known = match provider.speaks {
                    Speaks::OpenAi(dialect) => dialect.embeddings,
                    // Of Bedrock's, only some embed, one text at a time.
                    Speaks::Anthropic | Speaks::Bedrock => false,
                    Speaks::Gemini => true,
                };
                assert!(!known, "{}", provider.name);
                assert_eq!(server.count(), 0, "{}", provider.name);
            }
            Err(error) => panic!("{}: {error}", provider.name),
        }
    }
}

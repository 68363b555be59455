//! What only Amazon's Bedrock does: signatures, bearer keys, thoughts, embeddings of one text.

use std::sync::Arc;

use freehold_engines::remote::{RemoteEngine, Secret, Timeouts, find};
use freehold_vocabulary::chat::{
    ChatError, Delivery, EmbeddingsInput, EmbeddingsRequest, ImageSource, Part, StopReason,
    ToolChoice,
};
use freehold_vocabulary::ports::ChatEngine as _;
use serde_json::{Value, json};

use crate::stand_in::{self, Reply, StandIn, Step, bedrock, connect, request};

async fn start() -> StandIn {
    StandIn::start(Arc::new(bedrock::reply)).await
}

#[tokio::test]
async fn a_wrong_key_signs_what_is_not_believed() {
    let server = start().await;
    let provider = find("bedrock").unwrap();
    let mut options = stand_in::options(provider, &server, Timeouts::default());
    options.aws = Some(stand_in::access("another"));
    let error = RemoteEngine::new(&options).unwrap().models().await.unwrap_err();
    assert!(matches!(&error, ChatError::Unauthorised { status: 403, .. }), "{error}");
    options.aws = Some(stand_in::access(stand_in::SECRET_KEY));
    assert_eq!(RemoteEngine::new(&options).unwrap().models().await.unwrap().len(), 1);
    let headers = server.last().headers;
    assert!(headers.iter().all(|(_, it)| !it.contains(stand_in::SECRET_KEY)), "{headers:?}");
    options.aws = None;
    let error = RemoteEngine::new(&options).unwrap_err().to_string();
    assert!(error.contains("needs `key`"), "{error}");
}

#[tokio::test]
async fn a_bearer_key_needs_no_signature() {
    let server = start().await;
    let mut options = stand_in::options(find("bedrock").unwrap(), &server, Timeouts::default());
    options.key = Some(Secret::new("bedrock-api-key-1"));
    RemoteEngine::new(&options).unwrap().models().await.unwrap();
    let headers = server.last().headers;
    let authorization = headers.iter().find(|it| it.0 == "authorization").unwrap();
    assert_eq!(authorization.1, "Bearer bedrock-api-key-1");
    assert!(headers.iter().all(|it| !it.0.starts_with("x-amz-")), "{headers:?}");
}

#[tokio::test]
async fn one_text_is_embedded_by_titan() {
    let server = start().await;
    let connected = connect(find("bedrock").unwrap(), &server);
    let asked = EmbeddingsRequest {
        model: "amazon.titan-embed-text-v2:0".to_owned(),
        inputs: vec![EmbeddingsInput::Text("four".to_owned())],
        dimensions: Some(256),
        ..EmbeddingsRequest::default()
    };
    let answer = connected.engine.embed(connected.clear(asked)).await.unwrap();
    assert_eq!(answer.embeddings, [[4.0, 0.5]]);
    assert_eq!(answer.usage.unwrap().input_tokens, 4);
    assert_eq!(server.last().body, json!({ "inputText": "four", "dimensions": 256 }));
}

/// An exception's name tells what the status should have been.
async fn excepted(name: &'static str, expected: &str) {
    let reply = move |_: &str, _: &Value| {
        let kind = ("exception", ":exception-type", name);
        bedrock::framed(vec![Step::Bytes(bedrock::frame(kind, &json!({ "message": "so" })))])
    };
    let server = StandIn::start(Arc::new(reply)).await;
    let asked = request("text", Delivery::Streamed);
    let error = connect(find("bedrock").unwrap(), &server).ask(asked).await.unwrap_err();
    assert!(error.to_string().contains(expected), "{name}: {error}");
}

#[tokio::test]
async fn exceptions_are_told_apart() {
    excepted("throttlingException", "limits the rate").await;
    excepted("validationException", "refused the request (400): so").await;
    excepted("modelStreamErrorException", "failed (500): so").await;
}

#[tokio::test]
async fn a_model_that_failed_may_be_asked_again() {
    let reply = |_: &str, _: &Value| Reply::json(424, &json!({ "message": "the model erred" }));
    let server = StandIn::start(Arc::new(reply)).await;
    let asked = request("text", Delivery::Whole);
    let error = connect(find("bedrock").unwrap(), &server).ask(asked).await.unwrap_err();
    assert!(error.is_fault_of_engine(), "{error}");
}

#[tokio::test]
async fn thoughts_come_and_go_back() {
    let thought = json!({ "reasoningText": { "text": "hm", "signature": "proof" } });
    let reply = move |_: &str, body: &Value| {
        let content = json!([{ "reasoningContent": thought }, { "text": body.to_string() }]);
        let message = json!({ "role": "assistant", "content": content });
        let output = json!({ "message": message });
        Reply::json(200, &json!({ "output": output, "stopReason": "guardrail_intervened" }))
    };
    let server = StandIn::start(Arc::new(reply)).await;
    let connected = connect(find("bedrock").unwrap(), &server);
    let mut asked = request("x", Delivery::Whole);
    let signature = Some("proof".to_owned());
    let thought = Part::Thinking { text: "hm".to_owned(), signature };
    asked.messages[0].parts =
        vec![thought.clone(), Part::text("x"), Part::CachePoint { ttl: None }];
    asked.sampling.max_tokens = Some(9);
    let answer = connected.ask(asked.clone()).await.unwrap();
    assert_eq!(answer.choices[0].parts[0], thought);
    assert_eq!(answer.choices[0].reason, StopReason::ContentFilter);
    assert_eq!(answer.usage, None, "unknown is not zero");
    let sent = server.last().body;
    let expected = json!([
        { "reasoningContent": { "reasoningText": { "text": "hm", "signature": "proof" } } },
        { "text": "x" },
        { "cachePoint": { "type": "default" } },
    ]);
    assert_eq!(sent["messages"][0]["content"], expected);
    assert_eq!(sent["inferenceConfig"], json!({ "maxTokens": 9 }));

    let url = "https://example.org/a.png".to_owned();
    let image = Part::Image { source: ImageSource::Url { url }, detail: None };
    asked.messages[0].parts.push(image);
    asked.tool_choice = ToolChoice::None;
    let error = connected.ask(asked).await.unwrap_err();
    assert!(error.to_string().contains("does not support images by address"), "{error}");
}

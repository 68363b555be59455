//! A stream that breaks goes on where an engine can write the rest, and everything is paid for.

use freehold_vocabulary::chat::{Opening, Role, StopReason};
use freehold_vocabulary::{Ending, Trace};
use serde_json::{Value, json};

use super::rules::two;
use super::{CHAT, ask};
use crate::support::{Line, Scripted, Server, finished, started, text, usage};

async fn streamed(server: &Server, change: impl FnOnce(&mut Value)) -> (String, String) {
    let mut body = ask("hi");
    body["stream"] = json!(true);
    change(&mut body);
    let reply = server.post(CHAT, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let events = reply.text.split("data: ").filter_map(|it| serde_json::from_str(it.trim()).ok());
    let pieces = events
        .filter_map(|it: Value| it["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
    (pieces.collect(), reply.text)
}

fn last(server: &Server) -> Trace {
    server.traces.all().pop().unwrap()
}

fn cut(engine: &Scripted, words: &str) -> Vec<Line> {
    vec![started(), usage(12, 1), text(words), Line::Fail(engine.error("truncated"))]
}

fn rest() -> Vec<Line> {
    vec![started(), text(" to"), text(" all"), finished(StopReason::EndTurn), usage(14, 2)]
}

#[tokio::test]
async fn another_engine_writes_the_rest() {
    let (server, cloud, own) = two(Vec::new()).await;
    cloud.says(cut(&cloud, "Hello"));
    own.goes_on(rest());
    let (answer, raw) = streamed(&server, |it| it["max_tokens"] = json!(50)).await;
    assert_eq!(answer, "Hello to all", "{raw}");
    assert!(raw.contains("[DONE]") && !raw.contains("error"), "{raw}");
    let asked = own.last();
    assert_eq!(asked.opening, Opening::Resume);
    let written = asked.messages.last().unwrap();
    assert_eq!((written.role, asked.sampling.max_tokens), (Role::Assistant, Some(49)));
    let generation = last(&server).generation.unwrap();
    assert_eq!((generation.ending, generation.model.as_str()), (Ending::Complete, "small"));
    // What the caller sees: the request once, and all that was written.
    assert_eq!((generation.usage.input_tokens, generation.usage.output_tokens), (13, 3));
    // What is paid: both.
    let cost = |it: &freehold_vocabulary::Try| it.spent.as_ref().unwrap().cost.clone().unwrap();
    let picos: Vec<u64> = generation.tries.iter().map(|it| cost(it).picos).collect();
    assert_eq!(picos, [12 * 2_500_000 + 10_000_000, 14 * 2_500_000 + 20_000_000]);
    assert_eq!(generation.cost.unwrap().picos, picos.iter().sum::<u64>());
    let metrics = server.get("/metrics").await.text;
    for (model, picos) in [("large", picos[0]), ("small", picos[1])] {
        let line = metrics.lines().find(|it| {
            it.starts_with("freehold_generation_cost_total") && it.contains(&format!("\"{model}\""))
        });
        let value: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!((value - picos as f64 / 1e12).abs() < 1e-15, "{model}: {value}");
    }
}

#[tokio::test]
async fn the_same_model_is_asked_twice_at_most() {
    let (server, cloud, own) = two(Vec::new()).await;
    cloud.says(cut(&cloud, "Hello"));
    cloud.goes_on(cut(&cloud, "!"));
    own.goes_on(rest());
    let (answer, raw) = streamed(&server, |_| ()).await;
    assert_eq!((answer.as_str(), cloud.times(), own.times()), ("Hello!! to all", 3, 1), "{raw}");
    assert_eq!(last(&server).generation.unwrap().tries.len(), 4);
}

#[tokio::test]
async fn what_has_no_seam_breaks() {
    let (server, cloud, own) = two(Vec::new()).await;
    own.goes_on(rest());
    let tool = json!([{ "type": "function", "function": { "name": "f", "parameters": {} } }]);
    let schema = json!({ "type": "json_schema",
        "json_schema": { "name": "s", "schema": { "type": "object" } } });
    cloud.says(cut(&cloud, "Hello"));
    for change in [json!({ "response_format": schema }), json!({ "n": 2 })] {
        let (answer, raw) = streamed(&server, |it| {
            it.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        })
        .await;
        assert!(answer == "Hello" && raw.contains("engine_answer_broken"), "{change}: {raw}");
    }
    // Tools that were not used are no hindrance.
    let (answer, raw) = streamed(&server, |it| it["tools"] = tool).await;
    assert_eq!(answer, "Hello to all", "{raw}");
    // What an engine refuses, no engine is asked to go on with.
    cloud.says(vec![started(), text("Hello"), Line::Fail(cloud.error("refused"))]);
    let (answer, _) = streamed(&server, |_| ()).await;
    assert_eq!((answer.as_str(), own.times()), ("Hello", 1));
}

#[tokio::test]
async fn the_rest_is_cleared_like_any_other_request() {
    let (server, cloud, own) = two(Vec::new()).await;
    // `own` may see more; `cloud` may not see what `own` was asked.
    own.says(cut(&own, "Secret"));
    cloud.goes_on(rest());
    let mut body = ask("hi");
    body["model"] = json!("small");
    body["stream"] = json!(true);
    let reply = server.post(CHAT, &body.to_string()).await;
    assert!(reply.text.contains("engine_answer_broken"), "{}", reply.text);
    assert_eq!(cloud.times(), 0);
}

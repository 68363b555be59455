//! One door for OpenAI and Anthropic clients: the binary, a real engine over HTTP, and a stand-in
//! that speaks the provider's wire format on loopback.

mod batches;
mod cost;
mod provider;
mod reload;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::portfolio::{Portfolio, Server};
use provider::Provider;

/// A portfolio whose model `large` is served by the stand-in.
fn portfolio(provider: &Provider) -> Portfolio {
    let portfolio = Portfolio::new();
    let path = portfolio.path().join("freehold.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!(
        r#"
[engines.judge]
protocol = "openai"
url = "{}/v1"
network = "own"
key_file = "judge.key"
clearance = "internal"

[models.guard]
engine = "judge"
tier = "small"
provider = "acme"
data_class = "internal"
price = {{ currency = "USD", input_per_million = 0.0, output_per_million = 0.0, as_of = "2026-11-01", source = "test" }}

[moderation]
model = "guard"

[engines.cloud]
protocol = "vllm"
url = "{}/v1"
clearance = "internal"
owner = "acme"

[models.large]
engine = "cloud"
upstream = "large-2026-11-01"
tier = "frontier"
provider = "acme"
data_class = "internal"
price = {{ currency = "USD", input_per_million = 2.5, output_per_million = 10.0, as_of = "2026-11-01", source = "test" }}
"#,
        provider.url(),
        provider.url()
    ));
    std::fs::write(&path, text).unwrap();
    std::fs::write(portfolio.path().join("judge.key"), "not-a-secret").unwrap();
    portfolio
}

fn ask(stream: bool) -> Value {
    json!({ "model": "large", "stream": stream, "messages": [{ "role": "user", "content": "hello" }] })
}

fn post_classed(server: &Server, body: &Value, class: &str) -> (u16, Value) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut reply = agent
        .post(format!("{}/v1/chat/completions", server.url))
        .header("content-type", "application/json")
        .header("x-freehold-data-class", class)
        .send(body.to_string())
        .unwrap();
    let text = reply.body_mut().read_to_string().unwrap();
    (reply.status().as_u16(), serde_json::from_str(&text).unwrap())
}

#[test]
fn an_answer_is_traced_priced_and_audited_and_a_denial_sends_nothing() {
    let provider = Provider::start();
    let portfolio = portfolio(&provider);
    let server = portfolio.serve();
    let (status, answer) = server.post("/v1/chat/completions", &ask(false)).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello there");
    assert_eq!(answer["freehold"]["cost"], json!({ "currency": "USD", "amount": 0.00005 }));
    assert_eq!(provider.bodies().last().unwrap()["model"], "large-2026-11-01");

    let asked = provider.bodies().len();
    let (status, denied) = post_classed(&server, &ask(false), "confidential");
    assert_eq!((status, &denied["error"]["code"]), (403, &json!("egress_denied")), "{denied}");
    let message = denied["error"]["message"].as_str().unwrap();
    assert!(["cloud", "confidential", "`clearance`"].iter().all(|it| message.contains(it)));
    assert_eq!(provider.bodies().len(), asked, "nothing was sent");

    let spent = "select model, stop, input_tokens, output_tokens, cost_picos from generations";
    let rows = portfolio.json(&["traces", "sql", spent]);
    assert_eq!(rows["rows"], json!([["large", "end_turn", 12, 2, 50_000_000]]));
    let models = server.get("/v1/models").1;
    assert!(models.contains("\"large\""), "{models}");
    server.stop();
}

#[test]
fn the_clients_disconnect_reaches_the_engine() {
    let provider = Provider::start();
    let portfolio = portfolio(&provider);
    let server = portfolio.serve();
    let mut body = ask(true);
    body["messages"][0]["content"] = json!("stall");
    let body = body.to_string();
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut heard = String::new();
    while !heard.contains("Hel") {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    drop(stream);
    provider.wait_until_hung_up();
    server.stop();
    let rows = portfolio.json(&["traces", "sql", "select ending, outcome from generations"]);
    assert_eq!(rows["rows"], json!([["cancelled", "failed"]]));
}

#[test]
fn the_openai_and_anthropic_clients_need_only_another_base_url() {
    let python = std::env::var("FREEHOLD_PYTHON")
        .expect("set FREEHOLD_PYTHON to a Python with `openai` and `anthropic`; `make test` does");
    let provider = Provider::start();
    let portfolio = portfolio(&provider);
    let server = portfolio.serve();
    for script in ["clients.py", "responses.py"] {
        let script = format!("{}/tests/it/gateway/{script}", env!("CARGO_MANIFEST_DIR"));
        let run =
            std::process::Command::new(&python).args([&script, &server.url]).output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{text}{}", String::from_utf8_lossy(&run.stderr));
        assert!(text.contains("all clients are served"), "{text}");
    }
}

#[test]
fn a_model_without_an_engine_or_a_price_is_refused_at_the_start() {
    let provider = Provider::start();
    let portfolio = portfolio(&provider);
    let path = portfolio.path().join("freehold.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let refused = |change: (&str, &str), part: &str| {
        std::fs::write(&path, text.replacen(change.0, change.1, 1)).unwrap();
        let error = portfolio.fails(1, &["serve", "--bind", "127.0.0.1:0"]);
        assert!(error.contains(part), "{error}");
    };
    refused(("engine = \"cloud\"", "engine = \"clowd\""), "there is no [engines.clowd]");
    refused(("upstream =", "fallback = [\"none\"]\nupstream ="), "falls back to `none`");
    refused(("[models.large]", "[models.\"la rge\"]"), "no name for a model");
    let price = text.lines().rev().find(|it| it.starts_with("price")).unwrap();
    refused((price, ""), "price");
}

//! What answers cost, asked of the traces that a real server wrote, at prices of a list.

use serde_json::{Value, json};

use super::provider::Provider;
use super::{ask, portfolio};
use crate::portfolio::Portfolio;

/// `large` by the token, `own` by the hour, both at the stand-in.
const LIST: &str = r#"
[[price]]
model = "large"
valid_from = "2026-01-01"
currency = "USD"
input_per_million = 2.5
output_per_million = 10
as_of = "2026-01-01"
source = "list"

[[price]]
model = "own"
valid_from = "2026-01-01"
currency = "EUR"
per_hour = 3.6
input_tokens_per_second = 1200
output_tokens_per_second = 100
utilisation = 0.5
as_of = "2026-01-01"
source = "invoice"
"#;

const OWN: &str = "\n[models.own]\nengine = \"cloud\"\ntier = \"mid\"\nprovider = \"acme\"\ndata_class = \"internal\"\n";

fn listed(provider: &Provider) -> Portfolio {
    let portfolio = portfolio(provider);
    std::fs::write(portfolio.path().join("prices.toml"), LIST).unwrap();
    let path = portfolio.path().join("freehold.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, large) = text.split_once("[models.large]").unwrap();
    let inline = large.lines().find(|it| it.starts_with("price =")).unwrap();
    let large = large.replacen(inline, "", 1);
    std::fs::write(&path, format!("{before}[models.large]{large}{OWN}")).unwrap();
    portfolio.configure("[economics]\nprice_list = \"prices.toml\"\nprice_stale_after_days = 9");
    portfolio
}

#[test]
fn costs_are_reported_compared_and_exported() {
    let provider = Provider::start();
    let portfolio = listed(&provider);
    let server = portfolio.serve();
    for model in ["large", "own", "own"] {
        let mut body = ask(false);
        body["model"] = json!(model);
        let (status, answer) = server.post("/v1/chat/completions", &body).unwrap();
        assert_eq!(status, 200, "{answer}");
    }
    server.stop();
    let report = portfolio.json(&["cost", "--by", "model,key", "--against", "large"]);
    // 12 tokens in and 2 out: 0.00005 USD; or 10 ms and 20 ms of an hour that is half used.
    let own = json!({
        "by": ["own", "local"], "requests": 2, "estimated": 0, "unpriced": 0, "failed": 0,
        "cached": 0, "usage": usage(24, 4), "cost": { "EUR": "0.00012" }, "saved": {},
        "own_requests": 2, "own_cost": { "EUR": "0.00012" },
        "instead": { "large": { "USD": "0.0001" } },
    });
    assert_eq!(report["lines"][1], own, "{report:#}");
    assert_eq!(report["total"]["cost"], json!({ "EUR": "0.00012", "USD": "0.00005" }));
    let notes = report["notes"].to_string();
    assert!(notes.contains("utilisation") && notes.contains("look it up again"), "{notes}");
    let table = portfolio.run(&["cost", "--by", "team"]);
    assert!(table.contains("0.00012 EUR + 0.00005 USD"), "{table}");
    let csv = portfolio.run(&["cost", "--by", "day", "--csv"]);
    assert_eq!(csv.lines().count(), 2, "{csv}");

    let file = portfolio.path().join("focus.csv");
    let file = file.to_str().unwrap();
    let done = portfolio.json(&["cost", "export", "--focus", "--out", file]);
    assert_eq!(done["rows"], 3, "{done}");
    let mut reader = csv::Reader::from_path(file).unwrap();
    let headers = reader.headers().unwrap().clone();
    let place = |name: &str| headers.iter().position(|it| it == name).unwrap();
    let meters: Vec<(String, String)> = reader
        .records()
        .map(|it| it.unwrap())
        .map(|it| (it[place("SkuMeter")].to_owned(), it[place("BilledCost")].to_owned()))
        .collect();
    let expected =
        [("Input Tokens", "0.00003"), ("Output Tokens", "0.00002"), ("Engine Time", "0.00012")];
    assert_eq!(meters, expected.map(|(meter, cost)| (meter.to_owned(), cost.to_owned())));
    let again = portfolio.fails(1, &["cost", "export", "--focus", "--out", file]);
    assert!(again.contains("choose a new file"), "{again}");
    let prices = portfolio.run(&["cost", "prices"]);
    assert!(prices.contains("3.6 an hour") && prices.contains("stale"), "{prices}");
}

#[test]
fn costs_stand_under_the_team_and_the_tags_of_their_key() {
    let provider = Provider::start();
    let portfolio = listed(&provider);
    portfolio.run(&["organisations", "add", "acme"]);
    portfolio.run(&["teams", "add", "support", "--of", "organisation/acme", "--tag", "site=north"]);
    let tagged = ["keys", "add", "app", "--owner", "team/support", "--tag", "cost-centre=4711"];
    let key = portfolio.json(&tagged);
    let server = portfolio.serve();
    let reply = ureq::post(format!("{}/v1/chat/completions", server.url))
        .header("authorization", format!("Bearer {}", key["secret"].as_str().unwrap()))
        .header("content-type", "application/json")
        .send(ask(false).to_string());
    assert_eq!(reply.unwrap().status(), 200);
    server.stop();
    let by = |dimension: &str| -> Vec<Value> {
        let report = portfolio.json(&["cost", "--by", dimension]);
        report["lines"].as_array().unwrap().iter().map(|it| it["by"][0].clone()).collect()
    };
    assert_eq!(by("team"), ["support"]);
    assert_eq!(by("tag"), ["cost-centre=4711", "site=north"]);
}

fn usage(input: u64, output: u64) -> Value {
    json!({
        "input_tokens": input, "cached_input_tokens": 0, "cache_written_tokens": 0,
        "output_tokens": output, "reasoning_tokens": 0,
    })
}

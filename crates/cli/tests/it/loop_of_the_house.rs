//! The whole loop: data, training, proof, promotion, correction, the next version.

use serde_json::json;

use crate::portfolio::{Portfolio, tickets};

#[test]
fn importing_twice_changes_nothing() {
    let portfolio = Portfolio::new();
    let file = tickets();
    let import = ["data", "import", "ticket-triage", file.to_str().unwrap()];
    let (first, second) = (portfolio.json(&import), portfolio.json(&import));
    assert_eq!(first["digest"], second["digest"]);
    assert_eq!((first["new"].as_bool(), second["new"].as_bool()), (Some(true), Some(false)));
    let list = portfolio.json(&["data", "list"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn a_model_goes_from_a_file_to_an_alias_with_its_lineage() {
    let portfolio = Portfolio::deployed();
    let evaluation = portfolio.json(&["evaluate", "ticket-triage@micro"]);
    let accuracy = evaluation["evaluation"]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "accuracy")
        .unwrap();
    // The tickets are easy; a model that learnt nothing would be right once in twelve.
    assert!(accuracy["value"]["low"].as_f64().unwrap() > 0.85, "{accuracy}");
    assert_eq!(accuracy["value"]["n"], evaluation["evaluation"]["n"]);

    let lineage = portfolio.json(&["models", "lineage", "ticket-triage@micro"]);
    let kinds: Vec<&str> = lineage["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    for kind in ["model-version", "dataset", "run", "evaluation"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let shown = portfolio.json(&["models", "show", "ticket-triage@micro"]);
    assert!(shown["certificate"]["finding"]["threshold"].is_number(), "{shown}");
    let answers =
        portfolio.json(&["predict", "ticket-triage", "my card was charged twice for one order"]);
    assert_eq!(answers[0]["labels"], json!(["charged_twice"]));
    assert!(portfolio.run(&["models", "card", "ticket-triage@micro"]).contains("model-index"));
    portfolio.run(&["models", "verify"]);
    portfolio.run(&["doctor", "--deep"]);
}

#[test]
fn training_again_gives_the_same_bits() {
    let portfolio = Portfolio::deployed();
    let weights = |alias: &str| {
        let shown = portfolio.json(&["models", "show", alias]);
        let files = shown["files"].as_array().unwrap().clone();
        files.into_iter().find(|it| it["name"] == "micro.safetensors").unwrap()["digest"].clone()
    };
    let first = weights("ticket-triage@micro");
    portfolio.run(&["train", "ticket-triage", "--trainer", "micro", "--as", "again"]);
    assert_eq!(weights("ticket-triage@again"), first);
}

#[test]
fn a_rollback_returns_to_the_version_before() {
    let portfolio = Portfolio::deployed();
    let first = portfolio.json(&["models", "show", "ticket-triage@micro"])["digest"].clone();
    portfolio.run(&["train", "ticket-triage", "--trainer", "micro", "--epochs", "3"]);
    portfolio.run(&["calibrate", "ticket-triage@candidate-micro"]);
    portfolio.run(&[
        "models",
        "promote",
        "ticket-triage@candidate-micro",
        "--as",
        "micro",
        "--why",
        "second",
        "--overrule",
    ]);
    assert_ne!(portfolio.json(&["models", "show", "ticket-triage@micro"])["digest"], first);
    portfolio.run(&["models", "rollback", "ticket-triage", "--as", "micro", "--why", "worse"]);
    assert_eq!(portfolio.json(&["models", "show", "ticket-triage@micro"])["digest"], first);
    let history = portfolio.json(&["models", "history", "ticket-triage", "--as", "micro"]);
    assert_eq!(history.as_array().unwrap().len(), 3);
}

#[test]
fn a_report_says_what_it_measured() {
    let portfolio = Portfolio::deployed();
    let page = portfolio.path().join("report.html");
    let report = portfolio.json(&["report", "ticket-triage", "--html", page.to_str().unwrap()]);
    let funnel = report["funnel"].as_array().unwrap();
    let shares: f64 = funnel.iter().map(|it| it["answered"]["estimate"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{funnel:?}");
    assert!(funnel[0]["error"]["n"].as_u64().unwrap() > 0);
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<svg") && !html.contains("http://") && !html.contains("https://"));
}

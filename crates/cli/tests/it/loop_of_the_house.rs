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
    let first = portfolio.digest("ticket-triage@micro");
    portfolio.replace();
    assert_ne!(portfolio.digest("ticket-triage@micro"), first);
    portfolio.run(&["models", "rollback", "ticket-triage", "--as", "micro", "--why", "worse"]);
    assert_eq!(portfolio.digest("ticket-triage@micro"), first);
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

#[test]
fn a_dataset_is_divided_anew_with_its_parent() {
    let portfolio = Portfolio::new();
    let file = tickets();
    let old = portfolio.json(&["data", "import", "ticket-triage", file.to_str().unwrap()]);
    let shares = ["--calibration", "0.3", "--seed", "9"];
    let split = [&["data", "split", "ticket-triage"][..], &shares[..]].concat();
    let new = portfolio.json(&split);
    assert_eq!((&new["parent"], &new["new"]), (&old["digest"], &json!(true)));
    assert_eq!(new["rows"]["test"], old["rows"]["test"]);
    assert!(new["rows"]["calibration"].as_u64() > old["rows"]["calibration"].as_u64());
    // The name means the new version now, and dividing it the same way again changes nothing.
    let again = portfolio.json(&split);
    assert_eq!((&again["digest"], &again["new"]), (&new["digest"], &json!(false)));
}

#[test]
fn a_lost_index_is_rebuilt_and_garbage_is_collected() {
    let portfolio = Portfolio::deployed();
    let store = portfolio.path().join(".freehold/artifacts");
    let before = portfolio.run(&["models", "list"]);
    std::fs::remove_file(store.join("index.json")).unwrap();
    let error = portfolio.fails(1, &["models", "list"]);
    assert!(error.contains("models verify --repair"), "{error}");
    portfolio.run(&["models", "verify", "--repair"]);
    assert_eq!(portfolio.run(&["models", "list"]), before);
    let stray = "5eb63bbbe01eeed093cb22bb8f5acdc3aac5fcf5b4c9b9f2b7f0a1d2c3e4f5a6";
    std::fs::write(store.join("blobs/sha256").join(stray), "left by a killed writer").unwrap();
    for (arguments, left) in
        [(&["models", "gc", "--dry-run"][..], true), (&["models", "gc"], false)]
    {
        let collected = portfolio.json(arguments);
        assert_eq!(collected["blobs"].as_array().unwrap().len(), 1, "{collected}");
        assert_eq!(store.join("blobs/sha256").join(stray).exists(), left);
    }
    portfolio.run(&["models", "verify"]);
    assert_eq!(portfolio.run(&["models", "list"]), before);
}

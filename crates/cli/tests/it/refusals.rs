//! What is refused, and how it is said.

use crate::portfolio::{Portfolio, tickets};

#[test]
fn without_a_configuration_the_next_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_freehold"))
        .current_dir(folder.path())
        .args(["data", "list"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("freehold init"));
}

#[test]
fn bad_rows_fail_the_import_with_their_lines() {
    let portfolio = Portfolio::new();
    let file = portfolio.path().join("bad.csv");
    std::fs::write(&file, "text,label\nhello there,a\n,b\nsomething else,\nand another one,a\n")
        .unwrap();
    let error = portfolio.fails(1, &["data", "import", "ticket-triage", file.to_str().unwrap()]);
    assert!(error.contains("line 3") && error.contains("line 4"), "{error}");
}

#[test]
fn the_gate_refuses_and_says_by_how_much() {
    let portfolio = Portfolio::deployed();
    // As champion the version must clear the bar of the task, which is set out of reach.
    let path = portfolio.path().join("freehold.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("at_least = 0.85", "at_least = 0.9999")).unwrap();
    let error = portfolio.fails(
        3,
        &["models", "promote", "ticket-triage@micro", "--as", "champion", "--why", "try"],
    );
    assert!(error.contains("refuses") && error.contains("99.99"), "{error}");
    let promoted = [
        "models",
        "promote",
        "ticket-triage@micro",
        "--as",
        "champion",
        "--why",
        "try",
        "--overrule",
    ];
    portfolio.run(&promoted);
    let history = portfolio.json(&["models", "history", "ticket-triage"]);
    assert_eq!(history[0]["gate"]["passed"], false);
}

#[test]
fn a_flipped_byte_is_found_and_refused_at_load() {
    let portfolio = Portfolio::deployed();
    let shown = portfolio.json(&["models", "show", "ticket-triage@micro"]);
    let weights = shown["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "micro.safetensors")
        .unwrap()
        .clone();
    let hex = weights["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
    let blob = portfolio.path().join(".freehold/artifacts/blobs/sha256").join(hex);
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // The store links its files read-only; damage comes from elsewhere.
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, bytes).unwrap();
    let error = portfolio.fails(3, &["models", "verify", "ticket-triage@micro"]);
    assert!(error.contains("micro.safetensors"), "{error}");
    let error = portfolio.fails(1, &["predict", "ticket-triage", "hello"]);
    assert!(error.contains("micro.safetensors"), "{error}");
}

#[test]
fn an_unknown_label_is_refused_with_the_known_ones() {
    let portfolio = Portfolio::new();
    let file = tickets();
    portfolio.run(&["data", "import", "ticket-triage", file.to_str().unwrap()]);
    let error =
        portfolio.fails(1, &["review", "settle", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--label", "x"]);
    assert!(error.contains("not in the review queue"), "{error}");
    let error = portfolio.fails(1, &["train", "no-such-task", "--trainer", "micro"]);
    assert!(error.contains("no-such-task") && error.contains("ticket-triage"), "{error}");
}

#[test]
fn leaving_loopback_needs_a_key() {
    let portfolio = Portfolio::new();
    let error = portfolio.fails(1, &["serve", "--bind", "0.0.0.0:0"]);
    assert!(error.contains("keys add"), "{error}");
}

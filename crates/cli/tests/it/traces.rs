//! When traces leave the log for files that other tools read.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::portfolio::{Portfolio, Server};

/// The Parquet files below a folder.
fn parquet(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(parquet(&path));
        } else if path.extension().is_some_and(|it| it == "parquet") {
            found.push(path);
        }
    }
    found
}

fn ask(server: &Server) {
    let body = json!({ "inputs": ["where is my refund?", "you charged me twice"] });
    assert_eq!(server.post("/v1/tasks/ticket-triage/predict", &body).unwrap().0, 200);
}

/// However the traces came into files, they are in them, and each is told once.
#[track_caller]
fn check(portfolio: &Portfolio, traces: u64) {
    assert!(!parquet(&portfolio.path().join(".freehold/traces")).is_empty());
    let counted =
        portfolio.json(&["traces", "sql", "select count(distinct id), count(*) from traces"]);
    assert_eq!(counted["rows"][0], json!([traces, traces]));
}

#[test]
fn a_server_that_stops_leaves_its_traces_in_parquet() {
    let portfolio = Portfolio::deployed();
    let server = portfolio.serve();
    ask(&server);
    server.stop();
    check(&portfolio, 2);
    // Nothing is left to do, and doing it again changes nothing.
    assert_eq!(portfolio.json(&["traces", "compact"])["traces"], 0);
}

#[test]
fn a_running_server_compacts_what_has_become_old() {
    let portfolio = Portfolio::deployed();
    portfolio.configure("[traces]\ncompact_after_s = 1\n");
    let server = portfolio.serve();
    ask(&server);
    while parquet(&portfolio.path().join(".freehold/traces")).is_empty() {
        std::thread::yield_now();
    }
    check(&portfolio, 2);
    let refused = portfolio.fails(1, &["traces", "compact"]);
    assert!(refused.contains("compacts by itself every 1 s"), "{refused}");
}

#[test]
fn what_a_killed_server_left_in_the_log_is_compacted_on_request() {
    let portfolio = Portfolio::deployed();
    let server = portfolio.serve();
    ask(&server);
    server.kill_now();
    drop(server);
    assert_eq!(portfolio.json(&["traces", "compact"])["traces"], 2);
    check(&portfolio, 2);
}

#[test]
fn following_prints_what_comes_and_ends_with_its_reader() {
    use std::io::{BufRead as _, BufReader};
    let portfolio = Portfolio::deployed();
    let server = portfolio.serve();
    ask(&server);
    let mut command = portfolio.command(&["traces", "tail", "--follow", "-n", "1"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    ask(&server);
    let shown: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    assert!(shown.iter().all(|line| line.contains("ticket-triage")), "{shown:?}");
    // Nobody reads any more: the next line that it writes is its last, without an error.
    drop(lines);
    while child.try_wait().unwrap().is_none() {
        ask(&server);
    }
    assert!(child.wait().unwrap().success());
}

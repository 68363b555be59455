//! What was acknowledged survives kill -9.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::portfolio::Portfolio;

/// Kills in the middle of load.
const KILLS: usize = 8;
/// Callers at once.
const CALLERS: usize = 4;

#[test]
fn no_acknowledged_trace_or_feedback_is_lost() {
    let portfolio = Portfolio::deployed();
    let traces: Mutex<BTreeSet<String>> = Mutex::default();
    let corrections: Mutex<BTreeSet<String>> = Mutex::default();
    for round in 0..KILLS {
        let server = portfolio.serve();
        let acknowledged = AtomicUsize::new(0);
        // Another moment each time: after so many acknowledgements, with calls still in flight.
        let enough = 5 + 7 * round;
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    while let Some(id) = ask(&server) {
                        traces.lock().unwrap().insert(id.clone());
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                        let correction = json!({ "trace_id": id, "kind": "correction", "labels": ["refund_status"] });
                        match server.post("/v1/feedback", &correction) {
                            Ok((200, _)) => corrections.lock().unwrap().insert(id),
                            _ => break,
                        };
                    }
                });
            }
            while acknowledged.load(Ordering::SeqCst) < enough {
                std::thread::yield_now();
            }
            server.kill_now();
        });
    }
    let (traces, corrections) = (traces.into_inner().unwrap(), corrections.into_inner().unwrap());
    let found = column(&portfolio.json(&["traces", "sql", "select id from traces"]));
    assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "a trace occurs twice");
    let found: BTreeSet<String> = found.into_iter().collect();
    let lost: Vec<&String> = traces.difference(&found).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged traces lost: {lost:?}",
        lost.len(),
        traces.len()
    );
    // Everything that was acknowledged as corrected flows into the next dataset version.
    let settled = portfolio.json(&["data", "append", "ticket-triage"])["settled"].as_u64().unwrap();
    assert!(
        settled >= corrections.len() as u64,
        "{settled} settled of {} acknowledged",
        corrections.len()
    );
}

/// The id of an acknowledged trace, or none once the server is gone.
fn ask(server: &crate::portfolio::Server) -> Option<String> {
    let body = json!({ "inputs": ["when will I get my money back?"] });
    let (status, reply) = server.post("/v1/tasks/ticket-triage/predict", &body).ok()?;
    (status == 200).then(|| reply["results"][0]["trace_id"].as_str().unwrap().to_owned())
}

fn column(answer: &Value) -> Vec<String> {
    answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect()
}

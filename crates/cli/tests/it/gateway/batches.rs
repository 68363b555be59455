//! A batch of the real binary is killed in the middle, twice, and still answers every request.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Provider, portfolio};
use crate::portfolio::Server;

const REQUESTS: usize = 60;
const PARALLEL: usize = 4;
const KILLS: usize = 2;

fn input() -> String {
    let line = |n: usize| {
        let messages = json!([{ "role": "user", "content": format!("hello {n}") }]);
        let body = json!({ "model": "large", "messages": messages });
        let url = "/v1/chat/completions";
        json!({ "custom_id": format!("r{n}"), "method": "POST", "url": url, "body": body })
    };
    (0..REQUESTS).map(|n| format!("{}\n", line(n))).collect()
}

fn upload(server: &Server, content: &str) -> String {
    let form = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n{content}\r\n--edge--\r\n"
    );
    let mut reply = ureq::post(format!("{}/v1/files", server.url))
        .header("content-type", "multipart/form-data; boundary=edge")
        .send(form)
        .unwrap();
    let file: Value = serde_json::from_str(&reply.body_mut().read_to_string().unwrap()).unwrap();
    file["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_batch_survives_kill_9() {
    let provider = Provider::start();
    let portfolio = portfolio(&provider);
    portfolio.configure(&format!("[keeping]\nbatch_parallel_max = {PARALLEL}\n"));
    let mut server = portfolio.serve();
    let file = upload(&server, &input());
    let asked = json!({
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
    });
    let (status, batch) = server.post("/v1/batches", &asked).unwrap();
    assert_eq!(status, 200, "{batch}");
    for _ in 0..KILLS {
        let enough = provider.bodies().len() + REQUESTS / 6;
        while provider.bodies().len() < enough {
            std::thread::yield_now();
        }
        server.kill_now();
        drop(server);
        server = portfolio.serve();
    }
    let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    let done = loop {
        let now: Value = serde_json::from_str(&server.get(&path).1).unwrap();
        match now["status"].as_str().unwrap() {
            "in_progress" | "finalizing" | "validating" => std::thread::yield_now(),
            _ => break now,
        }
    };
    assert_eq!(done["status"], "completed", "{done}");
    let counts = json!({ "total": REQUESTS, "completed": REQUESTS, "failed": 0 });
    assert_eq!(done["request_counts"], counts);
    let output = done["output_file_id"].as_str().unwrap();
    let (_, text) = server.get(&format!("/v1/files/{output}/content"));
    let ids: Vec<String> = text
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).unwrap()["custom_id"].to_string())
        .collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (REQUESTS, REQUESTS));
    // Only what was under way when the process died was asked again.
    let asked = provider.bodies().len();
    let most = REQUESTS + KILLS * 2 * PARALLEL;
    assert!((REQUESTS..=most).contains(&asked), "{asked} were asked, at most {most} expected");
    server.stop();
    let rows = portfolio.json(&["traces", "sql", "select count(*) from generations"]);
    assert!(rows["rows"][0][0].as_u64().unwrap() >= REQUESTS as u64, "{rows}");
}

//! Bases from the hub, against a small server on this machine that speaks its protocol.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use freehold_artifacts::base::{Catalogue, Hub, Pip};
use freehold_artifacts::{ArtifactError, Sources, fetch_base, fetch_base_from};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::base_folder::{base_files, safetensors, write_base};
use crate::{new_store, refused};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A response: status line, more headers, body.
#[derive(Clone)]
struct Reply(&'static str, String, Vec<u8>);

/// What was asked: path and authorisation.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

type Replies = BTreeMap<String, Reply>;

/// A server that answers until the test process ends; remembers path and authorisation of what it
/// was asked.
struct Server {
    address: String,
    asked: Asked,
}

impl Server {
    fn start(replies: Replies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Asked::default();
        let memory = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &replies, &memory);
            }
        });
        Self { address, asked }
    }

    fn fetch(&self, token: Option<&str>) -> (Result<Digest, ArtifactError>, Vec<Digest>) {
        let (_folder, store) = new_store();
        let hub = Hub::at(&format!("http://{}/", self.address), token.map(Into::into));
        let outcome = fetch_base_from(&store, "hf:org/tiny@v1", &sources(hub), &Silent);
        let kept = store.list(freehold_artifacts::ArtifactKind::Base).unwrap();
        (outcome, kept.into_iter().map(|it| it.digest).collect())
    }
}

fn answer(mut stream: TcpStream, replies: &Replies, memory: &Mutex<Vec<(String, Option<String>)>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorisation = None;
    let mut header = String::new();
    while reader.read_line(&mut header).unwrap() > 2 {
        if let Some((name, value)) = header.trim().split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            authorisation = Some(value.to_owned());
        }
        header.clear();
    }
    memory.lock().unwrap().push((path.clone(), authorisation));
    let missing = Reply("404 Not Found", String::new(), Vec::new());
    let Reply(status, headers, body) = replies.get(&path).unwrap_or(&missing);
    let length = if headers.contains("Content-Length") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{length}{headers}\r\n");
    // A client that has seen enough may hang up.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn sources(hub: Hub) -> Sources {
    let pip = Pip { python: "/nowhere/python3".into(), arguments: Vec::new() };
    Sources { catalogue: Catalogue::default(), hub, pip }
}

fn ok(body: impl Into<Vec<u8>>) -> Reply {
    Reply("200 OK", String::new(), body.into())
}

const LIST: &str = "/api/models/org/tiny/revision/v1?blobs=true";

fn resolve(name: &str) -> String {
    format!("/org/tiny/resolve/{COMMIT}/{name}")
}

/// The hub with the small base.
fn hub() -> Replies {
    let sibling = |(name, content): &(&str, Vec<u8>)| {
        let mut sibling = serde_json::json!({"rfilename": name, "size": content.len()});
        if name.ends_with(".safetensors") {
            sibling["lfs"] = serde_json::json!({"sha256": Digest::of(content).hex()});
        }
        sibling
    };
    let files = base_files();
    let siblings: Vec<_> = files.iter().map(sibling).collect();
    let list = serde_json::json!({"sha": COMMIT, "siblings": siblings, "private": false});
    let mut replies: Replies =
        files.into_iter().map(|(name, content)| (resolve(name), ok(content))).collect();
    replies.insert(LIST.to_owned(), ok(list.to_string()));
    replies
}

#[test]
fn the_files_of_one_commit_are_fetched_and_nothing_else() {
    let server = Server::start(hub());
    let (outcome, kept) = server.fetch(None);
    let digest = outcome.unwrap();
    assert_eq!(kept, std::slice::from_ref(&digest));
    let asked: Vec<String> =
        server.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect();
    let mut expected = vec![LIST.to_owned()];
    let wanted = ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"];
    expected.extend(wanted.map(resolve));
    assert_eq!(asked, expected);
    // The same files from a folder are the same base.
    let (folder, store) = new_store();
    let unpacked = folder.path().join("unpacked");
    write_base(&unpacked);
    let reference = format!("file:{}", unpacked.display());
    assert_eq!(fetch_base(&store, &reference, &Silent).unwrap(), digest);
}

#[test]
fn the_token_stays_with_the_hub() {
    let storage = Server::start([("/blob".to_owned(), ok(safetensors()))].into());
    let mut replies = hub();
    let elsewhere = storage.address.replace("127.0.0.1", "localhost");
    let header = format!("Location: http://{elsewhere}/blob\r\n");
    replies.insert(resolve("model.safetensors"), Reply("302 Found", header, Vec::new()));
    let server = Server::start(replies);
    server.fetch(Some("hf_secret")).0.unwrap();
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().all(|(_, who)| who.as_deref() == Some("Bearer hf_secret")), "{asked:?}");
    let redirected = storage.asked.lock().unwrap();
    assert_eq!(*redirected, [("/blob".to_owned(), None)]);
    assert!(!format!("{:?}", Hub::at("x", Some("hf_secret".into()))).contains("hf_secret"));
}

/// What is said when one reply of the hub is another; nothing is kept.
#[track_caller]
fn message_after(path: &str, reply: Reply) -> String {
    let mut replies = hub();
    replies.insert(path.to_owned(), reply);
    let (outcome, kept) = Server::start(replies).fetch(None);
    assert!(kept.is_empty());
    outcome.unwrap_err().to_string()
}

#[track_caller]
fn check(path: &str, reply: Reply, expected: &str) {
    let message = message_after(path, reply);
    assert!(message.contains(expected), "{message}");
}

#[test]
fn what_the_hub_will_not_give_is_said_in_a_sentence() {
    let status = |line| Reply(line, String::new(), Vec::new());
    check(LIST, status("404 Not Found"), "check the name and the revision");
    check(LIST, status("401 Unauthorized"), "set HF_TOKEN");
    check(LIST, status("403 Forbidden"), "set HF_TOKEN");
    check(LIST, status("503 Service Unavailable"), "cannot be reached");
    check(LIST, status("429 Too Many Requests"), "cannot be reached");
    check(&resolve("config.json"), status("404 Not Found"), "check the name");
}

#[test]
fn a_hub_that_talks_nonsense_is_refused() {
    check(LIST, ok("<html>"), "does not speak the hub's protocol");
    check(LIST, ok("{}"), "does not speak the hub's protocol");
    check(LIST, ok(r#"{"sha": "../..", "siblings": []}"#), "names no commit");
    let list = format!(r#"{{"sha": "{COMMIT}", "siblings": [{{"rfilename": "model.bin"}}]}}"#);
    check(LIST, ok(list), "no safetensors weights");
    let list =
        format!(r#"{{"sha": "{COMMIT}", "siblings": [{{"rfilename": "../model.safetensors"}}]}}"#);
    check(LIST, ok(list), "no safetensors weights");
}

#[test]
fn changed_and_broken_downloads_are_refused() {
    let weights = resolve("model.safetensors");
    let mut changed = safetensors();
    *changed.last_mut().unwrap() ^= 1;
    check(&weights, ok(changed), "is not the published file");
    check(&resolve("config.json"), ok("{}"), "the hub promised");
    let promise = Reply("200 OK", "Content-Length: 999999\r\n".to_owned(), safetensors());
    check(&weights, promise, "broke off");
}

#[test]
fn without_a_network_the_remedies_are_told() {
    let (_folder, store) = new_store();
    // A port that nobody listens on.
    let hub = Hub::at("http://127.0.0.1:9", None);
    let outcome = fetch_base_from(&store, "hf:org/tiny", &sources(hub), &Silent);
    let message = refused!(Unreachable, outcome);
    for remedy in ["check the network", "HF_ENDPOINT", "`pip:`", "`file:DIR`"] {
        assert!(message.contains(remedy), "{message}");
    }
    let nowhere = Hub::at("http://no-such-host.invalid", None);
    let outcome = fetch_base_from(&store, "hf:org/tiny", &sources(nowhere), &Silent);
    refused!(Unreachable, outcome);
    assert!(Path::new(store.root()).exists());
}

//! A changed freehold.toml takes effect while the server runs; a wrong one changes nothing.

use std::path::Path;

use super::provider::Provider;
use super::{ask, portfolio};
use crate::portfolio::Server;

fn models(server: &Server) -> String {
    let (status, text) = server.get("/v1/models");
    assert_eq!(status, 200, "{text}");
    text
}

/// Asks until the server knows a model of that name. The server looks several times a second; a
/// change that it never sees is told by the test runner's own patience.
fn until_known(server: &Server, name: &str) {
    while !models(server).contains(&format!("\"{name}\"")) {}
}

fn write(path: &Path, text: &str) {
    // As editors do: a whole file takes the place of the old one.
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

#[test]
fn a_changed_file_takes_effect_and_a_wrong_one_does_not() {
    let provider = Provider::start();
    let portfolio = portfolio(&provider);
    let path = portfolio.path().join("freehold.toml");
    let first = std::fs::read_to_string(&path).unwrap();
    let server = portfolio.serve();
    let renamed = first.replace("[models.large]", "[models.larger]");
    write(&path, &renamed);
    until_known(&server, "larger");
    assert!(!models(&server).contains("\"large\""));
    let (status, _) = server.post("/v1/chat/completions", &ask(false)).unwrap();
    assert_eq!(status, 404, "the old name is gone");

    // Wrong in one place only: the model before it is as good as any.
    write(&path, &format!("{renamed}\n[models.broken]\nengine = \"nobody\"\n"));
    for _ in 0..50 {
        let known = models(&server);
        assert!(known.contains("\"larger\"") && !known.contains("\"broken\""), "{known}");
    }
    // The server goes on looking.
    write(&path, &first);
    until_known(&server, "large");
    server.stop();

    let kind = ["audit", "tail", "-n", "100", "--kind", "configuration_loaded"];
    let loaded = portfolio.json(&kind);
    assert_eq!(loaded.as_array().unwrap().len(), 3, "{loaded}");
}

//! Requests to models: what is found wherever it stands, and what comes back.

use std::collections::BTreeMap;

use freehold_deidentification::recognisers::Pack;
use freehold_deidentification::requests::{Classes, RequestDetector};
use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{
    ChatRequest, ImageSource, Leaves as _, Message, Part, Protocol, Role, ToolUse,
};
use freehold_vocabulary::ports::{Identifiers as _, Within};
use serde_json::json;

fn asked(parts: Vec<Part>) -> ChatRequest {
    let message = Message { role: Role::User, parts, name: None };
    ChatRequest { messages: vec![message], ..ChatRequest::default() }
}

fn said(texts: &[(Role, &str)]) -> ChatRequest {
    let messages = texts.iter().map(|(role, text)| Message::text(*role, *text)).collect();
    ChatRequest { messages, ..ChatRequest::default() }
}

fn call(arguments: &str) -> Part {
    let (id, name) = ("1".to_owned(), "f".to_owned());
    Part::ToolUse(ToolUse { id, name, arguments: arguments.to_owned(), signature: None })
}

/// The kinds found, each with its count.
#[track_caller]
fn check(mut request: ChatRequest, expected: &[(&str, u64)]) {
    thread_local! { static DETECTOR: RequestDetector = RequestDetector::default(); }
    let found = DETECTOR.with(|it| it.inspect(&request.leaves())).unwrap();
    let kinds: Vec<(String, u64)> =
        found.kinds.iter().map(|(kind, seen)| (kind.to_string(), seen.count)).collect();
    let expected: Vec<(String, u64)> =
        expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    assert_eq!(kinds, expected, "{request:?}");
}

#[test]
fn identifiers_are_found_wherever_they_stand() {
    check(asked(vec![Part::text("mail a@b.io or c@d.io")]), &[("email", 2)]);
    check(asked(vec![call("{\"ssn\": 78051121}")]), &[]);
    check(asked(vec![call("{\"ssn\": \"078-05-1121\"}")]), &[("phone", 0), ("us_ssn", 1)]);
    check(asked(vec![call("{\"a@b.io\": 1")]), &[("email", 1)]);
    // A parser keeps the second; the first leaves all the same.
    check(asked(vec![call("{\"a\": \"a@b.io\", \"a\": \"x\"}")]), &[("email", 1)]);
    let value = json!({ "type": "document", "title": { "a@b.io": [true] } });
    let foreign = Part::Foreign { protocol: Protocol::Anthropic, value };
    check(asked(vec![foreign]), &[("email", 1)]);
    let url = "https://img.example/x.png?owner=a@b.io".to_owned();
    let image = Part::Image { source: ImageSource::Url { url }, detail: None };
    check(asked(vec![image]), &[("email", 1)]);
    check(asked(vec![Part::text("on Monday, 3 May 2021")]), &[]);
}

#[test]
fn identifiers_cut_in_pieces_are_put_together() {
    use Role::{Assistant, User};
    check(said(&[(User, "card 4111 1111"), (User, "1111 1111")]), &[("credit_card", 2)]);
    let between = [(User, "card 4111 1111"), (Assistant, "And then?"), (User, "1111 1111")];
    check(said(&between), &[("credit_card", 2)]);
    let pieces = [
        (User, "card 4111"),
        (Assistant, "ok"),
        (User, "1111"),
        (Assistant, "ok"),
        (User, "1111"),
        (Assistant, "ok"),
        (User, "1111"),
    ];
    check(said(&pieces), &[("credit_card", 1)]);
}

#[test]
fn a_public_kind_is_left_and_other_classes_are_the_operators() {
    let mut classes = Classes::default();
    classes.set("EMAIL", DataClass::Public).unwrap();
    classes.set("date", DataClass::Restricted).unwrap();
    assert!(classes.set("emial", DataClass::Public).unwrap_err().to_string().contains("email"));
    let detector = RequestDetector::new(Pack::ALL.to_vec(), classes, Some(DataClass::Internal));
    let data = "iVBORw0KGgo=".to_owned();
    let source = ImageSource::Base64 { media_type: "image/png".to_owned(), data };
    let image = Part::Image { source, detail: None };
    let mut request = asked(vec![Part::text("a@b.io on 3 May 2021"), image]);
    let found = detector.inspect(&request.leaves()).unwrap();
    let kinds: BTreeMap<&str, DataClass> =
        found.kinds.iter().map(|(kind, seen)| (kind.as_str(), seen.class)).collect();
    assert_eq!(kinds, [("date", DataClass::Restricted)].into());
    assert_eq!(found.unseen, Some(DataClass::Internal));
    let mut redaction = detector.redaction();
    redaction.redact(&mut request.leaves()).unwrap();
    assert_eq!(request.messages[0].parts[0], Part::text("a@b.io on <DATE_1>"));
}

#[test]
fn what_was_taken_out_comes_back() {
    let detector = RequestDetector::default();
    let mut request = asked(vec![
        Part::text("card 4111 1111"),
        Part::text("1111 1111 of a@b.io"),
        call("{\"to\":\"a@b.io\"}"),
    ]);
    request.metadata.insert("a@b.io".to_owned(), "c@d.io".to_owned());
    request.user = Some("c@d.io".to_owned());
    let mut redaction = detector.redaction();
    redaction.redact(&mut request.leaves()).unwrap();
    let sent = serde_json::to_string(&request).unwrap();
    for gone in ["1111", "a@b.io", "c@d.io"] {
        assert!(!sent.contains(gone), "{gone} in {sent}");
    }
    assert_eq!(request.metadata["<EMAIL_1>"], request.user.unwrap());
    assert!(detector.inspect(&said(&[(Role::User, &sent)]).leaves()).unwrap().kinds.is_empty());
    let replaced = redaction.replaced().into_iter();
    let replaced: Vec<(String, u64)> = replaced.map(|(kind, n)| (kind.to_string(), n)).collect();
    assert_eq!(replaced, [("credit_card".to_owned(), 2), ("email".to_owned(), 5)]);
    let mut restoring = redaction.restoring(Within::Text);
    let pieces = ["Write <EM", "AIL_1> and <EMAIL_", "2>, <EMAIL_9> <"];
    let mut text: String = pieces.iter().map(|it| restoring.push(it)).collect();
    text.push_str(&restoring.finish());
    assert_eq!(text, "Write a@b.io and c@d.io, <EMAIL_9> <");
    let shown = format!("{redaction:?}{restoring:?}");
    assert!(!shown.contains("a@b.io"), "{shown}");
}

//! What a redactor promises: nothing known leaves, everything comes back, in any cutting.

use std::sync::Arc;

use freehold_deidentification::detection::{Detector, Finding, Form, Score};
use freehold_deidentification::recognisers::{Kind, RECOGNISERS};
use freehold_deidentification::redaction::{Escape, Key, Policy, Redactor};
use proptest::prelude::*;
use serde_json::json;

thread_local! { static DETECTOR: Arc<Detector> = Arc::new(Detector::default()); }

fn redactor() -> Redactor {
    Redactor::new(DETECTOR.with(Arc::clone), Arc::default(), None).unwrap()
}

fn redactor_with(entries: &[&str]) -> Redactor {
    let policy = Policy::parse(entries).unwrap();
    let key = Key::parse(&"2b".repeat(32)).unwrap();
    Redactor::new(DETECTOR.with(Arc::clone), Arc::new(policy), Some(key)).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let mut redactor = redactor();
    let safe = redactor.redact(text).unwrap();
    assert_eq!(safe, expected);
    assert_eq!(redactor.restore(&safe), text);
}

#[test]
fn identifiers_become_typed_numbered_placeholders() {
    check(
        "mail a@b.io or c@d.io, then a@b.io; card 4111 1111 1111 1111",
        "mail <EMAIL_1> or <EMAIL_2>, then <EMAIL_1>; card <CREDIT_CARD_1>",
    );
    check("see https://a.example.com/?u=x@y.com now", "see <URL_1> now");
    check("nothing here", "nothing here");
}

#[test]
fn a_placeholder_of_the_users_own_is_not_confused() {
    check("what is <EMAIL_1>? ask a@b.io", "what is <LITERAL_1>? ask <EMAIL_1>");
    let mut redactor = redactor();
    let first = redactor.redact("a@b.io").unwrap();
    let second = redactor.redact("repeat <EMAIL_1> and <LITERAL_7>").unwrap();
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("<EMAIL_1>", "repeat <LITERAL_1> and <LITERAL_2>")
    );
    assert_eq!(redactor.restore(&second), "repeat <EMAIL_1> and <LITERAL_7>");
    assert_eq!(redactor.restore("<EMAIL_9> is unknown"), "<EMAIL_9> is unknown");
}

#[test]
fn json_is_redacted_in_values_keys_and_numbers() {
    let original = json!({
        "to": ["a@b.io"],
        "a@b.io": { "note": "x" },
        "card": 4_111_111_111_111_111_u64,
        "amount": 12.5,
        "quoted": "say \"a@b.io\"",
    });
    let mut redactor = redactor();
    let mut value = original.clone();
    redactor.redact_json(&mut value).unwrap();
    assert_eq!(
        value,
        json!({
            "to": ["<EMAIL_1>"],
            "<EMAIL_1>": { "note": "x" },
            "card": "<CREDIT_CARD_1>",
            "amount": 12.5,
            "quoted": "say \"<EMAIL_1>\"",
        })
    );
    redactor.restore_json(&mut value);
    assert_eq!(value, original);
}

#[test]
fn arguments_of_tools_stay_json_whatever_the_originals_hold() {
    let mut redactor = redactor();
    let person = "Zoë \"Z\"\nQuill";
    let text = format!("ask {person} today");
    let named = Finding {
        kind: Kind::PERSON,
        recogniser: "names",
        span: 4..4 + person.len(),
        score: Score::percent(90),
        form: Form::Plain,
    };
    assert_eq!(redactor.redact_with(&text, vec![named]).unwrap(), "ask <PERSON_1> today");
    for arguments in [r#"{"name":"<PERSON_1>"}"#, r#"{"name":"\u003cPERSON_1\u003e"}"#] {
        let restored = redactor.restore_arguments(arguments);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&restored).unwrap()["name"], person);
        let mut stream = redactor.restoring(Escape::Json);
        let streamed: String = arguments.split_inclusive('0').map(|it| stream.push(it)).collect();
        let streamed = streamed + &stream.finish();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&streamed).unwrap()["name"], person);
    }
}

#[test]
fn an_identifier_cut_by_two_messages_is_found() {
    let texts = ["my card is 4111 1111", "1111 1111, thanks", "and jane.doe@", "example.com"];
    let mut redactor = redactor();
    let safe = redactor.redact_all(&texts).unwrap();
    assert!(!safe.concat().contains("1111") && !safe.concat().contains("jane"), "{safe:?}");
    let back: Vec<String> = safe.iter().map(|it| redactor.restore(it)).collect();
    assert_eq!(back, texts);
}

#[test]
fn operators_are_chosen_by_kind() {
    let mut redactor = redactor_with(&[
        "AGE=age-cap",
        "POSTAL_CODE=zip3",
        "DATE=year",
        "EMAIL=mask",
        "US_SSN=hash",
        "URL=keep",
        "*=replace",
    ]);
    let text = "a 92-year-old, zip 90210, born 1970-09-24, x.longname@example.com, SSN 078-05-1121, https://a.example.com, card 4111111111111111";
    let safe = redactor.redact(text).unwrap();
    let expected = "a 90+-year-old, zip 902, born 1970, *.********@******e.com, SSN HASH[US_SSN:";
    assert!(safe.starts_with(expected), "{safe}");
    assert!(safe.ends_with("], https://a.example.com, card <CREDIT_CARD_1>"), "{safe}");
    assert_eq!(redactor.tally().operators["age-cap"], 1);
}

#[test]
fn what_an_operator_cannot_read_becomes_a_placeholder_and_is_counted() {
    let mut redactor = redactor_with(&["DATE=date-shift"]);
    assert_eq!(redactor.redact("we'll meet Monday").unwrap(), "we'll meet <DATE_1>");
    assert_eq!(redactor.tally().fallbacks["DATE"], 1);
}

#[test]
fn wrong_policies_are_refused_by_name() {
    let error = |entries: &[&str]| Policy::parse(entries).unwrap_err().to_string();
    assert!(error(&["EMAIL"]).contains("KIND=operator"));
    assert!(error(&["EMAIL=shred"]).contains("age-cap, date-shift"));
    assert!(error(&["SHOE=mask"]).contains("CREDIT_CARD"));
    let policy = Policy::parse(&["EMAIL=hash"]).unwrap();
    let error = Redactor::new(DETECTOR.with(Arc::clone), Arc::new(policy), None).unwrap_err();
    assert!(error.to_string().contains("needs a key"), "{error}");
}

#[test]
fn nothing_of_the_content_is_shown_by_debug() {
    let mut redactor = redactor();
    redactor.redact("jane@example.com").unwrap();
    let shown = format!("{redactor:?} {:?}", redactor.restoring(Escape::None));
    assert!(!shown.contains("jane"), "{shown}");
}

/// Texts made of identifiers, look-alikes of placeholders, and anything.
fn text() -> impl Strategy<Value = String> {
    let examples: Vec<String> =
        RECOGNISERS.iter().map(|it| it.found[0].replace(['⟦', '⟧'], "")).collect();
    let piece = prop_oneof![
        2 => ".{0,8}".prop_map(String::from),
        2 => prop::sample::select(examples),
        2 => prop::sample::select(vec![
            "<EMAIL_1>", "<EMAIL_", "<", ">", "<<", "<AGE_1", "\\u003cEMAIL_1\\u003e", "<LITERAL_1>",
            "a@b.io", "aged 92", " ", "_1>", "é",
        ]).prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_redacted_comes_back(texts in prop::collection::vec(text(), 1..4)) {
        let mut redactor = redactor();
        let safe: Vec<String> = texts.iter().map(|it| redactor.redact(it).unwrap()).collect();
        for (safe, text) in safe.iter().zip(&texts) {
            prop_assert_eq!(&redactor.restore(safe), text);
        }
    }

    #[test]
    fn a_stream_cut_anywhere_restores_like_the_whole(
        known in text(),
        answer in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        json in any::<bool>(),
    ) {
        let mut redactor = redactor();
        let answer = redactor.redact(&known).unwrap() + &answer;
        let escape = if json { Escape::Json } else { Escape::None };
        let whole = { let mut it = redactor.restoring(escape); it.push(&answer) + &it.finish() };
        let bytes = answer.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|it| it.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut stream = redactor.restoring(escape);
        let mut restored: Vec<u8> =
            cuts.windows(2).flat_map(|it| stream.push_bytes(&bytes[it[0]..it[1]])).collect();
        restored.extend(stream.finish().into_bytes());
        prop_assert_eq!(String::from_utf8(restored).unwrap(), whole.clone());
        if !json {
            prop_assert_eq!(redactor.restore(&answer), whole);
        }
    }

    #[test]
    fn json_comes_back(key in text(), value in text(), number in any::<u64>()) {
        let original = json!({ key: [value, number, null, true] });
        let mut redactor = redactor();
        let mut safe = original.clone();
        redactor.redact_json(&mut safe).unwrap();
        redactor.restore_json(&mut safe);
        prop_assert_eq!(safe, original);
    }
}

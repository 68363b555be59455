//! What every recogniser promises.

use std::ops::Range;

use freehold_deidentification::detection::{Detector, Finding, Score, Selection};
use freehold_deidentification::recognisers::{Kind, Pack, RECOGNISERS, Recogniser};
use proptest::prelude::*;

/// The text without its marks, and what they mark.
fn unmark(marked: &str) -> (String, Range<usize>) {
    let start = marked.find('⟦').unwrap_or_else(|| panic!("nothing is marked in {marked:?}"));
    let end = marked.find('⟧').unwrap() - '⟦'.len_utf8();
    (marked.replace(['⟦', '⟧'], ""), start..end)
}

fn spans(detector: &Detector, text: &str) -> Vec<Range<usize>> {
    detector.find(text).unwrap().into_iter().map(|it| it.span).collect()
}

#[track_caller]
fn check(recogniser: &'static Recogniser, failures: &mut Vec<String>) {
    let alone = Detector::only(recogniser);
    for marked in recogniser.found {
        let (text, span) = unmark(marked);
        let found = spans(&alone, &text);
        if found != [span] {
            let found: Vec<&str> = found.iter().map(|it| &text[it.clone()]).collect();
            failures.push(format!("{}: {marked:?} gives {found:?}", recogniser.name));
        }
    }
    for text in recogniser.passed_over {
        let found = spans(&alone, text);
        if !found.is_empty() {
            let found: Vec<&str> = found.iter().map(|it| &text[it.clone()]).collect();
            failures
                .push(format!("{}: {text:?} is passed over, but gives {found:?}", recogniser.name));
        }
    }
}

#[test]
fn each_finds_its_examples_and_passes_over_near_misses() {
    let mut failures = Vec::new();
    for recogniser in RECOGNISERS {
        check(recogniser, &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_is_complete_and_the_table_is_in_order() {
    for it in RECOGNISERS {
        let name = it.name;
        assert!(!it.found.is_empty() && !it.passed_over.is_empty(), "`{name}` lacks examples");
        assert!(it.patterns.iter().all(|it| it.score > Score::percent(0)), "`{name}` never scores");
        let plain = |it: char| it.is_ascii_uppercase() || it == '_';
        assert!(it.kind.as_str().chars().all(plain), "`{name}` has the kind `{}`", it.kind);
        let lower = it.context.iter().all(|it| it.to_lowercase() == **it);
        assert!(lower, "`{name}` has a context word that is not in lower case");
    }
    let names: Vec<&str> = RECOGNISERS.iter().map(|it| it.name).collect();
    assert!(names.is_sorted(), "the table is not in alphabetical order");
}

#[test]
fn kinds_and_packs_are_read_back() {
    for kind in Kind::all() {
        assert_eq!(Kind::parse(&kind.as_str().to_lowercase()), Some(kind));
    }
    assert!(Pack::ALL.iter().all(|it| Pack::parse(&it.name()) == Some(*it)));
    assert_eq!((Kind::parse("SHOE_SIZE"), Pack::parse("atlantis")), (None, None));
}

#[test]
fn packs_can_be_left_out() {
    let without = Detector::new(Selection { packs: vec![Pack::De], ..Selection::default() });
    let found = without.find("ssn 078-05-1121, card 4111111111111111").unwrap();
    let names: Vec<&str> = found.iter().map(|it| it.recogniser).collect();
    assert!(names.contains(&"credit_card") && !names.contains(&"us_ssn"), "{names:?}");
}

#[test]
fn a_text_beyond_the_limit_is_refused_by_name() {
    let detector = Detector::new(Selection { text_bytes_max: 10, ..Selection::default() });
    let error = detector.find("eleven byte").unwrap_err().to_string();
    assert!(error.contains("11 bytes") && error.contains("limit of 10"), "{error}");
}

/// Hostile spellings of identifiers that the plain detector knows.
#[test]
fn disguised_identifiers_are_found_where_they_stand() {
    let detector = Detector::default();
    let cases = [
        ("card ⟦4111\u{200b}1111\u{200b}1111\u{200b}1111⟧ ok", "CREDIT_CARD"),
        ("card ⟦４１１１ １１１１ １１１１ １１１１⟧", "CREDIT_CARD"),
        ("⟦jаne@ехample.com⟧ in Cyrillic disguise", "EMAIL"),
        ("blob ⟦bXkgc3NuIGlzIDA3OC0wNS0xMTIx⟧ end", "US_SSN"),
        ("iban ⟦DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00⟧", "IBAN"),
        ("ssn ⟦٠٧٨-٠٥-١١٢١⟧", "US_SSN"),
        ("ssn ⟦078\u{2011}05\u{2013}1121⟧", "US_SSN"),
    ];
    for (marked, kind) in cases {
        let (text, span) = unmark(marked);
        let found = detector.find(&text).unwrap();
        let hit = |it: &&Finding| it.kind.as_str() == kind && it.span == span;
        assert!(found.iter().any(|it| hit(&it)), "{marked:?} gives {found:?}");
    }
}

#[test]
fn a_heading_is_context() {
    let detector = Detector::default();
    assert_eq!(detector.find("078051121").unwrap(), []);
    let found = detector.find_under("customerSSN", "078051121").unwrap();
    assert!(found.iter().any(|it| it.recogniser == "us_ssn"), "{found:?}");
}

/// Pieces from which hostile texts are made.
fn piece() -> impl Strategy<Value = String> {
    let examples: Vec<String> = RECOGNISERS
        .iter()
        .flat_map(|it| it.found.iter().chain(it.passed_over))
        .map(|it| it.replace(['⟦', '⟧'], ""))
        .collect();
    prop_oneof![
        3 => ".{0,12}".prop_map(String::from),
        2 => "[0-9 ./:@-]{0,24}".prop_map(String::from),
        2 => prop::sample::select(examples),
        1 => prop::sample::select(vec!["\u{200b}", "é", "４", "\u{202e}", "😀", "ﬁ", "\n", "=", "٣"])
            .prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_lie_on_character_boundaries_of_any_text(
        text in prop::collection::vec(piece(), 0..8).prop_map(|it| it.concat())
    ) {
        thread_local! { static DETECTOR: Detector = Detector::default(); }
        DETECTOR.with(|detector| {
            let found = detector.find(&text).unwrap();
            for finding in &found {
                prop_assert!(text.get(finding.span.clone()).is_some_and(|it| !it.is_empty()));
                prop_assert!(finding.score >= Score::THRESHOLD);
            }
            prop_assert!(found.is_sorted_by_key(|it| it.span.start));
            prop_assert_eq!(&found, &detector.find(&text).unwrap());
            Ok(())
        })?;
    }
}

//! All recognisers on the synthetic set of presidio-research: what is found, per entity type.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_deidentification::detection::Detector;
use freehold_deidentification::recognisers::Kind;
use freehold_deidentification::redaction::resolve;
use serde_json::Value;

/// The types whose form is fixed: every one must be found.
const STRUCTURED: &[&str] = &[
    "CREDIT_CARD",
    "DOMAIN_NAME",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "PHONE_NUMBER",
    "US_DRIVER_LICENSE",
    "US_SSN",
];

/// What the set calls a kind of ours; several of ours may be one of theirs.
fn kinds_of(theirs: &str) -> Vec<Kind> {
    let names: &[&str] = match theirs {
        "AGE" => &["AGE"],
        "CREDIT_CARD" => &["CREDIT_CARD"],
        "DATE_TIME" => &["DATE"],
        "DOMAIN_NAME" => &["URL"],
        "EMAIL_ADDRESS" => &["EMAIL"],
        "IBAN_CODE" => &["IBAN"],
        "IP_ADDRESS" => &["IP_ADDRESS"],
        "PHONE_NUMBER" => &["PHONE"],
        "US_DRIVER_LICENSE" => &["US_DRIVER_LICENSE"],
        "US_SSN" => &["US_SSN"],
        "ZIP_CODE" => &["POSTAL_CODE"],
        _ => &[],
    };
    names.iter().filter_map(|it| Kind::parse(it)).collect()
}

#[derive(Debug, Default)]
struct Tally {
    n: u64,
    /// Covered by findings of the right kind.
    found: u64,
    /// Covered by findings of any kind: it would not leave.
    hidden: u64,
    /// Findings of that kind, and those that touch a span of the type.
    findings: u64,
    right: u64,
}

/// Wilson's interval at 95 %, as `evaluation` computes it.
fn wilson(successes: u64, n: u64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, p) = (n as f64, successes as f64 / n as f64);
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

fn data() -> PathBuf {
    let root = std::env::var_os("FREEHOLD_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    root.join("presidio_pii/synth_dataset_v2.json")
}

#[test]
fn structured_identifiers_are_all_found() {
    let Ok(text) = std::fs::read_to_string(data()) else {
        eprintln!("not run: `{}` is absent; set FREEHOLD_DATA", data().display());
        return;
    };
    let documents: Vec<Value> = serde_json::from_str(&text).unwrap();
    let detector = Detector::default();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut missed = Vec::new();
    for span in documents.iter().flat_map(|it| it["spans"].as_array().unwrap()) {
        tallies.entry(span["entity_type"].as_str().unwrap().to_owned()).or_default();
    }
    for document in &documents {
        tally(&detector, document, &mut tallies, &mut missed);
    }
    println!("{} documents", documents.len());
    println!(
        "type               n    recall [95 %]          hidden [95 %]          precision [95 %] (findings)"
    );
    for (name, it) in &tallies {
        let share = |successes, n| {
            if n == 0 {
                return "-".to_owned();
            }
            let (low, high) = wilson(successes, n);
            format!("{:.3} [{low:.3}, {high:.3}]", successes as f64 / n as f64)
        };
        let Tally { n, found, hidden, findings, right } = *it;
        println!(
            "{name:<18} {n:<4} {:<22} {:<22} {} ({findings})",
            share(found, n),
            share(hidden, n),
            share(right, findings)
        );
    }
    for name in STRUCTURED {
        let it = &tallies[*name];
        let missed: Vec<&String> = missed.iter().filter(|it| it.starts_with(name)).collect();
        assert_eq!(it.found, it.n, "{name} missed: {missed:#?}");
    }
}

fn tally(
    detector: &Detector,
    document: &Value,
    tallies: &mut BTreeMap<String, Tally>,
    missed: &mut Vec<String>,
) {
    let text = document["full_text"].as_str().unwrap();
    // Their positions count characters.
    let bytes: Vec<usize> =
        text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len())).collect();
    let findings = resolve(text, detector.find(text).unwrap());
    let place = |span: &Value, key: &str| bytes[span[key].as_u64().unwrap() as usize];
    let spans: Vec<(String, std::ops::Range<usize>)> = document["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let range = place(it, "start_position")..place(it, "end_position");
            (it["entity_type"].as_str().unwrap().to_owned(), range)
        })
        .collect();
    for (name, range) in &spans {
        let kinds = kinds_of(name);
        let covered = |any: bool| {
            (range.clone()).filter(|at| text.as_bytes()[*at].is_ascii_alphanumeric()).all(|at| {
                findings.iter().any(|it| it.span.contains(&at) && (any || kinds.contains(&it.kind)))
            })
        };
        let tally = tallies.get_mut(name).unwrap();
        tally.n += 1;
        tally.hidden += u64::from(covered(true));
        if covered(false) {
            tally.found += 1;
        } else {
            let end = text.ceil_char_boundary((range.end + 20).min(text.len()));
            missed.push(format!(
                "{name}: {:?}",
                &text[text.floor_char_boundary(range.start.saturating_sub(60))..end]
            ));
        }
    }
    for finding in &findings {
        for (name, it) in
            tallies.iter_mut().filter(|(name, _)| kinds_of(name).contains(&finding.kind))
        {
            let touches = |(other, range): &(String, std::ops::Range<usize>)| {
                // A postal code inside an address that is marked as a whole is right.
                let address = name == "ZIP_CODE" && other == "STREET_ADDRESS";
                (other == name || address)
                    && range.start < finding.span.end
                    && finding.span.start < range.end
            };
            it.findings += 1;
            it.right += u64::from(spans.iter().any(touches));
        }
    }
}

//! Model cards.

use freehold_artifacts::{CardCertificate, CardFacts, CardMetric, model_card};
use freehold_vocabulary::{
    Digest, Interval, IntervalMethod, Label, LabelSet, Metric, Split, Timestamp,
};

use crate::model_version;

fn facts() -> CardFacts {
    CardFacts {
        digest: Some(Digest::of("version")),
        licence: Some("Apache-2.0".into()),
        base: Some("sentence-transformers/all-MiniLM-L6-v2".into()),
        dataset: Some("tickets".into()),
        languages: vec!["en".into()],
        data_class: Some("confidential".into()),
        metrics: vec![CardMetric {
            metric: Metric::Accuracy,
            interval: Interval {
                estimate: 0.9401,
                low: 0.9312,
                high: 0.948,
                level: 0.95,
                n: 3080,
                method: IntervalMethod::Wilson,
            },
            split: Split::Test,
        }],
        certificates: vec![CardCertificate {
            tier: "small".into(),
            answers: "the answers that it and the tiers before it keep".to_owned(),
            error_at_most: 0.05,
            confidence: 0.95,
            threshold: 0.8123,
            kept: 0.934,
            n: 1500,
            at: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
        }],
        intended_use: Some("Triage of tickets.".into()),
        limits: vec!["English only.".into()],
        commands: vec!["freehold train tickets --seed 1".into()],
    }
}

#[test]
fn a_full_card_says_everything_once() {
    let version = model_version(&Digest::of("data"), &Digest::of("run"));
    insta::assert_snapshot!(model_card(&version, &facts()));
}

#[test]
fn an_empty_card_says_what_is_unknown() {
    let version = model_version(&Digest::of("data"), &Digest::of("run"));
    insta::assert_snapshot!(model_card(&version, &CardFacts::default()));
}

#[test]
fn hostile_words_stay_words() {
    let mut version = model_version(&Digest::of("data"), &Digest::of("run"));
    let label = Label::parse("` | <script> [x](http://y)").unwrap();
    version.labels = LabelSet::new(vec![label]).unwrap();
    let mut facts = facts();
    facts.base = Some("a\": {}\n---\n# x".into());
    facts.limits = vec!["<script>\n# heading".into()];
    facts.commands = vec!["echo ```\nrm".into()];
    let card = model_card(&version, &facts);
    assert_eq!(card.lines().filter(|line| *line == "---").count(), 2, "{card}");
    assert!(card.contains("Labels: `' | <script> [x](http://y)`."), "{card}");
    assert!(card.contains("- &lt;script> # heading\n"), "{card}");
    assert!(card.contains("echo ` ` ` rm\n"), "{card}");
}

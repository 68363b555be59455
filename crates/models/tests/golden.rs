//! The encoder against `transformers` and `peft`: golden files made by `golden/make.py`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::path::{Path, PathBuf};

use freehold_models::kernels::Isa;
use freehold_models::{EncoderBase, EncoderClassifier, EncoderOptions, Precision};
use freehold_vocabulary::ports::{Classifier, Scored};
use freehold_vocabulary::{Label, LabelMode, LabelSet};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    ids: Vec<Vec<u32>>,
    logits: Vec<Vec<f32>>,
}

/// Each folder of golden files, and the folder of its base if it is an adapter.
const MODELS: &[(&str, Option<&str>)] = &[
    ("bert", None),
    ("bert-lora", Some("bert")),
    ("bert-mean", Some("bert")),
    ("distilbert", None),
    ("distilbert-lora", Some("distilbert")),
    ("modernbert", None),
    ("modernbert-lora", Some("modernbert")),
    ("roberta", None),
    ("roberta-lora", Some("roberta")),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn labels(count: usize) -> LabelSet {
    LabelSet::sorted((0..count).map(|i| Label::parse(&format!("label {i}")).unwrap()))
}

fn open(name: &str, base: Option<&str>, options: EncoderOptions) -> EncoderClassifier {
    let base = base.map(folder);
    let labels = labels(5);
    EncoderClassifier::open(&folder(name), base.as_deref(), labels, LabelMode::Single, options)
        .unwrap()
}

fn expected(name: &str) -> Expected {
    serde_json::from_slice(&std::fs::read(folder(name).join("expected.json")).unwrap()).unwrap()
}

fn with(precision: Precision, isa: Isa) -> EncoderOptions {
    EncoderOptions { precision, isa: Some(isa), ..EncoderOptions::default() }
}

#[track_caller]
fn check_close(scored: &[Scored], expected: &[Vec<f32>], tolerance: f32, what: &str) {
    assert_eq!(scored.len(), expected.len());
    for (scored, expected) in scored.iter().zip(expected) {
        for (found, expected) in scored.logits.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(error <= tolerance, "{what}: {found} is not {expected}");
        }
    }
}

#[test]
fn every_architecture_and_adapter_agrees_with_transformers() {
    for (name, base) in MODELS {
        let golden = expected(name);
        for isa in Isa::available() {
            let model = open(name, *base, with(Precision::F32, isa));
            let scored = model.classify_tokens(&golden.ids).unwrap();
            check_close(&scored, &golden.logits, 1e-4, &format!("{name} on {isa:?}"));
        }
    }
}

#[test]
fn int8_gives_the_same_bits_on_every_instruction_set_and_stays_near() {
    for (name, base) in MODELS {
        let golden = expected(name);
        let mut first: Option<Vec<Scored>> = None;
        for isa in Isa::available() {
            let model = open(name, *base, with(Precision::Int8, isa));
            let scored = model.classify_tokens(&golden.ids).unwrap();
            check_close(&scored, &golden.logits, 0.25, &format!("{name} on {isa:?}"));
            assert_eq!(first.get_or_insert_with(|| scored.clone()), &scored, "{name} on {isa:?}");
        }
    }
}

#[test]
fn f32_gives_the_same_bits_on_every_instruction_set() {
    for (name, base) in MODELS {
        let golden = expected(name);
        let on = |isa| {
            open(name, *base, with(Precision::F32, isa)).classify_tokens(&golden.ids).unwrap()
        };
        let portable = on(Isa::Portable);
        for isa in Isa::available() {
            assert_eq!(on(isa), portable, "{name} on {isa:?}");
        }
    }
}

#[test]
fn a_text_has_the_same_bits_whatever_travels_beside_it() {
    for (name, base) in MODELS {
        for precision in [Precision::F32, Precision::Int8] {
            let model = open(name, *base, with(precision, Isa::best()));
            let ids = expected(name).ids;
            let many: Vec<Vec<u32>> = ids.iter().cycle().take(53).cloned().collect();
            let together = model.classify_tokens(&many).unwrap();
            for (position, one) in many.iter().enumerate() {
                let alone = model.classify_tokens(std::slice::from_ref(one)).unwrap();
                assert_eq!(alone[0], together[position], "{name} {precision:?} text {position}");
            }
        }
    }
}

#[test]
fn adapters_beside_a_shared_base_give_what_merged_ones_give() {
    for (name, base) in MODELS.iter().filter_map(|(name, base)| base.map(|base| (name, base))) {
        let golden = expected(name);
        let shared = EncoderBase::open(&folder(base), with(Precision::F32, Isa::best())).unwrap();
        let model = shared.classifier(&folder(name), labels(5), LabelMode::Single).unwrap();
        let scored = model.classify_tokens(&golden.ids).unwrap();
        check_close(&scored, &golden.logits, 1e-4, name);
        let shared = EncoderBase::open(&folder(base), with(Precision::Int8, Isa::best())).unwrap();
        let model = shared.classifier(&folder(name), labels(5), LabelMode::Single).unwrap();
        let scored = model.classify_tokens(&golden.ids).unwrap();
        check_close(&scored, &golden.logits, 0.25, name);
    }
}

#[test]
fn texts_are_tokenised_and_their_tokens_counted() {
    let model = open("bert", None, EncoderOptions::default());
    let scored = model.classify(&["My lost cards", ""]).unwrap();
    assert_eq!((scored[0].tokens, scored[1].tokens), (6, 2));
    let ids = vec![vec![2, 6, 5, 4, 7, 3], vec![2, 3]];
    assert_eq!(scored, model.classify_tokens(&ids).unwrap());
    assert_eq!(scored[0].embedding.len(), 24);
    assert!(model.classify(&[]).unwrap().is_empty());
}

#[test]
fn a_long_text_is_cut_to_the_limit() {
    let options = EncoderOptions { tokens_max: Some(5), ..EncoderOptions::default() };
    let model = open("bert", None, options);
    assert_eq!(model.classify(&["card ".repeat(900).as_str()]).unwrap()[0].tokens, 5);
    assert_eq!(
        open("bert", None, EncoderOptions::default())
            .classify(&["card ".repeat(900).as_str()])
            .unwrap()[0]
            .tokens,
        48
    );
}

#[track_caller]
fn refused(name: &str, base: Option<&str>, count: usize, words: &[&str]) {
    let base = base.map(folder);
    let opened = EncoderClassifier::open(
        &folder(name),
        base.as_deref(),
        labels(count),
        LabelMode::Single,
        EncoderOptions::default(),
    );
    let message = opened.unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    refused("bert", None, 4, &["5 logits", "4 labels"]);
    refused("bert-lora", Some("distilbert"), 5, &["encoder.layer.0", "missing"]);
    refused("nowhere", None, 5, &["config.json", "cannot read"]);
    let model = open("bert", None, EncoderOptions::default());
    for ids in [vec![], vec![99_999], vec![4; 49]] {
        assert!(model.classify_tokens(&[vec![4], ids]).unwrap_err().to_string().contains("text 1"));
    }
}

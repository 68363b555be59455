//! Detectors against known strangers; every entry of the table runs the same conformance suite.

use freehold_vocabulary::{Random, Seed};

use super::*;

/// Embeddings around one of `labels` directions, logits as a linear head would give them.
fn familiar(n: usize, labels: usize, seed: u64) -> Vec<Observation> {
    let mut random = Random::new(Seed(seed));
    let one = |_| {
        let label = random.below(labels);
        let embedding: Vec<f32> = (0..12)
            .map(|i| (f64::from(u8::from(i == label)) * 4.0 + 0.5 * random.normal()) as f32)
            .collect();
        observe(embedding, labels, vec![label as u32])
    };
    (0..n).map(one).collect()
}

/// Embeddings around a direction that no label has.
fn strange(n: usize, labels: usize, seed: u64) -> Vec<Observation> {
    let mut random = Random::new(Seed(seed));
    let one = |_| {
        let embedding: Vec<f32> = (0..12)
            .map(|i| (f64::from(u8::from(i == 11)) * 4.0 + 0.5 * random.normal()) as f32)
            .collect();
        observe(embedding, labels, Vec::new())
    };
    (0..n).map(one).collect()
}

fn observe(embedding: Vec<f32>, labels: usize, gold: Vec<u32>) -> Observation {
    let logits = embedding[..labels].to_vec();
    Observation { scored: Scored { logits, embedding, tokens: 3 }, gold }
}

fn rate(value: f64) -> Probability {
    Probability::new(value).unwrap()
}

#[test]
fn every_detector_tells_strangers_and_survives_its_file() {
    let (train, held_out, strangers) =
        (familiar(400, 5, 1), familiar(300, 5, 2), strange(100, 5, 3));
    let references: Vec<&Observation> = train.iter().collect();
    for kind in DETECTORS {
        let lesson = Lesson::new(LabelMode::Single, &references);
        let detector = (kind.fit)(&lesson).unwrap();
        let mut known: Vec<f64> = held_out.iter().map(|it| detector.score(&it.scored)).collect();
        let unknown: Vec<f64> = strangers.iter().map(|it| detector.score(&it.scored)).collect();
        known.sort_by(f64::total_cmp);
        let auroc = auroc(&unknown, &known);
        assert!(auroc > 0.97, "{}: {auroc}", kind.name);
        let report = OodReport {
            detector: kind.name.to_owned(),
            mode: LabelMode::Single,
            threshold: 0.0,
            false_alarm_rate: 0.01,
            n: 300,
            strangers: 100,
            candidates: Vec::new(),
        };
        let gate = OodGate { detector, report };
        let read = OodGate::from_bytes(&gate.to_bytes()).unwrap();
        assert_eq!(read.report, gate.report);
        assert_eq!(read.embedding_width(), gate.embedding_width());
        for it in &held_out {
            assert_eq!(read.score(&it.scored), gate.score(&it.scored), "{}", kind.name);
        }
    }
}

#[test]
fn the_best_detector_is_kept_and_the_false_alarms_are_as_declared() {
    let (train, strangers) = (familiar(400, 5, 1), strange(100, 5, 3));
    let gate =
        OodGate::fit(LabelMode::Single, &train, &familiar(499, 5, 2), &strangers, rate(0.02))
            .unwrap();
    let best = gate.report.candidates.iter().filter_map(|it| it.auroc).fold(0.0, f64::max);
    let chosen = gate.report.candidates.iter().find(|it| it.detector == gate.report.detector);
    assert_eq!(chosen.and_then(|it| it.auroc), Some(best));
    assert!(chosen.and_then(|it| it.caught).unwrap() > 0.9, "{:?}", gate.report);
    assert!((gate.report.false_alarm_rate - 0.02).abs() < 1e-12);
    let fresh = familiar(4000, 5, 9);
    let alarms = fresh.iter().filter(|it| gate.is_strange(gate.score(&it.scored))).count();
    assert!((20..=160).contains(&alarms), "{alarms} of 4000");
}

#[test]
fn without_strangers_the_first_of_the_table_is_kept() {
    let (train, held_out) = (familiar(200, 5, 1), familiar(150, 5, 2));
    let gate = |train: &[Observation], held_out: &[Observation]| {
        OodGate::fit(LabelMode::Single, train, held_out, &[], rate(0.01))
    };
    assert_eq!(gate(&train, &held_out).unwrap().report.detector, DETECTORS[0].name);
    let without = |mut it: Vec<Observation>| {
        it.iter_mut().for_each(|it| it.scored.embedding.clear());
        it
    };
    let logits_only = gate(&without(train), &without(held_out)).unwrap();
    assert_eq!(logits_only.report.detector, "energy");
    assert_eq!(logits_only.embedding_width(), None);
}

#[test]
fn few_examples_promise_only_what_they_can() {
    let gate =
        OodGate::fit(LabelMode::Single, &familiar(50, 5, 1), &familiar(9, 5, 2), &[], rate(0.01));
    let report = gate.unwrap().report;
    assert!((report.false_alarm_rate - 0.1).abs() < 1e-12, "{report:?}");
    let nothing = OodGate::fit(LabelMode::Single, &[], &familiar(9, 5, 2), &[], rate(0.01));
    assert!(matches!(nothing, Err(RoutingError::TooFew { found: 0, .. })));
}

#[test]
fn embeddings_that_do_not_vary_leave_the_logits() {
    let mut train = familiar(60, 5, 1);
    train.iter_mut().for_each(|it| it.scored.embedding = vec![1.0, 2.0]);
    let mut held_out = familiar(60, 5, 2);
    held_out.iter_mut().for_each(|it| it.scored.embedding = vec![1.0, 2.0]);
    let gate = OodGate::fit(LabelMode::Single, &train, &held_out, &[], rate(0.05)).unwrap();
    assert_eq!(gate.report.detector, "energy");
}

#[test]
fn a_multi_label_task_has_its_detectors() {
    let multi = |mut it: Vec<Observation>| {
        it.iter_mut().for_each(|it| it.gold = if it.gold[0] == 0 { vec![] } else { vec![0, 1] });
        it
    };
    let (train, held_out) = (multi(familiar(300, 5, 1)), multi(familiar(200, 5, 2)));
    let gate = OodGate::fit(LabelMode::Multi, &train, &held_out, &strange(80, 5, 3), rate(0.05));
    let gate = gate.unwrap();
    assert!(gate.report.candidates.iter().all(|it| it.detector != "relative_mahalanobis"));
    assert!(OodGate::from_bytes(&gate.to_bytes()).is_ok());
}

#[test]
fn damaged_files_are_refused() {
    let gate =
        OodGate::fit(LabelMode::Single, &familiar(60, 5, 1), &familiar(60, 5, 2), &[], rate(0.05));
    let bytes = gate.unwrap().to_bytes();
    for length in [0, 7, 8, 100, bytes.len() - 1] {
        assert!(OodGate::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
    let renamed = String::from_utf8_lossy(&bytes).into_owned();
    assert!(renamed.contains("relative_mahalanobis"));
    let at = bytes.windows(8).position(|it| it == b"relative").unwrap();
    let mut other = bytes.clone();
    other[at..at + 8].copy_from_slice(b"absolute");
    let refused = OodGate::from_bytes(&other).unwrap_err().to_string();
    assert!(refused.contains("absolute_mahalanobis"), "{refused}");
    // The first number of the data becomes a NaN.
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut poisoned = bytes;
    poisoned[8 + header..12 + header].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(OodGate::from_bytes(&poisoned).is_err());
}

#[test]
fn ranks_count_ties_by_half() {
    assert_eq!(auroc(&[2.0, 3.0], &[0.0, 1.0]), 1.0);
    assert_eq!(auroc(&[0.0], &[0.0]), 0.5);
    assert_eq!(auroc(&[1.0, 0.0], &[0.0, 2.0]), (1.0 + 0.5) / 4.0);
}

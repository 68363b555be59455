//! Whole evaluations: the shape of the record, repeatability, slices, comparison and gate.

use std::collections::BTreeMap;

use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Bar, LabelMode, Metric};

use crate::compare::compare;
use crate::gate::{GateRule, Requirement, gate};
use crate::intervals::Resampling;
use crate::report::Outputs;
use crate::sample::{self, SMALL, Sample};
use crate::slices::SliceSize;
use crate::{Evaluation, EvaluationError, Predictions, Settings, evaluate};

#[test]
fn the_record_keeps_its_shape() {
    let predictions = sample::by_hand(&[
        (Some(0), &[0.9, 0.05, 0.05], "a"),
        (Some(1), &[0.1, 0.7, 0.2], "b"),
        (Some(2), &[0.2, 0.6, 0.2], "a"),
        (None, &[0.3, 0.3, 0.4], "b"),
    ]);
    let record =
        evaluate(&predictions, sample::subject("m"), &sample::settings(20), &Silent).unwrap();
    let record = record.clone().compared_with(&record).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&record).unwrap());
}

#[test]
fn the_record_survives_its_text_and_foreign_text_is_refused() {
    let record = sample::evaluation("m", SMALL);
    let text = record.to_json();
    assert_eq!(Evaluation::from_json(&text).unwrap(), record);
    let refused = |text: &str| Evaluation::from_json(text).unwrap_err().to_string();
    assert!(refused("{}").contains("not an evaluation record"));
    assert!(refused(&text[..text.len() / 2]).contains("not an evaluation record"));
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert!(refused(&newer).contains("its format is 2, this version reads 1"));
    let edited = |edit: fn(&mut Evaluation)| {
        let mut edited = record.clone();
        edit(&mut edited);
        refused(&edited.to_json())
    };
    let label = edited(|it| it.outputs.as_mut().unwrap()[3].predicted = vec![6]);
    assert!(label.contains("it names label 6 of 6"));
    let cell = edited(|it| it.confusion.as_mut().unwrap().cells[0].gold = Some(99));
    assert!(cell.contains("it names label 99 of 6"));
    let latency = edited(|it| it.latency.as_mut().unwrap().histogram[0].from_us = 0.0);
    assert!(latency.contains("impossible bounds"));
    assert!(edited(|it| it.n_out_of_scope = it.n + 1).contains("out of scope"));
}

#[test]
fn the_record_is_the_same_with_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| sample::evaluation("m", SMALL).to_json())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn slices_are_worst_first_and_small_ones_flagged() {
    let right: (Option<u32>, &[f64], &str) = (Some(0), &[0.9, 0.1], "good");
    let wrong: (Option<u32>, &[f64], &str) = (Some(1), &[0.9, 0.1], "bad");
    let mut rows = vec![right; 60];
    rows.extend(vec![wrong; 20]);
    rows.extend(vec![(Some(0), &[0.9, 0.1][..], "bad"); 20]);
    rows.extend(vec![(Some(1), &[0.9, 0.1][..], "tiny"); 1]);
    rows.extend(vec![(None, &[0.9, 0.1][..], "strangers"); 2]);
    let predictions = sample::by_hand(&rows);
    let record =
        evaluate(&predictions, sample::subject("m"), &sample::settings(20), &Silent).unwrap();
    let slices = &record.breakdowns.slices;
    let names: Vec<&str> = slices.iter().map(|slice| slice.value.as_str()).collect();
    // One wrong answer of one proves less than twenty of forty.
    assert_eq!(names, ["bad", "tiny", "good", "strangers"]);
    assert_eq!(slices[0].metric("accuracy").unwrap().estimate, 0.5);
    assert_eq!((slices[0].n, slices[0].size), (40, SliceSize::Enough));
    assert_eq!(slices[1].size, SliceSize::Small);
    assert!(slices[3].metric("accuracy").is_none());
}

#[test]
fn a_column_of_identifiers_is_left_out_and_named() {
    let mut items = sample::predictions(SMALL).items().to_vec();
    for (place, item) in items.iter_mut().enumerate() {
        item.slices = BTreeMap::from([("customer".to_owned(), place.to_string())]);
    }
    let predictions = Predictions::new(sample::labels(6), LabelMode::Single, items).unwrap();
    let record =
        evaluate(&predictions, sample::subject("m"), &sample::settings(20), &Silent).unwrap();
    assert!(record.breakdowns.slices.is_empty());
    assert_eq!(record.breakdowns.left_out, ["customer"]);
}

#[test]
fn clusters_widen_the_interval_and_must_exist() {
    let mut items = sample::predictions(Sample { strangers: 0, ..SMALL }).items().to_vec();
    let correct: Vec<bool> =
        sample::predictions(SMALL).answers().iter().map(|answer| answer.correct).collect();
    // Customers of whom each is always or never served well.
    for (place, item) in items.iter_mut().enumerate() {
        let customer = format!("{}/{}", correct[place], place % 12);
        item.slices.insert("customer".to_owned(), customer);
    }
    let predictions = Predictions::new(sample::labels(6), LabelMode::Single, items).unwrap();
    let width = |cluster_by: Option<&str>| {
        let cluster_by = cluster_by.map(str::to_owned);
        let settings = Settings { cluster_by, ..sample::settings(300) };
        let record = evaluate(&predictions, sample::subject("m"), &settings, &Silent)?;
        let accuracy = record.metric("accuracy").unwrap();
        Ok::<f64, EvaluationError>(accuracy.high - accuracy.low)
    };
    assert!(width(Some("customer")).unwrap() > 3.0 * width(None).unwrap());
    // The comparison follows: against a baseline that is always wrong, accuracy is the difference.
    let against_nothing = |cluster_by: Option<&str>| {
        let cluster_by = cluster_by.map(str::to_owned);
        let settings = Settings { cluster_by, ..sample::settings(300) };
        let ours = evaluate(&predictions, sample::subject("m"), &settings, &Silent).unwrap();
        let mut theirs = ours.clone();
        for output in theirs.outputs.as_mut().unwrap() {
            output.predicted = vec![(output.gold[0] + 1) % 6];
        }
        let compared = compare(&ours, &theirs, &settings.resampling).unwrap();
        let difference = compared.difference(Metric::Accuracy).unwrap().difference;
        difference.high - difference.low
    };
    assert!(against_nothing(Some("customer")) > 3.0 * against_nothing(None));
    let refusal = width(Some("nobody")).unwrap_err().to_string();
    assert!(refusal.contains("no item has the column `nobody`"));
}

fn better_and_worse() -> (Evaluation, Evaluation) {
    let worse = Sample { skill: 2.5, model_seed: 2, ..SMALL };
    (sample::evaluation("better", SMALL), sample::evaluation("worse", worse))
}

#[test]
fn a_comparison_finds_the_better_model_and_is_antisymmetric() {
    let (better, worse) = better_and_worse();
    let there = compare(&better, &worse, &Resampling::default()).unwrap();
    let back = compare(&worse, &better, &Resampling::default()).unwrap();
    let accuracy = there.difference(Metric::Accuracy).unwrap();
    assert_eq!(there.n, 600, "items out of scope are not paired");
    let direct = better.metric("accuracy").unwrap().estimate;
    assert!((accuracy.candidate - direct).abs() < 1e-12);
    assert!(accuracy.difference.low > 0.0 && there.mcnemar.exact_p < 1e-6);
    let reverse = back.difference(Metric::Accuracy).unwrap();
    assert!((accuracy.difference.estimate + reverse.difference.estimate).abs() < 1e-12);
    assert_eq!(there.mcnemar.only_candidate_right, back.mcnemar.only_baseline_right);
    let discordant = there.mcnemar.only_candidate_right - there.mcnemar.only_baseline_right;
    assert!((accuracy.difference.estimate - discordant as f64 / 600.0).abs() < 1e-12);
}

#[test]
fn a_label_that_got_lost_is_found_behind_a_better_average() {
    let (ours, _) = better_and_worse();
    let mut theirs = ours.clone();
    // Label 3 never found by the candidate, label 0 sometimes missed by the baseline.
    let mut candidate = ours;
    for output in candidate.outputs.as_mut().unwrap().iter_mut().filter(|it| it.gold == [3]) {
        output.predicted = vec![4];
    }
    let missed = theirs.outputs.as_mut().unwrap().iter_mut().filter(|it| it.gold == [0]);
    missed.step_by(2).for_each(|output| output.predicted = vec![1]);
    let comparison = compare(&candidate, &theirs, &Resampling::default()).unwrap();
    assert!(comparison.difference(Metric::Accuracy).unwrap().difference.estimate > 0.0);
    let of = |label: u32| {
        let label = candidate.labels.get(label).unwrap();
        comparison.class_changes.iter().find(|change| change.label == *label)
    };
    let (lost, gained) = (of(3).unwrap(), of(0).unwrap());
    assert!(lost.gained == 0 && lost.lost > 0 && lost.is_established(), "{lost:?}");
    assert!(gained.lost == 0 && gained.gained > 0 && gained.is_established(), "{gained:?}");
    assert!(of(1).is_none(), "nothing changed there");
}

#[test]
fn a_baseline_with_its_labels_in_another_order_is_paired_by_name() {
    let (ours, _) = better_and_worse();
    let mut theirs = ours.clone();
    let mut reversed = ours.labels.as_slice().to_vec();
    reversed.reverse();
    theirs.labels = freehold_vocabulary::LabelSet::new(reversed).unwrap();
    for output in theirs.outputs.as_mut().unwrap() {
        output.predicted.iter_mut().for_each(|label| *label = 5 - *label);
        output.gold.iter_mut().for_each(|label| *label = 5 - *label);
    }
    let comparison = compare(&ours, &theirs, &Resampling::default()).unwrap();
    assert_eq!(comparison.mcnemar.only_candidate_right, 0);
    assert_eq!(comparison.mcnemar.only_baseline_right, 0);
}

#[test]
fn repeated_items_are_paired_in_order() {
    // The same message twice, as real traffic has it; the second model learnt between the two.
    let twice = |first: &[f64], second: &[f64]| {
        let rows = [(Some(0), first, "a"), (Some(0), second, "a"), (Some(1), second, "a")];
        let mut items = sample::by_hand(&rows).items().to_vec();
        items[1].id = items[0].id.clone();
        let predictions = Predictions::new(sample::labels(2), LabelMode::Single, items).unwrap();
        evaluate(&predictions, sample::subject("m"), &sample::settings(20), &Silent).unwrap()
    };
    let (ours, theirs) = (twice(&[0.9, 0.1], &[0.1, 0.9]), twice(&[0.9, 0.1], &[0.9, 0.1]));
    let test = compare(&ours, &theirs, &Resampling::default()).unwrap().mcnemar;
    assert_eq!((test.both_right, test.only_candidate_right, test.only_baseline_right), (1, 1, 1));
    let mut fewer = theirs;
    fewer.outputs.as_mut().unwrap().remove(1);
    let refusal = compare(&ours, &fewer, &Resampling::default()).unwrap_err().to_string();
    assert!(refusal.contains("3 and 2 items, 2 in common"), "{refusal}");
}

#[test]
fn what_cannot_be_paired_is_refused_with_the_reason() {
    let (ours, theirs) = better_and_worse();
    let refused = |theirs: &Evaluation| {
        compare(&ours, theirs, &Resampling::default()).unwrap_err().to_string()
    };
    let others = sample::evaluation("m", Sample { items_seed: 5, ..SMALL });
    assert!(refused(&others).contains("680 and 680 items, 0 in common"));
    let mut silent = theirs.clone();
    silent.outputs = None;
    assert!(refused(&silent).contains("the baseline was evaluated without keeping its outputs"));
    let mut multi = theirs;
    multi.mode = LabelMode::Multi;
    assert!(refused(&multi).contains("multi-label"));
}

#[test]
fn outputs_can_be_dropped() {
    let settings = Settings { outputs: Outputs::Drop, ..sample::settings(20) };
    let record =
        evaluate(&sample::predictions(SMALL), sample::subject("m"), &settings, &Silent).unwrap();
    assert!(record.outputs.is_none());
}

fn bar(at_least: f64) -> Option<Bar> {
    Some(Bar { metric: Metric::Accuracy, at_least })
}

#[test]
fn the_gate_asks_for_the_lower_bound() {
    let (candidate, _) = better_and_worse();
    let accuracy = *candidate.metric("accuracy").unwrap();
    let rule = GateRule::default();
    assert!(gate(&candidate, None, bar(accuracy.low), &rule).unwrap().passed);
    // The estimate clears this bar, the bound does not.
    let verdict = gate(&candidate, None, bar(accuracy.estimate), &rule).unwrap();
    assert!(!verdict.passed);
    let failed = verdict.checks.iter().find(|check| !check.passed).unwrap();
    assert_eq!(failed.requirement, Requirement::Bar);
    assert!((failed.short_by - (accuracy.estimate - accuracy.low)).abs() < 1e-12);
    assert!(verdict.sentence().contains("the lower bound misses the bar of"), "{verdict:?}");
    assert!(verdict.sentence().contains(&format!("by {:.2} points", 100.0 * failed.short_by)));
}

#[test]
fn the_gate_refuses_a_version_that_may_be_worse_than_the_champion() {
    let (better, worse) = better_and_worse();
    let rule = GateRule::default();
    assert!(gate(&better, Some(&worse), None, &rule).unwrap().passed);
    let verdict = gate(&worse, Some(&better), None, &rule).unwrap();
    let failed = verdict.checks.iter().find(|check| !check.passed).unwrap();
    assert_eq!((verdict.passed, failed.requirement), (false, Requirement::Champion));
    assert!((failed.short_by - (-rule.margin - failed.bound)).abs() < 1e-12);
    assert!(failed.sentence.contains("points too low"), "{}", failed.sentence);
    // A margin wider than the difference lets it through.
    let generous = GateRule { margin: 0.9, ..rule };
    assert!(gate(&worse, Some(&better), None, &generous).unwrap().passed);
    assert!(gate(&better, Some(&better), None, &GateRule { margin: 0.0, ..rule }).unwrap().passed);
}

#[test]
fn the_gate_decides_nothing_on_few_items_or_nonsense() {
    let few = sample::evaluation("m", Sample { items: 40, strangers: 300, ..SMALL });
    let verdict = gate(&few, None, None, &GateRule::default()).unwrap();
    assert!(!verdict.passed && verdict.sentence().contains("label at least 60 more"));
    let nonsense = GateRule { margin: f64::NAN, ..GateRule::default() };
    assert!(gate(&few, None, None, &nonsense).is_err());
    let unreachable = gate(&few, None, bar(f64::NAN), &GateRule { n_min: 1, margin: 0.0 }).unwrap();
    assert!(!unreachable.passed, "a bar that is no number is never cleared");
    let mut flattering = sample::evaluation("m", SMALL);
    flattering.subject.split = freehold_vocabulary::Split::Train;
    let refusal = gate(&flattering, None, None, &GateRule::default()).unwrap_err().to_string();
    assert!(refusal.contains("evaluated on the train split"));
}

#[test]
fn too_many_columns_are_refused() {
    let mut items = sample::predictions(SMALL).items().to_vec();
    items[0].slices = (0..200).map(|place| (place.to_string(), String::new())).collect();
    let predictions = Predictions::new(sample::labels(6), LabelMode::Single, items).unwrap();
    let refusal = evaluate(&predictions, sample::subject("m"), &sample::settings(20), &Silent);
    assert!(refusal.unwrap_err().to_string().contains("202 slice columns; the limit is 100"));
}

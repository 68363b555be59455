//! Splits: deterministic, stratified, and never through a group of duplicates.

use std::collections::BTreeMap;

use freehold_curation::{ImportRequest, Shares, SplitPlan};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Example, LabelMode, Seed, Split};
use proptest::prelude::*;

use super::support::*;

/// The examples after splitting with these shares and this seed.
fn split(request: &ImportRequest, shares: Shares, seed: u64) -> Vec<Example> {
    let root = tempfile::tempdir().unwrap();
    let divided = run(request).unwrap().split(&SplitPlan { shares }, Seed(seed), &Silent).unwrap();
    let written = divided.write_version(root.path(), None, &Silent).unwrap();
    let dataset = freehold_curation::Dataset::open(&written.dir).unwrap();
    dataset.iter().unwrap().collect::<Result<_, _>>().unwrap()
}

fn count(examples: &[Example], split: Split) -> usize {
    examples.iter().filter(|it| it.split == split).count()
}

/// Distinct texts: numbers in words, so that no two are alike.
fn text(number: usize) -> String {
    const WORDS: [&str; 10] =
        ["zero", "amber", "brisk", "clover", "dusty", "ember", "frost", "grove", "hazel", "ivory"];
    let digits: Vec<&str> =
        number.to_string().bytes().map(|it| WORDS[usize::from(it - b'0')]).collect();
    digits.join(" ")
}

fn csv(rows: impl Iterator<Item = (usize, String)>) -> String {
    let rows: String = rows.map(|(number, label)| format!("{},{label}\n", text(number))).collect();
    format!("text,label\n{rows}")
}

const SHARES: Shares = Shares { validation: 0.1, calibration: 0.2, test: 0.3 };

#[test]
fn shares_hold_over_all_and_within_every_label() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (1000..2000).map(|it| (it, format!("label {}", it % 10)));
    let mut request = request(file(dir.path(), "t.csv", csv(rows)));
    request.near_duplicates.jaccard_min = 1.0;
    let examples = split(&request, SHARES, 1);
    for (part, expected) in [(Split::Validation, 10), (Split::Calibration, 20), (Split::Test, 30)] {
        assert_eq!(count(&examples, part), expected * 10);
        let mut per_label: BTreeMap<&str, usize> = BTreeMap::new();
        for example in examples.iter().filter(|it| it.split == part) {
            *per_label.entry(example.labels[0].as_str()).or_default() += 1;
        }
        assert!(per_label.values().all(|it| it.abs_diff(expected) <= 1), "{part}: {per_label:?}");
    }
}

#[test]
fn the_split_depends_on_the_seed_and_not_on_the_order_of_rows() {
    let dir = tempfile::tempdir().unwrap();
    let rows =
        |numbers: Vec<usize>| csv(numbers.into_iter().map(|it| (it, format!("l{}", it % 3))));
    let forwards = request(file(dir.path(), "f.csv", rows((1000..1300).collect())));
    let backwards = request(file(dir.path(), "b.csv", rows((1000..1300).rev().collect())));
    let places = |request: &ImportRequest, seed| -> BTreeMap<String, Split> {
        split(request, SHARES, seed).into_iter().map(|it| (it.text, it.split)).collect()
    };
    assert_eq!(places(&forwards, 1), places(&forwards, 1));
    assert_eq!(places(&forwards, 1), places(&backwards, 1));
    assert_ne!(places(&forwards, 1), places(&forwards, 2));
}

#[test]
fn a_hundred_tiny_labels_do_not_empty_a_larger_one() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = (1000..1100).map(|it| (it, format!("tiny {it}")));
    let large = (2000..2020).map(|it| (it, "zz large".to_owned()));
    let mut request = request(file(dir.path(), "t.csv", csv(tiny.chain(large))));
    request.near_duplicates.jaccard_min = 1.0;
    let examples = split(&request, SHARES, 1);
    let large = examples.iter().filter(|it| it.labels[0].as_str() == "zz large");
    let in_train = large.filter(|it| it.split == Split::Train).count();
    assert!(in_train >= 6, "{in_train} of 20");
    let tiny = examples.iter().filter(|it| it.labels[0].as_str().starts_with("tiny"));
    assert!(tiny.into_iter().all(|it| it.split == Split::Train));
}

#[test]
fn given_test_rows_stay_and_their_like_leave_train() {
    let dir = tempfile::tempdir().unwrap();
    let long = "please tell me why my transfer to the other bank has not arrived yet";
    let rows: String = (1000..1100).map(|it| format!("{},a\n", text(it))).collect();
    let train = format!("text,label\n{long},a\n{long} today,a\n{rows}");
    let test = format!("text,label\n{},a\n{},a\n", long.to_uppercase(), text(5555));
    let request =
        train_and_test(file(dir.path(), "train.csv", train), file(dir.path(), "test.csv", test));
    let divided = run(&request).unwrap().split(&SplitPlan::default(), Seed(1), &Silent).unwrap();
    let report = divided.report();
    assert_eq!(report.given, [Split::Train, Split::Test]);
    assert_eq!(report.rows[&Split::Test], 2);
    assert_eq!(report.dropped, BTreeMap::from([(Split::Train, 2)]));
    let dropped: Vec<(&str, &str)> = report
        .dropped_rows
        .iter()
        .map(|it| (it.source.as_str(), it.kept_source.as_str()))
        .collect();
    assert_eq!(dropped, [("train.csv:2", "test.csv:2"), ("train.csv:3", "test.csv:2")]);
    assert_eq!((report.rows[&Split::Validation], report.rows[&Split::Calibration]), (5, 10));
}

#[test]
fn every_label_of_a_multi_label_set_is_in_train() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (1000..1060).map(|it| {
        let labels =
            if it < 1004 { format!("rare{it}|common|x{}", it % 2) } else { "common".to_owned() };
        (it, labels)
    });
    let mut request = request(file(dir.path(), "t.csv", csv(rows)));
    request.mode = LabelMode::Multi;
    request.label_separator = Some("|".to_owned());
    for seed in 0..20 {
        let examples = split(&request, SHARES, seed);
        let train = examples.iter().filter(|it| it.split == Split::Train);
        let mut labels: Vec<&str> =
            train.flat_map(|it| it.labels.iter().map(|it| it.as_str())).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels, ["common", "rare1000", "rare1001", "rare1002", "rare1003", "x0", "x1"]);
    }
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "t.csv", csv((1000..1010).map(|it| (it, "a".to_owned()))));
    for (validation, test) in [(0.5, 0.6), (-0.1, 0.1), (f64::NAN, 0.1)] {
        let shares = Shares { validation, calibration: 0.0, test };
        let refused = run(&request(&path)).unwrap().split(&SplitPlan { shares }, Seed(1), &Silent);
        assert!(refused.unwrap_err().to_string().contains("add up to at most 0.9"));
    }
    let mut only_test = request(&path);
    only_test.files[0].split = Some(Split::Test);
    let refused = run(&only_test).unwrap().split(&SplitPlan::default(), Seed(1), &Silent);
    assert!(refused.unwrap_err().to_string().contains("add rows for train"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Rows that differ only in case, punctuation or one late word never stand in two splits,
    /// whatever is given; every label with a row that may be in train has one there.
    #[test]
    fn no_group_straddles_a_split(
        rows in prop::collection::vec((0usize..25, 0usize..3, 0usize..4, 0usize..8), 4..80),
        seed in any::<u64>(),
    ) {
        let sentence = |of: usize, variant: usize| {
            let base = format!("{} and a long tail of words that all variants share {}", text(of * 7919 + 100_003), text(of * 104_729 + 11));
            match variant {
                0 => base,
                1 => base.to_uppercase(),
                _ => format!("{base}!"),
            }
        };
        let given = ["train", "", "", "", "", "validation", "calibration", "test"];
        let mut csv = "text,label,split\nalone in the world,label 0,train\n".to_owned();
        for (of, variant, label, split) in &rows {
            csv.push_str(&format!("{},label {label},{}\n", sentence(*of, *variant), given[*split]));
        }
        let dir = tempfile::tempdir().unwrap();
        let examples = split(&request(file(dir.path(), "t.csv", &csv)), SHARES, seed);
        let mut places: BTreeMap<String, Split> = BTreeMap::new();
        for example in &examples {
            let base = example.text.to_lowercase().trim_end_matches('!').to_owned();
            let place = *places.entry(base).or_insert(example.split);
            prop_assert_eq!(place, example.split);
        }
        let test_rows = rows.iter().filter(|it| it.3 == 7).count();
        prop_assert!(count(&examples, Split::Test) >= test_rows, "given test rows stay");
    }
}

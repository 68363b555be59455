//! A version divided anew: another version, the old one its parent.

use std::collections::BTreeMap;

use freehold_curation::{Dataset, Resplit, Shares, SplitPlan, TestSplit};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Example, Seed, Split};

use super::support::*;

const SHARES: Shares = Shares { validation: 0.1, calibration: 0.3, test: 0.2 };

/// Sixty rows of three labels; every third is nearly said twice.
fn rows() -> String {
    let mut text = "text,label\n".to_owned();
    for n in 0..60 {
        let (label, word) = (n % 3, ["refund", "invoice", "parcel"][n % 3]);
        let body = format!("please tell me about the {word} of my order number {n}{n}{n} today");
        text += &format!("{body},l{label}\n");
        if n % 3 == 0 {
            text += &format!("{body}!,l{label}\n");
        }
    }
    text
}

fn resplit(old: &Dataset, seed: u64, test: TestSplit, root: &std::path::Path) -> Resplit {
    old.resplit(&SplitPlan { shares: SHARES }, Seed(seed), test, root, &Silent).unwrap()
}

fn opened(resplit: &Resplit) -> Dataset {
    let written = resplit.version.as_ref().unwrap();
    Dataset::open_verified(&written.dir, &written.digest).unwrap()
}

fn places(dataset: &Dataset) -> BTreeMap<String, Split> {
    let all: Vec<Example> = dataset.iter().unwrap().collect::<Result<_, _>>().unwrap();
    all.into_iter().map(|it| (it.text, it.split)).collect()
}

fn test_rows(dataset: &Dataset) -> Vec<String> {
    dataset.examples(Split::Test).unwrap().into_iter().map(|it| it.text).collect()
}

#[track_caller]
fn check_no_straddling(dataset: &Dataset) {
    let places = places(dataset);
    for (text, split) in &places {
        if let Some(like) = places.get(&format!("{text}!")) {
            assert_eq!(like, split, "{text}");
        }
    }
}

#[test]
fn the_test_split_stays_and_the_rest_is_divided_by_the_new_plan() {
    let dir = tempfile::tempdir().unwrap();
    let (old_written, old) = version(&request(file(dir.path(), "t.csv", rows())), dir.path());
    let resplit = resplit(&old, 7, TestSplit::Kept, dir.path());
    let new = opened(&resplit);
    assert_eq!(new.manifest().parents, std::slice::from_ref(&old_written.digest));
    assert_eq!(test_rows(&new), test_rows(&old));
    assert_eq!(places(&new).len(), places(&old).len(), "no row is lost");
    assert_ne!(places(&new), places(&old));
    assert_eq!(resplit.report.given, [Split::Test]);
    let rest = (new.manifest().counts.rows - new.rows(Split::Test)) as f64;
    let share = new.rows(Split::Calibration) as f64 / new.manifest().counts.rows as f64;
    assert!((share - 0.3).abs() < 0.1, "{share} of {rest}");
    assert_eq!(new.manifest().division.as_ref().unwrap().seed, Seed(7));
    check_no_straddling(&new);
    // The old version is what it was.
    Dataset::open_verified(&old_written.dir, &old_written.digest).unwrap();
}

#[test]
fn told_so_it_divides_the_test_split_too() {
    let dir = tempfile::tempdir().unwrap();
    let (_, old) = version(&request(file(dir.path(), "t.csv", rows())), dir.path());
    let new = opened(&resplit(&old, 7, TestSplit::Divided, dir.path()));
    assert_ne!(test_rows(&new), test_rows(&old));
    check_no_straddling(&new);
}

#[test]
fn the_same_division_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_, old) = version(&request(file(dir.path(), "t.csv", rows())), dir.path());
    let new = opened(&resplit(&old, 7, TestSplit::Kept, dir.path()));
    assert!(resplit(&new, 7, TestSplit::Kept, dir.path()).version.is_none());
    assert!(resplit(&new, 8, TestSplit::Kept, dir.path()).version.is_some());
}

#[test]
fn shares_that_leave_nothing_for_train_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, old) = version(&request(file(dir.path(), "t.csv", rows())), dir.path());
    let shares = Shares { validation: 0.5, calibration: 0.5, test: 0.0 };
    let refused = old.resplit(&SplitPlan { shares }, Seed(1), TestSplit::Kept, dir.path(), &Silent);
    assert!(refused.unwrap_err().to_string().contains("too little for train"));
}

//! What the checks find, and what they leave alone.

use freehold_curation::{Finding, Imported, Severity, SplitPlan};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{LabelMode, Seed};

use super::support::*;

fn imported(csv: &str) -> Imported {
    let dir = tempfile::tempdir().unwrap();
    run(&request(file(dir.path(), "t.csv", csv))).unwrap()
}

fn named<'f>(findings: &'f [Finding], check: &str) -> Option<&'f Finding> {
    findings.iter().find(|it| it.check == check)
}

/// The count and first example of one check over a file; zero when it finds nothing.
#[track_caller]
fn check(csv: &str, name: &str, count: u64, sources: &[&str]) {
    let imported = imported(csv);
    let finding = named(imported.findings(), name);
    assert_eq!(finding.map_or(0, |it| it.count), count, "{finding:#?}");
    if let Some(finding) = finding {
        let shown: Vec<&str> =
            finding.examples[0].rows.iter().map(|it| it.source.as_str()).collect();
        assert_eq!(shown, sources);
        assert!(!finding.remedy.is_empty() && !finding.summary.is_empty());
    }
}

const LONG: &str = "I have been waiting for my new debit card for more than two weeks now";

#[test]
fn exact_duplicates_share_text_and_labels() {
    let csv = "text,label\nWhere is it?,a\nother,b\nwhere is  IT,a\nwhere's it,a\n";
    check(csv, "exact-duplicates", 1, &["t.csv:2", "t.csv:4"]);
    check("text,label\none,a\ntwo,a\n", "exact-duplicates", 0, &[]);
    check("text,label\none,a\none,b\n", "exact-duplicates", 0, &[]);
}

#[test]
fn conflicts_share_text_but_not_labels() {
    check("text,label\none,a\ntwo,a\nOne!,b\none,b\n", "conflicts", 1, &["t.csv:2", "t.csv:4"]);
    check("text,label\none,a\nOne,a\n", "conflicts", 0, &[]);
}

#[test]
fn near_duplicates_are_similar_but_not_equal() {
    let csv = format!("text,label\n{LONG},a\nunrelated,b\n{LONG} already,a\n{LONG},a\n");
    check(&csv, "near-duplicates", 1, &["t.csv:2", "t.csv:4"]);
    let csv = "text,label\nhow do i activate my card,a\nhow do i activate my new card,a\n";
    check(csv, "near-duplicates", 0, &[]);
}

#[test]
fn leakage_is_between_given_splits() {
    let csv = format!(
        "text,label,split\n{LONG},a,train\nunrelated,b,train\n{LONG} already,a,test\nsomething else,b,test\n"
    );
    check(&csv, "leakage", 1, &["t.csv:2", "t.csv:4"]);
    let csv = format!("text,label,split\n{LONG},a,train\n{LONG} already,a,train\nx y z,b,test\n");
    check(&csv, "leakage", 0, &[]);
    check("text,label\none,a\none,a\n", "leakage", 0, &[]);
}

#[test]
fn tiny_classes_and_misspelt_labels_are_named() {
    let rows: String = (0..50).map(|it| format!("text number {it},card_arrival\n")).collect();
    let imported =
        imported(&format!("text,label\n{rows}a slip,card_arival\nanother,Card Arrival\n"));
    let tiny = named(imported.findings(), "tiny-classes").unwrap();
    assert_eq!(tiny.count, 2);
    let typos = named(imported.findings(), "label-typos").unwrap();
    assert_eq!(typos.count, 2);
    let notes: Vec<&str> = typos.examples.iter().map(|it| it.note.as_str()).collect();
    assert!(
        notes.contains(&"`card_arival` (1 row) may mean `card_arrival` (50 rows)"),
        "{notes:?}"
    );
    assert!(
        notes.contains(&"`Card Arrival` (1 row) may mean `card_arrival` (50 rows)"),
        "{notes:?}"
    );
}

#[test]
fn labels_without_rows_in_a_split_are_named_after_splitting() {
    let csv = "text,label,split\none thing,a,train\nanother matter,b,test\nthird point,a,test\n";
    let divided = imported(csv).split(&SplitPlan::default(), Seed(1), &Silent).unwrap();
    let finding = named(&divided.report().findings, "empty-classes").unwrap();
    assert_eq!((finding.severity, finding.count), (Severity::Error, 1));
    assert_eq!(finding.examples[0].note, "`b` has no row in train");
}

#[test]
fn multi_label_sets_are_compared_whole() {
    let dir = tempfile::tempdir().unwrap();
    let csv = "text,label\none,a|b\none,b|a|\none,a\n";
    let mut request = request(file(dir.path(), "t.csv", csv));
    request.mode = LabelMode::Multi;
    request.label_separator = Some("|".to_owned());
    let imported = run(&request).unwrap();
    assert_eq!(named(imported.findings(), "exact-duplicates").unwrap().count, 1);
    assert_eq!(named(imported.findings(), "conflicts").unwrap().count, 1);
}

#[test]
fn clean_data_has_no_findings() {
    let topics = ["invoices", "refunds"];
    let row = |it: usize| {
        format!("{} unique words {} here {},{}\n", it * 7919, it * 104_729, it * 31, topics[it % 2])
    };
    let rows: String = (1..40).map(row).collect();
    let imported = imported(&format!("text,label\n{rows}"));
    assert_eq!(imported.findings(), []);
}

//! Every reason for which a row or a whole request is refused.

use freehold_curation::{CurationError, ImportRequest, LabelColumns, Limits, SourceFile};
use freehold_vocabulary::{LabelMode, Split};

use super::support::*;

/// Imports JSON Lines and gives the codes of refused rows; one good row is added.
#[track_caller]
fn check(lines: &str, change: impl Fn(&mut ImportRequest), expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let good = r#"{"text": "good", "label": "a", "x": "1", "split": "train"}"#;
    let mut request = request(file(dir.path(), "t.jsonl", format!("{good}\n{lines}\n")));
    request.rejected_max = u64::MAX;
    change(&mut request);
    let imported = run(&request).unwrap();
    let rows = &imported.report().rejected_rows;
    let codes: Vec<&str> = rows.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, expected, "{lines}");
    assert!(rows.iter().zip(2..).all(|(row, line)| row.line == line), "{rows:?}");
    assert_eq!(imported.report().rejected, expected.len() as u64);
}

#[test]
fn rows_are_refused_for_one_reason_each() {
    let plain = |_: &mut ImportRequest| {};
    check(r#"{"label": "a"}"#, plain, &["missing_text"]);
    check(r#"{"text": null, "label": "a"}"#, plain, &["missing_text"]);
    check(r#"{"text": " \n ", "label": "a"}"#, plain, &["empty_text"]);
    check(r#"{"text": ["x"], "label": "a"}"#, plain, &["wrong_type"]);
    check(r#"{"text": {"x": 1}, "label": "a"}"#, plain, &["wrong_type"]);
    check(r#"{"text": "x\u0000y", "label": "a"}"#, plain, &["control_character"]);
    check(r#"{"text": "x\u001b[31m", "label": "a"}"#, plain, &["control_character"]);
    check(r#"{"text": "x\ufffdy", "label": "a"}"#, plain, &["invalid_bytes"]);
    check(r#"{"text": "x"}"#, plain, &["missing_label"]);
    check(r#"{"text": "x", "label": ""}"#, plain, &["missing_label"]);
    check(r#"{"text": "x", "label": []}"#, plain, &["missing_label"]);
    check(r#"{"text": "x", "label": ["a", "b"]}"#, plain, &["several_labels"]);
    check(r#"{"text": "x", "label": {"a": 1}}"#, plain, &["wrong_type"]);
    check(
        &format!(r#"{{"text": "x", "label": "{}"}}"#, "l".repeat(300)),
        plain,
        &["invalid_label"],
    );
    check(r#"{"text": "x", "label": "a\u0007"}"#, plain, &["control_character"]);
    check(r#"{"text": "x", "label": "a", "split": "holdout"}"#, plain, &["unknown_split"]);
    check(r#"{"text": "x", "label": "a""#, plain, &["invalid_json"]);
    check(r#"["text"]"#, plain, &["not_an_object"]);
    check("{\"text\": \"x\"\u{0}", plain, &["invalid_json"]);
    check(&"[".repeat(5000), plain, &["invalid_json"]);
}

#[test]
fn limits_refuse_rows() {
    let long = format!(r#"{{"text": "{}", "label": "a"}}"#, "x".repeat(100));
    check(&long, |it| it.limits.text_bytes_max = 99, &["text_too_long"]);
    check(&long, |it| it.limits.text_bytes_max = 100, &[]);
    check(&long, |it| it.limits.record_bytes_max = 100, &["record_too_long"]);
    let slice = r#"{"text": "x", "label": "a", "x": "12345"}"#;
    let slices = |it: &mut ImportRequest| {
        it.columns.slices = vec!["x".to_owned()];
        it.limits.slice_bytes_max = 4;
    };
    check(slice, slices, &["slice_too_long"]);
    let multi = |it: &mut ImportRequest| {
        it.mode = LabelMode::Multi;
        it.limits.labels_per_row_max = 2;
    };
    check(r#"{"text": "x", "label": ["a", "b", "c"]}"#, multi, &["too_many_labels"]);
}

#[test]
fn a_split_column_must_agree_with_its_file() {
    let given = |it: &mut ImportRequest| it.files[0].split = Some(Split::Train);
    check(r#"{"text": "x", "label": "a", "split": "test"}"#, given, &["contradictory_split"]);
    check(r#"{"text": "x", "label": "a", "split": "training"}"#, given, &[]);
}

#[test]
fn indicators_are_zero_or_one() {
    let dir = tempfile::tempdir().unwrap();
    let csv = "text,spam,urgent\na,1,0\nb,true,1\nc,,\nd,2,0\n";
    let mut request = request(file(dir.path(), "t.csv", csv));
    request.mode = LabelMode::Multi;
    request.columns.labels = LabelColumns::Indicators(vec!["spam".to_owned(), "urgent".to_owned()]);
    request.rejected_max = 1;
    let imported = run(&request).unwrap();
    assert_eq!(imported.report().rejected_rows[0].reason, "`2` in `spam` is neither 0 nor 1");
    let root = tempfile::tempdir().unwrap();
    let (_, dataset) = version(&request, root.path());
    let labels: Vec<usize> = dataset.iter().unwrap().map(|it| it.unwrap().labels.len()).collect();
    assert_eq!(labels, [1, 2, 0]);
}

#[test]
fn out_of_scope_rows_have_no_label() {
    let dir = tempfile::tempdir().unwrap();
    let csv = "text,label\nhello,a\nweather,oos\nfootball,\n";
    let mut request = request(file(dir.path(), "t.csv", csv));
    request.out_of_scope = vec!["oos".to_owned(), String::new()];
    let root = tempfile::tempdir().unwrap();
    let (_, dataset) = version(&request, root.path());
    assert_eq!(dataset.labels().len(), 1);
    assert_eq!(dataset.manifest().counts.out_of_scope.values().sum::<u64>(), 2);
}

#[track_caller]
fn check_request(change: impl Fn(&mut ImportRequest), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let csv = "text,label\none,a\ntwo,b\nthree,c\n";
    let mut request = request(file(dir.path(), "t.csv", csv));
    change(&mut request);
    let message = run(&request).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    check_request(|it| it.files.clear(), "no input file");
    check_request(
        |it| it.files[0].path = "/nowhere/at.csv".into(),
        "cannot read `/nowhere/at.csv`",
    );
    check_request(|it| it.files[0].path = std::env::temp_dir(), "is a directory");
    check_request(|it| it.files[0].format = Some("xml".to_owned()), "`xml` is not a format");
    check_request(|it| it.files[0].delimiter = Some('ä'), "cannot be a delimiter");
    check_request(|it| it.columns.text = Some("txt".to_owned()), "has no column `txt`");
    check_request(|it| it.columns.slices = vec!["label".to_owned(); 2], "named twice");
    check_request(
        |it| it.columns.labels = LabelColumns::Columns(vec!["label".to_owned()]),
        "need a multi-label data set",
    );
    check_request(|it| it.label_separator = Some(String::new()), "separator is empty");
    check_request(|it| it.near_duplicates.jaccard_min = 0.1, "from 0.6 to 1");
    check_request(|it| it.near_duplicates.jaccard_min = f64::NAN, "from 0.6 to 1");
    check_request(|it| it.limits.labels_max = 2, "`c` is one too many");
    check_request(|it| it.limits.rows_max = 2, "the number of rows exceeds the limit of 2");
    check_request(|it| it.limits.files_max = 0, "the number of files exceeds");
    check_request(|it| it.scratch = Some("/nowhere".into()), "cannot write `/nowhere`");
}

#[test]
fn packed_files_are_named_for_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    for (name, magic, expected) in [
        ("t.csv", b"\x1f\x8b\x08\x00".as_slice(), "gzip"),
        ("t.xlsx", b"PK\x03\x04", "export its sheet as CSV"),
        ("t.json", b"\"text\"", "not what `.json` promises"),
    ] {
        let message = run(&request(file(dir.path(), name, magic))).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn files_of_one_name_are_told_apart_without_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["train", "test"].map(|it| {
        std::fs::create_dir(dir.path().join(it)).unwrap();
        file(&dir.path().join(it), "data.csv", format!("text,label\na text for {it},a\n"))
    });
    let request = ImportRequest::new(name(), paths.map(SourceFile::new).to_vec());
    let names: Vec<String> =
        run(&request).unwrap().report().sources.iter().map(|it| it.name.clone()).collect();
    assert_eq!(names, ["train/data.csv", "test/data.csv"]);
}

#[test]
fn the_report_lists_at_most_ten_thousand_rows() {
    let dir = tempfile::tempdir().unwrap();
    let csv = format!("text,label\nfine,a\n{}", "no label,\n".repeat(10_500));
    let mut request = request(file(dir.path(), "t.csv", csv));
    request.limits = Limits::default();
    let CurationError::TooManyRejected { report, allowed } = run(&request).unwrap_err() else {
        panic!("rows without labels were accepted")
    };
    assert_eq!((report.rejected, report.rejected_rows.len(), allowed), (10_500, 10_000, 0));
    assert_eq!(report.rejected_by_reason["missing_label"], 10_500);
    assert_eq!(report.accepted, 1);
}

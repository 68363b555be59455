//! Public data sets where this machine has them, otherwise small ones of our own.

use std::path::Path;

use freehold_curation::{ImportRequest, LabelColumns, SourceFile, WrittenAs};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Example, LabelMode, Split};
use serde_json::Value;

use super::support::*;

/// What must hold of any version made from given train and test rows.
#[track_caller]
fn check(request: &ImportRequest, test_rows: u64, labels: usize) {
    let root = tempfile::tempdir().unwrap();
    let (written, dataset) = version(request, root.path());
    assert_eq!(dataset.rows(Split::Test), test_rows, "given test rows stay");
    assert_eq!(dataset.labels().len(), labels);
    for (label, per_split) in &dataset.manifest().counts.per_label {
        assert!(per_split.get(&Split::Train).is_some_and(|it| *it > 0), "{label} in train");
    }
    let examples: Vec<Example> = dataset.iter().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(examples.len() as u64, dataset.manifest().counts.rows);
    assert!(examples.iter().all(|it| it.id == Example::id_of(&it.text, &it.labels)));
    let findings = dataset.check(&Silent).unwrap();
    assert!(findings.iter().all(|it| it.check != "leakage"), "{findings:#?}");
    let (again, _) = version(request, root.path());
    assert_eq!((again.digest, again.how), (written.digest, WrittenAs::AlreadyThere));
}

/// A data set of our own: `rows` distinct questions about three topics.
fn own_csv(of: &str, rows: usize) -> String {
    let row = |it: usize| {
        format!("{of} question {} is about {},topic {}\n", it * 7919, it * 104_729, it % 3)
    };
    format!("text,category\n{}", (1..=rows).map(row).collect::<String>())
}

#[test]
fn banking77() {
    let dir = tempfile::tempdir().unwrap();
    match public_data().map(|it| it.join("banking77")).filter(|it| it.is_dir()) {
        Some(data) => {
            check(&train_and_test(data.join("train.csv"), data.join("test.csv")), 3080, 77);
        }
        None => {
            let train = file(dir.path(), "train.csv", own_csv("the first", 90));
            let test = file(dir.path(), "test.csv", own_csv("quite another", 60));
            check(&train_and_test(train, test), 60, 3);
        }
    }
}

/// CLINC150 is one object of lists of pairs; each list becomes a JSON Lines file.
fn clinc_files(data: &Path, dir: &Path) -> Vec<SourceFile> {
    let bytes = std::fs::read(data.join("data_full.json")).unwrap();
    let lists: Value = serde_json::from_slice(&bytes).unwrap();
    let given = [
        ("train", Split::Train),
        ("val", Split::Validation),
        ("test", Split::Test),
        ("oos_train", Split::Train),
        ("oos_val", Split::Validation),
        ("oos_test", Split::Test),
    ];
    let write = |(list, split): (&str, Split)| {
        let rows = lists[list].as_array().unwrap().iter();
        let lines: String = rows
            .map(|it| format!("{}\n", serde_json::json!({"text": it[0], "intent": it[1]})))
            .collect();
        SourceFile::given_for(file(dir, &format!("{list}.jsonl"), lines), split)
    };
    given.into_iter().map(write).collect()
}

#[test]
fn clinc150() {
    let dir = tempfile::tempdir().unwrap();
    match public_data().map(|it| it.join("clinc150")).filter(|it| it.is_dir()) {
        Some(data) => {
            let mut request = ImportRequest::new(name(), clinc_files(&data, dir.path()));
            request.out_of_scope = vec!["oos".to_owned()];
            check(&request, 5500, 150);
            let imported = run(&request).unwrap();
            assert_eq!(imported.rows(), 23_700);
        }
        None => {
            let train = format!("{}something strange,oos\n", own_csv("the first", 90));
            let test = format!("{}something odd,oos\n", own_csv("quite another", 60));
            let mut request = train_and_test(
                file(dir.path(), "train.csv", train),
                file(dir.path(), "test.csv", test),
            );
            request.out_of_scope = vec!["oos".to_owned()];
            check(&request, 61, 3);
        }
    }
}

/// Several labels in one cell, and none in some.
#[test]
fn vulnerabilities_with_several_labels() {
    let dir = tempfile::tempdir().unwrap();
    let file_name = "drift_cisa_kev/known_exploited_vulnerabilities.csv";
    let public = public_data().map(|it| it.join(file_name)).filter(|it| it.is_file());
    let own = "shortDescription,cwes,vendorProject\nan overflow,\"CWE-79, CWE-20\",Acme\na leak,CWE-20,\n";
    let rows = if public.is_some() { 1200 } else { 2 };
    let path = public.unwrap_or_else(|| file(dir.path(), "own.csv", own));
    let mut request = request(path);
    request.mode = LabelMode::Multi;
    request.columns.text = Some("shortDescription".to_owned());
    request.columns.labels = LabelColumns::Column("cwes".to_owned());
    request.columns.slices = vec!["vendorProject".to_owned()];
    request.label_separator = Some(",".to_owned());
    request.out_of_scope = vec![String::new()];
    // Two of the published rows were damaged before they were published.
    request.rejected_max = 2;
    let root = tempfile::tempdir().unwrap();
    let (_, dataset) = version(&request, root.path());
    assert!(dataset.manifest().counts.rows >= rows);
    let several =
        dataset.iter().unwrap().filter(|it| it.as_ref().unwrap().labels.len() > 1).count();
    assert!(several > 0);
}

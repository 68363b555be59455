//! Public data sets where this machine has them, otherwise small ones of our own.

use freehold_curation::WrittenAs;
use freehold_vocabulary::{Example, Split};

use super::support::*;

/// What must hold of any version made from a train and a test file.
fn check(request: &freehold_curation::ImportRequest, test_rows: u64, labels: usize) {
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
    let leaks = dataset.check(&freehold_vocabulary::ports::Silent).unwrap();
    assert!(leaks.iter().all(|it| it.check != "leakage"), "{leaks:#?}");
    let (again, _) = version(request, root.path());
    assert_eq!((again.digest, again.how), (written.digest, WrittenAs::AlreadyThere));
}

#[test]
fn banking77() {
    let dir = tempfile::tempdir().unwrap();
    match public_data().map(|it| it.join("banking77")).filter(|it| it.is_dir()) {
        Some(data) => {
            check(&train_and_test(data.join("train.csv"), data.join("test.csv")), 3080, 77);
        }
        None => {
            let csv = |of: &str| -> String {
                let rows = (0..60).map(|it| {
                    format!("{of} question {it} is about {},topic {}\n", it * 37, it % 3)
                });
                "text,category\n".to_owned() + &rows.collect::<String>()
            };
            let train = file(dir.path(), "train.csv", csv("a customer's first"));
            let test = file(dir.path(), "test.csv", csv("something else entirely, number"));
            check(&train_and_test(train, test), 60, 3);
        }
    }
}

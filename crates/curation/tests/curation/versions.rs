//! Dataset versions: the same bytes for the same data, verified, comparable, extensible.

use std::path::Path;

use freehold_curation::{
    Change, CurationError, Dataset, ExportRequest, Settled, SplitPlan, WrittenAs,
};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Example, Label, LabelMode, Seed, Split};

use super::support::*;

fn csv() -> String {
    let topics = ["card", "transfer", "refund"];
    let rows = (0..90).map(|it| {
        format!(
            "\"{}, a customer asks about a {} with number {}\",{},{}\n",
            it * 7919,
            topics[it % 3],
            it * 104_729,
            topics[it % 3],
            it % 2
        )
    });
    format!("text,label,channel\n{}", rows.collect::<String>())
}

fn sample(dir: &Path) -> Dataset {
    let mut request = request(file(dir, "tickets.csv", csv()));
    request.columns.slices = vec!["channel".to_owned()];
    version(&request, &dir.join("versions")).1
}

#[test]
fn the_bytes_of_a_version_do_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sample(dir.path());
    let examples = &dataset.manifest().examples;
    // First what the rows say, which changes only with the import, the split or the generator of
    // seeds; then how Parquet and zstd write them, which may change, knowingly, with a new
    // release of either; then the version, which covers both.
    let digests = [&examples.content, &examples.digest, dataset.digest()].map(|it| it.short());
    assert_eq!(digests, ["56997238e0f7", "de9850ab3449", "eee9f8427e63"]);
}

#[test]
fn importing_twice_is_a_no_op_wherever_the_file_lies() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = tempfile::tempdir().unwrap();
    let (first, _) = version(&request(file(one.path(), "t.csv", csv())), root.path());
    let (second, _) = version(&request(file(two.path(), "t.csv", csv())), root.path());
    assert_eq!((first.how, second.how), (WrittenAs::New, WrittenAs::AlreadyThere));
    assert_eq!(first.digest, second.digest);
    let entries = std::fs::read_dir(root.path()).unwrap().count();
    assert_eq!(entries, 1, "nothing temporary is left");
}

#[test]
fn a_flipped_byte_anywhere_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sample(dir.path());
    for name in ["manifest.json", "examples.parquet"] {
        let path = dataset.dir().join(name);
        let good = std::fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(1 + good.len() / 200) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            assert!(
                Dataset::open_verified(dataset.dir(), dataset.digest()).is_err(),
                "{name} at {at}"
            );
        }
        std::fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert!(Dataset::open(dataset.dir()).is_err(), "{name} cut");
        std::fs::write(&path, good).unwrap();
    }
    assert!(Dataset::open_verified(dataset.dir(), dataset.digest()).is_ok());
    let missing = Dataset::open(dir.path()).unwrap_err();
    assert!(missing.to_string().contains("holds no `manifest.json`"), "{missing}");
}

#[test]
fn a_refusing_disk_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let divided = run(&request(file(dir.path(), "t.csv", csv())))
        .unwrap()
        .split(&SplitPlan::default(), Seed(1), &Silent)
        .unwrap();
    let in_the_way = file(dir.path(), "root", "a file where a directory should be");
    let error = divided.write_version(&in_the_way, None, &Silent).unwrap_err();
    assert!(matches!(error, CurationError::Write { .. }), "{error}");
    assert_eq!(std::fs::read(&in_the_way).unwrap(), b"a file where a directory should be");
}

#[test]
fn labelled_texts_are_what_trainers_take() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sample(dir.path());
    let (texts, examples) =
        (dataset.labelled_texts(Split::Train).unwrap(), dataset.examples(Split::Train).unwrap());
    assert_eq!(texts.len() as u64, dataset.rows(Split::Train));
    for (text, example) in texts.iter().zip(&examples) {
        assert_eq!(text.text, example.text);
        assert_eq!(dataset.labels().get(text.labels[0]), Some(&example.labels[0]));
        assert!(matches!(example.slices["channel"].as_str(), "0" | "1"));
    }
}

#[test]
fn the_summary_counts_everything() {
    let dir = tempfile::tempdir().unwrap();
    let summary = sample(dir.path()).show(2).unwrap();
    assert_eq!(summary.rows, 90);
    assert_eq!(summary.per_split.values().sum::<u64>(), 90);
    assert_eq!(summary.labels.iter().map(|it| it.rows).sum::<u64>(), 90);
    assert_eq!(summary.samples.len(), 2 * summary.per_split.len());
}

#[test]
fn an_export_can_be_imported_again() {
    for (file_name, mode) in [
        ("out.csv", LabelMode::Single),
        ("out.jsonl", LabelMode::Single),
        ("out.parquet", LabelMode::Single),
        ("out.csv", LabelMode::Multi),
        ("out.jsonl", LabelMode::Multi),
        ("out.parquet", LabelMode::Multi),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let content = "text,label,channel\n\"one, \"\"two\"\"\nlines\",a,web\nthree,oos,\nvier für,b,mail\nfünf,a,\n";
        let mut request = request(file(dir.path(), "in.csv", content));
        request.mode = mode;
        request.out_of_scope = vec!["oos".to_owned()];
        request.columns.slices = vec!["channel".to_owned()];
        let (_, dataset) = version(&request, &dir.path().join("v"));
        let path = dir.path().join(file_name);
        let rows = dataset.export(&ExportRequest::new(&path).unwrap(), &Silent).unwrap();
        assert_eq!(rows, 4);
        request.files[0].path = path;
        if file_name.ends_with("parquet") {
            request.columns.slices = vec!["slice_channel".to_owned()];
            // A list of none says in Parquet what the word says elsewhere.
            request.out_of_scope.push(String::new());
        }
        let (_, again) = version(&request, &dir.path().join("v"));
        let rows = |dataset: &Dataset| -> Vec<(String, Vec<Label>, Split, Vec<String>)> {
            let row =
                |it: Example| (it.text, it.labels, it.split, it.slices.into_values().collect());
            dataset.iter().unwrap().map(|it| row(it.unwrap())).collect()
        };
        assert_eq!(rows(&again), rows(&dataset), "{file_name} {mode:?}");
    }
}

#[test]
fn an_export_is_complete_or_absent() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sample(dir.path());
    let export = |path: &Path| dataset.export(&ExportRequest::new(path).unwrap(), &Silent);
    assert!(export(&dir.path().join("missing/out.csv")).is_err());
    let mut request = ExportRequest::new(dir.path().join("out.csv")).unwrap();
    request.out_of_scope = "card".to_owned();
    assert!(dataset.export(&request, &Silent).unwrap_err().to_string().contains("another word"));
    assert!(!request.path.exists());
    request.out_of_scope = "oos".to_owned();
    request.splits = vec![Split::Test];
    assert_eq!(dataset.export(&request, &Silent).unwrap(), dataset.rows(Split::Test));
    assert!(ExportRequest::new("out.xml").is_err());
}

fn settled(source: &str, text: &str, label: &str) -> Settled {
    let labels = vec![Label::parse(label).unwrap()];
    Settled { source: source.to_owned(), text: text.to_owned(), labels }
}

#[test]
fn settled_reviews_become_train_rows_of_a_child() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sample(dir.path());
    let root = dir.path().join("versions");
    let train = &dataset.examples(Split::Train).unwrap()[0];
    let test = &dataset.examples(Split::Test).unwrap()[0];
    let reviews = [
        settled("trace:1", "an entirely new question about loans", "card"),
        settled("trace:2", "an entirely new question about loans", "loan"),
        settled("trace:3", &train.text, "loan"),
        settled("trace:4", &format!("{}!", test.text), "card"),
        settled("trace:5", " \n", "card"),
        settled(
            "trace:6",
            &dataset.examples(Split::Train).unwrap()[1].text,
            dataset.examples(Split::Train).unwrap()[1].labels[0].as_str(),
        ),
    ];
    let appended = dataset.append_settled(&reviews, &root, &Silent).unwrap();
    assert_eq!((appended.added, appended.replaced), (2, 1));
    let mut refused: Vec<&str> = appended.refused.iter().map(|it| it.source.as_str()).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["trace:1", "trace:4", "trace:5", "trace:6"], "{:#?}", appended.refused);
    let written = appended.version.unwrap();
    assert_eq!(written.manifest.parents, std::slice::from_ref(dataset.digest()));
    let child = Dataset::open_verified(&written.dir, &written.digest).unwrap();
    let diff = dataset.diff(&child, 10).unwrap();
    let counts = (diff.added, diff.removed, diff.relabelled, diff.moved, diff.unchanged);
    assert_eq!(counts, (1, 0, 1, 0, 89));
    assert_eq!(diff.labels_added, [Label::parse("loan").unwrap()]);
    assert!(
        matches!(&diff.changes[..], [Change::Relabelled { .. }, Change::Added { row }] | [Change::Added { row }, Change::Relabelled { .. }] if row.source == "trace:2" && row.split == Split::Train)
    );
    for split in [Split::Validation, Split::Calibration, Split::Test] {
        assert_eq!(child.examples(split).unwrap(), dataset.examples(split).unwrap());
    }
    let nothing = child.append_settled(&reviews[2..], &root, &Silent).unwrap();
    assert!(nothing.version.is_none() && nothing.added == 0);
}

#[test]
fn a_diff_tells_moves_from_changes() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("versions");
    let of = |name: &str, rows: &str| {
        let csv = format!("text,label,split\n{rows}");
        let mut request = request(file(dir.path(), name, csv));
        request.near_duplicates.jaccard_min = 1.0;
        let plan = freehold_curation::Shares { validation: 0.0, calibration: 0.0, test: 0.0 };
        let divided =
            run(&request).unwrap().split(&SplitPlan { shares: plan }, Seed(1), &Silent).unwrap();
        Dataset::open(&divided.write_version(&root, None, &Silent).unwrap().dir).unwrap()
    };
    let before =
        of("a.csv", "same,a,train\nsame,a,train\ngone,a,train\nwander,a,train\nchange,a,train\n");
    let after = of(
        "b.csv",
        "new,c,train\nchange,b,train\nsame,a,train\nwander,a,test\nsame,a,train\nsame,a,train\n",
    );
    let diff = before.diff(&after, 1).unwrap();
    let counts = (diff.added, diff.removed, diff.relabelled, diff.moved, diff.unchanged);
    assert_eq!(counts, (2, 1, 1, 1, 2));
    assert_eq!(diff.changes.len(), 4, "one of each kind is listed");
    assert_eq!(diff.labels_added.len(), 2);
    let itself = before.diff(&before, 10).unwrap();
    assert_eq!((itself.unchanged, itself.changes.len()), (5, 0));
}

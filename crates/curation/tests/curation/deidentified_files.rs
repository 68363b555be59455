//! Files go in and come out in their own format, without identifiers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_curation::SourceFile;
use freehold_curation::deidentify::{Decryptor, FileReport, FileRequest, rewrite};
use freehold_deidentification::detection::Detector;
use freehold_deidentification::redaction::{Key, Policy, Redactor};
use freehold_vocabulary::ports::Silent;

const KEY: &str = "2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b";

fn request(path: &Path) -> FileRequest {
    FileRequest { source: SourceFile::new(path), columns: Vec::new(), subject: None }
}

fn redactor(operators: &[&str]) -> Redactor {
    thread_local! { static DETECTOR: Arc<Detector> = Arc::new(Detector::default()); }
    let policy = Arc::new(Policy::parse(operators).unwrap());
    Redactor::new(DETECTOR.with(Arc::clone), policy, Some(Key::parse(KEY).unwrap())).unwrap()
}

fn write(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn run(request: &FileRequest, operators: &[&str]) -> Result<(String, FileReport), String> {
    let mut out = Vec::new();
    let report = rewrite(request, &mut redactor(operators), &mut out, &Silent);
    let report = report.map_err(|error| error.to_string())?;
    Ok((String::from_utf8(out).unwrap(), report))
}

#[track_caller]
fn check(name: &str, content: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (safe, _) = run(&request(&write(&folder, name, content)), &[]).unwrap();
    assert_eq!(safe, expected, "{name}");
}

#[test]
fn every_text_format_keeps_its_form() {
    check("a.txt", b"mail a@b.io\n\nand a@b.io\n", "mail <EMAIL_1>\n\nand <EMAIL_1>\n");
    check("noextension", b"ssn 078-05-1121", "ssn <US_SSN_1>");
    check(
        "a.csv",
        b"id;note;ssn\n7;\"write; a@b.io\";078051121\n",
        "id;note;ssn\n7;\"write; <EMAIL_1>\";<US_SSN_1>\n",
    );
    check(
        "a.jsonl",
        b"{\"n\": 1.50, \"to\": [\"a@b.io\"]}\n\n{\"a@b.io\": null}\n",
        "{\"n\":1.5,\"to\":[\"<EMAIL_1>\"]}\n{\"<EMAIL_1>\":null}\n",
    );
    check("a.json", b"[{\"ssn\": 78051121}, \"a@b.io\"]", "[{\"ssn\":78051121},\"<EMAIL_1>\"]\n");
    check(
        "latin.txt",
        b"caf\xe9 m\xfcller a@b.io und noch mehr Text\n",
        "café müller <EMAIL_1> und noch mehr Text\n",
    );
}

#[test]
fn named_columns_alone_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "a.csv", b"a,b\na@b.io,c@d.io\n");
    let request = FileRequest { columns: vec!["b".to_owned()], ..request(&path) };
    let (safe, report) = run(&request, &[]).unwrap();
    assert_eq!(safe, "a,b\na@b.io,<EMAIL_1>\n");
    assert_eq!(
        (report.columns_examined, report.columns_left),
        (vec!["b".to_owned()], vec!["a".to_owned()])
    );
}

#[test]
fn dates_of_one_subject_move_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "a.csv", b"patient,date\n1,2020-01-01\n2,2020-01-01\n1,2020-01-11\n");
    let request = FileRequest {
        columns: vec!["date".to_owned()],
        subject: Some("patient".to_owned()),
        ..request(&path)
    };
    let (safe, _) = run(&request, &["DATE=date-shift"]).unwrap();
    let dates: Vec<&str> = safe.lines().skip(1).map(|it| it.split_once(',').unwrap().1).collect();
    assert_ne!(dates[0], dates[1]);
    assert_ne!(dates[0], "2020-01-01");
}

#[test]
fn what_was_encrypted_in_a_file_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let content = "{\"note\":\"say \\\"a@b.io\\\"\"}\n";
    let path = write(&folder, "a.jsonl", content.as_bytes());
    let (sealed, _) = run(&request(&path), &["*=encrypt"]).unwrap();
    assert!(sealed.contains("ENC[EMAIL:") && !sealed.contains("a@b.io"), "{sealed}");
    let path = write(&folder, "sealed.jsonl", sealed.as_bytes());
    let mut out = Vec::new();
    let mut decryptor = Decryptor(Key::parse(KEY).unwrap());
    rewrite(&request(&path), &mut decryptor, &mut out, &Silent).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), content);
}

#[test]
fn a_long_text_is_read_in_blocks_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let content = "a line with nothing in it\n".repeat(100_000) + "last a@b.io";
    let path = write(&folder, "long.txt", content.as_bytes());
    let (safe, report) = run(&request(&path), &[]).unwrap();
    assert!(report.records > 2);
    assert_eq!(safe, content.replace("a@b.io", "<EMAIL_1>"));
}

#[track_caller]
fn refused(name: &str, content: &[u8], change: fn(&mut FileRequest), expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(&write(&folder, name, content));
    change(&mut request);
    let error = run(&request, &[]).unwrap_err();
    assert!(error.contains(expected), "{name}: {error}");
    assert!(!error.contains("s3cret"), "{name} repeats content: {error}");
}

#[test]
fn what_cannot_be_read_is_refused_by_name_without_its_content() {
    let same = |_: &mut FileRequest| {};
    refused("a.jsonl", b"{\"a\": 1}\n{\"a\": s3cret}\n", same, "`a.jsonl`, line 2");
    refused("a.json", b"[s3cret]", same, "`a.json`, line 1");
    refused("a.csv", b"a,b\n1\n", same, "line 2");
    refused("a.csv", b"a,b\n1,2\n", |it| it.columns = vec!["c".to_owned()], "no column `c`");
    refused("a.jsonl", b"{\"a\":1}\n", |it| it.columns = vec!["c".to_owned()], "no column `c`");
    refused(
        "a.bin",
        b"\x7fELF\x00\x00 s3cret and some more text",
        same,
        "not text, CSV, JSON or Parquet",
    );
    refused("a.parquet", b"PAR1 s3cret", same, "a.parquet");
    refused("a.txt", b"x", |it| it.source.format = Some("xlsx".to_owned()), "csv, json, jsonl");
    refused("long.txt", &[b'x'; 3_000_000], same, "a line of `long.txt`");
}

mod parquet_files {
    use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn parquet(folder: &tempfile::TempDir, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = folder.path().join("a.parquet");
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }

    #[test]
    fn columns_of_text_are_rewritten_and_the_schema_stays() {
        let folder = tempfile::tempdir().unwrap();
        let notes = StringArray::from(vec![Some("mail a@b.io"), None]);
        let path = parquet(
            &folder,
            vec![("id", Arc::new(Int64Array::from(vec![1, 2]))), ("note", Arc::new(notes))],
        );
        let mut out = Vec::new();
        let report = rewrite(&request(&path), &mut redactor(&[]), &mut out, &Silent).unwrap();
        assert_eq!((report.records, report.columns_left), (2, vec!["id".to_owned()]));
        let safe = write(&folder, "safe.parquet", &out);
        let file = std::fs::File::open(safe).unwrap();
        let mut batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch = batches.next().unwrap().unwrap();
        let expected = StringArray::from(vec![Some("mail <EMAIL_1>"), None]);
        assert_eq!(batch.column(1).as_ref(), &expected as &dyn arrow::array::Array);
    }

    #[test]
    fn a_column_without_text_cannot_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = parquet(&folder, vec![("id", Arc::new(Int64Array::from(vec![1])))]);
        let request = FileRequest { columns: vec!["id".to_owned()], ..request(&path) };
        let error = rewrite(&request, &mut redactor(&[]), &mut Vec::new(), &Silent).unwrap_err();
        assert!(error.to_string().contains("holds Int64"), "{error}");
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        let path = parquet(&folder, vec![("numbers", Arc::new(numbers))]);
        rewrite(&super::request(&path), &mut redactor(&[]), &mut Vec::new(), &Silent).unwrap();
    }
}

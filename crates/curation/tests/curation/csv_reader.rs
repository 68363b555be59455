//! The CSV reader against the `csv` crate, and where it goes further.

use freehold_curation::{Header, ImportRequest, LabelColumns};
use freehold_vocabulary::Example;
use proptest::prelude::*;

use super::support::*;

/// Texts, labels and sources of a CSV file.
fn read(request: &ImportRequest) -> Vec<(String, String, String)> {
    let root = tempfile::tempdir().unwrap();
    let (_, dataset) = version(request, root.path());
    let examples: Vec<Example> = dataset.iter().unwrap().collect::<Result<_, _>>().unwrap();
    let row = |it: Example| (it.text, it.labels[0].to_string(), it.source);
    examples.into_iter().map(row).collect()
}

#[track_caller]
fn check(csv: &str, expected: &[(&str, &str, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let rows = read(&request(file(dir.path(), "t.csv", csv)));
    let rows: Vec<_> = rows.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(rows, expected, "{csv:?}");
}

#[test]
fn sources_are_physical_lines() {
    let expected = [("one\ntwo", "a", "t.csv:2"), ("three", "b", "t.csv:5")];
    check("text,label\n\"one\ntwo\",a\n\nthree,b\n", &expected);
    check(
        "text,label\r\n\"one\r\ntwo\",a\r\n\r\nthree,b",
        &[("one\r\ntwo", "a", "t.csv:2"), ("three", "b", "t.csv:5")],
    );
    check(
        "text,label\r\"one\rtwo\",a\r\rthree,b\r",
        &[("one\rtwo", "a", "t.csv:2"), ("three", "b", "t.csv:5")],
    );
}

#[test]
fn delimiters_are_found() {
    for delimiter in [",", ";", "\t", "|"] {
        let csv = ["text,label", "\"one; two, three\t|\",a", "four,b"].join("\n");
        let csv = csv.replace("text,", &format!("text{delimiter}"));
        let csv = csv.replace("\",a", &format!("\"{delimiter}a"));
        let csv = csv.replace("four,", &format!("four{delimiter}"));
        check(&csv, &[("one; two, three\t|", "a", "t.csv:2"), ("four", "b", "t.csv:3")]);
    }
}

#[test]
fn a_file_without_a_header_has_numbered_columns() {
    let dir = tempfile::tempdir().unwrap();
    let mut request = request(file(dir.path(), "codes.csv", "cholera,A00\ntyphoid,A01\n"));
    request.files[0].header = Header::Absent;
    request.columns.text = Some("column_1".to_owned());
    request.columns.labels = LabelColumns::Column("column_2".to_owned());
    assert_eq!(read(&request)[0].1, "A00");
    assert_eq!(read(&request)[0].2, "codes.csv:1");
}

#[track_caller]
fn check_refused(csv: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut request = request(file(dir.path(), "t.csv", csv));
    request.limits.record_bytes_max = 1000;
    request.limits.columns_max = 50;
    request.rejected_max = u64::MAX;
    let message = run(&request).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn what_cannot_be_read_is_refused_whole() {
    check_refused("text,label\na,b\n\"c,d\ne,f\n", "line 3: a quote is never closed");
    check_refused(
        &format!("text,label\na,b\n\"{}", "c,d\n".repeat(900)),
        "line 3: the row is longer",
    );
    check_refused(
        &format!("text,label\na,b\n{}", ",".repeat(900)),
        "line 3: the row has more than",
    );
    check_refused("text,text\na,b\n", "names `text` twice");
    check_refused("text,body,label\na,b,c\n", "`text`, `body`, `label`");
    check_refused("question,answer\na,b\n", "name one of its columns");
    check_refused("\n\n\n", "name one of its columns");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any table survives the `csv` crate's writer, and any soup of CSV characters gives the
    /// records that the `csv` crate reads.
    #[test]
    fn records_are_those_of_the_csv_crate(
        soup in prop::collection::vec(
            prop::sample::select(vec!["a", "ü", " ", "\"", ",", "\n", "\r\n", "\"\"", "x,y\n"]), 0..60,
        ),
    ) {
        let body = soup.concat();
        let csv = format!("text,label\n{body}");
        let mut oracle = csv::ReaderBuilder::new().flexible(true).from_reader(csv.as_bytes());
        let expected: Vec<csv::StringRecord> = oracle.records().collect::<Result<_, _>>().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut request = request(file(dir.path(), "t.csv", &csv));
        request.files[0].delimiter = Some(',');
        request.rejected_max = u64::MAX;
        let usable = |it: &&csv::StringRecord| {
            it.len() == 2 && it.iter().all(|field| !field.trim().is_empty())
                && !it[1].trim().contains(char::is_control)
        };
        let wanted: Vec<_> = expected.iter().filter(usable).collect();
        match run(&request) {
            Ok(imported) => {
                prop_assert_eq!(imported.rows(), wanted.len() as u64);
                let seen = imported.rows() + imported.report().rejected;
                prop_assert_eq!(seen, expected.len() as u64);
                for (row, record) in read(&request).iter().zip(&wanted) {
                    prop_assert_eq!(row.0.as_str(), record[0].trim());
                    prop_assert_eq!(row.1.as_str(), record[1].trim());
                }
            }
            Err(freehold_curation::CurationError::Empty(_)) => prop_assert!(wanted.is_empty()),
            Err(error) => prop_assert!(error.to_string().contains("never closed"), "{}", error),
        }
    }
}

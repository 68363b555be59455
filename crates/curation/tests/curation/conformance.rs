//! What every input format must do, whatever it is.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use freehold_curation::import::FORMATS;
use freehold_curation::{ColumnChoice, CurationError, ImportRequest};
use freehold_vocabulary::Example;
use parquet::arrow::ArrowWriter;

use super::support::*;

/// Text, label, and a nested value; none is a missing value.
type Row = (Option<&'static str>, Option<&'static str>, Option<&'static str>);

const ROWS: &[Row] = &[
    (Some("plain words"), Some("a"), Some("en")),
    (Some("commas, \"quotes\"; tabs\t| and\nlines"), Some("b"), Some("en")),
    (Some("Grüße — 今日は 🙂"), Some("a"), None),
    (Some("  blank ends  "), Some("b c"), Some("de")),
    (Some("\\ {\"not\": [\"json\"]} }"), Some("a"), Some("de")),
];

/// One encoder per format; a format without one fails the suite.
fn encode(format: &str, rows: &[Row]) -> Vec<u8> {
    let object = |(text, label, lang): &Row| serde_json::json!({"text": text, "label": label, "meta": {"lang": lang}, "n": 7});
    match format {
        "csv" => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["text", "label", "meta.lang", "n"]).unwrap();
            for (text, label, lang) in rows {
                let cell = |it: &Option<&'static str>| it.unwrap_or_default();
                writer.write_record([cell(text), cell(label), cell(lang), "7"]).unwrap();
            }
            writer.into_inner().unwrap()
        }
        "jsonl" => rows.iter().flat_map(|it| format!("{}\n", object(it)).into_bytes()).collect(),
        "json-array" => {
            let objects: Vec<_> = rows.iter().map(object).collect();
            serde_json::to_vec_pretty(&objects).unwrap()
        }
        "parquet" => {
            let column = |of: fn(&Row) -> Option<&'static str>| -> ArrayRef {
                Arc::new(rows.iter().map(of).collect::<StringArray>())
            };
            let fields = Fields::from(vec![Field::new("lang", DataType::Utf8, true)]);
            let meta = StructArray::new(fields, vec![column(|it| it.2)], None);
            let batch = RecordBatch::try_from_iter([
                ("meta", Arc::new(meta) as ArrayRef),
                ("text", column(|it| it.0)),
                ("label", column(|it| it.1)),
            ])
            .unwrap();
            let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.into_inner().unwrap()
        }
        other => panic!("the format `{other}` has no encoder here"),
    }
}

fn request_for(dir: &Path, format: &str, content: &[u8]) -> ImportRequest {
    let extension = FORMATS.iter().find(|it| it.name == format).unwrap().extensions[0];
    let mut request = request(file(dir, &format!("rows.{extension}"), content));
    request.columns =
        ColumnChoice { slices: vec!["meta.lang".to_owned()], ..ColumnChoice::default() };
    request
}

fn each_format(check: impl Fn(&str, &Path)) {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        check(format.name, dir.path());
    }
}

#[test]
fn rows_come_out_as_they_went_in() {
    each_format(|format, dir| {
        let request = request_for(dir, format, &encode(format, ROWS));
        let (written, dataset) = version(&request, &dir.join("versions"));
        assert_eq!(written.manifest.sources[0].format, format);
        let examples: Vec<Example> = dataset.iter().unwrap().collect::<Result<_, _>>().unwrap();
        for ((text, label, lang), example) in ROWS.iter().zip(&examples) {
            assert_eq!(example.text, text.unwrap().trim(), "{format}");
            assert_eq!(example.labels[0].as_str(), label.unwrap(), "{format}");
            assert_eq!(example.slices.get("meta.lang").map(String::as_str), *lang, "{format}");
        }
        assert_eq!(examples.len(), ROWS.len());
    });
}

#[test]
fn a_bad_row_is_refused_with_its_place_and_the_others_are_kept() {
    each_format(|format, dir| {
        let mut rows = ROWS.to_vec();
        rows.insert(1, (Some("no label"), None, None));
        rows.insert(3, (None, Some("a"), None));
        let mut request = request_for(dir, format, &encode(format, &rows));
        let error = run(&request).unwrap_err();
        let CurationError::TooManyRejected { report, allowed: 0 } = &error else {
            panic!("{format}: {error}")
        };
        let codes: Vec<&str> = report.rejected_rows.iter().map(|it| it.code.as_str()).collect();
        let text_code = if format == "csv" { "empty_text" } else { "missing_text" };
        assert_eq!(codes, ["missing_label", text_code], "{format}");
        let lines: Vec<u64> = report.rejected_rows.iter().map(|it| it.line).collect();
        let expected: [u64; 2] = match format {
            // The header, and a row with a line break before the second.
            "csv" => [3, 6],
            "json-array" => [10, 26],
            _ => [2, 4],
        };
        assert_eq!(lines, expected, "{format}");
        request.rejected_max = 2;
        assert_eq!(run(&request).unwrap().rows(), ROWS.len() as u64, "{format}");
    });
}

#[test]
fn a_file_cut_anywhere_gives_an_error_or_fewer_rows() {
    each_format(|format, dir| {
        let whole = encode(format, ROWS);
        for length in (0..whole.len()).step_by(1 + whole.len() / 150) {
            let mut request = request_for(dir, format, &whole[..length]);
            request.rejected_max = u64::MAX;
            match run(&request) {
                Ok(imported) => {
                    assert!(imported.rows() <= ROWS.len() as u64);
                    assert!(
                        matches!(format, "csv" | "jsonl"),
                        "{format} cut at {length} went unseen"
                    );
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    });
}

#[test]
fn a_file_with_a_flipped_byte_does_no_harm() {
    each_format(|format, dir| {
        let whole = encode(format, ROWS);
        for at in (0..whole.len()).step_by(1 + whole.len() / 120) {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let mut request = request_for(dir, format, &bytes);
                request.rejected_max = u64::MAX;
                // Any answer will do, as long as it is one.
                if let Ok(imported) = run(&request) {
                    assert!(imported.rows() > 0);
                }
            }
        }
    });
}

#[test]
fn an_empty_file_says_so() {
    each_format(|format, dir| {
        for content in [Vec::new(), encode(format, &[])] {
            let error = run(&request_for(dir, format, &content)).unwrap_err();
            let said = matches!(
                error,
                CurationError::Empty(_)
                    | CurationError::UnclearColumn { .. }
                    | CurationError::UnknownColumn { .. }
            );
            assert!(said, "{format}: {error:?}");
        }
    });
}

#[test]
fn the_wrong_format_says_so() {
    each_format(|format, dir| {
        let mut request = request_for(dir, format, b"\x00\x01\x02 neither here nor there");
        request.files[0].format = Some(format.to_owned());
        request.rejected_max = u64::MAX;
        assert!(run(&request).is_err(), "{format}");
    });
}

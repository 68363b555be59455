//! Texts in other encodings, declared and not.

use encoding_rs::Encoding;
use freehold_curation::ImportRequest;
use freehold_vocabulary::Example;

use super::support::*;

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

fn texts(request: &ImportRequest) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let (_, dataset) = version(request, root.path());
    let examples: Vec<Example> = dataset.iter().unwrap().collect::<Result<_, _>>().unwrap();
    examples.into_iter().map(|it| it.text).collect()
}

const GERMAN: [&str; 3] = [
    "Wo bleibt meine Überweisung?",
    "Die Karte wurde gesperrt, warum?",
    "Ich möchte kündigen, schöne Grüße",
];
const JAPANESE: [&str; 3] =
    ["カードが届きません。", "口座の残高を知りたいです。", "振込が失敗しました、なぜですか。"];

fn csv_of(lines: &[&str]) -> String {
    let rows: String = lines.iter().map(|it| format!("\"{it}\",a\n")).collect();
    format!("text,label\n{rows}")
}

#[track_caller]
fn check(bytes: Vec<u8>, declared: Option<&str>, lines: &[&str], described: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut request = request(file(dir.path(), "t.csv", bytes));
    request.files[0].encoding = declared.map(str::to_owned);
    assert_eq!(texts(&request), lines);
    let imported = run(&request).unwrap();
    assert_eq!(imported.report().sources[0].encoding.as_deref(), Some(described));
}

fn encoded(label: &str, text: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = Encoding::for_label(label.as_bytes()).unwrap().encode(text);
    assert!(!unmappable);
    bytes.into_owned()
}

#[test]
fn encodings_are_recognised() {
    let german = csv_of(&GERMAN);
    check(german.clone().into_bytes(), None, &GERMAN, "UTF-8 (valid)");
    check(format!("\u{feff}{german}").into_bytes(), None, &GERMAN, "UTF-8 (byte order mark)");
    let marked = format!("\u{feff}{german}");
    check(utf16(&marked, u16::to_le_bytes), None, &GERMAN, "UTF-16LE (byte order mark)");
    check(utf16(&marked, u16::to_be_bytes), None, &GERMAN, "UTF-16BE (byte order mark)");
    check(utf16(&german, u16::to_le_bytes), None, &GERMAN, "UTF-16LE (zero bytes)");
    check(utf16(&german, u16::to_be_bytes), None, &GERMAN, "UTF-16BE (zero bytes)");
    check(encoded("windows-1252", &german), None, &GERMAN, "windows-1252 (guessed)");
    let japanese = csv_of(&JAPANESE);
    check(encoded("shift_jis", &japanese), None, &JAPANESE, "Shift_JIS (guessed)");
    check(encoded("euc-jp", &japanese), None, &JAPANESE, "EUC-JP (guessed)");
}

#[test]
fn a_declared_encoding_is_believed() {
    let japanese = csv_of(&JAPANESE);
    check(encoded("shift_jis", &japanese), Some("sjis"), &JAPANESE, "Shift_JIS (declared)");
    check(
        encoded("iso-2022-jp", &japanese),
        Some("iso-2022-jp"),
        &JAPANESE,
        "ISO-2022-JP (declared)",
    );
    check(encoded("gb18030", &japanese), Some("gb18030"), &JAPANESE, "gb18030 (declared)");
    let marked = format!("\u{feff}{}", csv_of(&GERMAN));
    check(utf16(&marked, u16::to_be_bytes), Some("utf-16"), &GERMAN, "UTF-16BE (declared)");
    let dir = tempfile::tempdir().unwrap();
    let mut request = request(file(dir.path(), "t.csv", csv_of(&GERMAN)));
    request.files[0].encoding = Some("klingon".to_owned());
    assert!(run(&request).unwrap_err().to_string().contains("`klingon` is not an encoding"));
}

#[test]
fn one_damaged_row_does_not_change_the_encoding() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = csv_of(&JAPANESE).into_bytes();
    bytes.extend_from_slice(b"damaged \xff\xfe text,a\nlast,b\n");
    let mut request = request(file(dir.path(), "t.csv", bytes));
    request.rejected_max = 1;
    let imported = run(&request).unwrap();
    let rejected = &imported.report().rejected_rows[0];
    assert_eq!((rejected.line, rejected.code.as_str()), (5, "invalid_bytes"));
    assert_eq!(imported.rows(), 4);
}

#[test]
fn an_umlaut_after_the_first_megabyte_is_still_an_umlaut() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "text,label\n".to_owned();
    (0..40_000).for_each(|it| text.push_str(&format!("row number {it} of the file,a\n")));
    text.push_str("Grüße aus Köln,b\n");
    let bytes = encoded("windows-1252", &text);
    let texts = texts(&request(file(dir.path(), "t.csv", bytes)));
    assert_eq!(texts.last().unwrap(), "Grüße aus Köln");
}

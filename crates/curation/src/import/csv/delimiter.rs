//! Which character separates the fields of a CSV file.

/// Candidates in order of preference.
const CANDIDATES: [u8; 4] = *b",;\t|";
/// Records looked at.
const SAMPLE: usize = 50;

/// The delimiter with which most records have as many fields as the first one, and more than
/// one; among equals the one with more fields. A comma if none separates anything.
pub(crate) fn sniff(head: &str) -> u8 {
    let mut best = (0, 1, b',');
    for candidate in CANDIDATES {
        let counts = field_counts(head, candidate);
        let Some(fields) = counts.first().copied().filter(|it| *it > 1) else { continue };
        let agreeing = counts.iter().filter(|it| **it == fields).count() * 1000 / counts.len();
        if (agreeing, fields) > (best.0, best.1) {
            best = (agreeing, fields, candidate);
        }
    }
    best.2
}

/// Fields of the first records; the last record may be cut and counts only if it is alone.
fn field_counts(head: &str, delimiter: u8) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut records = super::Records::new(head.as_bytes(), "head", delimiter, 1 << 20, 1 << 16);
    while counts.len() <= SAMPLE {
        match records.advance() {
            Ok(Some(_)) => counts.push(records.len()),
            // The end of the sample inside quotes is as good as any other end.
            Ok(None) | Err(_) => break,
        }
    }
    if counts.len() > 1 {
        counts.pop();
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expected: char) {
        assert_eq!(char::from(sniff(head)), expected, "{head:?}");
    }

    #[test]
    fn the_delimiter_that_gives_a_regular_table_wins() {
        check("text,label\nhello; you,a\nbye,b\n", ',');
        check("text;label\nwell, yes, so;a\nbye;b\n", ';');
        check("text\tlabel\na, b\tx\nc; d\ty\n", '\t');
        check("id|text|label\n1|a,b|x\n2|c,d|y\n", '|');
    }

    #[test]
    fn delimiters_inside_quotes_do_not_count() {
        check("text;label\n\"a,b,c\";x\n\"d,e,f\";y\n", ';');
    }

    #[test]
    fn a_single_column_is_read_with_commas() {
        check("text\nhello\n", ',');
        check("", ',');
    }
}

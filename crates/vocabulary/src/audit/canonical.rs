//! Canonical JSON (RFC 8785): one value, one sequence of bytes.
//!
//! Keys in the order of their UTF-16 code units, no space, strings escaped only where JSON demands
//! it, numbers as ECMAScript prints them. Written here because the audit log stands and falls with
//! it: an encoder that changed between versions would break every log ever written.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// A value has no canonical form.
#[derive(Debug, thiserror::Error)]
#[error(
    "the integer {0} is beyond 2^53, where JSON's numbers are no longer exact; write it as text"
)]
pub struct NotCanonical(Number);

/// Largest magnitude up to which every integer has its own number in JSON.
const INTEGER_MAX: u64 = 1 << 53;

/// The canonical form.
///
/// # Errors
/// When the value holds an integer that other readers of JSON would round.
pub fn canonical(value: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write_value(&mut text, value)?;
    Ok(text)
}

fn write_value(text: &mut String, value: &Value) -> Result<(), NotCanonical> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(text, number)?,
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_value(text, item)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            // UTF-8 sorts by code point; UTF-16 puts what needs surrogates before U+E000.
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (place, (key, member)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_string(text, key);
                text.push(':');
                write_value(text, member)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\0'..='\u{1f}' => {
                write!(text, "\\u{:04x}", u32::from(letter)).expect("a string takes any text");
            }
            _ => text.push(letter),
        }
    }
    text.push('"');
}

fn write_number(text: &mut String, number: &Number) -> Result<(), NotCanonical> {
    let exact = match (number.as_u64(), number.as_i64()) {
        (Some(it), _) => Some(it <= INTEGER_MAX),
        (None, Some(it)) => Some(it.unsigned_abs() <= INTEGER_MAX),
        (None, None) => None,
    };
    match (exact, number.as_f64()) {
        (Some(true), _) => write!(text, "{number}").expect("a string takes any text"),
        (None, Some(float)) => write_float(text, float),
        (Some(false), _) | (None, None) => return Err(NotCanonical(number.clone())),
    }
    Ok(())
}

/// `Number::toString` of ECMAScript for a finite number.
fn write_float(text: &mut String, float: f64) {
    if float == 0.0 {
        // Minus zero is zero.
        text.push('0');
        return;
    }
    if float < 0.0 {
        text.push('-');
    }
    let (digits, exponent) = shortest(float.abs());
    let count = i32::try_from(digits.len()).expect("there are at most seventeen digits");
    // The decimal point stands behind this many digits.
    let point = exponent + 1;
    let zeros = |number: i32| "0".repeat(usize::try_from(number).unwrap_or(0));
    match point {
        _ if (count..=21).contains(&point) => {
            text.push_str(&digits);
            text.push_str(&zeros(point - count));
        }
        1..=21 => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        }
        -5..=0 => {
            text.push_str("0.");
            text.push_str(&zeros(-point));
            text.push_str(&digits);
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            write!(text, "{first}{dot}{rest}e{exponent:+}").expect("a string takes any text");
        }
    }
}

/// The fewest digits that read back as the same number, those closest to it, and of two equally
/// close ones the even; with the power of ten of the first digit.
fn shortest(float: f64) -> (String, i32) {
    let (digits, exponent) = digits(&format!("{float:e}"));
    // Of two equally close ones Rust takes the larger. A tie is a five, and nothing, behind the
    // digits of the smaller.
    let odd = digits.ends_with(['1', '3', '5', '7', '9']);
    let (one_more, _) = self::digits(&format!("{float:.*e}", digits.len()));
    if odd && one_more.ends_with('5') {
        let even = &one_more[..digits.len()];
        let (all, _) = self::digits(&format!("{float:.DIGITS_MAX$e}"));
        let tie = all.trim_end_matches('0') == one_more;
        let (first, rest) = even.split_at(1);
        let same = format!("{first}.{rest}e{exponent}").parse() == Ok(float);
        if tie && same {
            return (even.to_owned(), exponent);
        }
    }
    (digits, exponent)
}

/// No double has more significant decimal digits.
const DIGITS_MAX: usize = 767;

/// `1.25e-7` as its digits and its power of ten.
fn digits(exponent_form: &str) -> (String, i32) {
    let (mantissa, exponent) = exponent_form.split_once('e').expect("the exponent form has an e");
    let digits = mantissa.chars().filter(|it| *it != '.').collect();
    (digits, exponent.parse().expect("the exponent is an integer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let value: Value = serde_json::from_str(input).unwrap();
        assert_eq!(canonical(&value).unwrap(), expected, "{input}");
    }

    #[track_caller]
    fn check_float(bits: u64, expected: &str) {
        let mut text = String::new();
        write_float(&mut text, f64::from_bits(bits));
        assert_eq!(text, expected, "{bits:016x}");
        // What is printed reads back as the same number.
        assert_eq!(text.parse::<f64>().unwrap(), f64::from_bits(bits));
    }

    /// RFC 8785, appendix B.
    #[test]
    fn numbers_are_printed_as_in_the_rfc() {
        check_float(0x0000_0000_0000_0000, "0");
        check_float(0x8000_0000_0000_0000, "0");
        check_float(0x0000_0000_0000_0001, "5e-324");
        check_float(0x8000_0000_0000_0001, "-5e-324");
        check_float(0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308");
        check_float(0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308");
        check_float(0x4340_0000_0000_0000, "9007199254740992");
        check_float(0xc340_0000_0000_0000, "-9007199254740992");
        check_float(0x4430_0000_0000_0000, "295147905179352830000");
        check_float(0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22");
        check_float(0x44b5_2d02_c7e1_4af6, "1e+23");
        check_float(0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23");
        check_float(0x444b_1ae4_d6e2_ef4e, "999999999999999700000");
        check_float(0x444b_1ae4_d6e2_ef4f, "999999999999999900000");
        check_float(0x444b_1ae4_d6e2_ef50, "1e+21");
        check_float(0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7");
        check_float(0x3eb0_c6f7_a0b5_ed8d, "0.000001");
        check_float(0x41b3_de43_5555_5553, "333333333.3333332");
        check_float(0x41b3_de43_5555_5554, "333333333.33333325");
        check_float(0x41b3_de43_5555_5555, "333333333.3333333");
        check_float(0x41b3_de43_5555_5556, "333333333.3333334");
        check_float(0x41b3_de43_5555_5557, "333333333.33333343");
        check_float(0xbecb_f647_612f_3696, "-0.0000033333333333333333");
        check_float(0x4314_3ff3_c1cb_0959, "1424953923781206.2");
    }

    /// RFC 8785, section 3.2.2.
    #[test]
    fn the_example_of_the_rfc_comes_out_as_there() {
        check(
            r#"{
                "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                "literals": [null, true, false]
            }"#,
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#,
        );
    }

    /// RFC 8785, section 3.2.3.
    #[test]
    fn keys_stand_in_the_order_of_utf_16() {
        let text = canonical(
            &serde_json::from_str(
                r#"{
                    "\u20ac": "Euro Sign",
                    "\r": "Carriage Return",
                    "\ufb33": "Hebrew Letter Dalet With Dagesh",
                    "1": "One",
                    "\ud83d\ude00": "Emoji: Grinning Face",
                    "\u0080": "Control",
                    "\u00f6": "Latin Small Letter O With Diaeresis"
                }"#,
            )
            .unwrap(),
        )
        .unwrap();
        let order = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ];
        let places: Vec<usize> = order.iter().map(|word| text.find(word).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn strings_are_escaped_only_where_they_must_be() {
        check(
            r#""\u0008\t\n\f\r\u0000\u001f\u007f\u2028/ä""#,
            "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\u{2028}/ä\"",
        );
        check(r#"[ ]"#, "[]");
        check(r#"{ }"#, "{}");
        check("[0, -0, -7, 10, 1.0, 100000000000000000000000]", "[0,0,-7,10,1,1e+23]");
    }

    #[test]
    fn integers_that_others_would_round_are_refused() {
        check("9007199254740992", "9007199254740992");
        check("-9007199254740992", "-9007199254740992");
        for text in ["9007199254740993", "-9007199254740993", "18446744073709551615"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(canonical(&value).unwrap_err().to_string().contains(text));
        }
    }
}

//! The form in which texts are compared: case, punctuation, spacing and compatibility
//! characters do not count.
//!
//! Only for comparing. What is stored and trained on is the text as it came.

use unicode_normalization::UnicodeNormalization;

/// NFKC, lower case, apostrophes gone, other sentence punctuation and space as one space.
///
/// Symbols that carry meaning (`c++`, `c#`, `50%`, `$`) and emoji stay. A text of nothing but
/// punctuation stands for itself.
pub(crate) fn normal_form(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    if text.is_ascii() {
        text.bytes().for_each(|byte| push(&mut normal, char::from(byte.to_ascii_lowercase())));
    } else {
        text.nfkc().flat_map(char::to_lowercase).for_each(|c| push(&mut normal, c));
    }
    if normal.ends_with(' ') {
        normal.pop();
    }
    if normal.is_empty() { text.trim().to_owned() } else { normal }
}

fn push(normal: &mut String, c: char) {
    match c {
        '\'' | '\u{2018}' | '\u{2019}' => {}
        _ if is_separator(c) => {
            if !normal.is_empty() && !normal.ends_with(' ') {
                normal.push(' ');
            }
        }
        _ => normal.push(c),
    }
}

fn is_separator(c: char) -> bool {
    const ASCII: &str = ".,;:!?\"()[]{}-_`";
    c.is_whitespace()
        || c.is_control()
        || ASCII.contains(c)
        || matches!(c, '\u{a1}' | '\u{ab}' | '\u{bb}' | '\u{bf}')
        || matches!(c, '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{3003}' | '\u{3008}'..='\u{301f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(normal_form(text), expected, "{text:?}");
    }

    #[test]
    fn spelling_details_do_not_count() {
        check("  Where's MY card?!\n", "wheres my card");
        check("Ｗｈｅｒｅ　is it", "where is it");
        check("cafe\u{301} – open", "caf\u{e9} open");
        check("こんにちは。元気？", "こんにちは 元気");
    }

    #[test]
    fn symbols_that_carry_meaning_stay() {
        check("Is C++ faster than C#?", "is c++ faster than c#");
        check("50% of $5", "50% of $5");
        check("🙂", "🙂");
    }

    #[test]
    fn a_text_of_punctuation_stands_for_itself() {
        check(" ?! ", "?!");
        check("'", "'");
    }
}

//! What can be seen of a request without understanding it: length, digits, symbols, negation,
//! lists of options.
//!
//! Cheap, the same for every language with spaces, and never the text itself.

/// How many numbers [`surface`] gives.
pub const SURFACE_WIDTH: usize = 12;

const NEGATIONS: &[&str] = &[
    "not",
    "no",
    "except",
    "never",
    "least",
    "incorrect",
    "false",
    "cannot",
    "without",
    "neither",
    "none",
    "unlikely",
];

/// The numbers of a text, each of the order of one.
#[must_use]
pub fn surface(text: &str) -> [f32; SURFACE_WIDTH] {
    let chars = text.chars().count().max(1) as f64;
    let share =
        |wanted: fn(char) -> bool| text.chars().filter(|it| wanted(*it)).count() as f64 / chars;
    let words: Vec<&str> = text.split_whitespace().collect();
    let negations = words.iter().filter(|word| is_negation(word)).count() as f64;
    let options: Vec<&str> = text.lines().filter_map(option).collect();
    let lengths: Vec<f64> = options.iter().map(|it| it.chars().count() as f64).collect();
    let mean_length = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
    let numeric = options.iter().filter(|it| it.contains(|c: char| c.is_ascii_digit())).count();
    let numbers = [
        chars.ln() / 5.0,
        share(|it| it.is_ascii_digit()) * 5.0,
        share(|it| "=+*/^\\<>|()[]{}_$".contains(it)) * 5.0,
        share(char::is_uppercase) * 5.0,
        chars / words.len().max(1) as f64 / 6.0,
        negations.min(3.0),
        (text.lines().count() as f64).ln_1p() / 2.0,
        options.len().min(10) as f64 / 4.0,
        mean_length.ln_1p() / 4.0,
        numeric as f64 / options.len().max(1) as f64,
        f64::from(u8::from(text.contains("___"))),
        (text.matches(',').count() as f64).ln_1p() / 2.0,
    ];
    numbers.map(|it| it as f32)
}

fn is_negation(word: &str) -> bool {
    let bare = word.trim_matches(|it: char| !it.is_alphanumeric());
    NEGATIONS.iter().any(|it| bare.eq_ignore_ascii_case(it))
        || bare.len() > 3
            && bare.get(bare.len() - 3..).is_some_and(|it| it.eq_ignore_ascii_case("n't"))
}

/// The text of a line such as `B. seven` or `(c) seven`.
fn option(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches('(');
    let mut chars = line.chars();
    let (letter, mark) = (chars.next()?, chars.next()?);
    let is_option = letter.is_ascii_alphanumeric() && matches!(mark, '.' | ')');
    is_option.then(|| chars.as_str().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, place: usize, expected: f32) {
        let found = surface(text)[place];
        assert!((found - expected).abs() < 1e-6, "{place} of {text:?}: {found}");
    }

    #[test]
    fn what_is_counted_is_there() {
        check("", 0, 0.0);
        check("12ab", 1, 2.5);
        check("It is NOT so, and isn't never.", 5, 3.0);
        check("Which?\nA. 12\nB. none\n(c) 3\nD. x", 7, 1.0);
        check("Which?\nA. 12\nB. none\n(c) 3\nD. x", 9, 0.5);
        check("Fill ___ in", 10, 1.0);
    }

    #[test]
    fn any_text_gives_finite_numbers() {
        for text in ["", "\n\n", "é", "'n't", "日本語のテキスト", "𝒳n't", &"x".repeat(100_000)]
        {
            assert!(surface(text).iter().all(|it| it.is_finite()), "{text:.20}");
        }
    }
}

//! Which known words a mistyped one may have meant.

/// Words longer than this are compared by their beginning, which bounds the work.
const CHARS_MAX: usize = 64;

/// The nearest of the known words, best first; equal ones in the given order.
pub(crate) fn nearest<'a>(
    word: &str,
    known: impl Iterator<Item = &'a str>,
    count_max: usize,
) -> Vec<&'a str> {
    let asked = folded(word);
    let mut ranked: Vec<(usize, &str)> =
        known.map(|it| (distance(&asked, &folded(it)), it)).collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().take(count_max).map(|(_, it)| it).collect()
}

/// Case and the usual separators do not count.
fn folded(word: &str) -> Vec<char> {
    let letters = word.chars().filter(|it| !matches!(it, ' ' | '_' | '-' | '.'));
    letters.flat_map(char::to_lowercase).take(CHARS_MAX).collect()
}

/// Insertions, deletions and replacements (Levenshtein 1966), row by row.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: &str) {
        let known = ["card_lost", "card_arrival", "exchange_rate", "top_up_failed"];
        assert_eq!(nearest(word, known.into_iter(), 1), [expected]);
    }

    #[test]
    fn a_typo_and_another_spelling_find_their_word() {
        check("card_lots", "card_lost");
        check("Exchange Rate", "exchange_rate");
        check("topup-failed", "top_up_failed");
        check("arrival", "card_arrival");
    }

    #[test]
    fn the_distance_is_the_published_one() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
        assert_eq!(distance(&[], &letters("abc")), 3);
    }
}

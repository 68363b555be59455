//! The set of character n-grams of a text, as sorted 64-bit hashes.
//!
//! With 64 bits the chance that two n-grams of a 1 MiB text collide is below 10⁻⁷, so a
//! Jaccard similarity of hashes is the similarity of the sets.

use crate::normal::normal_form;

/// Fills `grams` with the distinct n-grams of the normal form of `text`, sorted; a text shorter
/// than `n` is one n-gram.
pub(super) fn of(text: &str, n: usize, grams: &mut Vec<u64>) {
    grams.clear();
    let normal = normal_form(text);
    if normal.is_ascii() {
        let bytes = normal.as_bytes();
        grams.extend(bytes.windows(n.min(bytes.len()).max(1)).map(hash));
    } else {
        let mut starts: Vec<usize> = normal.char_indices().map(|(at, _)| at).collect();
        starts.push(normal.len());
        let n = n.min(starts.len() - 1);
        let ends = starts.iter().skip(n);
        grams.extend(starts.iter().zip(ends).map(|(a, b)| hash(&normal.as_bytes()[*a..*b])));
    }
    grams.sort_unstable();
    grams.dedup();
}

/// FNV-1a (Fowler, Noll and Vo), finished with the mixer of SplitMix64 so that all bits count.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// |A ∩ B| / |A ∪ B| of two sorted sets; 0 when both are empty.
pub(super) fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut at, mut bt, mut shared) = (0, 0, 0usize);
    while at < a.len() && bt < b.len() {
        let (x, y) = (a[at], b[bt]);
        shared += usize::from(x == y);
        at += usize::from(x <= y);
        bt += usize::from(y <= x);
    }
    let union = a.len() + b.len() - shared;
    if union == 0 { 0.0 } else { shared as f64 / union as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, n: usize, expected: f64) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        of(a, n, &mut x);
        of(b, n, &mut y);
        assert!((jaccard(&x, &y) - expected).abs() < 1e-12, "{a:?} {b:?}");
    }

    #[test]
    fn the_similarity_is_that_of_the_sets() {
        // {abc, bcd} and {abc, bcd, cde}
        check("abcd", "ABCDE!", 3, 2.0 / 3.0);
        // {aaa} and {aaa}: repetition does not count.
        check("aaaa", "aaaaaaaa", 3, 1.0);
        check("ab", "ab", 5, 1.0);
        check("ab", "ac", 5, 0.0);
        // {日本語, 本語で} and {日本語}
        check("日本語で", "日本語", 3, 0.5);
    }
}

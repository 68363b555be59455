//! Text to hashed n-grams, and counts of n-grams to TF-IDF values.
//!
//! Words are runs of letters and digits; character n-grams stay inside one blank-separated
//! piece, padded with a blank on both sides, so that beginnings and ends of words are visible.
//! Training and serving call the same code: a feature means the same on both sides for ever,
//! which is why the hash is our own (FNV-1a over characters, mixed to 32 bits) and recorded by
//! the format number of the file.

use serde::{Deserialize, Serialize};

/// Which n-grams a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// Longest run of words, from 1.
    pub word_ngram_max: u8,
    /// Shortest and longest run of characters.
    pub char_ngram_min: u8,
    pub char_ngram_max: u8,
}

impl Default for FeatureSpec {
    fn default() -> Self {
        Self { word_ngram_max: 2, char_ngram_min: 2, char_ngram_max: 5 }
    }
}

impl FeatureSpec {
    /// Longest n-gram of either kind.
    pub const NGRAM_MAX: u8 = 8;

    /// Whether every length is from 1 to [`Self::NGRAM_MAX`] and the range is not empty.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (1..=Self::NGRAM_MAX).contains(&self.word_ngram_max)
            && self.char_ngram_min >= 1
            && self.char_ngram_min <= self.char_ngram_max
            && self.char_ngram_max <= Self::NGRAM_MAX
    }
}

/// The two kinds of features; each is normalised on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    Word,
    Character,
}

/// Reads texts into hashes; holds buffers so that reading allocates nothing.
#[derive(Debug, Default)]
pub struct Featurizer {
    characters: Vec<u32>,
    words: Vec<u64>,
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
const WORD_SALT: u64 = 0x9e37_79b9_7f4a_7c15;
const BLANK: u32 = ' ' as u32;

impl Featurizer {
    /// Calls `visit` for each n-gram of the text, repeated ones repeatedly, and returns the
    /// number of words.
    pub fn each(
        &mut self,
        spec: &FeatureSpec,
        text: &str,
        mut visit: impl FnMut(Space, u32),
    ) -> u32 {
        self.words.clear();
        for piece in text.split_whitespace() {
            self.read_piece(piece);
            each_character_ngram(&self.characters, spec, &mut visit);
        }
        each_word_ngram(&self.words, spec, &mut visit);
        u32::try_from(self.words.len()).unwrap_or(u32::MAX)
    }

    /// Lower-cases a piece between two blanks and notes the words in it.
    fn read_piece(&mut self, piece: &str) {
        self.characters.clear();
        self.characters.push(BLANK);
        let mut word = FNV_BASIS;
        let mut inside = false;
        for character in piece.chars().flat_map(char::to_lowercase) {
            let code = character as u32;
            self.characters.push(code);
            if character.is_alphanumeric() || character == '_' {
                word = extend(word, code);
                inside = true;
            } else if inside {
                self.words.push(word);
                (word, inside) = (FNV_BASIS, false);
            }
        }
        if inside {
            self.words.push(word);
        }
        self.characters.push(BLANK);
    }
}

fn each_character_ngram(
    characters: &[u32],
    spec: &FeatureSpec,
    visit: &mut impl FnMut(Space, u32),
) {
    let (shortest, longest) = (usize::from(spec.char_ngram_min), usize::from(spec.char_ngram_max));
    for start in 0..characters.len() {
        let mut hash = FNV_BASIS;
        for (index, &character) in characters[start..].iter().take(longest).enumerate() {
            hash = extend(hash, character);
            if index + 1 >= shortest {
                visit(Space::Character, mix(hash));
            }
        }
    }
}

fn each_word_ngram(words: &[u64], spec: &FeatureSpec, visit: &mut impl FnMut(Space, u32)) {
    for start in 0..words.len() {
        let mut hash = WORD_SALT;
        for &word in words[start..].iter().take(usize::from(spec.word_ngram_max)) {
            hash = (hash.rotate_left(17) ^ word).wrapping_mul(FNV_PRIME);
            visit(Space::Word, mix(hash));
        }
    }
}

/// One more character (FNV-1a, a character at a time instead of a byte).
const fn extend(hash: u64, code: u32) -> u64 {
    (hash ^ code as u64).wrapping_mul(FNV_PRIME)
}

/// 64 bits to 32 with every input bit felt (the finaliser of MurmurHash3; Appleby, public domain).
const fn mix(mut hash: u64) -> u32 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash ^ (hash >> 33)) as u32
}

/// Turns the rows of a text (each as often as it occurs; sorted in place) into TF-IDF values:
/// (1 + ln count) · inverse frequency, each space scaled to length one. Rows below `word_rows`
/// are words.
pub fn weigh(
    rows: &mut [u32],
    inverse_frequency: &[f32],
    word_rows: usize,
    weighted: &mut Vec<(u32, f32)>,
) {
    rows.sort_unstable();
    weighted.clear();
    for run in rows.chunk_by(|a, b| a == b) {
        let damped = if run.len() == 1 { 1.0 } else { 1.0 + (run.len() as f32).ln() };
        weighted.push((run[0], damped * inverse_frequency[run[0] as usize]));
    }
    let boundary = weighted.partition_point(|&(row, _)| (row as usize) < word_rows);
    let (words, characters) = weighted.split_at_mut(boundary);
    for space in [words, characters] {
        let length = space.iter().map(|&(_, value)| value * value).sum::<f32>().sqrt();
        for (_, value) in space {
            *value /= length;
        }
    }
}

/// Finds the row of a hash: open addressing at half load.
#[derive(Debug)]
pub struct FeatureTable {
    slots: Vec<(u32, u32)>,
    mask: usize,
}

const EMPTY: u32 = u32::MAX;

impl FeatureTable {
    /// Row `i` answers for `hashes[i]`.
    #[must_use]
    pub fn new(hashes: &[u32]) -> Self {
        let mask = (hashes.len() * 2).next_power_of_two().max(2) - 1;
        let mut slots = vec![(0, EMPTY); mask + 1];
        for (row, &hash) in (0u32..).zip(hashes) {
            let mut slot = hash as usize & mask;
            while slots[slot].1 != EMPTY {
                slot = (slot + 1) & mask;
            }
            slots[slot] = (hash, row);
        }
        Self { slots, mask }
    }

    /// The row, unless the feature is unknown.
    #[must_use]
    pub fn find(&self, hash: u32) -> Option<u32> {
        let mut slot = hash as usize & self.mask;
        loop {
            match self.slots[slot] {
                (_, EMPTY) => return None,
                (found, row) if found == hash => return Some(row),
                _ => slot = (slot + 1) & self.mask,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(text: &str) -> (u32, Vec<u32>, Vec<u32>) {
        let (mut words, mut characters) = (Vec::new(), Vec::new());
        let count =
            Featurizer::default().each(&FeatureSpec::default(), text, |space, hash| match space {
                Space::Word => words.push(hash),
                Space::Character => characters.push(hash),
            });
        (count, words, characters)
    }

    #[track_caller]
    fn check(text: &str, words: u32, word_ngrams: usize, character_ngrams: usize) {
        let (count, of_words, of_characters) = features(text);
        assert_eq!(
            (count, of_words.len(), of_characters.len()),
            (words, word_ngrams, character_ngrams),
            "{text:?}"
        );
    }

    #[test]
    fn n_grams_are_counted_as_defined() {
        check("", 0, 0, 0);
        check(" \t\n", 0, 0, 0);
        // " a " gives " a", "a ", " a ".
        check("a", 1, 1, 3);
        // " my " gives 3 + 2 + 1; " pin? " gives 5 + 4 + 3 + 2.
        check("my pin?", 2, 3, 6 + 14);
        check("don't", 2, 3, 6 + 5 + 4 + 3);
        check("カードが届かない", 1, 1, 9 + 8 + 7 + 6);
        check("🙂", 0, 0, 3);
    }

    #[test]
    fn case_does_not_matter_and_order_of_words_does() {
        assert_eq!(features("Lost CARD"), features("lost card"));
        assert_ne!(features("lost card").1, features("card lost").1);
    }

    #[test]
    fn values_are_tf_idf_of_length_one_in_each_space() {
        let mut weighted = Vec::new();
        weigh(&mut [3, 0, 3, 1], &[3.0, 4.0, 1.0, 2.0], 2, &mut weighted);
        assert_eq!(weighted, [(0, 0.6), (1, 0.8), (3, 1.0)]);
    }

    #[test]
    fn every_hash_is_found_and_no_other() {
        let hashes = [7, 7 + 8, 7 + 16, u32::MAX, 0];
        let table = FeatureTable::new(&hashes);
        for (row, &hash) in (0..).zip(&hashes) {
            assert_eq!(table.find(hash), Some(row));
        }
        assert_eq!(table.find(8), None);
        assert_eq!(FeatureTable::new(&[]).find(1), None);
    }
}

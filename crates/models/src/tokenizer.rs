//! Texts become token ids, by a Hugging Face `tokenizer.json`.
//!
//! Truncation and padding stored in the file are ignored: the caller says how many tokens it
//! reads, and batches are packed without padding.

use std::fmt;
use std::path::Path;

use rayon::prelude::*;
use tokenizers::{PostProcessor, Tokenizer, TruncationDirection};

use crate::config::read_limited;
use crate::error::{ModelError, TokenizeError};

/// The largest published tokenizer files have about 20 MB.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// A loaded tokenizer.
pub struct TextTokenizer {
    inner: Tokenizer,
    special_tokens: usize,
}

// The whole vocabulary has no place in a log.
impl fmt::Debug for TextTokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextTokenizer").field("ids", &self.vocab_size()).finish_non_exhaustive()
    }
}

impl TextTokenizer {
    /// Largest text in bytes; far above what any encoder here reads.
    pub const TEXT_BYTES_MAX: usize = 1 << 20;

    /// Reads `tokenizer.json` in a model directory.
    ///
    /// # Errors
    /// When the file cannot be read or is not a tokenizer.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("tokenizer.json");
        Self::parse(&read_limited(&path, FILE_BYTES_MAX)?, &path)
    }

    /// Reads the bytes of a `tokenizer.json`; `path` is for messages.
    ///
    /// # Errors
    /// When the bytes are not a tokenizer.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let wrong = |error| ModelError::malformed(path, "tokenizer.json", error);
        let mut inner = Tokenizer::from_bytes(bytes).map_err(wrong)?;
        inner.with_truncation(None).map_err(wrong)?;
        inner.with_padding(None);
        let special_tokens = inner.get_post_processor().map_or(0, |it| it.added_tokens(false));
        Ok(Self { inner, special_tokens })
    }

    /// How many ids there are, added tokens included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The ids of a text with its special tokens, cut at the end to `tokens_max` in all.
    ///
    /// # Errors
    /// When the text is larger than [`TextTokenizer::TEXT_BYTES_MAX`] or cannot be tokenised.
    pub fn encode(&self, text: &str, tokens_max: usize) -> Result<Vec<u32>, TokenizeError> {
        if text.len() > Self::TEXT_BYTES_MAX {
            let (bytes, bytes_max) = (text.len(), Self::TEXT_BYTES_MAX);
            return Err(TokenizeError::TooLarge { bytes, bytes_max });
        }
        let refused = |error: tokenizers::Error| TokenizeError::Refused(error.to_string());
        let mut encoding = self.inner.encode_fast(text, false).map_err(refused)?;
        let room = tokens_max.saturating_sub(self.special_tokens);
        encoding.truncate(room, 0, TruncationDirection::Right);
        let encoding = self.inner.post_process(encoding, None, true).map_err(refused)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// [`TextTokenizer::encode`] for many texts, on all threads of the current pool; the answers
    /// are in the order of the texts.
    ///
    /// # Errors
    /// The error of the first text that has one, with its position.
    pub fn encode_all(
        &self,
        texts: &[&str],
        tokens_max: usize,
    ) -> Result<Vec<Vec<u32>>, (usize, TokenizeError)> {
        let encode = |text: &&str| self.encode(text, tokens_max);
        // A few texts are done before another thread has woken up.
        let encoded: Vec<_> = if texts.len() < 16 {
            texts.iter().map(encode).collect()
        } else {
            texts.par_iter().with_min_len(8).map(encode).collect()
        };
        let numbered = encoded.into_iter().enumerate();
        numbered.map(|(position, ids)| ids.map_err(|error| (position, error))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = r###"{"version":"1.0","truncation":{"max_length":4,"strategy":"LongestFirst","stride":0},
        "padding":{"strategy":{"Fixed":8},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"},
        "added_tokens":[],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
        "pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
        "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
        "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},
        "decoder":null,"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
        "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"card":4,"lost":5,"##s":6,"my":7}}}"###;

    fn tiny() -> TextTokenizer {
        TextTokenizer::parse(TINY.as_bytes(), Path::new("tokenizer.json")).unwrap()
    }

    #[track_caller]
    fn check(text: &str, tokens_max: usize, expected: &[u32]) {
        assert_eq!(tiny().encode(text, tokens_max).unwrap(), expected, "{text:?}");
    }

    #[test]
    fn special_tokens_are_added_and_padding_is_not() {
        check("My LOST cards", 16, &[2, 7, 5, 4, 6, 3]);
        check("", 16, &[2, 3]);
        check("\u{0} \u{fffd}", 16, &[2, 3]);
        check("zebra", 16, &[2, 1, 3]);
    }

    #[test]
    fn a_long_text_is_cut_before_its_last_special_token() {
        check("my lost cards", 4, &[2, 7, 5, 3]);
    }

    #[test]
    fn a_huge_text_is_refused() {
        let text = "a".repeat(TextTokenizer::TEXT_BYTES_MAX + 1);
        let message = tiny().encode(&text, 8).unwrap_err().to_string();
        assert!(message.contains("1048577 bytes"), "{message}");
    }

    #[test]
    fn many_texts_keep_their_order() {
        let texts: Vec<_> = ["card", "lost", "my"].into_iter().cycle().take(100).collect();
        let all = tiny().encode_all(&texts, 8).unwrap();
        for (text, ids) in texts.iter().zip(all) {
            assert_eq!(ids, tiny().encode(text, 8).unwrap());
        }
    }

    #[test]
    fn damage_is_an_error() {
        for bytes in [&b""[..], b"{}", &TINY.as_bytes()[..300], b"\xff\xfe"] {
            assert!(TextTokenizer::parse(bytes, Path::new("x")).is_err());
        }
    }
}

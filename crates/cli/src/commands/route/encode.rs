//! Embeddings of texts by a base as it is: mean-pooled, from a cache when it has them.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context as _, Result};
use freehold_models::{EncoderBase, EncoderClassifier, EncoderOptions, Precision};
use freehold_vocabulary::{Digest, DigestBuilder};

use crate::wiring::Session;
use crate::wiring::scoring::score;

/// What the bytes of a cache mean.
const CACHE_VERSION: &str = "mean-pooled f32 1";

/// Which embeddings.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    pub base: &'a str,
    pub precision: Precision,
    /// Longer texts are cut.
    pub tokens_max: NonZeroUsize,
}

/// A base, ready to embed.
#[derive(Debug)]
pub struct Embedder {
    model: EncoderClassifier,
    width: usize,
    /// What the embeddings depend on, beside the texts.
    name: String,
}

impl Embedder {
    /// Fetches the base if need be, and opens it.
    pub fn open(session: &Session, form: &Form<'_>) -> Result<Self> {
        let Form { base: reference, precision, tokens_max } = *form;
        let base = freehold_artifacts::fetch_base(&session.store, reference, &session.progress)
            .with_context(|| format!("the base `{reference}`"))?;
        let folder = session.store.materialise(&base)?;
        let options = EncoderOptions { precision, ..EncoderOptions::default() };
        let opened = EncoderBase::open(&folder, options)?;
        Ok(Self {
            model: opened.embedder(tokens_max)?,
            width: opened.width(),
            name: format!("{base} {precision:?} {tokens_max} {CACHE_VERSION}"),
        })
    }

    /// Embeds without a cache.
    pub fn embed(&self, session: &Session, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let scored = score(&self.model, texts, &session.progress, "embedding")?;
        Ok(scored.into_iter().map(|it| it.embedding).collect())
    }

    /// Embeds one text, silently: what a request costs.
    pub fn embed_one(&self, text: &str) -> Result<Vec<f32>> {
        use freehold_vocabulary::ports::Classifier as _;
        let scored = self.model.classify(&[text])?;
        Ok(scored.into_iter().next().context("a text has an embedding")?.embedding)
    }

    /// Embeds, or reads what was embedded before: files are named by base and texts.
    pub fn embed_cached(&self, session: &Session, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut key = DigestBuilder::default();
        key.update(&self.name);
        for text in texts {
            key.update(Digest::of(text).hex());
        }
        let folder = session.work_folder().join("route");
        let path = folder.join(format!("{}.f32", key.finish().hex()));
        if let Some(found) = read_cache(&path, texts.len(), self.width) {
            return Ok(found);
        }
        let embeddings = self.embed(session, texts)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        write_cache(&path, &embeddings)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(embeddings)
    }
}

/// The digest of the numbers, then the numbers.
fn write_cache(path: &Path, embeddings: &[Vec<f32>]) -> Result<()> {
    let numbers: Vec<u8> =
        embeddings.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    let folder = path.parent().context("a cache stands in a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(Digest::of(&numbers).hex().as_bytes())?;
    file.write_all(&numbers)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// None if there is no whole file of that size: then the embeddings are made anew.
fn read_cache(path: &Path, rows: usize, width: usize) -> Option<Vec<Vec<f32>>> {
    let bytes = std::fs::read(path).ok()?;
    let (digest, numbers) = bytes.split_at_checked(64)?;
    let whole = numbers.len() == rows * width * size_of::<f32>()
        && Digest::of(numbers).hex().as_bytes() == digest;
    let (words, _) = numbers.as_chunks::<4>();
    let read = |row: &[[u8; 4]]| row.iter().map(|&word| f32::from_le_bytes(word)).collect();
    whole.then(|| words.chunks_exact(width).map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_cache_is_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.f32");
        assert_eq!(read_cache(&path, 2, 2), None);
        let embeddings = vec![vec![1.0, 2.0], vec![3.0, -4.5]];
        write_cache(&path, &embeddings).unwrap();
        assert_eq!(read_cache(&path, 2, 2), Some(embeddings));
        assert_eq!(read_cache(&path, 1, 2), None);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[70] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read_cache(&path, 2, 2), None);
    }
}

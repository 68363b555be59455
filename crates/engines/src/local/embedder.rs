//! A base as it is, behind the queue of a local engine: texts become vectors of length one.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use freehold_models::{EncoderBase, ModelError};
use freehold_vocabulary::ports::{
    Classifier as _, Embedder, EmbedderCard, Engine as _, EngineCard, EngineError,
};
use freehold_vocabulary::{Digest, Tier};

use super::{LocalEngine, LocalOptions};

/// What the vectors mean; another way of making them is another version.
const FORM: &str = "mean of all tokens, length one, 1";

/// Embeds on the threads of a pool, which it may share with other engines.
#[derive(Debug)]
pub struct LocalEmbedder {
    card: EmbedderCard,
    engine: Arc<LocalEngine>,
}

/// Which base embeds, and how much of a text it reads.
#[derive(Debug, Clone, Copy)]
pub struct Embedding<'a> {
    /// How people name the base.
    pub name: &'a str,
    pub digest: &'a Digest,
    pub tokens_max: NonZeroUsize,
}

impl LocalEmbedder {
    /// An embedder over a loaded base.
    ///
    /// # Errors
    /// When weights are missing or do not fit, or memory is short.
    pub fn start(
        base: &Arc<EncoderBase>,
        embedding: Embedding<'_>,
        options: LocalOptions,
    ) -> Result<Arc<Self>, ModelError> {
        let Embedding { name, digest, tokens_max } = embedding;
        let precision = base.precision();
        let version = Digest::of(format!("{FORM}, {digest}, {precision:?}, {tokens_max} tokens"));
        let classifier = base.embedder(tokens_max)?;
        let engine = EngineCard {
            name: format!("embedder {name}"),
            tier: Tier::Micro,
            version: version.clone(),
            labels: classifier.labels().clone(),
        };
        let card = EmbedderCard { name: name.to_owned(), version, width: base.width() };
        let engine = LocalEngine::start(engine, Arc::new(classifier), options);
        Ok(Arc::new(Self { card, engine }))
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn card(&self) -> &EmbedderCard {
        &self.card
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EngineError> {
        let scored = self.engine.answer(texts).await?;
        scored.into_iter().enumerate().map(|(at, it)| self.unit(at, it.embedding)).collect()
    }
}

impl LocalEmbedder {
    fn unit(&self, position: usize, mut vector: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        let squares: f64 = vector.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
        let length = squares.sqrt();
        if length == 0.0 {
            let reason = format!("the vector of text {position} has no direction");
            return Err(EngineError::Broken { engine: self.card.name.clone(), reason });
        }
        vector.iter_mut().for_each(|it| *it = (f64::from(*it) / length) as f32);
        Ok(vector)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use freehold_models::EncoderOptions;

    use super::*;
    use crate::local::{LocalLimits, WorkerPool};

    fn embedder(tokens_max: usize) -> Arc<LocalEmbedder> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/golden/bert");
        let base = EncoderBase::open(&golden, EncoderOptions::default()).unwrap();
        let pool = WorkerPool::start(NonZeroUsize::MIN).unwrap();
        let options = LocalOptions { pool, limits: LocalLimits::default() };
        let tokens_max = NonZeroUsize::new(tokens_max).unwrap();
        let embedding = Embedding { name: "golden", digest: &Digest::of("golden"), tokens_max };
        LocalEmbedder::start(&base, embedding, options).unwrap()
    }

    #[tokio::test]
    async fn vectors_have_length_one_and_depend_on_their_own_text_only() {
        let embedder = embedder(64);
        let texts = ["the quick brown fox", "jumps", "over the lazy dog and on and on"];
        let together = embedder.embed(texts.map(str::to_owned).to_vec()).await.unwrap();
        for (text, vector) in texts.iter().zip(&together) {
            assert_eq!(vector.len(), embedder.card().width);
            let length: f32 = vector.iter().map(|it| it * it).sum();
            assert!((length - 1.0).abs() < 1e-5, "{length}");
            let alone = embedder.embed(vec![(*text).to_owned()]).await.unwrap();
            assert_eq!(&alone[0], vector, "{text}");
        }
        assert_ne!(together[0], together[1]);
        assert!(embedder.embed(Vec::new()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn reading_fewer_tokens_is_another_version() {
        let (long, short) = (embedder(64), embedder(4));
        assert_ne!(long.card().version, short.card().version);
        let text = vec!["the quick brown fox jumps over the lazy dog".to_owned()];
        assert_ne!(long.embed(text.clone()).await.unwrap(), short.embed(text).await.unwrap());
    }
}

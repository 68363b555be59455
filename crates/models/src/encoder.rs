//! The encoder as a classifier: texts in, logits out, on the processor.
//!
//! Texts are packed without padding into batches that fit the second cache. A text's answer has
//! the same bits whatever travels beside it. Training is elsewhere.

mod attention;
mod build;
mod linear;
mod network;
mod panels;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_vocabulary::ports::{Classifier, ClassifyError, Scored};
use freehold_vocabulary::{Label, LabelMode, LabelSet};
use rayon::prelude::*;

pub use panels::Precision;

use crate::adapter::{Adapter, Checkpoint};
use crate::config::EncoderConfig;
use crate::error::ModelError;
use crate::head::HeadSpec;
use crate::kernels::Isa;
use crate::limits::InputLimits;
use crate::tokenizer::TextTokenizer;
use crate::weights::Weights;
use network::{Network, Scratch};
use panels::Panels;

/// Tokens computed together: their activations fit the second cache of today's processors.
const BATCH_TOKENS: usize = 256;

/// How a model is loaded.
#[derive(Debug, Clone, Copy)]
pub struct EncoderOptions {
    pub precision: Precision,
    /// Longer texts are cut to so many tokens; none means what the version and its base allow.
    pub tokens_max: Option<usize>,
    /// None means the fastest that the processor has.
    pub isa: Option<Isa>,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self { precision: Precision::F32, tokens_max: None, isa: None }
    }
}

/// A base in memory, shared by all models that were fine-tuned on it.
pub struct EncoderBase {
    config: EncoderConfig,
    tokenizer: Arc<TextTokenizer>,
    weights: Arc<Weights>,
    packed: Vec<Arc<Panels>>,
    options: EncoderOptions,
    spare: Spare,
}

/// Memory of finished batches, for the next ones; models on one base share it.
type Spare = Arc<Mutex<Vec<Scratch>>>;

/// A fine-tuned encoder with its head.
pub struct EncoderClassifier {
    network: Network,
    tokenizer: Arc<TextTokenizer>,
    labels: LabelSet,
    mode: LabelMode,
    tokens_max: usize,
    isa: Isa,
    /// The base whose matrices are shared: it stays in memory as long as one of its models.
    #[expect(dead_code, reason = "held, never read")]
    base: Option<Arc<EncoderBase>>,
    spare: Spare,
}

impl EncoderBase {
    /// Loads a base: a Hugging Face model directory.
    ///
    /// # Errors
    /// When a file is missing, damaged or not supported.
    pub fn open(dir: &Path, options: EncoderOptions) -> Result<Arc<Self>, ModelError> {
        let config = EncoderConfig::open(dir)?;
        let tokenizer = tokenizer(dir, &config)?;
        let checkpoint = Checkpoint::new(Arc::new(Weights::open(dir)?), None)?;
        let packed = build::pack(&config, &checkpoint, options.precision)?;
        let weights = Arc::clone(checkpoint.base());
        let spare = Spare::default();
        Ok(Arc::new(Self { config, tokenizer, weights, packed, options, spare }))
    }

    /// The model that an adapter makes of this base. The large matrices stay shared; the
    /// adapter's changes are computed beside them.
    ///
    /// # Errors
    /// When the adapter is missing, damaged, not supported, or belongs to another base.
    pub fn classifier(
        self: &Arc<Self>,
        version_dir: &Path,
        labels: LabelSet,
        mode: LabelMode,
    ) -> Result<EncoderClassifier, ModelError> {
        let adapter = Adapter::open(version_dir)?;
        let checkpoint = Checkpoint::new(Arc::clone(&self.weights), Some(adapter))?;
        let head = HeadSpec::open(version_dir, &self.config)?;
        let tokens_max = limit(&self.config, InputLimits::open(version_dir)?, self.options);
        let network = build::network(
            &self.config,
            &checkpoint,
            Some((&head, labels.len())),
            &self.packed,
            false,
            tokens_max,
        )?;
        checkpoint.check_all_read()?;
        let tokenizer = Arc::clone(&self.tokenizer);
        let model =
            EncoderClassifier::new(network, tokenizer, labels, mode, tokens_max, self.options);
        let spare = Arc::clone(&self.spare);
        Ok(EncoderClassifier { base: Some(Arc::clone(self)), spare, ..model })
    }

    /// The base as it is, for its embeddings: the mean over a text's tokens, of which at most
    /// `tokens_max` are read. What it answers beside them is one label without a meaning.
    ///
    /// # Errors
    /// When weights are missing or do not fit, or memory is short.
    pub fn embedder(
        self: &Arc<Self>,
        tokens_max: NonZeroUsize,
    ) -> Result<EncoderClassifier, ModelError> {
        let checkpoint = Checkpoint::new(Arc::clone(&self.weights), None)?;
        let own = InputLimits { tokens_max: Some(tokens_max) };
        let tokens_max = limit(&self.config, own, self.options);
        let network =
            build::network(&self.config, &checkpoint, None, &self.packed, false, tokens_max)?;
        let label = Label::parse("embedding").expect("the constant is a label");
        let (labels, mode) = (LabelSet::sorted([label]), LabelMode::Single);
        let tokenizer = Arc::clone(&self.tokenizer);
        let model =
            EncoderClassifier::new(network, tokenizer, labels, mode, tokens_max, self.options);
        let spare = Arc::clone(&self.spare);
        Ok(EncoderClassifier { base: Some(Arc::clone(self)), spare, ..model })
    }

    /// How its weights are held and multiplied.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.options.precision
    }

    /// The numbers of an embedding.
    #[must_use]
    pub fn width(&self) -> usize {
        self.config.hidden
    }
}

// Weights and vocabularies have no place in a log.
impl fmt::Debug for EncoderBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("EncoderBase");
        out.field("config", &self.config).field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for EncoderClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("EncoderClassifier");
        out.field("labels", &self.labels.len()).field("mode", &self.mode);
        out.field("tokens_max", &self.tokens_max).field("isa", &self.isa).finish_non_exhaustive()
    }
}

/// The tokenizer of a directory, if the model has a vector for each of its ids.
fn tokenizer(dir: &Path, config: &EncoderConfig) -> Result<Arc<TextTokenizer>, ModelError> {
    let tokenizer = TextTokenizer::open(dir)?;
    let (ids, rows) = (tokenizer.vocab_size(), config.vocab_size);
    if ids <= rows {
        return Ok(Arc::new(tokenizer));
    }
    let reason = format!("it has {ids} ids but the model has vectors for {rows}");
    Err(ModelError::malformed(&dir.join("tokenizer.json"), "tokenizer of this model", reason))
}

/// The most tokens that base, version and caller all allow.
fn limit(config: &EncoderConfig, own: InputLimits, options: EncoderOptions) -> usize {
    let own = own.tokens_max.map_or(usize::MAX, NonZeroUsize::get);
    config.tokens_max.min(own).min(options.tokens_max.unwrap_or(usize::MAX)).max(1)
}

/// The first directory that has the file.
fn holder<'a>(file: &str, version_dir: &'a Path, base_dir: Option<&'a Path>) -> &'a Path {
    if version_dir.join(file).exists() { version_dir } else { base_dir.unwrap_or(version_dir) }
}

impl EncoderClassifier {
    /// Loads a model version: a PEFT adapter over the base in `base_dir`, merged into it, or full
    /// weights. Configuration and tokenizer come from the version if it has them, else from the
    /// base.
    ///
    /// # Errors
    /// When a file is missing, damaged or not supported, or weights and labels do not fit.
    pub fn open(
        version_dir: &Path,
        base_dir: Option<&Path>,
        labels: LabelSet,
        mode: LabelMode,
        options: EncoderOptions,
    ) -> Result<Self, ModelError> {
        let config = EncoderConfig::open(holder("config.json", version_dir, base_dir))?;
        let tokenizer = tokenizer(holder("tokenizer.json", version_dir, base_dir), &config)?;
        let checkpoint = Checkpoint::open(version_dir, base_dir)?;
        let head = HeadSpec::open(version_dir, &config)?;
        let packed = build::pack(&config, &checkpoint, options.precision)?;
        let tokens_max = limit(&config, InputLimits::open(version_dir)?, options);
        let head = Some((&head, labels.len()));
        let network = build::network(&config, &checkpoint, head, &packed, true, tokens_max)?;
        checkpoint.check_all_read()?;
        Ok(Self::new(network, tokenizer, labels, mode, tokens_max, options))
    }

    fn new(
        network: Network,
        tokenizer: Arc<TextTokenizer>,
        labels: LabelSet,
        mode: LabelMode,
        tokens_max: usize,
        options: EncoderOptions,
    ) -> Self {
        let isa = options.isa.unwrap_or_else(Isa::best);
        let spare = Spare::default();
        Self { network, tokenizer, labels, mode, tokens_max, isa, base: None, spare }
    }

    /// Scores texts that are tokens already, special tokens included.
    ///
    /// # Errors
    /// When a text is empty, longer than the model reads, or has an id that the model lacks; or
    /// when a logit is not finite.
    pub fn classify_tokens(&self, texts: &[Vec<u32>]) -> Result<Vec<Scored>, ClassifyError> {
        let rows = self.network.embeddings.word.count();
        for (position, ids) in texts.iter().enumerate() {
            let refuse = |reason: String| Err(ClassifyError::Text { position, reason });
            if ids.is_empty() {
                return refuse("it has no tokens".to_owned());
            }
            if ids.len() > self.tokens_max {
                return refuse(format!("{} tokens; at most {}", ids.len(), self.tokens_max));
            }
            if let Some(id) = ids.iter().find(|id| **id as usize >= rows) {
                return refuse(format!("the model has no token {id}"));
            }
        }
        // Similar lengths travel together, so that the work of the batches is alike.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&position| texts[position].len());
        let batches = batches(&order, texts);
        let computed: Vec<Vec<(usize, Scored)>> = if batches.len() > 1 {
            batches.par_iter().map(|batch| self.batch(batch, texts)).collect::<Result<_, _>>()?
        } else {
            batches.iter().map(|batch| self.batch(batch, texts)).collect::<Result<_, _>>()?
        };
        let mut scored: Vec<(usize, Scored)> = computed.into_iter().flatten().collect();
        scored.sort_unstable_by_key(|(position, _)| *position);
        Ok(scored.into_iter().map(|(_, scored)| scored).collect())
    }

    /// Computes the texts at some positions.
    fn batch(
        &self,
        positions: &[usize],
        texts: &[Vec<u32>],
    ) -> Result<Vec<(usize, Scored)>, ClassifyError> {
        let ids: Vec<u32> = positions.iter().flat_map(|&it| texts[it].iter().copied()).collect();
        let lengths: Vec<usize> = positions.iter().map(|&it| texts[it].len()).collect();
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare().pop().unwrap_or_default();
        let output = self.network.forward(self.isa, &ids, &lengths, &mut scratch);
        spare().push(scratch);
        let logits = output.logits.chunks_exact(self.labels.len());
        let embeddings = output.embeddings.chunks_exact(self.network.heads.hidden);
        let mut scored = Vec::with_capacity(positions.len());
        for ((&position, logits), embedding) in positions.iter().zip(logits).zip(embeddings) {
            if !logits.iter().all(|logit| logit.is_finite()) {
                return Err(ClassifyError::NotFinite { position });
            }
            let tokens = texts[position].len() as u32;
            let (logits, embedding) = (logits.to_vec(), embedding.to_vec());
            scored.push((position, Scored { logits, embedding, tokens }));
        }
        Ok(scored)
    }

    /// Token ids of texts, as [`Classifier::classify`] uses them.
    ///
    /// # Errors
    /// When a text is too large or cannot be tokenised.
    pub fn tokenise(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, ClassifyError> {
        self.tokenizer.encode_all(texts, self.tokens_max).map_err(|(position, error)| {
            ClassifyError::Text { position, reason: error.to_string() }
        })
    }
}

/// Cuts positions into runs of at most [`BATCH_TOKENS`] tokens, or of one text.
fn batches<'a>(order: &'a [usize], texts: &[Vec<u32>]) -> Vec<&'a [usize]> {
    let mut batches = Vec::new();
    let (mut from, mut tokens) = (0, 0);
    for (at, &position) in order.iter().enumerate() {
        let length = texts[position].len();
        if at > from && tokens + length > BATCH_TOKENS {
            batches.push(&order[from..at]);
            (from, tokens) = (at, 0);
        }
        tokens += length;
    }
    if from < order.len() {
        batches.push(&order[from..]);
    }
    batches
}

impl Classifier for EncoderClassifier {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn mode(&self) -> LabelMode {
        self.mode
    }

    fn classify(&self, texts: &[&str]) -> Result<Vec<Scored>, ClassifyError> {
        self.classify_tokens(&self.tokenise(texts)?)
    }
}

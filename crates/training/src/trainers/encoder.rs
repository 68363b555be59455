//! Trains the small model: an encoder fine-tuned whole, by adapters, or only in its head.
//!
//! The test and calibration splits are not among the arguments, so no recipe can be tuned on
//! them. Same specification, base, examples and seed: same bits, whatever the number of threads
//! and however often the run was killed and started again.

mod corpus;
mod head_start;
mod predict;
pub mod probe;
mod run;
pub mod search;
pub mod spec;
mod teacher;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use freehold_models::weights::Weights;
use freehold_models::{EncoderConfig, HeadSpec, TextTokenizer};
use freehold_vocabulary::{Digest, DigestBuilder, LabelSet, LabelledText};

use crate::checkpoint::{EpochRecord, RunIdentity, Score};
use crate::error::TrainingError;
use crate::network::Network;
use crate::network::build::{Blueprint, Trainable, head_spec};
use crate::storage;
use corpus::Corpus;
use run::Run;
use spec::{EncoderSpec, Method};

/// What a run reports while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainingEvent {
    /// Texts are tokens and the base is in memory.
    Prepared { training_texts: usize, training_tokens: usize, trainable_weights: usize, steps: u64 },
    /// The head was fitted on the base's own vectors.
    HeadStarted { validation: Option<Score> },
    /// A checkpoint was found and the run goes on after that step.
    Resumed { step: u64 },
    /// A step is done; the rate is that of blocks or adapters.
    Stepped { step: u64, loss: f64, learning_rate: f64 },
    /// An epoch is over.
    EpochEnded { record: EpochRecord, is_best: bool },
    /// The state is safe on disk.
    CheckpointWritten { step: u64 },
    /// Validation has not improved for as long as the specification waits.
    StoppedEarly { epoch: u32, best_epoch: u32 },
}

/// A trained model, in memory.
#[derive(Debug)]
pub struct TrainedEncoder {
    pub network: Network,
    pub spec: EncoderSpec,
    pub labels: LabelSet,
    pub head: HeadSpec,
    pub config: EncoderConfig,
    /// The directory of the base.
    pub base: PathBuf,
    pub history: Vec<EpochRecord>,
    /// On validation examples, of the weights that were kept.
    pub best: Option<Score>,
    pub best_epoch: u32,
}

impl TrainedEncoder {
    /// How good the model is on examples, by the arithmetic it was trained with.
    ///
    /// # Errors
    /// When an example cannot be tokenised or has labels that the model does not know.
    pub fn judge(&self, examples: &[LabelledText]) -> Result<Score, TrainingError> {
        let logits = self.logits(examples)?;
        let corpus = self.corpus(examples)?;
        Ok(predict::score(self.spec.label_mode, &corpus, &logits))
    }

    /// The logits of examples, one row each.
    ///
    /// # Errors
    /// As [`TrainedEncoder::judge`].
    pub fn logits(&self, examples: &[LabelledText]) -> Result<Vec<f32>, TrainingError> {
        let mut corpus = self.corpus(examples)?;
        // Texts bring words that training did not load.
        let mut vocabulary: Vec<u32> = corpus.ids_in_use().collect();
        vocabulary.sort_unstable();
        vocabulary.dedup();
        corpus.renumber(&vocabulary);
        let file = Weights::open(&self.base)?;
        let mut network = self.network.clone();
        network.reload_words(&file, &self.config, &vocabulary)?;
        Ok(predict::compute(&network, &corpus, &mut Vec::new(), predict::Wanted::Logits))
    }

    fn corpus(&self, examples: &[LabelledText]) -> Result<Corpus, TrainingError> {
        let tokenizer = TextTokenizer::open(&self.base)?;
        let tokens_max = self.spec.tokens_max.min(self.config.tokens_max);
        Corpus::new("given", examples, &self.labels, &self.spec, &tokenizer, tokens_max)
    }
}

/// Trains an encoder on `train`, watching `validation` (which may be empty: then every epoch is
/// run and the last weights are kept). `run_dir` holds the checkpoint; calling again with the same
/// arguments goes on from it.
///
/// # Errors
/// When an argument cannot be used, the disk refuses, or the loss leaves the finite numbers. The
/// last checkpoint is kept in every case.
#[expect(clippy::too_many_arguments, reason = "each is a different thing that a run needs")]
pub fn train_encoder(
    spec: &EncoderSpec,
    base: &Path,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
    run_dir: &Path,
    threads: NonZeroUsize,
    events: &mut dyn FnMut(TrainingEvent),
) -> Result<TrainedEncoder, TrainingError> {
    let threads =
        rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build().map_err(|error| {
            TrainingError::Threads { threads: threads.get(), reason: error.to_string() }
        })?;
    let prepared = threads.install(|| prepare(spec, base, train, validation, labels))?;
    std::fs::create_dir_all(run_dir).map_err(|error| TrainingError::unwritable(run_dir, error))?;
    storage::remove_unfinished(run_dir)?;
    let Prepared { config, head, network, train: mut corpus, validation, identity } = prepared;
    if spec.teacher_share > 0.0 {
        let teach = || teacher::opinions(spec, &network, &corpus, train, labels);
        let opinions = threads.install(teach)?;
        corpus.teach(opinions, spec.teacher_share);
    }
    let mut run = Run::new(spec, network, &corpus, &validation, run_dir, &threads, identity);
    run.train(events)?;
    let (network, position) = run.finish();
    Ok(TrainedEncoder {
        network,
        spec: spec.clone(),
        labels: labels.clone(),
        head,
        config,
        base: base.to_owned(),
        history: position.history,
        best: position.best,
        best_epoch: position.best_epoch,
    })
}

/// Everything that is known before the first step.
struct Prepared {
    config: EncoderConfig,
    head: HeadSpec,
    network: Network,
    train: Corpus,
    validation: Corpus,
    identity: RunIdentity,
}

fn prepare(
    spec: &EncoderSpec,
    base: &Path,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
) -> Result<Prepared, TrainingError> {
    spec.check()?;
    for (what, found, needed) in
        [("labels", labels.len(), 2), ("training examples", train.len(), 2)]
    {
        if found < needed {
            return Err(TrainingError::TooFew { what, found, needed });
        }
    }
    let config = EncoderConfig::open(base)?;
    let tokenizer = TextTokenizer::open(base)?;
    let file = Weights::open(base)?;
    let tokens_max = spec.tokens_max.min(config.tokens_max);
    let corpus =
        |split, examples| Corpus::new(split, examples, labels, spec, &tokenizer, tokens_max);
    let (mut train_corpus, mut validation_corpus) =
        (corpus("training", train)?, corpus("validation", validation)?);
    train_corpus.check_coverage(labels)?;
    let mut vocabulary: Vec<u32> =
        train_corpus.ids_in_use().chain(validation_corpus.ids_in_use()).collect();
    vocabulary.sort_unstable();
    vocabulary.dedup();
    train_corpus.renumber(&vocabulary);
    validation_corpus.renumber(&vocabulary);
    let head = head_spec(&config, spec.pooling);
    let trainable = match &spec.method {
        Method::Full => Trainable::Blocks,
        Method::HeadOnly => Trainable::Head,
        Method::Lora(lora) => Trainable::Adapters {
            rank: lora.rank,
            scale: lora.alpha / lora.rank as f32,
            targets: lora.target_modules.clone(),
        },
    };
    let blueprint = Blueprint {
        config: &config,
        file: &file,
        head: &head,
        labels: labels.len(),
        trainable,
        vocabulary: &vocabulary,
        seed: spec.seed,
    };
    let network = blueprint.build()?;
    let identity = identity(spec, &network, train, validation, labels);
    Ok(Prepared {
        config,
        head,
        network,
        train: train_corpus,
        validation: validation_corpus,
        identity,
    })
}

fn identity(
    spec: &EncoderSpec,
    network: &Network,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
) -> RunIdentity {
    let mut weights = DigestBuilder::default();
    let mut bytes = Vec::with_capacity(1 << 16);
    for part in [&network.weights.frozen, &network.weights.trainable] {
        for chunk in part.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(|it| it.to_le_bytes()));
            weights.update(&bytes);
        }
    }
    let mut data = DigestBuilder::default();
    for label in labels.as_slice() {
        data.update(label.as_str());
        data.update([0]);
    }
    for part in [train, validation] {
        for example in part {
            data.update((example.text.len() as u64).to_le_bytes());
            data.update(&example.text);
            data.update((example.labels.len() as u64).to_le_bytes());
            example.labels.iter().for_each(|it| data.update(it.to_le_bytes()));
        }
        data.update([1; 8]);
    }
    // How often state is saved changes nothing about the weights.
    let comparable = EncoderSpec { checkpoint_interval_steps: 1, ..spec.clone() };
    let json = serde_json::to_string(&comparable).expect("a specification is plain data");
    RunIdentity { specification: Digest::of(json), base: weights.finish(), data: data.finish() }
}

//! A tiny base and a tiny task that every test shares.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use freehold_training::{
    EncoderSpec, HeadStart, LoraSpec, Method, TrainedEncoder, TrainingError, TrainingEvent,
    train_encoder,
};
use freehold_vocabulary::{Label, LabelSet, LabelledText, Random, Seed};

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub fn labels(names: &[&str]) -> LabelSet {
    LabelSet::new(names.iter().map(|it| Label::parse(it).unwrap()).collect()).unwrap()
}

/// Texts whose label is decided by one word, among words that say nothing.
pub fn examples(count: usize, seed: u64) -> Vec<LabelledText> {
    let telling = ["lost", "transfer", "pin"];
    let noise = ["where", "is", "my", "money", "the", "a", "new", "cash", "card"];
    let mut random = Random::new(Seed(seed));
    let example = |number: usize| {
        let label = number % telling.len();
        let mut words: Vec<&str> =
            (0..2 + random.below(7)).map(|_| noise[random.below(noise.len())]).collect();
        words.insert(random.below(words.len()), telling[label]);
        LabelledText { text: words.join(" "), labels: vec![label as u32] }
    };
    (0..count).map(example).collect()
}

pub fn spec(method: Method) -> EncoderSpec {
    EncoderSpec {
        encoder_learning_rate: Some(3e-3),
        head_learning_rate: 1e-2,
        head_start: Some(HeadStart::Random),
        method,
        epochs: 3,
        batch_texts: 8,
        checkpoint_interval_steps: 5,
        ..EncoderSpec::default()
    }
}

pub fn lora() -> Method {
    Method::Lora(LoraSpec { rank: 4, alpha: 8.0, dropout: 0.1, ..LoraSpec::default() })
}

pub struct Task {
    pub base: PathBuf,
    pub train: Vec<LabelledText>,
    pub validation: Vec<LabelledText>,
    pub labels: LabelSet,
    pub threads: usize,
}

/// A base for each form of block.
pub const FORMS: [&str; 2] = ["bert", "modernbert"];

impl Task {
    pub fn tiny() -> Self {
        Self::on("bert")
    }

    pub fn on(base: &str) -> Self {
        Self {
            base: golden(base),
            train: examples(120, 1),
            validation: examples(48, 2),
            labels: labels(&["lost card", "transfer", "pin"]),
            threads: 1,
        }
    }

    pub fn run(&self, spec: &EncoderSpec, dir: &Path) -> Result<TrainedEncoder, TrainingError> {
        self.watched(spec, dir, &mut |_| {})
    }

    pub fn watched(
        &self,
        spec: &EncoderSpec,
        dir: &Path,
        events: &mut dyn FnMut(TrainingEvent),
    ) -> Result<TrainedEncoder, TrainingError> {
        let threads = NonZeroUsize::new(self.threads).unwrap();
        train_encoder(
            spec,
            &self.base,
            &self.train,
            &self.validation,
            &self.labels,
            dir,
            threads,
            events,
        )
    }

    pub fn weights(&self, spec: &EncoderSpec) -> Vec<u32> {
        let dir = tempfile::tempdir().unwrap();
        bits(&self.run(spec, dir.path()).unwrap())
    }
}

pub fn bits(model: &TrainedEncoder) -> Vec<u32> {
    model.network.weights.trainable.iter().map(|it| it.to_bits()).collect()
}

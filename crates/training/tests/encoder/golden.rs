//! The same steps from the same start as torch and PEFT (see `golden/make.py`).

use std::path::Path;

use freehold_models::weights::Weights;
use freehold_models::{EncoderConfig, HeadSpec, Pooling, TextTokenizer};
use freehold_training::export::stock_name;
use freehold_training::kernels::matrix::Store;
use freehold_training::network::batch::{self, Offset, Sequence};
use freehold_training::network::build::{Blueprint, TargetModule, Trainable};
use freehold_training::network::gradients::Plan;
use freehold_training::network::{Dropout, Keep, Network, loss};
use freehold_training::optimiser::{AdamW, Group, Moments, norm};
use freehold_training::{EncoderSpec, LoraSpec, Method, TrainedEncoder};
use freehold_vocabulary::{LabelMode, Seed};

use crate::fixture;

#[derive(serde::Deserialize)]
struct Record {
    lora: Steps,
    full: Steps,
    texts: Vec<String>,
    classes: Vec<usize>,
}

#[derive(serde::Deserialize)]
struct Steps {
    losses: Vec<f64>,
    norms: Vec<f64>,
    logits: Vec<Vec<f64>>,
}

struct Golden {
    config: EncoderConfig,
    record: Record,
    ids: Vec<Vec<u32>>,
    network: Network,
}

fn open(name: &str, trainable: Trainable) -> Golden {
    let dir = fixture::golden(name);
    let config = EncoderConfig::open(&dir).unwrap();
    let record: Record =
        serde_json::from_slice(&std::fs::read(dir.join("record.json")).unwrap()).unwrap();
    let tokenizer = TextTokenizer::open(&dir).unwrap();
    let ids = record.texts.iter().map(|it| tokenizer.encode(it, 20).unwrap()).collect();
    let file = Weights::open(&dir).unwrap();
    let vocabulary: Vec<u32> = (0..config.vocab_size as u32).collect();
    let head = HeadSpec::stock(&config);
    let blueprint = Blueprint {
        config: &config,
        file: &file,
        head: &head,
        labels: 3,
        trainable,
        vocabulary: &vocabulary,
        seed: Seed(0),
    };
    let network = blueprint.build().unwrap();
    Golden { config, record, ids, network }
}

impl Golden {
    /// Puts the values of a file in the place of the fresh ones.
    fn start_from(&mut self, file: &Path) {
        let file = Weights::open_file(file).unwrap();
        for named in self.network.names.clone().iter().filter(|it| it.span.is_trainable()) {
            let values = file
                .tensor(&stock_name(self.config.architecture, &named.name), &named.shape)
                .unwrap();
            self.network.weights.get_mut(named.span).copy_from_slice(&values);
        }
    }

    fn check_steps(&mut self, expected: &Steps) {
        let len = self.network.weights.trainable.len();
        let names = self.network.names.iter().filter(|it| it.span.is_trainable());
        let groups: Vec<Group> = names
            .map(|it| Group {
                start: it.span.start,
                end: it.span.start + it.span.len,
                is_head: false,
                decays: it.shape.len() > 1,
            })
            .collect();
        let (plan, mut moments, mut gradients) =
            (Plan::new(&self.network), Moments::zero(len), vec![0.0; len]);
        let (mut shards, dropout) = (Vec::new(), Dropout::default());
        let target = |class: usize| (0..3).map(|it| f32::from(u8::from(it == class))).collect();
        let sequences: Vec<Sequence<'_>> = self
            .ids
            .iter()
            .zip(&self.record.classes)
            .map(|(ids, class)| Sequence { ids, target: target(*class), weight: 1.0 })
            .collect();
        for step in 0..=expected.losses.len() {
            let count = batch::pack(&sequences, Offset::default(), &mut shards);
            assert_eq!(count, 1);
            self.network.forward(&mut shards[0], &dropout, Keep::Everything);
            if step == expected.losses.len() {
                break;
            }
            let loss = loss::apply(LabelMode::Single, 3, 8.0, &mut shards[0]);
            assert!(
                (loss - expected.losses[step]).abs() < 2e-5,
                "step {step}: loss {loss}, torch {}",
                expected.losses[step]
            );
            self.network.backward(&mut shards[0], &dropout);
            plan.collect(&self.network, &shards[..1], &dropout, Store::Replace, &mut gradients);
            let size = norm(&gradients);
            assert!(
                (size / expected.norms[step] - 1.0).abs() < 2e-5,
                "step {step}: norm {size}, torch {}",
                expected.norms[step]
            );
            let scale = (0.5 / (size + 1e-6)).min(1.0) as f32;
            let adam = AdamW::default();
            adam.step(
                &groups,
                step as u64 + 1,
                (1e-2, 0.0),
                scale,
                &mut self.network.weights.trainable,
                &gradients,
                &mut moments,
            );
        }
        let logits = &shards[0].logits[..24];
        for (logit, expected) in logits.iter().zip(expected.logits.iter().flatten()) {
            assert!((f64::from(*logit) - expected).abs() < 1e-4, "{logits:?} {:?}", expected);
        }
    }

    /// The trained tensors, except key biases: their true gradient is zero, so both libraries
    /// move them by the sign of rounding errors, and they change no output.
    fn check_tensors(&self, file: &Path) {
        let file = Weights::open_file(file).unwrap();
        let mut names: Vec<String> = file.names().map(str::to_owned).collect();
        for named in self.network.names.iter().filter(|it| it.span.is_trainable()) {
            let values = file.tensor(&named.name, &named.shape).unwrap();
            names.retain(|it| *it != named.name);
            let differs = |(a, b): (&f32, &f32)| (a - b).abs() > 2e-4;
            let is_key_bias =
                named.name.ends_with("key.bias") || named.name.ends_with("k_lin.bias");
            let wrong = values.iter().zip(self.network.weights.get(named.span)).any(differs);
            assert!(is_key_bias || !wrong, "{}", named.name);
        }
        assert!(names.is_empty(), "in the golden file only: {names:?}");
    }
}

fn check(name: &str, targets: &[TargetModule]) {
    let dir = fixture::golden(name);
    let adapters =
        Trainable::Adapters { rank: 3, scale: 2.0, targets: targets.iter().copied().collect() };
    let mut golden = open(name, adapters);
    golden.start_from(&dir.join("before/adapter_model.safetensors"));
    let record = open(name, Trainable::Head).record;
    golden.check_steps(&record.lora);
    golden.check_tensors(&dir.join("after/adapter_model.safetensors"));
    check_export(golden, targets, &dir);
    let mut golden = open(name, Trainable::Blocks);
    golden.start_from(&dir.join("model.safetensors"));
    golden.check_steps(&record.full);
    golden.check_tensors(&dir.join("full.safetensors"));
}

/// The PEFT directory has the tensors, names and settings of PEFT's own.
fn check_export(golden: Golden, targets: &[TargetModule], dir: &Path) {
    let lora = LoraSpec {
        rank: 3,
        alpha: 6.0,
        dropout: 0.0,
        target_modules: targets.iter().copied().collect(),
    };
    let model = TrainedEncoder {
        head: HeadSpec::stock(&golden.config),
        spec: EncoderSpec {
            method: Method::Lora(lora),
            pooling: Pooling::Cls,
            ..EncoderSpec::default()
        },
        network: golden.network,
        labels: fixture::labels(&["a", "b", "c"]),
        config: golden.config,
        base: dir.to_owned(),
        history: Vec::new(),
        best: None,
        best_epoch: 0,
    };
    let out = tempfile::tempdir().unwrap();
    model.write_adapter(out.path(), "base").unwrap();
    let names = |dir: &Path| {
        let bytes = std::fs::read(dir.join("adapter_model.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut names: Vec<_> =
            file.tensors().iter().map(|(name, it)| (name.clone(), it.shape().to_vec())).collect();
        names.sort();
        names
    };
    assert_eq!(names(out.path()), names(&dir.join("after")));
    let config = |dir: &Path| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(dir.join("adapter_config.json")).unwrap()).unwrap()
    };
    let (ours, theirs) = (config(out.path()), config(&dir.join("after")));
    let own = ["base_model_name_or_path", "target_modules", "modules_to_save", "init_lora_weights"];
    for (key, value) in ours.as_object().unwrap().iter().filter(|it| !own.contains(&it.0.as_str()))
    {
        let theirs = &theirs[key];
        let same = value == theirs || (value.is_number() && value.as_f64() == theirs.as_f64());
        assert!(same || theirs.is_null(), "{key}: {value}, PEFT {theirs}");
    }
    let sorted = |it: &serde_json::Value| {
        let mut all: Vec<String> = it["modules_to_save"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect();
        all.sort();
        all.dedup();
        all
    };
    assert!(sorted(&ours).iter().all(|it| sorted(&theirs).contains(it)), "{ours}");
}

#[test]
fn bert_is_trained_as_torch_trains_it() {
    check("bert", &TargetModule::ALL);
}

#[test]
fn distilbert_is_trained_as_torch_trains_it() {
    check("distilbert", &[TargetModule::Query, TargetModule::Value]);
}

#[test]
fn roberta_is_trained_as_torch_trains_it() {
    use TargetModule::{FeedForwardUp, Key, Query, Value};
    check("roberta", &[Query, Key, Value, FeedForwardUp]);
}

#[test]
fn modernbert_is_trained_as_torch_trains_it() {
    check("modernbert", &TargetModule::ALL);
}

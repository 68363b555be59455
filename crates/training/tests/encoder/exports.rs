//! What a run writes is what this workspace and Python's libraries read.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_models::{
    Checkpoint, EncoderBase, EncoderClassifier, EncoderConfig, EncoderOptions, HeadSpec, Pooling,
};
use freehold_training::{EncoderSpec, Method, TrainedEncoder};
use freehold_vocabulary::LabelMode;
use freehold_vocabulary::ports::Classifier;
use serde_json::Value;

use crate::fixture::{FORMS, Task, golden, lora, spec};

/// A directory with a run and its exports.
struct Exported {
    dir: tempfile::TempDir,
    task: Task,
    model: TrainedEncoder,
}

fn export(base: &str, spec: &EncoderSpec) -> Exported {
    let (dir, task) = (tempfile::tempdir().unwrap(), Task::on(base));
    let model = task.run(spec, &dir.path().join("run")).unwrap();
    if matches!(spec.method, Method::Lora(_)) {
        model.write_adapter(&dir.path().join("adapter"), "tiny").unwrap();
    }
    model.write_merged(&dir.path().join("merged")).unwrap();
    Exported { dir, task, model }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The adapter directory and the merged directory are the same model to the serving crate.
#[test]
fn exports_give_the_same_weights_to_the_reader() {
    for base in FORMS {
        let it = export(base, &EncoderSpec { pooling: Pooling::Cls, ..spec(lora()) });
        let (adapter, merged) = (it.dir.path().join("adapter"), it.dir.path().join("merged"));
        let adapted = Checkpoint::open(&adapter, Some(&it.task.base)).unwrap();
        let whole = Checkpoint::open(&merged, None).unwrap();
        for named in it.model.network.names.iter().filter(|it| !it.name.contains("lora_")) {
            let tensor = |from: &Checkpoint| from.tensor(&named.name, &named.shape).unwrap();
            let (a, b) = (tensor(&adapted), tensor(&whole));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5), "{}", named.name);
        }
        let config = EncoderConfig::open(&merged).unwrap();
        assert_eq!(config, EncoderConfig { pooling: Pooling::Cls, ..it.model.config.clone() });
    }
}

#[test]
fn a_run_without_adapters_has_no_peft_directory() {
    let it = export("bert", &spec(Method::Full));
    let error = it.model.write_adapter(&it.dir.path().join("adapter"), "tiny").unwrap_err();
    assert!(error.to_string().contains("write the merged model"), "{error}");
}

/// Serving cuts texts as training did and computes what training computed.
#[test]
fn serving_gives_the_logits_of_training() {
    for (base, method, pooling) in [
        ("bert", lora(), Pooling::Mean),
        ("bert", Method::Full, Pooling::Cls),
        ("modernbert", lora(), Pooling::Cls),
        ("modernbert", Method::Full, Pooling::Mean),
    ] {
        let it = export(base, &EncoderSpec { pooling, tokens_max: 9, ..spec(method.clone()) });
        let mut examples = it.task.validation[..6].to_vec();
        examples[0].text = "my card is lost ".repeat(9);
        let texts: Vec<&str> = examples.iter().map(|it| it.text.as_str()).collect();
        let expected = it.model.logits(&examples).unwrap();
        let (mode, options) = (LabelMode::Single, EncoderOptions::default());
        let (base_dir, labels) = (&it.task.base, || it.task.labels.clone());
        let open =
            |dir: &Path| EncoderClassifier::open(dir, Some(base_dir), labels(), mode, options);
        let mut models = vec![("merged", open(&it.dir.path().join("merged")).unwrap())];
        let adapter = it.dir.path().join("adapter");
        if adapter.exists() {
            models.push(("adapter", open(&adapter).unwrap()));
            let shared = EncoderBase::open(base_dir, options).unwrap();
            models.push(("shared base", shared.classifier(&adapter, labels(), mode).unwrap()));
        }
        for (name, served) in models {
            let scored = served.classify(&texts).unwrap();
            assert_eq!(scored[0].tokens, 9, "{base} {name}: cut as in training");
            let found = scored.iter().flat_map(|it| &it.logits);
            let worst = found.zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{base} {method:?} {pooling:?} {name}: {worst}");
        }
    }
}

fn tensors(path: &Path) -> BTreeMap<String, Vec<usize>> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.tensors().into_iter().map(|(name, it)| (name, it.shape().to_vec())).collect()
}

/// Against what sentence-transformers writes for the same modules (see `golden/make.py`).
#[test]
fn a_mean_without_a_stock_head_is_written_for_sentence_transformers() {
    let it = export("bert", &EncoderSpec { pooling: Pooling::Mean, ..spec(lora()) });
    let (ours, theirs) = (it.dir.path().join("merged"), golden("sentence"));
    let modules = |dir: &Path| -> Vec<(Value, Value, String)> {
        let modules = json(&dir.join("modules.json"));
        let module = |it: &Value| {
            let class = it["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            (it["idx"].clone(), it["path"].clone(), class)
        };
        modules.as_array().unwrap().iter().map(module).collect()
    };
    assert_eq!(modules(&ours), modules(&theirs));
    let dense = |dir: &Path| json(&dir.join("2_Dense/config.json"));
    for (key, value) in dense(&ours).as_object().unwrap() {
        assert_eq!(*value, dense(&theirs)[key], "{key}");
    }
    let weights = |dir: &Path| tensors(&dir.join("2_Dense/model.safetensors"));
    assert_eq!(weights(&ours), weights(&theirs));
    let pooling = json(&ours.join("1_Pooling/config.json"));
    assert_eq!(pooling["pooling_mode_mean_tokens"], true);
    assert_eq!(
        pooling["word_embedding_dimension"],
        json(&theirs.join("1_Pooling/config.json"))["embedding_dimension"]
    );
    assert_eq!(json(&ours.join("sentence_bert_config.json"))["max_seq_length"], 20);
    assert_eq!(json(&ours.join("config.json"))["architectures"][0], "BertModel");
    assert!(ours.join(HeadSpec::FILE_NAME).exists());
}

#[test]
fn a_stock_head_needs_nothing_beside_the_stock_class() {
    for (base, pooling, class) in [
        ("bert", Pooling::Cls, "BertForSequenceClassification"),
        ("modernbert", Pooling::Cls, "ModernBertForSequenceClassification"),
        ("modernbert", Pooling::Mean, "ModernBertForSequenceClassification"),
    ] {
        let it = export(base, &EncoderSpec { pooling, epochs: 1, ..spec(Method::Full) });
        let merged = it.dir.path().join("merged");
        let config = json(&merged.join("config.json"));
        assert_eq!(config["architectures"][0], class);
        assert!(base == "bert" || config["classifier_pooling"] == serde_json::json!(pooling));
        for absent in ["modules.json", HeadSpec::FILE_NAME] {
            assert!(!merged.join(absent).exists(), "{base} {pooling:?}: {absent}");
        }
    }
}

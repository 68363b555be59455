use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

use super::*;
use crate::testing::Folder;

const CONFIG: &str =
    r#"{"peft_type":"LORA","r":1,"lora_alpha":4,"bias":"none","target_modules":["q"]}"#;

fn write(path: &Path, tensors: &[(&str, &[usize], &[f32])]) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    serialize_to_file(views.collect::<HashMap<_, _>>(), None, path).unwrap();
}

/// A base of one 2×3 matrix and an adapter of rank 1 over it.
fn example(config: &str, up: &[f32]) -> (Folder, Folder) {
    let (base, version) = (Folder::new(), Folder::new());
    let weight = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    write(&base.path("model.safetensors"), &[("bert.layer.q.weight", &[2, 3], &weight)]);
    std::fs::write(version.path(Adapter::CONFIG_FILE), config).unwrap();
    let tensors = [
        ("base_model.model.bert.layer.q.lora_A.weight", &[1, 3][..], &[1.0, 2.0, 3.0][..]),
        ("base_model.model.bert.layer.q.lora_B.weight", &[up.len(), 1], up),
        ("base_model.model.classifier.weight", &[1, 2], &[7.0, 8.0]),
    ];
    write(&version.path(Adapter::WEIGHTS_FILE), &tensors);
    (base, version)
}

#[track_caller]
fn check(config: &str, expected: [f32; 6]) {
    let (base, version) = example(config, &[1.0, -1.0]);
    let checkpoint = Checkpoint::open(version.root(), Some(base.root())).unwrap();
    assert_eq!(checkpoint.tensor("layer.q.weight", &[2, 3]).unwrap(), expected);
    assert_eq!(checkpoint.tensor("classifier.weight", &[1, 2]).unwrap(), [7.0, 8.0]);
}

#[test]
fn the_change_is_alpha_over_rank_times_b_a() {
    check(CONFIG, [5.0, 8.0, 12.0, -4.0, -7.0, -12.0]);
}

#[test]
fn a_module_may_have_its_own_alpha() {
    let own = CONFIG.replace("\"bias\"", "\"alpha_pattern\":{\"q\":1.0},\"bias\"");
    check(&own, [2.0, 2.0, 3.0, -1.0, -1.0, -3.0]);
}

#[track_caller]
fn refused(config: &str, up: &[f32], words: &[&str]) {
    let (base, version) = example(config, up);
    let message = Checkpoint::open(version.root(), Some(base.root())).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

#[test]
fn what_is_not_built_or_does_not_fit_is_refused() {
    refused(&CONFIG.replace("LORA", "IA3"), &[1.0, 1.0], &["IA3"]);
    refused(&CONFIG.replace("\"bias\"", "\"use_dora\":true,\"bias\""), &[1.0, 1.0], &["use_dora"]);
    refused(&CONFIG.replace("\"none\"", "\"all\""), &[1.0, 1.0], &["bias"]);
    refused(CONFIG, &[1.0, 1.0, 1.0], &["layer.q.weight", "[2, 3]", "[3, 3]"]);
    refused("{", &[1.0, 1.0], &["adapter_config.json"]);
}

#[test]
fn an_adapter_needs_its_base() {
    let (_base, version) = example(CONFIG, &[1.0, 1.0]);
    let message = Checkpoint::open(version.root(), None).unwrap_err().to_string();
    assert!(message.contains("base"), "{message}");
}

use std::collections::HashMap;

use safetensors::tensor::{TensorView, serialize_to_file};

use super::*;
use crate::testing::Folder;

fn write(path: &Path, tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap())
    });
    serialize_to_file(views.collect::<HashMap<_, _>>(), None, path).unwrap();
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn every_float_type_and_spelling_is_read() {
    let folder = Folder::new();
    let half: Vec<u8> =
        [1.5f32, -2.0].iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
    let brain: Vec<u8> =
        [0.5f32, -4.0].iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect();
    let tensors = [
        ("bert.encoder.a.weight", Dtype::F32, &[2, 2][..], f32s(&[1.0, 2.0, 3.0, 4.0])),
        ("b.LayerNorm.gamma", Dtype::F16, &[2], half),
        ("base_model.model.classifier.modules_to_save.bias", Dtype::BF16, &[2], brain),
    ];
    write(&folder.path("model.safetensors"), &tensors);
    let weights = Arc::new(Weights::open(folder.root()).unwrap());
    assert_eq!(weights.tensor("encoder.a.weight", &[2, 2]).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(weights.tensor("b.LayerNorm.weight", &[2]).unwrap(), [1.5, -2.0]);
    assert_eq!(weights.tensor("classifier.bias", &[2]).unwrap(), [0.5, -4.0]);
    let mut row = [0.0; 2];
    weights.rows("roberta.encoder.a.weight", 2).unwrap().read(1, &mut row);
    assert_eq!(row, [3.0, 4.0]);
}

#[test]
fn errors_name_tensor_shapes_and_file() {
    let folder = Folder::new();
    let path = folder.path("model.safetensors");
    write(
        &path,
        &[("a", Dtype::F32, &[2], f32s(&[1.0, f32::NAN])), ("i", Dtype::I64, &[1], vec![0; 8])],
    );
    let weights = Weights::open(folder.root()).unwrap();
    let file = path.display().to_string();
    let check = |error: ModelError, words: &[&str]| {
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "{message:?} lacks {word:?}");
        }
    };
    check(weights.tensor("x.weight", &[1]).unwrap_err(), &["x.weight", "missing", &file]);
    check(weights.tensor("a", &[3]).unwrap_err(), &["`a`", "[2]", "[3]", &file]);
    check(weights.tensor("a", &[2]).unwrap_err(), &["`a`", "finite", &file]);
    check(weights.tensor("i", &[1]).unwrap_err(), &["`i`", "I64", "convert"]);
}

#[test]
fn shards_are_found_through_their_index_and_stay_in_their_folder() {
    let folder = Folder::new();
    write(&folder.path("one.safetensors"), &[("a", Dtype::F32, &[1], f32s(&[1.0]))]);
    write(&folder.path("two.safetensors"), &[("b", Dtype::F32, &[1], f32s(&[2.0]))]);
    let index = folder.path("model.safetensors.index.json");
    std::fs::write(&index, r#"{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#)
        .unwrap();
    let weights = Weights::open(folder.root()).unwrap();
    assert_eq!(weights.tensor("b", &[1]).unwrap(), [2.0]);
    std::fs::write(&index, r#"{"weight_map":{"a":"../one.safetensors"}}"#).unwrap();
    assert!(Weights::open(folder.root()).unwrap_err().to_string().contains("plain file name"));
}

#[test]
fn a_cut_or_foreign_file_is_refused() {
    let folder = Folder::new();
    let path = folder.path("model.safetensors");
    assert!(matches!(Weights::open(folder.root()), Err(ModelError::Unreadable { .. })));
    write(&path, &[("a", Dtype::F32, &[4], f32s(&[1.0; 4]))]);
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 3, 8, 20, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Weights::open(folder.root()).is_err(), "{length} of {} bytes", whole.len());
    }
    std::fs::write(&path, [0xff; 64]).unwrap();
    assert!(Weights::open(folder.root()).is_err());
}

//! What a Hugging Face model directory must hold, and which of its files make the model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::{ArtifactError, FileName, disk};

/// The `model_type`s that the encoders of Freehold can run.
pub const ARCHITECTURES: &[&str] = &["bert", "distilbert", "modernbert", "roberta", "xlm-roberta"];

/// Largest configuration or tokenizer file, in bytes.
const JSON_BYTES_MAX: u64 = 64 << 20;
/// Largest header of a safetensors file; the format's own limit.
const HEADER_BYTES_MAX: u64 = 100_000_000;

/// Files beside the weights that change what a model computes, or under which terms.
const SMALL_FILES: &[&str] = &[
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
    "added_tokens.json",
    "config.json",
    "config_sentence_transformers.json",
    "merges.txt",
    "model.safetensors.index.json",
    "modules.json",
    "sentence_bert_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
];

/// Whether a file, named relative to its model directory, is part of the model. Pickles, code and
/// copies in other formats are not.
pub(super) fn is_wanted(name: &str) -> bool {
    match name.split_once('/') {
        None => SMALL_FILES.contains(&name) || is_weights(name),
        // The modules of sentence-transformers: `1_Pooling/config.json`, `2_Dense/…`.
        Some((folder, file)) => {
            let module = folder.split_once('_').is_some_and(|(number, _)| {
                !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            });
            module && (file == "config.json" || is_weights(file))
        }
    }
}

/// `model.safetensors` or one of its shards, `model-00001-of-00002.safetensors`.
fn is_weights(name: &str) -> bool {
    name.strip_suffix(".safetensors")
        .is_some_and(|stem| stem == "model" || stem.starts_with("model-"))
        && !name.contains('/')
}

/// The files of a folder that are part of the model, in the order of their names.
pub(super) fn wanted_files(folder: &Path) -> Result<Vec<FileName>, ArtifactError> {
    let failed = ArtifactError::at;
    let mut found = Vec::new();
    let mut list = |inner: &Path, prefix: &str| -> Result<Vec<String>, ArtifactError> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(inner).map_err(failed(inner))? {
            let entry = entry.map_err(failed(inner))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(name);
            } else if is_wanted(&name) {
                found.push(FileName::parse(&name)?);
            }
        }
        Ok(folders)
    };
    for inner in list(folder, "")? {
        list(&folder.join(&inner), &format!("{inner}/"))?;
    }
    found.sort();
    Ok(found)
}

/// Checks that a model can be made of these files, without loading it; returns what is worth
/// knowing about it. `from` is what messages call the source.
pub(super) fn check(
    folder: &Path,
    files: &[FileName],
    from: &str,
) -> Result<serde_json::Value, ArtifactError> {
    let names: BTreeSet<&str> = files.iter().map(FileName::as_str).collect();
    for needed in ["config.json", "tokenizer.json"] {
        if !names.contains(needed) {
            let why = format!("`{needed}` is missing; a base is a Hugging Face model directory");
            return Err(refused(from, why));
        }
    }
    let config: ModelConfig = parse(&folder.join("config.json"), from)?;
    check_architecture(&config, from)?;
    let _: serde_json::Map<String, serde_json::Value> =
        parse(&folder.join("tokenizer.json"), from)?;
    let index = folder.join("model.safetensors.index.json");
    if names.contains("model.safetensors.index.json") {
        let shards: ShardIndex = parse(&index, from)?;
        let lost = shards.weight_map.values().find(|shard| !names.contains(shard.as_str()));
        if let Some(lost) = lost {
            return Err(refused(from, format!("shard `{lost}` of the weights is missing")));
        }
    } else if !names.contains("model.safetensors") {
        let why = "it has no `model.safetensors`; convert the weights (pickles such as `pytorch_model.bin` can run code and are not read)";
        return Err(refused(from, why));
    }
    for name in names.iter().filter(|name| name.ends_with(".safetensors")) {
        check_safetensors(&folder.join(name))
            .map_err(|why| refused(from, format!("`{name}` is not whole: {why}")))?;
    }
    Ok(serde_json::json!({ "format": "hf-directory", "model_type": config.model_type }))
}

#[derive(Debug, Deserialize)]
struct ModelConfig {
    model_type: String,
}

#[derive(Debug, Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

fn check_architecture(config: &ModelConfig, from: &str) -> Result<(), ArtifactError> {
    if ARCHITECTURES.contains(&config.model_type.as_str()) {
        return Ok(());
    }
    let why = format!(
        "architecture `{}` is not supported; choose a base of one of {}",
        config.model_type,
        ARCHITECTURES.join(", ")
    );
    Err(refused(from, why))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, from: &str) -> Result<T, ArtifactError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = match disk::read_small(path, JSON_BYTES_MAX) {
        Err(ArtifactError::Damaged { why, .. }) => {
            return Err(refused(from, format!("`{name}`: {why}")));
        }
        outcome => outcome?.unwrap_or_default(),
    };
    serde_json::from_slice(&bytes).map_err(|error| refused(from, format!("`{name}`: {error}")))
}

/// Checks that header and length agree (huggingface.co/docs/safetensors, "Format"): 8 bytes with
/// the length of the header, the header, and exactly as many bytes as the tensors need.
fn check_safetensors(path: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut file = File::open(path).map_err(text)?;
    let bytes = file.metadata().map_err(text)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| "it ends before its header".to_owned())?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_BYTES_MAX {
        return Err(format!("its header claims {length} bytes"));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(text)?;
    if header.len() as u64 != length {
        return Err("it ends inside its header".to_owned());
    }
    let header: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&header).map_err(|error| format!("its header: {error}"))?;
    let mut end = 0;
    for (tensor, value) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let offsets = value.get("data_offsets").and_then(|it| it.get(1));
        let offset = offsets.and_then(serde_json::Value::as_u64);
        end = end.max(offset.ok_or_else(|| format!("tensor `{tensor}` has no offsets"))?);
    }
    let expected = end.saturating_add(8 + length);
    if bytes == expected {
        Ok(())
    } else {
        Err(format!("it has {bytes} bytes, its header promises {expected}"))
    }
}

fn refused(from: &str, why: impl ToString) -> ArtifactError {
    ArtifactError::refused(format!("base `{from}`"), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_the_model_is_wanted() {
        for name in [
            "config.json",
            "model.safetensors",
            "model-00001-of-00002.safetensors",
            "1_Pooling/config.json",
            "2_Dense/model.safetensors",
            "vocab.txt",
        ] {
            assert!(is_wanted(name), "{name}");
        }
        for name in [
            "pytorch_model.bin",
            "modeling_custom.py",
            "README.md",
            ".gitattributes",
            "onnx/model.onnx",
            "openvino/config.json",
            "a/model.safetensors",
            "1_Pooling/x/config.json",
            "adapter.safetensors",
            "../config.json",
        ] {
            assert!(!is_wanted(name), "{name}");
        }
    }
}

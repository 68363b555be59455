//! Model versions are valid CNCF ModelPack.

use freehold_artifacts::model_pack::ModelFacts;
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Digest, ModelFamily};
use serde_json::{Map, Value};

use crate::{file, model_version, new_store, put_version};

fn document(store: &freehold_artifacts::Store, digest: &Digest) -> Value {
    let path = store.root().join("blobs/sha256").join(digest.hex());
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The keys of an object, all of which must be allowed, and all required of which must be there.
fn keys<'a>(value: &'a Value, required: &[&str], allowed: &[&str]) -> &'a Map<String, Value> {
    let object = value.as_object().unwrap();
    for key in object.keys() {
        assert!(allowed.contains(&key.as_str()) || required.contains(&key.as_str()), "{key}");
    }
    for key in required {
        assert!(object.contains_key(*key), "{key}");
    }
    object
}

/// The rules of the model-spec's `config-schema.json`.
fn check_config(config: &Value) {
    keys(config, &["descriptor", "config", "modelfs"], &[]);
    let strings = ["family", "name", "docURL", "sourceURL", "version", "revision", "vendor"];
    let lists = ["authors", "datasetsURL", "licenses"];
    let more = ["createdAt", "title", "description"];
    let allowed = [&strings[..], &lists, &more].concat();
    for (key, value) in keys(&config["descriptor"], &[], &allowed) {
        assert_eq!(value.is_array(), lists.contains(&key.as_str()), "{key}");
        assert_ne!(value, "", "{key}");
    }
    let created_at = config["descriptor"]["createdAt"].as_str().unwrap();
    assert!(freehold_vocabulary::Timestamp::parse(created_at).is_ok());
    let model = ["architecture", "format", "paramSize", "precision", "quantization"];
    let allowed = [&model[..], &["transformerConfig", "capabilities"]].concat();
    keys(&config["config"], &[], &allowed);
    let modalities = ["text", "image", "audio", "video", "embedding", "other"];
    let allowed = ["inputTypes", "outputTypes", "knowledgeCutoff", "languages"];
    for (_, value) in keys(&config["config"]["capabilities"], &[], &allowed) {
        let words = value.as_array().unwrap();
        assert!(words.iter().all(|it| modalities.contains(&it.as_str().unwrap())), "{words:?}");
    }
    keys(&config["modelfs"], &["type", "diffIds"], &[]);
    assert_eq!(config["modelfs"]["type"], "layers");
    assert!(!config["modelfs"]["diffIds"].as_array().unwrap().is_empty());
}

#[test]
fn manifest_and_config_follow_the_specification() {
    let (_folder, store) = new_store();
    let digest = put_version(&store, &model_version(&Digest::of("d"), &Digest::of("r")));
    let manifest = document(&store, &digest);
    assert_eq!(manifest["artifactType"], "application/vnd.cncf.model.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.model.config.v1+json");
    let layers = manifest["layers"].as_array().unwrap();
    let found: Vec<(&str, &str)> = layers
        .iter()
        .map(|layer| {
            let path = layer["annotations"]["org.cncf.model.filepath"].as_str().unwrap();
            (path, layer["mediaType"].as_str().unwrap())
        })
        .collect();
    let config_type = "application/vnd.cncf.model.weight.config.v1.raw";
    assert_eq!(
        found,
        [
            ("adapter_config.json", config_type),
            ("adapter_model.safetensors", "application/vnd.cncf.model.weight.v1.raw"),
            ("model_card.md", "application/vnd.cncf.model.doc.v1.raw"),
            ("model_version.json", config_type),
            ("tokenizer.json", config_type),
        ]
    );
    let config_digest = Digest::parse(manifest["config"]["digest"].as_str().unwrap()).unwrap();
    let config = document(&store, &config_digest);
    check_config(&config);
    assert_eq!(config["descriptor"]["name"], "tickets");
    assert_eq!(config["config"]["architecture"], "bert");
    let digests: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let diff_ids: Vec<&Value> = config["modelfs"]["diffIds"].as_array().unwrap().iter().collect();
    assert_eq!(diff_ids, digests);
}

#[test]
fn everything_that_may_be_said_is_said_validly() {
    let (_folder, store) = new_store();
    let mut version = model_version(&Digest::of("d"), &Digest::of("r"));
    version.family = ModelFamily::Micro;
    let facts = ModelFacts {
        architecture: Some("bert".into()),
        parameters: Some("22.7M".into()),
        precision: Some("float32".into()),
        licences: vec!["Apache-2.0".into()],
        authors: vec!["Ada".into()],
        description: Some("triage".into()),
    };
    let files = [file("micro.bin", "weights")];
    let digest = store.put_version(&version, &facts, &files, &Silent).unwrap();
    let artifact = store.get(&digest).unwrap();
    check_config(artifact.about());
    assert_eq!(artifact.about()["config"]["format"], "freehold-micro");
}

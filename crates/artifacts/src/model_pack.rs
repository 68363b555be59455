//! The config blob of a model version, as CNCF ModelPack defines it (`schema/config-schema.json`).
//!
//! The schema forbids fields of others, so what Freehold knows about a version travels as one more
//! file of the model ([`VERSION_FILE`]) that every ModelPack tool carries along.

use freehold_vocabulary::{Digest, ModelFamily, ModelVersion};
use serde::{Deserialize, Serialize};

/// The file of a model version that holds its `ModelVersion`.
pub const VERSION_FILE: &str = "model_version.json";

/// What a ModelPack config says beyond the `ModelVersion`; unknown things are left out.
#[derive(Debug, Clone, Default)]
pub struct ModelFacts {
    /// Such as `bert`.
    pub architecture: Option<String>,
    /// How many parameters, as people write it: `22.7M`.
    pub parameters: Option<String>,
    /// Such as `float32`.
    pub precision: Option<String>,
    /// SPDX expressions.
    pub licences: Vec<String>,
    pub authors: Vec<String>,
    pub description: Option<String>,
}

/// The whole document; all three parts are required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPackConfig {
    pub descriptor: ModelPackDescriptor,
    pub config: ModelPackModel,
    pub modelfs: ModelPackFiles,
}

/// What the model is called and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelPackDescriptor {
    /// RFC 3339.
    pub created_at: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    pub family: String,
    pub name: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}

/// What the model is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelPackModel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    pub format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param_size: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    pub capabilities: ModelPackCapabilities,
}

/// What goes in and comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelPackCapabilities {
    pub input_types: Vec<String>,
    pub output_types: Vec<String>,
}

/// The digests of the uncompressed layers, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelPackFiles {
    #[serde(rename = "type")]
    pub kind: String,
    pub diff_ids: Vec<Digest>,
}

impl ModelPackConfig {
    /// The config of a version whose layers, raw and in this order, have these digests.
    #[must_use]
    pub fn new(version: &ModelVersion, facts: &ModelFacts, layers: Vec<Digest>) -> Self {
        let (family, format) = match version.family {
            ModelFamily::Micro => ("micro", "freehold-micro"),
            ModelFamily::Encoder => ("encoder", "safetensors"),
        };
        Self {
            descriptor: ModelPackDescriptor {
                created_at: version.created_at.to_string(),
                authors: facts.authors.clone(),
                family: family.to_owned(),
                name: version.task.to_string(),
                title: format!("{} classifier for {}", family, version.task),
                description: facts.description.clone(),
                licenses: facts.licences.clone(),
            },
            config: ModelPackModel {
                architecture: facts.architecture.clone(),
                format: format.to_owned(),
                param_size: facts.parameters.clone(),
                precision: facts.precision.clone(),
                capabilities: ModelPackCapabilities {
                    input_types: vec!["text".to_owned()],
                    // Labels are none of the modalities that the schema knows.
                    output_types: vec!["other".to_owned()],
                },
            },
            modelfs: ModelPackFiles { kind: "layers".to_owned(), diff_ids: layers },
        }
    }
}

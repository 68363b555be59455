//! Whether something is harmful, as providers judge it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Part;

/// What is to be judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModerationRequest {
    /// The name by which the engine knows the model.
    pub model: String,
    /// Texts and images; the parts of one input are judged together.
    pub inputs: Vec<Vec<Part>>,
}

/// One result per input, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModerationAnswer {
    pub model: String,
    pub results: Vec<ModerationResult>,
}

/// What was found in one input, in the words of the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModerationResult {
    pub flagged: bool,
    pub categories: BTreeMap<String, bool>,
    pub scores: BTreeMap<String, f64>,
    /// Whether a category was found in a text or an image, where the model says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found_in: BTreeMap<String, Vec<String>>,
}

impl ModerationRequest {
    /// Every text that would leave with the request, for detectors and estimates.
    pub fn each_text<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.inputs.iter().flatten().for_each(|it| it.each_text(see));
    }
}

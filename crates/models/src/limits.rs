//! How much of a text a model version reads: `freehold_input.json` beside its weights.
//!
//! A model answers as it was trained only if it sees as many tokens as it was trained on, so the
//! limit travels with the version. Versions without the file read what their base allows.

use std::num::NonZeroUsize;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::read_limited;
use crate::error::ModelError;

/// The content of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputLimits {
    /// Longer texts are cut to so many tokens, special tokens included; none means what the base
    /// allows.
    pub tokens_max: Option<NonZeroUsize>,
}

impl InputLimits {
    /// The file beside the weights.
    pub const FILE_NAME: &str = "freehold_input.json";

    /// Reads the file in a version's directory; without it, no limits of the version's own.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join(Self::FILE_NAME);
        if !path.exists() {
            return Ok(Self::default());
        }
        serde_json::from_slice(&read_limited(&path, 1 << 16)?)
            .map_err(|error| ModelError::malformed(&path, "description of a model's input", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn limits_are_read_from_their_file_or_there_are_none() {
        let folder = Folder::new();
        assert_eq!(InputLimits::open(folder.root()).unwrap(), InputLimits::default());
        let write = |text: &str| std::fs::write(folder.path(InputLimits::FILE_NAME), text).unwrap();
        write(r#"{"tokens_max":64}"#);
        assert_eq!(InputLimits::open(folder.root()).unwrap().tokens_max, NonZeroUsize::new(64));
        for nonsense in [r#"{"tokens_max":0}"#, r#"{"tokens":9}"#, "64"] {
            write(nonsense);
            let message = InputLimits::open(folder.root()).unwrap_err().to_string();
            assert!(message.contains("freehold_input.json"), "{message}");
        }
    }
}

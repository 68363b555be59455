//! Files of artifacts: their names, what they are for, and where their bytes come from.

use std::fmt;
use std::path::PathBuf;

use freehold_vocabulary::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ArtifactError, media_type};

/// A relative path with `/`, safe to join to any folder on any system. Invariant: 1 to 255 bytes;
/// parts of letters, digits and `. _ - + @ =` that neither start with `.` nor end with one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// Checks.
    ///
    /// # Errors
    /// `Invalid` when the text breaks the invariant.
    pub fn parse(text: &str) -> Result<Self, ArtifactError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-+@=".contains(&b);
        let good_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(plain)
                && !part.starts_with('.')
                && !part.ends_with('.')
        };
        if (1..=255).contains(&text.len()) && text.split('/').all(good_part) {
            Ok(Self(text.to_owned()))
        } else {
            let shown: String = text.chars().take(80).collect();
            let why = "use a relative path of letters, digits and `. _ - + @ =`, at most 255 bytes, no part starting or ending with `.`";
            Err(ArtifactError::invalid(format!("file name {shown:?}"), why))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What a file is for; decides the media type of its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileRole {
    Weights,
    /// Says how to use the weights: configuration, tokenizer, calibration, thresholds.
    Config,
    /// For people.
    Document,
    /// Examples.
    Data,
}

impl FileRole {
    /// The role that a file of this name usually has.
    #[must_use]
    pub fn of(name: &FileName) -> Self {
        let lower = name.as_str().to_ascii_lowercase();
        let last = lower.rsplit('/').next().unwrap_or(&lower);
        let extension = last.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "safetensors" | "gguf" | "bin" => Self::Weights,
            "md" | "html" | "pdf" | "svg" => Self::Document,
            "parquet" | "jsonl" | "csv" => Self::Data,
            _ if last.starts_with("license") || last.starts_with("notice") => Self::Document,
            _ => Self::Config,
        }
    }

    /// The media type of its layer.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Weights => media_type::WEIGHT_RAW,
            Self::Config => media_type::WEIGHT_CONFIG_RAW,
            Self::Document => media_type::DOC_RAW,
            Self::Data => media_type::DATASET_RAW,
        }
    }

    /// The role of a media type.
    #[must_use]
    pub fn of_media_type(text: &str) -> Option<Self> {
        [Self::Weights, Self::Config, Self::Document, Self::Data]
            .into_iter()
            .find(|role| role.media_type() == text)
    }
}

/// Where the bytes of a new file are.
#[derive(Debug, Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    /// Read in pieces, so it may be larger than memory.
    File(PathBuf),
}

/// A file that is to become part of an artifact.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub name: FileName,
    pub role: FileRole,
    pub content: Content,
}

impl NewFile {
    /// A file in memory.
    ///
    /// # Errors
    /// `Invalid` when the name is not a [`FileName`].
    pub fn bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Self, ArtifactError> {
        Self::new(name, Content::Bytes(bytes.into()))
    }

    /// A file on disk.
    ///
    /// # Errors
    /// `Invalid` when the name is not a [`FileName`].
    pub fn path(name: &str, path: impl Into<PathBuf>) -> Result<Self, ArtifactError> {
        Self::new(name, Content::File(path.into()))
    }

    fn new(name: &str, content: Content) -> Result<Self, ArtifactError> {
        let name = FileName::parse(name)?;
        let role = FileRole::of(&name);
        Ok(Self { name, role, content })
    }
}

/// A file of a stored artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    pub name: FileName,
    pub role: FileRole,
    pub digest: Digest,
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_names_pass() {
        for good in ["config.json", "1_Pooling/config.json", "model-00001-of-00002.safetensors"] {
            assert_eq!(FileName::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(256);
        let bad = [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            ".hidden",
            "a\\b",
            "a\0",
            "C:x",
            "a\nb",
            "ä",
            "con.",
            " a",
            &long,
        ];
        for name in bad {
            assert!(FileName::parse(name).is_err(), "{name:?}");
        }
    }

    #[track_caller]
    fn check(name: &str, role: FileRole) {
        assert_eq!(FileRole::of(&FileName::parse(name).unwrap()), role, "{name}");
    }

    #[test]
    fn the_name_tells_the_role() {
        check("adapter_model.safetensors", FileRole::Weights);
        check("micro.bin", FileRole::Weights);
        check("1_Pooling/config.json", FileRole::Config);
        check("vocab.txt", FileRole::Config);
        check("model_card.md", FileRole::Document);
        check("LICENSE", FileRole::Document);
        check("train.parquet", FileRole::Data);
    }
}

//! How people name a base.

use std::fmt;
use std::path::PathBuf;

use freehold_vocabulary::Digest;

use crate::ArtifactError;

/// A base, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseReference {
    /// `all-minilm-l6-v2`: a name of the catalogue.
    Named(String),
    /// `sha256:…`: in the store already.
    Digest(Digest),
    /// `file:DIR`
    Folder(PathBuf),
    /// `hf:org/name[@revision]`
    Hub { repository: String, revision: String },
    /// `pip:NAME[==VERSION]`
    Pip { package: String, version: Option<String> },
}

impl BaseReference {
    /// Reads a reference. What becomes part of a URL or of a command line is checked here, so that
    /// no reference can smuggle in an option or another host.
    ///
    /// # Errors
    /// `Invalid` with the forms that are understood.
    pub fn parse(text: &str) -> Result<Self, ArtifactError> {
        let invalid = |why: &str| {
            let shown: String = text.chars().take(120).collect();
            Err(ArtifactError::invalid(format!("base `{shown}`"), why))
        };
        match text.split_once(':') {
            None if is_word(text, 64) => Ok(Self::Named(text.to_owned())),
            None => invalid(
                "use a name of the catalogue, `file:DIR`, `hf:org/name[@revision]` or `pip:NAME[==VERSION]`",
            ),
            Some(("file", "")) => invalid("write `file:` and the path of a model directory"),
            Some(("file", folder)) => Ok(Self::Folder(PathBuf::from(folder))),
            Some(("hf", rest)) => {
                let (repository, revision) = rest.split_once('@').unwrap_or((rest, "main"));
                let repository_ok = repository
                    .split_once('/')
                    .is_some_and(|(org, name)| is_word(org, 96) && is_word(name, 96));
                if repository_ok && is_word(revision, 96) {
                    let (repository, revision) = (repository.to_owned(), revision.to_owned());
                    Ok(Self::Hub { repository, revision })
                } else {
                    invalid("write `hf:org/name` or `hf:org/name@revision`")
                }
            }
            Some(("pip", rest)) => {
                let (package, version) = match rest.split_once("==") {
                    Some((package, version)) => (package, Some(version)),
                    None => (rest, None),
                };
                if is_word(package, 96) && version.is_none_or(is_version) {
                    let version = version.map(ToOwned::to_owned);
                    Ok(Self::Pip { package: package.to_owned(), version })
                } else {
                    invalid("write `pip:NAME` or `pip:NAME==VERSION`")
                }
            }
            Some(("sha256", _)) => match Digest::parse(text) {
                Ok(digest) => Ok(Self::Digest(digest)),
                Err(error) => invalid(&error.to_string()),
            },
            Some(_) => invalid("only `file:`, `hf:`, `pip:` and `sha256:` are understood"),
        }
    }
}

impl fmt::Display for BaseReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Digest(digest) => write!(f, "{digest}"),
            Self::Folder(folder) => write!(f, "file:{}", folder.display()),
            Self::Hub { repository, revision } => write!(f, "hf:{repository}@{revision}"),
            Self::Pip { package, version: None } => write!(f, "pip:{package}"),
            Self::Pip { package, version: Some(version) } => write!(f, "pip:{package}=={version}"),
        }
    }
}

/// Letters, digits, `.`, `_` and `-`, beginning with a letter or digit, without `..`.
fn is_word(text: &str, bytes_max: usize) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=bytes_max).contains(&text.len())
        && text.bytes().all(plain)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !text.contains("..")
}

fn is_version(text: &str) -> bool {
    is_word(&text.replace(['!', '+'], "."), 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn good(text: &str, shown: &str) {
        assert_eq!(BaseReference::parse(text).unwrap().to_string(), shown);
    }

    #[test]
    fn every_form_is_understood() {
        good("all-minilm-l6-v2", "all-minilm-l6-v2");
        good("file:models/a b", "file:models/a b");
        good("hf:org/name", "hf:org/name@main");
        good("hf:org/na.me@v1.0", "hf:org/na.me@v1.0");
        good("pip:some-package", "pip:some-package");
        good("pip:some_package==1!2.0+cpu", "pip:some_package==1!2.0+cpu");
        let digest = Digest::of("x").to_string();
        good(&digest, &digest);
    }

    #[test]
    fn nothing_is_smuggled_in() {
        let bad = [
            "",
            " ",
            "a b",
            "/etc",
            "file:",
            "hf:",
            "hf:name",
            "hf:org/../x",
            "hf:org/name/more",
            "hf:org/name@",
            "hf:org/name@a/b",
            "hf:org/name?x",
            "hf:/name",
            "pip:",
            "pip:-r",
            "pip:--index-url=http://evil",
            "pip:a ==1",
            "pip:a==",
            "pip:a==1 --pre",
            "pip:a>=1",
            "pip:git+https://evil",
            "https://evil/model",
            "sha256:abc",
            "s3:bucket",
        ];
        for text in bad {
            assert!(BaseReference::parse(text).is_err(), "{text:?}");
        }
    }
}

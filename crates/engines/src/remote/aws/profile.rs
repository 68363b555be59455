//! The shared credentials file of AWS's tools: sections of `name = value`.

use std::path::{Path, PathBuf};

use super::AwsKeys;
use crate::remote::Secret;

/// A credentials file is a few lines per profile.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Keys cannot be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum AwsProfileError {
    #[error("the AWS credentials file {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("the AWS credentials file {0} has {1} bytes, which is no credentials file")]
    TooLarge(PathBuf, u64),
    #[error("the AWS credentials file {path} has no section [{profile}]")]
    NoProfile { path: PathBuf, profile: String },
    #[error(
        "the section [{profile}] of {path} has no `{field}`; Freehold takes access keys from it, or from the environment, and runs no sign-in"
    )]
    NoField { path: PathBuf, profile: String, field: &'static str },
}

pub(super) fn read(path: &Path, profile: &str) -> Result<AwsKeys, AwsProfileError> {
    let unreadable = |error| AwsProfileError::Unreadable(path.to_owned(), error);
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(AwsProfileError::TooLarge(path.to_owned(), size));
    }
    keys(&std::fs::read_to_string(path).map_err(unreadable)?, path, profile)
}

fn keys(text: &str, path: &Path, profile: &str) -> Result<AwsKeys, AwsProfileError> {
    let (path, profile) = (path.to_owned(), profile.to_owned());
    let Some(values) = section(text, &profile) else {
        return Err(AwsProfileError::NoProfile { path, profile });
    };
    // The last one counts, as in AWS's own tools.
    let value = |name: &str| values.iter().rev().find(|it| it.0 == name).map(|it| it.1);
    let needed = |field: &'static str| {
        let (path, profile) = (path.clone(), profile.clone());
        value(field).ok_or(AwsProfileError::NoField { path, profile, field })
    };
    Ok(AwsKeys {
        access_key_id: needed("aws_access_key_id")?.to_owned(),
        secret_key: Secret::new(needed("aws_secret_access_key")?),
        session_token: value("aws_session_token").map(Secret::new),
    })
}

/// The values of a section; `[profile NAME]` is how the configuration file writes it.
fn section<'a>(text: &'a str, profile: &str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut inside = false;
    let mut values: Option<Vec<(&str, &str)>> = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.split(']').next()) {
            let name = name.trim();
            inside = name.strip_prefix("profile ").map_or(name, str::trim) == profile;
            if inside {
                values.get_or_insert_default();
            }
        } else if inside
            && !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            values.get_or_insert_default().push((name.trim(), value.trim()));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=s/1+=\n\n\
        [profile work]\naws_access_key_id=B\naws_secret_access_key = t/2=\naws_session_token = u==\n[sso]\nsso_start_url = x\n";

    #[track_caller]
    fn check(profile: &str, expected: Result<(&str, &str, Option<&str>), &str>) {
        match (keys(FILE, Path::new("f"), profile), expected) {
            (Ok(keys), Ok((id, secret, token))) => {
                assert_eq!((keys.access_key_id.as_str(), keys.secret_key.reveal()), (id, secret));
                assert_eq!(keys.session_token.as_ref().map(Secret::reveal), token);
                assert!(!format!("{keys:?}").contains(secret), "{keys:?}");
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("{profile}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_profile_has_keys_or_says_what_is_missing() {
        check("default", Ok(("A", "s/1+=", None)));
        check("work", Ok(("B", "t/2=", Some("u=="))));
        check("sso", Err("[sso] of f has no `aws_access_key_id`"));
        check("other", Err("no section [other]"));
    }
}

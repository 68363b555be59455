//! `aws = { … }` of an engine: where its region and its keys come from, as in AWS's own tools.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use freehold_engines::remote::{AwsAccess, AwsKeys, AwsSource, Secret};
use serde::{Deserialize, Serialize};

use crate::clock::SystemClock;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// Such as `eu-central-1`; unsaid, `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A section of the credentials file; unsaid, the keys of the environment, else
    /// `AWS_PROFILE`, else `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Unsaid, `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
}

impl AwsConfig {
    pub fn check(&self) -> Result<()> {
        self.region.as_deref().map_or(Ok(()), check_region)
    }

    /// The region, wherever it is stated.
    pub fn region(&self) -> Result<String> {
        let stated = self.region.clone();
        let stated = stated.or_else(|| variable("AWS_REGION"));
        let region = stated.or_else(|| variable("AWS_DEFAULT_REGION")).context(
            "no AWS region is stated; add `aws = { region = \"eu-central-1\" }` or set AWS_REGION",
        )?;
        check_region(&region)?;
        Ok(region)
    }

    /// What signs requests. Keys of the environment go before a file, unless a profile is named.
    pub fn access(&self) -> Result<AwsAccess> {
        let region = self.region()?;
        let stated = self.profile.is_some() || self.credentials_file.is_some();
        let source = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(access_key_id), Some(secret)) if !stated => AwsSource::Keys(AwsKeys {
                access_key_id,
                secret_key: Secret::new(&secret),
                session_token: variable("AWS_SESSION_TOKEN").map(|it| Secret::new(&it)),
            }),
            _ => self.file()?,
        };
        let access = AwsAccess::new(&region, source, Arc::new(SystemClock));
        // A file without keys is told at the start, not at the first request.
        access.keys().context(
            "requests to AWS cannot be signed; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in `aws = { profile = \"…\" }`",
        )?;
        Ok(access)
    }

    fn file(&self) -> Result<AwsSource> {
        let stated = self.credentials_file.clone();
        let stated = stated.or_else(|| variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from));
        let home = || variable("HOME").map(|it| PathBuf::from(it).join(".aws/credentials"));
        let path = stated.or_else(home).context(
            "there is no AWS credentials file: HOME is not set; add `aws = { credentials_file = \"…\" }`",
        )?;
        let profile = self.profile.clone().or_else(|| variable("AWS_PROFILE"));
        Ok(AwsSource::File { path, profile: profile.unwrap_or_else(|| "default".to_owned()) })
    }
}

/// The region becomes a part of the address.
fn check_region(region: &str) -> Result<()> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if !(1..=40).contains(&region.len()) || !region.bytes().all(allowed) {
        bail!("`{region}` is no AWS region; expected one such as `eu-central-1`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_where_it_is_named() {
        let file = std::env::temp_dir().join(format!("freehold-aws-cli-{}", std::process::id()));
        let text = "[work]\naws_access_key_id=A\naws_secret_access_key=very-secret\n";
        std::fs::write(&file, text).unwrap();
        let of = |profile: &str| AwsConfig {
            region: Some("eu-central-1".to_owned()),
            profile: Some(profile.to_owned()),
            credentials_file: Some(file.clone()),
        };
        let access = of("work").access().unwrap();
        assert_eq!(access.keys().unwrap().access_key_id, "A");
        let error = format!("{:#}", of("other").access().unwrap_err());
        assert!(error.contains("no section [other]") && !error.contains("very"), "{error}");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_region_is_a_word() {
        let of =
            |region: &str| AwsConfig { region: Some(region.to_owned()), ..AwsConfig::default() };
        assert!(of("eu-central-1").check().is_ok());
        assert!(of("evil.example/").check().unwrap_err().to_string().contains("no AWS region"));
    }
}

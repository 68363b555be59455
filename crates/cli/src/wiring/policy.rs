//! The audit log learns which configuration a server works with, and when its rules changed.
//!
//! The rules are what decides about data: `[egress]`, the clearance, region and owner of engines,
//! the classes and redactions of models and tasks, and the defaults of `[serve]`. Their digest is
//! that of their canonical JSON, so that anyone who has the file can compute it again; no secret
//! is in it, since the file holds none.

use anyhow::Result;
use freehold_ledger::{Ledger, Limit};
use freehold_vocabulary::audit::act::{Changed, ConfigurationLoaded};
use freehold_vocabulary::audit::{Act, ActKind, AuditDraft};
use freehold_vocabulary::{Digest, Timestamp};
use serde_json::{Value, json};

use crate::config::{Config, FILE};

/// A configuration that takes effect.
#[derive(Debug)]
pub struct TakingEffect<'a> {
    pub config: &'a Config,
    /// What this process worked with before, after a change while it runs.
    pub previous: Option<Digest>,
    pub at: Timestamp,
    pub by: &'a str,
}

/// Records it, and that the rules changed if they are not those of the last record. Gives the
/// digest of the configuration.
///
/// # Errors
/// When it cannot be recorded: then it must not take effect.
pub async fn record(ledger: &dyn Ledger, taking: &TakingEffect<'_>) -> Result<Digest> {
    let configuration = digest(&serde_json::to_value(taking.config)?);
    let rules = digest(&rules(taking.config)?);
    let last = ledger.latest_audit(Some(ActKind::PolicyChanged), Limit::rows(1)).await?;
    let last = last.into_iter().find_map(|it| match it.act {
        Act::PolicyChanged(changed) => changed.to,
        _ => None,
    });
    let draft = |subject: &str, act: Act| AuditDraft {
        at: taking.at,
        actor: taking.by.to_owned(),
        subject: subject.to_owned(),
        act,
    };
    let name = taking.config.portfolio.name.as_str();
    let loaded =
        ConfigurationLoaded { digest: configuration.clone(), previous: taking.previous.clone() };
    let mut drafts = vec![draft(name, Act::ConfigurationLoaded(loaded))];
    if last.as_ref() != Some(&rules) {
        let why = match taking.previous {
            None => format!("{FILE} as a server found it at its start"),
            Some(_) => format!("{FILE} was changed while a server ran"),
        };
        let changed = Changed { from: last, to: Some(rules), why };
        drafts.push(draft("egress", Act::PolicyChanged(changed)));
    }
    ledger.append_audit(&drafts).await?;
    Ok(configuration)
}

/// What decides about data, and nothing else.
fn rules(config: &Config) -> Result<Value> {
    let engines = config.engines.iter().map(|(name, it)| {
        (
            name.to_string(),
            json!({
                "protocol": it.protocol, "url": it.url, "network": it.network,
                "clearance": it.clearance, "region": it.region, "owner": it.owner,
                "redact": it.redact, "redacted_class": it.redacted_class,
            }),
        )
    });
    let models = config.models.iter().map(|(name, it)| {
        (
            name.clone(),
            json!({
                "engine": it.engine, "fallback": it.fallback, "data_class": it.data_class,
                "redact": it.redact, "redacted_class": it.redacted_class,
            }),
        )
    });
    let tasks = config.tasks.iter().map(|(name, it)| (name.to_string(), json!(it.data_class)));
    Ok(json!({
        "egress": config.egress,
        "engines": engines.collect::<serde_json::Map<_, _>>(),
        "models": models.collect::<serde_json::Map<_, _>>(),
        "tasks": tasks.collect::<serde_json::Map<_, _>>(),
        "default_data_class": config.serve.default_data_class,
        "trace_content": config.serve.trace_content,
    }))
}

/// Maps of `serde_json` are sorted here, so equal values have equal texts.
fn digest(value: &Value) -> Digest {
    Digest::of(value.to_string())
}

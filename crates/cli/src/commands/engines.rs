//! `freehold engines`: engines elsewhere.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use freehold_engines::remote::RemoteEngine;
use freehold_vocabulary::EngineName;
use freehold_vocabulary::ports::{ChatEngine as _, Health, OfferedModel};
use serde::Serialize;

use super::Refused;
use crate::config::{Config, EngineConfig};
use crate::output::{self, Form};

/// Models named in a table; the rest is counted.
const MODELS_SHOWN: usize = 3;

/// List the engines of freehold.toml, or ask them how they are.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every engine, with what it may be told.
    List,
    /// Connect to every engine, or to one: health, version, models. Sends no data of yours.
    Check { name: Option<EngineName> },
}

pub fn run(command: &Command, path: Option<&Path>, form: Form) -> Result<()> {
    let config = Config::load(path)?;
    match command {
        Command::List => list(&config, form),
        Command::Check { name } => check(&config, name.as_ref(), form),
    }
}

fn list(config: &Config, form: Form) -> Result<()> {
    output::print(form, &config.engines, |engines| {
        if engines.is_empty() {
            return "no engines: add a section [engines.NAME] to freehold.toml".to_owned();
        }
        let row = |(name, it): (&EngineName, &EngineConfig)| {
            let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
            let own = it.provider().ok().and_then(|it| it.url);
            let urls = it.urls();
            vec![
                name.to_string(),
                it.protocol.clone(),
                if urls.is_empty() { or_dash(own) } else { urls.join(", ") },
                it.clearance.to_string(),
                or_dash(it.region.as_ref().map(|it| it.as_str())),
                or_dash(it.owner.as_deref()),
            ]
        };
        let rows: Vec<Vec<String>> = engines.iter().map(row).collect();
        output::table(&["name", "protocol", "url", "clearance", "region", "owner"], &rows)
    })
}

/// What was found at one address.
#[derive(Debug, Serialize)]
struct Finding {
    engine: EngineName,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    models: Vec<OfferedModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn check(config: &Config, name: Option<&EngineName>, form: Form) -> Result<()> {
    if let Some(name) = name
        && !config.engines.contains_key(name)
    {
        let known: Vec<&str> = config.engines.keys().map(EngineName::as_str).collect();
        bail!("there is no [engines.{name}] in freehold.toml (engines: {})", known.join(", "));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wanted = |it: &EngineName| name.is_none_or(|name| name == it);
    let mut findings = Vec::new();
    for (name, engine) in config.engines.iter().filter(|(it, _)| wanted(it)) {
        findings.extend(runtime.block_on(probe(name, engine)));
    }
    output::print(form, &findings, |findings| table(findings))?;
    let failed = findings.iter().filter(|it| it.error.is_some()).count();
    if failed > 0 {
        return Err(Refused(format!("{failed} of {} did not answer", findings.len())).into());
    }
    Ok(())
}

async fn probe(name: &EngineName, config: &EngineConfig) -> Vec<Finding> {
    let broken = |url: &str, error: anyhow::Error| Finding {
        engine: name.clone(),
        url: url.to_owned(),
        health: None,
        models: Vec::new(),
        error: Some(format!("{error:#}")),
    };
    let all = match config.options(name) {
        Ok(all) => all,
        Err(error) => return vec![broken("-", error)],
    };
    let mut findings = Vec::new();
    for options in all {
        let url = options.url.clone().or(options.provider.url.map(str::to_owned));
        let url = url.unwrap_or_default();
        let asked = async {
            let engine = RemoteEngine::new(&options).context("it cannot be set up")?;
            let health = engine.health().await?;
            anyhow::Ok((health, engine.models().await?))
        };
        findings.push(match asked.await {
            Ok((health, models)) => {
                let (engine, health) = (name.clone(), Some(health));
                Finding { engine, url, health, models, error: None }
            }
            Err(error) => broken(&url, error),
        });
    }
    findings
}

fn table(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "no engines: add a section [engines.NAME] to freehold.toml".to_owned();
    }
    let row = |it: &Finding| {
        let version = it.health.as_ref().and_then(|it| it.version.clone());
        let names = it.models.iter().take(MODELS_SHOWN).map(|it| it.id.as_str());
        let mut models = names.collect::<Vec<_>>().join(", ");
        if it.models.len() > MODELS_SHOWN {
            models += &format!(" and {} more", it.models.len() - MODELS_SHOWN);
        }
        let state = it.error.clone().unwrap_or_else(|| "answers".to_owned());
        vec![
            it.engine.to_string(),
            it.url.clone(),
            version.unwrap_or("-".to_owned()),
            models,
            state,
        ]
    };
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    output::table(&["name", "url", "version", "models", "state"], &rows)
}

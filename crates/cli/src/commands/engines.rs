//! `freehold engines`: engines elsewhere.

mod adapters;
mod add;

use std::path::Path;

use adapters::Change;
use anyhow::{Context as _, Result};
use clap::Subcommand;
use freehold_engines::remote::RemoteEngine;
use freehold_vocabulary::EngineName;
use freehold_vocabulary::ports::{ChatEngine as _, Health, Load, OfferedModel};
use serde::Serialize;

use super::Reported;
use crate::config::{Config, EngineConfig};
use crate::output::{self, Form};

/// Models named in a table; the rest is counted.
const MODELS_SHOWN: usize = 3;

/// List the engines of freehold.toml, or ask them how they are.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every engine, with what it may be told.
    List,
    Add(add::Arguments),
    /// Connect to every engine, or to one: health, version, models, how busy it is. Sends no data
    /// of yours.
    Check {
        name: Option<EngineName>,
    },
    /// Have a running model server load an adapter (LoRA), at all its addresses. vLLM does so when
    /// it was started with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, SGLang with --enable-lora.
    Load {
        name: EngineName,
        /// What requests will call it: the `upstream` of a model.
        adapter: String,
        /// Its folder, as the server sees it.
        path: String,
    },
    /// Have a running model server forget an adapter.
    Unload {
        name: EngineName,
        adapter: String,
    },
}

pub fn run(command: &Command, path: Option<&Path>, form: Form) -> Result<()> {
    match command {
        Command::List => list(&Config::load(path)?, form),
        Command::Add(arguments) => add::run(arguments, path, form),
        Command::Check { name } => check(&Config::load(path)?, name.as_ref(), form),
        Command::Load { name, adapter, path: from } => {
            adapters::run(name, adapter, Change::Load(from), path, form)
        }
        Command::Unload { name, adapter } => {
            adapters::run(name, adapter, Change::Unload, path, form)
        }
    }
}

/// The section of an engine.
fn section<'a>(config: &'a Config, name: &EngineName) -> Result<&'a EngineConfig> {
    config.engines.get(name).with_context(|| {
        let known: Vec<&str> = config.engines.keys().map(EngineName::as_str).collect();
        format!("there is no [engines.{name}] in freehold.toml (engines: {})", known.join(", "))
    })
}

fn list(config: &Config, form: Form) -> Result<()> {
    output::print(form, &config.engines, |engines| {
        if engines.is_empty() {
            return "no engines; next: freehold engines add NAME --protocol … --clearance …"
                .to_owned();
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
                if it.drain { "drained" } else { "open" }.to_owned(),
                or_dash(it.region.as_ref().map(|it| it.as_str())),
                or_dash(it.owner.as_deref()),
            ]
        };
        let rows: Vec<Vec<String>> = engines.iter().map(row).collect();
        output::table(&["name", "protocol", "url", "clearance", "intake", "region", "owner"], &rows)
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
    /// How busy it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<Load>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn check(config: &Config, name: Option<&EngineName>, form: Form) -> Result<()> {
    if let Some(name) = name {
        section(config, name)?;
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
        return Err(Reported(format!("{failed} of {} did not answer", findings.len())).into());
    }
    Ok(())
}

async fn probe(name: &EngineName, config: &EngineConfig) -> Vec<Finding> {
    let broken = |url: &str, error: anyhow::Error| Finding {
        engine: name.clone(),
        url: url.to_owned(),
        health: None,
        models: Vec::new(),
        load: None,
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
            // A server without gauges is no worse for it.
            let load = engine.load().await.ok().flatten();
            anyhow::Ok((health, engine.models().await?, load))
        };
        findings.push(match asked.await {
            Ok((health, models, load)) => {
                let (engine, health) = (name.clone(), Some(health));
                Finding { engine, url, health, models, load, error: None }
            }
            Err(error) => broken(&url, error),
        });
    }
    findings
}

/// Running and waiting requests, and how full the cache is.
fn busy(load: &Load) -> String {
    let cache = load.cache_used.map_or(String::new(), |it| format!(", cache {:.0} %", it * 100.0));
    format!("{} running, {} waiting{cache}", load.running, load.waiting)
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
            it.load.as_ref().map_or("-".to_owned(), busy),
            state,
        ]
    };
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    output::table(&["name", "url", "version", "models", "load", "state"], &rows)
}

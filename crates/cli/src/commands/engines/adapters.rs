//! `freehold engines load` and `unload`: adapters at model servers that take them while they run.

use std::path::Path;

use anyhow::{Context as _, Result};
use freehold_engines::remote::RemoteEngine;
use freehold_vocabulary::EngineName;
use serde::Serialize;

use super::section;
use crate::commands::Reported;
use crate::config::Config;
use crate::output::{self, Form};

/// What to do with an adapter.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// From a path that the server itself can read.
    Load(&'a str),
    Unload,
}

/// What one address said.
#[derive(Debug, Serialize)]
struct Changed {
    engine: EngineName,
    url: String,
    adapter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub fn run(
    name: &EngineName,
    adapter: &str,
    change: Change<'_>,
    path: Option<&Path>,
    form: Form,
) -> Result<()> {
    let config = Config::load(path)?;
    let engine = section(&config, name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    for options in engine.options(name)? {
        let server = RemoteEngine::new(&options).context("it cannot be set up")?;
        let done = runtime.block_on(async {
            match change {
                Change::Load(path) => server.load_adapter(adapter, path).await,
                Change::Unload => server.unload_adapter(adapter).await,
            }
        });
        let url = options.url.or(options.provider.url.map(str::to_owned)).unwrap_or_default();
        let (engine, adapter) = (name.clone(), adapter.to_owned());
        all.push(Changed { engine, url, adapter, error: done.err().map(|it| it.to_string()) });
    }
    output::print(form, &all, |all| {
        let state = |it: &Changed| match (&it.error, change) {
            (Some(error), _) => error.clone(),
            (None, Change::Load(_)) => "loaded".to_owned(),
            (None, Change::Unload) => "forgotten".to_owned(),
        };
        let row = |it: &Changed| vec![it.url.clone(), it.adapter.clone(), state(it)];
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        let table = output::table(&["url", "adapter", "state"], &rows);
        format!("{table}\nnext: freehold engines check {name}")
    })?;
    let failed = all.iter().filter(|it| it.error.is_some()).count();
    if failed > 0 {
        return Err(Reported(format!("{failed} of {} did not do it", all.len())).into());
    }
    Ok(())
}

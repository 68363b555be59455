//! `freehold engines add`: asks an engine how it is, then writes its section into freehold.toml.
//! What stands in the file already, comments included, stays as it is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_vocabulary::egress::Region;
use freehold_vocabulary::{DataClass, EngineName};
use serde::Serialize;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use super::{Finding, probe};
use crate::commands::Refused;
use crate::config::{Config, EngineConfig};
use crate::output::{self, Form};

/// Add an engine: ask it how it is, then write [engines.NAME] into freehold.toml.
///
/// A key is never asked for: name the variable of the environment that holds it (`--key-env`) or a
/// file (`--key-file`). An engine that does not answer is not written, unless `--unseen` says so.
///
/// freehold engines add own --protocol vllm --url http://gpu-1:8000/v1 --clearance restricted
#[derive(Debug, Args)]
pub struct Arguments {
    name: EngineName,
    /// Whose words it speaks: openai, anthropic, bedrock, gemini, vllm, ollama, …
    #[arg(long)]
    protocol: String,
    /// Base address; repeat it for replicas of the same engine. Cloud APIs have one of their own.
    #[arg(long)]
    url: Vec<String>,
    /// The highest class of data that may go there: public, internal, confidential, restricted.
    #[arg(long, value_parser = class)]
    clearance: DataClass,
    /// Where it stands under the law, in your words, such as eu.
    #[arg(long, value_parser = |text: &str| Region::parse(text))]
    region: Option<Region>,
    /// Who runs it.
    #[arg(long)]
    owner: Option<String>,
    /// The variable of the environment that holds its key.
    #[arg(long, conflicts_with = "key_file")]
    key_env: Option<String>,
    /// The file that holds its key.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The region of AWS, for `bedrock`.
    #[arg(long)]
    aws_region: Option<String>,
    /// The section of AWS's credentials file, for `bedrock`.
    #[arg(long)]
    aws_profile: Option<String>,
    /// Write the section although the engine does not answer.
    #[arg(long)]
    unseen: bool,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Added {
    engine: EngineName,
    file: PathBuf,
    section: String,
    findings: Vec<Finding>,
}

pub fn run(arguments: &Arguments, path: Option<&Path>, form: Form) -> Result<()> {
    let config = Config::load(path)?;
    let name = &arguments.name;
    if config.engines.contains_key(name) {
        bail!("there is an [engines.{name}] already; change it in the file, or take another name");
    }
    let section = arguments.section();
    let engine: EngineConfig = toml::from_str(&section.to_string())?;
    engine.check().with_context(|| format!("[engines.{name}]"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(probe(name, &engine));
    let silent: Vec<&Finding> = findings.iter().filter(|it| it.error.is_some()).collect();
    if !silent.is_empty() && !arguments.unseen {
        let why =
            silent.iter().map(|it| format!("{}: {}", it.url, it.error.as_deref().unwrap_or("")));
        let why = why.collect::<Vec<_>>().join("; ");
        let why = format!(
            "nothing was written, because {name} does not answer ({why}); mend that, or say --unseen"
        );
        return Err(Refused(why).into());
    }
    let file =
        config.root.join(path.and_then(Path::file_name).unwrap_or(crate::config::FILE.as_ref()));
    let before = std::fs::read_to_string(&file)?;
    let after = with_engine(&before, name, section.clone())?;
    // What is written must be a configuration.
    Config::parse(&after, config.root.clone())?;
    replace(&file, &after)?;
    let section = format!("[engines.{name}]\n{section}");
    let added = Added { engine: name.clone(), file, section, findings };
    output::print(form, &added, |added| {
        let models =
            added.findings.iter().flat_map(|it| &it.models).map(|it| it.id.as_str()).next();
        let model = models.unwrap_or("NAME");
        format!(
            "{}\nwritten to {}\n\n{}\nnext: say what serves from it and at what price, as in\n[models.{model}]\nengine = \"{}\"\ntier = \"mid\"\nprovider = \"own\"\nprice = \"unknown\"",
            added.section.trim_end(),
            added.file.display(),
            super::table(&added.findings),
            added.engine,
        )
    })
}

impl Arguments {
    fn section(&self) -> Table {
        let mut table = Table::new();
        table["protocol"] = value(&self.protocol);
        match self.url.as_slice() {
            [] => {}
            [one] => table["url"] = value(one),
            many => table["url"] = value(many.iter().collect::<Array>()),
        }
        if let Some(name) = &self.key_env {
            table["key"] = value(format!("${{{name}}}"));
        }
        if let Some(path) = &self.key_file {
            table["key_file"] = value(path.display().to_string());
        }
        let mut aws = InlineTable::new();
        for (name, text) in [("region", &self.aws_region), ("profile", &self.aws_profile)] {
            if let Some(text) = text {
                aws.insert(name, text.into());
            }
        }
        if !aws.is_empty() {
            table["aws"] = value(aws);
        }
        table["clearance"] = value(self.clearance.as_str());
        if let Some(region) = &self.region {
            table["region"] = value(region.as_str());
        }
        if let Some(owner) = &self.owner {
            table["owner"] = value(owner);
        }
        table
    }
}

/// A class by its word, as the file spells it.
fn class(text: &str) -> Result<DataClass, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| "expected public, internal, confidential or restricted".to_owned())
}

/// The text of a configuration with one more engine.
fn with_engine(text: &str, name: &EngineName, section: Table) -> Result<String> {
    let mut document: DocumentMut = text.parse().context("freehold.toml is no TOML")?;
    let engines = document.entry("engines").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let engines = engines.as_table_mut().context("`engines` is no table in freehold.toml")?;
    engines.insert(name.as_str(), Item::Table(section));
    Ok(document.to_string())
}

/// Writes beside the file and renames, so that nobody ever reads half of it.
fn replace(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().context("a file is in a folder")?;
    let mut written = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("{} cannot be written to", folder.display()))?;
    std::io::Write::write_all(&mut written, text.as_bytes())?;
    written.as_file().set_permissions(std::fs::metadata(file)?.permissions())?;
    written.as_file().sync_all()?;
    written.persist(file).with_context(|| format!("{} cannot be replaced", file.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, expected: &str) {
        let name = EngineName::parse("own").unwrap();
        let mut section = Table::new();
        section["protocol"] = value("vllm");
        assert_eq!(with_engine(before, &name, section).unwrap(), expected);
    }

    #[test]
    fn comments_and_order_stay() {
        let head = "# ours\n[portfolio]\nname = \"a\" # short\n";
        check(head, &format!("{head}\n[engines.own]\nprotocol = \"vllm\"\n"));
        let other = "\n# the cloud\n[engines.cloud]\nprotocol = \"openai\" # eu\n";
        let tail = "\n[tasks.t]\nkind = \"classify\"\n";
        check(
            &format!("{head}{other}{tail}"),
            &format!("{head}{other}\n[engines.own]\nprotocol = \"vllm\"\n{tail}"),
        );
    }
}

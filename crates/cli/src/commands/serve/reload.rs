//! The configuration file, followed while the server runs.
//!
//! What a change may touch is what decides about requests: tasks, engines, models, prices and the
//! rules of egress. The rest (addresses, stores, limits, threads) waits for the next start, and the
//! log says so. A file that is wrong changes nothing.

use std::path::Path;

use anyhow::Result;
use freehold_vocabulary::{Digest, DigestBuilder};

use crate::config::Config;

/// The file as it was when it was looked at last.
#[derive(Debug)]
pub struct ConfigFile {
    seen: Digest,
}

impl ConfigFile {
    /// The file of this configuration, as it is now.
    pub fn of(config: &Config) -> Self {
        Self { seen: content(config) }
    }

    /// Whether it has other content than at the last look.
    pub fn has_changed(&mut self, config: &Config) -> bool {
        let now = content(config);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

/// The bytes of the file and of the price list that it names. A page or two: reading them is as
/// cheap as asking for their age, and an age can lie.
fn content(config: &Config) -> Digest {
    let mut digest = DigestBuilder::default();
    let list = config.economics.price_list.as_ref().map(|it| config.root.join(it));
    for path in [Some(config.file.clone()), list].into_iter().flatten() {
        add(&mut digest, &path);
    }
    digest.finish()
}

/// A file that cannot be read is a content of its own: the attempt to load it says why.
fn add(digest: &mut DigestBuilder, path: &Path) {
    match std::fs::read(path) {
        Ok(bytes) => digest.update(bytes),
        Err(error) => digest.update(error.to_string()),
    }
    digest.update([0]);
}

/// What the server works with after a change.
#[derive(Debug)]
pub struct Merged {
    pub config: Config,
    /// Sections whose change waits for the next start.
    pub waiting: Vec<String>,
}

/// The running configuration with what may change from the fresh one.
pub fn merge(running: &Config, fresh: Config) -> Result<Merged> {
    let wanted = serde_json::to_value(&fresh)?;
    let mut config = running.clone();
    config.portfolio = fresh.portfolio;
    config.economics = fresh.economics;
    config.egress = fresh.egress;
    config.engines = fresh.engines;
    config.models = fresh.models;
    config.tasks = fresh.tasks;
    config.routes = fresh.routes;
    config.moderation = fresh.moderation;
    config.prices = fresh.prices;
    config.serve.default_data_class = fresh.serve.default_data_class;
    config.serve.trace_content = fresh.serve.trace_content;
    config.traces.keep_content_days = fresh.traces.keep_content_days;
    config.traces.keep_days = fresh.traces.keep_days;
    let gets = serde_json::to_value(&config)?;
    let sections = wanted.as_object().into_iter().flatten();
    let waiting = sections.filter(|(name, value)| gets.get(name.as_str()) != Some(*value));
    let waiting = waiting.map(|(name, _)| format!("[{name}]")).collect();
    Ok(Merged { config, waiting })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const RUNNING: &str = "[portfolio]\nname = \"a\"\n[serve]\nbatch_max = 8\n";

    #[track_caller]
    fn check(fresh: &str, waiting: &[&str], holds: impl Fn(&Config) -> bool) {
        let parse = |text: &str| Config::parse(text, PathBuf::new()).unwrap();
        let merged = merge(&parse(RUNNING), parse(fresh)).unwrap();
        assert_eq!(merged.waiting, waiting, "{fresh}");
        assert!(holds(&merged.config), "{fresh}");
    }

    #[test]
    fn rules_change_at_once_and_the_rest_waits_by_name() {
        check(RUNNING, &[], |it| it.serve.batch_max.get() == 8);
        let task = format!("{RUNNING}[tasks.t]\nkind = \"classify\"\ndata_class = \"internal\"\n");
        check(&task, &[], |it| it.tasks.len() == 1);
        let class = format!("{RUNNING}default_data_class = \"restricted\"\n");
        let restricted = freehold_vocabulary::DataClass::Restricted;
        check(&class, &[], |it| it.serve.default_data_class == restricted);
        let limit = RUNNING.replace('8', "9");
        check(&limit, &["[serve]"], |it| it.serve.batch_max.get() == 8);
        let both = format!("{limit}default_data_class = \"restricted\"\n[compute]\nthreads = 1\n");
        check(&both, &["[compute]", "[serve]"], |it| it.serve.default_data_class == restricted);
    }
}

//! What left, summed up.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::ValueEnum;
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::audit::{Decision, Egress};
use serde_json::{Value, json};

use super::Period;

/// By what egress is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    Rule,
    Engine,
    Region,
    Owner,
    Period,
    Task,
    DataClass,
}

impl Group {
    const fn column(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Engine => "engine",
            Self::Region => "region",
            Self::Owner => "owner",
            Self::Period => "period",
            Self::Task => "task",
            Self::DataClass => "data_class",
        }
    }
}

/// Most groups of one summary: more is a list, not a summary.
const GROUPS_MAX: usize = 100_000;

/// Sums by group.
#[derive(Debug)]
pub struct Summary<'a> {
    by: &'a [Group],
    period: Period,
    sums: BTreeMap<Vec<Option<String>>, Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    allowed: u64,
    denied: u64,
    /// Of what was allowed.
    bytes: u64,
    tokens: u64,
    /// Allowed requests whose size in tokens is not known.
    tokens_unknown: u64,
    replaced: u64,
}

impl<'a> Summary<'a> {
    pub const fn new(by: &'a [Group], period: Period) -> Self {
        Self { by, period, sums: BTreeMap::new() }
    }

    /// Adds a decision.
    pub fn add(&mut self, at: Timestamp, egress: &Egress) -> Result<()> {
        let key = self.by.iter().map(|group| self.value(*group, at, egress)).collect();
        let sums = self.sums.entry(key).or_default();
        match egress.decision {
            Decision::Denied => sums.denied += 1,
            Decision::Allowed => {
                sums.allowed += 1;
                sums.bytes += egress.bytes;
                sums.tokens += egress.tokens.unwrap_or(0);
                sums.tokens_unknown += u64::from(egress.tokens.is_none());
                sums.replaced += egress.redacted.values().sum::<u64>();
            }
        }
        if self.sums.len() > GROUPS_MAX {
            bail!("there are more than {GROUPS_MAX} groups; sum up by less, or a shorter time");
        }
        Ok(())
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<&'static str> {
        let groups = self.by.iter().map(|group| group.column());
        let sums = ["allowed", "denied", "bytes_left", "tokens_left", "tokens_unknown", "replaced"];
        groups.chain(sums).collect()
    }

    /// The rows, in the order of their groups.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Value>> {
        self.sums.iter().map(|(key, it)| {
            let sums = [it.allowed, it.denied, it.bytes, it.tokens, it.tokens_unknown, it.replaced];
            key.iter().map(|it| json!(it)).chain(sums.map(|it| json!(it))).collect()
        })
    }

    fn value(&self, group: Group, at: Timestamp, egress: &Egress) -> Option<String> {
        match group {
            Group::Rule => Some(egress.rule.clone()),
            Group::Engine => Some(egress.engine.to_string()),
            Group::Region => egress.region.as_ref().map(ToString::to_string),
            Group::Owner => egress.owner.clone(),
            Group::Task => egress.task.as_ref().map(ToString::to_string),
            Group::DataClass => Some(egress.data_class.to_string()),
            Group::Period => {
                let day = at.day();
                Some(match self.period {
                    Period::Day => day,
                    Period::Month => day[.."2026-11".len()].to_owned(),
                })
            }
        }
    }
}

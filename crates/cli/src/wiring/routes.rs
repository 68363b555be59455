//! The deployed route of a task, answered in this process: for `predict` and for reports.

use std::sync::Arc;

use anyhow::{Result, bail};
use freehold_routing::{Judgement, TierPolicy, Verdict};
use freehold_vocabulary::ports::Classifier;
use freehold_vocabulary::{LabelSet, TaskName, Tier};

use super::Session;
use super::models::{Found, in_its_place};
use super::scoring;
use crate::config::serve::PrecisionConfig;

/// The tiers of a route, cheapest first.
#[derive(Debug)]
pub struct Route {
    pub tiers: Vec<RouteTier>,
}

/// One tier.
#[derive(Debug)]
pub struct RouteTier {
    pub found: Found,
    pub classifier: Arc<dyn Classifier>,
    pub policy: TierPolicy,
}

/// What became of one text.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Position of the last tier that looked.
    pub tier: usize,
    pub kept: bool,
    pub judgement: Judgement,
}

impl Route {
    /// Loads what the task's aliases point at.
    pub fn open(session: &Session, task: &TaskName, precision: PrecisionConfig) -> Result<Self> {
        let config = session.config.task(task)?;
        let mut tiers = Vec::new();
        let mut before = Vec::new();
        for alias in config.aliases()? {
            let current = session.wait(session.ledger.current_alias(task, &alias))?;
            if let Some(digest) = current.and_then(|it| it.to) {
                let found = session.version(digest.hex())?;
                let classifier = session.classifier(&found, precision)?;
                let policy = session.policy(&digest)?.unwrap_or_else(|| {
                    TierPolicy::uncalibrated(found.version.mode, found.version.labels.len())
                });
                let (policy, _) = in_its_place(policy, &mut before);
                tiers.push(RouteTier { found, classifier, policy });
            }
        }
        if tiers.is_empty() {
            bail!("nothing is deployed for {task}; `freehold models promote` deploys a version");
        }
        Ok(Self { tiers })
    }

    /// Every label that some tier knows, as the server offers them.
    pub fn labels(&self) -> LabelSet {
        let known = self.tiers.iter().flat_map(|it| it.found.version.labels.as_slice().iter());
        LabelSet::sorted(known.cloned())
    }

    /// Each text goes up until a tier keeps its answer.
    pub fn answer(&self, texts: &[&str], session: &Session) -> Result<Vec<Answer>> {
        let mut answers: Vec<Option<Answer>> = vec![None; texts.len()];
        let mut open: Vec<usize> = (0..texts.len()).collect();
        for (position, tier) in self.tiers.iter().enumerate() {
            if open.is_empty() {
                break;
            }
            let batch: Vec<&str> = open.iter().map(|&index| texts[index]).collect();
            let stage = format!("asking the {} tier", tier.found.version.family.tier());
            let scored = scoring::score(&*tier.classifier, &batch, &session.progress, &stage)?;
            let mut passed = Vec::new();
            for (&index, scored) in open.iter().zip(&scored) {
                let judgement = tier.policy.judge(scored);
                let kept = matches!(judgement.verdict, Verdict::Keep);
                answers[index] = Some(Answer { tier: position, kept, judgement });
                if !kept {
                    passed.push(index);
                }
            }
            open = passed;
        }
        Ok(answers
            .into_iter()
            .map(|it| it.expect("every text was given to the first tier"))
            .collect())
    }

    /// The tier whose answer stands; people take what no tier kept.
    pub fn tier_name(&self, answer: &Answer) -> Tier {
        if answer.kept { self.tiers[answer.tier].found.version.family.tier() } else { Tier::Human }
    }
}

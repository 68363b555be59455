//! Two versions on the same items: paired, since pairing removes the noise of the items.

use std::collections::HashMap;

use freehold_vocabulary::{Digest, Interval, Label, LabelMode, Metric};
use serde::{Deserialize, Serialize};

use crate::intervals::{Design, Resampling, bootstrap};
use crate::per_class::Tally;
use crate::report::{Evaluation, Output};
use crate::{EvaluationError, metrics::Better};

mod adjust;
mod class_changes;
mod mcnemar;

pub use adjust::{benjamini_hochberg, holm};
pub use class_changes::ClassChange;
pub use mcnemar::McNemar;

/// A candidate beside a baseline, on the items both answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The baseline's version.
    pub baseline: Option<Digest>,
    pub baseline_name: String,
    /// Paired items, all in scope.
    pub n: u64,
    pub differences: Vec<Difference>,
    pub mcnemar: McNemar,
    /// Labels on which the two differ, the surest change first.
    pub class_changes: Vec<ClassChange>,
}

/// One metric of both, and candidate − baseline with its paired interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub metric: Metric,
    pub better: Better,
    pub candidate: f64,
    pub baseline: f64,
    pub difference: Interval,
}

impl Comparison {
    /// The difference in a metric.
    #[must_use]
    pub fn difference(&self, metric: Metric) -> Option<&Difference> {
        self.differences.iter().find(|it| it.metric == metric)
    }
}

/// The metrics that depend on nothing but gold and predicted labels.
const METRICS: [Metric; 3] = [Metric::Accuracy, Metric::MacroF1, Metric::MicroF1];

/// Compares a candidate with a baseline over the items of the candidate.
///
/// # Errors
/// When one of them was evaluated without outputs, on other items, or for another kind of task.
pub fn compare(
    candidate: &Evaluation,
    baseline: &Evaluation,
    resampling: &Resampling,
) -> Result<Comparison, EvaluationError> {
    let pairs = pair_up(candidate, baseline)?;
    let items = pairs.design();
    let resampling = resampling.derive("compare");
    let difference = |metric: Metric| {
        let of = |side: fn(&Pair) -> &[u32], drawn: &[u32]| pairs.metric(metric, side, drawn);
        let difference = bootstrap(&items, &resampling.derive(metric.as_str()), |drawn| {
            of(Pair::candidate, drawn) - of(Pair::baseline, drawn)
        })?;
        let all: Vec<u32> = (0..pairs.items.len() as u32).collect();
        let (candidate, baseline) = (of(Pair::candidate, &all), of(Pair::baseline, &all));
        Some(Difference { metric, better: Better::Higher, candidate, baseline, difference })
    };
    let right = |predicted: &[u32], pair: &Pair| predicted == pair.gold;
    let outcomes = pairs.items.iter().map(|it| (right(&it.candidate, it), right(&it.baseline, it)));
    Ok(Comparison {
        baseline: baseline.subject.version.clone(),
        baseline_name: baseline.subject.model.clone(),
        n: pairs.items.len() as u64,
        differences: METRICS.into_iter().filter_map(difference).collect(),
        mcnemar: McNemar::of(outcomes),
        class_changes: class_changes::find(&pairs.items, candidate.labels.as_slice()),
    })
}

/// One item with both answers, ascending, as positions in a label list that knows all of them.
struct Pair {
    gold: Vec<u32>,
    candidate: Vec<u32>,
    baseline: Vec<u32>,
    cluster: Option<u32>,
}

impl Pair {
    fn candidate(&self) -> &[u32] {
        &self.candidate
    }

    fn baseline(&self) -> &[u32] {
        &self.baseline
    }
}

struct Pairs {
    labels: usize,
    items: Vec<Pair>,
}

impl Pairs {
    /// Whole clusters are drawn if the candidate was evaluated that way.
    fn design(&self) -> Design {
        let clusters: Option<Vec<u32>> = self.items.iter().map(|pair| pair.cluster).collect();
        match clusters {
            Some(clusters) => Design::clustered(&clusters),
            None => Design::items(self.items.len() as u32),
        }
    }

    fn metric(&self, metric: Metric, side: fn(&Pair) -> &[u32], drawn: &[u32]) -> f64 {
        let drawn = drawn.iter().map(|place| &self.items[*place as usize]);
        if metric == Metric::Accuracy {
            let n = drawn.len() as f64;
            return drawn.filter(|pair| side(pair) == pair.gold).count() as f64 / n;
        }
        let mut tally = Tally::new(self.labels);
        drawn.for_each(|pair| tally.add(&pair.gold, side(pair)));
        if metric == Metric::MacroF1 { tally.macro_f1() } else { tally.micro_f1() }
    }
}

fn pair_up(candidate: &Evaluation, baseline: &Evaluation) -> Result<Pairs, EvaluationError> {
    let refuse = |sentence: String| Err(EvaluationError::NotComparable(sentence));
    if candidate.mode != baseline.mode {
        return refuse("one is single-label, the other multi-label".to_owned());
    }
    let outputs = |side: &Evaluation, which: &str| {
        side.outputs.clone().ok_or_else(|| {
            let sentence = format!("the {which} was evaluated without keeping its outputs");
            EvaluationError::NotComparable(format!("{sentence}; evaluate it again with them"))
        })
    };
    let (ours, theirs) = (outputs(candidate, "candidate")?, outputs(baseline, "baseline")?);
    let theirs: HashMap<Key<'_>, &Output> = keyed(&theirs).collect();
    let shared = keyed(&ours).filter(|(key, _)| theirs.contains_key(key)).count();
    if shared != ours.len() || shared != theirs.len() {
        let counts = format!("{} and {} items, {shared} in common", ours.len(), theirs.len());
        return refuse(format!("they saw {counts}; evaluate both on the same split"));
    }
    // The baseline may know labels that the candidate does not, in another order.
    let mut labels: Vec<&Label> = candidate.labels.as_slice().iter().collect();
    let unknown = |label: &&Label| candidate.labels.index_of(label).is_none();
    labels.extend(baseline.labels.as_slice().iter().filter(unknown));
    let position: HashMap<&Label, u32> = labels.iter().copied().zip(0u32..).collect();
    let translate = |label: &u32| baseline.labels.get(*label).map(|label| position[label]);
    let in_scope =
        |(_, it): &(Key<'_>, &Output)| candidate.mode == LabelMode::Multi || !it.gold.is_empty();
    let sorted = |mut labels: Vec<u32>| {
        labels.sort_unstable();
        labels
    };
    let pair = |(key, it): (Key<'_>, &Output)| Pair {
        gold: sorted(it.gold.clone()),
        candidate: sorted(it.predicted.clone()),
        baseline: sorted(theirs[&key].predicted.iter().filter_map(translate).collect()),
        cluster: it.cluster,
    };
    let items: Vec<Pair> = keyed(&ours).filter(in_scope).map(pair).collect();
    if items.is_empty() {
        return refuse("no item is in scope".to_owned());
    }
    Ok(Pairs { labels: labels.len(), items })
}

/// An id and how often it occurred before.
type Key<'a> = (&'a Digest, u32);

fn keyed(outputs: &[Output]) -> impl Iterator<Item = (Key<'_>, &Output)> {
    let mut seen: HashMap<&Digest, u32> = HashMap::new();
    outputs.iter().map(move |output| {
        let before = seen.entry(&output.id).or_default();
        *before += 1;
        ((&output.id, *before - 1), output)
    })
}

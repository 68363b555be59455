//! What changed between two versions.
//!
//! Rows are matched by their exact text. A text that occurs several times is matched occurrence
//! by occurrence: unchanged ones first, then ones that only moved, then ones with other labels.

use freehold_vocabulary::{Digest, Example, Label, Split};
use serde::Serialize;

use super::Dataset;
use crate::error::CurationError;

/// What changed from one version to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetDiff {
    pub from: Digest,
    pub to: Digest,
    pub unchanged: u64,
    pub added: u64,
    pub removed: u64,
    /// Same text, other labels (and maybe another split).
    pub relabelled: u64,
    /// Same text and labels, another split.
    pub moved: u64,
    pub labels_added: Vec<Label>,
    pub labels_removed: Vec<Label>,
    /// The first changes of each kind.
    pub changes: Vec<Change>,
}

/// One changed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Change {
    Added { row: Box<Example> },
    Removed { row: Box<Example> },
    Relabelled { from: Box<Example>, to: Box<Example> },
    Moved { from: Box<Example>, to: Box<Example> },
}

/// One row in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    text: u128,
    /// The example's id: text and labels together.
    id: u128,
    split: Split,
    position: u32,
}

/// Positions in both versions of one change.
#[derive(Debug, Clone, Copy)]
struct Pair {
    from: Option<Row>,
    to: Option<Row>,
}

impl Dataset {
    /// What changed from this version to `other`, with up to `listed` rows of each kind.
    ///
    /// # Errors
    /// When the examples of either cannot be read.
    pub fn diff(&self, other: &Self, listed: usize) -> Result<DatasetDiff, CurationError> {
        let (from, to) = (rows_of(self)?, rows_of(other)?);
        let mut unchanged = 0;
        let mut pairs = Vec::new();
        for (from, to) in same_texts(&from, &to) {
            unchanged += pair_up(from, to, &mut pairs);
        }
        let absent = |a: &Self, b: &Self| -> Vec<Label> {
            let labels = a.labels().as_slice().iter();
            labels.filter(|it| b.labels().index_of(it).is_none()).cloned().collect()
        };
        let mut diff = DatasetDiff {
            from: self.digest().clone(),
            to: other.digest().clone(),
            unchanged,
            added: 0,
            removed: 0,
            relabelled: 0,
            moved: 0,
            labels_added: absent(other, self),
            labels_removed: absent(self, other),
            changes: Vec::new(),
        };
        let mut shown = Vec::new();
        for pair in pairs {
            let count = match (pair.from, pair.to) {
                (None, _) => &mut diff.added,
                (_, None) => &mut diff.removed,
                (Some(from), Some(to)) if from.id == to.id => &mut diff.moved,
                _ => &mut diff.relabelled,
            };
            *count += 1;
            if *count <= listed as u64 {
                shown.push(pair);
            }
        }
        diff.changes = self.changes(other, &shown)?;
        Ok(diff)
    }

    /// Reads the rows that are shown.
    fn changes(&self, other: &Self, shown: &[Pair]) -> Result<Vec<Change>, CurationError> {
        let mut before = self.at(shown.iter().filter_map(|it| it.from))?;
        let mut after = other.at(shown.iter().filter_map(|it| it.to))?;
        let take = |rows: &mut std::collections::BTreeMap<u32, Example>, row: Option<Row>| {
            row.and_then(|it| rows.remove(&it.position)).map(Box::new)
        };
        let changes = shown.iter().filter_map(|pair| {
            let same_id = pair.from.map(|it| it.id) == pair.to.map(|it| it.id);
            match (take(&mut before, pair.from), take(&mut after, pair.to)) {
                (Some(from), Some(to)) if same_id => Some(Change::Moved { from, to }),
                (Some(from), Some(to)) => Some(Change::Relabelled { from, to }),
                (Some(row), None) => Some(Change::Removed { row }),
                (None, Some(row)) => Some(Change::Added { row }),
                (None, None) => None,
            }
        });
        Ok(changes.collect())
    }

    /// The examples at these positions.
    fn at(
        &self,
        rows: impl Iterator<Item = Row>,
    ) -> Result<std::collections::BTreeMap<u32, Example>, CurationError> {
        let mut wanted: Vec<u32> = rows.map(|it| it.position).collect();
        wanted.sort_unstable();
        let Some(last) = wanted.last().copied() else { return Ok(Default::default()) };
        let mut found = std::collections::BTreeMap::new();
        for (position, example) in (0..=last).zip(self.iter()?) {
            if wanted.binary_search(&position).is_ok() {
                found.insert(position, example?);
            }
        }
        Ok(found)
    }
}

fn rows_of(dataset: &Dataset) -> Result<Vec<Row>, CurationError> {
    let bits = |digest: &Digest| {
        u128::from_str_radix(&digest.hex()[..32], 16).expect("a digest is hexadecimal")
    };
    let rows = (0u32..).zip(dataset.iter()?).map(|(position, example)| {
        let example = example?;
        let text = bits(&Digest::of(&example.text));
        Ok(Row { text, id: bits(&example.id), split: example.split, position })
    });
    let mut rows: Vec<Row> = rows.collect::<Result<_, CurationError>>()?;
    rows.sort_unstable();
    Ok(rows)
}

/// Runs of equal texts from both sides, in order of text.
fn same_texts<'a>(from: &'a [Row], to: &'a [Row]) -> Vec<(&'a [Row], &'a [Row])> {
    let mut runs = Vec::new();
    let (mut from, mut to) = (from, to);
    while let Some(text) = [from.first(), to.first()].into_iter().flatten().map(|it| it.text).min()
    {
        let cut = |rows: &[Row]| rows.iter().take_while(|it| it.text == text).count();
        let ((a, rest_from), (b, rest_to)) = (from.split_at(cut(from)), to.split_at(cut(to)));
        runs.push((a, b));
        (from, to) = (rest_from, rest_to);
    }
    runs
}

/// Matches the occurrences of one text; returns how many did not change.
fn pair_up(from: &[Row], to: &[Row], pairs: &mut Vec<Pair>) -> u64 {
    let (mut from, mut to) = (from.to_vec(), to.to_vec());
    let unchanged = match_by(&mut from, &mut to, |it| (it.id, Some(it.split))).len() as u64;
    let moved = match_by(&mut from, &mut to, |it| (it.id, None));
    let relabelled = match_by(&mut from, &mut to, |_| (0, None));
    let both = moved.into_iter().chain(relabelled);
    pairs.extend(both.map(|(a, b)| Pair { from: Some(a), to: Some(b) }));
    pairs.extend(from.into_iter().map(|it| Pair { from: Some(it), to: None }));
    pairs.extend(to.into_iter().map(|it| Pair { from: None, to: Some(it) }));
    unchanged
}

/// Takes pairs with equal keys out of both sides, which are in order of every key used here.
fn match_by(
    from: &mut Vec<Row>,
    to: &mut Vec<Row>,
    key: impl Fn(&Row) -> (u128, Option<Split>),
) -> Vec<(Row, Row)> {
    let (mut matched, mut left, mut right) = (Vec::new(), Vec::new(), Vec::new());
    let (mut a, mut b) = (from.iter().peekable(), to.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match key(x).cmp(&key(y)) {
            std::cmp::Ordering::Less => left.extend(a.next()),
            std::cmp::Ordering::Greater => right.extend(b.next()),
            std::cmp::Ordering::Equal => matched.extend(a.next().copied().zip(b.next().copied())),
        }
    }
    left.extend(a);
    right.extend(b);
    (*from, *to) = (left, right);
    matched
}

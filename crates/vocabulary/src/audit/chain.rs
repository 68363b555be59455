//! The chain: each record's hash covers the hash before it, so a change in the middle breaks all
//! that follows unless everything behind it is written anew, which a checkpoint then shows.

use std::fmt;

use serde::Serialize;

use super::merkle::{Tree, leaf};
use super::{AuditRecord, Checkpoint, Hash, canonical};

/// The hash of a record: SHA-256 over the hash before it and its canonical bytes. Before the first
/// stands [`Hash::ZERO`].
#[must_use]
pub fn link(previous: &Hash, canonical: &[u8]) -> Hash {
    Hash::of(&[&previous.0, canonical])
}

/// A record as it lies in the ledger: bytes that nothing is assumed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The place at which it was found.
    pub place: i64,
    pub record: Vec<u8>,
    /// The hash that was stored with it, in hexadecimal.
    pub hash: Vec<u8>,
}

/// Something is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The record at which it shows.
    pub record: i64,
    #[serde(flatten)]
    pub what: FaultKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing stands from this place up to the last one named.
    Missing { until: i64 },
    /// The record at this place says that it belongs elsewhere.
    Misplaced { says: u64 },
    /// Its bytes are no canonical record.
    Unreadable { why: String },
    /// Its hash does not follow from its bytes and the hash before.
    Altered,
    /// A checkpoint covers records from this place on that are not there.
    Truncated { checkpoint: u64 },
    /// The chain is whole, but a checkpoint has seen another history: something from this place up
    /// to the size of the checkpoint was written anew.
    Rewritten { checkpoint: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record;
        match &self.what {
            FaultKind::Missing { until } if *until == record => {
                write!(f, "record {record} is missing")
            }
            FaultKind::Missing { until } => write!(f, "records {record} to {until} are missing"),
            FaultKind::Misplaced { says } => write!(
                f,
                "record {record} was written as record {says}: the order was changed, or a record was put in or taken out here"
            ),
            FaultKind::Unreadable { why } => write!(f, "record {record} is unreadable: {why}"),
            FaultKind::Altered => write!(
                f,
                "record {record} does not follow from the record before it: it was changed, put in, or its predecessor was"
            ),
            FaultKind::Truncated { checkpoint } => write!(
                f,
                "the log was cut off at record {record}: a checkpoint has seen {checkpoint} records"
            ),
            FaultKind::Rewritten { checkpoint } => write!(
                f,
                "history was written anew between record {record} and record {checkpoint}: the checkpoint of {checkpoint} records has seen another one"
            ),
        }
    }
}

/// Most faults that are described; what goes wrong early often shows many times over.
pub const FAULTS_MAX: usize = 100;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub records: u64,
    /// The hash of the last record.
    pub head: Hash,
    /// The root of the Merkle tree over all records.
    pub root: Hash,
    /// Checkpoints that were compared.
    pub checkpoints: usize,
    pub faults: Vec<Fault>,
    /// All faults, described or not.
    pub faults_found: u64,
}

/// Reads a log from its first record to its last and notes what is wrong.
#[derive(Debug)]
pub struct Verifier {
    next: i64,
    /// The hash that the next record must follow; none where it is missing.
    previous: Option<Hash>,
    tree: Tree,
    /// By size.
    checkpoints: Vec<Checkpoint>,
    compared: usize,
    /// What the largest checkpoint that fits covers.
    covered: u64,
    faults: Vec<Fault>,
    faults_found: u64,
}

impl Verifier {
    /// Compares with these checkpoints on the way.
    #[must_use]
    pub fn new(mut checkpoints: Vec<Checkpoint>) -> Self {
        checkpoints.sort_by_key(|it| it.size);
        let mut verifier = Self {
            next: 1,
            previous: Some(Hash::ZERO),
            tree: Tree::default(),
            checkpoints,
            compared: 0,
            covered: 0,
            faults: Vec::new(),
            faults_found: 0,
        };
        verifier.compare();
        verifier
    }

    /// The next record in the order of places; gives it back if it can be read.
    pub fn take(&mut self, stored: &StoredRecord) -> Option<AuditRecord> {
        if stored.place > self.next {
            self.note(self.next, FaultKind::Missing { until: stored.place - 1 });
            self.previous = None;
        }
        let hash = Hash::from_hex(&stored.hash);
        let follows = match (&self.previous, hash) {
            (Some(previous), Some(hash)) => link(previous, &stored.record) == hash,
            // What stood before is missing already; the next record will be judged by this one.
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let record = match read(&stored.record) {
            Err(why) => {
                self.note(stored.place, FaultKind::Unreadable { why });
                None
            }
            Ok(record) => {
                if u64::try_from(stored.place) != Ok(record.sequence) {
                    self.note(stored.place, FaultKind::Misplaced { says: record.sequence });
                } else if !follows {
                    self.note(stored.place, FaultKind::Altered);
                }
                Some(record)
            }
        };
        self.previous = hash;
        self.next = stored.place.saturating_add(1);
        self.tree.push(leaf(&stored.record));
        self.compare();
        record
    }

    /// The verdict, after the last record.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let seen = self.tree.size();
        let unseen = self.checkpoints.last().map(|it| it.size).filter(|size| *size > seen);
        if let Some(checkpoint) = unseen {
            self.note(self.next, FaultKind::Truncated { checkpoint });
        }
        Verdict {
            records: seen,
            head: self.previous.unwrap_or(Hash::ZERO),
            root: self.tree.root(),
            checkpoints: self.checkpoints.len(),
            faults: self.faults,
            faults_found: self.faults_found,
        }
    }

    fn compare(&mut self) {
        let size = self.tree.size();
        while let Some(checkpoint) = self.checkpoints.get(self.compared)
            && checkpoint.size == size
        {
            self.compared += 1;
            if checkpoint.root == self.tree.root() {
                self.covered = size;
            } else {
                let from = i64::try_from(self.covered).unwrap_or(i64::MAX).saturating_add(1);
                self.note(from, FaultKind::Rewritten { checkpoint: size });
            }
        }
    }

    fn note(&mut self, record: i64, what: FaultKind) {
        self.faults_found += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { record, what });
        }
    }
}

/// Reads what must be one canonical record.
fn read(bytes: &[u8]) -> Result<AuditRecord, String> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let expected = canonical(&value).map_err(|error| error.to_string())?;
    if expected.as_bytes() != bytes {
        return Err("it is not canonical JSON".to_owned());
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::act::{Act, KeyRevoked};
    use super::super::{AuditDraft, merkle};
    use super::*;
    use crate::Timestamp;

    /// A log of that many records.
    fn log(size: u64) -> Vec<StoredRecord> {
        sealed((1..=size).map(|sequence| record(sequence, "ada")))
    }

    fn record(sequence: u64, actor: &str) -> AuditRecord {
        let at = Timestamp::from_micros(sequence.cast_signed());
        let (actor, subject) = (actor.to_owned(), "ci".to_owned());
        AuditDraft { at, actor, subject, act: Act::KeyRevoked(KeyRevoked {}) }.at_place(sequence)
    }

    /// Chains records as their writer does.
    fn sealed(records: impl Iterator<Item = AuditRecord>) -> Vec<StoredRecord> {
        let mut previous = Hash::ZERO;
        let seal = |(place, record): (i64, AuditRecord)| {
            let record = record.canonical().unwrap().into_bytes();
            previous = link(&previous, &record);
            StoredRecord { place, record, hash: previous.to_string().into_bytes() }
        };
        (1..).zip(records).map(seal).collect()
    }

    fn checkpoint(of: &[StoredRecord]) -> Checkpoint {
        let mut tree = Tree::default();
        of.iter().for_each(|it| tree.push(merkle::leaf(&it.record)));
        Checkpoint::new("acme/audit", tree.size(), tree.root()).unwrap()
    }

    fn verdict(log: &[StoredRecord], checkpoints: &[Checkpoint]) -> Verdict {
        let mut verifier = Verifier::new(checkpoints.to_vec());
        log.iter().for_each(|it| drop(verifier.take(it)));
        verifier.finish()
    }

    #[track_caller]
    fn check(log: &[StoredRecord], checkpoints: &[Checkpoint], expected: &str) {
        let verdict = verdict(log, checkpoints);
        let first = verdict.faults.first().map_or_else(String::new, ToString::to_string);
        assert!(first.contains(expected), "{expected}: {:?}", verdict.faults);
        assert_eq!(expected.is_empty(), verdict.faults_found == 0, "{:?}", verdict.faults);
    }

    #[test]
    fn a_log_as_it_was_written_is_whole() {
        check(&[], &[checkpoint(&[])], "");
        let log = log(9);
        let checkpoints: Vec<Checkpoint> = (0..=9).map(|size| checkpoint(&log[..size])).collect();
        check(&log, &checkpoints, "");
        let verdict = verdict(&log, &[]);
        assert_eq!((verdict.records, verdict.root), (9, checkpoints[9].root));
        assert_eq!(verdict.head.to_string().into_bytes(), log[8].hash);
    }

    #[test]
    fn a_changed_byte_is_found_where_it_is() {
        for place in 0..9 {
            let mut log = log(9);
            let text = String::from_utf8(log[place].record.clone()).unwrap();
            log[place].record = text.replace("ada", "bob").into_bytes();
            check(&log, &[], &format!("record {} does not follow", place + 1));
            assert_eq!(verdict(&log, &[]).faults_found, 1);
        }
        let mut log = log(3);
        log[1].hash[0] ^= 1;
        check(&log, &[], "record 2 does not follow");
        log[1].record[0] = b'[';
        check(&log, &[], "record 2 is unreadable");
        log[1].record = [log[0].record.as_slice(), b" "].concat();
        check(&log, &[], "record 2 is unreadable: it is not canonical");
    }

    #[test]
    fn a_missing_record_is_named() {
        for place in 0..8 {
            let mut log = log(9);
            log.remove(place);
            check(&log, &[], &format!("record {} is missing", place + 1));
            // Closing the gap does not hide it.
            for (number, it) in (1..).zip(&mut log) {
                it.place = number;
            }
            check(
                &log,
                &[],
                &format!("record {0} was written as record {1}", place + 1, place + 2),
            );
        }
        let mut log = log(9);
        log.drain(2..5);
        check(&log, &[], "records 3 to 5 are missing");
    }

    #[test]
    fn another_order_and_a_record_put_in_are_found() {
        let mut swapped = log(9);
        swapped.swap(3, 4);
        (swapped[3].place, swapped[4].place) = (4, 5);
        check(&swapped, &[], "record 4 was written as record 5");
        let mut longer = log(9);
        let mut extra = longer[3].clone();
        extra.record = record(5, "eve").canonical().unwrap().into_bytes();
        let previous = Hash::from_hex(&longer[3].hash).unwrap();
        extra.hash = link(&previous, &extra.record).to_string().into_bytes();
        longer.insert(4, extra);
        for (number, it) in (1..).zip(&mut longer) {
            it.place = number;
        }
        check(&longer, &[], "record 6 was written as record 5");
        let mut before = log(2);
        before.insert(0, StoredRecord { place: 0, ..before[0].clone() });
        check(&before, &[], "record 0 was written as record 1");
    }

    #[test]
    fn only_a_checkpoint_shows_that_the_end_is_gone() {
        let whole = log(9);
        check(&whole[..6], &[], "");
        check(&whole[..6], &[checkpoint(&whole)], "cut off at record 7");
        check(&[], &[checkpoint(&whole)], "cut off at record 1");
    }

    #[test]
    fn only_checkpoints_show_where_history_was_written_anew() {
        let whole = log(9);
        let kept: Vec<Checkpoint> = [3, 6, 9].map(|size| checkpoint(&whole[..size])).into();
        let forged = sealed((1..=9).map(|it| record(it, if it == 5 { "eve" } else { "ada" })));
        check(&forged, &[], "");
        check(&forged, &kept, "between record 4 and record 6");
        assert_eq!(verdict(&forged, &kept).faults_found, 2);
    }
}

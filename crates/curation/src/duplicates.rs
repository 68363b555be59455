//! Groups of duplicates: rows that must never stand in different splits.
//!
//! Two rows belong together when their normal forms are equal, or when the Jaccard similarity of
//! their character n-grams reaches the threshold. Candidates come from MinHash bands (Broder
//! 1997; Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, §3.4); each candidate is
//! verified on the full n-gram sets, since the estimate alone errs in both directions. Groups are
//! the transitive closure. Nothing here decides what happens to a group.

use freehold_vocabulary::ports::Progress;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::CurationError;
use crate::staging::Staged;

mod bands;
mod shingles;
mod union_find;

use bands::MinHash;
use union_find::UnionFind;

/// Rows per unit of parallel work and of progress.
const CHUNK_ROWS: usize = 2048;
/// Verified pairs that are kept for reports.
const PAIRS_KEPT: usize = 10_000;
/// Earlier rows of a bucket with which a row is compared; larger buckets are compared in part.
const PEERS_MAX: usize = 64;

/// What counts as a near-duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicates {
    /// Least Jaccard similarity of two n-gram sets, from 0.6 to 1.
    pub jaccard_min: f64,
    /// Characters in an n-gram of the normal form; a shorter text is one n-gram.
    pub gram_chars: u32,
}

impl Default for NearDuplicates {
    fn default() -> Self {
        Self { jaccard_min: 0.8, gram_chars: 5 }
    }
}

impl NearDuplicates {
    /// Minimum hashes in a band.
    pub const BAND_ROWS: u32 = 5;
    /// Chance that a pair exactly at the threshold is overlooked.
    const MISSED_MAX: f64 = 1e-3;

    /// Bands needed to overlook a pair at the threshold with a chance of at most one in a
    /// thousand: the least `b` with `(1 − s^r)^b ≤ 0.001`.
    #[must_use]
    pub fn bands(&self) -> u32 {
        let collide = self.jaccard_min.powi(Self::BAND_ROWS as i32);
        if collide >= 1.0 {
            return 1;
        }
        (Self::MISSED_MAX.ln() / (1.0 - collide).ln()).ceil() as u32
    }

    pub(crate) fn check(&self) -> Result<(), CurationError> {
        if !(0.6..=1.0).contains(&self.jaccard_min) {
            return Err(CurationError::Request(format!(
                "the near-duplicate threshold is {}; use a Jaccard similarity from 0.6 to 1",
                self.jaccard_min
            )));
        }
        if !(1..=32).contains(&self.gram_chars) {
            return Err(CurationError::Request(format!(
                "near-duplicates are compared by n-grams of {} characters; use 1 to 32",
                self.gram_chars
            )));
        }
        Ok(())
    }
}

/// Two rows whose similarity was verified.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NearPair {
    pub(crate) rows: [u32; 2],
    pub(crate) jaccard: f32,
}

/// Every row's group.
#[derive(Debug)]
pub(crate) struct Groups {
    /// The smallest row of the group to which the row belongs.
    pub(crate) group_of: Vec<u32>,
    /// Rows in order of key, so that rows with equal normal forms are neighbours.
    pub(crate) by_key: Vec<u32>,
    /// Verified pairs that joined two groups, the first [`PAIRS_KEPT`] of them.
    pub(crate) near_pairs: Vec<NearPair>,
}

/// Groups all rows.
pub(crate) fn group(
    staged: &Staged,
    near: &NearDuplicates,
    progress: &dyn Progress,
) -> Result<Groups, CurationError> {
    let rows = u32::try_from(staged.len()).expect("the number of rows is limited");
    let mut by_key: Vec<u32> = (0..rows).collect();
    by_key.par_sort_unstable_by_key(|row| (staged.rows[*row as usize].key(), *row));
    let mut sets = UnionFind::new(rows);
    let mut distinct = Vec::new();
    for same in by_key.chunk_by(|a, b| key(staged, *a) == key(staged, *b)) {
        distinct.push(same[0]);
        same.iter().for_each(|row| sets.union(same[0], *row));
    }
    distinct.sort_unstable();
    let near_pairs = if near.jaccard_min < 1.0 {
        join_near(staged, near, &distinct, &mut sets, progress)?
    } else {
        Vec::new()
    };
    Ok(Groups { group_of: sets.into_roots(), by_key, near_pairs })
}

fn key(staged: &Staged, row: u32) -> u128 {
    staged.rows[row as usize].key()
}

/// Joins the groups of near-duplicates; `distinct` holds one row per normal form.
fn join_near(
    staged: &Staged,
    near: &NearDuplicates,
    distinct: &[u32],
    sets: &mut UnionFind,
    progress: &dyn Progress,
) -> Result<Vec<NearPair>, CurationError> {
    let bands = near.bands() as usize;
    progress.begin("hashing texts", Some(distinct.len() as u64));
    let keys = band_keys(staged, near, distinct, progress)?;
    progress.end();
    progress.begin("comparing near-duplicates", Some(bands as u64));
    let mut kept = Vec::new();
    for band in 0..bands {
        let mut bucketed: Vec<(u32, u32)> =
            distinct.iter().enumerate().map(|(at, row)| (keys[at * bands + band], *row)).collect();
        bucketed.par_sort_unstable();
        let buckets: Vec<&[(u32, u32)]> =
            bucketed.chunk_by(|a, b| a.0 == b.0).filter(|it| it.len() > 1).collect();
        // Every bucket sees the groups as they were before the band, so that the result does not
        // depend on the order in which threads finish.
        let snapshot = &*sets;
        let found: Vec<Vec<NearPair>> = buckets
            .par_iter()
            .map_init(
                || staged.window(),
                |window, bucket| {
                    Comparison { staged, near, sets: snapshot }.pairs_of(bucket, window)
                },
            )
            .collect::<Result<_, _>>()?;
        for pair in found.into_iter().flatten() {
            let [a, b] = pair.rows;
            if sets.find(a) != sets.find(b) && kept.len() < PAIRS_KEPT {
                kept.push(pair);
            }
            sets.union(a, b);
        }
        progress.advance(1);
    }
    progress.end();
    Ok(kept)
}

/// The band keys of every distinct text, row by row.
fn band_keys(
    staged: &Staged,
    near: &NearDuplicates,
    distinct: &[u32],
    progress: &dyn Progress,
) -> Result<Vec<u32>, CurationError> {
    let bands = near.bands() as usize;
    let hashes = MinHash::new(bands, NearDuplicates::BAND_ROWS as usize);
    let mut keys = vec![0; distinct.len() * bands];
    keys.par_chunks_mut(CHUNK_ROWS * bands).zip(distinct.par_chunks(CHUNK_ROWS)).try_for_each(
        |(keys, rows)| {
            let mut window = staged.window();
            let mut grams = Vec::new();
            for (key, row) in keys.chunks_exact_mut(bands).zip(rows) {
                let text = staged.text(*row as usize, &mut window)?;
                shingles::of(text, near.gram_chars as usize, &mut grams);
                hashes.keys(&grams, key);
            }
            progress.advance(rows.len() as u64);
            Ok::<(), CurationError>(())
        },
    )?;
    Ok(keys)
}

/// Verifies the candidates of one bucket.
struct Comparison<'a> {
    staged: &'a Staged,
    near: &'a NearDuplicates,
    sets: &'a UnionFind,
}

/// A row of the bucket with which later rows are compared.
struct Peer {
    row: u32,
    group: u32,
    grams: Vec<u64>,
}

impl Comparison<'_> {
    /// Pairs that reach the threshold and connect groups that were apart.
    fn pairs_of(
        &self,
        bucket: &[(u32, u32)],
        window: &mut crate::staging::Window<'_>,
    ) -> Result<Vec<NearPair>, CurationError> {
        let first = self.sets.find(bucket[0].1);
        if bucket.iter().all(|(_, row)| self.sets.find(*row) == first) {
            return Ok(Vec::new());
        }
        let mut peers: Vec<Peer> = Vec::new();
        let mut pairs = Vec::new();
        for (_, row) in bucket {
            let mut grams = Vec::new();
            let text = self.staged.text(*row as usize, window)?;
            shingles::of(text, self.near.gram_chars as usize, &mut grams);
            let mut group = self.sets.find(*row);
            for at in 0..peers.len() {
                if peers[at].group == group {
                    continue;
                }
                let jaccard = shingles::jaccard(&peers[at].grams, &grams);
                if jaccard >= self.near.jaccard_min {
                    pairs.push(NearPair { rows: [peers[at].row, *row], jaccard: jaccard as f32 });
                    let joined = std::mem::replace(&mut group, peers[at].group);
                    for peer in peers.iter_mut().filter(|it| it.group == joined) {
                        peer.group = group;
                    }
                }
            }
            if peers.len() < PEERS_MAX {
                peers.push(Peer { row: *row, group, grams });
            }
        }
        Ok(pairs)
    }
}

//! Carves splits out of train, label by label, whole groups at a time.
//!
//! For each label in turn, its groups are put in an order drawn from the seed and given to the
//! split that lacks most. What rounding leaves over is carried to the next label, so that the
//! shares hold over all rows. Every label keeps a row in train.

use std::collections::BTreeMap;

use freehold_vocabulary::{Random, Seed, Split};

use crate::duplicates::Groups;
use crate::staging::Staged;

/// A group of rows that move together.
#[derive(Debug, Clone, Copy)]
struct Unit {
    group: u32,
    rows: u32,
    /// Its place in the order of the seed.
    place: u64,
}

/// Moves train rows in `splits` to the splits with a share above zero.
pub(super) fn carve(
    staged: &Staged,
    groups: &Groups,
    shares: &[(Split, f64); 3],
    seed: Seed,
    splits: &mut [Option<Split>],
) {
    if shares.iter().all(|(_, share)| *share <= 0.0) {
        return;
    }
    let strata = strata(staged, groups, splits, seed);
    let mut assigned: Vec<Option<Split>> = vec![None; splits.len()];
    let mut carried = [0.0f64; 3];
    for units in strata.values() {
        let total: f64 = units.iter().map(|it| f64::from(it.rows)).sum();
        let mut lacking: [f64; 3] = std::array::from_fn(|it| shares[it].1 * total + carried[it]);
        for (position, unit) in units.iter().enumerate() {
            let most = (0..3).max_by(|a, b| lacking[*a].total_cmp(&lacking[*b])).expect("three");
            let rows = f64::from(unit.rows);
            // The first group stays in train; a group goes where it overshoots by less than half.
            if position > 0 && shares[most].1 > 0.0 && lacking[most] > rows / 2.0 {
                lacking[most] -= rows;
                assigned[unit.group as usize] = Some(shares[most].0);
            }
        }
        // Bounded by what rounding can leave, so that a hundred labels with one row do not empty
        // the next one.
        let bound = units.iter().map(|it| f64::from(it.rows) / 2.0).fold(0.5, f64::max);
        carried = lacking.map(|it| it.clamp(-bound, bound));
    }
    keep_labels_in_train(staged, groups, splits, &mut assigned);
    for (split, group) in splits.iter_mut().zip(&groups.group_of) {
        if *split == Some(Split::Train) && assigned[*group as usize].is_some() {
            *split = assigned[*group as usize];
        }
    }
}

/// The train groups of every label in the order of the seed. A group with several labels counts
/// under its rarest one; rows out of scope have a stratum of their own.
fn strata<'a>(
    staged: &'a Staged,
    groups: &Groups,
    splits: &[Option<Split>],
    seed: Seed,
) -> BTreeMap<Option<&'a str>, Vec<Unit>> {
    let in_train = |row: usize| splits[row] == Some(Split::Train);
    let mut counts = vec![0u64; staged.labels.len()];
    for row in (0..splits.len()).filter(|it| in_train(*it)) {
        staged.label_codes(row).iter().for_each(|code| counts[*code as usize] += 1);
    }
    let rarity = |code: u32| (counts[code as usize], &staged.labels[code as usize]);
    let mut sizes = vec![0u32; splits.len()];
    let mut rarest: Vec<Option<u32>> = vec![None; splits.len()];
    let mut least_key = vec![u128::MAX; splits.len()];
    for row in (0..splits.len()).filter(|it| in_train(*it)) {
        let group = groups.group_of[row] as usize;
        sizes[group] += 1;
        least_key[group] = least_key[group].min(staged.rows[row].key());
        for code in staged.label_codes(row) {
            if rarest[group].is_none_or(|it| rarity(*code) < rarity(it)) {
                rarest[group] = Some(*code);
            }
        }
    }
    let mut strata: BTreeMap<Option<&str>, Vec<Unit>> = BTreeMap::new();
    for group in (0..splits.len()).filter(|it| sizes[*it] > 0) {
        let label = rarest[group].map(|it| staged.labels[it as usize].as_str());
        let key = least_key[group];
        // The place depends on the text alone, never on the position of a row in its file.
        let place = Random::new(Seed(seed.0 ^ (key >> 64) as u64 ^ key as u64)).bits();
        let unit = Unit { group: group as u32, rows: sizes[group], place };
        strata.entry(label).or_default().push(unit);
    }
    for units in strata.values_mut() {
        units.sort_unstable_by_key(|it| (it.place, least_key[it.group as usize]));
    }
    strata
}

/// Gives groups back to train, so that every label that has a carvable row has one there. More
/// rows in train never take a label away from it, so one pass is enough.
fn keep_labels_in_train(
    staged: &Staged,
    groups: &Groups,
    splits: &[Option<Split>],
    assigned: &mut [Option<Split>],
) {
    let train = || (0..splits.len()).filter(|row| splits[*row] == Some(Split::Train));
    let mut sizes = vec![0u32; splits.len()];
    train().for_each(|row| sizes[groups.group_of[row] as usize] += 1);
    let mut trained = vec![false; staged.labels.len()];
    let mut smallest: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for row in train() {
        let group = groups.group_of[row];
        for code in staged.label_codes(row) {
            if assigned[group as usize].is_none() {
                trained[*code as usize] = true;
            } else {
                let candidate = (sizes[group as usize], group);
                let known = smallest.entry(*code).or_insert(candidate);
                *known = candidate.min(*known);
            }
        }
    }
    for (code, (_, group)) in smallest {
        if !trained[code as usize] {
            assigned[group as usize] = None;
        }
    }
}

//! The Merkle tree of RFC 6962 and RFC 9162: one root for a list that only grows.
//!
//! A leaf is hashed behind a zero byte and a node behind a one, so that neither can pass for the
//! other. Proofs are short: the hashes beside the way from a leaf, or from an old root, to the
//! new one.

use super::Hash;

/// The hash of a leaf.
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    Hash::of(&[&[0], entry])
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// A tree that keeps only what the next root needs: one hash for each full subtree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// Roots of full subtrees, the largest first; one for each bit that is set in `size`.
    peaks: Vec<Hash>,
}

impl Tree {
    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut carried = leaf;
        // Like adding one to a binary number: every trailing one is a subtree to merge with.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("each bit of the size has its subtree");
            carried = node(left, carried);
        }
        self.peaks.push(carried);
        self.size += 1;
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root; that of an empty tree is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let peaks = self.peaks.iter().rev().copied();
        peaks.reduce(|right, left| node(left, right)).unwrap_or_else(|| Hash::of(&[]))
    }
}

/// A proof does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProof {
    #[error("the proof asks for a place beyond the end of the tree")]
    OutOfRange,
    #[error("the proof has the wrong number of hashes for these sizes")]
    WrongLength,
    #[error("the proof leads to another root")]
    WrongRoot,
}

/// The hashes beside the way from leaf `index` to the root; none when there is no such leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    (index < leaves.len()).then(|| {
        let mut proof = Vec::new();
        let (mut leaves, mut index) = (leaves, index);
        while leaves.len() > 1 {
            let (left, right) = leaves.split_at(split(leaves.len()));
            let beside = if index < left.len() { right } else { left };
            proof.push(root_of(beside));
            if index < left.len() {
                leaves = left;
            } else {
                index -= left.len();
                leaves = right;
            }
        }
        // The way was walked downwards.
        proof.reverse();
        proof
    })
}

/// Checks that a leaf stands at `index` of the tree of that size and root (RFC 9162, 2.1.3.2).
///
/// # Errors
/// When it does not, or the proof is not one.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), InvalidProof> {
    if index >= size {
        return Err(InvalidProof::OutOfRange);
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = leaf;
    for beside in proof {
        if last == 0 {
            return Err(InvalidProof::WrongLength);
        }
        if place & 1 == 1 || place == last {
            hash = node(*beside, hash);
            let climb = skipped(place);
            (place, last) = (place >> climb, last >> climb);
        } else {
            hash = node(hash, *beside);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    arrived(last, &[(hash, root)])
}

/// The hashes that show that the tree of the first `size` leaves is the beginning of the tree of
/// all; none when there are not so many, or none at all.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], size: usize) -> Option<Vec<Hash>> {
    (1..=leaves.len()).contains(&size).then(|| {
        let mut proof = Vec::new();
        let (mut leaves, mut size) = (leaves, size);
        // Whether the old tree is a subtree whose root the verifier knows.
        let mut known = true;
        while size < leaves.len() {
            let (left, right) = leaves.split_at(split(leaves.len()));
            if size <= left.len() {
                proof.push(root_of(right));
                leaves = left;
            } else {
                proof.push(root_of(left));
                size -= left.len();
                leaves = right;
                known = false;
            }
        }
        if !known {
            proof.push(root_of(leaves));
        }
        proof.reverse();
        proof
    })
}

/// Checks that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2).
///
/// # Errors
/// When it is not, or the proof is not one.
pub fn verify_consistency(
    (old_size, old_root): (u64, Hash),
    (new_size, new_root): (u64, Hash),
    proof: &[Hash],
) -> Result<(), InvalidProof> {
    if old_size == 0 || old_size > new_size {
        return Err(InvalidProof::OutOfRange);
    }
    if old_size == new_size {
        let length = if proof.is_empty() { 0 } else { 1 };
        return arrived(length, &[(old_root, new_root)]);
    }
    // The root of a full old tree is not in the proof, since the verifier has it.
    let full = old_size.is_power_of_two().then_some(old_root);
    let mut hashes = full.into_iter().chain(proof.iter().copied());
    let Some(first) = hashes.next() else { return Err(InvalidProof::WrongLength) };
    let climb = (old_size - 1).trailing_ones();
    let (mut place, mut last) = ((old_size - 1) >> climb, (new_size - 1) >> climb);
    let (mut old, mut new) = (first, first);
    for beside in hashes {
        if last == 0 {
            return Err(InvalidProof::WrongLength);
        }
        if place & 1 == 1 || place == last {
            old = node(beside, old);
            new = node(beside, new);
            let climb = skipped(place);
            (place, last) = (place >> climb, last >> climb);
        } else {
            new = node(new, beside);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    arrived(last, &[(old, old_root), (new, new_root)])
}

/// Levels at which the right edge of the tree has no sibling.
const fn skipped(place: u64) -> u32 {
    if place == 0 { 0 } else { place.trailing_zeros() }
}

fn arrived(left: u64, pairs: &[(Hash, Hash)]) -> Result<(), InvalidProof> {
    if left != 0 {
        Err(InvalidProof::WrongLength)
    } else if pairs.iter().any(|(found, expected)| found != expected) {
        Err(InvalidProof::WrongRoot)
    } else {
        Ok(())
    }
}

/// The largest power of two below `count`, which is at least 2.
const fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entries of the tests of google/certificate-transparency.
    const ENTRIES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    /// The roots of their first 0 to 8.
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    const LEFT_OF_1: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const NODE_2_3: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const NODE_4_7: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const NODE_6_7: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    const NODE_4_5: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

    fn hash(hex: &str) -> Hash {
        Hash::from_hex(hex.as_bytes()).unwrap()
    }

    fn published(size: usize) -> Vec<Hash> {
        ENTRIES[..size].iter().map(|entry| leaf(entry)).collect()
    }

    #[track_caller]
    fn check_inclusion(index: usize, size: usize, expected: &[&str]) {
        let expected: Vec<Hash> = expected.iter().map(|hex| hash(hex)).collect();
        assert_eq!(inclusion_proof(&published(size), index).unwrap(), expected);
    }

    #[track_caller]
    fn check_consistency(old: usize, new: usize, expected: &[&str]) {
        let expected: Vec<Hash> = expected.iter().map(|hex| hash(hex)).collect();
        assert_eq!(consistency_proof(&published(new), old).unwrap(), expected);
    }

    #[test]
    fn roots_are_the_published_ones() {
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(root_of(&published(size)), hash(root), "{size}");
        }
    }

    #[test]
    fn inclusion_proofs_are_the_published_ones() {
        check_inclusion(0, 1, &[]);
        check_inclusion(0, 8, &[LEAF_1, NODE_2_3, NODE_4_7]);
        check_inclusion(5, 8, &[LEAF_4, NODE_6_7, ROOTS[4]]);
        check_inclusion(2, 3, &[ROOTS[2]]);
        check_inclusion(1, 5, &[LEFT_OF_1, NODE_2_3, LEAF_4]);
    }

    #[test]
    fn consistency_proofs_are_the_published_ones() {
        check_consistency(1, 1, &[]);
        check_consistency(1, 8, &[LEAF_1, NODE_2_3, NODE_4_7]);
        check_consistency(6, 8, &[NODE_4_5, NODE_6_7, ROOTS[4]]);
        check_consistency(2, 5, &[NODE_2_3, LEAF_4]);
    }

    /// Every proof of every tree up to this size.
    const EVERY_SIZE_UP_TO: usize = 33;

    fn numbered(size: usize) -> Vec<Hash> {
        (0..size).map(|number| leaf(&[u8::try_from(number).unwrap()])).collect()
    }

    /// Ways to spoil a proof: another hash, one more, one less.
    fn spoiled(proof: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all: Vec<Vec<Hash>> = (0..proof.len())
            .map(|place| {
                let mut other = proof.to_vec();
                other[place].0[0] ^= 1;
                other
            })
            .collect();
        all.push(proof.iter().copied().chain([Hash::ZERO]).collect());
        all.extend(proof.split_last().map(|(_, rest)| rest.to_vec()));
        all
    }

    #[test]
    fn every_inclusion_is_proved_and_nothing_else() {
        for size in 1..=EVERY_SIZE_UP_TO {
            let leaves = numbered(size);
            let (root, count) = (root_of(&leaves), size as u64);
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).unwrap();
                let verify = |leaf, place: u64, proof: &[Hash]| {
                    verify_inclusion(leaf, place, count, proof, root)
                };
                verify(leaves[index], index as u64, &proof).unwrap();
                for bad in spoiled(&proof) {
                    verify(leaves[index], index as u64, &bad).unwrap_err();
                }
                let other = (index as u64 + 1) % count;
                if size > 1 {
                    verify(leaves[index], other, &proof).unwrap_err();
                }
                verify(Hash::ZERO, index as u64, &proof).unwrap_err();
            }
            assert_eq!(inclusion_proof(&leaves, size), None);
            let beyond = verify_inclusion(leaves[0], count, count, &[], root);
            assert_eq!(beyond, Err(InvalidProof::OutOfRange));
        }
    }

    #[test]
    fn every_growth_is_proved_and_nothing_else() {
        for new in 1..=EVERY_SIZE_UP_TO {
            let leaves = numbered(new);
            let root = root_of(&leaves);
            for old in 1..=new {
                let proof = consistency_proof(&leaves, old).unwrap();
                let before = (old as u64, root_of(&leaves[..old]));
                let after = (new as u64, root);
                verify_consistency(before, after, &proof).unwrap();
                for bad in spoiled(&proof) {
                    verify_consistency(before, after, &bad).unwrap_err();
                }
                verify_consistency((before.0, Hash::ZERO), after, &proof).unwrap_err();
                verify_consistency(before, (after.0, Hash::ZERO), &proof).unwrap_err();
            }
            assert_eq!(consistency_proof(&leaves, 0), None);
            assert_eq!(consistency_proof(&leaves, new + 1), None);
        }
    }
}

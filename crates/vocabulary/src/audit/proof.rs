//! A proof that one record stands in a log, for someone who has nothing but the record and a
//! checkpoint (c2sp.org/tlog-proof).

use super::merkle::{InvalidProof, leaf, verify_inclusion};
use super::{Checkpoint, Hash};

/// That a record stands at `index`, counted from zero, of the log of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    pub index: u64,
    pub hashes: Vec<Hash>,
    /// The checkpoint as it was kept, with its signatures.
    pub checkpoint: String,
}

/// A text is not a proof.
#[derive(Debug, thiserror::Error)]
#[error("this is not a proof of inclusion: {0}")]
pub struct InvalidInclusion(String);

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// No tree of fewer than 2⁶⁴ leaves is higher.
const HASHES_MAX: usize = 64;

impl InclusionProof {
    /// The proof as it is kept.
    #[must_use]
    pub fn write(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| hash.base64() + "\n").collect();
        format!("{FIRST_LINE}\nindex {}\n{hashes}\n{}", self.index, self.checkpoint)
    }

    /// Reads a proof; extra data means nothing here.
    ///
    /// # Errors
    /// When a line is not what it should be.
    pub fn parse(text: &str) -> Result<Self, InvalidInclusion> {
        let refuse = |why: &str| InvalidInclusion(why.to_owned());
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| refuse("no checkpoint"))?;
        let mut lines = head.lines().peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(InvalidInclusion(format!("its first line is not `{FIRST_LINE}`")));
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let number = index.and_then(|it| it.parse().ok().filter(|n: &u64| n.to_string() == it));
        let index = number.ok_or_else(|| refuse("it has no line `index NUMBER`"))?;
        let hashes: Option<Vec<Hash>> = lines.take(HASHES_MAX + 1).map(Hash::from_base64).collect();
        let hashes = hashes.ok_or_else(|| refuse("a line is not the base 64 of a hash"))?;
        if hashes.len() > HASHES_MAX {
            return Err(InvalidInclusion(format!("it has more than {HASHES_MAX} hashes")));
        }
        Ok(Self { index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that these canonical bytes are the record that the proof is about, in the log of
    /// this checkpoint.
    ///
    /// # Errors
    /// When they are not.
    pub fn verify(&self, record: &[u8], checkpoint: &Checkpoint) -> Result<(), InvalidProof> {
        let Checkpoint { size, root, .. } = checkpoint;
        verify_inclusion(leaf(record), self.index, *size, &self.hashes, *root)
    }
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{Tree, inclusion_proof};
    use super::*;

    #[test]
    fn a_proof_survives_its_text_and_proves_one_record() {
        let records: Vec<Vec<u8>> = (0..11u8).map(|it| vec![it]).collect();
        let leaves: Vec<Hash> = records.iter().map(|it| leaf(it)).collect();
        let mut tree = Tree::default();
        leaves.iter().for_each(|it| tree.push(*it));
        let checkpoint = Checkpoint::new("acme/audit", tree.size(), tree.root()).unwrap();
        for index in 0..11 {
            let hashes = inclusion_proof(&leaves, index).unwrap();
            let proof =
                InclusionProof { index: index as u64, hashes, checkpoint: checkpoint.text() };
            assert_eq!(InclusionProof::parse(&proof.write()).unwrap(), proof);
            proof.verify(&records[index], &checkpoint).unwrap();
            proof.verify(b"other", &checkpoint).unwrap_err();
        }
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = InclusionProof::parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }

    #[test]
    fn other_texts_are_refused() {
        let hash = Hash::ZERO.base64();
        let checkpoint = format!("acme\n1\n{hash}\n");
        InclusionProof::parse(&format!("{FIRST_LINE}\nextra AA==\nindex 0\n\n{checkpoint}"))
            .unwrap();
        refused("", "no checkpoint");
        refused(&format!("c2sp.org/tlog-proof@v2\nindex 0\n\n{checkpoint}"), "first line");
        refused(&format!("{FIRST_LINE}\nindex 00\n\n{checkpoint}"), "index");
        refused(&format!("{FIRST_LINE}\nindex 0\nAA\n\n{checkpoint}"), "base 64");
        let many = format!("{hash}\n").repeat(65);
        refused(&format!("{FIRST_LINE}\nindex 0\n{many}\n{checkpoint}"), "64 hashes");
    }
}

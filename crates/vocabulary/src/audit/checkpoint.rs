//! A checkpoint: which log, how many records, which root. Three lines that fit anywhere, kept
//! where whoever can change the log cannot (c2sp.org/tlog-checkpoint).

use super::{Hash, Note};

/// The state of a log at one size.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Checkpoint {
    /// Which log it is.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// A text is not a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("this is not a checkpoint: {0}")]
pub struct InvalidCheckpoint(pub(super) String);

/// Longest origin, in bytes.
const ORIGIN_BYTES_MAX: usize = 256;

impl Checkpoint {
    /// A checkpoint of the log of that name.
    ///
    /// # Errors
    /// When the origin would not fit into its line.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, InvalidCheckpoint> {
        let fits = (1..=ORIGIN_BYTES_MAX).contains(&origin.len());
        if !fits || origin.chars().any(char::is_control) {
            let why = format!("its origin has 1 to {ORIGIN_BYTES_MAX} bytes on one line");
            return Err(InvalidCheckpoint(why));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The text of the note: what a signature covers.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.base64())
    }

    /// Reads the text of a note, signed or not. Lines behind the third belong to extensions, which
    /// mean nothing here.
    ///
    /// # Errors
    /// When it is not a note, or its first three lines are not those of a checkpoint.
    pub fn parse(text: &str) -> Result<Self, InvalidCheckpoint> {
        let refuse = |why: &str| InvalidCheckpoint(why.to_owned());
        let note = Note::parse(text).map_err(|error| InvalidCheckpoint(error.to_string()))?;
        let mut lines = note.text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(refuse("it has fewer than three lines: origin, size, root"));
        };
        if lines.any(str::is_empty) {
            return Err(refuse("a line of its text is empty"));
        }
        let number: Option<u64> = size.parse().ok();
        let number = number.filter(|it| it.to_string() == size);
        let number = number.ok_or_else(|| refuse("its second line is not the size of a log"))?;
        let root = Hash::from_base64(root)
            .ok_or_else(|| refuse("its third line is not the base 64 of a root"))?;
        Self::new(origin, number, root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of c2sp.org/tlog-checkpoint.
    const PUBLISHED: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    #[test]
    fn the_published_example_is_read() {
        let checkpoint = Checkpoint::parse(PUBLISHED).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        let (text, _) = PUBLISHED.split_once("\n\n").unwrap();
        assert_eq!(checkpoint.text(), format!("{text}\n"));
        assert_eq!(Checkpoint::parse(&checkpoint.text()).unwrap(), checkpoint);
        let extended = PUBLISHED.replace("q2I=\n", "q2I=\nanything\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap(), checkpoint);
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = Checkpoint::parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }

    #[test]
    fn other_texts_are_refused() {
        let root = Hash::ZERO.base64();
        refused("", "newline");
        refused("acme\n1\n", "three lines");
        refused(&format!("acme\n01\n{root}\n"), "second line");
        refused(&format!("acme\n+1\n{root}\n"), "second line");
        refused(&format!("acme\n-1\n{root}\n"), "second line");
        refused("acme\n1\nAAAA\n", "third line");
        refused(&format!("\n1\n{root}\n"), "origin");
        refused(&format!("acme\r\n1\n{root}\n"), "control");
        assert!(Checkpoint::new("", 0, Hash::ZERO).is_err());
        assert!(Checkpoint::new("a\nb", 0, Hash::ZERO).is_err());
    }
}

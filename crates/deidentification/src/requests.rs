//! Requests to models: what is in their texts, and how it is kept from leaving.
//!
//! ```text
//! request ─ leaves ─▶ search: texts, seams, JSON, bytes ─▶ kinds and classes
//!                  └▶ redaction ─▶ request with placeholders … answer ─▶ originals
//! ```
//!
//! Implements the port of the vocabulary. Decides nothing: which class may go where is the
//! policy's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_vocabulary::DataClass;
use freehold_vocabulary::audit::Word;
use freehold_vocabulary::chat::{Leaf, LeafContent};
use freehold_vocabulary::ports::{Found, Identifiers, Redaction, Seen, Unsearched};

use crate::detection::{Detector, Selection};
use crate::error::DeidentificationError;
use crate::recognisers::{Kind, Pack};
use crate::redaction::{Policy, Redactor};
use redact::Redacting;
use search::Search;

mod bytes;
mod redact;
mod search;

/// Kinds that say little of a person when they stand alone.
const HARMLESS: [Kind; 4] = [Kind::AGE, Kind::DATE, Kind::POSTAL_CODE, Kind::URL];

/// Longest text of a request; its body is bounded before.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// What a kind makes of a request. A kind of the class `public` is not looked for, and not taken
/// out: anyone may see it.
#[derive(Debug, Clone)]
pub struct Classes(BTreeMap<Kind, DataClass>);

impl Default for Classes {
    /// The class of each recogniser; dates, ages, postal codes and web addresses are `public`.
    fn default() -> Self {
        let class = |kind: Kind| match kind {
            harmless if HARMLESS.contains(&harmless) => DataClass::Public,
            kind => kind.class(),
        };
        Self(Kind::all().into_iter().map(|kind| (kind, class(kind))).collect())
    }
}

impl Classes {
    /// With another class for one kind.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn set(&mut self, kind: &str, class: DataClass) -> Result<(), DeidentificationError> {
        let known = Kind::parse(kind).ok_or_else(|| {
            let names: Vec<String> = self.0.keys().map(|it| word(*it).to_string()).collect();
            let names = names.join(", ");
            DeidentificationError::Request(format!("there is no kind `{kind}`; there are {names}"))
        })?;
        self.0.insert(known, class);
        Ok(())
    }

    /// Every kind with its class.
    pub fn iter(&self) -> impl Iterator<Item = (Word, DataClass)> {
        self.0.iter().map(|(kind, class)| (word(*kind), *class))
    }
}

/// Looks into requests.
#[derive(Debug)]
pub struct RequestDetector {
    detector: Arc<Detector>,
    policy: Arc<Policy>,
    classes: Classes,
    unseen: Option<DataClass>,
}

impl RequestDetector {
    /// Compiles the recognisers. `unseen` is the class of a request that holds what nobody can
    /// look into, such as an image; `None` leaves its class as it is.
    #[must_use]
    pub fn new(packs: Vec<Pack>, classes: Classes, unseen: Option<DataClass>) -> Self {
        let harmless = |class: DataClass| class == DataClass::Public;
        let without = classes.0.iter().filter(|(_, class)| harmless(**class));
        let without = without.map(|(kind, _)| *kind).collect();
        let selection =
            Selection { packs, without, text_bytes_max: TEXT_BYTES_MAX, ..Selection::default() };
        let detector = Arc::new(Detector::new(selection));
        Self { detector, policy: Arc::default(), classes, unseen }
    }
}

impl Default for RequestDetector {
    fn default() -> Self {
        Self::new(Pack::ALL.to_vec(), Classes::default(), None)
    }
}

impl Identifiers for RequestDetector {
    fn inspect(&self, leaves: &[Leaf<'_>]) -> Result<Found, Unsearched> {
        let mut search = Search::new(&self.detector);
        search.leaves(leaves).map_err(unsearched)?;
        let kinds = search.counts().iter().map(|(kind, count)| {
            // Only a kind that text can be searched for is found.
            let class = self.classes.0.get(kind).copied().unwrap_or_else(|| kind.class());
            (word(*kind), Seen { count: *count, class })
        });
        let unseen =
            |it: &Leaf<'_>| matches!(it.content, LeafContent::Unseen | LeafContent::Bytes(_));
        let unseen = self.unseen.filter(|_| leaves.iter().any(unseen));
        Ok(Found { kinds: kinds.collect(), unseen })
    }

    fn redaction(&self) -> Box<dyn Redaction> {
        let redactor = Redactor::new(self.detector.clone(), self.policy.clone(), None);
        Box::new(Redacting::new(redactor.expect("placeholders need no key")))
    }
}

/// The kind as audit records write it.
fn word(kind: Kind) -> Word {
    Word::parse(&kind.as_str().to_ascii_lowercase()).expect("kinds are letters, digits and `_`")
}

fn unsearched(error: DeidentificationError) -> Unsearched {
    Unsearched(error.to_string())
}

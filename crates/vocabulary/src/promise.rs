//! Which answers the promise of a tier is about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The answers of which a tier's certificate says that at most α are wrong.
///
/// What a cheap tier passes on is the hard part, of which a dearer tier can often not keep much
/// under a promise of its own; a cascade then keeps less than its dearer tier alone, or leaves the
/// cheap one out. Whoever uses the route as a whole loses nothing by the wider promise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromiseScope {
    /// Those that the tier and the tiers before it keep: what the route gives up to this tier. It
    /// takes no notice of the tiers after it, and so does not fall with them.
    #[default]
    Route,
    /// Those that the tier keeps itself: stronger, and dearer in answers.
    Tier,
}

impl PromiseScope {
    /// The word used in configuration, records and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Tier => "tier",
        }
    }
}

impl fmt::Display for PromiseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is neither of the two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no promise; expected `route` or `tier`")]
pub struct UnknownPromise(String);

impl FromStr for PromiseScope {
    type Err = UnknownPromise;

    fn from_str(text: &str) -> Result<Self, UnknownPromise> {
        [Self::Route, Self::Tier]
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| UnknownPromise(text.to_owned()))
    }
}

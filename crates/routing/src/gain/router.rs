//! A router at rest: a gain model, its certificate, and everything that both depend on.
//!
//! What it was made for stands in it; where it serves, the same must hold, else it sends everything
//! to the strong model and says why. A router never answers for a reason that it cannot name.

use freehold_vocabulary::Digest;
use serde::{Deserialize, Serialize};

use super::{
    Drift, Expected, GainCertificate, GainModel, QualityTerms, Request, Sent, Standing, Stranger,
};
use crate::RoutingError;

/// The name of the file beside [`super::GAIN_FILE`].
pub const ROUTER_FILE: &str = "router.json";
/// Changes whenever the same bytes would mean another router.
const FORMAT: u32 = 1;

/// What a router was made for. What stands at the place where it serves must be equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeFor {
    pub weak: NamedModel,
    pub strong: NamedModel,
    /// The version of the embedder.
    pub embedder: Digest,
}

/// A model by its name in the portfolio and its engine's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedModel {
    pub name: String,
    pub upstream: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    made_for: MadeFor,
    /// The digest of the gain model's file.
    gain: Digest,
    certificate: GainCertificate,
}

/// Decides between two models.
#[derive(Debug, Clone)]
pub struct Router {
    pub made_for: MadeFor,
    pub model: GainModel,
    pub certificate: GainCertificate,
}

/// One decision, with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decided {
    pub sent: Sent,
    pub why: Why,
    pub expected: Option<Expected>,
}

/// Why a model was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The expected gain is below the certified threshold.
    LittleToGain,
    /// It is not.
    MuchToGain,
    /// The request is unlike all judged ones.
    OutOfDistribution,
    /// Nothing is proved; the certificate says why.
    NothingCertified,
    /// Requests no longer come like the judged ones.
    Drifted,
    /// The router was made for something else, or promises less than is wanted.
    Lapsed,
    /// The request holds what the router cannot see, such as images.
    Unseen,
    /// The embedder has no room now.
    Busy,
}

impl Why {
    /// In a few words, for traces, headers and people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LittleToGain => "little to gain",
            Self::MuchToGain => "much to gain",
            Self::OutOfDistribution => "out of distribution",
            Self::NothingCertified => "nothing certified",
            Self::Drifted => "drifted",
            Self::Lapsed => "lapsed",
            Self::Unseen => "not seen by the router",
            Self::Busy => "busy",
        }
    }
}

impl Decided {
    /// To the strong model, for a reason that needs no prediction.
    #[must_use]
    pub fn strong(why: Why) -> Self {
        Self { sent: Sent::Strong, why, expected: None }
    }
}

impl Router {
    /// Why it may not decide here; none if it may.
    #[must_use]
    pub fn lapse(&self, here: &MadeFor, wanted: QualityTerms) -> Option<String> {
        let terms = self.certificate.terms;
        let own = &self.made_for;
        let named = |it: &NamedModel| format!("{} ({})", it.name, it.upstream);
        if own.embedder != here.embedder {
            Some("it was made with another embedder; train it again".to_owned())
        } else if own != here {
            Some(format!(
                "it was made for {} and {}, not for {} and {}; train it again",
                named(&own.weak),
                named(&own.strong),
                named(&here.weak),
                named(&here.strong)
            ))
        } else if terms.quality_at_least < wanted.quality_at_least
            || terms.confidence.get() < wanted.confidence.get()
        {
            Some(format!(
                "it promises {} of the quality with confidence {}, and {} with {} is wanted; train it with those",
                terms.quality_at_least.get(),
                terms.confidence.get(),
                wanted.quality_at_least.get(),
                wanted.confidence.get()
            ))
        } else {
            None
        }
    }

    /// Decides about one request, and counts it.
    ///
    /// # Errors
    /// When the embedding has another width or holds a number that is not finite.
    pub fn decide(&self, request: &Request, drift: &mut Drift) -> Result<Decided, RoutingError> {
        if self.certificate.threshold.is_none() {
            return Ok(Decided::strong(Why::NothingCertified));
        }
        let expected = self.model.predict(request)?;
        let (sent, why) = if drift.see(expected.stranger) == Standing::Drifted {
            (Sent::Strong, Why::Drifted)
        } else if expected.stranger == Stranger::Yes {
            (Sent::Strong, Why::OutOfDistribution)
        } else {
            match self.certificate.send(&expected) {
                Sent::Weak => (Sent::Weak, Why::LittleToGain),
                Sent::Strong => (Sent::Strong, Why::MuchToGain),
            }
        };
        Ok(Decided { sent, why, expected: Some(expected) })
    }

    /// The bytes of [`ROUTER_FILE`]; those of the model are its own.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = File {
            format: FORMAT,
            made_for: self.made_for.clone(),
            gain: self.model.digest(),
            certificate: self.certificate.clone(),
        };
        serde_json::to_vec(&file).expect("a router serialises")
    }

    /// Reads both files.
    ///
    /// # Errors
    /// When one is damaged, changed, or belongs to another router.
    pub fn from_bytes(router: &[u8], gain: &[u8]) -> Result<Self, RoutingError> {
        let malformed = |reason: String| RoutingError::malformed(ROUTER_FILE, reason);
        let file: File = serde_json::from_slice(router).map_err(|e| malformed(e.to_string()))?;
        if file.format != FORMAT {
            return Err(malformed(format!("its format is {}, not {FORMAT}", file.format)));
        }
        let own = Digest::of(gain);
        if file.gain != own || file.certificate.subject.model != own {
            return Err(malformed("the gain model beside it is another one".to_owned()));
        }
        if !file.certificate.is_intact() {
            return Err(malformed("its certificate was changed".to_owned()));
        }
        let model = GainModel::from_bytes(gain)?;
        Ok(Self { made_for: file.made_for, model, certificate: file.certificate })
    }
}

//! The certificate of a routing threshold: "by this rule, quality is at least a share q of the
//! strong model's, with confidence 1 − δ".
//!
//! True for requests that come like the rows that it was proved on, as long as both models and the
//! gain model stay what they are. It lapses with any of them. How it is proved: [`super::paired`]
//! and [`super::plan`].

use freehold_vocabulary::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::Expected;
use super::paired::{QualityTerms, Sent, Tally};
use super::plan::Found;

/// What a certificate is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainSubject {
    /// The gain model, by its digest.
    pub model: Digest,
    /// The rows that it was proved on.
    pub data: Digest,
    /// The names of both models.
    pub weak: String,
    pub strong: String,
    pub certified_at: Timestamp,
}

/// The statement about one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainCertificate {
    /// The digest of all other fields.
    pub id: Digest,
    pub subject: GainSubject,
    pub terms: QualityTerms,
    /// Requests whose score is below it go to the weak model; none sends nothing there.
    pub threshold: Option<f64>,
    /// How the rule fared on the rows.
    pub tally: Tally,
    /// The share of the strong model's quality that the rows prove for this threshold alone.
    pub proved_quality: Option<f64>,
    pub shortfall: Option<GainShortfall>,
}

/// Why nothing may go to the weak model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum GainShortfall {
    /// Even without a single loss there would be too few.
    TooFewRows { found: u64, needed: u64 },
    /// The weak model loses too much wherever it was tried.
    TooManyLosses,
}

/// All fields of a certificate but its id, in their order.
#[derive(Serialize)]
struct Content<'a> {
    subject: &'a GainSubject,
    terms: QualityTerms,
    threshold: Option<f64>,
    tally: Tally,
    shortfall: Option<GainShortfall>,
}

impl GainCertificate {
    pub(super) fn new(subject: GainSubject, terms: QualityTerms, found: Found) -> Self {
        let Found { threshold, tally, shortfall } = found;
        let proved_quality = threshold.and_then(|_| tally.proved_quality(terms.confidence));
        let id = Digest::of(b"");
        let mut certificate =
            Self { id, subject, terms, threshold, tally, proved_quality, shortfall };
        certificate.id = certificate.digest();
        certificate
    }

    /// Whether the id is that of the content: a changed certificate is no certificate.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.id == self.digest()
    }

    fn digest(&self) -> Digest {
        let content = Content {
            subject: &self.subject,
            terms: self.terms,
            threshold: self.threshold,
            tally: self.tally,
            shortfall: self.shortfall,
        };
        Digest::of(serde_json::to_vec(&content).expect("a certificate serialises"))
    }

    /// Where a request goes. Strangers, and everything without a threshold, go to the strong model.
    #[must_use]
    pub fn send(&self, expected: &Expected) -> Sent {
        match self.threshold {
            Some(threshold) if expected.score() < threshold => Sent::Weak,
            _ => Sent::Strong,
        }
    }

    /// The statement in words for people.
    #[must_use]
    pub fn statement(&self) -> String {
        let GainSubject { weak, strong, .. } = &self.subject;
        let quality = 100.0 * self.terms.quality_at_least.get();
        let confidence = 100.0 * self.terms.confidence.get();
        let Tally { n, sent, losses, wins, .. } = self.tally;
        match (self.threshold, self.shortfall) {
            (Some(threshold), _) => format!(
                "sending to {weak} what is expected to gain less than {threshold:.4} from {strong} \
                 keeps at least {quality:.2} % of the quality of {strong}, with confidence \
                 {confidence:.1} %: of {n} judged requests {sent} go to {weak}, which loses \
                 {losses} and wins {wins} of them"
            ),
            (None, Some(GainShortfall::TooFewRows { found, needed })) => format!(
                "everything goes to {strong}: {found} judged requests, at least {needed} are \
                 needed to prove {quality:.2} % of its quality; judge more"
            ),
            (None, _) => format!(
                "everything goes to {strong}: no share of the requests is proved to keep \
                 {quality:.2} % of its quality with {weak}; ask for less, or improve {weak}"
            ),
        }
    }
}

//! The certificate of a model elsewhere: of the answers that it gives to what a route passes on,
//! at most a share α is wrong.
//!
//! Proved on answers that people judged, by the exact binomial test. Such a model gives no
//! probabilities, so there is no threshold: either all its answers count, or none. The rows must be
//! all, or a random sample, of what the tiers before it passed; answers that somebody complained
//! about are neither. The statement stands alone: its δ is not shared with the tiers before it. It
//! lapses with the model, its name upstream, the labels, or a tier before it.

use freehold_evaluation::intervals::{clopper_pearson_upper, rate_is_at_most};
use freehold_vocabulary::{Digest, LabelSet, TaskName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{RoutingError, Terms};

/// The name of the file.
pub const REMOTE_CERTIFICATE_FILE: &str = "remote_certificate.json";

/// What a certificate is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSubject {
    pub task: TaskName,
    /// The model's name in the portfolio, and the engine's name for it.
    pub model: String,
    pub upstream: String,
    /// The labels that it chooses from.
    pub labels: Digest,
    /// The certificates of the tiers before it: the statement is about what they pass on.
    pub after: Vec<Digest>,
    /// The judged answers.
    pub data: Digest,
    pub certified_at: Timestamp,
}

/// The statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteCertificate {
    /// The digest of all other fields.
    pub id: Digest,
    pub subject: RemoteSubject,
    pub terms: Terms,
    /// Judged answers, and how many of them were wrong.
    pub n: u64,
    pub errors: u64,
    /// The share of wrong answers is at most this, with the confidence of the terms.
    pub upper_bound: f64,
    /// Whether that is what was to be proved.
    pub proved: bool,
}

#[derive(Serialize)]
struct Content<'a> {
    subject: &'a RemoteSubject,
    terms: Terms,
    n: u64,
    errors: u64,
    proved: bool,
}

impl RemoteCertificate {
    /// Judges the record.
    ///
    /// # Panics
    /// When there are more errors than answers.
    #[must_use]
    pub fn new(subject: RemoteSubject, terms: Terms, n: u64, errors: u64) -> Self {
        let upper_bound =
            if n == 0 { 1.0 } else { clopper_pearson_upper(errors, n, terms.confidence) };
        let proved = rate_is_at_most(terms.error_at_most.get(), errors, n, terms.confidence);
        let id = Digest::of(b"");
        let mut certificate = Self { id, subject, terms, n, errors, upper_bound, proved };
        certificate.id = certificate.digest();
        certificate
    }

    /// Reads a file; a changed certificate is refused.
    ///
    /// # Errors
    /// When the bytes are no certificate, or not the one that was made.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RoutingError> {
        let malformed = |reason: String| RoutingError::malformed(REMOTE_CERTIFICATE_FILE, reason);
        let read: Self = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
        // Everything else follows from the record, and is made from it again.
        if read.errors > read.n
            || read != Self::new(read.subject.clone(), read.terms, read.n, read.errors)
        {
            return Err(malformed("it was changed after it was made".to_owned()));
        }
        Ok(read)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a certificate serialises")
    }

    fn digest(&self) -> Digest {
        let Self { subject, terms, n, errors, proved, .. } = self;
        let content = Content { subject, terms: *terms, n: *n, errors: *errors, proved: *proved };
        Digest::of(serde_json::to_vec(&content).expect("a certificate serialises"))
    }

    /// Whether it lets this model answer this task behind these tiers.
    #[must_use]
    pub fn covers(&self, subject: &RemoteSubject, terms: &Terms) -> bool {
        let own = &self.subject;
        self.proved
            && self.terms.error_at_most <= terms.error_at_most
            && self.terms.confidence.get() >= terms.confidence.get()
            && (&own.task, &own.model, &own.upstream)
                == (&subject.task, &subject.model, &subject.upstream)
            && (&own.labels, &own.after) == (&subject.labels, &subject.after)
    }

    /// The share of judged answers that were right.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        if self.n == 0 { 0.0 } else { 1.0 - self.errors as f64 / self.n as f64 }
    }

    /// The statement in words for people.
    #[must_use]
    pub fn statement(&self) -> String {
        let Self { n, errors, upper_bound, .. } = self;
        let (error, confidence) =
            (100.0 * self.terms.error_at_most.get(), 100.0 * self.terms.confidence.get());
        let (model, task) = (&self.subject.model, &self.subject.task);
        let record = format!(
            "{errors} of {n} judged answers were wrong, so at most {:.2} % are, with confidence {confidence:.1} %",
            100.0 * upper_bound
        );
        if self.proved {
            format!("answers of {model} to what the route of {task} passes on count: {record}")
        } else {
            format!(
                "answers of {model} to {task} stay suggestions: {record}, and at most {error:.2} % may be; judge more answers, or allow more errors"
            )
        }
    }
}

/// The certificates of the tiers before a model, as traces name them.
#[must_use]
pub fn behind(after: &[Digest]) -> Digest {
    Digest::of(serde_json::to_vec(after).expect("digests serialise"))
}

/// The labels as a certificate names them.
#[must_use]
pub fn labels_digest(labels: &LabelSet) -> Digest {
    Digest::of(serde_json::to_vec(labels.as_slice()).expect("labels serialise"))
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::{Confidence, Probability, PromiseScope};

    use super::*;

    fn subject(upstream: &str) -> RemoteSubject {
        RemoteSubject {
            task: TaskName::parse("tickets").unwrap(),
            model: "large".to_owned(),
            upstream: upstream.to_owned(),
            labels: Digest::of("labels"),
            after: vec![Digest::of("micro")],
            data: Digest::of("reviews"),
            certified_at: Timestamp::from_micros(0),
        }
    }

    fn terms(error: f64) -> Terms {
        let error_at_most = Probability::new(error).unwrap();
        Terms { error_at_most, confidence: Confidence::P95, promise: PromiseScope::Tier }
    }

    #[track_caller]
    fn check(n: u64, errors: u64, proved: bool) {
        let certificate = RemoteCertificate::new(subject("a"), terms(0.05), n, errors);
        assert_eq!(certificate.proved, proved, "{}", certificate.statement());
        assert_eq!(certificate.covers(&subject("a"), &terms(0.05)), proved);
        assert_eq!(certificate.upper_bound <= 0.05, proved);
    }

    #[test]
    fn the_exact_bound_decides() {
        // 0.95^58 = 0.0510 and 0.95^59 = 0.0485.
        check(58, 0, false);
        check(59, 0, true);
        check(0, 0, false);
        check(93, 1, true);
        check(92, 1, false);
        check(100, 50, false);
    }

    #[test]
    fn it_lapses_with_what_it_is_about() {
        let certificate = RemoteCertificate::new(subject("a"), terms(0.05), 100, 0);
        assert!(certificate.covers(&subject("a"), &terms(0.10)));
        assert!(!certificate.covers(&subject("a"), &terms(0.01)));
        assert!(!certificate.covers(&subject("b"), &terms(0.05)));
        let moved = RemoteSubject { after: Vec::new(), ..subject("a") };
        assert!(!certificate.covers(&moved, &terms(0.05)));
        let newer = RemoteSubject { certified_at: Timestamp::from_micros(9), ..subject("a") };
        assert!(certificate.covers(&newer, &terms(0.05)));
    }

    #[test]
    fn a_changed_certificate_is_refused() {
        let certificate = RemoteCertificate::new(subject("a"), terms(0.05), 20, 0);
        let bytes = certificate.to_bytes();
        assert_eq!(RemoteCertificate::from_bytes(&bytes).unwrap(), certificate);
        let text = String::from_utf8(bytes).unwrap();
        let forged = text.replace("\"proved\":false", "\"proved\":true");
        assert_ne!(forged, text);
        assert!(RemoteCertificate::from_bytes(forged.as_bytes()).is_err());
    }
}

//! The end of a task's route: models that generate, which nobody here trained, asked about what the
//! task's own tiers pass on.

use freehold_routing::Terms;
use freehold_routing::remote::{RemoteCertificate, RemoteSubject, labels_digest};
use freehold_vocabulary::{Digest, Timestamp, Trust};

use super::{Deployed, GenerativeModel};

/// The generating models of a route, and when their answers count.
#[derive(Debug, Clone)]
pub struct RemoteTiers {
    /// Names of models, in the order in which they are asked.
    pub models: Vec<String>,
    /// What the task promises; a certificate must promise as much.
    pub terms: Terms,
    /// Whether an answer without a certificate counts.
    pub trust: Trust,
    pub certificates: Vec<RemoteCertificate>,
}

/// What lets an answer count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Backing {
    pub(crate) trust: Trust,
    /// Its id, and how often such answers were right.
    pub(crate) certificate: Option<(Digest, f64)>,
}

impl Backing {
    /// As it counts where its certificate says nothing.
    pub(crate) fn by_operator(self) -> Self {
        Self { trust: Trust::Operator, certificate: None }
    }
}

impl RemoteTiers {
    /// What lets this model's answers count behind certificates `before`; none if nothing does.
    pub(crate) fn backing(
        &self,
        deployed: &Deployed,
        model: &GenerativeModel,
        before: &[Digest],
    ) -> Option<Backing> {
        let subject = subject(deployed, model, before);
        let certificate = self.certificates.iter().find(|it| it.covers(&subject, &self.terms));
        match (certificate, self.trust) {
            (Some(it), _) => Some(Backing {
                trust: Trust::Certificate,
                certificate: Some((it.id.clone(), it.accuracy())),
            }),
            (None, Trust::Operator) => Some(Backing { trust: Trust::Operator, certificate: None }),
            (None, Trust::Certificate) => None,
        }
    }
}

/// What a certificate of this model behind those certificates is about.
#[must_use]
pub fn subject(deployed: &Deployed, model: &GenerativeModel, before: &[Digest]) -> RemoteSubject {
    RemoteSubject {
        task: deployed.task().name.clone(),
        model: model.name.clone(),
        upstream: model.upstream.clone(),
        labels: labels_digest(deployed.labels()),
        after: before.to_vec(),
        // Neither is compared.
        data: Digest::of(b""),
        certified_at: Timestamp::from_micros(0),
    }
}

//! The generating models at the end of a task's route, with their certificates.

use anyhow::{Context as _, Result};
use freehold_artifacts::ArtifactKind;
use freehold_gateway::RemoteTiers;
use freehold_routing::remote::{REMOTE_CERTIFICATE_FILE, RemoteCertificate};
use freehold_vocabulary::Digest;

use super::Session;
use crate::config::TaskConfig;

impl Session {
    /// What stands in the task's section; none if its route names no generating model.
    pub fn remote_tiers(&self, config: &TaskConfig) -> Result<Option<RemoteTiers>> {
        let models = config.route_models()?;
        if models.is_empty() {
            return Ok(None);
        }
        let certificates = config.route.certificates.iter();
        let certificates = certificates.map(|digest| self.remote_certificate(digest));
        Ok(Some(RemoteTiers {
            models,
            terms: config.terms(),
            trust: config.route.trust,
            certificates: certificates.collect::<Result<_>>().context("route.certificates")?,
        }))
    }

    fn remote_certificate(&self, digest: &Digest) -> Result<RemoteCertificate> {
        let artifact = self.artifact(digest, ArtifactKind::Router)?;
        Ok(RemoteCertificate::from_bytes(&artifact.read(REMOTE_CERTIFICATE_FILE)?)?)
    }
}

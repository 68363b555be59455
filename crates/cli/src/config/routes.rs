//! `[routes.NAME]`: a name that stands for two of `[models]`, a strong one and a weak one that
//! answers where the strong one would add little.

use anyhow::{Result, bail};
use freehold_routing::gain::QualityTerms;
use freehold_vocabulary::{Confidence, Digest, Probability};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRouteConfig {
    /// Names of `[models]`.
    pub weak: String,
    pub strong: String,
    /// The share of the strong model's quality that must be kept.
    #[serde(default = "default_quality")]
    pub quality_at_least: Probability,
    /// How sure that must be.
    #[serde(default = "default_confidence")]
    pub confidence: Confidence,
    /// The digest of a router, made by `freehold route train`; without one the strong model
    /// answers everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<Digest>,
}

fn default_quality() -> Probability {
    Probability::new(0.98).expect("0.98 is a probability")
}

fn default_confidence() -> Confidence {
    Confidence::new(0.9).expect("0.9 is a confidence")
}

impl ModelRouteConfig {
    pub fn check(&self) -> Result<()> {
        if self.weak == self.strong {
            bail!("weak and strong are both `{}`; name two models", self.weak);
        }
        Ok(())
    }

    /// What is to be proved.
    pub fn terms(&self) -> QualityTerms {
        QualityTerms { quality_at_least: self.quality_at_least, confidence: self.confidence }
    }
}

//! Models that generate: an engine, its name for the model, the price, and who stands in.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_economics::Tariff;
use freehold_vocabulary::chat::Usage;
use freehold_vocabulary::egress::{EgressPolicy, EnginesOfKey};
use freehold_vocabulary::ports::{ChatEngine, Identifiers};
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{DataClass, Tier, Timestamp};

use super::PortfolioError;
use crate::caches::CacheRule;

/// A model that generates.
#[derive(Debug)]
pub struct GenerativeModel {
    /// What clients call it.
    pub name: String,
    pub engine: Arc<dyn ChatEngine>,
    /// What the engine calls it.
    pub upstream: String,
    pub tier: Tier,
    pub price: ModelPrice,
    /// The class of requests that name this model; none takes [`Egress::default_class`].
    pub data_class: Option<DataClass>,
    /// Which requests may be answered with an answer that was given before.
    pub cache: CacheRule,
    /// Whether identifiers are taken out before a request goes to it.
    pub redaction: Option<RedactionRule>,
    /// Who is asked, in this order, when this model may not or cannot answer.
    pub fallback: Vec<String>,
}

/// What the answers of a model cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelPrice {
    Known(Tariff),
    /// The operator states that nobody knows; a cost is then absent, never 0.
    Unknown,
}

impl ModelPrice {
    /// What an answer with that many tokens costs at that instant, if it is known.
    #[must_use]
    pub fn cost(&self, usage: &Usage, at: Timestamp) -> Option<Cost> {
        match self {
            Self::Known(tariff) => Some(tariff.cost(usage, at)),
            Self::Unknown => None,
        }
    }
}

/// Identifiers are replaced by placeholders before a request leaves, and put back into its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedactionRule {
    /// The class of a request after that, unless the caller, the key or what is still found in it
    /// says more; `None` leaves the class as it was.
    pub class: Option<DataClass>,
}

/// What a caller's key says of its requests.
#[derive(Debug, Clone, Default)]
pub struct KeyRule {
    /// Its requests are at least of this class.
    pub data_class: Option<DataClass>,
    /// The engines that it may reach; `None` for all.
    pub engines: Option<Arc<EnginesOfKey>>,
}

/// What may leave, and how sensitive a request is of which nobody says anything.
#[derive(Debug, Clone)]
pub struct Egress {
    pub policy: EgressPolicy,
    pub default_class: DataClass,
    pub content: KeptContent,
    /// What is said of keys, by name.
    pub keys: BTreeMap<String, KeyRule>,
    /// Looks into requests; without it nobody does.
    pub identifiers: Option<Arc<dyn Identifiers>>,
}

/// Whether traces hold what was asked and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptContent {
    Always,
    Never,
    /// Unless the engine is remote and the class above `internal`.
    Harmless,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            policy: EgressPolicy::default(),
            default_class: DataClass::Confidential,
            content: KeptContent::Harmless,
            keys: BTreeMap::new(),
            identifiers: None,
        }
    }
}

/// Generative models by name, each with those that stand in for it.
#[derive(Debug, Default)]
pub(super) struct Generative {
    chains: BTreeMap<String, Vec<Arc<GenerativeModel>>>,
    egress: Arc<Egress>,
}

impl Generative {
    pub(super) fn new(
        models: &[Arc<GenerativeModel>],
        egress: Egress,
    ) -> Result<Self, PortfolioError> {
        let named: BTreeMap<&str, &Arc<GenerativeModel>> =
            models.iter().map(|it| (it.name.as_str(), it)).collect();
        if named.len() < models.len() {
            let twice = models
                .iter()
                .enumerate()
                .find(|(place, it)| models[..*place].iter().any(|earlier| earlier.name == it.name));
            let name = twice.map(|(_, it)| it.name.clone()).unwrap_or_default();
            return Err(PortfolioError::Twice(name));
        }
        if egress.identifiers.is_none()
            && let Some(model) = models.iter().find(|it| it.redaction.is_some())
        {
            return Err(PortfolioError::Redaction(model.name.clone()));
        }
        let mut chains = BTreeMap::new();
        for model in models {
            let mut chain = vec![model.clone()];
            for name in &model.fallback {
                let next = named.get(name.as_str()).ok_or_else(|| PortfolioError::Fallback {
                    model: model.name.clone(),
                    fallback: name.clone(),
                })?;
                // A model that failed is not asked again.
                if !chain.iter().any(|it| it.name == next.name) {
                    chain.push(Arc::clone(next));
                }
            }
            chains.insert(model.name.clone(), chain);
        }
        Ok(Self { chains, egress: Arc::new(egress) })
    }

    /// The model of that name, then those that stand in for it.
    pub(super) fn chain(&self, name: &str) -> Option<&[Arc<GenerativeModel>]> {
        self.chains.get(name).map(Vec::as_slice)
    }

    pub(super) fn egress(&self) -> &Arc<Egress> {
        &self.egress
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<GenerativeModel>> {
        self.chains.values().filter_map(|chain| chain.first())
    }
}

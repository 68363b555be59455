//! A request with the highest class that anybody found in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{DataClass, EngineName};

/// Who said how sensitive a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Task,
    Key,
    Header,
    /// An earlier request of the same conversation.
    Conversation,
    /// The rule about requests whose identifiers were taken out; its class counts instead of
    /// those before it, except what the caller or the key said.
    Redaction,
    /// A detector, by name.
    Detector(String),
}

/// A class and who said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassFound {
    pub class: DataClass,
    pub origin: Origin,
}

impl Origin {
    /// Whether a redaction leaves this word standing: the caller and the key speak of more than
    /// identifiers.
    const fn outlasts_redaction(&self) -> bool {
        matches!(self, Self::Key | Self::Header)
    }
}

/// A request with its class. The class can rise, and falls only by [`Classified::redacted`].
#[derive(Debug, Clone)]
pub struct Classified<T> {
    request: Arc<T>,
    class: DataClass,
    found: Vec<ClassFound>,
    only: Option<Arc<EnginesOfKey>>,
}

/// The engines that a key may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnginesOfKey {
    /// The rule, for the audit log.
    pub rule: String,
    pub engines: BTreeSet<EngineName>,
}

impl<T> Classified<T> {
    /// A request and the first that is known about it.
    #[must_use]
    pub fn new(request: T, class: DataClass, origin: Origin) -> Self {
        Self {
            request: Arc::new(request),
            class,
            found: vec![ClassFound { class, origin }],
            only: None,
        }
    }

    /// Adds a finding; the highest of all counts.
    #[must_use]
    pub fn join(mut self, class: DataClass, origin: Origin) -> Self {
        self.class = self.class.max(class);
        self.found.push(ClassFound { class, origin });
        self
    }

    /// The same for a caller whose key may reach some engines only.
    #[must_use]
    pub fn only(self, engines: Arc<EnginesOfKey>) -> Self {
        Self { only: Some(engines), ..self }
    }

    /// What the caller's key says of engines, if it says something.
    #[must_use]
    pub fn engines_of_key(&self) -> Option<&EnginesOfKey> {
        self.only.as_deref()
    }

    /// The request after its identifiers were taken out. With a rule it counts as of the rule's
    /// class, or of what caller and key said if that is higher, but never as higher than before;
    /// without one the class stays. What detectors still find in it is for the caller to join.
    #[must_use]
    pub fn redacted(&self, request: T, rule: Option<DataClass>) -> Self {
        let mut redacted = Self {
            request: Arc::new(request),
            class: self.class,
            found: self.found.clone(),
            only: self.only.clone(),
        };
        if let Some(rule) = rule {
            let standing = self.found.iter().filter(|it| it.origin.outlasts_redaction());
            let class = standing.map(|it| it.class).fold(rule, DataClass::max).min(self.class);
            redacted.class = class;
            redacted.found.push(ClassFound { class, origin: Origin::Redaction });
        }
        redacted
    }

    /// The class.
    #[must_use]
    pub const fn class(&self) -> DataClass {
        self.class
    }

    /// Every finding, in the order in which they were made.
    #[must_use]
    pub fn found(&self) -> &[ClassFound] {
        &self.found
    }

    /// The request, for work inside this process: detectors, routing, caches.
    #[must_use]
    pub fn request(&self) -> &T {
        &self.request
    }

    pub(super) fn shared(&self) -> Arc<T> {
        Arc::clone(&self.request)
    }
}

impl<T: Clone> Classified<T> {
    /// The same with a change, such as the model's name at another engine; the class stays.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut T)) -> Self {
        let mut changed = self.clone();
        change(Arc::make_mut(&mut changed.request));
        changed
    }
}

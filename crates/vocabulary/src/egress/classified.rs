//! A request with the highest class that anybody found in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::DataClass;

/// Who said how sensitive a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Task,
    Key,
    Header,
    /// An earlier request of the same conversation.
    Conversation,
    /// A detector, by name.
    Detector(String),
}

/// A class and who said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassFound {
    pub class: DataClass,
    pub origin: Origin,
}

/// A request with its class. The class can rise, never fall.
#[derive(Debug, Clone)]
pub struct Classified<T> {
    request: Arc<T>,
    class: DataClass,
    found: Vec<ClassFound>,
}

impl<T> Classified<T> {
    /// A request and the first that is known about it.
    #[must_use]
    pub fn new(request: T, class: DataClass, origin: Origin) -> Self {
        Self { request: Arc::new(request), class, found: vec![ClassFound { class, origin }] }
    }

    /// Adds a finding; the highest of all counts.
    #[must_use]
    pub fn join(mut self, class: DataClass, origin: Origin) -> Self {
        self.class = self.class.max(class);
        self.found.push(ClassFound { class, origin });
        self
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

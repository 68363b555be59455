//! Values of a request, with the name of the parameter in every complaint.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::shown;
use crate::error::ApiError;

/// What an endpoint did not read yet. Null means unsaid, as everywhere in these protocols.
#[derive(Debug)]
pub(crate) struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    pub(crate) fn new(mut sent: BTreeMap<String, Value>) -> Self {
        sent.retain(|_, value| !value.is_null());
        Self(sent)
    }

    /// Takes a parameter out.
    ///
    /// # Errors
    /// When its value has another form.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ApiError> {
        self.0.remove(name).map(|value| read(name, value)).transpose()
    }

    /// A parameter that stays.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Takes a parameter out as it is.
    pub(crate) fn take_value(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// What nobody took.
    pub(crate) fn rest(self) -> BTreeMap<String, Value> {
        self.0
    }

    /// Refuses what nobody took; `path` stands before the name.
    ///
    /// # Errors
    /// When something is left.
    pub(crate) fn none_left(self, path: &str) -> Result<(), ApiError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(ApiError::UnknownParameter { param: format!("{path}{}", shown(&name)) })
            }
        }
    }
}

/// A value of that form.
///
/// # Errors
/// When it has another.
pub(crate) fn read<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|cause| {
        let path = cause.path().to_string();
        let place = if path == "." { String::new() } else { format!(" at `{}`", shown(&path)) };
        ApiError::invalid_field(name, format!("`{name}`{place}: {}", cause.into_inner()))
    })
}

/// A list of texts, or a text alone.
///
/// # Errors
/// When it is neither.
pub(crate) fn texts(name: &str, value: Value) -> Result<Vec<String>, ApiError> {
    match value {
        Value::String(text) => Ok(vec![text]),
        other => read(name, other),
    }
}

//! JSON values: strings, keys and numbers, each under the key that leads to it.

use serde_json::{Map, Value};

use super::{Escape, Redactor};
use crate::error::DeidentificationError;

/// Deepest nesting that is followed; `serde_json` reads no deeper.
const DEPTH_MAX: usize = 128;

impl Redactor {
    /// A JSON value without identifiers, in place.
    ///
    /// # Errors
    /// As [`Redactor::redact`], or when the value is nested too deeply.
    pub fn redact_json(&mut self, value: &mut Value) -> Result<(), DeidentificationError> {
        self.redact_value("", value, 0)
    }

    /// The same for one value under a known key.
    ///
    /// # Errors
    /// As [`Redactor::redact_json`].
    pub fn redact_json_under(
        &mut self,
        heading: &str,
        value: &mut Value,
    ) -> Result<(), DeidentificationError> {
        self.redact_value(heading, value, 0)
    }

    /// The arguments of a tool call, which travel as text: JSON if they are, else plain.
    ///
    /// # Errors
    /// As [`Redactor::redact_json`].
    pub fn redact_arguments(&mut self, arguments: &str) -> Result<String, DeidentificationError> {
        match serde_json::from_str::<Value>(arguments) {
            Ok(mut value) => {
                self.redact_json(&mut value)?;
                Ok(value.to_string())
            }
            Err(_) => self.redact(arguments),
        }
    }

    /// The arguments with the originals: JSON stays JSON whatever the originals hold.
    #[must_use]
    pub fn restore_arguments(&self, arguments: &str) -> String {
        if let Ok(mut value) = serde_json::from_str::<Value>(arguments) {
            self.restore_json(&mut value);
            return value.to_string();
        }
        let mut restoring = self.restoring(Escape::Json);
        let restored = restoring.push(arguments);
        restored + &restoring.finish()
    }

    /// Restores every string and key of a value, in place; what was a number is one again.
    pub fn restore_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let number = self.placeholders.original(text).filter(|it| it.number);
                *value = match number.and_then(|it| serde_json::from_str(&it.text).ok()) {
                    Some(number) => number,
                    None => Value::String(self.restore(text)),
                };
            }
            Value::Array(items) => items.iter_mut().for_each(|it| self.restore_json(it)),
            Value::Object(fields) => {
                for (key, mut field) in std::mem::take(fields) {
                    self.restore_json(&mut field);
                    fields.insert(self.restore(&key), field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn redact_value(
        &mut self,
        heading: &str,
        value: &mut Value,
        depth: usize,
    ) -> Result<(), DeidentificationError> {
        if depth > DEPTH_MAX {
            return Err(DeidentificationError::Limit {
                what: "the nesting of a JSON value".to_owned(),
                limit: DEPTH_MAX as u64,
                remedy: "flatten it",
            });
        }
        match value {
            Value::String(text) => *text = self.redact_under(heading, text)?,
            Value::Number(number) => {
                let text = number.to_string();
                let safe = self.redact_under(heading, &text)?;
                if safe != text {
                    self.placeholders.mark_number(&safe);
                    *value = Value::String(safe);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.redact_value(heading, item, depth + 1)?;
                }
            }
            Value::Object(fields) => self.redact_fields(fields, depth)?,
            Value::Null | Value::Bool(_) => {}
        }
        Ok(())
    }

    fn redact_fields(
        &mut self,
        fields: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), DeidentificationError> {
        for (key, mut field) in std::mem::take(fields) {
            self.redact_value(&key, &mut field, depth + 1)?;
            let mut safe = self.redact(&key)?;
            // Operators such as `mask` may give two keys one name; neither field may be lost.
            while fields.contains_key(&safe) {
                safe.push('\'');
            }
            fields.insert(safe, field);
        }
        Ok(())
    }
}

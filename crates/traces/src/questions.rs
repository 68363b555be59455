//! Questions that are asked again and again, ready to use: a name, a sentence, and SQL.
//!
//! A new one is one file and one line here. Every share comes with the number it is a share of and
//! its 95 % Wilson interval.

mod abstentions;
mod by_tier;
mod labels;
mod latency;
mod spend;
mod volume;

use std::path::Path;

use crate::error::TracesError;
use crate::sql::{self, Limits, Rows};

/// A ready question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub name: &'static str,
    /// What it tells, in one sentence.
    pub about: &'static str,
    pub sql: &'static str,
}

/// Every question, in alphabetical order.
pub const QUESTIONS: &[Question] = &[
    abstentions::QUESTION,
    by_tier::QUESTION,
    labels::QUESTION,
    latency::QUESTION,
    spend::QUESTION,
    volume::QUESTION,
];

/// The question of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.name == name)
}

/// Answers a ready question about the traces in `folder`.
///
/// # Errors
/// As [`crate::sql()`].
pub async fn ask(
    folder: impl AsRef<Path>,
    question: &Question,
    limits: &Limits,
) -> Result<Rows, TracesError> {
    sql::sql(folder, question.sql, limits).await
}

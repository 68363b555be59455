//! Answers to questions that mean the same: off until a threshold was calibrated and certified.
//!
//! Only the last words of the user may differ; everything before them, and everything on which the
//! exact cache insists (tenant, class, model, parameters), must be equal. So an answer can be wrong
//! for a question, as often as the certificate allows, but never somebody else's.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_vocabulary::Digest;
use freehold_vocabulary::chat::{ChatRequest, Part, Role};
use freehold_vocabulary::ports::Embedder;
use tracing::warn;

use super::key::{Scope, key};

/// Questions that are compared with a new one; the oldest make room.
const QUESTIONS_MAX: usize = 2048;
/// Vectors in memory; beyond it every question is forgotten, which costs one answer each.
const VECTORS_MAX: usize = 65_536;

/// What compares questions, and those that were answered.
pub struct Semantic {
    embedder: Arc<dyn Embedder>,
    /// A longer question is not compared: the embedder would cut it, and two questions that differ
    /// behind the cut would look the same.
    text_bytes_max: usize,
    answered: Mutex<Answered>,
}

#[derive(Default)]
struct Answered {
    /// By everything that must be equal: vectors, and the keys of their answers.
    questions: HashMap<Digest, VecDeque<(Vec<f32>, Digest)>>,
    vectors: usize,
}

/// The words that may differ, and the digest of all that may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub text: String,
    pub rest: Digest,
}

impl Question {
    /// None for a request that does not end with plain words of the user.
    pub fn of(scope: &Scope<'_>, request: &ChatRequest) -> Option<Self> {
        let mut rest = request.clone();
        let last = rest.messages.last_mut().filter(|it| it.role == Role::User)?;
        let [Part::Text { text }] = last.parts.as_mut_slice() else { return None };
        let text = std::mem::take(text);
        (!text.trim().is_empty()).then(|| Self { text, rest: key(scope, &rest) })
    }
}

impl Semantic {
    pub fn new(embedder: Arc<dyn Embedder>, text_bytes_max: usize) -> Self {
        Self { embedder, text_bytes_max, answered: Mutex::default() }
    }

    /// The vector of a question; none if it is too long or the embedder is busy.
    pub async fn vector(&self, question: &Question) -> Option<Vec<f32>> {
        if question.text.len() > self.text_bytes_max {
            return None;
        }
        match self.embedder.embed(vec![question.text.clone()]).await {
            Ok(mut vectors) => vectors.pop(),
            Err(cause) => {
                warn!("a question was not compared with those before it: {cause}");
                None
            }
        }
    }

    /// The keys of questions that are at least so alike, the most alike first.
    pub fn alike(&self, rest: &Digest, vector: &[f32], similarity_at_least: f64) -> Vec<Digest> {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answered.questions.get(rest).into_iter().flatten();
        let mut found: Vec<(f64, &Digest)> = known
            .map(|(other, key)| (cosine(vector, other), key))
            .filter(|(similarity, _)| *similarity >= similarity_at_least)
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// From now on, questions like this one have that answer.
    pub fn remember(&self, rest: Digest, vector: Vec<f32>, key: Digest) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.vectors >= VECTORS_MAX {
            *answered = Answered::default();
        }
        let questions = answered.questions.entry(rest).or_default();
        questions.push_back((vector, key));
        let full = questions.len() > QUESTIONS_MAX;
        if full {
            questions.pop_front();
        } else {
            answered.vectors += 1;
        }
    }
}

/// Of vectors that have length one.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Questions are content, and stay out of logs.
impl fmt::Debug for Semantic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semantic").field("embedder", &self.embedder).finish_non_exhaustive()
    }
}

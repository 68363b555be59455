//! What can go wrong in an evaluation, split by what the caller can do about it.

/// Why there is no evaluation, comparison or verdict.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// Hand in at least one item that can be judged.
    #[error("there is nothing to evaluate: {0}")]
    Nothing(String),
    /// Mend the item, or what produced it.
    #[error("prediction {position} (id {id}) {problem}")]
    Prediction { position: usize, id: String, problem: String },
    /// Mend the request.
    #[error("the evaluation cannot be made as asked: {0}")]
    Request(String),
    /// Evaluate both versions on the same items, keeping the outputs.
    #[error("the two evaluations cannot be compared: {0}")]
    NotComparable(String),
    /// The text is not an evaluation record of a format this version reads.
    #[error("not an evaluation record: {0}")]
    Record(String),
}

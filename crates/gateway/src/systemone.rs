//! The System One protocol: typed questions about one state, answered with probabilities.
//!
//! A question is matched to a deployed task by `model` (the task's name) and by its options, which
//! must be labels of the task. What a fine-tuned classifier cannot answer is refused with 501 and
//! a list of what is deployed; nothing is guessed. Fields beyond the protocol (`calibrated`,
//! `abstained`, `prediction_set`, `certificate`, `tier`, `trace_id` …) are ignored by clients that
//! do not know them.

pub mod decide;
mod fit;
mod question;
mod readout;

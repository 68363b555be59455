//! Who answers: calibrated probabilities, strangers recognised, sets with a promise, and the
//! certificates by which a tier may keep its answers.
//!
//! Pure functions of data: what models said about labelled examples goes in, policies come out,
//! and a policy judges one answer at a time. Nothing here runs a model, reads a file or a clock,
//! or knows a price. A policy that has no certificate keeps nothing.

pub mod calibration;
pub mod cascade;
pub mod certificate;
pub mod conformal;
pub mod cost;
pub mod decision;
pub mod error;
pub mod gain;
pub mod observation;
pub mod ood;
pub mod remote;
pub mod semantic;
pub mod systemone;

pub use calibration::Calibration;
pub use cascade::{
    CascadeRequest, FittedCascade, Judgement, PassReason, TierInput, TierPolicy, Verdict,
    fit_cascade,
};
pub use certificate::{Certificate, Terms};
pub use conformal::Conformal;
pub use error::RoutingError;
pub use observation::Observation;
pub use ood::OodGate;

//! What surrounds every handler, one layer per file, composed in [`crate::router`].

pub mod auth;
pub mod in_flight;
pub mod observe;
pub mod rescue;
pub mod told;

//! Egress is a type: what a remote engine accepts can only be made here.
//!
//! A request is [`Classified`] with the highest class that anybody found in it. [`EgressPolicy`]
//! holds it against the clearance of one engine and either makes a [`Cleared`] request, bound to
//! that engine, or says which rule denied it. There is no other way to make one: the fields are
//! private, nothing deserialises into it, and a copy is bound to the same engine.
//!
//! ```
//! use freehold_vocabulary::egress::{Classified, EgressPolicy, EngineClearance, Origin};
//! use freehold_vocabulary::{DataClass, EngineName};
//! let engine = EngineClearance::here(EngineName::parse("own").unwrap(), DataClass::Internal);
//! let request = Classified::new("text", DataClass::Internal, Origin::Task);
//! let cleared = EgressPolicy::default().clear(&request, &engine).unwrap();
//! assert_eq!(*cleared.open(&engine).unwrap(), "text");
//! ```
//!
//! The same by hand does not compile, since the fields are private (the program differs in the
//! last statement but one only):
//!
//! ```compile_fail,E0451
//! use freehold_vocabulary::egress::{Classified, Cleared, EgressPolicy, EngineClearance, Origin};
//! use freehold_vocabulary::{DataClass, EngineName};
//! let engine = EngineClearance::here(EngineName::parse("own").unwrap(), DataClass::Internal);
//! let request = Classified::new("text", DataClass::Internal, Origin::Task);
//! let cleared = EgressPolicy::default().clear(&request, &engine).unwrap();
//! let record = std::sync::Arc::new(cleared.record().clone());
//! let cleared = Cleared { request: std::sync::Arc::new("secret"), record };
//! assert_eq!(*cleared.open(&engine).unwrap(), "text");
//! ```
//!
//! Nor can one be read from bytes, or made by default:
//!
//! ```compile_fail,E0277
//! let cleared: freehold_vocabulary::egress::Cleared<String> =
//!     serde_json::from_str("{}").unwrap();
//! ```
//!
//! ```compile_fail,E0277
//! fn made<T: Default>() -> T {
//!     T::default()
//! }
//! let cleared: freehold_vocabulary::egress::Cleared<String> = made();
//! ```

mod classified;
mod clearance;
mod cleared;
mod policy;

pub use classified::{ClassFound, Classified, EnginesOfKey, Origin};
pub use clearance::{EngineClearance, InvalidRegion, Place, Region};
pub use cleared::{Cleared, EgressRecord, NotCleared};
pub use policy::{Allow, Denied, EgressPolicy, RegionLimit, Scope};

#[cfg(test)]
mod tests;

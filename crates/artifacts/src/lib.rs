//! The registry: everything immutable, by digest, as an OCI image layout on disk.
//!
//! A [`Store`] is a folder that `skopeo`, `oras` and every other OCI tool can read. An artifact is
//! an OCI manifest; its digest is its name. Model versions follow CNCF ModelPack, so any tool that
//! speaks it can take a version apart. Nothing here knows what the files mean: training writes
//! them, engines read them.
//!
//! Names that move (aliases, dataset names) live in the ledger, never here.

pub mod artifact;
pub mod base;
pub mod card;
pub mod depot;
mod disk;
pub mod error;
pub mod file;
pub mod kind;
pub mod lineage;
mod manifest;
pub mod media_type;
pub mod model_pack;
pub mod store;
pub mod verify;

pub use artifact::{Artifact, Link, LinkRole, NewArtifact};
pub use base::{Sources, fetch_base, fetch_base_from};
pub use card::{CardCertificate, CardFacts, CardMetric, model_card};
pub use depot::FolderDepot;
pub use error::ArtifactError;
pub use file::{Content, FileName, FileRole, NewFile, StoredFile};
pub use kind::ArtifactKind;
pub use lineage::{LineageGraph, LineageNode, NodeState};
pub use store::garbage::{Garbage, GarbageBlob};
pub use store::repair::Repaired;
pub use store::{Listed, Store};
pub use verify::{BlobReport, BlobState, VerifyReport};

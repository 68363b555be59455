//! The native protocol: typed inputs in batches, abstention visible.

pub mod predict;

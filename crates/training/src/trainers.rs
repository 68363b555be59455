//! Every trainer, one file each.

pub mod encoder;
pub mod micro;

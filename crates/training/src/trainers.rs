//! Every trainer, one file each.

pub mod micro;

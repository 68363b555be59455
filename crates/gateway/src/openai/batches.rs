//! `/v1/batches`: many requests as one job, answered here while nobody waits.

pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod show;

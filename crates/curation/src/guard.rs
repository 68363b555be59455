//! Keeps a damaged or hostile Parquet file from bringing the process down.
//!
//! The decoder asserts some properties of its input instead of checking them. Such a panic is an
//! unreadable file to us. Memory is not guarded: limits stand where bytes are asked for.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; a panic becomes an error like any other.
pub(crate) fn guarded<T, E: Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the Parquet data is damaged".to_owned()),
    }
}

//! `[cache]`: how many answers are kept to be given again, where and for how long.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use freehold_gateway::CacheLimits;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Bytes of all answers in memory; what was not asked for longest makes room.
    pub memory_bytes_max: NonZeroUsize,
    /// A larger answer is not kept.
    pub entry_bytes_max: NonZeroUsize,
    /// An older answer is not given again.
    pub age_max_s: NonZeroU32,
    /// A folder, relative to this file, in which answers outlive the server. Only those whose
    /// content traces may keep too: see `serve.trace_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    pub folder_bytes_max: NonZeroU64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        let CacheLimits { memory_bytes_max, entry_bytes_max, age_max } = CacheLimits::default();
        let seconds = u32::try_from(age_max.as_secs()).ok().and_then(NonZeroU32::new);
        Self {
            memory_bytes_max,
            entry_bytes_max,
            age_max_s: seconds.expect("the default age is an hour"),
            folder: None,
            folder_bytes_max: NonZeroU64::new(1 << 30).expect("the constant is not zero"),
        }
    }
}

impl CacheConfig {
    pub fn limits(&self) -> CacheLimits {
        CacheLimits {
            memory_bytes_max: self.memory_bytes_max,
            entry_bytes_max: self.entry_bytes_max,
            age_max: Duration::from_secs(self.age_max_s.get().into()),
        }
    }
}

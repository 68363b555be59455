//! The one place that reads the machine's clock and entropy.

use freehold_vocabulary::{Clock, Timestamp};

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock enters the system")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 is a broken machine; the epoch makes that visible in every record.
        Timestamp::from_micros(
            since.map_or(0, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

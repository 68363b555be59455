//! A trace that has been compacted, by its name.
//!
//! The name holds the time at which it was made (it is a ULID), and a trace is refused when that is
//! further than a day from its `at`; so three days of parts are looked at, the likeliest first.

use std::path::Path;

use freehold_vocabulary::{Timestamp, Trace, TraceId};

use crate::error::TracesError;
use crate::parquet_file;
use crate::snapshot;

/// The most by which the time in a name may differ from the time of the trace.
pub const NAME_TOLERANCE_MICROS: i64 = 86_400_000_000;

/// The last microsecond of the year 9999.
pub const LAST_MICROS: i64 = 253_402_300_799_999_999;

/// The time in a trace id. `None` beyond the year 9999.
pub fn time_of(id: &TraceId) -> Option<Timestamp> {
    let mut millis: i64 = 0;
    for character in id.as_str().bytes().take(10) {
        let digit = ALPHABET.iter().position(|&it| it == character)?;
        millis = millis * 32 + digit as i64;
    }
    let micros = millis.checked_mul(1000).filter(|&micros| micros <= LAST_MICROS)?;
    Some(Timestamp::from_micros(micros))
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Looks in the Parquet files; the caller has looked in the log before.
pub fn in_parts(folder: &Path, id: &TraceId) -> Result<Option<Trace>, TracesError> {
    let Some(made) = time_of(id) else {
        return Ok(None);
    };
    let shifted = |days: i64| {
        let micros = made.as_micros() + days * NAME_TOLERANCE_MICROS;
        Timestamp::from_micros(micros.clamp(0, LAST_MICROS)).day()
    };
    let days = [shifted(0), shifted(-1), shifted(1)];
    for _ in 0..snapshot::ATTEMPTS_MAX {
        let snapshot = snapshot::take(folder, &|day| days.iter().any(|it| it == day))?;
        let found = search(&snapshot, id, &days);
        // A part that vanished was merged into another; look again.
        if matches!(found, Ok(Some(_))) || !snapshot::is_stale(folder, &snapshot)? {
            return found;
        }
    }
    Err(snapshot::restless(folder))
}

fn search(
    snapshot: &snapshot::Snapshot,
    id: &TraceId,
    days: &[String],
) -> Result<Option<Trace>, TracesError> {
    for day in days {
        for part in snapshot.parts.iter().filter(|part| part.name.partition.day == *day) {
            let found = parquet_file::find(&part.path, id, &part.name.partition.task)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_name_is_the_time_it_was_made_at() {
        let at = Timestamp::parse("2026-11-20T12:34:56.789Z").unwrap();
        assert_eq!(time_of(&TraceId::new(at, u128::MAX)), Some(at));
        assert_eq!(time_of(&TraceId::parse(&"Z".repeat(26)).unwrap()), None);
    }
}

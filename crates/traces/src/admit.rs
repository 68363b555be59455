//! Which traces the log takes, and the bytes it keeps for them.
//!
//! Everything that could not be read back exactly is refused here, before it is acknowledged.

use std::collections::HashSet;

use freehold_vocabulary::{Generation, Trace};

use crate::error::TracesError;
use crate::find;
use crate::frame::{self, PAYLOAD_BYTES_MAX};
use crate::log::{self, Record};

/// The framed records of traces that are appended together.
pub fn encode(traces: &[Trace]) -> Result<(Vec<u8>, Vec<Record>), TracesError> {
    let mut bytes = vec![];
    let mut records = Vec::with_capacity(traces.len());
    let mut keys = HashSet::with_capacity(traces.len());
    let mut payload = vec![];
    for trace in traces {
        let refuse = |reason: String| {
            let id = trace.id.as_str().chars().take(40).collect();
            TracesError::Trace { id, reason }
        };
        check(trace).map_err(refuse)?;
        let key = log::key(&trace.id).expect("an id that was checked has 26 bytes");
        if !keys.insert(key) {
            return Err(refuse("it occurs twice in one append".to_owned()));
        }
        payload.clear();
        serde_json::to_writer(&mut payload, trace).map_err(|error| refuse(error.to_string()))?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            let length = payload.len();
            return Err(refuse(format!(
                "it is {length} bytes long; at most {PAYLOAD_BYTES_MAX} are kept, so shorten its input"
            )));
        }
        let start = bytes.len();
        let crc = frame::encode(&payload, &mut bytes);
        records.push(Record { key, start, length: payload.len() as u32, crc });
    }
    Ok((bytes, records))
}

fn check(trace: &Trace) -> Result<(), String> {
    let made = find::time_of(&trace.id).ok_or("its name says a time after the year 9999")?;
    let apart = made.as_micros().abs_diff(trace.at.as_micros());
    if apart > find::NAME_TOLERANCE_MICROS as u64 {
        return Err(format!(
            "its name was made at {made} and it happened at {}; make the name from the time of the trace, by which it is found again",
            trace.at
        ));
    }
    if !(0..=find::LAST_MICROS).contains(&trace.at.as_micros()) {
        return Err(format!("it happened at {}, outside the years 1970 to 9999", trace.at));
    }
    let mut confidences = trace.tiers.iter().map(|it| it.confidence).chain([trace.confidence]);
    let mut scores = trace.tiers.iter().filter_map(|it| it.ood_score);
    if !confidences.all(f64::is_finite) || !scores.all(f64::is_finite) {
        return Err("a confidence or score is not a finite number".to_owned());
    }
    let mut latencies = trace.tiers.iter().map(|it| it.latency_us).chain([trace.latency_us]);
    if !latencies.all(|it| i64::try_from(it).is_ok()) {
        return Err("a latency is longer than 2^63 microseconds".to_owned());
    }
    trace.generation.as_deref().map_or(Ok(()), check_generation)
}

/// The files keep signed numbers.
fn check_generation(generation: &Generation) -> Result<(), String> {
    let usage = &generation.usage;
    let tokens = [
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_written_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    ];
    let cost = generation.cost.as_ref().map(|cost| cost.picos);
    let mut numbers = tokens.into_iter().chain(cost).chain(generation.first_token_us);
    if !numbers.all(|it| i64::try_from(it).is_ok()) {
        return Err("a number of tokens, a cost or a time is above 2^63".to_owned());
    }
    Ok(())
}

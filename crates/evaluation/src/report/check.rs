//! Whether a record that was read can be trusted by everything that takes one: a page or a
//! comparison must not fail on a record that somebody edited or cut.

use super::Evaluation;
use crate::latency::Latency;

/// Latencies beyond these bounds, in microseconds, are not latencies.
const LATENCY_BOUNDS_US: std::ops::RangeInclusive<f64> = 1e-3..=1e15;

/// What is wrong with the record, if anything.
pub(super) fn problem(record: &Evaluation) -> Option<String> {
    let labels = record.labels.len() as u32;
    if labels == 0 {
        return Some("it has no labels".to_owned());
    }
    if record.n_out_of_scope > record.n {
        return Some("more items are out of scope than there are".to_owned());
    }
    let cells = record.confusion.iter().flat_map(|confusion| &confusion.cells);
    let in_cells = cells.flat_map(|cell| cell.gold.into_iter().chain([cell.predicted]));
    let outputs = record.outputs.iter().flatten();
    let in_outputs = outputs.flat_map(|output| output.gold.iter().chain(&output.predicted));
    if let Some(label) = in_cells.chain(in_outputs.copied()).find(|label| *label >= labels) {
        return Some(format!("it names label {label} of {labels}"));
    }
    let latency = record.latency.as_ref().filter(|latency| !is_plausible(latency));
    latency.map(|_| "its latency histogram has impossible bounds".to_owned())
}

fn is_plausible(latency: &Latency) -> bool {
    let inside = |us: f64| LATENCY_BOUNDS_US.contains(&us);
    latency.histogram.iter().all(|bar| inside(bar.from_us) && inside(bar.to_us))
}

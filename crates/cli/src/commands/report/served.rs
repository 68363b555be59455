//! What served requests took, from their traces.

use anyhow::Result;
use freehold_traces::Limits;
use freehold_vocabulary::TaskName;

use crate::wiring::Session;

/// One sentence about latency; none before anything was served.
pub fn latency(session: &Session, task: &TaskName) -> Result<Option<String>> {
    let folder = session.traces_folder()?;
    if !folder.is_dir() {
        return Ok(None);
    }
    // A task's name holds no quote, by its type.
    let query = format!(
        "select count(*) as n, approx_percentile_cont(latency_us, 0.5) as p50, approx_percentile_cont(latency_us, 0.95) as p95 \
         from traces where task = '{task}'"
    );
    let rows = session.wait(freehold_traces::sql(&folder, &query, &Limits::default()))?;
    let Some(row) = rows.rows.first() else { return Ok(None) };
    let number = |index: usize| row.get(index).and_then(serde_json::Value::as_f64);
    let (Some(n), Some(p50), Some(p95)) = (number(0), number(1), number(2)) else {
        return Ok(None);
    };
    if n == 0.0 {
        return Ok(None);
    }
    Ok(Some(format!(
        "Served requests took {:.1} ms at the median and {:.1} ms at the 95th percentile (n = {n}), traces on disk included.",
        p50 / 1000.0,
        p95 / 1000.0
    )))
}

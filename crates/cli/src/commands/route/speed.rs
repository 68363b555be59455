//! What a decision costs: one request at a time, embedding included.

use std::time::Instant;

use anyhow::Result;
use freehold_routing::gain::{GainModel, Judged, Request};
use freehold_vocabulary::{Random, Seed};
use serde::Serialize;

use super::data::Row;
use super::encode::Embedder;

/// Requests that are timed.
const REQUESTS: usize = 500;

/// Wall time of single requests on one thread, after the model was fitted on all rows.
#[derive(Debug, Serialize)]
pub struct Speed {
    pub n: usize,
    /// Judged requests that are searched.
    pub judged: usize,
    pub whole: Timed,
    /// The decision without the embedding.
    pub decision: Timed,
    pub model_bytes: usize,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub struct Timed {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

pub fn measure(embedder: &Embedder, rows: &[Row], judged: &[Judged], seed: Seed) -> Result<Speed> {
    let model = GainModel::fit(judged, seed)?;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    Random::new(seed.derive("timed requests")).shuffle(&mut order);
    order.truncate(REQUESTS);
    let whole = timed(&order, |row| {
        let row = &rows[row];
        let embedding = embedder.embed_one(&row.prompt)?;
        model.predict(&Request::new(&row.prompt, embedding, Some(&row.topic)))?;
        Ok(())
    })?;
    Ok(Speed {
        n: order.len(),
        judged: model.judged(),
        whole,
        decision: timed(&order, |row| {
            model.predict(&judged[row].request)?;
            Ok(())
        })?,
        model_bytes: model.to_bytes().len(),
    })
}

fn timed(order: &[usize], act: impl Fn(usize) -> Result<()>) -> Result<Timed> {
    // The first ones pay for cold caches.
    for &row in order.iter().take(3) {
        act(row)?;
    }
    let mut millis = Vec::with_capacity(order.len());
    for &row in order {
        let begin = Instant::now();
        act(row)?;
        millis.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() as f64 * share).ceil() as usize).max(1) - 1];
    Ok(Timed { p50_ms: at(0.5), p99_ms: at(0.99) })
}

//! A row back into a trace.
//!
//! Checks everything: a Parquet file can have been changed by other tools.

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use freehold_vocabulary::{
    Digest, Label, Outcome, TaskName, Tier, TierAnswer, Timestamp, Trace, TraceId,
};

/// Why a row is not a trace.
pub type Reason = String;

/// The trace in a row that has the columns of [`super::FILE`].
pub fn trace_at(batch: &RecordBatch, row: usize, task: &TaskName) -> Result<Trace, Reason> {
    let get = |name: &str| batch.column_by_name(name);
    let text = |name: &str| {
        Ok::<_, Reason>(value(column::<StringArray>(get(name), name)?, row, name)?.to_owned())
    };
    let at: &TimestampMicrosecondArray = column(get("at"), "at")?;
    let input: &LargeStringArray = column(get("input"), "input")?;
    let confidence: &Float64Array = column(get("confidence"), "confidence")?;
    let certificate: &StringArray = column(get("certificate"), "certificate")?;
    let latency: &Int64Array = column(get("latency_us"), "latency_us")?;
    let tiers: &ListArray = column(get("tiers"), "tiers")?;
    Ok(Trace {
        id: TraceId::parse(&text("id")?).map_err(|error| error.to_string())?,
        at: Timestamp::from_micros(at.value(row)),
        task: task.clone(),
        caller: text("caller")?,
        endpoint: text("endpoint")?,
        input: input.value(row).to_owned(),
        outcome: outcome(&text("outcome")?)?,
        labels: labels(column(get("labels"), "labels")?, row)?,
        confidence: confidence.value(row),
        tier: tier(&text("tier")?)?,
        certificate: optional(certificate, row),
        tiers: tier_answers(&tiers.value(row))?,
        latency_us: unsigned(latency.value(row))?,
        generation: super::generation::at(batch, row)?.map(Box::new),
        route: super::route::at(batch, row)?.map(Box::new),
    })
}

fn tier_answers(list: &ArrayRef) -> Result<Vec<TierAnswer>, Reason> {
    let rows: &StructArray = column(Some(list), "tiers")?;
    let get = |name: &str| rows.column_by_name(name);
    let names: &StringArray = column(get("tier"), "tiers.tier")?;
    let versions: &StringArray = column(get("version"), "tiers.version")?;
    let label_lists: &ListArray = column(get("labels"), "tiers.labels")?;
    let confidences: &Float64Array = column(get("confidence"), "tiers.confidence")?;
    let ood_scores: &Float64Array = column(get("ood_score"), "tiers.ood_score")?;
    let kept: &BooleanArray = column(get("kept"), "tiers.kept")?;
    let reasons: &StringArray = column(get("reason"), "tiers.reason")?;
    let latencies: &Int64Array = column(get("latency_us"), "tiers.latency_us")?;
    let tokens: &Int64Array = column(get("tokens"), "tiers.tokens")?;
    let answer = |row: usize| {
        let version = Digest::parse(versions.value(row)).map_err(|error| error.to_string())?;
        let tokens = u32::try_from(tokens.value(row));
        Ok(TierAnswer {
            tier: tier(names.value(row))?,
            version,
            labels: labels(label_lists, row)?,
            confidence: confidences.value(row),
            ood_score: ood_scores.is_valid(row).then(|| ood_scores.value(row)),
            kept: kept.value(row),
            reason: optional(reasons, row),
            latency_us: unsigned(latencies.value(row))?,
            tokens: tokens.map_err(|_| "`tiers.tokens` is out of range".to_owned())?,
        })
    };
    (0..rows.len()).map(answer).collect()
}

fn labels(lists: &ListArray, row: usize) -> Result<Vec<Label>, Reason> {
    let list = lists.value(row);
    let texts: &StringArray = column(Some(&list), "labels")?;
    let label = |text: Option<&str>| Label::parse(text.unwrap_or_default());
    texts.iter().map(|text| label(text).map_err(|error| error.to_string())).collect()
}

fn tier(word: &str) -> Result<Tier, Reason> {
    let all = [Tier::Micro, Tier::Small, Tier::Mid, Tier::Frontier, Tier::Human];
    let tier = all.into_iter().find(|tier| tier.as_str() == word);
    tier.ok_or_else(|| format!("`{word}` is not a tier"))
}

fn outcome(word: &str) -> Result<Outcome, Reason> {
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word);
    outcome.ok_or_else(|| format!("`{word}` is not an outcome"))
}

pub(super) fn unsigned(number: i64) -> Result<u64, Reason> {
    u64::try_from(number).map_err(|_| format!("{number} is not a duration"))
}

pub(super) fn optional(texts: &StringArray, row: usize) -> Option<String> {
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

pub(super) fn value<'a>(texts: &'a StringArray, row: usize, name: &str) -> Result<&'a str, Reason> {
    if texts.is_valid(row) { Ok(texts.value(row)) } else { Err(format!("`{name}` is empty")) }
}

pub(super) fn column<'a, T: 'static>(
    array: Option<&'a ArrayRef>,
    name: &str,
) -> Result<&'a T, Reason> {
    let array = array.ok_or_else(|| format!("column `{name}` is missing"))?;
    let typed = array.as_any().downcast_ref::<T>();
    typed.ok_or_else(|| format!("column `{name}` has type {}", array.data_type()))
}

//! What the traces say, one row for each day, key, task, model and engine.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use freehold_economics::metering::Machine;
use freehold_economics::{Day, Metered, Sums};
use freehold_ledger::Level;
use freehold_traces::Limits;
use freehold_vocabulary::chat::Usage;
use freehold_vocabulary::price::Cost;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Period;
use crate::wiring::Session;

/// Groups that one report can hold.
const ROWS_MAX: usize = 1_000_000;
/// The engine of a task's own models.
const HERE: &str = "here";

/// Costs are those of the traces: all tries of an answer, those of models that failed before it
/// included, stand with the model that answered; `tries` says whose they were. Sums are decimals, because 64 bits would hold nine million of a currency.
const GENERATIONS: &str = "\
SELECT day, task, caller, model, engine, currency, count(*) AS n,
       count(*) FILTER (WHERE basis = 'estimated') AS estimated,
       count(*) FILTER (WHERE cost_picos IS NULL AND cache IS NULL) AS unpriced,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE cache IS NOT NULL) AS cached,
       sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
       sum(cache_written_tokens) AS cache_written_tokens, sum(output_tokens) AS output_tokens,
       sum(reasoning_tokens) AS reasoning_tokens,
       sum(CAST(cost_picos AS DECIMAL(20, 0))) AS cost,
       sum(CAST(saved_picos AS DECIMAL(20, 0))) AS saved
FROM generations WHERE {PERIOD}
GROUP BY day, task, caller, model, engine, currency";

/// Tokens of a task are those of every tier that read the text.
const TASKS: &str = "\
SELECT day, task, caller, count(*) AS n FROM traces WHERE generation IS NULL AND {PERIOD} GROUP BY day, task, caller";
const TASK_TOKENS: &str = "\
SELECT day, task, caller, sum(answer['tokens']) AS tokens
FROM (SELECT day, task, caller, unnest(tiers) AS answer
      FROM traces WHERE generation IS NULL AND {PERIOD})
GROUP BY day, task, caller";

#[derive(Debug, Deserialize)]
struct Generated(
    Day,
    String,
    String,
    String,
    String,
    Option<String>,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    Option<String>,
    Option<String>,
);

/// Every row of the days.
pub fn rows(session: &Session, period: Period) -> Result<Vec<Metered>> {
    let mut rows = Vec::new();
    for it in asked::<Generated>(session, GENERATIONS, period)? {
        rows.push(generated(session, it)?);
    }
    let tokens = asked::<(Day, String, String, u64)>(session, TASK_TOKENS, period)?;
    let tokens: BTreeMap<(Day, String, String), u64> =
        tokens.into_iter().map(|(day, task, caller, n)| ((day, task, caller), n)).collect();
    for (day, task, key, n) in asked::<(Day, String, String, u64)>(session, TASKS, period)? {
        let read = tokens.get(&(day, task.clone(), key.clone())).copied().unwrap_or_default();
        rows.push(classified(session, day, task, key, n, read));
    }
    let owners = owners(session)?;
    for row in &mut rows {
        if let Some((team, tags)) = owners.get(&row.key) {
            row.team.clone_from(team);
            row.tags.clone_from(tags);
        }
    }
    rows.sort_by(|a, b| {
        (a.day, &a.task, &a.key, &a.model).cmp(&(b.day, &b.task, &b.key, &b.model))
    });
    Ok(rows)
}

/// The team and the tags of each key, as the ledger has them now. A key without a team stands under
/// its own name.
fn owners(session: &Session) -> Result<BTreeMap<String, (String, Vec<String>)>> {
    let mut owners = BTreeMap::new();
    for key in session.wait(session.ledger.keys())? {
        let Some(grant) = session.wait(session.ledger.find_grant(&key.hash))? else { continue };
        let team = grant.accounts.iter().find(|it| it.party.level == Level::Team);
        let team = team.map_or(key.name.as_str(), |it| it.party.name.as_str()).to_owned();
        let tags = grant.tags().into_iter().map(|(name, value)| format!("{name}={value}"));
        owners.insert(key.name.to_string(), (team, tags.collect()));
    }
    Ok(owners)
}

fn generated(session: &Session, it: Generated) -> Result<Metered> {
    let Generated(day, task, key, model, engine, currency, requests, ..) = it;
    let Generated(
        ..,
        estimated,
        unpriced,
        failed,
        cached,
        input,
        read,
        written,
        output,
        thought,
        cost,
        saved,
    ) = it;
    let usage = Usage {
        input_tokens: input,
        cached_input_tokens: read,
        cache_written_tokens: written,
        output_tokens: output,
        reasoning_tokens: thought,
    };
    let sum = |text: Option<String>| -> Result<Sums> {
        let mut sums = Sums::default();
        if let (Some(currency), Some(text)) = (&currency, text) {
            sums.add(currency, text.parse().context("a sum of costs")?);
        }
        Ok(sums)
    };
    let own = session.config.prices.tariff(&model).is_some_and(|it| it.on(day).is_time());
    Ok(Metered {
        day,
        task,
        team: key.clone(),
        tags: Vec::new(),
        key,
        engine,
        requests,
        estimated,
        unpriced,
        failed,
        cached,
        usage,
        cost: sum(cost)?,
        saved: sum(saved)?,
        machine: if own { Machine::Own } else { Machine::Others },
        model,
    })
}

/// A task's own models: paid by time, if the price list has a price of the task's name.
fn classified(
    session: &Session,
    day: Day,
    task: String,
    key: String,
    n: u64,
    read: u64,
) -> Metered {
    let usage = Usage { input_tokens: read, ..Usage::default() };
    let cost = session.config.prices.tariff(&task).map(|tariff| {
        let price = tariff.on(day);
        let Cost { currency, picos } = price.cost(&usage);
        // The price of a request is in it one time.
        let others = u128::from(n.saturating_sub(1)) * price.per_request.picos();
        (currency, u128::from(picos) + others)
    });
    let mut sums = Sums::default();
    let unpriced = if cost.is_some() { 0 } else { n };
    if let Some((currency, picos)) = cost {
        sums.add(&currency, picos);
    }
    Metered {
        day,
        team: key.clone(),
        tags: Vec::new(),
        key,
        model: task.clone(),
        task,
        engine: HERE.to_owned(),
        requests: n,
        estimated: 0,
        unpriced,
        failed: 0,
        cached: 0,
        usage,
        cost: sums,
        saved: Sums::default(),
        machine: Machine::Own,
    }
}

fn asked<T: DeserializeOwned>(session: &Session, question: &str, period: Period) -> Result<Vec<T>> {
    // Days hold nothing but digits, by their type.
    let since = period.since.map(|it| format!("day >= DATE '{it}'"));
    let until = period.until.map(|it| format!("day <= DATE '{it}'"));
    let clauses: Vec<String> = since.into_iter().chain(until).collect();
    let clause = if clauses.is_empty() { "true".to_owned() } else { clauses.join(" AND ") };
    let question = question.replace("{PERIOD}", &clause);
    let limits = Limits { rows_max: ROWS_MAX, answer_bytes_max: 512 << 20, ..Limits::default() };
    let folder = session.traces_folder()?;
    if !folder.exists() {
        // Nothing was ever asked.
        return Ok(Vec::new());
    }
    let rows = session.wait(freehold_traces::sql(&folder, &question, &limits))?;
    if rows.truncated {
        bail!("there are more than {ROWS_MAX} groups; narrow the days with --since and --until");
    }
    let each = rows.rows.into_iter().map(|row| {
        serde_json::from_value(serde_json::Value::Array(row)).context("a row of the traces")
    });
    each.collect()
}

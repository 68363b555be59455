//! `freehold cost export --focus`: the bill as a FOCUS 1.2 data set.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use freehold_economics::Metered;
use freehold_economics::focus::{Billed, COLUMNS, Charge, charges};
use freehold_vocabulary::EngineName;

use super::{Period, metered, safe};
use crate::output;
use crate::wiring::Session;

/// Write costs for FinOps tools: one row for each day, key, task, model and kind of token.
///
/// Columns and rules are those of the FinOps Open Cost and Usage Specification (FOCUS) 1.2. An
/// unknown cost has no place in it, so requests without a price are an error.
#[derive(Debug, Args)]
pub struct Arguments {
    /// In FOCUS 1.2, the only format there is.
    #[arg(long, required = true)]
    focus: bool,
    #[command(flatten)]
    period: Period,
    /// A new file; without it, the rows are printed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave out requests whose price nobody knows, and say how many they were.
    #[arg(long)]
    without_unpriced: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let mut rows = metered::rows(session, arguments.period)?;
    let unpriced: u64 = rows.iter().map(|it| it.unpriced).sum();
    if arguments.without_unpriced {
        rows.retain(|it| it.unpriced == 0);
    }
    let account = &session.config.portfolio.name;
    let billed: Vec<Billed<'_>> = rows.iter().map(|it| billed(session, it)).collect();
    let charges = charges(account, &billed)?;
    let Some(path) = &arguments.out else {
        return write(&charges, std::io::stdout().lock());
    };
    let file = std::fs::File::create_new(path)
        .with_context(|| format!("{} cannot be made; choose a new file", path.display()))?;
    write(&charges, &file)?;
    file.sync_all()?;
    let left_out = if arguments.without_unpriced { unpriced } else { 0 };
    let done = serde_json::json!({
        "written": path, "rows": charges.len(), "requests_left_out": left_out,
    });
    output::print(session.form, &done, |_| {
        let left = if left_out == 0 {
            String::new()
        } else {
            format!("; {left_out} request(s) without a price are left out")
        };
        format!("wrote {} row(s) of FOCUS 1.2 to {}{left}", charges.len(), path.display())
    })?;
    output::next(session.form, "load it into your FinOps tool, or ask DuckDB");
    Ok(())
}

fn billed<'a>(session: &'a Session, metered: &'a Metered) -> Billed<'a> {
    let config = &session.config;
    let engine = EngineName::parse(&metered.engine).ok();
    let engine = engine.and_then(|it| config.engines.get(&it));
    let model = config.models.get(&metered.model);
    Billed {
        metered,
        tariff: config.prices.tariff(&metered.model),
        // What the organisation's own machines answer it provides to itself.
        provider: model.map_or(config.portfolio.name.as_str(), |it| it.provider.as_str()),
        region: engine.and_then(|it| it.region.as_ref()).map(|it| it.as_str()),
    }
}

fn write(charges: &[Charge], out: impl Write) -> Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(COLUMNS.iter().map(|(name, _)| *name))?;
    for charge in charges {
        out.write_record(COLUMNS.iter().map(|(_, cell)| safe(&cell(charge))))?;
    }
    out.flush()?;
    Ok(())
}

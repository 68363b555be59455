//! `freehold cost`: what answers cost, along any dimension, from the traces.

mod export;
mod metered;
mod notes;
mod prices;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use freehold_economics::metering::{Line, add_up};
use freehold_economics::{Day, Dimension, Frontier, Sums};
use freehold_vocabulary::Tier;
use serde::Serialize;

use crate::output::{self, Form};
use crate::wiring::Session;

/// What answers cost: by task, team, model, key, engine, day or tag.
///
/// Sums come from the traces and are exact to 10⁻¹² of a currency; currencies are never added to
/// each other. `estimated` counts requests whose tokens the engine did not report, `unpriced` those
/// whose price nobody knows, whose cost is therefore in no sum. What your own machines answered
/// stands beside what the frontier models of freehold.toml would have asked, at the list price of
/// the day.
///
/// A machine that is paid by the hour has a `[[price]]` with `per_hour`, the throughput that was
/// measured under load, and its `utilisation`. A request costs its share: for each kind of token
/// its number divided by the measured tokens per second, added up, divided by the utilisation, times
/// the price of the hour.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Examples:\n  freehold cost --by team,model --since 2026-11-01\n  freehold cost --by day --csv > days.csv\n  freehold cost export --focus --since 2026-11-01 --out november.csv\n  freehold cost prices"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Dimensions, joined by commas. A request stands under each of its tags.
    #[arg(long, value_delimiter = ',', default_value = "model")]
    by: Vec<By>,
    #[command(flatten)]
    period: Period,
    /// A model to compare your own machines with, instead of every frontier model.
    #[arg(long, value_name = "MODEL")]
    against: Vec<String>,
    /// Print comma-separated values with a header instead of a table.
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Arguments),
    /// Every price in force, with its date and source, and which should be looked up again.
    Prices,
}

/// Which days, in UTC.
#[derive(Debug, Clone, Copy, Args)]
pub struct Period {
    /// The first day, `YYYY-MM-DD`.
    #[arg(long, value_parser = parse_day)]
    since: Option<Day>,
    /// The last day.
    #[arg(long, value_parser = parse_day)]
    until: Option<Day>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Task,
    Team,
    Model,
    Key,
    Engine,
    Day,
    Tag,
}

impl By {
    const fn dimension(self) -> Dimension {
        match self {
            Self::Task => Dimension::Task,
            Self::Team => Dimension::Team,
            Self::Model => Dimension::Model,
            Self::Key => Dimension::Key,
            Self::Engine => Dimension::Engine,
            Self::Day => Dimension::Day,
            Self::Tag => Dimension::Tag,
        }
    }
}

fn parse_day(text: &str) -> Result<Day, String> {
    Day::parse(text).map_err(|error| error.to_string())
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    since: Option<Day>,
    until: Option<Day>,
    by: Vec<Dimension>,
    lines: Vec<Line>,
    total: Line,
    notes: Vec<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    match &arguments.command {
        Some(Command::Export(arguments)) => return export::run(arguments, session),
        Some(Command::Prices) => return prices::run(session),
        None => {}
    }
    let by: Vec<Dimension> = arguments.by.iter().map(|it| it.dimension()).collect();
    let frontier = frontier(&arguments.against, session)?;
    let rows = metered::rows(session, arguments.period)?;
    let mut total = add_up(&rows, &[], &frontier);
    let total = total.pop().unwrap_or_default();
    let report = Report {
        since: rows.iter().map(|it| it.day).min(),
        until: rows.iter().map(|it| it.day).max(),
        lines: add_up(&rows, &by, &frontier),
        by,
        notes: notes::of(session, &rows, &total, &frontier),
        total,
    };
    if arguments.csv && session.form == Form::Human {
        return csv(&report, &frontier);
    }
    output::print(session.form, &report, |report| shown(report, &frontier))?;
    output::next(session.form, "freehold cost export --focus --out costs.csv");
    Ok(())
}

/// The models to compare with.
fn frontier(against: &[String], session: &Session) -> Result<Vec<Frontier>> {
    let config = &session.config;
    let named = |model: &str| -> Result<Frontier> {
        let tariff = config.prices.known().find(|(name, _)| *name == model);
        let Some((_, tariff)) = tariff else {
            let known: Vec<&str> = config.prices.known().map(|(name, _)| name).collect();
            bail!("`{model}` has no price to compare with; there are {}", known.join(", "));
        };
        Ok(Frontier { model: model.to_owned(), tariff: tariff.clone() })
    };
    if !against.is_empty() {
        return against.iter().map(|it| named(it)).collect();
    }
    let all = config.models.iter().filter(|(_, it)| it.tier == Tier::Frontier);
    let priced = all.filter(|(name, _)| config.prices.tariff(name).is_some());
    priced.map(|(name, _)| named(name)).collect()
}

fn header(report: &Report, frontier: &[Frontier]) -> Vec<String> {
    let by = report.by.iter().map(|it| it.as_str().to_owned());
    let fixed = [
        "requests",
        "cached",
        "estimated",
        "unpriced",
        "failed",
        "input_tokens",
        "output_tokens",
        "cost",
        "saved",
        "own_requests",
        "own_cost",
    ];
    let instead = frontier.iter().map(|it| format!("at {}", it.model));
    by.chain(fixed.map(str::to_owned)).chain(instead).collect()
}

fn cells(line: &Line, frontier: &[Frontier]) -> Vec<String> {
    let money = |sums: &Sums| if sums.is_empty() { "-".to_owned() } else { sums.to_string() };
    let numbers = [
        line.requests,
        line.cached,
        line.estimated,
        line.unpriced,
        line.failed,
        line.usage.input_tokens,
        line.usage.output_tokens,
    ];
    let mut cells = line.by.clone();
    cells.extend(numbers.map(|it| it.to_string()));
    cells.extend([money(&line.cost), money(&line.saved)]);
    cells.extend([line.own_requests.to_string(), money(&line.own_cost)]);
    let instead =
        frontier.iter().map(|it| line.instead.get(&it.model).map_or("-".to_owned(), money));
    cells.extend(instead);
    cells
}

/// The table without columns in which nothing stands.
fn shown(report: &Report, frontier: &[Frontier]) -> String {
    if report.lines.is_empty() {
        return "no requests in these days\n".to_owned();
    }
    let header = header(report, frontier);
    let mut rows: Vec<Vec<String>> = report.lines.iter().map(|it| cells(it, frontier)).collect();
    let mut total = cells(&report.total, frontier);
    total.splice(
        0..0,
        report.by.iter().enumerate().map(
            |(place, _)| {
                if place == 0 { "all".to_owned() } else { String::new() }
            },
        ),
    );
    rows.push(total);
    let says = |column: usize| {
        column <= report.by.len()
            || rows.iter().any(|row| !matches!(row[column].as_str(), "0" | "-"))
    };
    let kept: Vec<usize> = (0..header.len()).filter(|column| says(*column)).collect();
    let pick = |row: &[String]| kept.iter().map(|it| row[*it].clone()).collect::<Vec<_>>();
    let names = pick(&header);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| pick(row)).collect();
    let notes: String = report.notes.iter().map(|it| format!("\n{it}")).collect();
    output::table(&names, &rows) + &notes
}

fn csv(report: &Report, frontier: &[Frontier]) -> Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout().lock());
    out.write_record(header(report, frontier))?;
    for line in &report.lines {
        out.write_record(cells(line, frontier).iter().map(|cell| safe(cell)))?;
    }
    out.flush()?;
    Ok(())
}

/// A text that a spreadsheet does not take for a formula.
pub fn safe(cell: &str) -> String {
    let formula =
        cell.starts_with(['=', '+', '@', '\t', '\r']) || (cell.starts_with('-') && cell.len() > 1);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

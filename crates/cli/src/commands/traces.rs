//! `freehold traces`: the record of every answer, tailed and queried.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use freehold_traces::{Compaction, Limits, Options, QUESTIONS, Rows, Traces};
use freehold_vocabulary::{Label, TaskName, Trace};
use tokio::time::MissedTickBehavior;

use crate::config::traces::retention_rules;
use crate::output;
use crate::wiring::Session;

/// Look at traces. Works while a server is writing.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The newest traces.
    Tail {
        #[arg(long, short = 'n', default_value_t = 10)]
        lines: usize,
        #[arg(long)]
        task: Option<TaskName>,
        /// Wait for more, until interrupted.
        #[arg(long, short)]
        follow: bool,
    },
    /// Ask in SQL: one row per trace in `traces`, one per tier's answer in `answers`, one per
    /// generated answer with its cost in `generations`.
    Sql { query: String },
    /// Turn the log into Parquet now, where DuckDB, Polars and Spark see it. A running server does
    /// so by itself, after `traces.compact_after_s` and when it stops.
    Compact,
    /// Forget what `keep_content_days` and `keep_days` of freehold.toml say is due. A running server
    /// does so by itself, every hour.
    Forget {
        /// Only say what would be forgotten; works while a server runs.
        #[arg(long)]
        dry_run: bool,
    },
    /// Ready questions by name; without a name, what there is.
    Ask { question: Option<String> },
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    let folder = session.traces_folder()?;
    match command {
        Command::Tail { lines, task, follow } => {
            let (traces, tail) = freehold_traces::tail(&folder, *lines, task.clone())?;
            output::print(session.form, &traces, |traces| traces.iter().map(line).collect())?;
            if *follow { session.runtime().block_on(follow_on(tail, session)) } else { Ok(()) }
        }
        Command::Sql { query } => {
            let rows = session.wait(freehold_traces::sql(&folder, query, &Limits::default()))?;
            print(session, &rows)
        }
        Command::Compact => compact(session),
        Command::Forget { dry_run } => forget(session, *dry_run),
        Command::Ask { question: Some(name) } => {
            let Some(question) = freehold_traces::questions::find(name) else {
                let names: Vec<&str> = QUESTIONS.iter().map(|it| it.name).collect();
                bail!("there is no question `{name}`; there are {}", names.join(", "));
            };
            let rows = session.wait(freehold_traces::questions::ask(
                &folder,
                question,
                &Limits::default(),
            ))?;
            print(session, &rows)
        }
        Command::Ask { question: None } => {
            let all: Vec<Vec<String>> =
                QUESTIONS.iter().map(|it| vec![it.name.to_owned(), it.about.to_owned()]).collect();
            output::print(session.form, &all, |all| output::table(&["question", "about"], all))
        }
    }
}

fn forget(session: &Session, dry_run: bool) -> Result<()> {
    let (folder, rules, now) =
        (session.traces_folder()?, retention_rules(&session.config), session.now());
    if rules.keep_everything() {
        bail!(
            "freehold.toml keeps every trace for ever; say `keep_content_days` or `keep_days` in [traces] or in `traces` of a task"
        );
    }
    let done = if dry_run {
        freehold_traces::would_forget(&folder, &rules, now)?
    } else {
        let options = Options { compaction: Compaction::OnRequest, ..Options::default() };
        let traces = Traces::open(&folder, options).context(
            "nothing is forgotten from here; a running server does so by itself, every hour",
        )?;
        session.wait(traces.forget(rules, now))?
    };
    let said =
        serde_json::json!({ "traces": done.removed, "texts": done.emptied, "dry_run": dry_run });
    output::print(session.form, &said, |_| {
        let verb = if dry_run { "would forget" } else { "forgot" };
        format!("{verb} {} traces, and the texts of {} more", done.removed, done.emptied)
    })
}

fn compact(session: &Session) -> Result<()> {
    let options = Options { compaction: Compaction::OnRequest, ..Options::default() };
    let folder = session.traces_folder()?;
    let traces = Traces::open(&folder, options).with_context(|| {
        let age = session.config.traces.compact_after_s;
        format!(
            "the log cannot be compacted from here; if a server runs, it compacts by itself every {age} s and when it stops"
        )
    })?;
    let found: Vec<String> = traces.recovery().findings.iter().map(ToString::to_string).collect();
    let done = session.wait(traces.compact())?;
    let done = serde_json::json!({
        "traces": done.traces, "parts_written": done.parts_written,
        "parts_merged": done.parts_merged, "set_aside": done.set_aside, "found": found,
    });
    output::print(session.form, &done, |done| {
        let mut text: String = found.iter().map(|it| format!("{it}\n")).collect();
        text.push_str(&format!(
            "{} traces left the log for {} Parquet files in {}\n",
            done["traces"],
            done["parts_written"],
            folder.display()
        ));
        text
    })
}

/// Prints what is new every `serve.watch_ms`, until interrupted or nobody reads any more.
///
/// A look costs the metadata of a folder and reads only what was appended since. Events of the
/// file system would save that, and are not there on network file systems.
async fn follow_on(mut tail: freehold_traces::Tail, session: &Session) -> Result<()> {
    let pause = Duration::from_millis(u64::from(session.config.serve.watch_ms.get()));
    let mut looks = tokio::time::interval(pause);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
            _due = looks.tick() => {}
        }
        let fresh = tokio::task::block_in_place(|| tail.fresh())?.traces;
        let text: String = fresh.iter().map(line).collect();
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => {}
            // `… | head` has seen enough.
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(cause) => return Err(cause.into()),
        }
    }
}

fn line(trace: &Trace) -> String {
    let labels: Vec<&str> = trace.labels.iter().map(Label::as_str).collect();
    let labels = match &trace.generation {
        Some(it) => format!("{} {}", it.model, it.ending.as_str()),
        None if labels.is_empty() => "-".to_owned(),
        None => labels.join(", "),
    };
    let text: String =
        trace.input.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(
        "{} {} {:<6} {:.2} {:>7} us  {labels}  {text}\n",
        trace.id, trace.task, trace.tier, trace.confidence, trace.latency_us
    )
}

fn print(session: &Session, rows: &Rows) -> Result<()> {
    output::print(session.form, rows, |rows| {
        let header: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
        let cell = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        let cells: Vec<Vec<String>> =
            rows.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        output::table(&header, &cells)
    })
}

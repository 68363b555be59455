//! `freehold traces`: the record of every answer, tailed and queried.

use anyhow::{Result, bail};
use clap::Subcommand;
use freehold_traces::{Limits, QUESTIONS, Rows};
use freehold_vocabulary::{Label, TaskName, Trace};

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
    /// Ask in SQL: one row per trace in `traces`, one per tier's answer in `answers`.
    Sql { query: String },
    /// Ready questions by name; without a name, what there is.
    Ask { question: Option<String> },
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    let folder = session.traces_folder()?;
    match command {
        Command::Tail { lines, task, follow } => {
            let (traces, tail) = freehold_traces::tail(&folder, *lines, task.clone())?;
            output::print(session.form, &traces, |traces| traces.iter().map(line).collect())?;
            if *follow { follow_on(tail) } else { Ok(()) }
        }
        Command::Sql { query } => {
            let rows = session.wait(freehold_traces::sql(&folder, query, &Limits::default()))?;
            print(session, &rows)
        }
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

fn follow_on(mut tail: freehold_traces::Tail) -> Result<()> {
    loop {
        std::thread::sleep(std::time::Duration::from_millis(500));
        for trace in tail.fresh()?.traces {
            print!("{}", line(&trace));
        }
    }
}

fn line(trace: &Trace) -> String {
    let labels: Vec<&str> = trace.labels.iter().map(Label::as_str).collect();
    let labels = if labels.is_empty() { "-".to_owned() } else { labels.join(", ") };
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

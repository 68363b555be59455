//! Runs as rows.

use async_trait::async_trait;
use freehold_ledger::{
    LedgerError, Limit, Run, RunEnd, RunId, RunKind, RunRepository, RunStart, RunStatus,
};
use freehold_vocabulary::TaskName;

use crate::SqlLedger;
use crate::connection::Writing;
use crate::row::Row;
use crate::statement::query;

#[async_trait]
impl RunRepository for SqlLedger {
    async fn start_run(&self, start: &RunStart) -> Result<Run, LedgerError> {
        let mut writing = self.writing().await?;
        if let Some(known) = find(&mut writing, &start.id).await? {
            resumable(&known, start)?;
            let resume = query(
                "update run set status = 'running', finished_at = null, record = null,
                 message = null where id = ?",
            )
            .bind(start.id.as_str());
            writing.run(resume).await?;
        } else {
            let insert = query(
                "insert into run (id, task, kind, status, started_at)
                 values (?, ?, ?, 'running', ?)",
            )
            .bind(start.id.as_str())
            .bind(start.task.as_str())
            .bind(start.kind.as_str())
            .bind(start.at.as_micros());
            writing.run(insert).await?;
        }
        finished(writing, &start.id).await
    }

    async fn finish_run(&self, id: &RunId, end: &RunEnd) -> Result<Run, LedgerError> {
        end.check()?;
        let mut writing = self.writing().await?;
        let known = find(&mut writing, id).await?;
        let known = known.ok_or_else(|| LedgerError::Missing { what: format!("run `{id}`") })?;
        let status = RunStatus::from(end.ending);
        if known.status != RunStatus::Running {
            let same = known.status == status && known.record == end.record;
            return if same { Ok(known) } else { Err(ended(&known)) };
        }
        let update = query(
            "update run set status = ?, finished_at = ?, record = ?, message = ? where id = ?",
        )
        .bind(status.as_str())
        .bind(end.at.as_micros())
        .bind(end.record.as_ref().map(ToString::to_string))
        .bind(end.message.as_deref())
        .bind(id.as_str());
        writing.run(update).await?;
        finished(writing, id).await
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<Run>, LedgerError> {
        let query = query("select * from run where id = ?").bind(id.as_str());
        self.reading_one(query).await?.as_ref().map(read).transpose()
    }

    async fn runs(&self, task: Option<&TaskName>, limit: Limit) -> Result<Vec<Run>, LedgerError> {
        let query = match task {
            Some(task) => query(
                "select * from run where task = ? order by started_at desc, rowid desc limit ?",
            )
            .bind(task.as_str()),
            None => query("select * from run order by started_at desc, rowid desc limit ?"),
        };
        self.reading(query.bind(limit.get())).await?.iter().map(read).collect()
    }
}

/// Refuses to take over a run that is something else, or that has nothing left to do.
fn resumable(known: &Run, start: &RunStart) -> Result<(), LedgerError> {
    if known.task != start.task || known.kind != start.kind {
        let why = format!("it is a `{}` run of task `{}`", known.kind.as_str(), known.task);
        return Err(LedgerError::Conflict { what: format!("run `{}`", start.id), why });
    }
    if known.status == RunStatus::Succeeded { Err(ended(known)) } else { Ok(()) }
}

fn ended(known: &Run) -> LedgerError {
    let why = format!("it has already {}", known.status.as_str());
    LedgerError::Conflict { what: format!("run `{}`", known.id), why }
}

async fn find(writing: &mut Writing<'_>, id: &RunId) -> Result<Option<Run>, LedgerError> {
    let query = query("select * from run where id = ?").bind(id.as_str());
    writing.one(query).await?.as_ref().map(read).transpose()
}

async fn finished(mut writing: Writing<'_>, id: &RunId) -> Result<Run, LedgerError> {
    let run = find(&mut writing, id).await?.expect("the row was written in this transaction");
    writing.commit().await?;
    Ok(run)
}

fn read(row: &Row<'_>) -> Result<Run, LedgerError> {
    Ok(Run {
        id: row.parsed("id", RunId::parse)?,
        task: row.parsed("task", TaskName::parse)?,
        kind: row.word("kind", RunKind::parse)?,
        status: row.word("status", RunStatus::parse)?,
        started_at: row.time("started_at")?,
        finished_at: row.maybe_time("finished_at")?,
        record: row.maybe_digest("record")?,
        message: row.maybe_text("message")?,
    })
}

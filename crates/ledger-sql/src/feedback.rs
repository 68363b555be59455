//! Feedback as rows that are only ever added.

use async_trait::async_trait;
use freehold_ledger::feedback::check;
use freehold_ledger::{FeedbackRepository, FeedbackRow, LedgerError, Limit, Sequence, Written};
use freehold_vocabulary::{Feedback, FeedbackKind, TraceId};

use crate::SqlLedger;
use crate::row::{Row, json};
use crate::statement::query;

#[async_trait]
impl FeedbackRepository for SqlLedger {
    async fn add_feedback(&self, feedback: &Feedback) -> Result<Written, LedgerError> {
        check(feedback)?;
        let body = json(&feedback.kind);
        let mut writing = self.writing().await?;
        let last = query(
            "select body from feedback where trace = ? and by = ? and kind = ?
             order by sequence desc limit 1",
        )
        .bind(feedback.trace.as_str())
        .bind(&feedback.by)
        .bind(kind_word(&feedback.kind));
        let last = writing.one(last).await?.map(|row| row.text("body")).transpose()?;
        if last.as_ref() == Some(&body) {
            return Ok(Written::AlreadyKnown);
        }
        let insert =
            query("insert into feedback (trace, at, by, kind, body) values (?, ?, ?, ?, ?)")
                .bind(feedback.trace.as_str())
                .bind(feedback.at.as_micros())
                .bind(&feedback.by)
                .bind(kind_word(&feedback.kind))
                .bind(body);
        writing.run(insert).await?;
        writing.commit().await?;
        Ok(Written::New)
    }

    async fn feedback_on(&self, trace: &TraceId) -> Result<Vec<FeedbackRow>, LedgerError> {
        let query =
            query("select * from feedback where trace = ? order by sequence").bind(trace.as_str());
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn feedback(
        &self,
        since: Sequence,
        limit: Limit,
    ) -> Result<Vec<FeedbackRow>, LedgerError> {
        let query = query("select * from feedback where sequence > ? order by sequence limit ?")
            .bind(since.0)
            .bind(limit.get());
        self.reading(query).await?.iter().map(read).collect()
    }
}

fn read(row: &Row<'_>) -> Result<FeedbackRow, LedgerError> {
    Ok(FeedbackRow {
        sequence: row.sequence("sequence")?,
        feedback: Feedback {
            trace: row.parsed("trace", TraceId::parse)?,
            at: row.time("at")?,
            by: row.text("by")?,
            kind: row.json("body")?,
        },
    })
}

const fn kind_word(kind: &FeedbackKind) -> &'static str {
    match kind {
        FeedbackKind::Correction { .. } => "correction",
        FeedbackKind::Rating { .. } => "rating",
        FeedbackKind::Outcome { .. } => "outcome",
    }
}

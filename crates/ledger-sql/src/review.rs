//! The review queue as rows: items, and every judgement that was ever made about them.

use async_trait::async_trait;
use freehold_ledger::review::check_judgement;
use freehold_ledger::{
    LedgerError, Limit, ReviewItem, ReviewRepository, ReviewStatus, Sequence, Settlement, Written,
};
use freehold_vocabulary::audit::act::ReviewSettled;
use freehold_vocabulary::audit::{Act, AuditDraft};
use freehold_vocabulary::{Digest, Label, Probability, TaskName, Timestamp, TraceId};

use crate::SqlLedger;
use crate::audit;
use crate::connection::{Query, Writing};
use crate::row::{Row, json};
use crate::statement::query;

#[async_trait]
impl ReviewRepository for SqlLedger {
    async fn enqueue_reviews(&self, items: &[ReviewItem]) -> Result<Vec<Written>, LedgerError> {
        for item in items {
            item.check_new()?;
        }
        self.reviews.submit(self, items).await
    }

    async fn pending_reviews(
        &self,
        task: Option<&TaskName>,
        limit: Limit,
        after: Option<&TraceId>,
    ) -> Result<Vec<ReviewItem>, LedgerError> {
        // Every trace id sorts behind the empty text.
        let after = after.map_or("", TraceId::as_str);
        let query = match task {
            Some(task) => query(
                "select review.*, null as labels from review
                 where settlement is null and task = ? and trace > ? order by trace limit ?",
            )
            .bind(task.as_str()),
            None => query(
                "select review.*, null as labels from review
                 where settlement is null and trace > ? order by trace limit ?",
            ),
        };
        self.reading(query.bind(after).bind(limit.get())).await?.iter().map(read).collect()
    }

    async fn count_pending_reviews(&self, task: Option<&TaskName>) -> Result<u64, LedgerError> {
        let query = match task {
            Some(task) => query(
                "select count(*) as pending from review where settlement is null and task = ?",
            )
            .bind(task.as_str()),
            None => query("select count(*) as pending from review where settlement is null"),
        };
        let row = self.reading_one(query).await?;
        let pending: i64 = row.map_or(Ok(0), |row| row.get("pending"))?;
        Ok(pending.unsigned_abs())
    }

    async fn find_review(&self, trace: &TraceId) -> Result<Option<ReviewItem>, LedgerError> {
        self.reading_one(by_trace(trace)).await?.as_ref().map(read).transpose()
    }

    async fn settle_review(
        &self,
        trace: &TraceId,
        labels: &[Label],
        by: &str,
        at: Timestamp,
    ) -> Result<ReviewItem, LedgerError> {
        check_judgement(labels, by)?;
        let mut writing = self.writing().await?;
        let item = writing.one(by_trace(trace)).await?.as_ref().map(read).transpose()?;
        let item =
            item.ok_or_else(|| LedgerError::Missing { what: format!("review of `{trace}`") })?;
        match item.settlement() {
            None => settle(writing, trace, labels, by, at).await,
            Some(settlement) if settlement.labels == labels => Ok(item),
            Some(settlement) => Err(LedgerError::Conflict {
                what: format!("the review of `{trace}`"),
                why: format!("{} settled it with other labels", settlement.by),
            }),
        }
    }

    async fn enter_correction(
        &self,
        item: &ReviewItem,
        labels: &[Label],
        by: &str,
        at: Timestamp,
    ) -> Result<ReviewItem, LedgerError> {
        item.check_new()?;
        check_judgement(labels, by)?;
        let mut writing = self.writing().await?;
        match writing.one(by_trace(&item.trace)).await?.as_ref().map(read).transpose()? {
            None => insert(&mut writing, item).await?,
            Some(known) => {
                if known.settlement().is_some_and(|settlement| settlement.labels == labels) {
                    return Ok(known);
                }
            }
        }
        settle(writing, &item.trace, labels, by, at).await
    }

    async fn settled_reviews(
        &self,
        task: &TaskName,
        since: Sequence,
        limit: Limit,
    ) -> Result<Vec<ReviewItem>, LedgerError> {
        let query = query(
            "select review.*, settlement.labels, settlement.by, settlement.at as settled_at
             from review join settlement on settlement.sequence = review.settlement
             where review.task = ? and review.settlement > ?
             order by review.settlement limit ?",
        )
        .bind(task.as_str())
        .bind(since.0)
        .bind(limit.get());
        self.reading(query).await?.iter().map(read).collect()
    }
}

fn by_trace(trace: &TraceId) -> Query {
    query(
        "select review.*, settlement.labels, settlement.by, settlement.at as settled_at
         from review left join settlement on settlement.sequence = review.settlement
         where review.trace = ?",
    )
    .bind(trace.to_string())
}

/// Inserts an item unless its trace is there already.
pub(crate) async fn insert_new(
    writing: &mut Writing<'_>,
    item: &ReviewItem,
) -> Result<Written, LedgerError> {
    if writing.one(by_trace(&item.trace)).await?.is_some() {
        return Ok(Written::AlreadyKnown);
    }
    insert(writing, item).await?;
    Ok(Written::New)
}

async fn insert(writing: &mut Writing<'_>, item: &ReviewItem) -> Result<(), LedgerError> {
    let insert = query(
        "insert into review (trace, task, text, suggested, confidence, reason, at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(item.trace.as_str())
    .bind(item.task.as_str())
    .bind(&item.text)
    .bind(json(&item.suggested))
    .bind(item.confidence.get())
    .bind(&item.reason)
    .bind(item.at.as_micros());
    writing.run(insert).await
}

/// Adds a judgement, lets it count, and commits.
async fn settle(
    mut writing: Writing<'_>,
    trace: &TraceId,
    labels: &[Label],
    by: &str,
    at: Timestamp,
) -> Result<ReviewItem, LedgerError> {
    let insert = query(
        "insert into settlement (trace, labels, by, at) values (?, ?, ?, ?) returning sequence",
    )
    .bind(trace.as_str())
    .bind(json(&labels))
    .bind(by)
    .bind(at.as_micros());
    let sequence = writing.numbered(insert).await?;
    let point = query("update review set settlement = ? where trace = ?")
        .bind(sequence)
        .bind(trace.as_str());
    writing.run(point).await?;
    let row = writing.one(by_trace(trace)).await?;
    let item = read(row.as_ref().expect("the item was read or written in this transaction"))?;
    let settled = ReviewSettled {
        task: item.task.clone(),
        settlement: sequence.unsigned_abs(),
        labels: Digest::of(json(&labels)),
    };
    let (actor, subject) = (by.to_owned(), trace.to_string());
    let act = Act::ReviewSettled(settled);
    audit::record(&mut writing, AuditDraft { at, actor, subject, act }).await?;
    writing.commit().await?;
    Ok(item)
}

fn read(row: &Row<'_>) -> Result<ReviewItem, LedgerError> {
    let settlement: Option<i64> = row.get("settlement")?;
    let status = match settlement {
        None => ReviewStatus::Pending,
        Some(sequence) => ReviewStatus::Settled(Settlement {
            sequence: Sequence(sequence),
            labels: row.labels("labels")?,
            by: row.text("by")?,
            at: row.time("settled_at")?,
        }),
    };
    Ok(ReviewItem {
        trace: row.parsed("trace", TraceId::parse)?,
        task: row.parsed("task", TaskName::parse)?,
        text: row.text("text")?,
        suggested: row.labels("suggested")?,
        confidence: row.number("confidence", Probability::new)?,
        reason: row.text("reason")?,
        at: row.time("at")?,
        status,
    })
}

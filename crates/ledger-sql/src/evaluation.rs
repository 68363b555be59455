//! Evaluations as rows.

use async_trait::async_trait;
use freehold_ledger::{EvaluationRepository, EvaluationRow, LedgerError, Written};
use freehold_vocabulary::{Digest, Split};

use crate::SqlLedger;
use crate::row::{Row, json};
use crate::statement::query;

#[async_trait]
impl EvaluationRepository for SqlLedger {
    async fn record_evaluation(&self, row: &EvaluationRow) -> Result<Written, LedgerError> {
        row.check()?;
        let mut writing = self.writing().await?;
        let known = query("select 1 from evaluation where version = ? and report = ?")
            .bind(row.version.to_string())
            .bind(row.report.to_string());
        if writing.one(known).await?.is_some() {
            return Ok(Written::AlreadyKnown);
        }
        let insert = query(
            "insert into evaluation (version, dataset, split, report, at, metric, headline)
             values (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(row.version.to_string())
        .bind(row.dataset.to_string())
        .bind(row.split.as_str())
        .bind(row.report.to_string())
        .bind(row.at.as_micros())
        .bind(row.metric.as_str())
        .bind(json(&row.headline));
        writing.run(insert).await?;
        writing.commit().await?;
        Ok(Written::New)
    }

    async fn evaluations_of(&self, version: &Digest) -> Result<Vec<EvaluationRow>, LedgerError> {
        let query = query("select * from evaluation where version = ? order by sequence desc")
            .bind(version.to_string());
        self.reading(query).await?.iter().map(read).collect()
    }
}

fn read(row: &Row<'_>) -> Result<EvaluationRow, LedgerError> {
    Ok(EvaluationRow {
        version: row.digest("version")?,
        dataset: row.digest("dataset")?,
        split: row.word("split", Split::parse)?,
        report: row.digest("report")?,
        at: row.time("at")?,
        metric: row.parsed("metric", |word| {
            serde_json::from_value(serde_json::Value::String(word.to_owned()))
        })?,
        headline: row.json("headline")?,
    })
}

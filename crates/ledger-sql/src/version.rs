//! The index of model versions as rows.

use async_trait::async_trait;
use freehold_ledger::{LedgerError, VersionRepository, VersionRow, Written};
use freehold_vocabulary::{Digest, ModelFamily, TaskName};

use crate::SqlLedger;
use crate::connection::{Query, Writing};
use crate::row::Row;
use crate::statement::query;

#[async_trait]
impl VersionRepository for SqlLedger {
    async fn add_version(&self, row: &VersionRow) -> Result<Written, LedgerError> {
        let mut writing = self.writing().await?;
        if writing.one(by_digest(&row.digest)).await?.is_some() {
            return Ok(Written::AlreadyKnown);
        }
        insert(&mut writing, row).await?;
        writing.commit().await?;
        Ok(Written::New)
    }

    async fn find_version(&self, digest: &Digest) -> Result<Option<VersionRow>, LedgerError> {
        self.reading_one(by_digest(digest)).await?.as_ref().map(read).transpose()
    }

    async fn versions(&self, task: Option<&TaskName>) -> Result<Vec<VersionRow>, LedgerError> {
        let query = match task {
            Some(task) => {
                query("select * from model_version where task = ? order by created_at desc, digest")
                    .bind(task.as_str())
            }
            None => query("select * from model_version order by created_at desc, digest"),
        };
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn rebuild_versions(&self, rows: &[VersionRow]) -> Result<(), LedgerError> {
        let mut writing = self.writing().await?;
        writing.run(query("delete from model_version")).await?;
        for row in rows {
            insert(&mut writing, row).await?;
        }
        writing.commit().await
    }
}

fn by_digest(digest: &Digest) -> Query {
    query("select * from model_version where digest = ?").bind(digest.to_string())
}

async fn insert(writing: &mut Writing<'_>, row: &VersionRow) -> Result<(), LedgerError> {
    // A registry may list one version twice; it is one version.
    let insert = query(
        "insert into model_version (digest, task, family, created_at) values (?, ?, ?, ?)
         on conflict (digest) do nothing",
    )
    .bind(row.digest.to_string())
    .bind(row.task.as_str())
    .bind(family_word(row.family))
    .bind(row.created_at.as_micros());
    writing.run(insert).await
}

fn read(row: &Row<'_>) -> Result<VersionRow, LedgerError> {
    Ok(VersionRow {
        digest: row.digest("digest")?,
        task: row.parsed("task", TaskName::parse)?,
        family: row.word("family", |word| {
            [ModelFamily::Micro, ModelFamily::Encoder]
                .into_iter()
                .find(|family| family_word(*family) == word)
        })?,
        created_at: row.time("created_at")?,
    })
}

const fn family_word(family: ModelFamily) -> &'static str {
    match family {
        ModelFamily::Micro => "micro",
        ModelFamily::Encoder => "encoder",
    }
}

//! Names of dataset versions as rows.

use async_trait::async_trait;
use freehold_ledger::{DatasetRepository, LedgerError, NamedDataset, Written};
use freehold_vocabulary::DatasetName;

use crate::SqlLedger;
use crate::row::Row;

const NEWEST: &str = "select * from dataset_naming where name = ? order by sequence desc limit 1";
use crate::statement::query;

#[async_trait]
impl DatasetRepository for SqlLedger {
    async fn name_dataset(&self, naming: &NamedDataset) -> Result<Written, LedgerError> {
        let mut writing = self.writing().await?;
        let newest = writing.one(query(NEWEST).bind(naming.name.as_str())).await?;
        let newest = newest.map(|row| row.digest("digest")).transpose()?;
        if newest.as_ref() == Some(&naming.digest) {
            return Ok(Written::AlreadyKnown);
        }
        let insert = query("insert into dataset_naming (name, digest, at) values (?, ?, ?)")
            .bind(naming.name.as_str())
            .bind(naming.digest.to_string())
            .bind(naming.at.as_micros());
        writing.run(insert).await?;
        writing.commit().await?;
        Ok(Written::New)
    }

    async fn newest_dataset(
        &self,
        name: &DatasetName,
    ) -> Result<Option<NamedDataset>, LedgerError> {
        let row = self.reading_one(query(NEWEST).bind(name.as_str())).await?;
        row.as_ref().map(read).transpose()
    }

    async fn dataset_history(&self, name: &DatasetName) -> Result<Vec<NamedDataset>, LedgerError> {
        let query = query("select * from dataset_naming where name = ? order by sequence desc")
            .bind(name.as_str());
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn datasets(&self) -> Result<Vec<NamedDataset>, LedgerError> {
        let query = query(
            "select * from dataset_naming
             where sequence in (select max(sequence) from dataset_naming group by name)
             order by name",
        );
        self.reading(query).await?.iter().map(read).collect()
    }
}

fn read(row: &Row<'_>) -> Result<NamedDataset, LedgerError> {
    Ok(NamedDataset {
        name: row.parsed("name", DatasetName::parse)?,
        digest: row.digest("digest")?,
        at: row.time("at")?,
    })
}

//! API keys as rows; the secret never comes here.

use async_trait::async_trait;
use freehold_ledger::{Key, KeyName, KeyRepository, LedgerError};
use freehold_vocabulary::{Digest, Timestamp};

use crate::SqlLedger;
use crate::row::Row;

#[async_trait]
impl KeyRepository for SqlLedger {
    async fn add_key(&self, key: &Key) -> Result<(), LedgerError> {
        key.check()?;
        let mut writing = self.writing().await?;
        let taken = sqlx::query("select name from api_key where name = ? or hash = ?")
            .bind(key.name.as_str())
            .bind(key.hash.to_string());
        if let Some(row) = writing.one(taken).await? {
            let what = format!("key `{}`", row.text("name")?);
            let why = "a key of that name or secret exists already".to_owned();
            return Err(LedgerError::Conflict { what, why });
        }
        let insert = sqlx::query(
            "insert into api_key (name, hash, prefix, created_at, expires_at, revoked_at)
             values (?, ?, ?, ?, ?, ?)",
        )
        .bind(key.name.as_str())
        .bind(key.hash.to_string())
        .bind(&key.prefix)
        .bind(key.created_at.as_micros())
        .bind(key.expires_at.map(Timestamp::as_micros))
        .bind(key.revoked_at.map(Timestamp::as_micros));
        writing.run(insert).await?;
        writing.commit().await
    }

    async fn find_key(&self, hash: &Digest) -> Result<Option<Key>, LedgerError> {
        let query = sqlx::query("select * from api_key where hash = ?").bind(hash.to_string());
        self.reading_one(query).await?.as_ref().map(read).transpose()
    }

    async fn keys(&self) -> Result<Vec<Key>, LedgerError> {
        let query = sqlx::query("select * from api_key order by name");
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn revoke_key(&self, name: &KeyName, at: Timestamp) -> Result<Key, LedgerError> {
        let mut writing = self.writing().await?;
        let revoke = sqlx::query(
            "update api_key set revoked_at = min(coalesce(revoked_at, ?1), ?1)
             where name = ?2 returning *",
        )
        .bind(at.as_micros())
        .bind(name.as_str());
        let key = writing.one(revoke).await?.as_ref().map(read).transpose()?;
        writing.commit().await?;
        key.ok_or_else(|| LedgerError::Missing { what: format!("key `{name}`") })
    }
}

fn read(row: &Row<'_>) -> Result<Key, LedgerError> {
    Ok(Key {
        name: row.parsed("name", KeyName::parse)?,
        hash: row.digest("hash")?,
        prefix: row.text("prefix")?,
        created_at: row.time("created_at")?,
        expires_at: row.maybe_time("expires_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}

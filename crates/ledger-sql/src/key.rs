//! API keys as rows; the secret never comes here.

use async_trait::async_trait;
use freehold_ledger::{Key, KeyName, KeyRepository, LedgerError};
use freehold_vocabulary::audit::act::{KeyCreated, KeyRevoked};
use freehold_vocabulary::audit::{Act, AuditDraft};
use freehold_vocabulary::{Digest, Timestamp};

use crate::SqlLedger;
use crate::audit;
use crate::row::Row;

#[async_trait]
impl KeyRepository for SqlLedger {
    async fn add_key(&self, key: &Key, by: &str) -> Result<(), LedgerError> {
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
        let act = Act::KeyCreated(KeyCreated { expires_at: key.expires_at });
        audit::record(&mut writing, recorded(key, key.created_at, by, act)).await?;
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

    async fn revoke_key(
        &self,
        name: &KeyName,
        by: &str,
        at: Timestamp,
    ) -> Result<Key, LedgerError> {
        let mut writing = self.writing().await?;
        let found = sqlx::query("select * from api_key where name = ?").bind(name.as_str());
        let key = writing.one(found).await?.as_ref().map(read).transpose()?;
        let key = key.ok_or_else(|| LedgerError::Missing { what: format!("key `{name}`") })?;
        if key.revoked_at.is_some_and(|before| before <= at) {
            return Ok(key);
        }
        let revoke = sqlx::query("update api_key set revoked_at = ? where name = ?")
            .bind(at.as_micros())
            .bind(name.as_str());
        writing.run(revoke).await?;
        let act = Act::KeyRevoked(KeyRevoked {});
        audit::record(&mut writing, recorded(&key, at, by, act)).await?;
        writing.commit().await?;
        Ok(Key { revoked_at: Some(at), ..key })
    }
}

/// What the audit log says of a key.
fn recorded(key: &Key, at: Timestamp, by: &str, act: Act) -> AuditDraft {
    AuditDraft { at, actor: by.to_owned(), subject: key.name.to_string(), act }
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

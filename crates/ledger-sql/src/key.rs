//! API keys as rows; the secret never comes here.

use std::collections::BTreeMap;

use async_trait::async_trait;
use freehold_ledger::{Grant, Key, KeyChange, KeyName, KeyRepository, LedgerError, Party, Role};
use freehold_vocabulary::audit::act::{FieldsChanged, KeyCreated, KeyRevoked};
use freehold_vocabulary::audit::{Act, AuditDraft};
use freehold_vocabulary::{Digest, Timestamp};

use crate::SqlLedger;
use crate::account::{above, expect_owner, fields, new_fields};
use crate::audit;
use crate::budget::caps_of;
use crate::connection::Writing;
use crate::row::{Row, json};
use crate::statement::query;

#[async_trait]
impl KeyRepository for SqlLedger {
    async fn add_key(&self, key: &Key, by: &str) -> Result<(), LedgerError> {
        key.check()?;
        let mut writing = self.writing().await?;
        let taken = query("select name from api_key where name = ? or hash = ?")
            .bind(key.name.as_str())
            .bind(key.hash.to_string());
        if let Some(row) = writing.one(taken).await? {
            let what = format!("key `{}`", row.text("name")?);
            let why = "a key of that name or secret exists already".to_owned();
            return Err(LedgerError::Conflict { what, why });
        }
        expect_owner(&mut writing, key.owner.as_ref()).await?;
        let insert = query(
            "insert into api_key
             (name, hash, prefix, created_at, expires_at, revoked_at, owner, role, allowed, tags)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(key.name.as_str())
        .bind(key.hash.to_string())
        .bind(&key.prefix)
        .bind(key.created_at.as_micros())
        .bind(key.expires_at.map(Timestamp::as_micros))
        .bind(key.revoked_at.map(Timestamp::as_micros))
        .bind(key.owner.as_ref().map(ToString::to_string))
        .bind(key.role.as_str())
        .bind(json(&key.allowed))
        .bind(json(&key.tags));
        writing.run(insert).await?;
        let plain = Key::new(key.name.clone(), key.hash.clone(), &key.prefix, key.created_at);
        let fields = new_fields(&said(&plain), said(key));
        let act = Act::KeyCreated(KeyCreated { expires_at: key.expires_at, fields });
        audit::record(&mut writing, recorded(key, key.created_at, by, act)).await?;
        writing.commit().await
    }

    async fn find_key(&self, hash: &Digest) -> Result<Option<Key>, LedgerError> {
        let query = query("select * from api_key where hash = ?").bind(hash.to_string());
        self.reading_one(query).await?.as_ref().map(read).transpose()
    }

    async fn find_grant(&self, hash: &Digest) -> Result<Option<Grant>, LedgerError> {
        let Some(key) = self.find_key(hash).await? else { return Ok(None) };
        let accounts = above(self, key.owner.as_ref()).await?;
        let mut caps = caps_of(self, &key.party()).await?;
        for account in &accounts {
            caps.extend(caps_of(self, &account.party).await?);
        }
        Ok(Some(Grant { key, accounts, caps }))
    }

    async fn change_key(
        &self,
        name: &KeyName,
        change: &KeyChange,
        by: &str,
        at: Timestamp,
    ) -> Result<Key, LedgerError> {
        let mut writing = self.writing().await?;
        let before = find(&mut writing, name).await?;
        if before.revoked_at.is_some() {
            let why = "it was revoked, which is for good; make another key".to_owned();
            return Err(LedgerError::Conflict { what: format!("key `{name}`"), why });
        }
        let key = changed(&before, change);
        key.check()?;
        if key == before {
            return Ok(key);
        }
        expect_owner(&mut writing, key.owner.as_ref()).await?;
        if key.hash != before.hash {
            let taken = query("select 1 from api_key where hash = ?").bind(key.hash.to_string());
            if writing.one(taken).await?.is_some() {
                let why = "the new secret is another key's".to_owned();
                return Err(LedgerError::Conflict { what: format!("key `{name}`"), why });
            }
        }
        let update = query(
            "update api_key set hash = ?, prefix = ?, expires_at = ?, owner = ?, role = ?,
             allowed = ?, tags = ? where name = ?",
        )
        .bind(key.hash.to_string())
        .bind(&key.prefix)
        .bind(key.expires_at.map(Timestamp::as_micros))
        .bind(key.owner.as_ref().map(ToString::to_string))
        .bind(key.role.as_str())
        .bind(json(&key.allowed))
        .bind(json(&key.tags))
        .bind(name.as_str());
        writing.run(update).await?;
        let fields = new_fields(&said(&before), said(&key));
        let act = Act::KeyChanged(FieldsChanged { fields });
        audit::record(&mut writing, recorded(&key, at, by, act)).await?;
        writing.commit().await?;
        Ok(key)
    }

    async fn keys(&self) -> Result<Vec<Key>, LedgerError> {
        let query = query("select * from api_key order by name");
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn revoke_key(
        &self,
        name: &KeyName,
        by: &str,
        at: Timestamp,
    ) -> Result<Key, LedgerError> {
        let mut writing = self.writing().await?;
        let key = find(&mut writing, name).await?;
        if key.revoked_at.is_some_and(|before| before <= at) {
            return Ok(key);
        }
        let revoke = query("update api_key set revoked_at = ? where name = ?")
            .bind(at.as_micros())
            .bind(name.as_str());
        writing.run(revoke).await?;
        let act = Act::KeyRevoked(KeyRevoked {});
        audit::record(&mut writing, recorded(&key, at, by, act)).await?;
        writing.commit().await?;
        Ok(Key { revoked_at: Some(at), ..key })
    }
}

fn changed(key: &Key, change: &KeyChange) -> Key {
    let (hash, prefix) = match &change.secret {
        Some((hash, prefix)) => (hash.clone(), prefix.clone()),
        None => (key.hash.clone(), key.prefix.clone()),
    };
    Key {
        hash,
        prefix,
        owner: change.owner.clone().unwrap_or_else(|| key.owner.clone()),
        role: change.role.unwrap_or(key.role),
        allowed: change.allowed.clone().unwrap_or_else(|| key.allowed.clone()),
        tags: change.tags.clone().unwrap_or_else(|| key.tags.clone()),
        expires_at: change.expires_at.unwrap_or(key.expires_at),
        ..key.clone()
    }
}

async fn find(writing: &mut Writing<'_>, name: &KeyName) -> Result<Key, LedgerError> {
    let found = query("select * from api_key where name = ?").bind(name.as_str());
    let key = writing.one(found).await?.as_ref().map(read).transpose()?;
    key.ok_or_else(|| LedgerError::Missing { what: format!("key `{name}`") })
}

/// What a record says of a key.
fn said(key: &Key) -> BTreeMap<String, String> {
    let mut said = fields(key.owner.as_ref(), &key.allowed, &key.tags);
    let expires = key.expires_at.map_or_else(|| "never".to_owned(), |it| it.to_string());
    said.insert("role".to_owned(), key.role.as_str().to_owned());
    said.insert("expires_at".to_owned(), expires);
    said.insert("prefix".to_owned(), key.prefix.clone());
    said
}

/// What the audit log says of a key.
fn recorded(key: &Key, at: Timestamp, by: &str, act: Act) -> AuditDraft {
    AuditDraft { at, actor: by.to_owned(), subject: key.name.to_string(), act }
}

fn read(row: &Row<'_>) -> Result<Key, LedgerError> {
    Ok(Key {
        name: row.parsed("name", KeyName::parse)?,
        hash: row.digest("hash")?,
        owner: row.maybe_parsed("owner", Party::parse)?,
        role: row.word("role", Role::parse)?,
        allowed: row.json("allowed")?,
        tags: row.json("tags")?,
        prefix: row.text("prefix")?,
        created_at: row.time("created_at")?,
        expires_at: row.maybe_time("expires_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}

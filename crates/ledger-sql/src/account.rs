//! Organisations, teams and users as rows.

use std::collections::BTreeMap;

use async_trait::async_trait;
use freehold_ledger::{
    Account, AccountChange, AccountRepository, Allowed, LedgerError, Level, Party, Tags,
};
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::audit::act::{FieldsChanged, told};
use freehold_vocabulary::audit::{Act, AuditDraft};

use crate::SqlLedger;
use crate::audit;
use crate::connection::Writing;
use crate::row::{Row, json};
use crate::statement::{Query, query};

#[async_trait]
impl AccountRepository for SqlLedger {
    async fn add_account(&self, account: &Account, by: &str) -> Result<(), LedgerError> {
        account.check()?;
        let mut writing = self.writing().await?;
        let party = &account.party;
        if writing.one(of(party)).await?.is_some() {
            let what = format!("`{party}`");
            let why = "it exists already, or existed and was closed".to_owned();
            return Err(LedgerError::Conflict { what, why });
        }
        expect_owner(&mut writing, account.parent.as_ref()).await?;
        let insert = query(
            "insert into account (party, height, parent, allowed, tags, created_at, closed_at)
             values (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(party.to_string())
        .bind(height(party.level))
        .bind(account.parent.as_ref().map(ToString::to_string))
        .bind(json(&account.allowed))
        .bind(json(&account.tags))
        .bind(account.created_at.as_micros())
        .bind(account.closed_at.map(Timestamp::as_micros));
        writing.run(insert).await?;
        let mut fields = fields(account.parent.as_ref(), &account.allowed, &account.tags);
        fields.insert("state".to_owned(), "created".to_owned());
        record(&mut writing, party, by, account.created_at, fields).await?;
        writing.commit().await
    }

    async fn change_account(
        &self,
        party: &Party,
        change: &AccountChange,
        by: &str,
        at: Timestamp,
    ) -> Result<Account, LedgerError> {
        let mut writing = self.writing().await?;
        let before = find(&mut writing, party).await?;
        let changed = Account {
            parent: change.parent.clone().unwrap_or_else(|| before.parent.clone()),
            allowed: change.allowed.clone().unwrap_or_else(|| before.allowed.clone()),
            tags: change.tags.clone().unwrap_or_else(|| before.tags.clone()),
            ..before.clone()
        };
        changed.check()?;
        if changed == before {
            return Ok(before);
        }
        expect_owner(&mut writing, changed.parent.as_ref()).await?;
        let update = query("update account set parent = ?, allowed = ?, tags = ? where party = ?")
            .bind(changed.parent.as_ref().map(ToString::to_string))
            .bind(json(&changed.allowed))
            .bind(json(&changed.tags))
            .bind(party.to_string());
        writing.run(update).await?;
        let was = fields(before.parent.as_ref(), &before.allowed, &before.tags);
        let is = fields(changed.parent.as_ref(), &changed.allowed, &changed.tags);
        record(&mut writing, party, by, at, new_fields(&was, is)).await?;
        writing.commit().await?;
        Ok(changed)
    }

    async fn close_account(
        &self,
        party: &Party,
        by: &str,
        at: Timestamp,
    ) -> Result<Account, LedgerError> {
        let mut writing = self.writing().await?;
        let account = find(&mut writing, party).await?;
        if account.closed_at.is_some() {
            return Ok(account);
        }
        let close = query("update account set closed_at = ? where party = ?")
            .bind(at.as_micros())
            .bind(party.to_string());
        writing.run(close).await?;
        let fields = BTreeMap::from([("state".to_owned(), "closed".to_owned())]);
        record(&mut writing, party, by, at, fields).await?;
        writing.commit().await?;
        Ok(Account { closed_at: Some(at), ..account })
    }

    async fn accounts(&self) -> Result<Vec<Account>, LedgerError> {
        let all = query("select * from account order by height desc, party");
        self.reading(all).await?.iter().map(read).collect()
    }
}

/// Everyone above, nearest first. An owner stands higher, so this ends.
pub(crate) async fn above(
    ledger: &SqlLedger,
    owner: Option<&Party>,
) -> Result<Vec<Account>, LedgerError> {
    let mut above: Vec<Account> = Vec::new();
    let mut next = owner.cloned();
    while let Some(party) = next {
        let row = ledger.reading_one(of(&party)).await?;
        let account = read(&row.ok_or_else(|| missing(&party))?)?;
        next = account.parent.clone();
        above.push(account);
    }
    Ok(above)
}

/// Refuses an owner that is not there.
pub(crate) async fn expect_owner(
    writing: &mut Writing<'_>,
    owner: Option<&Party>,
) -> Result<(), LedgerError> {
    match owner {
        Some(owner) => find(writing, owner).await.map(drop),
        None => Ok(()),
    }
}

/// What a record says of a key or an account.
pub(crate) fn fields(
    owner: Option<&Party>,
    allowed: &Allowed,
    tags: &Tags,
) -> BTreeMap<String, String> {
    let owner = owner.map_or_else(|| "nobody".to_owned(), ToString::to_string);
    let allowed = if allowed.0.is_empty() { "*".to_owned() } else { allowed.0.join(", ") };
    let tags: Vec<String> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let fields = [("owner", owner), ("allowed", allowed), ("tags", tags.join(", "))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), told(value))).collect()
}

/// Those that say something else than before.
pub(crate) fn new_fields(
    was: &BTreeMap<String, String>,
    is: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    is.into_iter().filter(|(name, value)| was.get(name) != Some(value)).collect()
}

async fn record(
    writing: &mut Writing<'_>,
    party: &Party,
    by: &str,
    at: Timestamp,
    fields: BTreeMap<String, String>,
) -> Result<(), LedgerError> {
    let act = Act::AccountChanged(FieldsChanged { fields });
    let draft = AuditDraft { at, actor: by.to_owned(), subject: party.to_string(), act };
    audit::record(writing, draft).await.map(drop)
}

async fn find(writing: &mut Writing<'_>, party: &Party) -> Result<Account, LedgerError> {
    let row = writing.one(of(party)).await?;
    read(&row.ok_or_else(|| missing(party))?)
}

fn missing(party: &Party) -> LedgerError {
    LedgerError::Missing { what: format!("`{party}`") }
}

fn of(party: &Party) -> Query {
    query("select * from account where party = ?").bind(party.to_string())
}

const fn height(level: Level) -> i64 {
    match level {
        Level::Key => 0,
        Level::User => 1,
        Level::Team => 2,
        Level::Organisation => 3,
    }
}

fn read(row: &Row<'_>) -> Result<Account, LedgerError> {
    Ok(Account {
        party: row.parsed("party", Party::parse)?,
        parent: row.maybe_parsed("parent", Party::parse)?,
        allowed: row.json("allowed")?,
        tags: row.json("tags")?,
        created_at: row.time("created_at")?,
        closed_at: row.maybe_time("closed_at")?,
    })
}

//! Audit records as rows that are only ever added.
//!
//! The next sequence and the hash before are read inside the transaction that adds a record, and
//! SQLite lets one such transaction in at a time, whichever process it comes from. So there are no
//! gaps and there is one chain.

use async_trait::async_trait;
use freehold_ledger::{AuditRepository, LedgerError, Limit, Sequence};
use freehold_vocabulary::audit::{ActKind, AuditDraft, AuditRecord, Hash, StoredRecord, link};

use crate::SqlLedger;
use crate::connection::Writing;
use crate::group::Grouped;
use crate::row::Row;
use crate::statement::{either, query};

#[async_trait]
impl AuditRepository for SqlLedger {
    async fn append_audit(&self, drafts: &[AuditDraft]) -> Result<Vec<AuditRecord>, LedgerError> {
        for draft in drafts {
            draft.check()?;
        }
        self.audits.submit(self, drafts).await
    }

    async fn stored_audit(
        &self,
        after: Sequence,
        limit: Limit,
    ) -> Result<Vec<StoredRecord>, LedgerError> {
        // Bytes may be anything here, so they are not read as text.
        let query = either(
            "select sequence, cast(record as blob) as record, cast(hash as blob) as hash
             from audit_record where sequence > ? order by sequence limit ?",
            "select sequence, convert_to(record, 'UTF8') as record, convert_to(hash, 'UTF8') as hash
             from audit_record where sequence > ? order by sequence limit ?",
        )
        .bind(after.0)
        .bind(limit.get());
        let read = |row: &Row<'_>| {
            Ok(StoredRecord {
                place: row.get("sequence")?,
                record: row.get("record")?,
                hash: row.get("hash")?,
            })
        };
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn audit_records(
        &self,
        kind: Option<ActKind>,
        after: Sequence,
        limit: Limit,
    ) -> Result<Vec<AuditRecord>, LedgerError> {
        let query = match kind {
            Some(kind) => query(
                "select record from audit_record where kind = ? and sequence > ?
                 order by sequence limit ?",
            )
            .bind(kind.as_str()),
            None => query(
                "select record from audit_record where sequence > ? order by sequence limit ?",
            ),
        };
        let query = query.bind(after.0).bind(limit.get());
        self.reading(query).await?.iter().map(|row| row.json("record")).collect()
    }

    async fn latest_audit(
        &self,
        kind: Option<ActKind>,
        limit: Limit,
    ) -> Result<Vec<AuditRecord>, LedgerError> {
        let query = match kind {
            Some(kind) => query(
                "select record from audit_record where kind = ? order by sequence desc limit ?",
            )
            .bind(kind.as_str()),
            None => query("select record from audit_record order by sequence desc limit ?"),
        };
        let rows = self.reading(query.bind(limit.get())).await?;
        rows.iter().rev().map(|row| row.json("record")).collect()
    }

    async fn unrecorded_acts(&self, limit: Limit) -> Result<Vec<String>, LedgerError> {
        let rows = self.reading(either(UNRECORDED, UNRECORDED_POSTGRES).bind(limit.get())).await?;
        rows.iter().map(|row| row.text("act")).collect()
    }
}

/// The part that needs no JSON.
macro_rules! unrecorded {
    () => {
        "select 'move ' || it.sequence || ' of alias `' || it.task || '@' || it.alias || '`' as act
from alias_move it left join moved on moved.entry = it.sequence
where it.sequence >= (select min(entry) from moved)
  and (moved.target is distinct from it.target
    or moved.subject is distinct from it.task || '@' || it.alias)
union all
select 'move ' || entry || ' of alias `' || subject || '`, which is gone' from moved
where entry not in (select sequence from alias_move)
union all
select 'key `' || name || '`' from api_key
where rowid >= (select min(it.rowid) from api_key it where it.name in (select name from created))
  and name not in (select name from created)
union all
select 'key `' || name || '`, which is gone' from created where name not in (select name from api_key)
union all
select 'key `' || it.name || '`, which is valid again' from api_key it
where it.revoked_at is null and it.name in (select name from revoked)
union all
select 'judgement ' || it.sequence || ' of trace `' || it.trace || '`'
from settlement it left join settled on settled.entry = it.sequence
where it.sequence >= (select min(entry) from settled) and settled.trace is distinct from it.trace
limit ?"
    };
}

/// What the tables say and the log does not, or the other way round. Acts from before the log's
/// first record of their kind are not in it. Only records of a kind are looked into, and what has
/// a kind is JSON.
const UNRECORDED: &str = concat!(
    "with moved as (
    select json_extract(record, '$.detail.entry') as entry, json_extract(record, '$.subject') as subject,
           json_extract(record, '$.detail.to') as target
    from audit_record where kind = 'alias_moved'
), created as (
    select json_extract(record, '$.subject') as name from audit_record where kind = 'key_created'
), revoked as (
    select json_extract(record, '$.subject') as name from audit_record where kind = 'key_revoked'
), settled as (
    select json_extract(record, '$.detail.settlement') as entry, json_extract(record, '$.subject') as trace
    from audit_record where kind = 'review_settled'
)
",
    unrecorded!()
);
const UNRECORDED_POSTGRES: &str = concat!(
    "with moved as (
    select (record::json #>> '{detail,entry}')::bigint as entry,
           record::json ->> 'subject' as subject, record::json #>> '{detail,to}' as target
    from audit_record where kind = 'alias_moved'
), created as (
    select record::json ->> 'subject' as name from audit_record where kind = 'key_created'
), revoked as (
    select record::json ->> 'subject' as name from audit_record where kind = 'key_revoked'
), settled as (
    select (record::json #>> '{detail,settlement}')::bigint as entry,
           record::json ->> 'subject' as trace
    from audit_record where kind = 'review_settled'
)
",
    unrecorded!()
);

impl Grouped for AuditDraft {
    type Answer = AuditRecord;

    async fn insert(&self, writing: &mut Writing<'_>) -> Result<AuditRecord, LedgerError> {
        append(writing, self.clone()).await
    }
}

/// Appends the record of a change to that change, so that both happen or neither.
pub(crate) async fn record(
    writing: &mut Writing<'_>,
    draft: AuditDraft,
) -> Result<AuditRecord, LedgerError> {
    draft.check()?;
    append(writing, draft).await
}

/// Appends a draft that was checked.
async fn append(writing: &mut Writing<'_>, draft: AuditDraft) -> Result<AuditRecord, LedgerError> {
    let last = query("select sequence, hash from audit_record order by sequence desc limit 1");
    let (sequence, previous) = match writing.one(last).await? {
        None => (0, Hash::ZERO),
        Some(row) => {
            let read = |text: &str| Hash::from_hex(text.as_bytes()).ok_or("not a hash");
            (row.get::<i64>("sequence")?, row.parsed("hash", read)?)
        }
    };
    let sequence = sequence + 1;
    let record = draft.at_place(sequence.unsigned_abs());
    let text = record.canonical().expect("the draft was checked");
    let insert = query("insert into audit_record (sequence, record, hash) values (?, ?, ?)")
        .bind(sequence)
        .bind(&text)
        .bind(link(&previous, text.as_bytes()).to_string());
    writing.run(insert).await?;
    Ok(record)
}

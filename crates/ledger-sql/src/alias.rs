//! Alias moves as rows that are only ever added.

use async_trait::async_trait;
use freehold_ledger::{AliasMove, AliasRepository, AliasRequest, Expected, LedgerError, Sequence};
use freehold_vocabulary::audit::act::AliasMoved;
use freehold_vocabulary::audit::{Act, AuditDraft, GateSaid};
use freehold_vocabulary::{AliasName, Digest, TaskName};

use crate::SqlLedger;
use crate::audit;
use crate::connection::Query;
use crate::row::{Row, json};
use crate::statement::query;

#[async_trait]
impl AliasRepository for SqlLedger {
    async fn move_alias(&self, request: &AliasRequest) -> Result<AliasMove, LedgerError> {
        request.check()?;
        let mut writing = self.writing().await?;
        let current = writing.one(last(&request.task, &request.alias)).await?;
        let current = current.as_ref().map(read).transpose()?;
        as_expected(request, current.as_ref())?;
        let insert = query(
            "insert into alias_move (task, alias, target, at, by, why, gate)
             values (?, ?, ?, ?, ?, ?, ?) returning sequence",
        )
        .bind(request.task.as_str())
        .bind(request.alias.as_str())
        .bind(request.to.as_ref().map(ToString::to_string))
        .bind(request.at.as_micros())
        .bind(&request.by)
        .bind(&request.why)
        .bind(json(&request.gate));
        let sequence = Sequence(writing.numbered(insert).await?);
        let from = current.and_then(|it| it.to);
        audit::record(&mut writing, recorded(request, sequence, from)).await?;
        writing.commit().await?;
        Ok(moved(request, sequence))
    }

    async fn current_alias(
        &self,
        task: &TaskName,
        alias: &AliasName,
    ) -> Result<Option<AliasMove>, LedgerError> {
        self.reading_one(last(task, alias)).await?.as_ref().map(read).transpose()
    }

    async fn alias_history(
        &self,
        task: &TaskName,
        alias: &AliasName,
    ) -> Result<Vec<AliasMove>, LedgerError> {
        let query =
            query("select * from alias_move where task = ? and alias = ? order by sequence")
                .bind(task.as_str())
                .bind(alias.as_str());
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn current_aliases(&self) -> Result<Vec<AliasMove>, LedgerError> {
        let query = query(
            "select * from alias_move
             where sequence in (select max(sequence) from alias_move group by task, alias)
             order by task, alias",
        );
        self.reading(query).await?.iter().map(read).collect()
    }

    async fn alias_sequence(&self) -> Result<Sequence, LedgerError> {
        let query = query("select coalesce(max(sequence), 0) as last from alias_move");
        match self.reading_one(query).await? {
            Some(row) => row.sequence("last"),
            None => Ok(Sequence::START),
        }
    }
}

fn last(task: &TaskName, alias: &AliasName) -> Query {
    query("select * from alias_move where task = ? and alias = ? order by sequence desc limit 1")
        .bind(task.to_string())
        .bind(alias.to_string())
}

fn as_expected(request: &AliasRequest, current: Option<&AliasMove>) -> Result<(), LedgerError> {
    let target = current.and_then(|step| step.to.as_ref());
    match &request.expected {
        Expected::Anything => Ok(()),
        Expected::Target(expected) if expected.as_ref() == target => Ok(()),
        Expected::Target(expected) => {
            let show = |digest: Option<&freehold_vocabulary::Digest>| {
                digest.map_or("nothing".to_owned(), |digest| digest.short().to_owned())
            };
            Err(LedgerError::Conflict {
                what: format!("alias `{}@{}`", request.task, request.alias),
                why: format!(
                    "it means {}, not {} as expected",
                    show(target),
                    show(expected.as_ref())
                ),
            })
        }
    }
}

/// What the audit log says of a move.
fn recorded(request: &AliasRequest, sequence: Sequence, from: Option<Digest>) -> AuditDraft {
    let moved = AliasMoved {
        entry: sequence.0.unsigned_abs(),
        from,
        to: request.to.clone(),
        why: request.why.clone(),
        gate: GateSaid::of(&request.gate),
        gate_result: Digest::of(json(&request.gate)),
    };
    AuditDraft {
        at: request.at,
        actor: request.by.clone(),
        subject: format!("{}@{}", request.task, request.alias),
        act: Act::AliasMoved(moved),
    }
}

fn moved(request: &AliasRequest, sequence: Sequence) -> AliasMove {
    let AliasRequest { task, alias, to, at, by, why, gate, expected: _ } = request.clone();
    AliasMove { sequence, task, alias, to, at, by, why, gate }
}

fn read(row: &Row<'_>) -> Result<AliasMove, LedgerError> {
    Ok(AliasMove {
        sequence: row.sequence("sequence")?,
        task: row.parsed("task", TaskName::parse)?,
        alias: row.parsed("alias", AliasName::parse)?,
        to: row.maybe_digest("target")?,
        at: row.time("at")?,
        by: row.text("by")?,
        why: row.text("why")?,
        gate: row.json("gate")?,
    })
}

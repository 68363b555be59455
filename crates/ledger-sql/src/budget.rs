//! Limits and their use as rows: one for each limit, window and holder.
//!
//! What is taken of a limit is a sum over its holders: what they have drawn while their lease
//! lasts, what they have used once it ended. So nobody has to clear up after a process that died.

use async_trait::async_trait;
use freehold_ledger::budget::{AT_MOST_MAX, drawn};
use freehold_ledger::{
    BudgetRepository, Cap, CapRequest, CapState, Exchanged, Holder, LedgerError, Level, Measure,
    Party, Refusal, Share, Want, Window,
};
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::audit::act::LimitChanged;
use freehold_vocabulary::audit::{Act, AuditDraft};

use crate::SqlLedger;
use crate::audit;
use crate::connection::{Turn, Writing};
use crate::row::Row;
use crate::statement::query;

#[async_trait]
impl BudgetRepository for SqlLedger {
    async fn set_cap(
        &self,
        request: &CapRequest,
        by: &str,
        at: Timestamp,
    ) -> Result<Option<Cap>, LedgerError> {
        request.check()?;
        let mut writing = self.writing().await?;
        expect_party(&mut writing, &request.party).await?;
        let known = query("select * from budget_cap where party = ? and measure = ? and per = ?")
            .bind(request.party.to_string())
            .bind(request.measure.as_str())
            .bind(request.per.as_str());
        let known = writing.one(known).await?;
        let before = known.as_ref().map(|row| row.get("at_most")).transpose()?.flatten();
        let at_most: Option<i64> = request.at_most.map(u64::cast_signed);
        let cap = |id| Cap {
            id,
            party: request.party.clone(),
            measure: request.measure.clone(),
            per: request.per,
            at_most: request.at_most.unwrap_or_default(),
        };
        if before.is_none() && at_most.is_none() {
            let what = format!("limit `{}`", cap(0).name());
            return Err(LedgerError::Missing { what });
        }
        let id = match &known {
            Some(row) => {
                let id: i64 = row.get("sequence")?;
                if before == at_most {
                    return Ok(Some(cap(id)));
                }
                let update = query("update budget_cap set at_most = ? where sequence = ?");
                writing.run(update.bind(at_most).bind(id)).await?;
                id
            }
            None => {
                let insert = query(
                    "insert into budget_cap (party, measure, per, at_most) values (?, ?, ?, ?)
                     returning sequence",
                )
                .bind(request.party.to_string())
                .bind(request.measure.as_str())
                .bind(request.per.as_str())
                .bind(at_most);
                writing.numbered(insert).await?
            }
        };
        let shown = |amount: Option<i64>| amount.map(|it| request.measure.shown(it.unsigned_abs()));
        let act = Act::BudgetChanged(LimitChanged {
            limit: format!("{} per {}", request.measure.as_str(), request.per),
            from: shown(before),
            to: shown(at_most),
            why: request.why.clone(),
        });
        let (actor, subject) = (by.to_owned(), request.party.to_string());
        audit::record(&mut writing, AuditDraft { at, actor, subject, act }).await?;
        writing.commit().await?;
        Ok(at_most.map(|_| cap(id)))
    }

    async fn cap_states(&self, now: Timestamp) -> Result<Vec<CapState>, LedgerError> {
        let states = query(
            "select c.*, cast(coalesce(sum(u.used), 0) as bigint) as used,
                    cast(coalesce(sum(case when h.lease_until > ? then u.drawn else u.used end), 0)
                         as bigint) as taken
             from budget_cap c
             left join budget_use u on u.cap = c.sequence and u.begins_at =
                 case c.per when 'minute' then cast(? as bigint) when 'day' then cast(? as bigint)
                            else cast(? as bigint) end
             left join budget_holder h on h.id = u.holder
             where c.at_most is not null
             group by c.sequence, c.party, c.measure, c.per, c.at_most
             order by c.party, c.measure, c.per",
        )
        .bind(now.as_micros());
        let windows = [Window::Minute, Window::Day, Window::Month];
        let states =
            windows.iter().fold(states, |query, it| query.bind(it.at(now).from.as_micros()));
        let read = |row: &Row<'_>| {
            let cap = read(row)?;
            let (used, taken) = (amount(row, "used")?, amount(row, "taken")?);
            let until = cap.per.at(now).until;
            Ok(CapState { cap, used, reserved: taken.saturating_sub(used), until })
        };
        self.reading(states).await?.iter().map(read).collect()
    }

    async fn exchange(
        &self,
        holder: &Holder,
        now: Timestamp,
        shares: &[Share],
        wants: &[Want],
    ) -> Result<Exchanged, LedgerError> {
        let mut writing = self.writing_in(Turn::Use).await?;
        let lease = query(
            "insert into budget_holder (id, lease_until) values (?, ?)
             on conflict (id) do update set lease_until = excluded.lease_until",
        )
        .bind(&holder.id)
        .bind(holder.lease_until.as_micros());
        writing.run(lease).await?;
        for share in shares {
            report(&mut writing, holder, share).await?;
        }
        let mut drew = Vec::with_capacity(wants.len());
        for want in wants {
            match taken(&mut writing, now, want).await? {
                // A limit that was lifted meanwhile.
                None => drew.push(want.most.max(want.least)),
                Some(refusal) => match drawn(refusal.at_most, refusal.taken, want) {
                    Some(amount) => drew.push(amount),
                    None => {
                        writing.commit().await?;
                        return Ok(Exchanged::Refused(refusal));
                    }
                },
            }
        }
        for (want, amount) in wants.iter().zip(&drew) {
            draw(&mut writing, holder, want, *amount).await?;
        }
        writing.commit().await?;
        Ok(Exchanged::Drawn(drew))
    }

    async fn forget_use(&self, before: Timestamp) -> Result<(), LedgerError> {
        let mut writing = self.writing_in(Turn::Use).await?;
        let minutes = query(
            "delete from budget_use where begins_at < ?
             and cap in (select sequence from budget_cap where per = 'minute')",
        );
        writing.run(minutes.bind(before.as_micros())).await?;
        let holders = query("delete from budget_holder where lease_until < ?");
        writing.run(holders.bind(before.as_micros())).await?;
        writing.commit().await
    }
}

/// The limits of one party.
pub(crate) async fn caps_of(ledger: &SqlLedger, party: &Party) -> Result<Vec<Cap>, LedgerError> {
    let caps =
        query("select * from budget_cap where party = ? and at_most is not null order by sequence");
    ledger.reading(caps.bind(party.to_string())).await?.iter().map(read).collect()
}

async fn report(
    writing: &mut Writing<'_>,
    holder: &Holder,
    share: &Share,
) -> Result<(), LedgerError> {
    let drawn = share.drawn.max(share.used);
    let report = query(
        "insert into budget_use (cap, begins_at, holder, used, drawn) values (?, ?, ?, ?, ?)
         on conflict (cap, begins_at, holder)
         do update set used = excluded.used, drawn = excluded.drawn",
    )
    .bind(share.cap)
    .bind(share.from.as_micros())
    .bind(&holder.id)
    .bind(signed(share.used))
    .bind(signed(drawn));
    writing.run(report).await
}

async fn draw(
    writing: &mut Writing<'_>,
    holder: &Holder,
    want: &Want,
    amount: u64,
) -> Result<(), LedgerError> {
    let draw = query(
        "insert into budget_use (cap, begins_at, holder, used, drawn) values (?, ?, ?, 0, ?)
         on conflict (cap, begins_at, holder)
         do update set drawn = budget_use.drawn + excluded.drawn",
    )
    .bind(want.cap)
    .bind(want.from.as_micros())
    .bind(&holder.id)
    .bind(signed(amount));
    writing.run(draw).await
}

/// What is taken of a limit; none if it was lifted.
async fn taken(
    writing: &mut Writing<'_>,
    now: Timestamp,
    want: &Want,
) -> Result<Option<Refusal>, LedgerError> {
    let taken = query(
        "select c.at_most, cast(coalesce(sum(u.used), 0) as bigint) as used,
                cast(coalesce(sum(case when h.lease_until > ? then u.drawn else u.used end), 0)
                     as bigint) as taken
         from budget_cap c
         left join budget_use u on u.cap = c.sequence and u.begins_at = ?
         left join budget_holder h on h.id = u.holder
         where c.sequence = ? and c.at_most is not null group by c.sequence, c.at_most",
    )
    .bind(now.as_micros())
    .bind(want.from.as_micros())
    .bind(want.cap);
    let Some(row) = writing.one(taken).await? else { return Ok(None) };
    Ok(Some(Refusal {
        cap: want.cap,
        at_most: amount(&row, "at_most")?,
        used: amount(&row, "used")?,
        taken: amount(&row, "taken")?,
    }))
}

async fn expect_party(writing: &mut Writing<'_>, party: &Party) -> Result<(), LedgerError> {
    let found = match party.level {
        Level::Key => query("select 1 from api_key where name = ?").bind(party.name.as_str()),
        _ => query("select 1 from account where party = ?").bind(party.to_string()),
    };
    match writing.one(found).await? {
        Some(_) => Ok(()),
        None => Err(LedgerError::Missing { what: format!("`{party}`") }),
    }
}

/// Rows hold signed numbers, and sums of them must; no limit is larger, so what is beyond has
/// reached it.
fn signed(amount: u64) -> i64 {
    amount.min(AT_MOST_MAX).cast_signed()
}

fn amount(row: &Row<'_>, column: &str) -> Result<u64, LedgerError> {
    row.get(column).map(i64::unsigned_abs)
}

fn read(row: &Row<'_>) -> Result<Cap, LedgerError> {
    Ok(Cap {
        id: row.get("sequence")?,
        party: row.parsed("party", Party::parse)?,
        measure: row.parsed("measure", Measure::parse)?,
        per: row.word("per", Window::parse)?,
        at_most: amount(row, "at_most")?,
    })
}

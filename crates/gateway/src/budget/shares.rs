//! What this process has drawn of each limit, and what its requests hold and have used of it.
//!
//! Plain bookkeeping: no ledger, no lock, no clock. Never lets in what was not drawn.

use std::collections::HashMap;

use freehold_ledger::{Share, Want};
use freehold_vocabulary::Timestamp;

/// More than what is needed is drawn at once, for this many requests of the same size, so that not
/// every request has to ask. The ledger gives less when little is left.
const REQUESTS_AT_ONCE: u64 = 64;
/// A share that nobody used for so long is given back, but for what is held.
const IDLE_US: i64 = 1_000_000;

/// What a request takes of one limit, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) cap: i64,
    /// The window in which it is counted.
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) amount: u64,
}

/// Every share of this process.
#[derive(Debug)]
pub(crate) struct Shares {
    all: HashMap<(i64, Timestamp), Entry>,
    /// Until then others know that the shares are taken.
    lease_until: Timestamp,
}

#[derive(Debug, Default)]
struct Entry {
    used: u64,
    held: u64,
    /// With what is used and held.
    drawn: u64,
    until: Option<Timestamp>,
    touched_at: Option<Timestamp>,
    /// What the ledger knows: used and drawn.
    told: (u64, u64),
}

impl Entry {
    fn taken(&self) -> u64 {
        self.used.saturating_add(self.held)
    }

    fn free(&self) -> u64 {
        self.drawn.saturating_sub(self.taken())
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self { all: HashMap::new(), lease_until: Timestamp::from_micros(i64::MIN) }
    }
}

impl Shares {
    /// Holds all parts, or says what has to be drawn first and holds none.
    pub(crate) fn hold(&mut self, now: Timestamp, parts: &[Part]) -> Result<(), Vec<Want>> {
        if self.lease_until <= now {
            self.lapse();
        }
        let lacking = parts.iter().filter_map(|part| {
            let free = self.all.get(&(part.cap, part.from)).map_or(0, Entry::free);
            let least = part.amount.checked_sub(free).filter(|it| *it > 0)?;
            let most = part.amount.saturating_mul(REQUESTS_AT_ONCE);
            Some(Want { cap: part.cap, from: part.from, least, most })
        });
        let lacking: Vec<Want> = lacking.collect();
        if !lacking.is_empty() {
            return Err(lacking);
        }
        for part in parts {
            let entry = self.entry(part.cap, part.from);
            entry.held = entry.held.saturating_add(part.amount);
            (entry.until, entry.touched_at) = (Some(part.until), Some(now));
        }
        Ok(())
    }

    /// A part that was held has taken that much in the end.
    pub(crate) fn settle(&mut self, part: &Part, used: u64) {
        let entry = self.entry(part.cap, part.from);
        entry.held = entry.held.saturating_sub(part.amount);
        entry.used = entry.used.saturating_add(used);
        // What was not foreseen is taken all the same.
        entry.drawn = entry.drawn.max(entry.taken());
    }

    /// What the ledger does not know yet. Shares that lie idle, or whose window is over, are given
    /// back by it.
    pub(crate) fn report(&mut self, now: Timestamp) -> Vec<Share> {
        if self.lease_until <= now {
            self.lapse();
        }
        let idle = |at: Timestamp| at.as_micros().saturating_add(IDLE_US) <= now.as_micros();
        let mut news = Vec::new();
        for ((cap, from), entry) in &mut self.all {
            let over = entry.until.is_some_and(|until| until <= now);
            if over || entry.touched_at.is_none_or(idle) {
                entry.drawn = entry.taken();
            }
            if (entry.used, entry.drawn) != entry.told {
                news.push(Share { cap: *cap, from: *from, used: entry.used, drawn: entry.drawn });
            }
        }
        news
    }

    /// The ledger knows this now, and gave this much of what was wanted.
    pub(crate) fn exchanged(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        told: &[Share],
        drew: &[(Want, u64)],
    ) {
        self.lease_until = lease_until;
        for share in told {
            self.entry(share.cap, share.from).told = (share.used, share.drawn);
        }
        for (want, amount) in drew {
            let entry = self.entry(want.cap, want.from);
            entry.drawn = entry.drawn.saturating_add(*amount);
            entry.told.1 = entry.told.1.saturating_add(*amount);
            entry.touched_at = Some(now);
        }
        self.all.retain(|_, entry| {
            let over = entry.until.is_some_and(|until| until <= now);
            let unused = entry.until.is_none() && entry.drawn == 0;
            !(over || unused) || entry.held > 0 || (entry.used, entry.drawn) != entry.told
        });
    }

    /// The ledger may or may not have given this; it is told again what there is.
    pub(crate) fn unsure(&mut self, wants: &[Want]) {
        for want in wants {
            self.entry(want.cap, want.from).told = (u64::MAX, u64::MAX);
        }
    }

    /// Whether anything is drawn and not used, so that the lease matters.
    pub(crate) fn lean_on_lease(&self) -> bool {
        self.all.values().any(|it| it.drawn > it.used)
    }

    pub(crate) fn lease_until(&self) -> Timestamp {
        self.lease_until
    }

    /// Gives back what nothing is held of, before the process ends.
    pub(crate) fn release(&mut self) {
        for entry in self.all.values_mut() {
            entry.drawn = entry.taken();
        }
    }

    /// Others may have drawn what was free here; what is held goes on.
    fn lapse(&mut self) {
        self.release();
    }

    fn entry(&mut self, cap: i64, from: Timestamp) -> &mut Entry {
        self.all.entry((cap, from)).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn part(cap: i64, amount: u64) -> Part {
        Part { cap, from: at(0), until: at(60_000_000), amount }
    }

    /// Draws exactly what is lacking.
    fn draw(shares: &mut Shares, now: i64, parts: &[Part]) {
        let lacking = shares.hold(at(now), parts).unwrap_err();
        let told = shares.report(at(now));
        let drew: Vec<(Want, u64)> = lacking.iter().map(|it| (*it, it.least)).collect();
        shares.exchanged(at(now), at(now + 50_000_000), &told, &drew);
        shares.hold(at(now), parts).unwrap();
    }

    #[test]
    fn nothing_is_held_unless_everything_was_drawn() {
        let mut shares = Shares::default();
        let lacking = shares.hold(at(0), &[part(1, 10), part(2, 1)]).unwrap_err();
        assert_eq!(
            lacking.iter().map(|it| (it.least, it.most)).collect::<Vec<_>>(),
            [(10, 640), (1, 64)]
        );
        draw(&mut shares, 0, &[part(1, 10), part(2, 1)]);
        let lacking = shares.hold(at(0), &[part(2, 1)]).unwrap_err();
        assert_eq!((lacking.len(), lacking[0].least), (1, 1));
    }

    #[test]
    fn what_was_not_needed_serves_the_next_request() {
        let mut shares = Shares::default();
        draw(&mut shares, 0, &[part(1, 10)]);
        shares.settle(&part(1, 10), 4);
        let lacking = shares.hold(at(1), &[part(1, 7)]).unwrap_err();
        assert_eq!(lacking[0].least, 1);
        shares.hold(at(1), &[part(1, 6)]).unwrap();
    }

    #[test]
    fn what_was_not_foreseen_is_reported_too() {
        let mut shares = Shares::default();
        draw(&mut shares, 0, &[part(1, 10)]);
        shares.settle(&part(1, 10), 25);
        let share = shares.report(at(1))[0];
        assert_eq!((share.used, share.drawn), (25, 25));
    }

    #[test]
    fn idle_shares_are_given_back_and_held_parts_are_not() {
        let mut shares = Shares::default();
        let lacking = shares.hold(at(0), &[part(1, 10)]).unwrap_err();
        shares.exchanged(at(0), at(50_000_000), &[], &[(lacking[0], 100)]);
        shares.hold(at(0), &[part(1, 10)]).unwrap();
        assert!(shares.report(at(999_999)).is_empty());
        let share = shares.report(at(1_000_000))[0];
        assert_eq!((share.used, share.drawn), (0, 10));
        assert!(shares.lean_on_lease());
    }

    #[test]
    fn without_a_lease_only_what_is_held_remains() {
        let mut shares = Shares::default();
        let lacking = shares.hold(at(0), &[part(1, 10)]).unwrap_err();
        shares.exchanged(at(0), at(5), &[], &[(lacking[0], 100)]);
        shares.hold(at(4), &[part(1, 10)]).unwrap();
        let lacking = shares.hold(at(5), &[part(1, 10)]).unwrap_err();
        assert_eq!(lacking[0].least, 10);
    }

    #[test]
    fn a_window_that_is_over_is_told_once_more_and_forgotten() {
        let mut shares = Shares::default();
        draw(&mut shares, 0, &[part(1, 10)]);
        shares.settle(&part(1, 10), 3);
        let over = at(60_000_000);
        let told = shares.report(over);
        assert_eq!((told[0].used, told[0].drawn), (3, 3));
        shares.exchanged(over, at(90_000_000), &told, &[]);
        assert!(shares.report(over).is_empty() && shares.all.is_empty());
    }
}

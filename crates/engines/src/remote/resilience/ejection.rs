//! Whom not to ask for a while: a replica that fails again and again is set aside, then probed
//! with one request, and taken back if that succeeds. Pure.

use std::time::Duration;

/// When a replica is set aside, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EjectionPolicy {
    /// Failures in a row.
    pub failures: u32,
    /// The first time; doubles with every failed probe.
    pub rest_base: Duration,
    pub rest_max: Duration,
}

impl Default for EjectionPolicy {
    fn default() -> Self {
        Self { failures: 5, rest_base: Duration::from_secs(1), rest_max: Duration::from_secs(60) }
    }
}

/// How a replica stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Failures in a row.
    In(u32),
    /// Until when, and after how many failed probes.
    Out(Duration, u32),
    /// One request is under way to see.
    Probing(u32),
}

/// The record of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    policy: EjectionPolicy,
    state: State,
}

/// Whether a replica may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Open,
    /// With this one request, to see.
    Probe,
    /// Not before so long.
    Closed(Duration),
}

impl Standing {
    /// Of good repute.
    #[must_use]
    pub const fn new(policy: EjectionPolicy) -> Self {
        Self { policy, state: State::In(0) }
    }

    /// Whether it may be asked now.
    #[must_use]
    pub fn admission(&self, now: Duration) -> Admission {
        match self.state {
            State::In(_) => Admission::Open,
            State::Out(until, _) if now >= until => Admission::Probe,
            State::Out(until, _) => Admission::Closed(until.saturating_sub(now)),
            State::Probing(_) => Admission::Closed(self.policy.rest_base),
        }
    }

    /// It is asked now. Nobody else asks until a probe has ended.
    pub fn asked(&mut self, now: Duration) {
        if let State::Out(until, probes) = self.state
            && now >= until
        {
            self.state = State::Probing(probes);
        }
    }

    /// It answered.
    pub const fn succeeded(&mut self) {
        self.state = State::In(0);
    }

    /// It failed by its own fault.
    pub fn failed(&mut self, now: Duration) {
        self.state = match self.state {
            State::In(before) if before + 1 < self.policy.failures => State::In(before + 1),
            State::In(_) => State::Out(now + self.policy.rest_base, 0),
            // Requests that were under way when it was set aside add nothing.
            State::Out(until, probes) => State::Out(until, probes),
            State::Probing(probes) => {
                let rest = self.policy.rest_base.saturating_mul(1 << (probes + 1).min(16));
                State::Out(now + rest.min(self.policy.rest_max), probes + 1)
            }
        };
    }

    /// The request ended without a verdict: the caller left, or was to blame.
    pub fn abandoned(&mut self, now: Duration) {
        if let State::Probing(probes) = self.state {
            self.state = State::Out(now, probes);
        }
    }
}

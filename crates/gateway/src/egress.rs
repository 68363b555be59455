//! Lets a request out to an engine, or not, and has every decision written down before.

use std::collections::BTreeMap;
use std::io;

use freehold_vocabulary::audit::{Act, AuditDraft, Egress, Sending, Word};
use freehold_vocabulary::egress::{Classified, Cleared, Denied, EgressPolicy, Place};
use freehold_vocabulary::{Timestamp, TraceId};
use serde::Serialize;
use tracing::warn;

use crate::app::{App, Offered};
use crate::error::ApiError;
use crate::layers::auth::Caller;

/// A request at the door.
#[derive(Debug)]
pub(crate) struct Leaving<'a> {
    pub(crate) app: &'a App,
    pub(crate) caller: &'a Caller,
    pub(crate) at: Timestamp,
    pub(crate) trace: &'a TraceId,
    pub(crate) offered: &'a Offered,
    pub(crate) policy: &'a EgressPolicy,
    /// What was found in the request as it came, and what of it was replaced since.
    pub(crate) found: &'a BTreeMap<Word, u64>,
    pub(crate) replaced: &'a BTreeMap<Word, u64>,
}

/// The policy's decision about one engine, which is in the audit log when this returns. What stays
/// in the process needs no record.
///
/// # Errors
/// When the decision cannot be written down; then nothing may leave.
pub(crate) async fn clear<T: Serialize>(
    leaving: &Leaving<'_>,
    request: &Classified<T>,
) -> Result<Result<Cleared<T>, Denied>, ApiError> {
    let engine = &leaving.offered.model.engine.card().clearance;
    let decided = leaving.policy.clear(request, engine);
    if let Err(denied) = &decided {
        leaving.offered.counters.denied(&denied.rule);
        warn!(trace.id = %leaving.trace, caller = %leaving.caller.0, "{denied}");
    }
    if engine.place == Place::Remote {
        let (trace, sending) = (leaving.trace.clone(), sending(request.request()));
        let egress = match &decided {
            Ok(cleared) => Egress::allowed(cleared.record(), trace, sending),
            Err(denied) => Egress::denied(denied, engine, trace, sending),
        };
        let draft = AuditDraft {
            at: leaving.at,
            actor: leaving.caller.0.to_string(),
            subject: engine.engine.to_string(),
            act: Act::Egress(
                egress.with_found(leaving.found.clone()).with_redacted(leaving.replaced.clone()),
            ),
        };
        let written = leaving.app.parts.ledger.append_audit(&[draft]).await;
        written.map_err(|cause| ApiError::ledger(&cause))?;
    }
    Ok(decided)
}

/// The size of a request in our own form; what an engine's protocol makes of it differs by a few
/// percent.
fn sending(request: &impl Serialize) -> Sending {
    let mut counted = Counted(0);
    // Neither the request nor the counter can fail.
    let _ = serde_json::to_writer(&mut counted, request);
    Sending { bytes: counted.0, tokens: None }
}

struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

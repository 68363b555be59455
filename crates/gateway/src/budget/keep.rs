//! Tells the ledger what was used, keeps the lease, and gives back what lies idle.

use std::time::Duration;

use freehold_vocabulary::Timestamp;
use tracing::{info, warn};

use super::LEASE_US;
use crate::app::App;

/// Use is told together with that of the next moment. A process that is killed takes that moment's
/// use with it.
const TOGETHER: Duration = Duration::from_millis(50);
/// How often idle shares are looked for, and how long a ledger that failed is left alone.
const LOOK: Duration = Duration::from_secs(1);
/// The lease is prolonged when less than this is left.
const PROLONG_US: i64 = LEASE_US / 2;
/// How often minutes that are over are forgotten.
const FORGET_US: i64 = 3_600_000_000;

/// Runs until `stopped` completes; then everything is told, and nothing is held back.
pub(crate) async fn keep(app: App, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    let mut state = State { failing: false, forgot_at: app.parts.clock.now() };
    loop {
        let woken = tokio::select! {
            () = &mut stopped => false,
            () = wait(&app) => true,
        };
        if !woken {
            break;
        }
        if !state.tell(&app).await {
            tokio::select! {
                () = &mut stopped => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
    app.meter.shares().release();
    state.tell(&app).await;
}

/// Until something was used, or it is time to look.
async fn wait(app: &App) {
    if tokio::time::timeout(LOOK, app.meter.changed.notified()).await.is_ok() {
        tokio::time::sleep(TOGETHER).await;
    }
}

struct State {
    failing: bool,
    forgot_at: Timestamp,
}

impl State {
    /// Whether the ledger knows everything.
    async fn tell(&mut self, app: &App) -> bool {
        let _turn = app.meter.turn.lock().await;
        let now = app.parts.clock.now();
        let (told, ends_soon) = {
            let mut shares = app.meter.shares();
            let told = shares.report(now);
            let left = shares.lease_until().as_micros().saturating_sub(now.as_micros());
            (told, shares.lean_on_lease() && left < PROLONG_US)
        };
        if told.is_empty() && !ends_soon {
            return true;
        }
        let holder = app.meter.holder(now);
        match app.parts.ledger.exchange(&holder, now, &told, &[]).await {
            Ok(_) => {
                app.meter.shares().exchanged(now, holder.lease_until, &told, &[]);
                if std::mem::take(&mut self.failing) {
                    info!("the ledger knows again what was used of limits");
                }
                self.forget(app, now).await;
                true
            }
            Err(cause) => {
                if !std::mem::replace(&mut self.failing, true) {
                    warn!("what was used of limits is kept until the ledger takes it: {cause}");
                }
                false
            }
        }
    }

    async fn forget(&mut self, app: &App, now: Timestamp) {
        let before = Timestamp::from_micros(now.as_micros().saturating_sub(FORGET_US));
        if self.forgot_at > before {
            return;
        }
        self.forgot_at = now;
        if let Err(cause) = app.parts.ledger.forget_use(before).await {
            warn!("minutes that are over stay in the ledger: {cause}");
        }
    }
}

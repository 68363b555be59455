//! Progress bars on a terminal, quiet lines elsewhere.

use std::fmt;
use std::sync::Mutex;

use freehold_vocabulary::ports::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar at a time, on standard error so that `--json` output stays clean.
pub struct Bars {
    quiet: bool,
    current: Mutex<Option<ProgressBar>>,
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bars").field("quiet", &self.quiet).finish_non_exhaustive()
    }
}

impl Bars {
    /// `quiet` draws nothing.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, current: Mutex::new(None) }
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        // A panic while drawing must not stop the work that is being drawn.
        let guard = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bar) = guard.as_ref() {
            act(bar);
        }
    }
}

impl Progress for Bars {
    fn begin(&self, stage: &str, total: Option<u64>) {
        let target = if self.quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(5)
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{prefix:<28} {bar:30} {percent:>3}% {elapsed} (left {eta}) {msg}",
            None => "{prefix:<28} {spinner} {human_pos} {elapsed} {msg}",
        };
        bar.set_style(
            ProgressStyle::with_template(template).expect("the template is a constant that parses"),
        );
        bar.set_prefix(stage.to_owned());
        let previous =
            self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(bar);
        if let Some(previous) = previous {
            previous.finish();
        }
    }

    fn advance(&self, units: u64) {
        self.with(|bar| bar.inc(units));
    }

    fn remark(&self, text: &str) {
        self.with(|bar| bar.set_message(text.to_owned()));
    }

    fn end(&self) {
        self.with(ProgressBar::finish);
    }
}

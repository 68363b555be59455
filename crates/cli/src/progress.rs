//! Progress: bars on a terminal, lines elsewhere.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use freehold_vocabulary::ports::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar at a time, on standard error so that `--json` output stays clean.
pub struct Bars {
    form: BarForm,
    current: Mutex<Option<ProgressBar>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BarForm {
    Drawn,
    /// A log or a pipe: nothing that overwrites itself.
    Lines,
    Silent,
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bars").field("form", &self.form).finish_non_exhaustive()
    }
}

impl Bars {
    /// Another that speaks the same way.
    pub fn another(&self) -> Self {
        Self { form: self.form, current: Mutex::new(None) }
    }

    /// `quiet` says nothing.
    pub fn new(quiet: bool) -> Self {
        let form = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => BarForm::Silent,
            (false, true) => BarForm::Drawn,
            (false, false) => BarForm::Lines,
        };
        Self { form, current: Mutex::new(None) }
    }

    /// A line that stays, such as the result of an epoch.
    pub fn note(&self, text: &str) {
        match self.form {
            BarForm::Silent => {}
            BarForm::Lines => eprintln!("  {text}"),
            BarForm::Drawn => self.with(|bar| bar.println(format!("  {text}"))),
        }
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        // A panic while drawing must not stop the work that is being drawn.
        let guard = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = guard.as_ref() {
            act(bar);
        }
    }
}

impl Progress for Bars {
    fn begin(&self, stage: &str, total: Option<u64>) {
        match (self.form, total) {
            (BarForm::Silent, _) => return,
            (BarForm::Lines, Some(total)) => return eprintln!("{stage} ({total})"),
            (BarForm::Lines, None) => return eprintln!("{stage}"),
            (BarForm::Drawn, _) => {}
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(5));
        let template = match total {
            Some(_) => "{prefix:<28} {bar:30} {percent:>3}% {elapsed} (left {eta}) {msg}",
            None => "{prefix:<28} {spinner} {human_pos} {elapsed} {msg}",
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.expect("the template is a constant that parses"));
        bar.set_prefix(stage.to_owned());
        let previous = self.current.lock().unwrap_or_else(PoisonError::into_inner).replace(bar);
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

//! A line on the terminal that says how far a long call is. Standard error only, and only where that is a terminal;
//! `MUSTER_PROGRESS=0` silences it.

use crate::env;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Target of lines: none, when standard error is no terminal or the user wants silence.
pub(crate) fn target() -> ProgressDrawTarget {
    if env::PROGRESS.is("0") { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
}

/// A line that says `what` and counts to `total`; cleared when dropped.
pub(crate) struct Line(ProgressBar);

impl Line {
    pub(crate) fn new(what: &'static str, total: usize) -> Line {
        let bar = ProgressBar::with_draw_target(Some(total as u64), target()).with_message(what);
        // the template is a constant; without it indicatif's own bar is as good
        Line(match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Says `what` instead.
    pub(crate) fn say(&self, what: String) {
        self.0.set_message(what);
    }

    pub(crate) fn set(&self, done: usize) {
        self.0.set_position(done as u64);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

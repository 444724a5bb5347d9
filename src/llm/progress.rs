//! The progress line on standard error, when that is a terminal. `MUSTER_PROGRESS=0` silences it.

use super::sync::lock;
use crate::progress::{self, clock};
use indicatif::ProgressBar;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts of a run so far.
#[derive(Debug)]
pub(crate) struct Tally {
    started: Instant,
    /// Rows that were asked for so far, and in all where the statement could tell.
    pub asked: AtomicU64,
    pub total: Option<u64>,
    /// Rows that have come out, and those of them without a label for a failure.
    pub done: AtomicU64,
    pub failed: AtomicU64,
    /// Rows answered from the store.
    pub stored: AtomicU64,
    /// Answers received by this run.
    pub answered: AtomicU64,
    /// Cost of these, in millionths of a US dollar.
    pub micro_usd: AtomicU64,
}

impl Tally {
    pub(crate) fn new(total: Option<u64>) -> Tally {
        let zero = AtomicU64::default;
        Tally {
            started: Instant::now(),
            asked: zero(),
            total,
            done: zero(),
            failed: zero(),
            stored: zero(),
            answered: zero(),
            micro_usd: zero(),
        }
    }

    fn line(&self) -> String {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (done, stored, answered) = (get(&self.done), get(&self.stored), get(&self.answered));
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        let rate = answered as f64 / seconds;
        let asked = self.total.unwrap_or(0).max(get(&self.asked));
        // rows from the store take no time, so that the rate of the others decides
        let left = (asked.saturating_sub(done) as f64 / rate.max(1e-9)).min(1e7);
        let left = if rate > 0.0 && self.total.is_some() { format!(", {} left", clock(left)) } else { String::new() };
        format!(
            "llm_annotate: {done} of {asked} done, {} failed, {stored} stored, {rate:.1}/s, {:.4} USD{left}",
            get(&self.failed),
            get(&self.micro_usd) as f64 / 1e6,
        )
    }
}

/// The line while calls of a run wait; it is taken away when none does.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    calls: usize,
    bar: Option<ProgressBar>,
    drawn: Option<Instant>,
}

impl Progress {
    /// A line that is shown where standard error is a terminal and the environment has nothing against it.
    pub(crate) fn of_environment() -> Progress {
        Progress { shown: !progress::target().is_hidden(), line: Mutex::default() }
    }

    pub(crate) fn begin(&self) {
        if self.shown {
            lock(&self.line).calls += 1;
        }
    }

    /// Draws, a few times a second at most.
    pub(crate) fn update(&self, tally: &Tally) {
        if !self.shown {
            return;
        }
        let mut line = lock(&self.line);
        let now = Instant::now();
        if line.drawn.is_some_and(|drawn| now.duration_since(drawn) < Duration::from_millis(200)) {
            return;
        }
        line.drawn = Some(now);
        let bar = line.bar.get_or_insert_with(progress::bar);
        bar.set_message(tally.line());
        bar.tick();
    }

    pub(crate) fn end(&self) {
        if !self.shown {
            return;
        }
        let mut line = lock(&self.line);
        line.calls -= 1;
        if line.calls == 0
            && let Some(bar) = line.bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_was_done() {
        let tally = Tally::new(Some(1000));
        tally.asked.store(200, Ordering::Relaxed);
        tally.done.store(150, Ordering::Relaxed);
        tally.failed.store(3, Ordering::Relaxed);
        tally.stored.store(40, Ordering::Relaxed);
        tally.micro_usd.store(12_300, Ordering::Relaxed);
        let line = tally.line();
        assert_eq!(line, "llm_annotate: 150 of 1000 done, 3 failed, 40 stored, 0.0/s, 0.0123 USD");
    }
}

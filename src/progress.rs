//! A line on the terminal that says how far a long call is. Standard error only, and only where that is a terminal;
//! `MUSTER_PROGRESS=0` silences it.
//!
//! A call whose work runs inside [`shown`] has a line once it has worked for [`DELAY`]. Its work says how far it is by [`Steps`], which
//! every loop over [`crate::parallel::map`] has of itself. Steps that are taken while others of the same thread are being done are parts
//! of the one in hand, so that the line of two nested loops moves on evenly. Where nothing is shown, steps cost a look at a
//! thread's own variable, and ticks nothing.

use crate::env;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Time that a call works before it has a line.
const DELAY: Duration = Duration::from_millis(1500);

/// Time between two pictures of a line.
const PAUSE: Duration = Duration::from_millis(200);

/// Share of the work from which on the time that is left is told.
const ENOUGH: f64 = 0.01;

/// Whether a call of this process has a line. There is one at a time.
static TAKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The call that this thread does steps of; `None` where none is shown, and on the threads that do single steps.
    static CALL: RefCell<Option<Arc<Call>>> = const { RefCell::new(None) };
}

/// Target of lines: none, when standard error is no terminal or the user wants silence.
pub(crate) fn target() -> ProgressDrawTarget {
    if env::PROGRESS.is("0") { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
}

/// A call with a line.
#[derive(Debug)]
struct Call {
    name: String,
    started: Instant,
    /// Steps within steps, the outermost first.
    levels: Mutex<Vec<Arc<Level>>>,
    /// Milliseconds from the start to the next picture.
    next: AtomicU64,
    /// The line, from its first picture on.
    line: Mutex<Option<ProgressBar>>,
}

/// Steps that are done one after the other, or side by side.
#[derive(Debug)]
struct Level {
    /// Name of the steps; empty where they have none.
    what: Cow<'static, str>,
    total: usize,
    done: AtomicUsize,
    begun: Instant,
}

impl Level {
    fn new(what: Cow<'static, str>, total: usize) -> Level {
        Level { what, total, done: AtomicUsize::new(0), begun: Instant::now() }
    }
}

impl Call {
    fn new(name: String) -> Call {
        Call {
            name,
            started: Instant::now(),
            levels: Mutex::default(),
            next: AtomicU64::new(DELAY.as_millis() as u64),
            line: Mutex::default(),
        }
    }

    fn levels(&self) -> MutexGuard<'_, Vec<Arc<Level>>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws where it is time to.
    fn look(&self) {
        let now = self.started.elapsed().as_millis() as u64;
        if now < self.next.load(Ordering::Relaxed) {
            return;
        }
        // another thread draws
        let mut line = match self.line.try_lock() {
            Ok(line) => line,
            Err(TryLockError::Poisoned(line)) => line.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.next.store(now + PAUSE.as_millis() as u64, Ordering::Relaxed);
        let levels = self.levels().clone();
        let Some(outermost) = levels.first() else { return };
        if line.is_none() && !TAKEN.swap(true, Ordering::Relaxed) {
            *line = Some(bar());
        }
        if let Some(bar) = &*line {
            let passed = outermost.begun.elapsed().as_secs_f64();
            bar.set_message(picture(&self.name, &outermost.what, share(&levels), passed));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let line = self.line.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = line.take() {
            bar.finish_and_clear();
            TAKEN.store(false, Ordering::Relaxed);
        }
    }
}

/// A line without anything but its message.
pub(crate) fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, target());
    // the template is a constant; without it indicatif's own bar is as good
    match ProgressStyle::with_template("{msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A line that tells of the share that is done after so many seconds.
fn picture(name: &str, what: &str, share: f64, passed: f64) -> String {
    let colon = if what.is_empty() { "" } else { ": " };
    let left = if share >= ENOUGH { format!(", {} left", clock(passed / share - passed)) } else { String::new() };
    format!("{name}{colon}{what}, {} %{left}", (share * 100.0) as u64)
}

/// Time as `1:02:03` or `2:03`.
pub(crate) fn clock(seconds: f64) -> String {
    let s = seconds.round() as u64;
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// Share of the outermost steps that is done, with those within as parts of the one in hand.
fn share(levels: &[Arc<Level>]) -> f64 {
    let inner_to_outer = levels.iter().rev();
    let share = inner_to_outer
        .fold(0.0, |within, level| (level.done.load(Ordering::Relaxed) as f64 + within) / level.total.max(1) as f64);
    share.min(1.0)
}

/// The result of `work`, which has a line if it takes long; `name` gives the name of the function.
pub(crate) fn shown<T>(name: impl FnOnce() -> String, work: impl FnOnce() -> T) -> T {
    struct Back(Option<Arc<Call>>);
    impl Drop for Back {
        fn drop(&mut self) {
            CALL.set(self.0.take());
        }
    }
    let call = (!target().is_hidden()).then(|| Arc::new(Call::new(name())));
    let _back = Back(CALL.replace(call));
    work()
}

/// Steps that are to be done; they end when this is dropped, by the thread that took them.
#[derive(Debug)]
pub(crate) struct Steps(Option<(Arc<Call>, Arc<Level>)>);

/// `total` steps of the call that this thread works for, all told of `what`; an empty one says nothing.
pub(crate) fn steps(what: impl Into<Cow<'static, str>>, total: usize) -> Steps {
    let begin = |call: Arc<Call>| {
        let level = Arc::new(Level::new(what.into(), total));
        call.levels().push(level.clone());
        (call, level)
    };
    Steps(CALL.with_borrow(Clone::clone).map(begin))
}

impl Steps {
    /// One more step is done.
    pub(crate) fn tick(&self) {
        if let Some((call, level)) = &self.0 {
            level.done.fetch_add(1, Ordering::Relaxed);
            call.look();
        }
    }

    /// Steps that are done so far.
    pub(crate) fn set(&self, done: usize) {
        if let Some((call, level)) = &self.0 {
            level.done.store(done, Ordering::Relaxed);
            call.look();
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some((call, level)) = &self.0 {
            call.levels().retain(|other| !Arc::ptr_eq(other, level));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel;

    /// The result of `work` with a call as one that is shown has, and the call.
    fn with_call<T>(work: impl FnOnce() -> T) -> (T, Arc<Call>) {
        let call = Arc::new(Call::new("f".to_string()));
        CALL.set(Some(call.clone()));
        let result = work();
        CALL.set(None);
        (result, call)
    }

    fn now() -> f64 {
        CALL.with_borrow(|call| share(&call.as_ref().unwrap().levels()))
    }

    #[test]
    fn steps_within_steps_are_parts_of_one() {
        let (_, call) = with_call(|| {
            assert_eq!(now(), 0.0);
            let outer = steps("settings", 4);
            outer.tick();
            assert_eq!(now(), 1.0 / 4.0);
            let inner = steps("", 10);
            inner.set(5);
            assert_eq!(now(), (1.0 + 0.5) / 4.0);
            drop(inner);
            outer.tick();
            assert_eq!(now(), 2.0 / 4.0);
            outer.set(7);
            assert_eq!(now(), 1.0);
            assert_eq!(now(), share(&[Arc::new(Level::new("".into(), 0))]) + 1.0);
        });
        assert!(call.levels().is_empty());
        assert_eq!((clock(59.6), clock(3723.0)), ("1:00".to_string(), "1:02:03".to_string()));
        assert_eq!(picture("f", "", 0.009, 7.0), "f, 0 %");
        assert_eq!(picture("f", "settings", 0.25, 20.0), "f: settings, 25 %, 1:00 left");
    }

    #[test]
    fn each_item_of_a_map_is_a_step_and_what_it_does_inside_is_none() {
        for threads in [1, 4] {
            let (most, call) = with_call(|| {
                let outer = steps("", 1);
                let seen = parallel::map(threads, 100, |_| {
                    parallel::map(2, 3, |i| i);
                    let (_, level) = outer.0.as_ref().unwrap();
                    level.done.load(Ordering::Relaxed)
                });
                assert_eq!(now(), 0.0, "the map's own steps have ended");
                seen.into_iter().max()
            });
            assert_eq!(most, Some(0), "the steps around a map are not ticked by it");
            assert!(call.levels().is_empty());
        }
    }

    #[test]
    fn nothing_is_counted_where_nothing_is_shown() {
        assert!(steps("", 3).0.is_none());
        // the tests' standard error is none that somebody reads
        shown(|| "f".to_string(), || assert_eq!(steps("", 3).0.is_none(), target().is_hidden()));
        assert!(steps("", 3).0.is_none());
    }
}

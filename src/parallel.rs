//! Work spread over one shared pool of threads.
//!
//! The pool is made at first use, with a thread a core. A call says how many threads it may use. Results come back in order:
//! nothing depends on which thread did what. An interrupt ends the work before its next item,
//! and each item is a step of the call's progress.

use crate::interrupt::{self, Call};
use crate::process::PerProcess;
use crate::progress;
use rayon::ThreadPool;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The shared pool; `None` where no thread can be started.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: PerProcess<Option<ThreadPool>> = PerProcess::new();
    POOL.get_or_init(|| rayon::ThreadPoolBuilder::new().thread_name(|i| format!("muster-{i}")).build().ok()).as_ref()
}

/// The result of `work` in the pool, for libraries that spread their work over the pool they are called in. The one that they would
/// take otherwise has no threads in a child of `fork`.
pub(crate) fn inside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let call = Call::current();
    match pool() {
        Some(pool) => pool.install(|| call.run(work)),
        None => work(),
    }
}

/// `[f(0), f(1), …, f(n - 1)]`, computed by at most `threads` threads.
pub fn map<T: Send>(threads: usize, n: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let workers = threads.min(n);
    let steps = progress::steps("", n);
    let one = |i: usize| {
        interrupt::check();
        let value = f(i);
        steps.tick();
        value
    };
    let pool = match pool() {
        Some(pool) if workers > 1 => pool,
        _ => return (0..n).map(one).collect(),
    };
    let call = Call::current();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= n {
                return done;
            }
            done.push((i, one(i)));
        }
    };
    let mut parts: Vec<Vec<(usize, T)>> = (0..workers).map(|_| Vec::new()).collect();
    pool.scope(|scope| {
        for part in &mut parts {
            scope.spawn(|_| *part = call.run(take));
        }
    });
    let mut all: Vec<(usize, T)> = parts.into_iter().flatten().collect();
    all.sort_unstable_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order_at_any_thread_count() {
        for threads in [0, 1, 2, 7] {
            for n in [0, 1, 5, 100] {
                let squares = super::map(threads, n, |i| i * i);
                assert_eq!(squares, (0..n).map(|i| i * i).collect::<Vec<_>>());
            }
        }
    }
}

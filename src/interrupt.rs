//! Ctrl-C, heard beside the host's own handler while a kernel works.
//!
//! DuckDB does not tell a scalar function that its query is interrupted. So a call listens for SIGINT while it works
//! ([`stoppable`]), and its work asks in every loop that may take long ([`check`]). The host's handler (a client's, Python's) runs as
//! before. It is put back as it was found when the last call ends, unless somebody has put another in its place
//! meanwhile. A process without a handler would have ended at once, and ends as soon as its calls have.
//!
//! [`check`] leaves by unwinding, without the panic hook, and [`stoppable`] catches that: as in salsa, which cancels queries so. Loops over
//! numbers stay free of results that only carry an interrupt. Whoever holds a lock or a transaction meanwhile lets go of it by `Drop`.
//!
//! Unsafe code is allowed here for `sigaction`: signal-hook, which is safe, never puts a handler back. Where there are no
//! signals, nothing is heard.
#![cfg_attr(unix, allow(unsafe_code))]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Number of interrupts heard in this process.
static HEARD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Number of interrupts before the call that this thread works for; `None` outside of calls.
    static BEFORE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// End of a call that was interrupted.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// The call that a thread works for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call(Option<usize>);

impl Call {
    /// The call of this thread.
    pub(crate) fn current() -> Call {
        Call(BEFORE.get())
    }

    /// The result of `work`, during which this thread works for the call.
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        struct Back(Option<usize>);
        impl Drop for Back {
            fn drop(&mut self) {
                BEFORE.set(self.0);
            }
        }
        let _back = Back(BEFORE.replace(self.0));
        work()
    }
}

/// The result of `work`, which [`check`] may end.
///
/// # Errors
///
/// Where it was ended.
pub(crate) fn stoppable<T>(work: impl FnOnce() -> T) -> Result<T, Interrupted> {
    let _listening = listener::Listening::begin();
    let call = Call(Some(HEARD.load(Ordering::SeqCst)));
    catch_unwind(AssertUnwindSafe(|| call.run(work))).map_err(|payload| match payload.downcast::<Interrupted>() {
        Ok(interrupted) => *interrupted,
        Err(panic) => resume_unwind(panic),
    })
}

/// Whether an interrupt came since the call of this thread began; never outside of calls.
pub(crate) fn came() -> bool {
    BEFORE.get().is_some_and(|before| HEARD.load(Ordering::Relaxed) != before)
}

/// Ends the call of this thread where an interrupt came since it began.
pub(crate) fn check() {
    if came() {
        resume_unwind(Box::new(Interrupted));
    }
}

#[cfg(unix)]
mod listener {
    use super::HEARD;
    use libc::{SA_NODEFER, SA_ONSTACK, SA_RESTART, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGINT, c_int, c_void, siginfo_t};
    use std::mem::MaybeUninit;
    use std::ptr::{null, null_mut};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// Handler that was found, for that which stands before it: a function, `SIG_DFL` or `SIG_IGN`.
    static FOUND: AtomicUsize = AtomicUsize::new(SIG_DFL);
    /// Whether that function takes three arguments.
    static FOUND_TAKES_THREE: AtomicBool = AtomicBool::new(false);

    /// Whether a signal came that ends the process as soon as no call listens any more.
    static DUE: AtomicBool = AtomicBool::new(false);

    /// Calls that listen.
    struct Listeners {
        count: usize,
        /// Disposition to put back; `None` where interrupts are ignored, and still are.
        found: Option<libc::sigaction>,
    }

    static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners { count: 0, found: None });

    fn listeners() -> MutexGuard<'static, Listeners> {
        LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call that listens for as long as this lives.
    pub(super) struct Listening(());

    impl Listening {
        pub(super) fn begin() -> Listening {
            let mut listeners = listeners();
            if listeners.count == 0 {
                listeners.found = install();
            }
            listeners.count += 1;
            Listening(())
        }
    }

    impl Drop for Listening {
        fn drop(&mut self) {
            let mut listeners = listeners();
            listeners.count -= 1;
            if listeners.count > 0 {
                return;
            }
            if let Some(found) = listeners.found.take() {
                put_back(&found);
                if DUE.swap(false, Ordering::SeqCst) {
                    // SAFETY: the signal goes to this thread, under the disposition that was put back
                    unsafe { libc::raise(SIGINT) };
                }
            }
        }
    }

    /// The disposition of SIGINT.
    fn disposition() -> Option<libc::sigaction> {
        let mut now = MaybeUninit::uninit();
        // SAFETY: without a new disposition this only writes the present one
        let done = unsafe { libc::sigaction(SIGINT, null(), now.as_mut_ptr()) };
        // SAFETY: 0 says that it was written
        (done == 0).then(|| unsafe { now.assume_init() })
    }

    fn ours() -> usize {
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = hear;
        handler as usize
    }

    /// Puts our handler before the one that is there, and gives that; `None` where interrupts are ignored.
    fn install() -> Option<libc::sigaction> {
        let found = disposition().filter(|found| found.sa_sigaction != SIG_IGN)?;
        FOUND_TAKES_THREE.store(found.sa_flags & SA_SIGINFO != 0, Ordering::SeqCst);
        FOUND.store(found.sa_sigaction, Ordering::SeqCst);
        let mut action = found;
        action.sa_sigaction = ours();
        action.sa_flags = found.sa_flags & (SA_NODEFER | SA_ONSTACK | SA_RESTART) | SA_SIGINFO;
        // SAFETY: the handler only counts and calls on
        let done = unsafe { libc::sigaction(SIGINT, &raw const action, null_mut()) };
        (done == 0).then_some(found)
    }

    /// Puts `found` back where our handler still stands.
    fn put_back(found: &libc::sigaction) {
        if disposition().is_some_and(|now| now.sa_sigaction == ours()) {
            // SAFETY: the disposition is one that the system gave
            unsafe { libc::sigaction(SIGINT, std::ptr::from_ref(found), null_mut()) };
        }
    }

    extern "C" fn hear(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        // only what is free of locks
        HEARD.fetch_add(1, Ordering::SeqCst);
        match FOUND.load(Ordering::SeqCst) {
            SIG_DFL => DUE.store(true, Ordering::SeqCst),
            SIG_IGN => {}
            // SAFETY: the address is that of a handler of this kind, which the system would have called the same way
            found if FOUND_TAKES_THREE.load(Ordering::SeqCst) => unsafe {
                let found: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = std::mem::transmute(found);
                found(signal, info, context);
            },
            // SAFETY: as above
            found => unsafe {
                let found: extern "C" fn(c_int) = std::mem::transmute(found);
                found(signal);
            },
        }
    }
}

#[cfg(not(unix))]
mod listener {
    /// A call that hears nothing.
    pub(super) struct Listening(());

    impl Listening {
        pub(super) fn begin() -> Listening {
            Listening(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel;

    /// As the signal's handler counts; the real signal is that of test/test_stopping.py.
    #[test]
    fn work_ends_on_all_threads_at_the_next_check() {
        assert_eq!(stoppable(|| parallel::map(4, 10_000, |i| i)).unwrap().len(), 10_000);
        for threads in [1, 4] {
            let done = AtomicUsize::new(0);
            let ended = stoppable(|| {
                parallel::map(threads, 10_000, |i| {
                    if i == 100 {
                        HEARD.fetch_add(1, Ordering::SeqCst);
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                })
            });
            assert_eq!(ended.unwrap_err().to_string(), "interrupted");
            assert!(threads > 1 || done.into_inner() == 101);
        }
        // a call that begins later goes on, and work outside of calls is never ended
        assert_eq!(stoppable(|| parallel::map(4, 10, |i| i)).unwrap().len(), 10);
        check();
        assert!(!came());
    }

    #[test]
    fn other_panics_go_on() {
        let panic = catch_unwind(|| stoppable(|| resume_unwind(Box::new("another"))));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"another"));
    }
}

//! Ctrl-C, heard beside the host's own handler.
//!
//! A scalar function is not told when its query is interrupted, so waits watch for SIGINT themselves. The handler is
//! chained: that of the host (a client, Python) runs as before. A process without a handler would have ended
//! at once before ours was there, and still ends, as soon as answers in hand are stored.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Time for which requests in flight are still waited for after an interrupt.
pub(crate) const GRACE: Duration = Duration::from_millis(1200);

static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// A call that waits for answers.
pub(crate) struct Active(());

impl Active {
    pub(crate) fn begin() -> Active {
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        Active(())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Number of interrupts so far, to be watched; the handler is installed at the first call.
pub(crate) fn watch() -> watch::Receiver<u64> {
    static COUNT: OnceLock<watch::Receiver<u64>> = OnceLock::new();
    COUNT.get_or_init(listen).clone()
}

fn listen() -> watch::Receiver<u64> {
    let (count, receiver) = watch::channel(0);
    let fatal = is_fatal();
    // without the handler everything else works, and so does the host's
    if let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT]) {
        let hear = move || {
            for signal in signals.forever() {
                count.send_modify(|n| *n += 1);
                if fatal {
                    end(signal);
                }
            }
        };
        let _ = std::thread::Builder::new().name("muster-signals".to_string()).spawn(hear);
    }
    receiver
}

/// Ends the process as the signal would have, once no call waits any more.
fn end(signal: i32) {
    let until = Instant::now() + GRACE + Duration::from_millis(500);
    while ACTIVE.load(Ordering::SeqCst) > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    // the query's last words
    std::thread::sleep(Duration::from_millis(200));
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// Whether SIGINT would end the process, as far as the system tells: no handler, and not ignored.
fn is_fatal() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let has = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let mask = u64::from_str_radix(line.trim(), 16).ok()?;
        Some(mask & (1 << (signal_hook::consts::SIGINT - 1)) != 0)
    };
    has("SigCgt:") == Some(false) && has("SigIgn:") == Some(false)
}

//! Locks whose holders cannot have failed half way.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, also after a holder that panicked: what these locks guard is valid after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

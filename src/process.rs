//! Values that a process makes for itself.
//!
//! A child of `fork` has the memory of its parent, but none of its threads: whoever hands work to them waits for ever.

use std::sync::OnceLock;

/// A value made once a process, at first use. A child of `fork` makes its own.
pub(crate) struct PerProcess<T> {
    /// Number of the process, and its value.
    own: OnceLock<(u32, T)>,
    /// Value of a child, which has that of its parent before its eyes.
    child: OnceLock<Box<PerProcess<T>>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess { own: OnceLock::new(), child: OnceLock::new() }
    }

    /// The value of this process.
    pub(crate) fn get_or_init(&self, make: impl Fn() -> T) -> &T {
        self.of(std::process::id(), &make)
    }

    fn of(&self, process: u32, make: &dyn Fn() -> T) -> &T {
        match self.own.get_or_init(|| (process, make())) {
            (owner, value) if *owner == process => value,
            _ => self.child.get_or_init(|| Box::new(PerProcess::new())).of(process, make),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn each_process_has_its_own() {
        let (values, made) = (PerProcess::new(), Cell::new(0));
        let make = || {
            made.set(made.get() + 1);
            made.get()
        };
        for (process, value) in [(7, 1), (7, 1), (8, 2), (9, 3), (8, 2), (7, 1)] {
            assert_eq!(*values.of(process, &make), value);
        }
    }
}

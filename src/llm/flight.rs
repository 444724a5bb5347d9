//! One request for equal texts: calls of other threads, and other statements of the process, that need the same answer
//! at the same time wait for it instead of asking too.

use super::job::Outcome;
use super::sync::lock;
use crate::hash::Hash;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, OnceLock};
use tokio::sync::watch;

/// A request within a store, which is told from others by a number.
type Key = (usize, Hash);

/// The outcome of a request under way, once it is there.
pub(crate) type Answers = watch::Receiver<Option<Outcome>>;

fn flights() -> &'static Mutex<HashMap<Key, Answers>> {
    static FLIGHTS: OnceLock<Mutex<HashMap<Key, Answers>>> = OnceLock::new();
    FLIGHTS.get_or_init(Mutex::default)
}

/// The right to ask: whoever else needs the answer waits until it is given, or the claim dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    key: Key,
    answer: watch::Sender<Option<Outcome>>,
}

/// Result of a claim: this call asks, or another one does, whose answer is to be waited for.
pub(crate) enum Claimed {
    Mine(Claim),
    Theirs(Answers),
}

impl Claimed {
    /// Claims a request, or finds who has.
    pub(crate) fn of(store: usize, hash: Hash) -> Claimed {
        let key = (store, hash);
        match lock(flights()).entry(key) {
            Entry::Occupied(entry) => Claimed::Theirs(entry.get().clone()),
            Entry::Vacant(entry) => {
                let (answer, answers) = watch::channel(None);
                entry.insert(answers);
                Claimed::Mine(Claim { key, answer })
            }
        }
    }
}

impl Claim {
    /// Hands the outcome, which is in the store by now, to all who wait.
    pub(crate) fn hand_out(self, outcome: &Outcome) {
        self.answer.send_replace(Some(outcome.clone()));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(flights()).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asks_and_the_rest_wait() {
        let (store, hash) = (usize::MAX, [1; 32]);
        let Claimed::Mine(claim) = Claimed::of(store, hash) else { panic!("nobody has asked") };
        let Claimed::Theirs(answers) = Claimed::of(store, hash) else { panic!("it is asked for") };
        assert!(matches!(Claimed::of(store - 1, hash), Claimed::Mine(_)), "another store is another request");
        claim.hand_out(&Outcome::failed(1, "no".to_string()));
        assert_eq!(answers.borrow().as_ref().and_then(|outcome| outcome.error.as_deref()), Some("no"));
        // given up: whoever waits sees the end, and may claim
        let Claimed::Mine(claim) = Claimed::of(store, hash) else { panic!("it is over") };
        let Claimed::Theirs(answers) = Claimed::of(store, hash) else { panic!("it is asked for") };
        drop(claim);
        assert!(answers.has_changed().is_err());
    }
}

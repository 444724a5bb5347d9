//! Pace of requests: a gate for how many are in flight, pacers for how many a minute.
//!
//! They are our own because tokens are known only afterwards, so that what was reserved must be corrected, and because
//! the number in flight follows the server's complaints; limiters such as `governor` do neither.
//!
//! A pacer spaces its units evenly, so that any window of a minute holds the limit and at most a hundredth more.
//! The gate lets fewer through after a server has complained of its rate (half as many, at most once a second), and
//! one more again after each round of successes.

use super::sync::lock;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Moments at which units may pass, a number of them a minute.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Time that one unit takes.
    step: Duration,
    /// Time by which the pacer may be behind the clock, which is what can pass at once.
    slack: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pacer {
    pub(crate) fn new(per_minute: f64) -> Pacer {
        let minute = Duration::from_secs(60);
        Pacer { step: minute.div_f64(per_minute.max(1e-3)), slack: minute / 100, next: Mutex::new(None) }
    }

    /// The moment at which `units` may pass.
    pub(crate) fn reserve(&self, units: f64, now: Instant) -> Instant {
        let mut next = lock(&self.next);
        let earliest = now.checked_sub(self.slack).unwrap_or(now);
        let slot = next.map_or(now, |next| next.max(earliest));
        *next = Some(slot + self.step.mul_f64(units));
        slot.max(now)
    }

    /// Corrects an earlier reservation by units used beyond it (or fewer, where negative).
    pub(crate) fn correct(&self, units: f64) {
        let mut next = lock(&self.next);
        if let Some(moment) = *next {
            let change = self.step.mul_f64(units.abs());
            *next = if units >= 0.0 { Some(moment + change) } else { moment.checked_sub(change) };
        }
    }
}

/// Maximum number of requests in flight, lower while the server complains.
#[derive(Debug)]
pub(crate) struct Gate {
    semaphore: Arc<Semaphore>,
    most: usize,
    state: Mutex<Opening>,
}

#[derive(Debug)]
struct Opening {
    /// Number that should pass at once.
    target: f64,
    /// Number that can, once all permits are back.
    total: usize,
    last_cut: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Gate {
        let state = Mutex::new(Opening { target: most as f64, total: most, last_cut: None });
        Gate { semaphore: Arc::new(Semaphore::new(most)), most, state }
    }

    /// A permit, in the order of asking. `None` never happens while the gate lives.
    pub(crate) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.semaphore.clone().acquire_owned().await.ok()
    }

    /// Gives a permit back, after a success or not.
    pub(crate) fn leave(&self, permit: OwnedSemaphorePermit, success: bool) {
        let mut state = lock(&self.state);
        if success && state.target < self.most as f64 {
            state.target = (state.target + 1.0 / state.target).min(self.most as f64);
            if state.target.floor() as usize > state.total {
                state.total += 1;
                self.semaphore.add_permits(1);
            }
        }
        if state.total > state.target.ceil() as usize {
            state.total -= 1;
            permit.forget();
        }
    }

    /// Lets fewer pass: the server says that it is too much.
    pub(crate) fn narrow(&self, now: Instant) {
        let mut state = lock(&self.state);
        let recently = state.last_cut.is_some_and(|cut| now.duration_since(cut) < Duration::from_secs(1));
        if !recently {
            state.target = (state.target / 2.0).max(1.0);
            state.last_cut = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_holds_the_limit() {
        for per_minute in [6.0, 60.0, 600.0] {
            let pacer = Pacer::new(per_minute);
            let start = Instant::now();
            let mut now = start;
            let mut slots = Vec::new();
            for i in 0..(4.0 * per_minute) as u64 {
                // a pause now and then: what was not sent must not be made up for beyond the slack
                if i % 97 == 96 {
                    now += Duration::from_secs(20);
                }
                now = pacer.reserve(1.0, now);
                slots.push(now);
            }
            let most = slots.iter().map(|from| {
                slots
                    .iter()
                    .filter(|slot| *slot >= from && slot.duration_since(*from) < Duration::from_secs(60))
                    .count()
            });
            assert!(most.max().unwrap() as f64 <= per_minute * 1.01 + 1.0, "{per_minute}");
        }
    }

    #[test]
    fn the_pace_is_held_when_waking_late() {
        // each waker is 30 ms late, 600 a minute: the slots stay on the grid of 100 ms
        let pacer = Pacer::new(600.0);
        let start = Instant::now();
        let mut now = start;
        for _ in 0..=100 {
            now = pacer.reserve(1.0, now) + Duration::from_millis(30);
        }
        let last = now.duration_since(start).as_millis();
        assert_eq!(last, 10_030);
    }

    #[test]
    fn corrections_move_the_next_slot() {
        let pacer = Pacer::new(60.0);
        let now = Instant::now();
        assert_eq!(pacer.reserve(5.0, now), now);
        pacer.correct(3.0);
        pacer.correct(-1.0);
        assert_eq!(pacer.reserve(1.0, now), now + Duration::from_secs(7));
    }

    #[test]
    fn the_gate_narrows_and_widens() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let gate = Gate::new(4);
            let mut permits = Vec::new();
            for _ in 0..4 {
                permits.push(gate.enter().await.unwrap());
            }
            assert!(gate.semaphore.clone().try_acquire_owned().is_err());
            let now = Instant::now();
            gate.narrow(now);
            gate.narrow(now);
            for permit in permits.drain(..) {
                gate.leave(permit, false);
            }
            assert_eq!(gate.semaphore.available_permits(), 2);
            for _ in 0..12 {
                let permit = gate.enter().await.unwrap();
                gate.leave(permit, true);
            }
            assert_eq!(gate.semaphore.available_permits(), 4);
        });
    }
}

//! How fast requests may go out: a gate for how many are in flight, pacers for how many a minute, and the wait
//! before another attempt.
//!
//! A pacer spaces its units evenly, so that any window of a minute holds the limit and at most a hundredth more.
//! The gate lets fewer through after a server has complained of its rate (half as many, at most once a second), and
//! one more again after each round of successes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A mutex whose holder cannot have failed half way.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands out moments at which so many units a minute may pass.
#[derive(Debug)]
pub struct Pacer {
    /// Time that one unit takes.
    step: Duration,
    /// How far behind the clock the pacer may be, which is what can pass at once.
    slack: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pacer {
    pub fn new(per_minute: f64) -> Pacer {
        let minute = Duration::from_secs(60);
        Pacer { step: minute.div_f64(per_minute.max(1e-3)), slack: minute / 100, next: Mutex::new(None) }
    }

    /// The moment at which `units` may pass.
    pub fn reserve(&self, units: f64, now: Instant) -> Instant {
        let mut next = lock(&self.next);
        let earliest = now.checked_sub(self.slack).unwrap_or(now);
        let slot = next.map_or(now, |next| next.max(earliest));
        *next = Some(slot + self.step.mul_f64(units));
        slot.max(now)
    }

    /// Corrects an earlier reservation by units used beyond it (or fewer, where negative).
    pub fn correct(&self, units: f64) {
        let mut next = lock(&self.next);
        if let Some(moment) = *next {
            let change = self.step.mul_f64(units.abs());
            *next = if units >= 0.0 { Some(moment + change) } else { moment.checked_sub(change) };
        }
    }
}

/// At most so many at once, fewer while the server complains.
#[derive(Debug)]
pub struct Gate {
    semaphore: Arc<Semaphore>,
    most: usize,
    state: Mutex<Opening>,
}

#[derive(Debug)]
struct Opening {
    /// How many should pass at once.
    target: f64,
    /// How many can, once all permits are back.
    total: usize,
    last_cut: Option<Instant>,
}

impl Gate {
    pub fn new(most: usize) -> Gate {
        let state = Mutex::new(Opening { target: most as f64, total: most, last_cut: None });
        Gate { semaphore: Arc::new(Semaphore::new(most)), most, state }
    }

    /// In the order of asking. `None` never happens while the gate lives.
    pub async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.semaphore.clone().acquire_owned().await.ok()
    }

    /// Gives a permit back, after a success or not.
    pub fn leave(&self, permit: OwnedSemaphorePermit, success: bool) {
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

    /// The server says that it is too much.
    pub fn narrow(&self, now: Instant) {
        let mut state = lock(&self.state);
        let recently = state.last_cut.is_some_and(|cut| now.duration_since(cut) < Duration::from_secs(1));
        if !recently {
            state.target = (state.target / 2.0).max(1.0);
            state.last_cut = Some(now);
        }
    }
}

/// The wait before attempt `attempt` + 1: half a second, doubled each time, at most a minute, of which half is left to
/// the jitter. The jitter comes from the request's hash, so that requests that failed together part.
pub fn backoff(attempt: u32, hash: &[u8; 32]) -> Duration {
    let full = 0.5 * f64::from(2u32.saturating_pow(attempt.saturating_sub(1).min(10)));
    let byte = |i: u32| u64::from(hash[(attempt.wrapping_mul(2).wrapping_add(i) % 32) as usize]);
    let share = (byte(0) * 256 + byte(1)) as f64 / 65_536.0;
    Duration::from_secs_f64(full.min(60.0) * (0.5 + 0.5 * share))
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

    #[test]
    fn backoff_doubles_up_to_a_minute() {
        let hash: [u8; 32] = std::array::from_fn(|i| (i * 8) as u8);
        for attempt in 1..20 {
            let full = (0.5 * 2f64.powi(attempt as i32 - 1)).min(60.0);
            let wait = backoff(attempt, &hash).as_secs_f64();
            assert!(wait >= full / 2.0 && wait <= full, "{attempt}: {wait}");
        }
        assert_ne!(backoff(3, &hash), backoff(3, &[255; 32]));
    }
}

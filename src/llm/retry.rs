//! The policy of asking again, for single requests and for those of the batch interfaces.

use super::request_error::RequestError;
use crate::hash::Hash;
use std::time::Duration;

/// The wait before another attempt after `attempts` of at most `max_attempts`: ours, or the server's own where it names
/// a longer one, since some say 0 or a moment that has passed. `None` where no attempt is left or none may help.
pub(crate) fn wait(error: &RequestError, attempts: u32, max_attempts: u32, hash: &Hash) -> Option<Duration> {
    let again = error.retry && attempts < max_attempts;
    again.then(|| error.wait.unwrap_or_default().max(backoff(attempts, hash)))
}

/// The wait after attempt `attempt`: half a second, doubled each time, at most a minute, of which half is left to the
/// jitter. The jitter comes from the request's hash, so that requests that failed together part.
fn backoff(attempt: u32, hash: &Hash) -> Duration {
    let full = 0.5 * f64::from(2u32.saturating_pow(attempt.saturating_sub(1).min(10)));
    let byte = |i: u32| u64::from(hash[(attempt.wrapping_mul(2).wrapping_add(i) % 32) as usize]);
    let share = (byte(0) * 256 + byte(1)) as f64 / 65_536.0;
    Duration::from_secs_f64(full.min(60.0) * (0.5 + 0.5 * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_a_minute() {
        let hash: Hash = std::array::from_fn(|i| (i * 8) as u8);
        for attempt in 1..20 {
            let full = (0.5 * 2f64.powi(attempt as i32 - 1)).min(60.0);
            let wait = backoff(attempt, &hash).as_secs_f64();
            assert!(wait >= full / 2.0 && wait <= full, "{attempt}: {wait}");
        }
        assert_ne!(backoff(3, &hash), backoff(3, &[255; 32]));
    }

    #[test]
    fn the_server_can_lengthen_the_wait_alone() {
        let hash = [7; 32];
        let passing = RequestError::lost("no connection".to_string());
        assert_eq!(wait(&passing, 1, 3, &hash), Some(backoff(1, &hash)));
        let named = RequestError { wait: Some(Duration::from_secs(7)), ..passing.clone() };
        assert_eq!(wait(&named, 2, 3, &hash), Some(Duration::from_secs(7)));
        for short in [Duration::ZERO, Duration::from_millis(10)] {
            let early = RequestError { wait: Some(short), ..passing.clone() };
            assert_eq!(wait(&early, 2, 3, &hash), Some(backoff(2, &hash)));
        }
        assert_eq!(wait(&named, 3, 3, &hash), None);
        assert_eq!(wait(&RequestError { retry: false, ..passing }, 1, 3, &hash), None);
    }
}

//! Intervals of proportions and of their differences.

use super::normal::quantile;
use statrs::distribution::{Beta, ContinuousCDF};

/// Value with the limits of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) value: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// The z with P(|Z| <= z) = `level` for a standard normal Z.
pub(crate) fn z(level: f64) -> f64 {
    quantile(0.5 * (1.0 + level))
}

/// `k` of `n` with the Jeffreys interval, quantiles of Beta(k + 1/2, n - k + 1/2) (Brown, Cai & DasGupta 2001).
///
/// The limits are 0 at k = 0 and 1 at k = n; `None` where n = 0.
pub(crate) fn jeffreys(k: u64, n: u64, level: f64) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let beta = Beta::new(k as f64 + 0.5, (n - k) as f64 + 0.5).ok()?;
    let tail = 0.5 * (1.0 - level);
    Some(Interval {
        value: k as f64 / n as f64,
        lower: if k == 0 { 0.0 } else { beta.inverse_cdf(tail) },
        upper: if k == n { 1.0 } else { beta.inverse_cdf(1.0 - tail) },
    })
}

/// Difference of two proportions of the same `n` people, (first - second) / n, with the interval of Agresti & Min (2005).
///
/// `first` and `second` count the people whom only the first or only the second property fits; half a person is added
/// to each of the four cells. `None` where n = 0.
pub(crate) fn paired_difference(first: u64, second: u64, n: u64, level: f64) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let (a, b, m) = (first as f64 + 0.5, second as f64 + 0.5, n as f64 + 2.0);
    let centre = (a - b) / m;
    let spread = z(level) * ((a + b) / m - centre * centre).sqrt() / m.sqrt();
    Some(Interval {
        value: (first as f64 - second as f64) / n as f64,
        lower: (centre - spread).max(-1.0),
        upper: (centre + spread).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jeffreys_limits() {
        // Brown, Cai & DasGupta 2001, table 5: 95 % Jeffreys limits for n = 10
        for (k, lower, upper) in [(0, 0.0, 0.217), (1, 0.011, 0.381), (3, 0.093, 0.606), (5, 0.224, 0.776)] {
            let interval = jeffreys(k, 10, 0.95).unwrap();
            assert!((interval.lower - lower).abs() < 6e-4, "{k}: {interval:?}");
            assert!((interval.upper - upper).abs() < 6e-4, "{k}: {interval:?}");
        }
        assert_eq!(jeffreys(0, 0, 0.95), None);
    }

    #[test]
    fn a_paired_difference_by_hand() {
        let interval = paired_difference(12, 8, 100, 0.8).unwrap();
        assert!((interval.value - 0.04).abs() < 1e-15);
        // 4 / 102 and 1.281552 sqrt(21/102 - (4/102)^2) / sqrt(102)
        assert!((interval.lower - (0.0392157 - 0.0573614)).abs() < 1e-5, "{interval:?}");
        assert!((interval.upper - (0.0392157 + 0.0573614)).abs() < 1e-5, "{interval:?}");
        assert_eq!(paired_difference(0, 0, 0, 0.8), None);
    }
}

//! Moments and quantiles of draws.

/// The q-quantile of sorted values by linear interpolation (type 7 of Hyndman & Fan 1996); NaN of none.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = q * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// What is reported of a set of draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub mean: f64,
    pub median: f64,
    /// With n - 1; `None` of a single draw.
    pub sd: Option<f64>,
    /// Quantiles at (1 - level) / 2 and (1 + level) / 2.
    pub lower: f64,
    pub upper: f64,
}

/// Summarises draws at the given level of the interval.
pub fn summarise(draws: &[f64], level: f64) -> Summary {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let squares: f64 = draws.iter().map(|x| (x - mean) * (x - mean)).sum();
    let mut sorted = draws.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Summary {
        mean,
        median: quantile_sorted(&sorted, 0.5),
        sd: (draws.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
        lower: quantile_sorted(&sorted, 0.5 * (1.0 - level)),
        upper: quantile_sorted(&sorted, 0.5 * (1.0 + level)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_quantiles() {
        // numpy.quantile([1, 2, 4, 8], [.1, .5, .9]) = 1.3, 3.0, 6.8
        let x = [1.0, 2.0, 4.0, 8.0];
        assert!((quantile_sorted(&x, 0.1) - 1.3).abs() < 1e-12);
        assert_eq!(quantile_sorted(&x, 0.5), 3.0);
        assert!((quantile_sorted(&x, 0.9) - 6.8).abs() < 1e-12);
        assert!(quantile_sorted(&[], 0.5).is_nan());
        let s = summarise(&[4.0, 1.0, 8.0, 2.0], 0.8);
        assert_eq!((s.mean, s.median), (3.75, 3.0));
        assert!((s.sd.unwrap() - (28.75f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(summarise(&[5.0], 0.8).sd, None);
    }
}

//! Moments and quantiles of draws.

use super::quantile;

/// Mean, spread and limits of a set of draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub mean: f64,
    pub median: f64,
    /// Standard deviation, with n - 1; `None` of a single draw.
    pub sd: Option<f64>,
    /// Quantiles at (1 - level) / 2 and (1 + level) / 2.
    pub lower: f64,
    pub upper: f64,
}

/// Summary of draws that are counts: their quantiles have six decimals at most.
pub fn summarise_counts(draws: &[f64], level: f64) -> Summary {
    let summary = summarise(draws, level);
    Summary {
        median: quantile::of_whole(summary.median),
        lower: quantile::of_whole(summary.lower),
        upper: quantile::of_whole(summary.upper),
        ..summary
    }
}

/// Summary of draws, with limits at the given level.
pub(crate) fn summarise(draws: &[f64], level: f64) -> Summary {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let squares: f64 = draws.iter().map(|x| (x - mean) * (x - mean)).sum();
    let mut sorted = draws.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (lower, upper) = quantile::limits(&sorted, level);
    Summary {
        mean,
        median: quantile::of_sorted(&sorted, 0.5),
        sd: (draws.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
        lower,
        upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_quantiles() {
        // numpy.quantile([1, 2, 4, 8], [.1, .5, .9]) = 1.3, 3.0, 6.8
        let s = summarise(&[4.0, 1.0, 8.0, 2.0], 0.8);
        assert_eq!((s.mean, s.median), (3.75, 3.0));
        assert!((s.lower - 1.3).abs() < 1e-12 && (s.upper - 6.8).abs() < 1e-12);
        assert!((s.sd.unwrap() - (28.75f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(summarise(&[5.0], 0.8).sd, None);
    }
}

//! Quantiles of samples by linear interpolation: type 7 of Hyndman & Fan (1996), the default of numpy and R.
//!
//! The one definition of the engine; `_muster_quantile` of the SQL layer computes the same bytes
//! (`test/sql/_muster_quantile.test` compares the two).

/// The q-quantile of values sorted upwards, q in [0, 1]; NaN of none.
pub(crate) fn of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = q * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// The quantiles at (1 - level) / 2 and (1 + level) / 2 of values sorted upwards.
pub(crate) fn limits(sorted: &[f64], level: f64) -> (f64, f64) {
    (of_sorted(sorted, 0.5 * (1.0 - level)), of_sorted(sorted, 0.5 * (1.0 + level)))
}

/// A quantile of whole numbers without the noise of its last bits: six decimals, as `round(…, 6)` of SQL.
///
/// The exact value has few decimals, those of the level times the number of values less one.
pub(crate) fn of_whole(quantile: f64) -> f64 {
    (quantile * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_match_the_oracle() {
        let oracle = crate::oracle("quantile.json");
        let cases = oracle["cases"].as_array().unwrap();
        assert!(cases.len() >= 100);
        for case in cases {
            let sorted: Vec<f64> = serde_json::from_value(case["sorted"].clone()).unwrap();
            let q = case["q"].as_f64().unwrap();
            match case["quantile"].as_f64() {
                Some(wanted) => {
                    let got = of_sorted(&sorted, q);
                    assert!((got - wanted).abs() <= 1e-12 * (1.0 + wanted.abs()), "{case}: {got}");
                }
                None => assert!(of_sorted(&sorted, q).is_nan(), "{case}"),
            }
        }
    }

    #[test]
    fn limits_are_quantiles() {
        // numpy.quantile([1, 2, 4, 8], [.1, .9]) = 1.3, 6.8
        let (lower, upper) = limits(&[1.0, 2.0, 4.0, 8.0], 0.8);
        assert!((lower - 1.3).abs() < 1e-12 && (upper - 6.8).abs() < 1e-12);
    }

    #[test]
    fn quantiles_of_whole_numbers_have_few_decimals() {
        // exactly: of 0, …, 999 times k, the quantiles at .1 and .9 are 99.9 k and 899.1 k
        for k in 1..2000 {
            let sorted: Vec<f64> = (0..1000).map(|x| f64::from(x * k)).collect();
            let (lower, upper) = limits(&sorted, 0.8);
            let tenths = |n: i32| format!("{}.{}", n / 10, n % 10).parse::<f64>().unwrap();
            assert_eq!((of_whole(lower), of_whole(upper)), (tenths(999 * k), tenths(8991 * k)));
        }
        for x in [0.0, 1.0, 12.5, 3e9] {
            assert_eq!(of_whole(x).to_bits(), x.to_bits());
        }
    }

    proptest! {
        #[test]
        fn quantiles_rise_within_the_sample(mut x in prop::collection::vec(-5..5i32, 1..20), p in 0.0..=1.0f64, q in 0.0..=1.0f64) {
            x.sort_unstable();
            let sorted: Vec<f64> = x.into_iter().map(f64::from).collect();
            let (low, high) = (of_sorted(&sorted, p.min(q)), of_sorted(&sorted, p.max(q)));
            prop_assert!(sorted[0] <= low && low <= high + 1e-12 && high <= sorted[sorted.len() - 1]);
            prop_assert_eq!(of_sorted(&sorted, 1.0), sorted[sorted.len() - 1]);
        }
    }
}

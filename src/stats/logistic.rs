//! The logistic function and its inverse.

use super::normal::exp;

/// ln(p / (1 - p))
pub(crate) fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// 1 / (1 + e^-x)
#[inline(always)]
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_the_inverse_of_the_other() {
        assert!((logistic(3f64.ln()) - 0.75).abs() < 1e-15);
        for p in [1e-9, 0.03, 0.5, 0.999] {
            assert!((logistic(logit(p)) / p - 1.0).abs() < 1e-12, "{p}");
        }
    }
}

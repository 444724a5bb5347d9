//! Prevalence behind the answers of an imperfect annotator.
//!
//! An annotator with sensitivity Se and specificity Sp calls p = Se π + (1 - Sp)(1 - π) positive where π are, so
//!
//!   π = (p + Sp - 1) / (Se + Sp - 1)      (Rogan & Gladen 1978)
//!
//! The interval is that of Lang & Reiczigel (2014, Preventive Veterinary Medicine 113, 13-22), for p, Se and Sp that come from
//! three independent samples: with z the normal quantile, z²/2 positives and z²/2 negatives are added to the n people, one success
//! and one failure to each of the samples of Se and Sp, giving p', Se', Sp', n', m_Se, m_Sp and π' as above;
//!
//!   limits = π' + d ± z s,  d = 2 z² (π' Se'(1 - Se') / m_Se - (1 - π') Sp'(1 - Sp') / m_Sp),
//!   s² = (p'(1 - p') / n' + π'² Se'(1 - Se') / m_Se + (1 - π')² Sp'(1 - Sp') / m_Sp) / (Se' + Sp' - 1)²
//!
//! clipped to [0, 1].

use crate::stats::intervals::z;

/// Share `k` of `n`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    pub(crate) k: f64,
    pub(crate) n: f64,
}

impl Share {
    fn value(self) -> f64 {
        self.k / self.n
    }

    /// The share with `each` added to successes and failures.
    fn with(self, each: f64) -> Share {
        Share { k: self.k + each, n: self.n + 2.0 * each }
    }

    fn variance(self) -> f64 {
        let p = self.value();
        p * (1.0 - p) / self.n
    }
}

/// Corrected prevalence with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Prevalence {
    /// Value of the formula; may lie outside [0, 1].
    pub(crate) raw: f64,
    /// `raw` clipped to [0, 1].
    pub(crate) estimate: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// Prevalence behind `positives` of an annotator with that sensitivity and specificity.
///
/// `None` where a sample is empty, or where the annotator is no better than chance (Se + Sp <= 1): then its positives
/// say nothing about experts.
pub(crate) fn rogan_gladen(positives: Share, sensitivity: Share, specificity: Share, level: f64) -> Option<Prevalence> {
    if [positives, sensitivity, specificity].iter().any(|share| share.n <= 0.0) {
        return None;
    }
    let youden = sensitivity.value() + specificity.value() - 1.0;
    let z = z(level);
    let (p, se, sp) = (positives.with(0.5 * z * z), sensitivity.with(1.0), specificity.with(1.0));
    let youden_with = se.value() + sp.value() - 1.0;
    // adding one to each side keeps the sign of a Youden index of samples of one size only
    if youden <= 0.0 || youden_with <= 0.0 {
        return None;
    }
    let raw = (positives.value() + specificity.value() - 1.0) / youden;
    let centre = (p.value() + sp.value() - 1.0) / youden_with;
    let shift = 2.0 * z * z * (centre * se.variance() - (1.0 - centre) * sp.variance());
    let variance = p.variance() + centre * centre * se.variance() + (1.0 - centre) * (1.0 - centre) * sp.variance();
    let spread = z * variance.sqrt() / youden_with;
    Some(Prevalence {
        raw,
        estimate: raw.clamp(0.0, 1.0),
        lower: (centre + shift - spread).clamp(0.0, 1.0),
        upper: (centre + shift + spread).clamp(0.0, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(k: f64, n: f64) -> Share {
        Share { k, n }
    }

    #[test]
    fn published_values() {
        // 23 of 150 at Se .96 and Sp .89: (.15333 - .11) / .85 = 5.098 %
        let estimate = rogan_gladen(share(23.0, 150.0), share(96.0, 100.0), share(89.0, 100.0), 0.8).unwrap();
        assert!((estimate.raw - 0.05098039).abs() < 1e-8, "{estimate:?}");
        let estimate = rogan_gladen(share(200.0, 1000.0), share(111.0, 153.0), share(375.0, 432.0), 0.8).unwrap();
        for (got, want) in [(estimate.estimate, 0.114659), (estimate.lower, 0.070445), (estimate.upper, 0.155988)] {
            assert!((got - want).abs() < 1e-6, "{estimate:?}");
        }
    }

    #[test]
    fn a_perfect_annotator_with_many_gold_people_changes_nothing() {
        let many = share(1e9, 1e9);
        let estimate = rogan_gladen(share(30.0, 200.0), many, many, 0.8).unwrap();
        assert!((estimate.raw - 0.15).abs() < 1e-12);
        // what is left is the interval of Agresti & Coull
        let z = 1.2815515655446004f64;
        let (p, n) = ((30.0 + z * z / 2.0) / (200.0 + z * z), 200.0 + z * z);
        assert!((estimate.lower - (p - z * (p * (1.0 - p) / n).sqrt())).abs() < 1e-6);
        assert!((estimate.upper - (p + z * (p * (1.0 - p) / n).sqrt())).abs() < 1e-6);
    }

    #[test]
    fn clipped_and_undefined() {
        let none = rogan_gladen(share(1.0, 100.0), share(80.0, 100.0), share(90.0, 100.0), 0.8).unwrap();
        assert!((none.raw + 0.09 / 0.7).abs() < 1e-12);
        assert_eq!((none.estimate, none.lower), (0.0, 0.0));
        assert!(none.upper < 0.05);
        let all = rogan_gladen(share(99.0, 100.0), share(80.0, 100.0), share(90.0, 100.0), 0.8).unwrap();
        assert_eq!((all.estimate, all.upper), (1.0, 1.0));
        let coin = share(50.0, 100.0);
        assert_eq!(rogan_gladen(coin, coin, coin, 0.8), None);
        assert_eq!(rogan_gladen(share(0.0, 0.0), share(80.0, 100.0), share(90.0, 100.0), 0.8), None);
    }
}

//! Intervals of proportions and of their differences, of people who may have weights.
//!
//! Where people were chosen with unequal chances their outcome may be tied to the weight: those whom an annotator calls
//! experts are chosen more often, and weigh less. So effective numbers of people are counted within each outcome, as for sums of
//! weighted counts (Fay & Feuer 1997, Statistics in Medicine 16, 791-801): (sum w)² / sum w² people of the weight sum w² / sum w.
//! One effective size for all of them (Kish 1965) would take the outcome for independent of the weight: 80 % intervals of a
//! sensitivity would hold the truth in half of the studies whose gold people are drawn by the annotator's own label.

use super::normal::quantile;
use statrs::distribution::{Beta, ContinuousCDF, Gamma};

/// Value with the limits of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) value: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// People with one outcome, by their weights; half a person is added to them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Weighed {
    pub(crate) sum: f64,
    /// Sum of the squares of the weights.
    pub(crate) squares: f64,
    /// Weight of a whole person of which half is added: as heavy as a person with the outcome may be.
    pub(crate) heaviest: f64,
}

impl Weighed {
    /// People without weights.
    pub(crate) fn people(n: u64) -> Weighed {
        Weighed { sum: n as f64, squares: n as f64, heaviest: 1.0 }
    }

    /// The people, each `by` times as heavy.
    pub(crate) fn scaled(self, by: f64) -> Weighed {
        Weighed { sum: self.sum * by, squares: self.squares * by * by, heaviest: self.heaviest * by }
    }

    /// People with the one outcome or the other.
    pub(crate) fn or(self, other: Weighed) -> Weighed {
        Weighed {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            heaviest: self.heaviest.max(other.heaviest),
        }
    }

    /// The people and half a person more.
    fn smoothed(self) -> Weighed {
        Weighed {
            sum: self.sum + 0.5 * self.heaviest,
            squares: self.squares + 0.5 * self.heaviest * self.heaviest,
            ..self
        }
    }
}

/// The z with P(|Z| <= z) = `level` for a standard normal Z.
pub(crate) fn z(level: f64) -> f64 {
    quantile(0.5 * (1.0 + level))
}

/// Larger parameter of a beta distribution from which on its quantiles are taken from a limit: they are looked for without end, where the
/// steps between numbers are wider than what is looked for.
const LARGE: f64 = 1e9;

/// Smaller parameter of such a one from which on it is a normal distribution, and below a gamma distribution: either is right to a millionth
/// of the quantile.
const NEARLY_NORMAL: f64 = 1e6;

/// Quantile of Beta(a, b) at `tail`; NaN where a parameter is none.
fn beta_quantile(a: f64, b: f64, tail: f64) -> f64 {
    let gamma = |shape: f64, tail: f64| Gamma::new(shape, 1.0).map_or(f64::NAN, |gamma| gamma.inverse_cdf(tail));
    if a.max(b) < LARGE {
        Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(tail))
    } else if a.min(b) >= NEARLY_NORMAL {
        (a + quantile(tail) * (a * (b / (a + b + 1.0))).sqrt()) / (a + b)
    } else if a < b {
        let few = gamma(a, tail);
        few / (few + b)
    } else {
        a / (a + gamma(b, 1.0 - tail))
    }
}

/// `k` of `n` with the Jeffreys interval, quantiles of Beta(k + 1/2, n - k + 1/2) (Brown, Cai & DasGupta 2001).
///
/// The limits are 0 at k = 0 and 1 at k = n; `None` where n = 0.
pub(crate) fn jeffreys(k: u64, n: u64, level: f64) -> Option<Interval> {
    proportion(Weighed::people(k), Weighed::people(n - k), level)
}

/// Share of `yes` among `yes` and `no` with its interval: that of Jeffreys for the effective numbers of people, whose odds are
/// multiplied by the weights of such a person. Without weights it is [`jeffreys`].
///
/// The limits are 0 without a yes and 1 without a no; `None` without anybody.
pub(crate) fn proportion(yes: Weighed, no: Weighed, level: f64) -> Option<Interval> {
    let all = yes.sum + no.sum;
    if all <= 0.0 {
        return None;
    }
    let weight = |people: Weighed| people.squares / people.sum;
    let (more_yes, more_no) = (yes.smoothed(), no.smoothed());
    let (a, b) = (more_yes.sum / weight(more_yes), more_no.sum / weight(more_no));
    let ratio = weight(more_no) / weight(more_yes);
    let limit = |tail: f64| {
        let share = beta_quantile(a, b, tail);
        share / (share + (1.0 - share) * ratio)
    };
    let tail = 0.5 * (1.0 - level);
    Some(Interval {
        value: yes.sum / all,
        lower: if yes.sum == 0.0 { 0.0 } else { limit(tail) },
        upper: if no.sum == 0.0 { 1.0 } else { limit(1.0 - tail) },
    })
}

/// Difference of two proportions of the same people, (first - second) / all, with the interval of Agresti & Min (2005).
///
/// `first` and `second` are the people whom only the first or only the second property fits, `rest` those whom both or neither
/// fits; half a person is added to each of the four. With weights the variance is that of a weighted mean. `None` without anybody.
pub(crate) fn paired_difference(first: Weighed, second: Weighed, rest: [Weighed; 2], level: f64) -> Option<Interval> {
    let all = first.sum + second.sum + rest[0].sum + rest[1].sum;
    if all <= 0.0 {
        return None;
    }
    let (a, b, [c, d]) = (first.smoothed(), second.smoothed(), rest.map(Weighed::smoothed));
    let m = a.sum + b.sum + c.sum + d.sum;
    let centre = (a.sum - b.sum) / m;
    let squares = |of: fn(Weighed) -> f64| {
        of(a) * (1.0 - centre).powi(2) + of(b) * (1.0 + centre).powi(2) + (of(c) + of(d)) * centre.powi(2)
    };
    // weight for weight as many people as would have this variance without weights
    let people = m * (squares(|cell| cell.sum) / squares(|cell| cell.squares));
    let spread = z(level) * ((a.sum + b.sum) / m - centre * centre).sqrt() / people.sqrt();
    Some(Interval {
        value: (first.sum - second.sum) / all,
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

    /// Of any number of people: the standard error of a share is that of a binomial.
    #[test]
    fn limits_of_very_many_people() {
        for n in [1e8_f64, 1e10, 4e12, 9e15] {
            let interval = jeffreys((0.25 * n) as u64, n as u64, 0.8).unwrap();
            let wanted = 1.281_551_565_545 * (0.1875 / n).sqrt();
            for side in [interval.upper - 0.25, 0.25 - interval.lower] {
                assert!((side / wanted - 1.0).abs() < 1e-3, "{n}: {side} {wanted}");
            }
        }
    }

    /// Of a few among very many: scipy 1.17's beta.ppf(.1) and (.9).
    #[test]
    fn limits_of_few_among_very_many() {
        for (few, many, low, high) in [
            (0.5, 1e12, 7.89538704671756e-15, 1.3527717270471305e-12),
            (3.5, 1e10, 1.4165534586302713e-10, 6.008518309334083e-10),
            (3.5, 4e12, 3.5413836472674477e-13, 1.5021295779709686e-12),
            (1000.5, 9e15, 1.0668708899279175e-13, 1.1569382664573442e-13),
            (2e5, 3e12, 6.647569133058229e-08, 6.685777586368947e-08),
            (1e7, 1e13, 9.995937598390586e-07, 1.0004042829881e-06),
        ] {
            for (tail, wanted) in [(0.1, low), (0.9, high)] {
                let got = beta_quantile(few, many, tail);
                assert!((got / wanted - 1.0).abs() < 1e-6, "{few}, {many}: {got} {wanted}");
                let mirrored = 1.0 - beta_quantile(many, few, 1.0 - tail);
                assert!((mirrored - wanted).abs() < 1e-6 * wanted + 1e-15, "{few}, {many}: {mirrored} {wanted}");
            }
        }
    }

    #[test]
    fn a_paired_difference_by_hand() {
        let difference = |first, second, both, neither| {
            paired_difference(
                Weighed::people(first),
                Weighed::people(second),
                [both, neither].map(Weighed::people),
                0.8,
            )
        };
        let interval = difference(12, 8, 30, 50).unwrap();
        assert!((interval.value - 0.04).abs() < 1e-15);
        // 4 / 102 and 1.281552 sqrt(21/102 - (4/102)^2) / sqrt(102)
        assert!((interval.lower - (0.0392157 - 0.0573614)).abs() < 1e-5, "{interval:?}");
        assert!((interval.upper - (0.0392157 + 0.0573614)).abs() < 1e-5, "{interval:?}");
        assert_eq!(difference(0, 0, 0, 0), None);
    }
}

//! How good annotators are on gold people, each by itself and all of them through the model.
//!
//! Sensitivity, specificity and accuracy have Jeffreys intervals (quantiles of Beta(k + 1/2, n - k + 1/2));
//! bias, the share called expert minus the share of experts, has the interval of Agresti & Min (2005)
//! for a difference of paired proportions (half a person added to each cell). The model is scored
//! out of sample: a person's ratio comes from a fit without that person's fold.

use super::bins::CrossFit;
use super::model::Ratios;
use super::normal::quantile;
use super::study::{Gold, Pattern, Study, StudyError};
use statrs::distribution::{Beta, ContinuousCDF};

/// The name the model has among the annotators.
pub const MODEL: &str = "(model)";

/// Counts of an annotator's answers on gold people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confusion {
    pub tp: u64,
    pub fp: u64,
    pub tn: u64,
    pub fn_: u64,
    /// Gold people without an answer.
    pub missing: u64,
}

impl Confusion {
    fn add(&mut self, truth: bool, answer: Option<bool>, count: u64) {
        match (truth, answer) {
            (true, Some(true)) => self.tp += count,
            (true, Some(false)) => self.fn_ += count,
            (false, Some(true)) => self.fp += count,
            (false, Some(false)) => self.tn += count,
            (_, None) => self.missing += count,
        }
    }
}

/// A share with the limits of its interval; nothing where it has no denominator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
}

/// `k` of `n` with the Jeffreys interval; the limits are 0 at k = 0 and 1 at k = n.
pub fn jeffreys(k: u64, n: u64, level: f64) -> Option<Interval> {
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

/// (fp - fn) / n with the interval of Agresti & Min.
fn bias(c: &Confusion, level: f64) -> Option<Interval> {
    let n = (c.tp + c.fp + c.tn + c.fn_) as f64;
    if n == 0.0 {
        return None;
    }
    let (fp, fn_, m) = (c.fp as f64 + 0.5, c.fn_ as f64 + 0.5, n + 2.0);
    let centre = (fp - fn_) / m;
    let spread = quantile(0.5 * (1.0 + level)) * ((fp + fn_) / m - centre * centre).sqrt() / m.sqrt();
    Some(Interval {
        value: (c.fp as f64 - c.fn_ as f64) / n,
        lower: (centre - spread).max(-1.0),
        upper: (centre + spread).min(1.0),
    })
}

/// What an annotator is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    pub annotator: String,
    pub confusion: Confusion,
    pub sensitivity: Option<Interval>,
    pub specificity: Option<Interval>,
    pub accuracy: Option<Interval>,
    pub bias: Option<Interval>,
}

impl Metrics {
    fn new(annotator: &str, confusion: Confusion, level: f64) -> Self {
        let c = &confusion;
        Metrics {
            annotator: annotator.to_string(),
            sensitivity: jeffreys(c.tp, c.tp + c.fn_, level),
            specificity: jeffreys(c.tn, c.tn + c.fp, level),
            accuracy: jeffreys(c.tp + c.tn, c.tp + c.tn + c.fp + c.fn_, level),
            bias: bias(c, level),
            confusion,
        }
    }
}

/// Metrics of every annotator, by name, and of the model last.
///
/// `names` and `gold`: all annotators, dropped ones too, and all gold people in the order of the bits
/// of `names`. The model says expert where the posterior at the gold share of experts is above one half; it
/// is left out when a class has too few gold people to fit it.
pub fn metrics(
    names: &[String],
    gold: &[Gold],
    study: &Study,
    level: f64,
    threads: usize,
) -> Result<Vec<Metrics>, StudyError> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&j| &names[j]);
    let mut all: Vec<Metrics> = order
        .into_iter()
        .map(|j| {
            let mut confusion = Confusion::default();
            for row in gold {
                let Pattern { seen, yes } = row.pattern;
                confusion.add(row.truth, (seen >> j & 1 == 1).then_some(yes >> j & 1 == 1), row.count);
            }
            Metrics::new(&names[j], confusion, level)
        })
        .collect();
    if study.require_gold().is_ok() {
        let fit = CrossFit::new(&study.gold, study.annotators.len(), threads)?;
        let mut without: Vec<Ratios> = fit.without.iter().map(Ratios::new).collect();
        let prior = (study.gold_in(true) as f64 / study.gold_in(false) as f64).ln();
        let mut confusion = Confusion { missing: study.gold_unlabelled, ..Confusion::default() };
        for row in &fit.rows {
            let answer = without[row.fold].of(row.gold.pattern) + prior > 0.0;
            confusion.add(row.gold.truth, Some(answer), row.gold.count);
        }
        all.push(Metrics::new(MODEL, confusion, level));
    }
    Ok(all)
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
    fn bias_is_the_difference_of_shares() {
        let c = Confusion { tp: 30, fp: 12, tn: 50, fn_: 8, missing: 3 };
        let interval = bias(&c, 0.8).unwrap();
        assert!((interval.value - (42.0 - 38.0) / 100.0).abs() < 1e-15);
        // by hand: 4 / 102 and 1.281552 sqrt(21/102 - (4/102)^2) / sqrt(102)
        assert!((interval.lower - (0.0392157 - 0.0573614)).abs() < 1e-5, "{interval:?}");
        assert!((interval.upper - (0.0392157 + 0.0573614)).abs() < 1e-5, "{interval:?}");
    }
}

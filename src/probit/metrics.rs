//! Metrics of annotators on gold people, each by itself and all of them through the model.
//!
//! Sensitivity, specificity and accuracy have Jeffreys intervals; bias, the share called expert minus the share of
//! experts, has that of a difference of paired proportions ([`crate::stats::intervals`]). The model is scored
//! out of sample: a person's ratio comes from the fit on the other half of the gold people.

use super::bins::CrossFit;
use super::study::{Count, MAX_ANNOTATORS, Pattern, Study, StudyError, label};
use crate::stats::intervals::{Interval, jeffreys, paired_difference};

/// Name of the model among the annotators.
const MODEL: &str = "(model)";

/// Counts of an annotator's answers on gold people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Confusion {
    pub(crate) tp: u64,
    pub(crate) fp: u64,
    pub(crate) tn: u64,
    pub(crate) fn_: u64,
    /// Gold people without an answer.
    pub(crate) missing: u64,
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

/// Counts and rates of one annotator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) annotator: String,
    pub(crate) confusion: Confusion,
    pub(crate) sensitivity: Option<Interval>,
    pub(crate) specificity: Option<Interval>,
    pub(crate) accuracy: Option<Interval>,
    pub(crate) bias: Option<Interval>,
    /// Annotators of the model, where it could not take all.
    pub(crate) note: Option<String>,
}

impl Metrics {
    fn new(annotator: &str, confusion: Confusion, level: f64) -> Self {
        let c = &confusion;
        Metrics {
            annotator: annotator.to_string(),
            sensitivity: jeffreys(c.tp, c.tp + c.fn_, level),
            specificity: jeffreys(c.tn, c.tn + c.fp, level),
            accuracy: jeffreys(c.tp + c.tn, c.tp + c.tn + c.fp + c.fn_, level),
            bias: paired_difference(c.fp, c.fn_, c.tp + c.fp + c.tn + c.fn_, level),
            confusion,
            note: None,
        }
    }
}

/// Metrics of every annotator, by name, and of the model last.
///
/// `names` and `counts`: all annotators, dropped ones too, and all people; bit j of their masks stands for annotator
/// `names[j]`. `study`: the gold people with the annotators of the model. The model says expert where the posterior is above one half, with the share of experts among the gold people as
/// prior; it is left out when a class has too few gold people to fit it.
///
/// # Errors
///
/// Where the model cannot be fitted.
pub(crate) fn metrics(
    names: &[String],
    counts: &[Count],
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
            for row in counts {
                if let Some(truth) = row.truth {
                    confusion.add(truth, label(row.seen, row.yes, j), row.count);
                }
            }
            Metrics::new(&names[j], confusion, level)
        })
        .collect();
    if study.require_gold_people().is_ok() {
        let fit = CrossFit::new(&study.gold, study.annotators.len(), threads);
        let patterns: Vec<Pattern> = fit.gold.iter().map(|row| row.pattern).collect();
        let prior = (study.n_gold(true) as f64 / study.n_gold(false) as f64).ln();
        let mut confusion = Confusion { missing: study.gold_unlabelled, ..Confusion::default() };
        // the first deal: everybody once
        for (half, ratios) in fit.halves.iter().zip(fit.log_ratios(&patterns)?).take(2) {
            for ((row, unseen), ratio) in fit.gold.iter().zip(&half.unseen).zip(ratios) {
                confusion.add(row.truth, Some(ratio + prior > 0.0), *unseen);
            }
        }
        let mut taken = study.annotators.clone();
        taken.sort();
        let note = (names.len() > MAX_ANNOTATORS).then(|| format!("of these annotators: {}", taken.join(", ")));
        all.push(Metrics { note, ..Metrics::new(MODEL, confusion, level) });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_is_the_difference_of_shares() {
        let c = Confusion { tp: 30, fp: 12, tn: 50, fn_: 8, missing: 3 };
        let bias = Metrics::new("a", c, 0.8).bias.unwrap();
        assert!((bias.value - (42.0 - 38.0) / 100.0).abs() < 1e-15);
        assert_eq!(bias, paired_difference(12, 8, 100, 0.8).unwrap());
    }
}

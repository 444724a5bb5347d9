//! Metrics of annotators on gold people, each by itself and all of them through the model.
//!
//! Sensitivity, specificity and accuracy have Jeffreys intervals; bias, the share called expert minus the share of
//! experts, has that of a difference of paired proportions ([`crate::stats::intervals`]). The model is scored
//! out of sample: a person's ratio comes from the fit on the other half of the gold people.
//!
//! Each person is as heavy as the survey weight. Sensitivity and specificity do not change with the scale of a class; accuracy
//! and bias take the classes to be as heavy beside each other as their gold weights are.

use super::bins::CrossFit;
use super::study::{Count, MAX_ANNOTATORS, Pattern, Study, StudyError, label, labelled_gold, survey_weights};
use crate::stats::intervals::{Interval, Weighed, paired_difference, proportion};
use std::collections::BTreeMap;

/// Name of the model among the annotators.
const MODEL: &str = "(model)";

/// Survey weights of the gold people with labels.
struct Weights {
    /// Weight of a person by class and the bits of the gold weight; the mean of a class is 1.
    each: BTreeMap<(bool, u64), f64>,
    /// Mean gold weight of each class, non-experts first, beside the largest of all.
    means: [f64; 2],
    /// Sentence that says how many were cut; `None` where none was.
    note: Option<String>,
}

impl Weights {
    fn new(counts: &[Count]) -> Self {
        let gold = labelled_gold(counts);
        let survey = survey_weights(&gold);
        let largest = gold.iter().map(|row| row.weight).fold(0.0, f64::max);
        let mean = |class: bool| {
            let rows = || gold.iter().filter(|row| row.truth == class);
            let people: f64 = rows().map(|row| row.count as f64).sum();
            let sum: f64 = rows().map(|row| row.count as f64 * (row.weight / largest)).sum();
            if people > 0.0 { sum / people } else { 1.0 }
        };
        let keys = gold.iter().map(|row| (row.truth, row.weight.to_bits()));
        Weights {
            each: keys.zip(survey.each.iter().copied()).collect(),
            means: [false, true].map(mean),
            note: survey.note(""),
        }
    }
}

/// Answers of an annotator on gold people: how many people of a class and gold weight, by its bits, have which answer.
#[derive(Default)]
struct Answers(BTreeMap<(bool, Option<bool>, u64), u64>);

impl Answers {
    fn add(&mut self, truth: bool, answer: Option<bool>, gold_weight: f64, count: u64) {
        if count > 0 {
            *self.0.entry((truth, answer, gold_weight.to_bits())).or_default() += count;
        }
    }

    fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::default();
        for (&(truth, answer, _), &count) in &self.0 {
            match (truth, answer) {
                (true, Some(true)) => confusion.tp += count,
                (true, Some(false)) => confusion.fn_ += count,
                (false, Some(true)) => confusion.fp += count,
                (false, Some(false)) => confusion.tn += count,
                (_, None) => confusion.missing += count,
            }
        }
        confusion
    }

    /// People by class and answer, in weights with a mean of 1 in each class.
    fn weighed(&self, weights: &Weights) -> [[Weighed; 2]; 2] {
        let mut cells = [[Weighed::default(); 2]; 2];
        for (&(truth, answer, bits), &count) in &self.0 {
            if let (Some(answer), Some(&weight)) = (answer, weights.each.get(&(truth, bits))) {
                let (cell, count) = (&mut cells[usize::from(truth)][usize::from(answer)], count as f64);
                cell.sum += count * weight;
                cell.squares += count * weight * weight;
                cell.heaviest = cell.heaviest.max(weight);
            }
        }
        let seen = cells.map(|class| class.map(|cell| cell.heaviest));
        for (class, answer) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            cells[class][answer].heaviest = heaviest(&seen, class, answer);
        }
        cells
    }
}

/// Weight of the heaviest person of a class who may have an answer, `seen` being the heaviest who have one, by class and answer.
///
/// Chances go by labels and perhaps by class. So where nobody of the class, or nobody heavy, has the answer, such a person may be
/// as much heavier than those with the other answer as in the other class.
fn heaviest(seen: &[[f64; 2]; 2], class: usize, answer: usize) -> f64 {
    let (own, beside) = (seen[class][answer], seen[class][1 - answer]);
    let (theirs, beside_theirs) = (seen[1 - class][answer], seen[1 - class][1 - answer]);
    let as_theirs = if beside_theirs > 0.0 { theirs * (beside / beside_theirs) } else { 0.0 };
    // with nobody to compare, as heavy as the other answer; with nobody of the class, as the mean
    [own.max(as_theirs), beside].into_iter().find(|weight| *weight > 0.0).unwrap_or(1.0)
}

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

/// Counts of people and weighted rates of one annotator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) annotator: String,
    pub(crate) confusion: Confusion,
    pub(crate) sensitivity: Option<Interval>,
    pub(crate) specificity: Option<Interval>,
    pub(crate) accuracy: Option<Interval>,
    pub(crate) bias: Option<Interval>,
    /// Sentences on weights that were cut, and on the annotators of the model where it could not take all.
    pub(crate) note: Option<String>,
}

impl Metrics {
    fn new(annotator: &str, answers: &Answers, weights: &Weights, level: f64) -> Self {
        let [[tn, fp], [fn_, tp]] = answers.weighed(weights);
        let [others, experts] = weights.means;
        let (all_tn, all_fp, all_fn, all_tp) =
            (tn.scaled(others), fp.scaled(others), fn_.scaled(experts), tp.scaled(experts));
        Metrics {
            annotator: annotator.to_string(),
            confusion: answers.confusion(),
            sensitivity: proportion(tp, fn_, level),
            specificity: proportion(tn, fp, level),
            accuracy: proportion(all_tp.or(all_tn), all_fp.or(all_fn), level),
            bias: paired_difference(all_fp, all_fn, [all_tp, all_tn], level),
            note: weights.note.clone(),
        }
    }
}

/// Metrics of every annotator, by name, and of the model last.
///
/// `names` and `counts`: all annotators, dropped ones too, and all people; bit j of their masks stands for annotator
/// `names[j]`. `study`: the gold people with the annotators of the model. The model says expert where the posterior is above one half, with the weighted share of experts among the gold people as
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
    let weights = Weights::new(counts);
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&j| &names[j]);
    let mut all: Vec<Metrics> = order
        .into_iter()
        .map(|j| {
            let mut answers = Answers::default();
            for row in counts {
                if let Some(truth) = row.truth {
                    answers.add(truth, label(row.seen, row.yes, j), row.gold_weight, row.count);
                }
            }
            Metrics::new(&names[j], &answers, &weights, level)
        })
        .collect();
    if study.require_gold_people().is_ok() {
        let fit = CrossFit::new(&study.gold, study.annotators.len(), threads);
        let patterns: Vec<Pattern> = fit.gold.iter().map(|row| row.pattern).collect();
        let [others, experts] = study.gold_sums();
        let prior = (experts / others).ln();
        let mut answers = Answers::default();
        // the first deal: everybody once
        for (half, ratios) in fit.halves.iter().zip(fit.log_ratios(&patterns)?).take(2) {
            for ((row, unseen), ratio) in fit.gold.iter().zip(&half.unseen).zip(ratios) {
                answers.add(row.truth, Some(ratio + prior > 0.0), row.weight, *unseen);
            }
        }
        let mut taken = study.annotators.clone();
        taken.sort();
        let mut model = Metrics::new(MODEL, &answers, &weights, level);
        model.confusion.missing = study.gold_unlabelled.iter().sum();
        if names.len() > MAX_ANNOTATORS {
            let taken = format!("of these annotators: {}", taken.join(", "));
            model.note = Some([taken].into_iter().chain(model.note).collect::<Vec<_>>().join("; "));
        }
        all.push(model);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream, binomial};

    fn row(truth: bool, yes: bool, gold_weight: f64, count: u64) -> Count {
        Count { company: None, truth: Some(truth), seen: 1, yes: u64::from(yes), count, gold_weight, headcount: None }
    }

    fn of(counts: &[Count]) -> Metrics {
        let names = ["a".to_string()];
        metrics(&names, counts, &Study::new(&names, counts).unwrap(), 0.8, 1).unwrap().remove(0)
    }

    #[test]
    fn bias_is_the_difference_of_shares() {
        let mut counts = vec![
            row(true, true, 1.0, 30),
            row(false, true, 1.0, 12),
            row(false, false, 1.0, 50),
            row(true, false, 1.0, 8),
        ];
        counts.push(Count { seen: 0, ..row(true, false, 1.0, 3) });
        let found = of(&counts);
        assert_eq!(found.confusion, Confusion { tp: 30, fp: 12, tn: 50, fn_: 8, missing: 3 });
        assert!((found.bias.unwrap().value - (42.0 - 38.0) / 100.0).abs() < 1e-15);
    }

    #[test]
    fn a_weight_is_as_many_people_for_the_values_and_fewer_for_the_limits() {
        // two in three of those who say no were left out
        let [thinned, whole] = [(3.0, 1), (1.0, 3)].map(|(weight, times)| {
            let yes = [row(true, true, 1.0, 30), row(false, true, 1.0, 12)];
            let no = [row(true, false, weight, 8 * times), row(false, false, weight, 50 * times)];
            of(&[yes, no].concat())
        });
        for measure in
            [|m: &Metrics| m.sensitivity, |m: &Metrics| m.specificity, |m: &Metrics| m.accuracy, |m: &Metrics| m.bias]
        {
            let (thinned, whole) = (measure(&thinned).unwrap(), measure(&whole).unwrap());
            assert!((thinned.value - whole.value).abs() < 1e-15);
            assert!(thinned.upper - thinned.lower > whole.upper - whole.lower);
        }
        // the odds of 30 people to 8 who are three times as heavy
        let (sensitivity, plain) =
            (thinned.sensitivity.unwrap(), proportion(Weighed::people(30), Weighed::people(8), 0.8));
        let odds = |share: f64| share / (1.0 - share);
        assert!((odds(sensitivity.lower) - odds(plain.unwrap().lower) / 3.0).abs() < 1e-12);
        assert!((odds(sensitivity.upper) - odds(plain.unwrap().upper) / 3.0).abs() < 1e-12);
        assert_eq!(thinned.confusion, Confusion { tp: 30, fp: 12, tn: 50, fn_: 8, missing: 0 });
    }

    /// Share of 400 studies whose 80 % intervals of a sensitivity of .8 and a specificity of .9 hold them, where gold people
    /// are drawn from 200 experts and 1800 others with these chances, of those who are called experts and of the rest.
    fn coverage(called: f64, rest: f64) -> [f64; 2] {
        let mut generator = Stream::new(7, Purpose::Weights, 0).replicate(0);
        let mut held = [0, 0];
        for _ in 0..400 {
            let mut counts = Vec::new();
            for (truth, people, rate) in [(true, 200, 0.8), (false, 1800, 0.1)] {
                let yes = binomial(people, rate, &mut generator);
                for (label, of, chance) in [(true, yes, called), (false, people - yes, rest)] {
                    counts.push(row(truth, label, 1.0 / chance, binomial(of, chance, &mut generator)));
                }
            }
            let mut answers = Answers::default();
            counts.iter().for_each(|c| answers.add(c.truth == Some(true), Some(c.yes == 1), c.gold_weight, c.count));
            let found = Metrics::new("a", &answers, &Weights::new(&counts), 0.8);
            for (held, (interval, truth)) in held.iter_mut().zip([(found.sensitivity, 0.8), (found.specificity, 0.9)]) {
                *held += u32::from(interval.is_some_and(|i| i.lower <= truth && truth <= i.upper));
            }
        }
        held.map(|held| f64::from(held) / 400.0)
    }

    #[test]
    fn intervals_hold_the_truth_where_gold_people_are_drawn_by_the_label() {
        // with one effective size for both outcomes .5 of sensitivity and .99 of specificity; standard error .02
        for (called, rest) in [(0.3, 0.3), (0.5, 0.05), (0.5, 0.1), (0.1, 0.5)] {
            for share in coverage(called, rest) {
                assert!((0.72..=0.92).contains(&share), "{called} {rest}: {share}");
            }
        }
    }

    #[test]
    fn who_is_missing_may_be_as_heavy_as_in_the_other_class() {
        // [class][answer]: of the others those who say no are ten times as heavy as those who say yes
        let seen = [[20.0, 2.0], [0.0, 0.5]];
        assert_eq!(heaviest(&seen, 1, 0), 5.0);
        assert_eq!(heaviest(&[[20.0, 2.0], [7.0, 0.5]], 1, 0), 7.0);
        // nobody to compare with, and nobody at all
        assert_eq!(heaviest(&[[20.0, 0.0], [0.0, 0.5]], 1, 0), 0.5);
        assert_eq!(heaviest(&[[20.0, 2.0], [0.0, 0.0]], 1, 0), 1.0);
        // equal chances in each class, whatever they are
        assert_eq!(heaviest(&[[9.0, 9.0], [3.0, 3.0]], 1, 0), 3.0);
    }
}

//! The probit model with class-wise correlated annotators, fitted to gold people.
//!
//! For class k the latent answers are N(mu_k, R_k); annotator j says yes above 0 (Qu, Tan & Kutner 1996):
//!
//! * rates are smoothed by half a yes and half a no (Jeffreys), over the labels that are there;
//!   mu_kj is the normal quantile of the rate;
//! * R_k holds tetrachoric correlations of the pairs, regularised ([`Correlation::regularised`]): shrunk toward
//!   independence, and definite;
//! * the likelihood of a pattern is its orthant probability, missing labels summed out.

use super::study::{GoldPeople, Pattern, survey_weights};
use crate::stats::normal::quantile;
use crate::stats::orthant::{Correlation, OrthantError, marginal, orthant_table};
use crate::stats::tetrachoric::{PairTable, pair_cell, tetrachoric};
use nalgebra::DMatrix;

/// Number of people of each row, each as heavy as the survey weight.
pub(crate) fn head_counts(gold: &[GoldPeople]) -> Vec<f64> {
    gold.iter().zip(survey_weights(gold).each).map(|(row, weight)| row.count as f64 * weight).collect()
}

/// Weighted counts of one class, of which its model is made.
#[derive(Debug, Clone)]
pub(crate) struct ClassCounts {
    /// Yes answers and labels of each annotator.
    pub(crate) yes: Vec<f64>,
    pub(crate) seen: Vec<f64>,
    /// The pairs (0,1), (0,2), (1,2), (0,3), …
    pub(crate) pairs: Vec<PairTable>,
}

impl ClassCounts {
    /// Counts of the rows of `class`, each as heavy as its weight.
    pub(crate) fn new(gold: &[GoldPeople], weights: &[f64], class: bool, annotators: usize) -> Self {
        let mut counts = ClassCounts {
            yes: vec![0.0; annotators],
            seen: vec![0.0; annotators],
            pairs: vec![[0.0; 4]; annotators * annotators.saturating_sub(1) / 2],
        };
        for (row, &weight) in gold.iter().zip(weights).filter(|(r, _)| r.truth == class) {
            let mut at = 0;
            for j in 0..annotators {
                let label = row.pattern.label(j);
                if let Some(yes) = label {
                    counts.seen[j] += weight;
                    if yes {
                        counts.yes[j] += weight;
                    }
                }
                for i in 0..j {
                    if let (Some(first), Some(second)) = (row.pattern.label(i), label) {
                        counts.pairs[at][pair_cell(first, second)] += weight;
                    }
                    at += 1;
                }
            }
        }
        counts
    }

    /// Smoothed share of yes answers of annotator j.
    pub(crate) fn rate(&self, j: usize) -> f64 {
        (self.yes[j] + 0.5) / (self.seen[j] + 1.0)
    }
}

/// Model of one class.
#[derive(Debug, Clone)]
pub(crate) struct ClassModel {
    pub(crate) rates: Vec<f64>,
    /// Tetrachoric correlations as measured; 0 where a pair has no common gold person.
    pub(crate) tetrachoric: DMatrix<f64>,
    /// Correlations of the model.
    pub(crate) correlation: Correlation,
    /// Smallest eigenvalue after shrinking, before the floor.
    pub(crate) smallest_eigenvalue: f64,
    /// Probabilities of all 2^J patterns; bit j of the index is annotator j's answer.
    table: Vec<f64>,
}

impl ClassModel {
    fn new(counts: &ClassCounts) -> Result<Self, OrthantError> {
        let annotators = counts.yes.len();
        let rates: Vec<f64> = (0..annotators).map(|j| counts.rate(j)).collect();
        let mu: Vec<f64> = rates.iter().map(|&p| quantile(p)).collect();
        let mut measured = DMatrix::identity(annotators, annotators);
        let mut at = 0;
        for j in 0..annotators {
            for i in 0..j {
                let [both, first, second, neither] = counts.pairs[at];
                let rho = tetrachoric(both, first, second, neither).unwrap_or(0.0);
                measured[(i, j)] = rho;
                measured[(j, i)] = rho;
                at += 1;
            }
        }
        let (correlation, smallest_eigenvalue) = Correlation::regularised(&measured);
        let table = if annotators == 0 { vec![1.0] } else { orthant_table(&mu, &correlation)? };
        Ok(ClassModel { rates, tetrachoric: measured, correlation, smallest_eigenvalue, table })
    }

    /// Log-probabilities of the answers of the annotators in `mask`, indexed by the yes mask.
    ///
    /// Only indices within `mask` are meaningful.
    pub(crate) fn log_probabilities(&self, mask: u32) -> Vec<f64> {
        marginal(&self.table, mask).iter().map(|p| p.ln()).collect()
    }
}

/// Fitted model of both classes.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) non_expert: ClassModel,
    pub(crate) expert: ClassModel,
}

impl Model {
    /// The model fitted to gold people, each row as heavy as its weight.
    ///
    /// # Errors
    ///
    /// Where there are too many annotators for an orthant table.
    pub(crate) fn fit(gold: &[GoldPeople], weights: &[f64], annotators: usize) -> Result<Model, OrthantError> {
        let class = |k| ClassModel::new(&ClassCounts::new(gold, weights, k, annotators));
        Ok(Model { non_expert: class(false)?, expert: class(true)? })
    }

    /// The point fit: every person as heavy as the survey weight.
    ///
    /// # Errors
    ///
    /// Those of [`Model::fit`].
    pub(crate) fn point(gold: &[GoldPeople], annotators: usize) -> Result<Model, OrthantError> {
        Model::fit(gold, &head_counts(gold), annotators)
    }

    /// The model of a class.
    pub(crate) fn class(&self, expert: bool) -> &ClassModel {
        if expert { &self.expert } else { &self.non_expert }
    }

    /// Log likelihood ratios expert : non-expert of the answers of the annotators in `mask`, indexed by the yes mask.
    pub(crate) fn log_ratios(&self, mask: u32) -> Vec<f64> {
        let expert = self.expert.log_probabilities(mask);
        let non_expert = self.non_expert.log_probabilities(mask);
        expert.iter().zip(&non_expert).map(|(a, b)| a - b).collect()
    }
}

/// Log likelihood ratios of a model, kept by mask.
#[derive(Debug)]
pub(crate) struct Ratios<'a> {
    model: &'a Model,
    by_mask: std::collections::HashMap<u32, Vec<f64>>,
}

impl<'a> Ratios<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        Ratios { model, by_mask: Default::default() }
    }

    /// Log likelihood ratio of a pattern; 0 for a pattern without labels.
    pub(crate) fn of(&mut self, pattern: Pattern) -> f64 {
        if pattern.seen == 0 {
            return 0.0;
        }
        self.by_mask.entry(pattern.seen).or_insert_with(|| self.model.log_ratios(pattern.seen))[pattern.yes as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(counts: &[(bool, u32, u64)], annotators: u32) -> Vec<GoldPeople> {
        let seen = (1 << annotators) - 1;
        counts
            .iter()
            .map(|&(truth, yes, count)| GoldPeople { truth, pattern: Pattern { seen, yes }, count, weight: 1.0 })
            .collect()
    }

    #[test]
    fn one_annotator_is_a_ratio_of_smoothed_rates() {
        let gold = rows(&[(true, 1, 30), (true, 0, 10), (false, 1, 5), (false, 0, 45)], 1);
        let model = Model::point(&gold, 1).unwrap();
        let ratio = model.log_ratios(1);
        assert!((ratio[1] - ((30.5 / 41.0f64) / (5.5 / 51.0)).ln()).abs() < 1e-12);
        assert!((ratio[0] - ((10.5 / 41.0f64) / (45.5 / 51.0)).ln()).abs() < 1e-12);
    }

    #[test]
    fn no_labels_say_nothing() {
        let gold = rows(&[(true, 1, 30), (true, 2, 10), (false, 1, 5), (false, 0, 45)], 2);
        let model = Model::point(&gold, 2).unwrap();
        let mut ratios = Ratios::new(&model);
        assert_eq!(ratios.of(Pattern { seen: 0, yes: 0 }), 0.0);
        assert!(model.log_ratios(0)[0].abs() < 1e-9);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn marginal_likelihoods_are_sums(counts in prop::collection::vec((any::<bool>(), 0..16u32, 1..40u64), 20..40)) {
            let gold = rows(&counts, 4);
            let model = Model::point(&gold, 4).unwrap();
            let full = model.expert.log_probabilities(0b1111);
            let part = model.expert.log_probabilities(0b0101);
            for cell in [0b0000, 0b0001, 0b0100, 0b0101usize] {
                let sum: f64 = [0b0000, 0b0010, 0b1000, 0b1010].iter().map(|rest| full[cell | rest].exp()).sum();
                prop_assert!((part[cell].exp() - sum).abs() < 1e-12);
            }
            let total: f64 = full.iter().map(|p| p.exp()).sum();
            // to the accuracy of the table, which has no negative cells
            prop_assert!((total - 1.0).abs() < 1e-6);
        }

        #[test]
        fn flipping_labels_and_classes_mirrors_the_probabilities(
            counts in prop::collection::vec((any::<bool>(), 0..8u32, 1..40u64), 20..40)
        ) {
            let gold = rows(&counts, 3);
            let mirror: Vec<_> = counts.iter().map(|&(truth, yes, n)| (!truth, 7 - yes, n)).collect();
            let mirrored = rows(&mirror, 3);
            let (model, back) = (Model::point(&gold, 3).unwrap(), Model::point(&mirrored, 3).unwrap());
            for class in [false, true] {
                let p = model.class(class).log_probabilities(7);
                let mirrored = back.class(!class).log_probabilities(7);
                for cell in 0..8 {
                    prop_assert!((p[cell].exp() - mirrored[7 - cell].exp()).abs() < 1e-9);
                }
            }
        }
    }
}

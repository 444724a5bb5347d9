//! The probit model with class-wise correlated annotators, fitted to gold people.
//!
//! For class k the latent answers are N(mu_k, R_k); annotator j says yes above 0 (Qu, Tan & Kutner 1996):
//!
//! * rates are smoothed by half a yes and half a no (Jeffreys), over the labels that are there;
//!   mu_kj is the normal quantile of the rate;
//! * R_k holds tetrachoric correlations of the pairs, shrunk by [`SHRINKAGE`] toward independence, its
//!   eigenvalues floored at [`EIGENVALUE_FLOOR`] and its diagonal made 1 again;
//! * the likelihood of a pattern is its orthant probability, missing labels summed out.

use super::normal::quantile;
use super::orthant::{OrthantError, orthant_table};
use super::study::{Gold, Pattern};
use super::tetrachoric::tetrachoric;
use nalgebra::{DMatrix, SymmetricEigen};

/// How far correlations are drawn toward 0.
pub const SHRINKAGE: f64 = 0.2;

/// Smallest eigenvalue left in a correlation matrix, before its diagonal is made 1 again.
pub const EIGENVALUE_FLOOR: f64 = 0.05;

/// Weighted two-by-two table of a pair of annotators: both yes, first only, second only, neither.
pub type PairTable = [f64; 4];

/// Weighted counts of one class: what the model of the class is made of.
#[derive(Debug, Clone)]
pub struct ClassCounts {
    /// Yes answers and labels of each annotator.
    pub yes: Vec<f64>,
    pub seen: Vec<f64>,
    /// The pairs (0,1), (0,2), (1,2), (0,3), …
    pub pairs: Vec<PairTable>,
}

impl ClassCounts {
    /// Counts the rows of `class`, each as heavy as its weight.
    pub fn new(gold: &[Gold], weights: &[f64], class: bool, annotators: usize) -> Self {
        let mut counts = ClassCounts {
            yes: vec![0.0; annotators],
            seen: vec![0.0; annotators],
            pairs: vec![[0.0; 4]; annotators * annotators.saturating_sub(1) / 2],
        };
        for (row, &weight) in gold.iter().zip(weights).filter(|(r, _)| r.truth == class) {
            let Pattern { seen, yes } = row.pattern;
            let mut at = 0;
            for j in 0..annotators {
                let (seen_j, yes_j) = (seen >> j & 1 == 1, yes >> j & 1 == 1);
                if seen_j {
                    counts.seen[j] += weight;
                    if yes_j {
                        counts.yes[j] += weight;
                    }
                }
                for i in 0..j {
                    if seen_j && seen >> i & 1 == 1 {
                        let cell = match (yes >> i & 1 == 1, yes_j) {
                            (true, true) => 0,
                            (true, false) => 1,
                            (false, true) => 2,
                            (false, false) => 3,
                        };
                        counts.pairs[at][cell] += weight;
                    }
                    at += 1;
                }
            }
        }
        counts
    }

    /// Smoothed share of yes answers of annotator j.
    pub fn rate(&self, j: usize) -> f64 {
        (self.yes[j] + 0.5) / (self.seen[j] + 1.0)
    }
}

/// The model of one class.
#[derive(Debug, Clone)]
pub struct ClassModel {
    pub rates: Vec<f64>,
    /// Tetrachoric correlations as measured; 0 where a pair has no common gold person.
    pub tetrachoric: DMatrix<f64>,
    /// The correlations of the model.
    pub correlation: DMatrix<f64>,
    /// Smallest eigenvalue after shrinking, before the floor.
    pub smallest_eigenvalue: f64,
    /// All 2^J cells; bit j of the index is annotator j's answer.
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
        let (correlation, smallest_eigenvalue) = regularise(&measured);
        let table = if annotators == 0 { vec![1.0] } else { orthant_table(&mu, &correlation)? };
        Ok(ClassModel { rates, tetrachoric: measured, correlation, smallest_eigenvalue, table })
    }

    /// Log-probabilities of the answers of the annotators in `mask`, indexed by the yes mask.
    ///
    /// Only indices within `mask` are meaningful.
    pub fn log_probabilities(&self, mask: u32) -> Vec<f64> {
        let mut marginal = vec![0.0; self.table.len()];
        for (cell, p) in self.table.iter().enumerate() {
            marginal[cell & mask as usize] += p;
        }
        marginal.iter().map(|p| p.ln()).collect()
    }
}

/// Shrinks toward independence and floors the eigenvalues; also the smallest eigenvalue before the floor.
pub(crate) fn regularise(measured: &DMatrix<f64>) -> (DMatrix<f64>, f64) {
    let n = measured.nrows();
    if n == 0 {
        return (measured.clone(), 1.0);
    }
    let shrunk = measured * (1.0 - SHRINKAGE) + DMatrix::identity(n, n) * SHRINKAGE;
    let eigen = SymmetricEigen::new(shrunk.clone());
    let smallest = eigen.eigenvalues.min();
    if smallest >= EIGENVALUE_FLOOR {
        return (shrunk, smallest);
    }
    let floored = eigen.eigenvalues.map(|value| value.max(EIGENVALUE_FLOOR));
    let full = &eigen.eigenvectors * DMatrix::from_diagonal(&floored) * eigen.eigenvectors.transpose();
    let unit = DMatrix::from_fn(n, n, |i, j| {
        if i == j {
            1.0
        } else {
            // the product is symmetric up to rounding: take one triangle for both
            let (low, high) = (i.min(j), i.max(j));
            full[(low, high)] / (full[(low, low)] * full[(high, high)]).sqrt()
        }
    });
    (unit, smallest)
}

/// The fitted model of both classes.
#[derive(Debug, Clone)]
pub struct Model {
    pub other: ClassModel,
    pub expert: ClassModel,
}

impl Model {
    /// Fits both classes to gold people, each row as heavy as its weight (the count of people for a point fit).
    pub fn fit(gold: &[Gold], weights: &[f64], annotators: usize) -> Result<Model, OrthantError> {
        let class = |k| ClassModel::new(&ClassCounts::new(gold, weights, k, annotators));
        Ok(Model { other: class(false)?, expert: class(true)? })
    }

    /// The model of a class.
    pub fn class(&self, expert: bool) -> &ClassModel {
        if expert { &self.expert } else { &self.other }
    }

    /// Log likelihood ratios expert : other of the answers of the annotators in `mask`, indexed by the yes mask.
    pub fn log_ratios(&self, mask: u32) -> Vec<f64> {
        let expert = self.expert.log_probabilities(mask);
        let other = self.other.log_probabilities(mask);
        expert.iter().zip(&other).map(|(a, b)| a - b).collect()
    }
}

/// Log likelihood ratios for the masks asked for so far.
#[derive(Debug)]
pub struct Ratios<'a> {
    model: &'a Model,
    by_mask: std::collections::HashMap<u32, Vec<f64>>,
}

impl<'a> Ratios<'a> {
    pub fn new(model: &'a Model) -> Self {
        Ratios { model, by_mask: Default::default() }
    }

    /// Log likelihood ratio of a pattern; 0 for a pattern without labels.
    pub fn of(&mut self, pattern: Pattern) -> f64 {
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

    fn rows(counts: &[(bool, u32, u64)], annotators: u32) -> Vec<Gold> {
        let seen = (1 << annotators) - 1;
        counts.iter().map(|&(truth, yes, count)| Gold { truth, pattern: Pattern { seen, yes }, count }).collect()
    }

    fn weights(rows: &[Gold]) -> Vec<f64> {
        rows.iter().map(|r| r.count as f64).collect()
    }

    #[test]
    fn one_annotator_is_a_ratio_of_smoothed_rates() {
        let gold = rows(&[(true, 1, 30), (true, 0, 10), (false, 1, 5), (false, 0, 45)], 1);
        let model = Model::fit(&gold, &weights(&gold), 1).unwrap();
        let ratio = model.log_ratios(1);
        assert!((ratio[1] - ((30.5 / 41.0f64) / (5.5 / 51.0)).ln()).abs() < 1e-12);
        assert!((ratio[0] - ((10.5 / 41.0f64) / (45.5 / 51.0)).ln()).abs() < 1e-12);
    }

    #[test]
    fn no_labels_say_nothing() {
        let gold = rows(&[(true, 1, 30), (true, 2, 10), (false, 1, 5), (false, 0, 45)], 2);
        let model = Model::fit(&gold, &weights(&gold), 2).unwrap();
        let mut ratios = Ratios::new(&model);
        assert_eq!(ratios.of(Pattern { seen: 0, yes: 0 }), 0.0);
        assert!(model.log_ratios(0)[0].abs() < 1e-9);
    }

    #[test]
    fn a_singular_matrix_is_made_definite() {
        let ones = DMatrix::from_element(4, 4, 1.0);
        let (r, _) = regularise(&ones);
        assert!(r.symmetric_eigenvalues().min() > 0.03);
        let mut impossible = DMatrix::identity(3, 3);
        for (i, j, rho) in [(0, 1, 0.95), (0, 2, 0.95), (1, 2, -0.95)] {
            impossible[(i, j)] = rho;
            impossible[(j, i)] = rho;
        }
        let (r, smallest) = regularise(&impossible);
        assert!(smallest < 0.0);
        assert!(r.symmetric_eigenvalues().min() > 0.0);
        assert!((0..3).all(|i| r[(i, i)] == 1.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn marginal_likelihoods_are_sums(counts in prop::collection::vec((any::<bool>(), 0..16u32, 1..40u64), 20..40)) {
            let gold = rows(&counts, 4);
            let model = Model::fit(&gold, &weights(&gold), 4).unwrap();
            let full = model.expert.log_probabilities(0b1111);
            let part = model.expert.log_probabilities(0b0101);
            for cell in [0b0000, 0b0001, 0b0100, 0b0101usize] {
                let sum: f64 = [0b0000, 0b0010, 0b1000, 0b1010].iter().map(|rest| full[cell | rest].exp()).sum();
                prop_assert!((part[cell].exp() - sum).abs() < 1e-12);
            }
            let total: f64 = full.iter().map(|p| p.exp()).sum();
            prop_assert!((total - 1.0).abs() < 1e-7);
        }

        #[test]
        fn flipping_labels_and_classes_mirrors_the_ratios(
            counts in prop::collection::vec((any::<bool>(), 0..8u32, 1..40u64), 20..40)
        ) {
            let gold = rows(&counts, 3);
            let mirror: Vec<_> = counts.iter().map(|&(truth, yes, n)| (!truth, 7 - yes, n)).collect();
            let mirrored = rows(&mirror, 3);
            let ratio = Model::fit(&gold, &weights(&gold), 3).unwrap().log_ratios(7);
            let back = Model::fit(&mirrored, &weights(&mirrored), 3).unwrap().log_ratios(7);
            for cell in 0..8 {
                prop_assert!((ratio[cell] + back[7 - cell]).abs() < 1e-6);
            }
        }
    }
}

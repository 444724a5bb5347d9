//! The probit model with class-wise correlated annotators, fitted to gold people.
//!
//! For class k the latent answers are N(mu_k, R_k); annotator j says yes above 0 (Qu, Tan & Kutner 1996):
//!
//! * rates are smoothed by half a yes and half a no (Jeffreys), over the labels that are there;
//!   mu_kj is the normal quantile of the rate;
//! * R_k holds tetrachoric correlations of the pairs, regularised ([`Correlation::regularised`]): shrunk toward
//!   independence, and definite;
//! * the likelihood of a pattern is its orthant probability, missing labels summed out: from a table of all patterns up to
//!   [`MAX_TABLE`] annotators, for the patterns that are asked for beyond.

use super::study::{GoldPeople, Pattern, subsets, survey_weights};
use crate::stats::normal::quantile;
use crate::stats::orthant::{Branches, Correlation, MAX_TABLE, OrthantError, Sobol, marginal, orthant_table};
use crate::stats::tetrachoric::{PairTable, pair_cell, tetrachoric};
use nalgebra::DMatrix;
use std::collections::{BTreeSet, HashMap};

/// Points by which a model that stands alone is integrated.
pub(crate) const FIT: Sobol = Sobol { points: 2048, scramble: 0 };

/// Points by which one of many models of the same people is integrated; each has points of its own, so that their error averages out.
pub(crate) fn replicate_points(replicate: usize) -> Sobol {
    Sobol { points: 64, scramble: replicate as u32 + 1 }
}

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
}

impl ClassModel {
    fn new(counts: &ClassCounts) -> Self {
        let annotators = counts.yes.len();
        let rates: Vec<f64> = (0..annotators).map(|j| counts.rate(j)).collect();
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
        ClassModel { rates, tetrachoric: measured, correlation, smallest_eigenvalue }
    }

    /// Latent means.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.rates.iter().map(|&p| quantile(p)).collect()
    }

    /// Probabilities of all 2^J patterns; bit j of the index is annotator j's answer.
    ///
    /// # Errors
    ///
    /// Where there are too many annotators for a table.
    pub(crate) fn table(&self) -> Result<Vec<f64>, OrthantError> {
        if self.rates.is_empty() {
            return Ok(vec![1.0]);
        }
        orthant_table(&self.means(), &self.correlation)
    }

    /// Probabilities of patterns, without a table.
    pub(crate) fn probabilities(&self, patterns: &[Pattern], points: Sobol) -> Vec<f64> {
        let masks: Vec<(u32, u32)> = patterns.iter().map(|p| (p.seen, p.yes)).collect();
        Branches::new(&self.means(), &self.correlation).probabilities(&masks, points)
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
    pub(crate) fn fit(gold: &[GoldPeople], weights: &[f64], annotators: usize) -> Model {
        let class = |k| ClassModel::new(&ClassCounts::new(gold, weights, k, annotators));
        Model { non_expert: class(false), expert: class(true) }
    }

    /// The point fit: every person as heavy as the survey weight.
    pub(crate) fn point(gold: &[GoldPeople], annotators: usize) -> Model {
        Model::fit(gold, &head_counts(gold), annotators)
    }

    /// The model of a class.
    pub(crate) fn class(&self, expert: bool) -> &ClassModel {
        if expert { &self.expert } else { &self.non_expert }
    }

    /// Number of annotators.
    pub(crate) fn annotators(&self) -> usize {
        self.expert.rates.len()
    }

    /// Tables of both classes.
    ///
    /// # Errors
    ///
    /// Those of [`ClassModel::table`].
    pub(crate) fn tables(&self) -> Result<Tables, OrthantError> {
        Ok(Tables { non_expert: self.non_expert.table()?, expert: self.expert.table()? })
    }

    /// [`Model::tables`] up to [`MAX_TABLE`] annotators.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(crate) fn tables_if_small(&self) -> Result<Option<Tables>, OrthantError> {
        (self.annotators() <= MAX_TABLE).then(|| self.tables()).transpose()
    }

    /// Log likelihood ratios expert : non-expert of patterns; 0 for those without labels. `points` where a table would be too large.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(crate) fn log_ratios(&self, patterns: &[Pattern], points: Sobol) -> Result<Vec<f64>, OrthantError> {
        Ok(self.log_ratios_by(self.tables_if_small()?.as_ref(), patterns, points))
    }

    /// [`Model::log_ratios`] by tables at hand, which are those of [`Model::tables_if_small`].
    pub(crate) fn log_ratios_by(&self, tables: Option<&Tables>, patterns: &[Pattern], points: Sobol) -> Vec<f64> {
        if let Some(tables) = tables {
            return tables.of_patterns(patterns);
        }
        let [non_expert, expert] = [&self.non_expert, &self.expert].map(|class| class.probabilities(patterns, points));
        expert.iter().zip(&non_expert).map(|(expert, non_expert)| expert.ln() - non_expert.ln()).collect()
    }
}

/// Probabilities of all patterns in both classes.
pub(crate) struct Tables {
    non_expert: Vec<f64>,
    expert: Vec<f64>,
}

impl Tables {
    /// Probabilities of the answers of the annotators in `mask`, indexed by the yes mask: non-experts, experts.
    fn marginal(&self, mask: u32) -> [Vec<f64>; 2] {
        [marginal(&self.non_expert, mask), marginal(&self.expert, mask)]
    }

    /// Log likelihood ratios expert : non-expert of the answers of the annotators in `mask`, indexed by the yes mask.
    ///
    /// Only indices within `mask` are meaningful.
    pub(crate) fn log_ratios(&self, mask: u32) -> Vec<f64> {
        let [non_expert, expert] = self.marginal(mask);
        expert.iter().zip(&non_expert).map(|(expert, non_expert)| expert.ln() - non_expert.ln()).collect()
    }

    /// Log likelihood ratios expert : non-expert of patterns; 0 for those without labels.
    fn of_patterns(&self, patterns: &[Pattern]) -> Vec<f64> {
        let mut by_mask: HashMap<u32, Vec<f64>> = HashMap::new();
        let mut ratio = |pattern: &Pattern| {
            by_mask.entry(pattern.seen).or_insert_with(|| self.log_ratios(pattern.seen))[pattern.yes as usize]
        };
        patterns.iter().map(|pattern| if pattern.seen == 0 { 0.0 } else { ratio(pattern) }).collect()
    }

    /// Probabilities of completions of a pattern in a class, given the labels that the pattern has.
    pub(crate) fn chances(&self, expert: bool, pattern: Pattern, completions: &[Pattern]) -> Vec<f64> {
        let table = if expert { &self.expert } else { &self.non_expert };
        let all = table.len() as u32 - 1;
        let chance = |completion: &Pattern| {
            let yes = pattern.yes | completion.yes;
            let others = subsets(all & !(pattern.seen | completion.seen));
            others.map(|others| table[(yes | others) as usize]).sum::<f64>().max(f64::MIN_POSITIVE)
        };
        let chances: Vec<f64> = completions.iter().map(chance).collect();
        let sum: f64 = chances.iter().sum();
        chances.into_iter().map(|chance| chance / sum).collect()
    }
}

/// Log likelihood ratios of a model, by pattern.
#[derive(Debug)]
pub(crate) struct Ratios(HashMap<Pattern, f64>);

impl Ratios {
    /// The ratios of the patterns that will be asked for; `tables` are those of [`Model::tables_if_small`].
    pub(crate) fn new(model: &Model, tables: Option<&Tables>, patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let patterns: BTreeSet<Pattern> = patterns.into_iter().collect();
        let patterns: Vec<Pattern> = patterns.into_iter().collect();
        let ratios = model.log_ratios_by(tables, &patterns, FIT);
        Ratios(patterns.into_iter().zip(ratios).collect())
    }

    /// Log likelihood ratio of a pattern; 0 for a pattern without labels.
    pub(crate) fn of(&self, pattern: Pattern) -> f64 {
        self.0.get(&pattern).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

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
        let model = Model::point(&gold, 1);
        let ratio = model.tables().unwrap().log_ratios(1);
        assert!((ratio[1] - ((30.5 / 41.0f64) / (5.5 / 51.0)).ln()).abs() < 1e-12);
        assert!((ratio[0] - ((10.5 / 41.0f64) / (45.5 / 51.0)).ln()).abs() < 1e-12);
    }

    #[test]
    fn no_labels_say_nothing() {
        let gold = rows(&[(true, 1, 30), (true, 2, 10), (false, 1, 5), (false, 0, 45)], 2);
        let model = Model::point(&gold, 2);
        assert_eq!(model.log_ratios(&[Pattern::default()], FIT).unwrap(), [0.0]);
        assert!(model.tables().unwrap().log_ratios(0)[0].abs() < 1e-9);
    }

    /// People with a latent opinion that thirteen annotators share, the experts above the others.
    fn thirteen() -> Vec<GoldPeople> {
        let person = |i: u64| {
            let mut generator = Stream::new(1, Purpose::Simulation, 0).replicate(i);
            let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let (truth, common) = (i.is_multiple_of(3), 0.7 * normal());
            let mut pattern = Pattern::default();
            for j in 0..13 {
                let threshold = if truth { 0.08 * j as f64 - 0.6 } else { 1.4 - 0.05 * j as f64 };
                pattern.add_label(j, common + 0.7 * normal() > threshold);
            }
            GoldPeople { truth, pattern, count: 1, weight: 1.0 }
        };
        (0..900).map(person).collect()
    }

    #[test]
    fn ratios_of_thirteen_annotators_are_those_of_the_table_where_one_says_nothing() {
        let gold = thirteen();
        let hidden = |row: &GoldPeople| GoldPeople { pattern: row.pattern.within(0xfff), ..*row };
        let twelve: Vec<GoldPeople> = gold.iter().map(hidden).collect();
        let (large, small) = (Model::point(&gold, 13), Model::point(&twelve, 12));
        // no eigenvalue is floored, so the correlations of the twelve are the same in both
        assert!(large.expert.smallest_eigenvalue > 0.05 && large.non_expert.smallest_eigenvalue > 0.05);
        let patterns: BTreeSet<Pattern> = twelve.iter().map(|row| row.pattern).collect();
        let patterns: Vec<Pattern> = patterns.into_iter().collect();
        let exact = small.log_ratios(&patterns, FIT).unwrap();
        for (points, allowed) in [(FIT, 0.03), (replicate_points(0), 0.1), (replicate_points(1), 0.1)] {
            let found = large.log_ratios(&patterns, points).unwrap();
            let squares: f64 = found.iter().zip(&exact).map(|(found, exact)| (found - exact).powi(2)).sum();
            let error = (squares / patterns.len() as f64).sqrt();
            println!("{points:?}: {error:.4}");
            assert!(error < allowed, "{points:?}: {error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn marginal_likelihoods_are_sums(counts in prop::collection::vec((any::<bool>(), 0..16u32, 1..40u64), 20..40)) {
            let gold = rows(&counts, 4);
            let model = Model::point(&gold, 4);
            let full = model.expert.table().unwrap();
            let part = marginal(&full, 0b0101);
            for cell in [0b0000, 0b0001, 0b0100, 0b0101usize] {
                let sum: f64 = [0b0000, 0b0010, 0b1000, 0b1010].iter().map(|rest| full[cell | rest]).sum();
                prop_assert!((part[cell] - sum).abs() < 1e-12);
            }
            let total: f64 = full.iter().sum();
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
            let (model, back) = (Model::point(&gold, 3), Model::point(&mirrored, 3));
            for class in [false, true] {
                let p = model.class(class).table().unwrap();
                let mirrored = back.class(!class).table().unwrap();
                for cell in 0..8 {
                    prop_assert!((p[cell] - mirrored[7 - cell]).abs() < 1e-9);
                }
            }
        }
    }
}

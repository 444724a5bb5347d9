//! Likelihood ratios in four bins, calibrated on gold people: stratum-specific likelihood ratios (Peirce & Cornell
//! 1993, Medical Decision Making 13, 141-151).
//!
//! The full table of ratios leans on tails that some hundred gold people cannot support. So a ratio only
//! decides a bin (cuts at log10 of -.5, .5, 1.25), and how often experts and non-experts fall into a bin is
//! counted on gold people.
//!
//! The bins are cross-fitted: the ratio that puts a gold person into a bin comes from a fit without
//! that person's fold. Otherwise the same people would choose the bins and calibrate them.
//!
//! Every set of labels that occurs (mask) has bins of its own: the gold people are scored again
//! with all other labels hidden.

use super::model::{FIT, Model, Ratios, head_counts};
use super::study::{GoldPeople, Pattern, survey_weights};
use crate::parallel;
use crate::random::{Purpose, Stream, gamma};
use crate::stats::normal::exp;
use crate::stats::orthant::{MAX_TABLE, OrthantError};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::{BTreeSet, HashMap};

/// Number of bins.
pub(crate) const BINS: usize = 4;

/// Upper edges of the bins below the last, as log10 of the likelihood ratio.
pub(crate) const CUTS: [f64; BINS - 1] = [-0.5, 0.5, 1.25];

/// Number of folds of the cross-fit.
const FOLDS: usize = 10;

/// Pseudo-count of each bin and class: a Gamma with this shape, so that the bins of a class have a uniform
/// Dirichlet prior. Half of it (Jeffreys) leaves the rare bins of non-experts too empty: in 40 simulated
/// studies the totals came out 1.22 times too high instead of 1.17, and the intervals of companies with few
/// experts covered .75 instead of .78.
const PSEUDO_COUNT: f64 = 1.0;

/// Bin of a gold person who has none of a mask's labels.
const NONE: f64 = -1.0;

/// The bin of a likelihood ratio, given its natural logarithm.
pub(crate) fn bin(log_ratio: f64) -> usize {
    let log10 = log_ratio * std::f64::consts::LOG10_E;
    CUTS.iter().filter(|cut| log10 > **cut).count()
}

/// Probabilities of the bins of one mask: `[bin][0]` of non-experts, `[bin][1]` of experts.
pub(crate) type BinRates = [[f64; 2]; BINS];

/// Gold people of one class, pattern and fold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldRow {
    pub(crate) gold: GoldPeople,
    pub(crate) fold: usize,
}

/// Gold people dealt into folds: inside each class, in the order of their patterns, one after the other.
///
/// `gold` is sorted, as in a study; rows come out by class, pattern and fold.
fn deal_folds(gold: &[GoldPeople]) -> Vec<FoldRow> {
    let mut rows = Vec::new();
    let mut dealt = [0usize; 2];
    for row in gold {
        let start = dealt[row.truth as usize];
        dealt[row.truth as usize] += row.count as usize;
        for fold in 0..FOLDS {
            // the number of start .. start + count that are `fold` modulo FOLDS
            let below = |end: usize| (end + FOLDS - 1 - fold) / FOLDS;
            let count = (below(start + row.count as usize) - below(start)) as u64;
            if count > 0 {
                rows.push(FoldRow { gold: GoldPeople { count, ..*row }, fold });
            }
        }
    }
    rows
}

/// Point fit on all gold people, and the fits without each fold.
pub(crate) struct CrossFit {
    pub(crate) full: Model,
    pub(crate) without: Vec<Model>,
    pub(crate) rows: Vec<FoldRow>,
    threads: usize,
}

impl CrossFit {
    /// The fits on the gold people of a study.
    pub(crate) fn new(gold: &[GoldPeople], annotators: usize, threads: usize) -> Self {
        let rows = deal_folds(gold);
        let people: Vec<GoldPeople> = rows.iter().map(|r| r.gold).collect();
        let mut fits = parallel::map(threads, FOLDS + 1, |fold| {
            let mut weights = head_counts(&people);
            for (weight, row) in weights.iter_mut().zip(&rows) {
                if row.fold == fold {
                    *weight = 0.0;
                }
            }
            Model::fit(&people, &weights, annotators)
        });
        // no row is in fold FOLDS: the last fit is the one on everybody
        let full = fits.pop().unwrap_or_else(|| Model::point(&people, annotators));
        CrossFit { full, without: fits, rows, threads }
    }

    /// Log likelihood ratios of the gold people, each from the fit without their fold; a list for each of `masks`, whose labels alone
    /// are looked at, with a ratio for each row.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(crate) fn log_ratios(&self, masks: &[u32]) -> Result<Vec<Vec<f64>>, OrthantError> {
        let by_fold = parallel::map(self.threads, self.without.len(), |fold| {
            let rows = self.rows.iter().filter(|row| row.fold == fold);
            Ratios::new(
                &self.without[fold],
                rows.flat_map(|row| masks.iter().map(|mask| row.gold.pattern.within(*mask))),
            )
        });
        let by_fold = by_fold.into_iter().collect::<Result<Vec<Ratios>, _>>()?;
        let of =
            |mask: &u32| self.rows.iter().map(|row| by_fold[row.fold].of(row.gold.pattern.within(*mask))).collect();
        Ok(masks.iter().map(of).collect())
    }

    /// The gold people, a row a fold.
    pub(crate) fn people(&self) -> Vec<GoldPeople> {
        self.rows.iter().map(|row| row.gold).collect()
    }
}

/// Bins of every mask, of gold people and of the people to be judged.
pub(crate) struct Bins {
    /// Sorted; the empty mask has no bins.
    pub(crate) masks: Vec<u32>,
    rows: Vec<FoldRow>,
    /// Survey weight of each person of a row.
    survey: Vec<f64>,
    /// Number of rows of non-experts; experts follow.
    non_experts: usize,
    /// `[annotator][row]`: 1 for yes, -1 for no, 0 for a missing label.
    answers: Vec<Vec<f64>>,
    /// `[mask][row]`: a bin as a number, so that bins are compared in the lanes of the weights, or [`NONE`].
    row_bins: Vec<Vec<f64>>,
    person_bins: PersonBins,
    seed: u64,
}

/// Bins of the people to be judged.
enum PersonBins {
    /// `[mask][yes]`
    Tables(Vec<Vec<u8>>),
    /// By pattern, where tables would be too large.
    Patterns(HashMap<Pattern, u8>),
}

impl Bins {
    /// The bins of people with these labels, from cross-fitted ratios. Up to [`MAX_TABLE`] annotators all patterns of the same
    /// masks have bins too.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(crate) fn new(fit: &CrossFit, people: &BTreeSet<Pattern>, seed: u64) -> Result<Self, OrthantError> {
        let masks: BTreeSet<u32> = people.iter().map(|p| p.seen).filter(|mask| *mask != 0).collect();
        let masks: Vec<u32> = masks.into_iter().collect();
        let gold_bin = |(row, ratio): (&FoldRow, &f64), mask: u32| {
            if row.gold.pattern.within(mask).seen == 0 { NONE } else { bin(*ratio) as f64 }
        };
        let ratios = fit.log_ratios(&masks)?;
        let row_bins = masks
            .iter()
            .zip(&ratios)
            .map(|(&mask, ratios)| fit.rows.iter().zip(ratios).map(|row| gold_bin(row, mask)).collect())
            .collect();
        let bin = |ratio: f64| bin(ratio) as u8;
        let annotators = fit.full.annotators();
        let person_bins = if annotators <= MAX_TABLE {
            let tables = fit.full.tables()?;
            PersonBins::Tables(masks.iter().map(|&m| tables.log_ratios(m).into_iter().map(bin).collect()).collect())
        } else {
            let patterns: Vec<Pattern> = people.iter().copied().collect();
            let ratios = fit.full.log_ratios(&patterns, FIT)?;
            PersonBins::Patterns(patterns.into_iter().zip(ratios.into_iter().map(bin)).collect())
        };
        Ok(Bins::of(masks, fit.rows.clone(), annotators, row_bins, person_bins, seed))
    }

    fn of(
        masks: Vec<u32>,
        rows: Vec<FoldRow>,
        annotators: usize,
        row_bins: Vec<Vec<f64>>,
        person_bins: PersonBins,
        seed: u64,
    ) -> Self {
        let answer = |label: Option<bool>| label.map_or(0.0, |yes| if yes { 1.0 } else { -1.0 });
        let people: Vec<GoldPeople> = rows.iter().map(|row| row.gold).collect();
        Bins {
            masks,
            survey: survey_weights(&people).each,
            non_experts: rows.iter().filter(|row| !row.gold.truth).count(),
            answers: (0..annotators)
                .map(|j| rows.iter().map(|row| answer(row.gold.pattern.label(j))).collect())
                .collect(),
            rows,
            row_bins,
            person_bins,
            seed,
        }
    }

    /// Two annotators whose four patterns are the bins, the gold people counted as they are: bins without a fit.
    #[cfg(test)]
    pub(crate) fn given(gold: &[GoldPeople], seed: u64) -> Self {
        let rows: Vec<FoldRow> = gold.iter().map(|row| FoldRow { gold: *row, fold: 0 }).collect();
        let row_bins = rows.iter().map(|row| row.gold.pattern.yes as f64).collect();
        Bins::of(vec![3], rows, 2, vec![row_bins], PersonBins::Tables(vec![vec![0, 1, 2, 3]]), seed)
    }

    /// Gold people by class, pattern and fold.
    pub(crate) fn rows(&self) -> &[FoldRow] {
        &self.rows
    }

    /// Survey weight of each person of a row.
    pub(crate) fn survey(&self) -> &[f64] {
        &self.survey
    }

    /// Bin of the gold people of a row in the mask at `mask`, of which they have a label.
    pub(crate) fn row_bin(&self, mask: usize, row: usize) -> usize {
        self.row_bins[mask][row].max(0.0) as usize
    }

    /// Shares of the gold people of a class and pattern that fall into each bin of the mask at `mask`, by their folds.
    pub(crate) fn gold_shares(&self, mask: usize, truth: bool, pattern: Pattern) -> [f64; BINS] {
        let mut shares = [0.0; BINS];
        for (row, bin) in self.rows.iter().zip(&self.row_bins[mask]) {
            if (row.gold.truth, row.gold.pattern) == (truth, pattern) && *bin >= 0.0 {
                shares[*bin as usize] += row.gold.count as f64;
            }
        }
        let all: f64 = shares.iter().sum();
        shares.map(|share| share / all)
    }

    /// Bin probabilities of the mask at `mask` from all gold people, each bin with one pseudo-count.
    pub(crate) fn point_rates(&self, mask: usize) -> BinRates {
        let weights: Vec<f64> = self.survey.iter().zip(&self.rows).map(|(w, row)| row.gold.count as f64 * w).collect();
        self.rates(mask, &weights, &[[PSEUDO_COUNT; 2]; BINS])
    }

    /// Position of a mask that occurs; `None` for the empty one.
    pub(crate) fn mask_index(&self, mask: u32) -> Option<usize> {
        self.masks.binary_search(&mask).ok()
    }

    /// The bin of a person whose labels are exactly those of the mask at `mask`.
    pub(crate) fn person_bin(&self, mask: usize, pattern: Pattern) -> usize {
        match &self.person_bins {
            PersonBins::Tables(tables) => tables[mask][pattern.yes as usize] as usize,
            PersonBins::Patterns(bins) => bins.get(&pattern).copied().unwrap_or(0) as usize,
        }
    }

    /// Weights of the rows in one replicate: the Bayesian bootstrap (Rubin 1981), a Gamma(count) a row times the survey
    /// weight of its people.
    pub(crate) fn weights(&self, replicate: u64) -> Vec<f64> {
        let mut generator = Stream::new(self.seed, Purpose::Weights, 0).replicate(replicate);
        self.rows
            .iter()
            .zip(&self.survey)
            .map(|(row, weight)| gamma(row.gold.count as f64, &mut generator) * weight)
            .collect()
    }

    /// The pseudo-counts of one mask in one replicate.
    pub(crate) fn pseudo_counts(&self, mask: usize, replicate: u64) -> BinRates {
        let mut generator = Stream::new(self.seed, Purpose::Bins, self.masks[mask] as u64).replicate(replicate);
        let mut counts = [[0.0; 2]; BINS];
        for bin in &mut counts {
            for class in bin {
                *class = gamma(PSEUDO_COUNT, &mut generator);
            }
        }
        counts
    }

    /// Bin probabilities of one mask from weights of the rows and pseudo-counts.
    pub(crate) fn rates(&self, mask: usize, weights: &[f64], pseudo_counts: &BinRates) -> BinRates {
        let weights = weights.split_at(self.non_experts);
        let bins = self.row_bins[mask].split_at(self.non_experts);
        let non_experts = pulp::Arch::new().dispatch(BinSums { weights: weights.0, bins: bins.0 });
        let experts = pulp::Arch::new().dispatch(BinSums { weights: weights.1, bins: bins.1 });
        let mut sums = *pseudo_counts;
        for (bin, sum) in sums.iter_mut().enumerate() {
            sum[0] += non_experts[bin];
            sum[1] += experts[bin];
        }
        normalise(sums)
    }

    /// Weights as if the annotators had drifted by N(0, sd^2) on the latent scale: each row times
    /// exp(sum_j d_j y_j), y = 1 for yes, -1 for no and 0 for a missing label, each class scaled
    /// back to its own total. d_j ~ N(0, (.85 sd)^2), since a shift of the latent mean moves the
    /// log-odds of an answer by about 1.7 times as much.
    pub(crate) fn drift(&self, weights: &[f64], sd: f64, generator: &mut ChaCha8Rng) -> Vec<f64> {
        let shifts: Vec<f64> =
            self.answers.iter().map(|_| 0.85 * sd * Distribution::<f64>::sample(&StandardNormal, generator)).collect();
        let mut drifted = vec![0.0; weights.len()];
        pulp::Arch::new().dispatch(Drift { answers: &self.answers, shifts: &shifts, weights, drifted: &mut drifted });
        let (before, after) = (weights.split_at(self.non_experts), drifted.split_at_mut(self.non_experts));
        for (before, after) in [(before.0, after.0), (before.1, after.1)] {
            let scale = before.iter().sum::<f64>() / after.iter().sum::<f64>();
            after.iter_mut().for_each(|weight| *weight *= scale);
        }
        drifted
    }
}

const LANES: usize = 8;

/// Sums of the weights that fall into each bin.
struct BinSums<'a> {
    weights: &'a [f64],
    bins: &'a [f64],
}

impl pulp::WithSimd for BinSums<'_> {
    type Output = [f64; BINS];

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> [f64; BINS] {
        let (weights, last_weights) = self.weights.as_chunks::<LANES>();
        let (bins, last_bins) = self.bins.as_chunks::<LANES>();
        let mut sums = [0.0; BINS];
        for (bin, sum) in sums.iter_mut().enumerate() {
            let bin = bin as f64;
            let mut lanes = [0.0; LANES];
            for (weights, bins) in weights.iter().zip(bins) {
                for l in 0..LANES {
                    lanes[l] += weights[l] * if bins[l] == bin { 1.0 } else { 0.0 };
                }
            }
            for (weight, of) in last_weights.iter().zip(last_bins) {
                *sum += if *of == bin { *weight } else { 0.0 };
            }
            for lane in lanes {
                *sum += lane;
            }
        }
        sums
    }
}

/// Weights times exp(sum of shifts times answers).
struct Drift<'a> {
    answers: &'a [Vec<f64>],
    shifts: &'a [f64],
    weights: &'a [f64],
    /// Exponents to begin with, all 0; the weights at the end.
    drifted: &'a mut [f64],
}

impl pulp::WithSimd for Drift<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        for (answers, shift) in self.answers.iter().zip(self.shifts) {
            for (exponent, answer) in self.drifted.iter_mut().zip(answers) {
                *exponent += shift * answer;
            }
        }
        for (drifted, weight) in self.drifted.iter_mut().zip(self.weights) {
            *drifted = weight * exp(*drifted);
        }
    }
}

/// Sums as probabilities: the bins of each class sum to 1.
pub(crate) fn normalise(mut sums: BinRates) -> BinRates {
    for class in 0..2 {
        let total: f64 = sums.iter().map(|bin| bin[class]).sum();
        sums.iter_mut().for_each(|bin| bin[class] /= total);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gold() -> Vec<GoldPeople> {
        let row = |truth, yes, count| GoldPeople { truth, pattern: Pattern { seen: 3, yes }, count, weight: 1.0 };
        vec![row(false, 0, 37), row(false, 1, 8), row(false, 3, 5), row(true, 0, 3), row(true, 1, 1), row(true, 3, 21)]
    }

    #[test]
    fn folds_partition_each_class_evenly() {
        let rows = deal_folds(&gold());
        for class in [false, true] {
            let mut sizes = [0; FOLDS];
            rows.iter().filter(|r| r.gold.truth == class).for_each(|r| sizes[r.fold] += r.gold.count);
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            let total: u64 = gold().iter().filter(|r| r.truth == class).map(|r| r.count).sum();
            assert_eq!(sizes.iter().sum::<u64>(), total);
        }
    }

    #[test]
    fn rates_are_probabilities_and_follow_the_counts() {
        let fit = CrossFit::new(&gold(), 2, 1);
        let people = [1, 3].map(|seen| Pattern { seen, yes: 0 });
        let bins = Bins::new(&fit, &people.into(), 7).unwrap();
        let counts: Vec<f64> = fit.rows.iter().map(|r| r.gold.count as f64).collect();
        let rates = bins.rates(1, &counts, &[[0.0; 2]; BINS]);
        for class in 0..2 {
            assert!((rates.iter().map(|b| b[class]).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // the lanes add up what a plain loop does
        for (bin, rates) in rates.iter().enumerate() {
            for (class, size) in [(0, 50.0), (1, 25.0)] {
                let there = bins.rows.iter().zip(&bins.row_bins[1]);
                let sum: u64 = there
                    .filter(|(row, of)| row.gold.truth as usize == class && **of == bin as f64)
                    .map(|(row, _)| row.gold.count)
                    .sum();
                assert!((rates[class] - sum as f64 / size).abs() < 1e-12);
            }
        }
        // two yes answers are strong evidence: the last bin holds the 21 of 25 experts and 5 of 50 non-experts
        assert!((rates[BINS - 1][1] + rates[BINS - 2][1] - 21.0 / 25.0).abs() < 0.05);
        let drifted = bins.drift(&counts, 0.5, &mut Stream::new(1, Purpose::Drift, 0).replicate(0));
        let total = |w: &[f64]| w.iter().sum::<f64>();
        assert!((total(&drifted) - total(&counts)).abs() < 1e-9);
        assert!(drifted.iter().zip(&counts).any(|(a, b)| (a - b).abs() > 0.1));
    }
}

//! Likelihood ratios in four bins, calibrated on gold people: stratum-specific likelihood ratios (Peirce & Cornell
//! 1993, Medical Decision Making 13, 141-151).
//!
//! The full table of ratios leans on tails that some hundred gold people cannot support. So a ratio only
//! decides a bin ([`Cuts`]), and how often experts and non-experts fall into a bin is counted on gold people.
//!
//! The bins are cross-fitted, or the same people would choose the bins and calibrate them: the gold people of each class
//! are dealt into two halves at random, five times (5 x 2 cross-validation: Dietterich 1998, Neural Computation 10, 1895-1923), and the
//! ratios of a half come from the fit on the other. A gold person lies in the bins of five fits, to a fifth in each. A person of a
//! company is judged by all ten fits alike, and counted by one of them, drawn at random; so the rates counted on gold people are those of the bins that
//! companies' people are put into. Fits without a tenth of the people are better judges but worse witnesses: a rare pattern whose few
//! gold people happen to be experts is called strong evidence by all of them, and with ten folds the number of experts came out 1.07 to 1.13
//! times too high, with halves 1.01 to 1.07 times (24 to 80 simulated studies, the rates alone unknown).
//!
//! Every set of labels that occurs (mask) has bins of its own: the gold people are scored again
//! with all other labels hidden, and those that they lack filled in ([`super::completion`]).

use super::completion::{bin_parts, stand_ins};
use super::model::{FIT, Model, Tables, head_counts, replicate_points};
use super::study::{GoldPeople, Pattern, survey_weights};
use crate::linalg::Dot;
use crate::parallel;
use crate::random::{Purpose, Stream, gamma, multinomial};
use crate::stats::normal::exp;
use crate::stats::orthant::OrthantError;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::{BTreeSet, HashMap};
use std::f64::consts::LOG10_E;

/// Number of bins.
pub(crate) const BINS: usize = 4;

/// Upper edges of the bins below the last, as log10 of the likelihood ratio, where annotators are not weak.
const WIDEST: [f64; BINS - 1] = [-0.5, 0.5, 1.25];

/// Share of the gold experts in the last bin below which annotators are weak, and the share that narrower cuts are to put there.
const WEAK: f64 = 0.25;
const UPPERMOST: f64 = 0.5;

/// Factor from cuts to the next narrower ones, and the number of times that it is taken at most.
const NARROWER: f64 = 0.8;
const TIMES: i32 = 9;

/// Number of times that gold people are dealt into halves, and number of fits that come of it.
const DEALS: usize = 5;
const FITS: usize = 2 * DEALS;

/// Shape of the bootstrap weights of one gold person. The bootstrap holds the bins, which were chosen by the same gold people: that of the
/// whole procedure, fits included, has 1 / .75 times the variance of the pooled prevalence (24 simulated studies; .69 with three annotators, .87 with
/// three times the gold people). Gamma(.75) / .75 a person instead of Gamma(1) has that variance.
const SHAPE: f64 = 0.75;

/// Pseudo-counts of a bin of non-experts and of experts: Gammas with these shapes. Strong evidence is a rare bin of non-experts, and a
/// likelihood ratio rises more where few of them happen to be in it than it falls where many are, so that 1 for both (the uniform prior)
/// leans: the estimates of 200 simulated studies are 1.06 to 1.09 times the truth; those of 100 with 1.25 for non-experts .98 to 1.05 times, with 1.5
/// .95 to 1.01 times (gold people from outside, and drawn in companies in two ways). The prior of experts moves none of it by more than .02.
const PSEUDO_COUNTS: [f64; 2] = [1.25, 1.0];

/// Upper edges of a study's bins below the last, as log10 of the likelihood ratio.
///
/// Wide cuts keep strong evidence of rare experts apart, but put nearly all people of weak annotators into one bin, whose ratios range from a
/// third to three, and what tells companies apart there, drift among it, is no longer seen. So where few gold experts lie in the last bin the
/// cuts draw together until half of them do. On 47 tables of other fields (docs/fields.md) the 80 % intervals
/// of the hierarchical method then hold the truth in .850 of companies and score .295 with gold people drawn at random, by class .799 and .446;
/// with wide cuts in .805, .352, .761 and .508.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cuts([f64; BINS - 1]);

impl Default for Cuts {
    fn default() -> Self {
        Cuts(WIDEST)
    }
}

impl Cuts {
    /// The cuts for the gold people that a model was fitted to; `tables` are those of [`Model::tables_if_small`].
    pub(crate) fn new(gold: &[GoldPeople], model: &Model, tables: Option<&Tables>) -> Self {
        let experts = gold.iter().zip(head_counts(gold)).filter(|(row, _)| row.truth && row.pattern.seen != 0);
        let (patterns, weights): (Vec<Pattern>, Vec<f64>) = experts.map(|(row, weight)| (row.pattern, weight)).unzip();
        let log_ratios = model.log_ratios_by(tables, &patterns, FIT);
        let all: f64 = weights.iter().sum();
        let uppermost = |cuts: &Cuts| -> f64 {
            let last = log_ratios.iter().zip(&weights).filter(|(ratio, _)| cuts.bin(**ratio) == BINS - 1);
            last.map(|(_, weight)| weight).sum()
        };
        if uppermost(&Cuts::default()) >= WEAK * all {
            return Cuts::default();
        }
        let narrower = |times| Cuts(WIDEST.map(|cut| cut * NARROWER.powi(times)));
        (1..TIMES).map(narrower).find(|cuts| uppermost(cuts) >= UPPERMOST * all).unwrap_or(narrower(TIMES))
    }

    /// The bin of a likelihood ratio, given its natural logarithm.
    pub(crate) fn bin(&self, log_ratio: f64) -> usize {
        self.0.iter().filter(|cut| log_ratio * LOG10_E > **cut).count()
    }

    /// The likelihood ratios of a bin, to two digits.
    pub(crate) fn text(&self, bin: usize) -> String {
        let edge = |cut: usize| format!("{:.2}", 10f64.powf(self.0[cut]));
        match bin {
            0 => format!("ratio below {}", edge(0)),
            _ if bin == self.0.len() => format!("ratio above {}", edge(bin - 1)),
            _ => format!("ratio {} to {}", edge(bin - 1), edge(bin)),
        }
    }
}

/// Probabilities of the bins of one mask: `[bin][0]` of non-experts, `[bin][1]` of experts.
pub(crate) type BinRates = [[f64; 2]; BINS];

/// Number of people of a row who are dealt out one after the other: of more the number is drawn at once.
const EACH: u64 = 1000;

/// Number of `people` chosen where `wanted` of `left` are, they among them and everybody with the same chance: hypergeometric, of many
/// people the normal with its mean and variance.
fn chosen(left: u64, wanted: u64, people: u64, generator: &mut ChaCha8Rng) -> u64 {
    if people > EACH {
        let (share, others) = (wanted as f64 / left as f64, (left - people) as f64 / (left - 1) as f64);
        let z: f64 = StandardNormal.sample(generator);
        let number = people as f64 * share + z * (people as f64 * share * (1.0 - share) * others).sqrt();
        return (number.round() as u64).clamp(people.saturating_sub(left - wanted), people.min(wanted));
    }
    let mut number = 0;
    for dealt in 0..people {
        number += u64::from(generator.random_range(0..left - dealt) < wanted - number);
    }
    number
}

/// Number of gold people of each row who are in the first half of a deal: at random inside each class, half of it to one person.
fn deal(gold: &[GoldPeople], generator: &mut ChaCha8Rng) -> Vec<u64> {
    let mut left =
        [false, true].map(|class| gold.iter().filter(|row| row.truth == class).map(|row| row.count).sum::<u64>());
    let mut wanted = left.map(|people| people / 2);
    let mut halves = vec![0; gold.len()];
    for (half, row) in halves.iter_mut().zip(gold) {
        let (left, wanted) = (&mut left[usize::from(row.truth)], &mut wanted[usize::from(row.truth)]);
        *half = chosen(*left, *wanted, row.count, generator);
        *wanted -= *half;
        *left -= row.count;
    }
    halves
}

/// Fit without some of the gold people, whom it may judge.
pub(crate) struct HalfFit {
    pub(crate) model: Model,
    /// Number of people of each row whom it has not seen.
    pub(crate) unseen: Vec<u64>,
}

/// Point fit on all gold people, and the fits on halves of them.
pub(crate) struct CrossFit {
    pub(crate) full: Model,
    pub(crate) halves: Vec<HalfFit>,
    pub(crate) gold: Vec<GoldPeople>,
    threads: usize,
}

impl CrossFit {
    /// The fits on the gold people of a study, which are sorted. Halves are the same under every seed.
    pub(crate) fn new(gold: &[GoldPeople], annotators: usize, threads: usize) -> Self {
        let stream = Stream::new(0, Purpose::Halves, 0);
        let unseen: Vec<Vec<u64>> = (0..DEALS)
            .flat_map(|number| {
                let first = deal(gold, &mut stream.replicate(number as u64));
                let second = gold.iter().zip(&first).map(|(row, first)| row.count - first).collect();
                [first, second]
            })
            .collect();
        let full = Model::point(gold, annotators);
        let weights = head_counts(gold);
        let models = parallel::map(threads, FITS, |fit| {
            let seen = weights.iter().zip(gold).zip(&unseen[fit]);
            // weight of those whom it sees
            let weights: Vec<f64> =
                seen.map(|((w, row), unseen)| w * (row.count - unseen) as f64 / row.count as f64).collect();
            Model::fit(gold, &weights, annotators)
        });
        let halves = models.into_iter().zip(unseen).map(|(model, unseen)| HalfFit { model, unseen }).collect();
        CrossFit { full, halves, gold: gold.to_vec(), threads }
    }

    /// Log likelihood ratios of patterns by the fits on halves: `[fit][pattern]`.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(crate) fn log_ratios(&self, patterns: &[Pattern]) -> Result<Vec<Vec<f64>>, OrthantError> {
        let by_fit =
            parallel::map(self.threads, FITS, |fit| self.halves[fit].model.log_ratios(patterns, replicate_points(fit)));
        by_fit.into_iter().collect()
    }
}

/// Weight of `count` gold people in one replicate of the rates.
pub(crate) fn rate_weight(count: f64, generator: &mut ChaCha8Rng) -> f64 {
    gamma(SHAPE * count, generator) / SHAPE
}

/// Bins of every mask, of gold people and of the people to be judged.
pub(crate) struct Bins {
    pub(crate) cuts: Cuts,
    /// Sorted; the empty mask has no bins.
    pub(crate) masks: Vec<u32>,
    gold: Vec<GoldPeople>,
    /// Survey weight of each person of a row of gold people.
    survey: Vec<f64>,
    /// Number of rows of non-experts; experts follow.
    non_experts: usize,
    /// `[annotator][row]`: 1 for yes, -1 for no, 0 for a missing label.
    answers: Vec<Vec<f64>>,
    /// `[mask][bin][row]`: shares of the people of a row, by the fits that have not seen them; they sum to less than 1 where they lack labels of
    /// the mask.
    row_shares: Vec<[Vec<f64>; BINS]>,
    person_bins: PersonBins,
    /// Number of fits that put a person to be judged into each bin.
    judges: HashMap<Pattern, [u8; BINS]>,
    seed: u64,
}

/// Bins of people by the fit on all gold people.
enum PersonBins {
    /// `[mask][yes]`
    Tables(Vec<Vec<u8>>),
    /// By pattern, where tables would be too large.
    Patterns(HashMap<Pattern, u8>),
}

impl Bins {
    /// The bins of people with these labels, from cross-fitted ratios. Up to [`MAX_TABLE`] annotators all patterns of the same
    /// masks have bins by the fit on all gold people too.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(crate) fn new(fit: &CrossFit, people: &BTreeSet<Pattern>, seed: u64) -> Result<Self, OrthantError> {
        let masks: BTreeSet<u32> = people.iter().map(|p| p.seen).filter(|mask| *mask != 0).collect();
        let masks: Vec<u32> = masks.into_iter().collect();
        let half = |number: usize| &fit.halves[number].model;
        let tables = parallel::map(fit.threads, FITS, |number| half(number).tables_if_small());
        let tables: Vec<Option<Tables>> = tables.into_iter().collect::<Result<_, _>>()?;
        let has_tables = tables.iter().all(Option::is_some);
        let of_gold: Vec<Vec<Vec<Pattern>>> =
            masks.iter().map(|mask| stand_ins(&fit.gold, *mask, has_tables)).collect();
        let full = fit.full.tables_if_small()?;
        let cuts = Cuts::new(&fit.gold, &fit.full, full.as_ref());
        let judged: BTreeSet<Pattern> = of_gold.iter().flatten().flatten().chain(people).copied().collect();
        let judged: Vec<Pattern> = judged.into_iter().filter(|pattern| pattern.seen != 0).collect();
        let log_ratios = parallel::map(fit.threads, FITS, |number| {
            half(number).log_ratios_by(tables[number].as_ref(), &judged, replicate_points(number))
        });
        let by_fit: Vec<Vec<usize>> =
            log_ratios.into_iter().map(|ratios| ratios.into_iter().map(|ratio| cuts.bin(ratio)).collect()).collect();
        let row_shares = parallel::map(fit.threads, masks.len(), |mask| {
            let mut shares: [Vec<f64>; BINS] = std::array::from_fn(|_| vec![0.0; fit.gold.len()]);
            for (number, (half, bins)) in fit.halves.iter().zip(&by_fit).enumerate() {
                let bin = |pattern: Pattern| judged.binary_search(&pattern).map_or(0, |at| bins[at]);
                let parts: Vec<[f64; BINS]> =
                    bin_parts(&fit.gold, masks[mask], &of_gold[mask], tables[number].as_ref(), bin);
                for (at, (row, parts)) in fit.gold.iter().zip(parts).enumerate() {
                    let unseen = half.unseen[at] as f64 / (DEALS as f64 * row.count as f64);
                    shares.iter_mut().zip(parts).for_each(|(shares, part)| shares[at] += unseen * part);
                }
            }
            shares
        });
        let judges = |(at, pattern): (usize, &Pattern)| {
            let mut fits = [0; BINS];
            by_fit.iter().for_each(|bins| fits[bins[at]] += 1);
            (*pattern, fits)
        };
        let judges = judged.iter().enumerate().map(judges).collect();
        let bin = |ratio: f64| cuts.bin(ratio) as u8;
        let annotators = fit.full.annotators();
        let person_bins = if let Some(tables) = full {
            PersonBins::Tables(masks.iter().map(|&m| tables.log_ratios(m).into_iter().map(bin).collect()).collect())
        } else {
            let patterns: Vec<Pattern> = people.iter().copied().collect();
            let ratios = fit.full.log_ratios(&patterns, FIT)?;
            PersonBins::Patterns(patterns.into_iter().zip(ratios.into_iter().map(bin)).collect())
        };
        Ok(Bins { cuts, ..Bins::of(masks, fit.gold.clone(), annotators, row_shares, person_bins, judges, seed) })
    }

    fn of(
        masks: Vec<u32>,
        gold: Vec<GoldPeople>,
        annotators: usize,
        row_shares: Vec<[Vec<f64>; BINS]>,
        person_bins: PersonBins,
        judges: HashMap<Pattern, [u8; BINS]>,
        seed: u64,
    ) -> Self {
        let answer = |label: Option<bool>| label.map_or(0.0, |yes| if yes { 1.0 } else { -1.0 });
        Bins {
            cuts: Cuts::default(),
            masks,
            survey: survey_weights(&gold).each,
            non_experts: gold.iter().filter(|row| !row.truth).count(),
            answers: (0..annotators).map(|j| gold.iter().map(|row| answer(row.pattern.label(j))).collect()).collect(),
            gold,
            row_shares,
            person_bins,
            judges,
            seed,
        }
    }

    /// Two annotators whose four patterns are the bins, the gold people counted as they are: bins without a fit.
    #[cfg(test)]
    pub(crate) fn given(gold: &[GoldPeople], seed: u64) -> Self {
        let one = |holds: bool| if holds { 1.0 } else { 0.0 };
        let shares = std::array::from_fn(|bin| gold.iter().map(|row| one(row.pattern.yes as usize == bin)).collect());
        let judges = (0..BINS).map(|bin| {
            let fits = std::array::from_fn(|b| if b == bin { FITS as u8 } else { 0 });
            (Pattern { seen: 3, yes: bin as u32 }, fits)
        });
        let person_bins = PersonBins::Tables(vec![vec![0, 1, 2, 3]]);
        Bins::of(vec![3], gold.to_vec(), 2, vec![shares], person_bins, judges.collect(), seed)
    }

    /// Gold people by class, pattern and weight.
    pub(crate) fn gold(&self) -> &[GoldPeople] {
        &self.gold
    }

    /// Survey weight of each person of a row of gold people.
    pub(crate) fn survey(&self) -> &[f64] {
        &self.survey
    }

    /// Shares of the gold people of a row that fall into each bin of the mask at `mask`, by the fits that have not seen them.
    pub(crate) fn row_shares(&self, mask: usize, row: usize) -> [f64; BINS] {
        std::array::from_fn(|bin| self.row_shares[mask][bin][row])
    }

    /// Shares of the gold people of a class and pattern that fall into each bin of the mask at `mask`.
    pub(crate) fn gold_shares(&self, mask: usize, truth: bool, pattern: Pattern) -> [f64; BINS] {
        let mut shares = [0.0; BINS];
        for (at, row) in self.gold.iter().enumerate().filter(|(_, row)| (row.truth, row.pattern) == (truth, pattern)) {
            for (share, of_row) in shares.iter_mut().zip(self.row_shares(mask, at)) {
                *share += row.count as f64 * of_row;
            }
        }
        let all: f64 = shares.iter().sum();
        shares.map(|share| share / all)
    }

    /// Bin probabilities of the mask at `mask` from all gold people and the pseudo-counts.
    pub(crate) fn point_rates(&self, mask: usize) -> BinRates {
        let weights: Vec<f64> = self.survey.iter().zip(&self.gold).map(|(w, row)| row.count as f64 * w).collect();
        self.rates(mask, &weights, &[PSEUDO_COUNTS; BINS])
    }

    /// Position of a mask that occurs; `None` for the empty one.
    pub(crate) fn mask_index(&self, mask: u32) -> Option<usize> {
        self.masks.binary_search(&mask).ok()
    }

    /// The bin, by the fit on all gold people, of a person whose labels are exactly those of the mask at `mask`.
    pub(crate) fn person_bin(&self, mask: usize, pattern: Pattern) -> usize {
        match &self.person_bins {
            PersonBins::Tables(tables) => tables[mask][pattern.yes as usize] as usize,
            PersonBins::Patterns(bins) => bins.get(&pattern).copied().unwrap_or(0) as usize,
        }
    }

    /// The generator by which the people of a company are dealt out among the fits.
    pub(crate) fn judges(&self, company: &str) -> ChaCha8Rng {
        Stream::named(self.seed, Purpose::Halves, company).replicate(0)
    }

    /// Shares of the fits that put a person with these labels into each bin.
    pub(crate) fn shares(&self, pattern: Pattern) -> [f64; BINS] {
        let fits = self.judges.get(&pattern).copied().unwrap_or([FITS as u8, 0, 0, 0]);
        fits.map(|fits| f64::from(fits) / FITS as f64)
    }

    /// People of a company with these labels by bin, each judged by one of the fits; `generator` is that of [`Bins::judges`].
    pub(crate) fn dealt(&self, pattern: Pattern, people: u64, generator: &mut ChaCha8Rng) -> [u64; BINS] {
        let mut dealt = [0; BINS];
        multinomial(people, &self.shares(pattern), generator, |bin, people| dealt[bin] = people);
        dealt
    }

    /// Weights of the rows in one replicate: the Bayesian bootstrap (Rubin 1981), a Gamma(count) a row times the survey
    /// weight of its people.
    pub(crate) fn weights(&self, replicate: u64) -> Vec<f64> {
        self.drawn(0, replicate, gamma)
    }

    /// Weights of the rows in one replicate of the rates, the bins given.
    pub(crate) fn rate_weights(&self, replicate: u64) -> Vec<f64> {
        self.drawn(1, replicate, rate_weight)
    }

    /// Weights of the rows in one replicate, each drawn for its count, times the survey weight.
    fn drawn(&self, stream: u64, replicate: u64, draw: fn(f64, &mut ChaCha8Rng) -> f64) -> Vec<f64> {
        let mut generator = Stream::new(self.seed, Purpose::Weights, stream).replicate(replicate);
        let rows = self.gold.iter().zip(&self.survey);
        rows.map(|(row, weight)| draw(row.count as f64, &mut generator) * weight).collect()
    }

    /// The pseudo-counts of all masks in one replicate.
    pub(crate) fn pseudo_counts(&self, replicate: u64) -> Vec<BinRates> {
        let of_mask = |mask: &u32| -> BinRates {
            let mut generator = Stream::new(self.seed, Purpose::Bins, *mask as u64).replicate(replicate);
            std::array::from_fn(|_| PSEUDO_COUNTS.map(|shape| gamma(shape, &mut generator)))
        };
        self.masks.iter().map(of_mask).collect()
    }

    /// Bin probabilities of one mask from weights of the rows and pseudo-counts.
    pub(crate) fn rates(&self, mask: usize, weights: &[f64], pseudo_counts: &BinRates) -> BinRates {
        let mut sums = *pseudo_counts;
        let classes = weights.split_at(self.non_experts);
        pulp::Arch::new().dispatch(Sums { classes, row_shares: &self.row_shares[mask], sums: &mut sums });
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

/// Sums of weights times shares, by bin and class.
struct Sums<'a> {
    /// Weights of non-experts and of experts.
    classes: (&'a [f64], &'a [f64]),
    row_shares: &'a [Vec<f64>; BINS],
    sums: &'a mut BinRates,
}

impl pulp::WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        for (sum, shares) in self.sums.iter_mut().zip(self.row_shares) {
            let shares = shares.split_at(self.classes.0.len());
            sum[0] += Dot { x: self.classes.0, y: shares.0 }.with_simd(simd);
            sum[1] += Dot { x: self.classes.1, y: shares.1 }.with_simd(simd);
        }
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
    use std::collections::BTreeMap;

    fn gold() -> Vec<GoldPeople> {
        let row = |truth, yes, count| GoldPeople { truth, pattern: Pattern { seen: 3, yes }, count, weight: 1.0 };
        vec![row(false, 0, 37), row(false, 1, 8), row(false, 3, 5), row(true, 0, 3), row(true, 1, 1), row(true, 3, 21)]
    }

    /// Gold people with yes shares of independent annotators: `[annotator][class]`, 200 a class.
    fn independent(shares: &[[f64; 2]]) -> Vec<GoldPeople> {
        let row = |truth: bool, yes: u32| {
            let share = |(j, shares): (usize, &[f64; 2])| {
                let share = shares[usize::from(truth)];
                if yes >> j & 1 == 1 { share } else { 1.0 - share }
            };
            let count = (200.0 * shares.iter().enumerate().map(share).product::<f64>()).round() as u64;
            GoldPeople { truth, pattern: Pattern { seen: (1 << shares.len()) - 1, yes }, count, weight: 1.0 }
        };
        let rows = [false, true].into_iter().flat_map(|truth| (0..1 << shares.len()).map(move |yes| row(truth, yes)));
        rows.filter(|row| row.count > 0).collect()
    }

    fn cuts(shares: &[[f64; 2]]) -> Cuts {
        let gold = independent(shares);
        let model = Model::point(&gold, shares.len());
        Cuts::new(&gold, &model, model.tables_if_small().unwrap().as_ref())
    }

    #[test]
    fn cuts_are_as_narrow_as_annotators_are_weak() {
        // ratios of 1.5 and .5, which the widest cuts put into one bin
        let weak = cuts(&[[0.4, 0.6], [0.4, 0.6]]);
        let bins = [-0.7f64, 0.0, 0.7].map(|log_ratio| weak.bin(log_ratio));
        assert!(bins[0] < bins[1] && bins[1] < bins[2], "{weak:?}");
        assert_eq!([-0.7, 0.0, 0.7].map(|log_ratio| Cuts::default().bin(log_ratio)), [1; 3]);
        // a third of the experts shows strong evidence, which is kept apart from weak evidence
        let mixed = cuts(&[[0.01, 0.35], [0.25, 0.5], [0.25, 0.5]]);
        assert!(mixed.bin(20f64.ln()) > mixed.bin(2f64.ln()), "{mixed:?}");
    }

    /// Mean and variance are those of the hypergeometric distribution, whether people are dealt out one by one or at once.
    #[test]
    fn rows_of_any_size_are_dealt_out_alike() {
        let mut generator = Stream::new(3, Purpose::Simulation, 0).replicate(0);
        for (left, wanted, people) in [(2000, 900, EACH), (12_000, 7000, 5000), (1 << 53, 1 << 52, 1 << 51)] {
            let n = 4000.0;
            let draws: Vec<f64> = (0..4000).map(|_| chosen(left, wanted, people, &mut generator) as f64).collect();
            let (share, of) = (wanted as f64 / left as f64, people as f64);
            let variance = of * share * (1.0 - share) * (left - people) as f64 / (left - 1) as f64;
            let mean = draws.iter().sum::<f64>() / n;
            assert!((mean - of * share).abs() < 4.0 * (variance / n).sqrt(), "{people}: {mean}");
            let found = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            assert!((found / variance - 1.0).abs() < 0.1, "{people}: {found}, {variance}");
        }
    }

    #[test]
    fn every_deal_has_two_halves_of_each_class() {
        let fit = CrossFit::new(&gold(), 2, 1);
        let of_class = |unseen: &[u64], class: bool| -> u64 {
            gold().iter().zip(unseen).filter(|(row, _)| row.truth == class).map(|(_, n)| n).sum()
        };
        for deal in fit.halves.chunks(2) {
            for class in [false, true] {
                let [first, second] = [0, 1].map(|half| of_class(&deal[half].unseen, class));
                assert!(first.abs_diff(second) <= 1, "{first}, {second}");
            }
            for (at, row) in gold().iter().enumerate() {
                assert_eq!(deal[0].unseen[at] + deal[1].unseen[at], row.count);
            }
        }
        // deals differ, and rows are not halved one by one
        assert!(fit.halves.chunks(2).any(|deal| deal[0].unseen != fit.halves[0].unseen));
        assert!(
            fit.halves.iter().any(|half| half.unseen.iter().zip(gold()).any(|(n, row)| n.abs_diff(row.count - n) > 1))
        );
    }

    #[test]
    fn people_are_dealt_out_among_all_fits() {
        let fit = CrossFit::new(&gold(), 2, 1);
        let people: BTreeSet<Pattern> = (0..4).map(|yes| Pattern { seen: 3, yes }).collect();
        let bins = Bins::new(&fit, &people, 7).unwrap();
        let mut generator = bins.judges("a");
        for pattern in people {
            let dealt = bins.dealt(pattern, 100_000, &mut generator);
            assert_eq!(dealt.iter().sum::<u64>(), 100_000);
            for (bin, people) in dealt.into_iter().enumerate() {
                let fits = fit.halves.iter().filter(|half| {
                    let ratio = half.model.log_ratios(&[pattern], FIT).unwrap()[0];
                    bins.cuts.bin(ratio) == bin
                });
                assert!((people as f64 / 100_000.0 - fits.count() as f64 / FITS as f64).abs() < 0.01);
            }
        }
        // labels that nobody had been expected to have say nothing
        assert_eq!(bins.dealt(Pattern { seen: 1, yes: 1 }, 7, &mut generator), [7, 0, 0, 0]);
    }

    /// Mean and variance of a weight are count and count / shape: a gamma of shape .75 count over .75.
    #[test]
    fn weights_of_rates_are_wider_than_those_of_the_bootstrap() {
        let bins = Bins::given(&gold(), 1);
        let row = |weights: &dyn Fn(u64) -> Vec<f64>| {
            let drawn: Vec<f64> = (0..20_000).map(|r| weights(r)[0]).collect();
            let mean = drawn.iter().sum::<f64>() / 20_000.0;
            (mean, drawn.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 20_000.0)
        };
        for (shape, (mean, variance)) in [(1.0, row(&|r| bins.weights(r))), (0.75, row(&|r| bins.rate_weights(r)))] {
            assert!((mean - 37.0).abs() < 0.25, "{mean}");
            assert!((variance / 37.0 * shape - 1.0).abs() < 0.05, "{variance}");
        }
    }

    /// People of both classes with the labels of four annotators who err together, a part of the labels hidden: how many have each pattern.
    fn partly_hidden(hidden: f64) -> Vec<GoldPeople> {
        let mut generator = Stream::new(3, Purpose::Simulation, 0).replicate(0);
        let mut counts: BTreeMap<(bool, Pattern), u64> = BTreeMap::new();
        for i in 0..60_000 {
            let truth = i % 2 == 0;
            let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
            let common = 0.6 * normal();
            let labels: [bool; 4] = std::array::from_fn(|j| {
                let threshold = if truth { 0.2 * j as f64 - 0.8 } else { 1.2 - 0.1 * j as f64 };
                common + 0.8 * normal() > threshold
            });
            let mut pattern = Pattern::default();
            for (j, yes) in labels.into_iter().enumerate() {
                if generator.random::<f64>() >= hidden {
                    pattern.add_label(j, yes);
                }
            }
            if pattern.seen != 0 {
                *counts.entry((truth, pattern)).or_default() += 1;
            }
        }
        let row = |((truth, pattern), count)| GoldPeople { truth, pattern, count, weight: 1.0 };
        counts.into_iter().map(row).collect()
    }

    /// Where gold people lack four in ten labels the rates of each mask are still those of people with all its labels, in the same bins, up
    /// to what the shrunk correlations of the model are off; counted with the labels that are there they would not be.
    #[test]
    fn missing_labels_of_gold_people_do_not_move_the_rates() {
        let masks = [0b1111u32, 0b0111, 0b0011, 0b1000];
        let (whole, gold) = (partly_hidden(0.0), partly_hidden(0.4));
        let patterns = masks.iter().flat_map(|mask| whole.iter().map(|row| row.pattern.within(*mask)));
        let people = patterns.chain(gold.iter().map(|row| row.pattern)).collect();
        let bins = Bins::new(&CrossFit::new(&gold, 4, 2), &people, 7).unwrap();
        let share = |rows: &[GoldPeople], class: bool, bin: usize, of: &dyn Fn(Pattern) -> Pattern| {
            let (mut there, mut all) = (0.0, 0.0);
            for row in rows.iter().filter(|row| row.truth == class) {
                there += row.count as f64 * bins.shares(of(row.pattern))[bin];
                all += row.count as f64;
            }
            there / all
        };
        let counts: Vec<f64> = gold.iter().map(|row| row.count as f64).collect();
        for mask in masks {
            let rates = bins.rates(bins.mask_index(mask).unwrap(), &counts, &[[0.0; 2]; BINS]);
            for (bin, rates) in rates.iter().enumerate() {
                for class in [false, true] {
                    let wanted = share(&whole, class, bin, &|pattern| pattern.within(mask));
                    let rate = rates[usize::from(class)];
                    assert!((rate - wanted).abs() < 0.03, "{mask:b}, {bin}, {class}: {rate}, {wanted}");
                }
            }
        }
        let strongest = share(&whole, true, BINS - 1, &|pattern| pattern);
        let as_they_are = share(&gold, true, BINS - 1, &|pattern| pattern);
        assert!(strongest - as_they_are > 0.1, "{strongest}, {as_they_are}");
    }

    #[test]
    fn rates_are_probabilities_and_follow_the_counts() {
        let fit = CrossFit::new(&gold(), 2, 1);
        let people = [1, 3].map(|seen| Pattern { seen, yes: 0 });
        let bins = Bins::new(&fit, &people.into(), 7).unwrap();
        let counts: Vec<f64> = gold().iter().map(|row| row.count as f64).collect();
        let rates = bins.rates(1, &counts, &[[0.0; 2]; BINS]);
        for class in 0..2 {
            assert!((rates.iter().map(|b| b[class]).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // every gold person falls into one bin of each of five fits
        for (bin, rates) in rates.iter().enumerate() {
            for (class, size) in [(0, 50.0), (1, 25.0)] {
                let there = gold().into_iter().enumerate().filter(|(_, row)| row.truth as usize == class);
                let sum: f64 = there.map(|(at, row)| row.count as f64 * bins.row_shares(1, at)[bin]).sum();
                assert!((rates[class] - sum / size).abs() < 1e-12);
            }
        }
        for at in 0..gold().len() {
            assert!((bins.row_shares(1, at).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // two yes answers are strong evidence: the last bins hold the 21 of 25 experts and 5 of 50 non-experts
        assert!((rates[BINS - 1][1] + rates[BINS - 2][1] - 21.0 / 25.0).abs() < 0.05);
        let drifted = bins.drift(&counts, 0.5, &mut Stream::new(1, Purpose::Drift, 0).replicate(0));
        let total = |w: &[f64]| w.iter().sum::<f64>();
        assert!((total(&drifted) - total(&counts)).abs() < 1e-9);
        assert!(drifted.iter().zip(&counts).any(|(a, b)| (a - b).abs() > 0.1));
    }
}

//! Posterior predictive check (Rubin 1984): could the model have produced these answers?
//!
//! In each replicate the estimate has weights of the gold people, hence tables of the probit model and rates of the
//! bins, and a prevalence of each company, whose effects tilt its bins. From them as many people are made as are observed, with the
//! same labels missing, and counted by pattern and by bin; a pattern is tilted as its bin is. Two things differ from the estimate, which errs there on
//! purpose: correlations are not shrunk toward 0; and a set of labels has its bins from the gold people with all of
//! them, put there by the fit that puts everybody else there. (Cross-fitted, a pattern near a cut is split over
//! two bins among the gold people and nowhere else, and gold people with a label less may lie across the cut.) The statistic of any such set of counts x is
//! T = sum (x - m)^2 / v over cells, m and v the mean and variance over the replicates, and the p-value is the share of
//! replicates whose T is at least that of the data.
//!
//! The weights are one draw for all companies, so what the gold people leave open is part of m, v and
//! the spread of T. Cells with an expected count below [`ENOUGH`], here or in as many people as there are gold ones, are put together
//! into one: what a handful of gold people say of a rare pattern is no basis to judge it, and in 10
//! simulated studies such patterns alone made 4 totals fail. The prevalence has seen
//! the data, so p-values lie closer to one half than even ones would.

use crate::parallel;
use crate::probit::bins::{BINS, BinRates, Bins, Cuts, normalise};
use crate::probit::estimate::{Likeness, Settings, bins, likenesses};
use crate::probit::model::{ClassModel, Model};
use crate::probit::study::{Company, GoldPeople, Pattern, Study, StudyError, labelled};
use crate::random::{Purpose, Stream, binomial, multinomial};
use crate::stats::orthant::{Correlation, orthant_table};
use crate::stats::quantile;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Smallest expected count of a cell, among the people counted and among as many as there are gold ones.
const ENOUGH: f64 = 5.0;

/// Cell that people are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Pattern(Pattern),
    /// Position of the bin; 0 holds the lowest likelihood ratios.
    Bin(usize),
    /// All cells that are too small by themselves.
    Rest,
}

/// Cell with its observed and predicted count.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    pub cell: Cell,
    pub observed: f64,
    pub expected: f64,
    pub sd: f64,
    /// Quantiles over the replicates at (1 - level) / 2 and (1 + level) / 2.
    pub lower: f64,
    pub upper: f64,
}

/// Annotator whose yes answers, or pair whose joint yes answers, are furthest off: positions in the study.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    pub annotator: usize,
    /// Second of a pair.
    pub other: Option<usize>,
    /// Distance from the mean over the replicates in standard deviations; of a pair what its annotators' own numbers of yes
    /// leave unexplained.
    pub z: f64,
}

/// Statistic with its distribution over the replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub cells: Vec<Predicted>,
    pub statistic: f64,
    /// Mean of the statistic over the replicates.
    pub expected: f64,
    pub p_value: f64,
    /// Whether no replicate is as far off, so that fewer would give a larger p-value.
    pub at_floor: bool,
}

/// Checks of one company, or of all people, by pattern and by bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Checks {
    /// Number of people with labels who are not gold.
    pub people: u64,
    pub patterns: Check,
    pub bins: Check,
    /// `None` without annotators or people.
    pub worst: Option<Worst>,
}

/// Counts of one set of people in every replicate, and as observed.
#[derive(Debug, Clone)]
struct Counts {
    replicates: usize,
    observed: BTreeMap<Cell, f64>,
    made: BTreeMap<Cell, Vec<f64>>,
}

/// Distribution over patterns, ready to draw from.
struct Table {
    probability: Vec<f64>,
    cumulative: Vec<f64>,
}

/// Tables and rates of one replicate, which all companies share.
struct Replicate {
    /// Complete patterns of non-experts and experts.
    tables: [Table; 2],
    /// `[mask]`
    rates: Vec<BinRates>,
}

/// Checks of every company, in the study's order, and of all people together, last; and the cuts between the bins.
///
/// `settings.draws` replicates; prevalences, and effects on bins, are those of the method.
///
/// # Errors
///
/// Where a class has too few gold people, or a model cannot be fitted.
pub fn check(study: &Study, settings: &Settings) -> Result<(Vec<Checks>, Cuts), StudyError> {
    let bins = bins(study, [], settings)?;
    let companies = likenesses(&bins, study, settings)?;
    let annotators = study.annotators.len();
    let people = &study.gold;
    let replicates = parallel::map(settings.threads, settings.draws, |r| -> Result<Replicate, StudyError> {
        let weights = bins.weights(r as u64);
        let model = Model::fit(people, &weights, annotators);
        Ok(Replicate {
            tables: [Table::new(unshrunk(&model.non_expert)?), Table::new(unshrunk(&model.expert)?)],
            rates: (bins.pseudo_counts(r as u64).into_iter().enumerate())
                .map(|(mask, sums)| bin_rates(&bins, mask, people, &weights, sums))
                .collect(),
        })
    });
    let replicates = replicates.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mixtures: Vec<Vec<(Pattern, u64)>> = study.companies.iter().map(|company| mixture(company, settings)).collect();
    let counted = parallel::map(settings.threads, study.companies.len(), |c| {
        let stream = Stream::named(settings.seed, Purpose::Predictive, &study.companies[c].name);
        count(&mixtures[c], &bins, &replicates, &companies[c], &stream)
    });
    let mut total = [Counts::new(settings.draws), Counts::new(settings.draws)];
    for (patterns, bins) in &counted {
        total[0].add(patterns);
        total[1].add(bins);
    }
    let gold = (study.n_gold(false) + study.n_gold(true)) as f64;
    let checks = |people: u64, patterns: &Counts, by_bin: &Counts| {
        let enough = ENOUGH * (people as f64 / gold).max(1.0);
        Checks {
            people,
            patterns: patterns.check(enough, settings.level),
            bins: by_bin.check(enough, settings.level),
            worst: patterns.worst(annotators).filter(|_| people > 0),
        }
    };
    let mut all = parallel::map(settings.threads, counted.len(), |c| {
        checks(labelled(&mixtures[c]), &counted[c].0, &counted[c].1)
    });
    all.push(checks(mixtures.iter().map(|people| labelled(people)).sum(), &total[0], &total[1]));
    Ok((all, bins.cuts))
}

/// Bin probabilities of one mask among the gold people who have all its labels.
fn bin_rates(bins: &Bins, mask: usize, people: &[GoldPeople], weights: &[f64], mut sums: BinRates) -> BinRates {
    let seen = bins.masks[mask];
    for (row, weight) in people.iter().zip(weights).filter(|(row, _)| row.pattern.seen & seen == seen) {
        sums[bins.person_bin(mask, row.pattern.within(seen))][row.truth as usize] += weight;
    }
    normalise(sums)
}

/// Complete patterns under the correlations as measured.
fn unshrunk(class: &ClassModel) -> Result<Vec<f64>, StudyError> {
    if class.rates.is_empty() {
        return Ok(vec![1.0]);
    }
    Ok(orthant_table(&class.means(), &Correlation::unshrunk(&class.tetrachoric))?)
}

/// People of a company who are a mixture of the classes: those who are not gold, or everybody where gold people were drawn by their labels.
fn mixture(company: &Company, settings: &Settings) -> Vec<(Pattern, u64)> {
    let mut people = company.people.clone();
    if settings.gold_sampling.weights(&company.gold_people).iter().any(|weight| *weight != 1.0) {
        people.extend(company.gold_people.iter().map(|row| (row.pattern, row.count)));
    }
    people
}

/// Observed and made counts of the people of a company, by pattern and by bin.
fn count(
    people: &[(Pattern, u64)],
    bins: &Bins,
    replicates: &[Replicate],
    likenesses: &[Likeness],
    stream: &Stream,
) -> (Counts, Counts) {
    let mut by_pattern = Counts::new(replicates.len());
    let mut by_bin = Counts::new(replicates.len());
    let mut masks: BTreeMap<usize, u64> = BTreeMap::new();
    for &(pattern, n) in people {
        if let Some(mask) = bins.mask_index(pattern.seen) {
            *by_pattern.observed.entry(Cell::Pattern(pattern)).or_default() += n as f64;
            *by_bin.observed.entry(Cell::Bin(bins.person_bin(mask, pattern))).or_default() += n as f64;
            *masks.entry(mask).or_default() += n;
        }
    }
    for (r, (replicate, likeness)) in replicates.iter().zip(likenesses).enumerate() {
        let (pi, tilts) = (likeness.prevalence, likeness.tilts());
        let mut generator = stream.replicate(r as u64);
        for (&mask, &n) in &masks {
            let seen = bins.masks[mask];
            let pattern = |yes: usize| Pattern { seen, yes: yes as u32 }.within(seen);
            let experts = binomial(n, pi, &mut generator);
            for (class, (table, people)) in replicate.tables.iter().zip([n - experts, experts]).enumerate() {
                let mut put = |yes, made| by_pattern.put(Cell::Pattern(pattern(yes)), r, made);
                match tilts.filter(|_| people > 0) {
                    Some(tilts) => {
                        let tilted = table.tilted(|yes| tilts[class][bins.person_bin(mask, pattern(yes))]);
                        tilted.draw(people, &mut generator, &mut put);
                    }
                    None => table.draw(people, &mut generator, &mut put),
                }
            }
            let rates = likeness.rates(&replicate.rates[mask]);
            let mixed: Vec<f64> = (0..BINS).map(|bin| (1.0 - pi) * rates[bin][0] + pi * rates[bin][1]).collect();
            multinomial(n, &mixed, &mut generator, |bin, made| by_bin.put(Cell::Bin(bin), r, made));
        }
    }
    (by_pattern, by_bin)
}

impl Table {
    fn new(probability: Vec<f64>) -> Self {
        let cumulative = probability
            .iter()
            .scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            })
            .collect();
        Table { probability, cumulative }
    }

    /// The table with each probability times a factor, normalised or not.
    fn tilted(&self, factor: impl Fn(usize) -> f64) -> Table {
        Table::new(self.probability.iter().enumerate().map(|(yes, p)| p * factor(yes)).collect())
    }

    /// `n` people: one by one where they are fewer than the cells.
    fn draw(&self, n: u64, generator: &mut ChaCha8Rng, mut put: impl FnMut(usize, u64)) {
        let Some(total) = self.cumulative.last() else {
            return;
        };
        if n > self.probability.len() as u64 {
            multinomial(n, &self.probability, generator, put);
            return;
        }
        for _ in 0..n {
            let u: f64 = generator.random();
            let cell = self.cumulative.partition_point(|sum| *sum <= u * total);
            put(cell.min(self.cumulative.len() - 1), 1);
        }
    }
}

impl Counts {
    fn new(replicates: usize) -> Self {
        Counts { replicates, observed: BTreeMap::new(), made: BTreeMap::new() }
    }

    fn put(&mut self, cell: Cell, replicate: usize, people: u64) {
        self.made.entry(cell).or_insert_with(|| vec![0.0; self.replicates])[replicate] += people as f64;
    }

    fn add(&mut self, counts: &Counts) {
        for (cell, n) in &counts.observed {
            *self.observed.entry(*cell).or_default() += n;
        }
        for (cell, made) in &counts.made {
            let sum = self.made.entry(*cell).or_insert_with(|| vec![0.0; self.replicates]);
            sum.iter_mut().zip(made).for_each(|(a, b)| *a += b);
        }
    }

    /// Cells in their order, those that are too small put together, last.
    fn cells(&self, enough: f64) -> Vec<(Cell, f64, Vec<f64>)> {
        let mut cells = Vec::new();
        let mut rest = (Cell::Rest, 0.0, vec![0.0; self.replicates]);
        for (cell, made) in &self.made {
            let observed = self.observed.get(cell).copied().unwrap_or(0.0);
            if made.iter().sum::<f64>() >= enough * self.replicates as f64 {
                cells.push((*cell, observed, made.clone()));
            } else {
                rest.1 += observed;
                rest.2.iter_mut().zip(made).for_each(|(a, b)| *a += b);
            }
        }
        // patterns that no replicate has made
        rest.1 += self.observed.iter().filter(|(cell, _)| !self.made.contains_key(cell)).map(|(_, n)| n).sum::<f64>();
        if rest.1 > 0.0 || rest.2.iter().any(|n| *n > 0.0) {
            cells.push(rest);
        }
        cells
    }

    /// Counts over patterns: as observed, and in every replicate.
    fn sum(&self, holds: impl Fn(Pattern) -> bool) -> Tally {
        let among = |cell: &Cell| matches!(cell, Cell::Pattern(pattern) if holds(*pattern));
        let mut made = vec![0.0; self.replicates];
        for (_, counts) in self.made.iter().filter(|(cell, _)| among(cell)) {
            made.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        }
        Tally::new(self.observed.iter().filter(|(cell, _)| among(cell)).map(|(_, n)| n).sum(), made)
    }

    /// The annotator or pair that is furthest off.
    ///
    /// A pair's joint yes answers are what is left of them after a regression, over the replicates, on the yes answers of
    /// the two: a shift of one annotator is not a pair's fault.
    fn worst(&self, annotators: usize) -> Option<Worst> {
        let says = |j: usize| move |pattern: Pattern| pattern.label(j) == Some(true);
        let single: Vec<Tally> = (0..annotators).map(|j| self.sum(says(j))).collect();
        let mut all: Vec<Worst> = Vec::new();
        for (j, tally) in single.iter().enumerate() {
            all.push(Worst { annotator: j, other: None, z: tally.z() });
            for (i, other) in single[..j].iter().enumerate() {
                let both = self.sum(|pattern| says(i)(pattern) && says(j)(pattern));
                all.push(Worst { annotator: i, other: Some(j), z: both.beside(other, tally).z() });
            }
        }
        all.into_iter().reduce(|worst, next| if next.z.abs() > worst.z.abs() { next } else { worst })
    }

    fn check(&self, enough: f64, level: f64) -> Check {
        let n = self.replicates as f64;
        let mut statistic = 0.0;
        let mut made_statistics = vec![0.0; self.replicates];
        let mut cells = Vec::new();
        for (cell, observed, mut made) in self.cells(enough) {
            let mean = made.iter().sum::<f64>() / n;
            let squares: f64 = made.iter().map(|x| (x - mean) * (x - mean)).sum();
            // a count that never varies, as in a company of one cell, is compared with a Poisson's spread
            let variance = if squares > 0.0 { squares / (n - 1.0) } else { mean.max(1.0) };
            statistic += (observed - mean) * (observed - mean) / variance;
            for (sum, x) in made_statistics.iter_mut().zip(&made) {
                *sum += (x - mean) * (x - mean) / variance;
            }
            made.sort_unstable_by(f64::total_cmp);
            let (lower, upper) = quantile::limits(&made, level);
            let (lower, upper) = (quantile::of_whole(lower), quantile::of_whole(upper));
            cells.push(Predicted { cell, observed, expected: mean, sd: variance.sqrt(), lower, upper });
        }
        let larger = made_statistics.iter().filter(|t| **t >= statistic).count() as f64;
        // a single cell holds everybody, made or observed: nothing is tested
        let tested = cells.len() > 1;
        Check {
            cells,
            statistic: if tested { statistic } else { f64::NAN },
            expected: if tested { made_statistics.iter().sum::<f64>() / n } else { f64::NAN },
            p_value: if tested { (1.0 + larger) / (1.0 + n) } else { f64::NAN },
            at_floor: tested && larger == 0.0,
        }
    }
}

/// Count as observed and in every replicate, both less the replicates' mean.
struct Tally {
    observed: f64,
    made: Vec<f64>,
}

impl Tally {
    fn new(observed: f64, made: Vec<f64>) -> Self {
        let mean = made.iter().sum::<f64>() / made.len() as f64;
        Tally { observed: observed - mean, made: made.into_iter().map(|n| n - mean).collect() }
    }

    /// Covariance over the replicates.
    fn covariance(&self, other: &Tally) -> f64 {
        self.made.iter().zip(&other.made).map(|(a, b)| a * b).sum::<f64>() / (self.made.len() as f64 - 1.0)
    }

    /// Observed distance in standard deviations, of at least one person.
    fn z(&self) -> f64 {
        self.observed / self.covariance(self).max(1.0).sqrt()
    }

    /// Part that two others leave unexplained.
    fn beside(&self, first: &Tally, second: &Tally) -> Tally {
        // a little more than there is, for counts that never vary or vary as one
        let variance = |tally: &Tally| tally.covariance(tally) * (1.0 + 1e-9) + 1e-9;
        let (a, b, c) = (variance(first), first.covariance(second), variance(second));
        let (u, v) = (self.covariance(first), self.covariance(second));
        let slopes = ((u * c - v * b) / (a * c - b * b), (v * a - u * b) / (a * c - b * b));
        let rest = |own: f64, one: f64, two: f64| own - slopes.0 * one - slopes.1 * two;
        Tally {
            observed: rest(self.observed, first.observed, second.observed),
            made: (0..self.made.len()).map(|r| rest(self.made[r], first.made[r], second.made[r])).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{ANNOTATORS, Settings as Simulation, Simulator};

    fn checks(simulation: Simulation, change: impl Fn(&mut crate::probit::study::Count)) -> Vec<Checks> {
        let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
        let mut counts = Simulator::new(simulation).study().0;
        counts.iter_mut().for_each(change);
        let study = Study::new(&names, &counts).unwrap();
        check(&study, &Settings { draws: 100, threads: 2, ..Settings::default() }).unwrap().0
    }

    fn simulation(seed: u64) -> Simulation {
        Simulation { seed, companies: 30, max_observed: 400, ..Simulation::default() }
    }

    #[test]
    fn the_true_model_passes() {
        let mut totals = Vec::new();
        let mut companies = Vec::new();
        for seed in 1..=4 {
            let mut checks = checks(simulation(seed), |_| ());
            let total = checks.pop().unwrap();
            totals.extend([total.patterns.p_value, total.bins.p_value]);
            companies.extend(checks.iter().map(|c| c.patterns.p_value).filter(|p| !p.is_nan()));
        }
        assert!(totals.iter().filter(|p| **p < 0.02).count() <= 1, "{totals:?}");
        let small = companies.iter().filter(|p| **p < 0.05).count() as f64 / companies.len() as f64;
        assert!(small < 0.12, "{small} of the companies below .05");
        let middle = companies.iter().sum::<f64>() / companies.len() as f64;
        assert!((0.35..0.75).contains(&middle), "mean {middle}");
    }

    #[test]
    fn a_wrong_model_fails() {
        // in the companies gpt answers as gemini does, which gold people never showed
        let (gemini, gpt) = (3, 4);
        let checks = checks(simulation(1), |count| {
            if count.truth.is_none() {
                count.yes = count.yes & !(1 << gpt) | (count.yes >> gemini & count.seen >> gpt & 1) << gpt;
            }
        });
        let total = checks.last().unwrap();
        assert!(total.patterns.p_value < 0.02, "{}", total.patterns.p_value);
        let people: u64 = checks[..30].iter().map(|c| c.people).sum();
        assert_eq!(total.people, people);
        let observed: f64 = total.patterns.cells.iter().map(|c| c.observed).sum();
        let expected: f64 = total.patterns.cells.iter().map(|c| c.expected).sum();
        assert_eq!(observed, people as f64);
        assert!((expected - people as f64).abs() < 1e-6);
    }

    /// Counts of patterns of two annotators: (yes, observed, in four replicates).
    fn counts(cells: &[(u32, f64, [f64; 4])]) -> Counts {
        let mut counts = Counts::new(4);
        for &(yes, observed, made) in cells {
            let cell = Cell::Pattern(Pattern { seen: 3, yes });
            counts.observed.insert(cell, observed);
            counts.made.insert(cell, made.to_vec());
        }
        counts
    }

    #[test]
    fn the_annotator_or_pair_furthest_off_is_named() {
        // annotator 0 says yes 80, 120, 80, 120 times: mean 100, variance 1600 / 3; observed 200
        let shifted = counts(&[(0b01, 200.0, [80.0, 120.0, 80.0, 120.0]), (0b10, 100.0, [90.0, 90.0, 110.0, 110.0])]);
        let worst = shifted.worst(2).unwrap();
        assert_eq!((worst.annotator, worst.other), (0, None));
        assert!((worst.z - 100.0 / (1600.0f64 / 3.0).sqrt()).abs() < 1e-9);
        // both: 40, 60, 60, 40, observed 90; annotator 0: 100, 120, 100, 80, observed 110; annotator 1: always 100. The
        // slope on annotator 0 is (400 / 3) / (800 / 3) = 1/2, so 40 - 10/2 are left, of variance 400 / 3 - 200 / 3
        let paired = counts(&[
            (0b11, 90.0, [40.0, 60.0, 60.0, 40.0]),
            (0b01, 20.0, [60.0, 60.0, 40.0, 40.0]),
            (0b10, 10.0, [60.0, 40.0, 40.0, 60.0]),
        ]);
        let worst = paired.worst(2).unwrap();
        assert_eq!((worst.annotator, worst.other), (0, Some(1)));
        assert!((worst.z - 35.0 / (200.0f64 / 3.0).sqrt()).abs() < 1e-6, "{worst:?}");
        assert_eq!(Counts::new(4).worst(0), None);
    }

    #[test]
    fn a_multinomial_keeps_its_people() {
        let mut generator = Stream::new(1, Purpose::Predictive, 0).replicate(0);
        let mut made = [0; 3];
        for _ in 0..200 {
            multinomial(50, &[0.2, 0.5, 0.3], &mut generator, |cell, n| made[cell] += n);
        }
        assert_eq!(made.iter().sum::<u64>(), 10_000);
        for (got, p) in made.iter().zip([0.2, 0.5, 0.3]) {
            assert!((*got as f64 / 10_000.0 - p).abs() < 0.025, "{made:?}");
        }
    }
}

//! Headcounts of experts by company: replicates of weights, model, prevalence and counts.
//!
//! A replicate draws, in this order, how the annotators answer (weights of the rated people), the prevalence
//! of each company, and the number of experts: the people with a known truth as they are, a Binomial for
//! each group of observed people alike, and Binomial(headcount - observed, prevalence) for the people
//! nobody has seen. People are never looped over: a sum of Bernoullis with one probability is a Binomial.
//!
//! The methods differ in the prevalence:
//!
//! * `Company`: one prevalence a company, Jeffreys prior, updated by the company's own labels through bins.
//! * `Pooled`: the same with a logit-normal prior whose mean is linear in log headcount; the
//!   hyperparameters are drawn in each replicate by Gibbs sweeps over all companies.
//! * `Study`: one prevalence from a Beta prior for all companies, never updated (the original study).
//! * `StudyTiers`: the same with a prior by headcount (the original study's program).

use super::bins::{BINS, BinRates, Bins, CrossFit};
use super::model::Model;
use super::prevalence::{Cell, Grid, Points, Prior, draw, invert, log_likelihood, log_prior, posterior};
use super::study::{Company, Pattern, Rated, Study, StudyError};
use super::summary::{Summary, quantile_sorted, summarise};
use crate::parallel;
use crate::random::{Purpose, Stream, beta, binomial, gamma};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::HashMap;

/// How prevalence is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Company,
    Pooled,
    Study,
    StudyTiers,
}

impl Method {
    /// Every method with its name in SQL.
    pub const ALL: [(&'static str, Method); 4] = [
        ("company", Method::Company),
        ("pooled", Method::Pooled),
        ("study", Method::Study),
        ("study_tiers", Method::StudyTiers),
    ];

    /// Whether the model is fitted again in every replicate, as in the original study.
    pub fn refits(self) -> bool {
        matches!(self, Method::Study | Method::StudyTiers)
    }
}

/// Settings of an estimate.
#[derive(Debug, Clone)]
pub struct Settings {
    pub method: Method,
    /// Replicates, at least 1.
    pub draws: usize,
    /// Of the interval, in (0, 1).
    pub level: f64,
    pub seed: u64,
    /// Beta prior of the prevalence; `Study` only.
    pub prior_alpha: f64,
    pub prior_beta: f64,
    /// How much annotators' latent means differ between companies (standard deviation); not with `Study`.
    pub transport_sd: f64,
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            method: Method::Company,
            draws: 1000,
            level: 0.8,
            seed: 42,
            prior_alpha: 2.0,
            prior_beta: 10.0,
            transport_sd: 0.0,
            threads: 1,
        }
    }
}

/// The estimate of one company.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub summary: Summary,
    /// What a company without experts would be given, at most.
    pub detection_floor: f64,
    /// Experts among the headcount, one value a replicate.
    pub draws: Vec<u64>,
}

/// Estimates every company of a study, in the study's order.
///
/// Errors when either class has too few rated people.
pub fn estimate(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    study.require_rated()?;
    if settings.method.refits() { refitted(study, settings) } else { calibrated(study, settings) }
}

/// The prevalence of every company in every replicate, `[company][replicate]`; methods `Company` and `Pooled`.
pub fn prevalences(study: &Study, settings: &Settings) -> Result<Vec<Vec<f64>>, StudyError> {
    study.require_rated()?;
    let plan = Plan::new(study, settings)?;
    Ok(parallel::map(settings.threads, study.companies.len(), |c| {
        (0..settings.draws).map(|r| plan.prevalence(c, r).0).collect()
    }))
}

// ---------------------------------------------------------------- calibrated by bins

/// A group of people of a company: the mask's position, the bin, how many.
#[derive(Debug, Clone, Copy)]
struct Group {
    mask: usize,
    bin: usize,
    count: u64,
}

/// A company ready for its replicates.
struct Prepared {
    groups: Vec<Group>,
    /// People without labels whose truth is not known.
    blank: u64,
    unseen: u64,
    /// Position of each mask in use and the people who have it.
    masks: Vec<(usize, u64)>,
    prevalence: Stream,
    tilt: Stream,
    null: Stream,
    null_tilt: Stream,
}

/// What the replicates of all companies share.
struct Plan<'a> {
    settings: &'a Settings,
    annotators: usize,
    bins: Bins,
    /// `[replicate]`
    weights: Vec<Vec<f64>>,
    /// `[replicate][mask]`
    rates: Vec<Vec<BinRates>>,
    companies: Vec<Prepared>,
    /// `[replicate][company]`; empty for `Company`.
    priors: Vec<Vec<Prior>>,
}

impl<'a> Plan<'a> {
    fn new(study: &Study, settings: &'a Settings) -> Result<Self, StudyError> {
        let annotators = study.annotators.len();
        let fit = CrossFit::new(&study.rated, annotators, settings.threads)?;
        let bins = Bins::new(&fit, study.masks(), settings.seed);
        let replicates = parallel::map(settings.threads, settings.draws, |r| {
            let weights = bins.weights(r as u64);
            let rates: Vec<BinRates> = (0..bins.masks.len())
                .map(|mask| bins.rates(mask, &weights, &bins.pseudo_counts(mask, r as u64)))
                .collect();
            (weights, rates)
        });
        let (weights, rates) = replicates.into_iter().unzip();
        let companies = study.companies.iter().map(|c| Prepared::new(c, &bins, settings.seed)).collect();
        let mut plan = Plan { settings, annotators, bins, weights, rates, companies, priors: Vec::new() };
        if settings.method == Method::Pooled {
            let pool = Pool::new(study);
            plan.priors = parallel::map(settings.threads, settings.draws, |r| pool.priors(&plan, r));
        }
        Ok(plan)
    }

    /// Bin rates of the masks of a company in a replicate, in the order of its `masks`.
    fn rates(&self, company: &Prepared, replicate: usize, tilt: &Stream) -> Vec<BinRates> {
        if self.settings.transport_sd == 0.0 {
            return company.masks.iter().map(|(mask, _)| self.rates[replicate][*mask]).collect();
        }
        let mut generator = tilt.replicate(replicate as u64);
        let weights =
            self.bins.tilt(&self.weights[replicate], self.annotators, self.settings.transport_sd, &mut generator);
        company
            .masks
            .iter()
            .map(|(mask, _)| self.bins.rates(*mask, &weights, &self.bins.pseudo_counts(*mask, replicate as u64)))
            .collect()
    }

    fn prior(&self, company: usize, replicate: usize) -> Prior {
        if self.priors.is_empty() { Prior::Jeffreys } else { self.priors[replicate][company] }
    }

    /// Prevalence, the cells behind it and the generator to go on with.
    fn prevalence(&self, company: usize, replicate: usize) -> (f64, Vec<Cell>, ChaCha8Rng) {
        let prepared = &self.companies[company];
        let rates = self.rates(prepared, replicate, &prepared.tilt);
        let cells = prepared.cells(&rates);
        let mut generator = prepared.prevalence.replicate(replicate as u64);
        let pi = draw(&cells, self.prior(company, replicate), &mut generator);
        (pi, cells, generator)
    }

    /// Experts among the people whose truth is not known, seen and unseen.
    fn experts(&self, company: usize, replicate: usize) -> u64 {
        let prepared = &self.companies[company];
        let (pi, cells, mut generator) = self.prevalence(company, replicate);
        count(&cells, pi, &mut generator) + binomial(prepared.blank + prepared.unseen, pi, &mut generator)
    }

    /// Experts that the observed people would be given if none of them were one: their labels are drawn
    /// from another replicate's rates of non-experts, so the doubt about these is part of it.
    fn false_experts(&self, company: usize, replicate: usize) -> u64 {
        let prepared = &self.companies[company];
        let other = (replicate + self.settings.draws / 2) % self.settings.draws;
        let truth = self.rates(prepared, other, &prepared.null_tilt);
        let believed = self.rates(prepared, replicate, &prepared.tilt);
        let mut generator = prepared.null.replicate(replicate as u64);
        let mut cells = Vec::with_capacity(prepared.masks.len() * BINS);
        for ((truth, believed), (_, people)) in truth.iter().zip(&believed).zip(&prepared.masks) {
            let (mut left, mut mass) = (*people, 1.0);
            for bin in 0..BINS {
                let p = truth[bin][0];
                let n = if bin + 1 == BINS { left } else { binomial(left, p / mass, &mut generator) };
                left -= n;
                mass -= p;
                if n > 0 {
                    cells.push(cell(&believed[bin], n));
                }
            }
        }
        let pi = draw(&cells, self.prior(company, replicate), &mut generator);
        count(&cells, pi, &mut generator) + binomial(prepared.blank, pi, &mut generator)
    }
}

impl Prepared {
    fn new(company: &Company, bins: &Bins, seed: u64) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut masks: Vec<(usize, u64)> = Vec::new();
        let mut blank = 0;
        for &(pattern, count) in &company.people {
            let Some(mask) = bins.mask_index(pattern.seen) else {
                blank += count;
                continue;
            };
            let bin = bins.person_bin(mask, pattern);
            match groups.iter_mut().find(|g| g.mask == mask && g.bin == bin) {
                Some(group) => group.count += count,
                None => groups.push(Group { mask, bin, count }),
            }
            match masks.iter_mut().find(|(m, _)| *m == mask) {
                Some((_, people)) => *people += count,
                None => masks.push((mask, count)),
            }
        }
        groups.sort_unstable_by_key(|g| (g.mask, g.bin));
        masks.sort_unstable();
        let stream = |purpose| Stream::named(seed, purpose, &company.name);
        Prepared {
            groups,
            blank,
            unseen: company.headcount - company.observed,
            masks,
            prevalence: stream(Purpose::Company),
            tilt: stream(Purpose::Tilt),
            null: stream(Purpose::Null),
            null_tilt: stream(Purpose::NullTilt),
        }
    }

    /// The groups with their likelihood ratios under the rates of the company's masks.
    fn cells(&self, rates: &[BinRates]) -> Vec<Cell> {
        let mut at = 0;
        self.groups
            .iter()
            .map(|group| {
                while self.masks[at].0 != group.mask {
                    at += 1;
                }
                cell(&rates[at][group.bin], group.count)
            })
            .collect()
    }
}

fn cell(rates: &[f64; 2], count: u64) -> Cell {
    Cell {
        // a bin no weight fell into has pseudo-counts only, which may vanish
        ratio: rates[1].max(1e-300) / rates[0].max(1e-300),
        count: count as f64,
    }
}

fn count(cells: &[Cell], pi: f64, generator: &mut ChaCha8Rng) -> u64 {
    cells.iter().map(|cell| binomial(cell.count as u64, posterior(pi, cell.ratio), generator)).sum()
}

fn calibrated(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    let plan = Plan::new(study, settings)?;
    Ok(parallel::map(settings.threads, study.companies.len(), |c| {
        let company = &study.companies[c];
        let draws = (0..settings.draws).map(|r| company.rated_experts + plan.experts(c, r)).collect();
        let null = (0..settings.draws).map(|r| plan.false_experts(c, r) as f64).collect();
        finish(company, draws, null, settings)
    }))
}

fn finish(company: &Company, draws: Vec<u64>, mut null: Vec<f64>, settings: &Settings) -> Estimate {
    let values: Vec<f64> = draws.iter().map(|d| *d as f64).collect();
    null.sort_unstable_by(f64::total_cmp);
    let scale = company.headcount as f64 / company.observed as f64;
    Estimate {
        summary: summarise(&values, settings.level),
        detection_floor: quantile_sorted(&null, 0.5 * (1.0 + settings.level)) * scale,
        draws,
    }
}

// ---------------------------------------------------------------- pooled prior

/// Gibbs sweeps from the same start in every replicate.
const SWEEPS: usize = 24;

/// The hyperprior: intercept (at the mean log headcount) and slope are normal, the variance inverse gamma.
const INTERCEPT: (f64, f64) = (-3.0, 3.0);
const SLOPE_SD: f64 = 1.0;
const VARIANCE: (f64, f64) = (1.0, 0.5);

/// Log headcounts of the companies, about their mean.
struct Pool {
    size: Vec<f64>,
}

impl Pool {
    fn new(study: &Study) -> Self {
        let logs: Vec<f64> = study.companies.iter().map(|c| (c.headcount.max(1) as f64).ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        Pool { size: logs.iter().map(|x| x - mean).collect() }
    }

    /// The prior of each company under hyperparameters drawn in a replicate.
    fn priors(&self, plan: &Plan, replicate: usize) -> Vec<Prior> {
        let mut generator = Stream::new(plan.settings.seed, Purpose::Shared, 0).replicate(replicate as u64);
        let grid = Grid::whole();
        let likelihoods: Vec<Points> = plan
            .companies
            .iter()
            .map(|company| {
                let rates = plan.rates(company, replicate, &company.tilt);
                log_likelihood(&company.cells(&rates), &grid.pi)
            })
            .collect();
        let (mut intercept, mut slope, mut variance) = (INTERCEPT.0, 0.0, 2.0f64);
        for _ in 0..SWEEPS {
            let logits: Vec<f64> = likelihoods
                .iter()
                .zip(&self.size)
                .map(|(likelihood, size)| {
                    let prior = Prior::LogitNormal { mean: intercept + slope * size, sd: variance.sqrt() };
                    let mut density = log_prior(prior, grid);
                    for (value, l) in density.iter_mut().zip(likelihood) {
                        *value += l;
                    }
                    invert(grid, &density, generator.random())
                })
                .collect();
            (intercept, slope) = self.line(&logits, variance, &mut generator);
            let squares: f64 =
                logits.iter().zip(&self.size).map(|(x, size)| (x - intercept - slope * size).powi(2)).sum();
            let shape = VARIANCE.0 + 0.5 * logits.len() as f64;
            variance = (VARIANCE.1 + 0.5 * squares) / gamma(shape, &mut generator);
        }
        let sd = variance.sqrt();
        self.size.iter().map(|size| Prior::LogitNormal { mean: intercept + slope * size, sd }).collect()
    }

    /// Intercept and slope from their normal posterior given the logits and the variance about the line.
    fn line(&self, logits: &[f64], variance: f64, generator: &mut ChaCha8Rng) -> (f64, f64) {
        let sum = |f: &dyn Fn(f64, f64) -> f64| logits.iter().zip(&self.size).map(|(x, s)| f(*x, *s)).sum::<f64>();
        // precision matrix [a b; b c] and its right-hand side
        let a = logits.len() as f64 / variance + 1.0 / INTERCEPT.1.powi(2);
        let b = sum(&|_, s| s) / variance;
        let c = sum(&|_, s| s * s) / variance + 1.0 / SLOPE_SD.powi(2);
        let u = sum(&|x, _| x) / variance + INTERCEPT.0 / INTERCEPT.1.powi(2);
        let v = sum(&|x, s| x * s) / variance;
        let determinant = a * c - b * b;
        let mean = ((c * u - b * v) / determinant, (a * v - b * u) / determinant);
        let z: [f64; 2] = [StandardNormal.sample(generator), StandardNormal.sample(generator)];
        // covariance = inverse precision; its Cholesky factor by hand
        let (s11, s12, s22) = (c / determinant, -b / determinant, a / determinant);
        let l11 = s11.sqrt();
        let l21 = s12 / l11;
        let l22 = (s22 - l21 * l21).max(0.0).sqrt();
        (mean.0 + l11 * z[0], mean.1 + l21 * z[0] + l22 * z[1])
    }
}

// ---------------------------------------------------------------- the original study's methods

/// Beta priors of the study's program: headcount below, alpha, beta.
const TIERS: [(u64, f64, f64); 4] =
    [(100, 2.415889, 21.742998), (1000, 3.001591, 57.030237), (10000, 1.563834, 154.819604), (u64::MAX, 1.0, 999.0)];

/// One replicate's model: log likelihood ratios by mask, and non-experts' probabilities.
struct Refit {
    ratios: HashMap<u32, Vec<f64>>,
    others: HashMap<u32, Vec<f64>>,
}

impl Refit {
    fn new(study: &Study, masks: &[u32], seed: u64, replicate: usize) -> Result<Self, StudyError> {
        let weights = resample(&study.rated, seed, replicate);
        let model = Model::fit(&study.rated, &weights, study.annotators.len())?;
        Ok(Refit {
            ratios: masks.iter().map(|&m| (m, model.log_ratios(m))).collect(),
            others: masks.iter().map(|&m| (m, model.other.log_probabilities(m))).collect(),
        })
    }

    fn posterior(&self, pattern: Pattern, pi: f64) -> f64 {
        self.ratios.get(&pattern.seen).map_or(pi, |r| posterior(pi, r[pattern.yes as usize].exp()))
    }

    /// Mean posterior of non-experts with the labels of a mask.
    fn null_posterior(&self, mask: u32, pi: f64) -> f64 {
        let Some(others) = self.others.get(&mask) else {
            return pi;
        };
        // subsets of the mask, in increasing order
        let (mut yes, mut sum) = (0u32, 0.0);
        loop {
            sum += others[yes as usize].exp() * self.posterior(Pattern { seen: mask, yes }, pi);
            yes = yes.wrapping_sub(mask) & mask;
            if yes == 0 {
                return sum;
            }
        }
    }
}

/// Rated people drawn with replacement inside each class, as counts of the rows.
fn resample(rated: &[Rated], seed: u64, replicate: usize) -> Vec<f64> {
    let mut generator = Stream::new(seed, Purpose::Weights, 1).replicate(replicate as u64);
    let mut weights = vec![0.0; rated.len()];
    for class in [false, true] {
        let mut left: u64 = rated.iter().filter(|r| r.truth == class).map(|r| r.count).sum();
        let mut people = left;
        for (row, weight) in rated.iter().zip(&mut weights).filter(|(r, _)| r.truth == class) {
            let n = binomial(left, row.count as f64 / people as f64, &mut generator);
            *weight = n as f64;
            left -= n;
            people -= row.count;
        }
    }
    weights
}

fn refitted(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    let masks = study.masks();
    let streams: Vec<[Stream; 2]> = study
        .companies
        .iter()
        .map(|c| [Purpose::Company, Purpose::Null].map(|purpose| Stream::named(settings.seed, purpose, &c.name)))
        .collect();
    // [replicate][company]: experts, and those a company without any would be given
    let replicates = parallel::map(settings.threads, settings.draws, |r| {
        let refit = Refit::new(study, &masks, settings.seed, r)?;
        let mut shared = Stream::new(settings.seed, Purpose::Shared, 0).replicate(r as u64);
        let common = beta(settings.prior_alpha, settings.prior_beta, &mut shared);
        let counts = study.companies.iter().zip(&streams).map(|(company, [stream, null])| {
            let mut generator = stream.replicate(r as u64);
            let pi = if settings.method == Method::Study {
                common
            } else {
                let (_, a, b) = TIERS.iter().find(|t| company.headcount < t.0).unwrap_or(&TIERS[3]);
                beta(*a, *b, &mut generator)
            };
            let people = company.observed - company.rated;
            let mean = |p: &dyn Fn(Pattern) -> f64| {
                let sum: f64 = company.people.iter().map(|(pattern, n)| *n as f64 * p(*pattern)).sum();
                if people == 0 { pi } else { sum / people as f64 }
            };
            let share = mean(&|pattern| refit.posterior(pattern, pi));
            let seen = binomial(people, share, &mut generator);
            // the study scales the observed people to the headcount; its prior says nothing of the others
            let unseen = binomial(company.headcount - company.observed, share, &mut generator);
            let expected = mean(&|pattern| refit.null_posterior(pattern.seen, pi));
            let null = binomial(people, expected, &mut null.replicate(r as u64));
            (company.rated_experts + seen + unseen, null as f64)
        });
        Ok(counts.collect::<Vec<_>>())
    });
    let replicates = replicates.into_iter().collect::<Result<Vec<_>, StudyError>>()?;
    Ok(parallel::map(settings.threads, study.companies.len(), |c| {
        let (draws, null) = replicates.iter().map(|row| row[c]).unzip();
        finish(&study.companies[c], draws, null, settings)
    }))
}

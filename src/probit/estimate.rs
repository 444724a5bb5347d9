//! Headcounts of experts by company: replicates of weights, model, prevalence and counts.
//!
//! A replicate draws, in this order, how the annotators answer (weights of the gold people), the prevalence
//! of each company, and the number of experts: the people with a known truth as they are, a Binomial for
//! each group of observed people alike, and Binomial(headcount - observed, prevalence) for the people
//! nobody has seen. People are never looped over: a sum of Bernoullis with one probability is a Binomial.
//!
//! The methods differ in the prevalence:
//!
//! * `Company`: one prevalence a company, Jeffreys prior, updated by the company's own labels through bins.
//! * `Hierarchical`: the same with a logit-normal prior whose mean is linear in log headcount; the
//!   hyperparameters are drawn in each replicate by Gibbs sweeps over all companies (`pool`).
//! * `Original`: one prevalence from a Beta prior for all companies, never updated (the original study).
//! * `OriginalBySize`: the same with a prior by headcount (the original study's program). Both in `refit`.

mod pool;
mod refit;
#[cfg(test)]
mod tests;

use super::bins::{BINS, BinRates, Bins, CrossFit};
use super::prevalence::{Cell, Prior, RatioTable, draw, posterior};
use super::study::{Company, Study, StudyError};
use super::summary::{Summary, quantile_sorted, summarise};
use crate::parallel;
use crate::random::{Purpose, Stream, binomial};
use pool::{Hyperparameters, Pool};
use rand_chacha::ChaCha8Rng;

/// How prevalence is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Company,
    Hierarchical,
    Original,
    OriginalBySize,
}

impl Method {
    /// Every method with its name in SQL.
    pub const ALL: [(&'static str, Method); 4] = [
        ("company", Method::Company),
        ("hierarchical", Method::Hierarchical),
        ("original", Method::Original),
        ("original_by_size", Method::OriginalBySize),
    ];

    /// Whether the model is fitted again in every replicate, as in the original study.
    pub fn refits(self) -> bool {
        matches!(self, Method::Original | Method::OriginalBySize)
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
    /// Beta prior of the prevalence; `Original` only.
    pub prior_alpha: f64,
    pub prior_beta: f64,
    /// How much annotators' latent means differ between companies (standard deviation); not with `Original`.
    pub drift_sd: f64,
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
            drift_sd: 0.0,
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
/// Errors when either class has too few gold people.
pub fn estimate(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    study.require_gold()?;
    if settings.method.refits() {
        refit::estimate(study, settings)
    } else {
        Plan::new(study, settings)?.estimate(study)
    }
}

/// The prevalence of every company in every replicate, `[company][replicate]`; methods `Company` and `Hierarchical`.
pub fn prevalences(study: &Study, settings: &Settings) -> Result<Vec<Vec<f64>>, StudyError> {
    study.require_gold()?;
    let plan = Plan::new(study, settings)?;
    by_company(
        settings,
        study.companies.len(),
        |r| Ok(plan.replicate(r)),
        |replicate, c| {
            plan.enter(replicate, c);
            plan.prevalence(replicate, c).0
        },
        |_, draws| draws,
    )
}

/// Most draws held by replicate at a time.
const HELD: usize = 1 << 22;

/// One result a company, finished from its draws in all replicates.
///
/// `start` prepares a replicate for all companies, `draw` draws a company in it. Both may be called
/// more than once: companies are taken in blocks, so that the memory does not grow with them.
fn by_company<R, T: Copy + Send + Sync, U: Send>(
    settings: &Settings,
    companies: usize,
    start: impl Fn(usize) -> Result<R, StudyError> + Sync,
    draw: impl Fn(&mut R, usize) -> T + Sync,
    finish: impl Fn(usize, Vec<T>) -> U + Sync,
) -> Result<Vec<U>, StudyError> {
    let size = (HELD / settings.draws).max(1);
    let mut finished = Vec::with_capacity(companies);
    for first in (0..companies).step_by(size) {
        let block = first..companies.min(first + size);
        let rows = parallel::map(settings.threads, settings.draws, |r| {
            let mut replicate = start(r)?;
            Ok(block.clone().map(|c| draw(&mut replicate, c)).collect())
        });
        let rows = rows.into_iter().collect::<Result<Vec<Vec<T>>, StudyError>>()?;
        finished.extend(parallel::map(settings.threads, block.len(), |at| {
            finish(first + at, rows.iter().map(|row| row[at]).collect())
        }));
    }
    Ok(finished)
}

/// Draws of a company in one replicate.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    /// Experts among the people whose truth is not known, seen and unseen.
    experts: u64,
    /// Experts that the observed people would be given if none of them were one.
    false_experts: u64,
}

fn finish(company: &Company, drawn: &[Drawn], level: f64) -> Estimate {
    let draws: Vec<u64> = drawn.iter().map(|d| company.gold_experts + d.experts).collect();
    let values: Vec<f64> = draws.iter().map(|d| *d as f64).collect();
    let mut floor: Vec<f64> = drawn.iter().map(|d| d.false_experts as f64).collect();
    floor.sort_unstable_by(f64::total_cmp);
    let scale = company.headcount as f64 / company.observed as f64;
    Estimate {
        summary: summarise(&values, level),
        detection_floor: quantile_sorted(&floor, 0.5 * (1.0 + level)) * scale,
        draws,
    }
}

/// A company ready for its replicates.
struct Prepared {
    /// The people with labels; the row of a bin is that of [`row`].
    cells: Vec<Cell>,
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

/// Where the likelihood ratio of a bin of the mask at `mask` stands.
fn row(mask: usize, bin: usize) -> usize {
    mask * BINS + bin
}

impl Prepared {
    fn new(company: &Company, bins: &Bins, seed: u64) -> Self {
        let mut cells: Vec<Cell> = Vec::new();
        let mut masks: Vec<(usize, u64)> = Vec::new();
        let mut blank = 0;
        for &(pattern, count) in &company.people {
            let Some(mask) = bins.mask_index(pattern.seen) else {
                blank += count;
                continue;
            };
            let row = row(mask, bins.person_bin(mask, pattern));
            match cells.iter_mut().find(|cell| cell.row == row) {
                Some(cell) => cell.count += count,
                None => cells.push(Cell { row, count }),
            }
            match masks.last_mut() {
                // people are sorted by their masks
                Some((last, people)) if *last == mask => *people += count,
                _ => masks.push((mask, count)),
            }
        }
        cells.sort_unstable_by_key(|cell| cell.row);
        let stream = |purpose| Stream::named(seed, purpose, &company.name);
        Prepared {
            cells,
            blank,
            unseen: company.headcount - company.observed,
            masks,
            prevalence: stream(Purpose::Company),
            tilt: stream(Purpose::Tilt),
            null: stream(Purpose::Null),
            null_tilt: stream(Purpose::NullTilt),
        }
    }
}

/// What the replicates of all companies share.
struct Plan<'a> {
    settings: &'a Settings,
    bins: Bins,
    /// `[replicate][mask]`
    rates: Vec<Vec<BinRates>>,
    /// What `rates` were made of, `[replicate]`; kept where companies tilt them.
    sources: Vec<Source>,
    companies: Vec<Prepared>,
    pool: Pool,
    /// `[replicate]`; empty for `Company`.
    hyperparameters: Vec<Hyperparameters>,
}

/// Weights of the gold people and pseudo-counts `[mask]` of one replicate.
struct Source {
    weights: Vec<f64>,
    pseudo_counts: Vec<BinRates>,
}

impl Source {
    fn new(bins: &Bins, replicate: usize) -> Self {
        Source {
            weights: bins.weights(replicate as u64),
            pseudo_counts: (0..bins.masks.len()).map(|mask| bins.pseudo_counts(mask, replicate as u64)).collect(),
        }
    }

    fn rates(&self, bins: &Bins) -> Vec<BinRates> {
        self.pseudo_counts.iter().enumerate().map(|(mask, pseudo)| bins.rates(mask, &self.weights, pseudo)).collect()
    }
}

/// One replicate of a plan; with drift, as the company last entered sees it.
struct Replicate {
    number: usize,
    /// What the annotators are believed to be like.
    table: RatioTable,
    /// `[mask]`: how the labels of a company without experts come about. From another replicate, so that the
    /// doubt about the annotators is part of its count.
    null_rates: Vec<BinRates>,
    /// Room for the cells of a company without experts.
    null_cells: Vec<Cell>,
}

impl Replicate {
    fn believe(&mut self, mask: usize, rates: &BinRates) {
        for (bin, rates) in rates.iter().enumerate() {
            // a bin no weight fell into has pseudo-counts only, which may vanish
            self.table.set(row(mask, bin), rates[1].max(1e-300) / rates[0].max(1e-300));
        }
    }
}

impl<'a> Plan<'a> {
    fn new(study: &Study, settings: &'a Settings) -> Result<Self, StudyError> {
        let fit = CrossFit::new(&study.gold, study.annotators.len(), settings.threads)?;
        Ok(Plan::of(Bins::new(&fit, study.masks(), settings.seed), study, settings))
    }

    /// The plan of bins that are there already.
    fn of(bins: Bins, study: &Study, settings: &'a Settings) -> Self {
        let tilted = settings.drift_sd != 0.0;
        let replicates = parallel::map(settings.threads, settings.draws, |r| {
            let source = Source::new(&bins, r);
            (source.rates(&bins), tilted.then_some(source))
        });
        let (rates, sources): (Vec<_>, Vec<_>) = replicates.into_iter().unzip();
        let mut plan = Plan {
            settings,
            rates,
            sources: sources.into_iter().flatten().collect(),
            companies: study.companies.iter().map(|c| Prepared::new(c, &bins, settings.seed)).collect(),
            bins,
            pool: Pool::new(study),
            hyperparameters: Vec::new(),
        };
        if settings.method == Method::Hierarchical {
            plan.hyperparameters = parallel::map(settings.threads, settings.draws, |r| plan.pool.draw(&plan, r));
        }
        plan
    }

    fn estimate(&self, study: &Study) -> Result<Vec<Estimate>, StudyError> {
        by_company(
            self.settings,
            self.companies.len(),
            |r| Ok(self.replicate(r)),
            |replicate, c| {
                self.enter(replicate, c);
                Drawn { experts: self.experts(replicate, c), false_experts: self.false_experts(replicate, c) }
            },
            |c, drawn| finish(&study.companies[c], &drawn, self.settings.level),
        )
    }

    fn replicate(&self, number: usize) -> Replicate {
        let mut replicate = Replicate {
            number,
            table: RatioTable::new(self.bins.masks.len() * BINS),
            null_rates: self.rates[self.other(number)].clone(),
            null_cells: Vec::new(),
        };
        for (mask, rates) in self.rates[number].iter().enumerate() {
            replicate.believe(mask, rates);
        }
        replicate
    }

    /// The replicate that the labels of companies without experts come from.
    fn other(&self, replicate: usize) -> usize {
        (replicate + self.settings.draws / 2) % self.settings.draws
    }

    /// Tilts the rates of the company's masks, where annotators differ between companies.
    fn enter(&self, replicate: &mut Replicate, company: usize) {
        if self.sources.is_empty() {
            return;
        }
        let prepared = &self.companies[company];
        let tilted = |number: usize, tilt: &Stream| {
            let source = &self.sources[number];
            let mut generator = tilt.replicate(replicate.number as u64);
            self.bins.tilt(&source.weights, self.settings.drift_sd, &mut generator)
        };
        let believed = tilted(replicate.number, &prepared.tilt);
        let null = tilted(self.other(replicate.number), &prepared.null_tilt);
        for &(mask, _) in &prepared.masks {
            let pseudo_counts = |number: usize| &self.sources[number].pseudo_counts[mask];
            let rates = self.bins.rates(mask, &believed, pseudo_counts(replicate.number));
            replicate.believe(mask, &rates);
            replicate.null_rates[mask] = self.bins.rates(mask, &null, pseudo_counts(self.other(replicate.number)));
        }
    }

    fn prior(&self, replicate: &Replicate, company: usize) -> Prior {
        match self.hyperparameters.get(replicate.number) {
            Some(hyperparameters) => self.pool.prior(hyperparameters, company),
            None => Prior::Jeffreys,
        }
    }

    /// Prevalence, and the generator to go on with.
    fn prevalence(&self, replicate: &Replicate, company: usize) -> (f64, ChaCha8Rng) {
        let prepared = &self.companies[company];
        let mut generator = prepared.prevalence.replicate(replicate.number as u64);
        let prior = self.prior(replicate, company);
        (draw(&replicate.table, &prepared.cells, prior, &mut generator), generator)
    }

    fn experts(&self, replicate: &Replicate, company: usize) -> u64 {
        let prepared = &self.companies[company];
        let (pi, mut generator) = self.prevalence(replicate, company);
        count(&replicate.table, &prepared.cells, pi, &mut generator)
            + binomial(prepared.blank + prepared.unseen, pi, &mut generator)
    }

    fn false_experts(&self, replicate: &mut Replicate, company: usize) -> u64 {
        let prepared = &self.companies[company];
        let mut generator = prepared.null.replicate(replicate.number as u64);
        replicate.null_cells.clear();
        for &(mask, people) in &prepared.masks {
            let (mut left, mut mass) = (people, 1.0);
            for (bin, rates) in replicate.null_rates[mask].iter().enumerate() {
                let count = if bin + 1 == BINS { left } else { binomial(left, rates[0] / mass, &mut generator) };
                left -= count;
                mass -= rates[0];
                if count > 0 {
                    replicate.null_cells.push(Cell { row: row(mask, bin), count });
                }
            }
        }
        let pi = draw(&replicate.table, &replicate.null_cells, self.prior(replicate, company), &mut generator);
        count(&replicate.table, &replicate.null_cells, pi, &mut generator)
            + binomial(prepared.blank, pi, &mut generator)
    }
}

/// Experts among the people of the cells at prevalence `pi`.
fn count(table: &RatioTable, cells: &[Cell], pi: f64, generator: &mut ChaCha8Rng) -> u64 {
    cells.iter().map(|cell| binomial(cell.count, posterior(pi, table.ratio(cell.row)), generator)).sum()
}

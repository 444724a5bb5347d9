//! Replicates of all companies, and the estimates made of them.

use super::settings::Settings;
use crate::parallel;
use crate::probit::study::{Company, StudyError};
use crate::progress;
use crate::stats::quantile;
use crate::stats::summary::{Summary, summarise_counts};

/// Maximum number of draws held by replicate at a time, if a draw is a pair of numbers.
pub(super) const HELD: usize = 1 << 22;

/// Estimate of one company.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub summary: Summary,
    /// Limit of blank: the upper limit, at the interval's level, of the estimate of a company without experts.
    pub detection_floor: f64,
    /// Experts among the headcount, one value a replicate.
    pub draws: Vec<u64>,
    /// Whether chains have mixed; replicates that do not depend on each other always have.
    pub converged: bool,
    /// Share of replicates in whose common rates some prevalence explains the people of companies; 1 where nobody looked.
    pub explained: f64,
}

impl Estimate {
    /// The estimate of a company from its draws in all replicates: experts among the people who are not gold, seen and unseen,
    /// and those that the observed people would be given if none of them were one.
    ///
    /// The detection floor is the *limit of blank* of clinical chemistry (Armbruster & Pry 2008, Clinical Biochemist
    /// Reviews 29 Suppl 1, S49-52; CLSI guideline EP17): a quantile of what is measured where there is nothing. Here the
    /// blanks are the replicates' false experts, scaled from the people observed to the headcount, and the quantile
    /// is at (1 + level) / 2.
    pub(super) fn new(company: &Company, drawn: impl Iterator<Item = (u64, u64)>, level: f64) -> Self {
        let (mut draws, blanks): (Vec<u64>, Vec<u64>) = drawn.unzip();
        draws.iter_mut().for_each(|experts| *experts += company.gold_experts);
        let values: Vec<f64> = draws.iter().map(|d| *d as f64).collect();
        let mut blanks: Vec<f64> = blanks.iter().map(|d| *d as f64).collect();
        blanks.sort_unstable_by(f64::total_cmp);
        let scale = company.headcount as f64 / company.observed as f64;
        Estimate {
            summary: summarise_counts(&values, level),
            detection_floor: quantile::of_whole(quantile::of_sorted(&blanks, 0.5 * (1.0 + level)) * scale),
            draws,
            converged: true,
            explained: 1.0,
        }
    }
}

/// Results of all companies, each reduced from its draws in all replicates.
///
/// `start` makes a replicate for all companies, `draw` draws a company in it. Both may be called
/// more than once: companies are taken in blocks, so that the memory does not grow with them.
///
/// # Errors
///
/// The first error of `start`.
pub(super) fn by_company<R, T: Copy + Send + Sync, U: Send>(
    settings: &Settings,
    companies: usize,
    start: impl Fn(usize) -> Result<R, StudyError> + Sync,
    draw: impl Fn(&mut R, usize) -> T + Sync,
    reduce: impl Fn(usize, Vec<T>) -> U + Sync,
) -> Result<Vec<U>, StudyError> {
    // as many bytes whatever is drawn
    let size = (HELD * size_of::<(u64, u64)>() / size_of::<T>().max(1) / settings.draws).max(1);
    let mut reduced = Vec::with_capacity(companies);
    let steps = progress::steps("replicates", companies.div_ceil(size) * settings.draws);
    for first in (0..companies).step_by(size) {
        let block = first..companies.min(first + size);
        let rows = parallel::map(settings.threads, settings.draws, |r| {
            let mut replicate = start(r)?;
            let row = block.clone().map(|c| draw(&mut replicate, c)).collect();
            steps.tick();
            Ok(row)
        });
        let rows = rows.into_iter().collect::<Result<Vec<Vec<T>>, StudyError>>()?;
        reduced.extend(parallel::map(settings.threads, block.len(), |at| {
            reduce(first + at, rows.iter().map(|row| row[at]).collect())
        }));
    }
    Ok(reduced)
}

//! Draws of a company's prevalence from its posterior.
//!
//! People with the same labels fall into a bin with likelihood ratio L; a company's log likelihood is
//! sum n ln(1 + pi (L - 1)). It is evaluated on a grid of logits and sampled by inverting the
//! piecewise linear density between the points. Where the posterior is narrow against the
//! spacing, the grid is laid again over the part that carries the mass, so the grid never shows.
//!
//! Many companies share a likelihood ratio: its logarithms on the grid are kept in a table, and a company's
//! log likelihood is a weighted sum of its rows.

use crate::stats::logistic::{logistic, logit};
use crate::stats::normal::{exp, ln};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Number of points of the grid, a multiple of [`LANES`].
pub(crate) const POINTS: usize = 72;

const LANES: usize = 8;
const BLOCKS: usize = POINTS / LANES;

/// Range of the prevalence.
pub(crate) const LOWEST: f64 = 1e-5;
pub(crate) const HIGHEST: f64 = 0.95;

/// Distance of the log posterior below its maximum from which on it carries no mass worth having.
const NEGLIGIBLE: f64 = 18.0;

/// Minimum number of points that the mass may lie on.
const ENOUGH: usize = 24;

/// Values at the points of a grid.
pub(crate) type Points = [f64; POINTS];

/// Grid of logits from `low` to `high`, and their prevalences.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    step: f64,
    logit: Points,
    pi: Points,
    /// Log density of the logit under the Jeffreys prior Beta(1/2, 1/2), cut to the range, up to a constant.
    jeffreys: Points,
}

impl Grid {
    fn new(low: f64, high: f64) -> Self {
        let step = (high - low) / (POINTS - 1) as f64;
        let logit: Points = std::array::from_fn(|g| low + g as f64 * step);
        let pi = logit.map(logistic);
        Grid { step, logit, pi, jeffreys: pi.map(|p| 0.5 * ln(p * (1.0 - p))) }
    }

    /// The grid over the whole range.
    pub(crate) fn whole() -> &'static Grid {
        static WHOLE: std::sync::OnceLock<Grid> = std::sync::OnceLock::new();
        WHOLE.get_or_init(|| Grid::new(logit(LOWEST), logit(HIGHEST)))
    }
}

/// Probability that a person with likelihood ratio `ratio` is an expert at prevalence `pi`.
#[inline(always)]
pub(crate) fn posterior(pi: f64, ratio: f64) -> f64 {
    let odds = pi * ratio;
    odds / (odds + (1.0 - pi))
}

/// Group of `count` people whose likelihood ratio stands in a row of a [`RatioTable`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Group {
    pub(crate) row: usize,
    pub(crate) count: u64,
    /// How many of them speak about the prevalence.
    pub(crate) voices: f64,
}

impl Group {
    /// People who all speak.
    pub(crate) fn new(row: usize, count: u64) -> Self {
        Group { row, count, voices: count as f64 }
    }
}

/// Likelihood ratios (expert : non-expert), each with its ln(1 + pi (L - 1)) on the whole grid.
#[derive(Debug, Clone)]
pub(crate) struct RatioTable {
    ratios: Vec<f64>,
    logs: Vec<Points>,
}

impl RatioTable {
    /// Table whose ratios are all 1.
    pub(crate) fn new(rows: usize) -> Self {
        RatioTable { ratios: vec![1.0; rows], logs: vec![[0.0; POINTS]; rows] }
    }

    /// Sets the ratio of a row, positive and finite.
    pub(crate) fn set(&mut self, row: usize, ratio: f64) {
        self.ratios[row] = ratio;
        self.logs[row] = pulp::Arch::new().dispatch(Logs { ratio, pi: &Grid::whole().pi });
    }

    /// The ratio of a row.
    pub(crate) fn ratio(&self, row: usize) -> f64 {
        self.ratios[row]
    }

    /// Log likelihood of the groups at the points of the whole grid.
    fn log_likelihood(&self, groups: &[Group]) -> Points {
        pulp::Arch::new().dispatch(WeightedSum { logs: &self.logs, groups })
    }

    fn log_likelihood_on(&self, grid: &Grid, groups: &[Group]) -> Points {
        let mut sum = [0.0; POINTS];
        for group in groups {
            let logs = pulp::Arch::new().dispatch(Logs { ratio: self.ratios[group.row], pi: &grid.pi });
            for (sum, log) in sum.iter_mut().zip(&logs) {
                *sum += group.voices * log;
            }
        }
        sum
    }
}

/// ln(1 + pi (ratio - 1)) at the points of a grid.
struct Logs<'a> {
    ratio: f64,
    pi: &'a Points,
}

impl pulp::WithSimd for Logs<'_> {
    type Output = Points;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Points {
        let excess = self.ratio - 1.0;
        let mut out = [0.0; POINTS];
        for g in 0..POINTS {
            out[g] = ln(1.0 + self.pi[g] * excess);
        }
        out
    }
}

/// Sum of the logs of groups, each times its count.
struct WeightedSum<'a> {
    logs: &'a [Points],
    groups: &'a [Group],
}

impl pulp::WithSimd for WeightedSum<'_> {
    type Output = Points;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Points {
        let mut sum = [0.0; POINTS];
        for group in self.groups {
            let count = group.voices;
            let logs = &self.logs[group.row];
            for g in 0..POINTS {
                sum[g] += count * logs[g];
            }
        }
        sum
    }
}

/// Inversion of a posterior on a grid; `u` picks the quantile to draw.
struct Inversion<'a> {
    grid: &'a Grid,
    log_likelihood: &'a Points,
    u: f64,
}

/// Outcome of an inversion.
enum Inverted {
    Logit(f64),
    /// The mass lies between these logits, on too few points.
    Narrow(f64, f64),
}

impl pulp::WithSimd for Inversion<'_> {
    type Output = Inverted;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Inverted {
        let grid = self.grid;
        let mut log_density = [0.0; POINTS];
        for g in 0..POINTS {
            log_density[g] = self.log_likelihood[g] + grid.jeffreys[g];
        }
        let top = largest(&log_density);
        let floor = top - NEGLIGIBLE;
        let mut above = [0.0; LANES];
        for block in log_density.as_chunks::<LANES>().0 {
            for l in 0..LANES {
                above[l] += if block[l] > floor { 1.0 } else { 0.0 };
            }
        }
        if above.iter().sum::<f64>() <= ENOUGH as f64 {
            let first = log_density.iter().position(|v| *v > floor).unwrap_or(0);
            let last = log_density.iter().rposition(|v| *v > floor).unwrap_or(POINTS - 1);
            if last - first < ENOUGH {
                return Inverted::Narrow(grid.logit[first.saturating_sub(1)], grid.logit[(last + 1).min(POINTS - 1)]);
            }
        }
        Inverted::Logit(invert(grid, &relative(&log_density, top), self.u))
    }
}

#[inline(always)]
fn largest(values: &Points) -> f64 {
    let mut top = [f64::NEG_INFINITY; LANES];
    for block in values.as_chunks::<LANES>().0 {
        for l in 0..LANES {
            top[l] = if block[l] > top[l] { block[l] } else { top[l] };
        }
    }
    top.iter().fold(f64::NEG_INFINITY, |a, b| if *b > a { *b } else { a })
}

/// e^(log - top)
#[inline(always)]
fn relative(logs: &Points, top: f64) -> Points {
    let mut out = [0.0; POINTS];
    for g in 0..POINTS {
        out[g] = exp(logs[g] - top);
    }
    out
}

/// The u-quantile of the piecewise linear density with the given values at the points.
#[inline(always)]
fn invert(grid: &Grid, density: &Points, u: f64) -> f64 {
    // twice the mass between a point and the one before it, and what lies below each block of points
    let mut mass = [0.0; POINTS];
    for g in 1..POINTS {
        mass[g] = density[g - 1] + density[g];
    }
    let mut below = [0.0; BLOCKS + 1];
    for (block, m) in mass.as_chunks::<LANES>().0.iter().enumerate() {
        below[block + 1] = below[block] + (((m[0] + m[1]) + (m[2] + m[3])) + ((m[4] + m[5]) + (m[6] + m[7])));
    }
    let target = u * below[BLOCKS];
    let block = below[1..BLOCKS].iter().filter(|mass| **mass <= target).count();
    let mut rest = target - below[block];
    let mut g = block * LANES;
    while g + 1 < (block + 1) * LANES && (rest >= mass[g] || g == 0) {
        rest -= mass[g];
        g += 1;
    }
    between(grid, g, density[g - 1], density[g], rest)
}

/// The logit between the points g - 1 and g, with densities `a` and `b`, below which half of `rest` lies.
#[inline(always)]
fn between(grid: &Grid, g: usize, a: f64, b: f64, rest: f64) -> f64 {
    // a x + (b - a) x^2 / 2 = rest / 2, solved for x without cancellation
    let root = (a * a + (b - a) * rest).max(0.0).sqrt();
    let x = if rest > 0.0 { (rest / (a + root)).min(1.0) } else { 0.0 };
    grid.logit[g - 1] + x * grid.step
}

/// Prevalence drawn from the posterior of the groups.
pub(crate) fn draw(table: &RatioTable, groups: &[Group], generator: &mut ChaCha8Rng) -> f64 {
    let u: f64 = generator.random();
    let on = |grid: &Grid, log_likelihood: &Points| pulp::Arch::new().dispatch(Inversion { grid, log_likelihood, u });
    let mut inverted = on(Grid::whole(), &table.log_likelihood(groups));
    // each pass narrows the range at least threefold
    for _ in 0..12 {
        let Inverted::Narrow(low, high) = inverted else {
            break;
        };
        let grid = Grid::new(low, high);
        inverted = on(&grid, &table.log_likelihood_on(&grid, groups));
    }
    logistic(match inverted {
        Inverted::Logit(logit) => logit,
        Inverted::Narrow(low, high) => 0.5 * (low + high),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn draws(groups: &[(f64, u64)], n: usize) -> Vec<f64> {
        let mut table = RatioTable::new(groups.len());
        let groups: Vec<Group> = groups
            .iter()
            .enumerate()
            .map(|(row, &(ratio, count))| {
                table.set(row, ratio);
                Group::new(row, count)
            })
            .collect();
        let stream = Stream::new(3, Purpose::Company, 0);
        (0..n).map(|r| draw(&table, &groups, &mut stream.replicate(r as u64))).collect()
    }

    fn mean_sd(x: &[f64]) -> (f64, f64) {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn certain_labels_give_a_beta_posterior() {
        // ratios so strong that labels are the truth: Beta(k + 1/2, n - k + 1/2)
        for (experts, others) in [(3, 17), (300, 1700), (40_000, 360_000), (4_000_000, 40_000_000)] {
            let x = draws(&[(1e12, experts), (1e-12, others)], 4000);
            let (a, b) = (experts as f64 + 0.5, others as f64 + 0.5);
            let mean = a / (a + b);
            let sd = (a * b / ((a + b) * (a + b) * (a + b + 1.0))).sqrt();
            let (m, s) = mean_sd(&x);
            assert!((m - mean).abs() < 5.0 * sd / 4000f64.sqrt(), "mean {m} against {mean}");
            assert!((s / sd - 1.0).abs() < 0.06, "sd {s} against {sd}");
        }
    }

    #[test]
    fn no_labels_give_the_prior_back() {
        // Jeffreys: the median of Beta(1/2, 1/2) cut to the range, from its arcsine distribution function
        let cdf = |p: f64| 2.0 / std::f64::consts::PI * p.sqrt().asin();
        let middle = 0.5 * (cdf(LOWEST) + cdf(HIGHEST));
        let median = (middle * std::f64::consts::FRAC_PI_2).sin().powi(2);
        let mut x = draws(&[], 4000);
        x.sort_by(f64::total_cmp);
        assert!((cdf(x[2000]) - middle).abs() < 0.04, "{} against {median}", x[2000]);
    }

    #[test]
    fn quantiles_of_a_piecewise_linear_density() {
        let grid = Grid::whole();
        let (low, high) = (logit(LOWEST), logit(HIGHEST));
        for u in [0.0, 1e-9, 0.1, 0.5, 0.77, 0.999, 1.0 - 1e-16] {
            let x = invert(grid, &[2.0; POINTS], u);
            assert!((x - (low + u * (high - low))).abs() < 1e-9, "{u}: {x}");
        }
        // one point above the rest: a triangle of one step to either side
        for peak in [1, 7, 8, 9, 35, 63, 64, 70] {
            let mut spike = [0.0; POINTS];
            spike[peak] = 0.3;
            for (u, wanted) in [(0.5, 0.0), (0.125, -0.5), (0.875, 0.5), (0.02, -0.8)] {
                let x = (invert(grid, &spike, u) - grid.logit[peak]) / grid.step;
                assert!((x - wanted).abs() < 1e-9, "point {peak}, {u}: {x}, not {wanted}");
            }
        }
    }
}

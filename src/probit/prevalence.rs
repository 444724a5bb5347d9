//! Draws of a company's prevalence from its posterior.
//!
//! People with the same labels fall into a bin with likelihood ratio L; a company's log likelihood is
//! sum n ln(1 + pi (L - 1)). It is evaluated on a grid of logits and sampled by inverting the
//! piecewise linear density between the points. Where the posterior is narrow against the
//! spacing, the grid is laid again over the part that carries the mass, so the grid never shows.

use super::normal::{exp, ln};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Points of the grid, a multiple of the vector width.
pub const POINTS: usize = 72;

/// Range of the prevalence.
pub const LOWEST: f64 = 1e-5;
pub const HIGHEST: f64 = 0.95;

/// The log posterior this far below its maximum carries no mass worth having.
const NEGLIGIBLE: f64 = 18.0;

/// Fewest points that the mass may lie on.
const ENOUGH: usize = 24;

/// `count` people with likelihood ratio `ratio` (expert : other).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub ratio: f64,
    pub count: f64,
}

/// What is known of a prevalence before the labels are seen, as a density of its logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    /// Beta(1/2, 1/2), cut to [1e-5, .95].
    Jeffreys,
    /// A normal distribution of the logit, cut to the same range.
    LogitNormal { mean: f64, sd: f64 },
}

/// Values at the points of a grid.
pub type Points = [f64; POINTS];

/// Logits from `low` to `high`, and their prevalences.
#[derive(Debug, Clone)]
pub struct Grid {
    pub low: f64,
    pub step: f64,
    pub logit: Points,
    pub pi: Points,
}

impl Grid {
    pub fn new(low: f64, high: f64) -> Self {
        let step = (high - low) / (POINTS - 1) as f64;
        let mut grid = Grid { low, step, logit: [0.0; POINTS], pi: [0.0; POINTS] };
        for g in 0..POINTS {
            grid.logit[g] = low + g as f64 * step;
            grid.pi[g] = logistic(grid.logit[g]);
        }
        grid
    }

    /// The grid over the whole range.
    pub fn whole() -> &'static Grid {
        static WHOLE: std::sync::OnceLock<Grid> = std::sync::OnceLock::new();
        WHOLE.get_or_init(|| Grid::new(logit(LOWEST), logit(HIGHEST)))
    }
}

/// ln(p / (1 - p))
pub fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// 1 / (1 + e^-x)
#[inline(always)]
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

struct LogLikelihood<'a> {
    cells: &'a [Cell],
    pi: &'a Points,
}

impl pulp::WithSimd for LogLikelihood<'_> {
    type Output = Points;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Points {
        let mut sum = [0.0; POINTS];
        for cell in self.cells {
            let excess = cell.ratio - 1.0;
            for g in 0..POINTS {
                sum[g] += cell.count * ln(1.0 + self.pi[g] * excess);
            }
        }
        sum
    }
}

/// Log likelihood of the cells at the points of a grid, up to a constant.
pub fn log_likelihood(cells: &[Cell], pi: &Points) -> Points {
    pulp::Arch::new().dispatch(LogLikelihood { cells, pi })
}

/// Log density of the logit at the points of a grid, up to a constant.
pub fn log_prior(prior: Prior, grid: &Grid) -> Points {
    let mut out = [0.0; POINTS];
    match prior {
        Prior::Jeffreys => {
            for (value, pi) in out.iter_mut().zip(&grid.pi) {
                *value = 0.5 * ln(pi * (1.0 - pi));
            }
        }
        Prior::LogitNormal { mean, sd } => {
            for (value, x) in out.iter_mut().zip(&grid.logit) {
                let z = (x - mean) / sd;
                *value = -0.5 * z * z;
            }
        }
    }
    out
}

struct Densities<'a> {
    log: &'a Points,
    shift: f64,
}

impl pulp::WithSimd for Densities<'_> {
    type Output = Points;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Points {
        let mut out = [0.0; POINTS];
        for g in 0..POINTS {
            out[g] = exp(self.log[g] - self.shift);
        }
        out
    }
}

fn largest(values: &Points) -> f64 {
    values.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b))
}

/// A logit drawn from the piecewise linear density with the given logs at the points, by inversion at `u`.
pub fn invert(grid: &Grid, log_density: &Points, u: f64) -> f64 {
    let density = pulp::Arch::new().dispatch(Densities { log: log_density, shift: largest(log_density) });
    let mut total = 0.0;
    let mut below = [0.0; POINTS];
    for g in 1..POINTS {
        total += 0.5 * (density[g - 1] + density[g]);
        below[g] = total;
    }
    let target = u * total;
    let g = below.partition_point(|mass| *mass <= target).clamp(1, POINTS - 1);
    // inside the cell: a x + (b - a) x^2 / 2 = rest, solved for x without cancellation
    let (a, b) = (density[g - 1], density[g]);
    let rest = (target - below[g - 1]).max(0.0);
    let root = (a * a + 2.0 * (b - a) * rest).max(0.0).sqrt();
    let x = if rest > 0.0 { (2.0 * rest / (a + root)).min(1.0) } else { 0.0 };
    grid.logit[g - 1] + x * grid.step
}

/// A prevalence drawn from the posterior of the cells under the prior.
pub fn draw(cells: &[Cell], prior: Prior, generator: &mut ChaCha8Rng) -> f64 {
    let u: f64 = generator.random();
    let mut grid = std::borrow::Cow::Borrowed(Grid::whole());
    // each pass narrows the range at least threefold
    for _ in 0..12 {
        let mut log_density = log_likelihood(cells, &grid.pi);
        for (value, prior) in log_density.iter_mut().zip(log_prior(prior, &grid)) {
            *value += prior;
        }
        let floor = largest(&log_density) - NEGLIGIBLE;
        let first = log_density.iter().position(|v| *v > floor).unwrap_or(0);
        let last = log_density.iter().rposition(|v| *v > floor).unwrap_or(POINTS - 1);
        if last - first >= ENOUGH {
            return logistic(invert(&grid, &log_density, u));
        }
        let low = grid.logit[first.saturating_sub(1)];
        let high = grid.logit[(last + 1).min(POINTS - 1)];
        grid = std::borrow::Cow::Owned(Grid::new(low, high));
    }
    logistic(0.5 * (grid.logit[0] + grid.logit[POINTS - 1]))
}

/// Probability that a person with likelihood ratio `ratio` is an expert at prevalence `pi`.
#[inline(always)]
pub fn posterior(pi: f64, ratio: f64) -> f64 {
    let odds = pi * ratio;
    odds / (odds + (1.0 - pi))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn draws(cells: &[Cell], prior: Prior, n: usize) -> Vec<f64> {
        let stream = Stream::new(3, Purpose::Company, 0);
        (0..n).map(|r| draw(cells, prior, &mut stream.replicate(r as u64))).collect()
    }

    fn mean_sd(x: &[f64]) -> (f64, f64) {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn certain_labels_give_a_beta_posterior() {
        // ratios so strong that labels are the truth: Beta(k + 1/2, n - k + 1/2)
        for (experts, others) in [(3.0, 17.0), (300.0, 1700.0), (40_000.0, 360_000.0), (4e6, 4e7)] {
            let cells = [Cell { ratio: 1e12, count: experts }, Cell { ratio: 1e-12, count: others }];
            let x = draws(&cells, Prior::Jeffreys, 4000);
            let (a, b) = (experts + 0.5, others + 0.5);
            let mean = a / (a + b);
            let sd = (a * b / ((a + b) * (a + b) * (a + b + 1.0))).sqrt();
            let (m, s) = mean_sd(&x);
            assert!((m - mean).abs() < 5.0 * sd / 4000f64.sqrt(), "mean {m} against {mean}");
            assert!((s / sd - 1.0).abs() < 0.06, "sd {s} against {sd}");
        }
    }

    #[test]
    fn no_labels_give_the_prior_back() {
        let x = draws(&[], Prior::LogitNormal { mean: -2.0, sd: 0.5 }, 4000);
        let logits: Vec<f64> = x.iter().map(|p| logit(*p)).collect();
        let (m, s) = mean_sd(&logits);
        assert!((m + 2.0).abs() < 0.04 && (s - 0.5).abs() < 0.03, "{m} {s}");
        // Jeffreys: the median of Beta(1/2, 1/2) cut to the range, from its arcsine distribution function
        let cdf = |p: f64| 2.0 / std::f64::consts::PI * p.sqrt().asin();
        let middle = 0.5 * (cdf(LOWEST) + cdf(HIGHEST));
        let median = (middle * std::f64::consts::FRAC_PI_2).sin().powi(2);
        let mut x = draws(&[], Prior::Jeffreys, 4000);
        x.sort_by(f64::total_cmp);
        assert!((cdf(x[2000]) - middle).abs() < 0.04, "{} against {median}", x[2000]);
    }
}

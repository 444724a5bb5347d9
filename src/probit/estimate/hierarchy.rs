//! The prior that companies share: logit-normal, its mean linear in log headcount.

use crate::probit::prevalence::{ABREAST, Likelihoods, POINTS, Points, Prior, draw_logits};
use crate::probit::study::Study;
use crate::random::gamma;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Number of Gibbs sweeps, from the same start in every replicate.
const SWEEPS: usize = 24;

/// The hyperprior: intercept (at the mean log headcount) and slope are normal, the variance inverse gamma.
const INTERCEPT: (f64, f64) = (-3.0, 3.0);
const SLOPE_SD: f64 = 1.0;
const VARIANCE: (f64, f64) = (1.0, 0.5);

/// Hierarchy over the companies of a study.
pub(super) struct Hierarchy {
    /// Log headcounts, about their mean.
    size: Vec<f64>,
}

/// Hyperparameters of one replicate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hyperparameters {
    intercept: f64,
    slope: f64,
    variance: f64,
}

impl Hyperparameters {
    /// Mean of the logit of a company of this size.
    fn mean(&self, size: f64) -> f64 {
        self.intercept + self.slope * size
    }
}

impl Hierarchy {
    pub(super) fn new(study: &Study) -> Self {
        let logs: Vec<f64> = study.companies.iter().map(|c| (c.headcount.max(1) as f64).ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        Hierarchy { size: logs.iter().map(|x| x - mean).collect() }
    }

    /// The prior of a company.
    pub(super) fn prior(&self, hyperparameters: &Hyperparameters, company: usize) -> Prior {
        Prior::LogitNormal { mean: hyperparameters.mean(self.size[company]), sd: hyperparameters.variance.sqrt() }
    }

    /// Hyperparameters drawn from the companies' likelihoods, which come in the order of the study: prevalences given
    /// them, and they given the prevalences, in turn.
    pub(super) fn draw(&self, likelihoods: impl Iterator<Item = Points>, mut generator: ChaCha8Rng) -> Hyperparameters {
        let likelihoods = self.side_by_side(likelihoods);
        let mut drawn = Hyperparameters { intercept: INTERCEPT.0, slope: 0.0, variance: 2.0 };
        let mut logits = vec![0.0; self.size.len()];
        for _ in 0..SWEEPS {
            let sd = drawn.variance.sqrt();
            for (group, likelihoods) in likelihoods.iter().enumerate() {
                let first = group * ABREAST;
                let size = |l: usize| self.size.get(first + l).copied().unwrap_or(0.0);
                let means = std::array::from_fn(|l| drawn.mean(size(l)));
                let u = std::array::from_fn(|_| generator.random());
                let logits = &mut logits[first..];
                let there = logits.len().min(ABREAST);
                logits[..there].copy_from_slice(&draw_logits(likelihoods, &means, sd, &u)[..there]);
            }
            (drawn.intercept, drawn.slope) = self.line(&logits, drawn.variance, &mut generator);
            let squares: f64 = logits.iter().zip(&self.size).map(|(x, size)| (x - drawn.mean(*size)).powi(2)).sum();
            let shape = VARIANCE.0 + 0.5 * logits.len() as f64;
            drawn.variance = (VARIANCE.1 + 0.5 * squares) / gamma(shape, &mut generator);
        }
        drawn
    }

    /// The likelihoods as [`draw_logits`] takes them; places without a company are flat.
    fn side_by_side(&self, likelihoods: impl Iterator<Item = Points>) -> Vec<Likelihoods> {
        let mut groups = vec![[[1.0; ABREAST]; POINTS]; self.size.len().div_ceil(ABREAST)];
        for (c, likelihood) in likelihoods.enumerate() {
            for (row, value) in groups[c / ABREAST].iter_mut().zip(likelihood) {
                row[c % ABREAST] = value;
            }
        }
        groups
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

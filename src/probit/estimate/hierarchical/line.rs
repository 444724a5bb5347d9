//! Hyperparameters that companies share beside the rates: the line of their prevalences and the sizes of their effects.

use super::effects::State;
use super::grid::choose;
use super::state::StatePrior;
use crate::random::gamma;
use crate::stats::normal::{exp, ln};
use nalgebra::{SMatrix, SVector};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Prior means and standard deviations: intercept at the mean log headcount, slope in log headcount, slopes in the effects.
///
/// The intercept's says that a company of middling size has between .7 and 25 % experts with probability .8. Where the gold people's false
/// positives explain every label that companies show, labels no longer hold the intercept, and the prior has to: with a standard deviation of 3
/// it fell until all companies had none (60 simulated studies of typical prevalences from .003 to .15, gold people inside by class: coverage .82
/// and, of studies below .0065, score .063; with 1.5 .83 and .059).
const LINE: [(f64, f64); 4] = [(-3.0, 1.5), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0)];

/// Inverse gamma prior of the variance about the line: the standard deviation lies between .6 and 1.7 with probability .8.
const VARIANCE: (f64, f64) = (2.0, 1.5);

/// Correlation of a company's two effects: an annotator who says yes more easily does so in both classes.
const CORRELATION: f64 = 0.65;

/// Half-normal prior of the sizes, where gold people show drift.
const SIZE: f64 = 0.5;

/// Largest size that is looked for, and the number of sizes.
const LARGEST: f64 = 3.0;
const SIZES: usize = 96;

/// Hyperparameters of one replicate.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// Coefficients of the line, in the order of [`LINE`].
    line: [f64; 4],
    variance: f64,
    /// Sizes of the effects on non-experts and on experts.
    sizes: [f64; 2],
}

impl Shared {
    /// Where a chain begins.
    pub(super) fn new(size: f64) -> Self {
        Shared { line: [-2.0, 0.0, 0.0, 0.0], variance: 1.0, sizes: [size; 2] }
    }

    /// Logit of the prevalence of a company of this size without effects.
    pub(super) fn mean(&self, size: f64) -> f64 {
        self.line[0] + self.line[1] * size
    }

    /// The prior of a company of this size.
    pub(super) fn prior(&self, size: f64) -> StatePrior {
        let scale = 1.0 / (1.0 - CORRELATION * CORRELATION);
        let [a, b] = self.sizes;
        StatePrior {
            mean: self.mean(size),
            gamma: [self.line[2], self.line[3]],
            precision: 1.0 / self.variance,
            effects: [scale / (a * a), -scale * CORRELATION / (a * b), scale / (b * b)],
        }
    }

    /// The prior of effects that know nothing of a prevalence, whose logit is a standard normal.
    pub(super) fn effects_alone(&self) -> StatePrior {
        StatePrior { mean: 0.0, gamma: [0.0; 2], precision: 1.0, ..self.prior(0.0) }
    }

    /// Effects drawn from their prior.
    #[cfg(test)]
    pub(super) fn draw_effects(&self, generator: &mut ChaCha8Rng) -> [f64; 2] {
        let (y, z): (f64, f64) = (StandardNormal.sample(generator), StandardNormal.sample(generator));
        [self.sizes[0] * y, self.sizes[1] * (CORRELATION * y + (1.0 - CORRELATION * CORRELATION).sqrt() * z)]
    }

    /// Standard deviation of the mean effect of `companies` companies on a class.
    pub(super) fn size_of_mean(&self, class: usize, companies: usize) -> f64 {
        self.sizes[class] / (companies as f64).sqrt()
    }

    /// Draws line and variance given the companies' states: normal and inverse gamma, in turn.
    pub(super) fn draw_line(&mut self, states: &[State], sizes: &[f64], generator: &mut ChaCha8Rng) {
        let row = |state: &State, size: f64| SVector::<f64, 4>::new(1.0, size, state[1], state[2]);
        let mut precision = SMatrix::<f64, 4, 4>::zeros();
        let mut right = SVector::<f64, 4>::zeros();
        for (state, size) in states.iter().zip(sizes) {
            let row = row(state, *size);
            precision += row * row.transpose();
            right += row * state[0];
        }
        precision /= self.variance;
        right /= self.variance;
        for (i, (mean, sd)) in LINE.iter().enumerate() {
            precision[(i, i)] += 1.0 / (sd * sd);
            right[i] += mean / (sd * sd);
        }
        if let Some(factor) = precision.cholesky() {
            let z = SVector::<f64, 4>::from_fn(|_, _| StandardNormal.sample(generator));
            let spread = factor.l().transpose().solve_upper_triangular(&z).unwrap_or_else(SVector::zeros);
            self.line = (factor.solve(&right) + spread).into();
        }
        let line = SVector::from(self.line);
        let squares: f64 =
            states.iter().zip(sizes).map(|(state, size)| (state[0] - row(state, *size).dot(&line)).powi(2)).sum();
        let shape = VARIANCE.0 + 0.5 * states.len() as f64;
        self.variance = ((VARIANCE.1 + 0.5 * squares) / gamma(shape, generator)).clamp(1e-4, 1e4);
    }

    /// Draws the sizes given effects, at least `smallest`, each on a grid of logarithms.
    pub(super) fn draw_sizes(&mut self, effects: &[[f64; 2]], smallest: f64, generator: &mut ChaCha8Rng) {
        let scale = 1.0 / (1.0 - CORRELATION * CORRELATION);
        let both: f64 = effects.iter().map(|u| u[0] * u[1]).sum();
        let step = (LARGEST / smallest).ln() / (SIZES - 1) as f64;
        for class in 0..2 {
            let own: f64 = effects.iter().map(|u| u[class] * u[class]).sum();
            let other = self.sizes[1 - class];
            let size = |at: f64| smallest * exp(step * at);
            let log_density = |size: f64| {
                let form = own / (size * size) - 2.0 * CORRELATION * both / (size * other);
                (1.0 - effects.len() as f64) * ln(size) - 0.5 * scale * form - 0.5 * (size / SIZE).powi(2)
            };
            let logs: [f64; SIZES] = std::array::from_fn(|at| log_density(size(at as f64)));
            let at = choose(&logs, generator) as f64 + generator.random::<f64>() - 0.5;
            self.sizes[class] = size(at.clamp(0.0, (SIZES - 1) as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn line_and_sizes_are_found_again() {
        let mut generator = Stream::new(8, Purpose::Simulation, 0).replicate(0);
        let mut truth = Shared::new(0.5);
        truth.sizes = [0.4, 0.8];
        truth.line = [-2.0, 0.3, 0.7, -0.5];
        truth.variance = 0.49;
        let n = 4000;
        let sizes: Vec<f64> = (0..n).map(|c| c as f64 / n as f64 * 6.0 - 3.0).collect();
        let states: Vec<State> = sizes
            .iter()
            .map(|size| {
                let u = truth.draw_effects(&mut generator);
                let e: f64 = StandardNormal.sample(&mut generator);
                [truth.mean(*size) + 0.7 * u[0] - 0.5 * u[1] + 0.7 * e, u[0], u[1]]
            })
            .collect();
        let effects: Vec<[f64; 2]> = states.iter().map(|s| [s[1], s[2]]).collect();
        let mut found = Shared::new(0.2);
        let (mut line, mut variance, mut size) = ([0.0; 4], 0.0, [0.0; 2]);
        for sweep in 0..120 {
            found.draw_line(&states, &sizes, &mut generator);
            found.draw_sizes(&effects, 0.1, &mut generator);
            if sweep >= 20 {
                (0..4).for_each(|i| line[i] += found.line[i] / 100.0);
                (0..2).for_each(|k| size[k] += found.sizes[k] / 100.0);
                variance += found.variance / 100.0;
            }
        }
        // standard errors of about .011 of the intercept, .006, .035, .018 of the slopes, .011 of the variance, 1 % of the sizes
        for i in 0..4 {
            assert!((line[i] - truth.line[i]).abs() < 0.1, "{line:?}");
        }
        assert!((variance - 0.49).abs() < 0.04, "{variance}");
        assert!((size[0] / 0.4 - 1.0).abs() < 0.05 && (size[1] / 0.8 - 1.0).abs() < 0.05, "{size:?}");
    }
}

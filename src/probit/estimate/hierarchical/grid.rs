//! Logits of companies on grids: cheap draws, again and again under new lines.
//!
//! Where the line is drawn, the logits are held, and where each company's people say little they hold it in turn: a draw of each in a
//! replicate would follow new rates by small steps only, behind the replicate that they belong to, and totals would scatter too
//! little. So both are drawn in many turns, for which the likelihoods are computed once.

use super::effects::State;
use super::held::Held;
use super::state::StatePrior;
use crate::stats::normal::exp;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Number of nodes, and their distance in standard deviations.
const NODES: usize = 24;
const STEP: f64 = 0.5;

/// Log likelihood of a logit at nodes about its mode.
///
/// Sums over nodes are integrals: on a normal density to exp(-2 pi² / step²), the step in standard deviations (Poisson's sum formula). So a
/// node drawn with the density as its chance has the moments of the logit wherever the nodes lie, and its density where that is left to chance.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grid {
    first: f64,
    step: f64,
    log_likelihood: [f64; NODES],
}

impl Grid {
    /// Lays the nodes about the mode under a prior, up to a step aside at random.
    pub(super) fn lay(&mut self, prior: &StatePrior, held: &Held, state: &State, generator: &mut ChaCha8Rng) {
        let (centre, sd) = prior.logit_mode(held, state);
        self.step = STEP * sd;
        self.first = centre - (0.5 * NODES as f64 - generator.random::<f64>()) * self.step;
        self.log_likelihood = held.log_likelihoods(&std::array::from_fn(|node| self.at(node)));
    }

    fn at(&self, node: usize) -> f64 {
        self.first + node as f64 * self.step
    }

    /// Moves the logit of a state, whose effects are those of the people held, to a node.
    pub(super) fn draw(&self, prior: &StatePrior, state: &mut State, generator: &mut ChaCha8Rng) {
        let mean = prior.logit_mean(state);
        let mut logs = self.log_likelihood;
        for (node, log) in logs.iter_mut().enumerate() {
            let away = self.at(node) - mean;
            *log -= 0.5 * prior.precision * away * away;
        }
        state[0] = self.at(choose(&logs, generator));
    }
}

/// Position drawn with the exponentials of `logs` as weights.
pub(super) fn choose<const N: usize>(logs: &[f64; N], generator: &mut ChaCha8Rng) -> usize {
    pulp::Arch::new().dispatch(Choice { logs, u: generator.random() })
}

/// Position that the distribution function passes `u` at.
struct Choice<'a, const N: usize> {
    logs: &'a [f64; N],
    u: f64,
}

impl<const N: usize> pulp::WithSimd for Choice<'_, N> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
        let top = self.logs.iter().fold(f64::NEG_INFINITY, |top, log| if *log > top { *log } else { top });
        let mut sums = [0.0; N];
        for (sum, log) in sums.iter_mut().zip(self.logs) {
            *sum = exp(log - top);
        }
        for i in 1..N {
            sums[i] += sums[i - 1];
        }
        let reached = self.u * sums[N - 1];
        sums[..N - 1].iter().map(|sum| usize::from(*sum < reached)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::effects::{MaskCounts, People};
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Moments and distribution of draws under a line that has moved since the nodes were laid, against sums over a fine grid.
    #[test]
    fn nodes_are_draws_of_the_posterior() {
        let rates = [[[0.7, 0.1], [0.2, 0.2], [0.07, 0.3], [0.03, 0.4]]];
        let mut masks = Vec::new();
        MaskCounts::of(&mut masks, 0).judged = [30.0, 12.0, 8.0, 6.0];
        let prior = StatePrior { mean: -1.0, gamma: [0.4, 0.8], precision: 0.8, effects: [3.0, -1.2, 4.0] };
        let moved = StatePrior { mean: -2.0, precision: 1.3, ..prior };
        for power in [1.0, 0.03] {
            let people = People { masks: &masks, gold: &[], rates: &rates, truths: [0.0; 2], power };
            let (mut state, mut held, mut grid) = ([0.0, 0.3, -0.2], Held::default(), Grid::default());
            held.hold(&people, &state);
            let mut generator = Stream::new(7, Purpose::Simulation, 0).replicate(0);
            let n = 40_000;
            let mut draws: Vec<f64> = (0..n)
                .map(|_| {
                    grid.lay(&prior, &held, &state, &mut generator);
                    grid.draw(&moved, &mut state, &mut generator);
                    state[0]
                })
                .collect();
            assert_eq!(state[1..], [0.3, -0.2]);
            let at = |i: usize| -10.0 + 0.002 * i as f64;
            // the mean under the effects is -2 + .4 * .3 - .8 * .2
            let density = |i: usize| (held.log_likelihoods(&[at(i)])[0] - 0.65 * (at(i) + 2.04).powi(2)).exp();
            let mass: f64 = (0..8000).map(density).sum();
            let wanted = (0..8000).map(|i| at(i) * density(i)).sum::<f64>() / mass;
            let sd = ((0..8000).map(|i| at(i).powi(2) * density(i)).sum::<f64>() / mass - wanted * wanted).sqrt();
            let mean = draws.iter().sum::<f64>() / n as f64;
            let got = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
            assert!((mean - wanted).abs() < 0.02 * sd && (got / sd - 1.0).abs() < 0.02, "{mean} {got}, {wanted} {sd}");
            draws.sort_by(f64::total_cmp);
            let (mut below, mut farthest) = (0.0, 0.0f64);
            for i in 0..8000 {
                below += density(i) / mass;
                let drawn = draws.partition_point(|x| *x <= at(i));
                farthest = farthest.max((drawn as f64 / n as f64 - below).abs());
            }
            // beyond which the Kolmogorov-Smirnov statistic of as many draws lies once in a thousand
            assert!(farthest < 1.95 / (n as f64).sqrt(), "{farthest}");
        }
    }
}

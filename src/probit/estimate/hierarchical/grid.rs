//! Logits of companies on grids: cheap draws, again and again under new lines.
//!
//! Where the line is drawn, the logits are held, and where each company's people say little they hold it in turn: a draw of each in a
//! replicate would follow new rates by small steps only, behind the replicate that they belong to, and totals would scatter too
//! little. So both are drawn in many turns, for which the likelihoods are computed once.

use super::effects::State;
use super::held::Held;
use super::state::StatePrior;
use crate::stats::normal::{exp, ln};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Number of nodes, and their distance in standard deviations.
const NODES: usize = 24;
const STEP: f64 = 0.5;

/// Nodes about the mode of a number.
///
/// Sums over nodes are integrals: on a normal density to exp(-2 pi² / step²), the step in standard deviations (Poisson's sum formula). So a
/// node drawn with the density as its chance has the moments of the number wherever the nodes lie, and its density where that is left to chance.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nodes {
    first: f64,
    step: f64,
}

impl Nodes {
    /// Nodes about a mode with this standard deviation, up to a step aside at random.
    pub(super) fn about((centre, sd): (f64, f64), generator: &mut ChaCha8Rng) -> Self {
        let step = STEP * sd;
        Nodes { first: centre - (0.5 * NODES as f64 - generator.random::<f64>()) * step, step }
    }

    fn at(&self, node: usize) -> f64 {
        self.first + node as f64 * self.step
    }

    fn all(&self) -> [f64; NODES] {
        std::array::from_fn(|node| self.at(node))
    }

    /// A node drawn with the density as its chance.
    pub(super) fn draw(&self, log_density: impl Fn(f64) -> f64, generator: &mut ChaCha8Rng) -> f64 {
        self.at(choose(&self.all().map(log_density), generator))
    }
}

/// Log likelihood of a logit at nodes about its mode.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grid {
    nodes: Nodes,
    log_likelihood: [f64; NODES],
}

impl Grid {
    /// Lays the nodes about the mode under a prior.
    pub(super) fn lay(&mut self, prior: &StatePrior, held: &Held, state: &State, generator: &mut ChaCha8Rng) {
        self.nodes = Nodes::about(prior.logit_mode(held, state), generator);
        self.log_likelihood = held.log_likelihoods(&self.nodes.all());
    }

    /// Moves the logit of a state, whose effects are those of the people held, to a node.
    pub(super) fn draw(&self, prior: &StatePrior, state: &mut State, generator: &mut ChaCha8Rng) {
        state[0] = self.nodes.at(choose(&self.log_density(prior, state), generator));
    }

    /// Log of the integral over the logit, up to a factor of the prior's precision.
    pub(super) fn log_integral(&self, prior: &StatePrior, state: &State) -> f64 {
        let logs = self.log_density(prior, state);
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        top + ln(self.nodes.step * logs.iter().map(|log| exp(log - top)).sum::<f64>())
    }

    /// Log density of the logit at the nodes under a prior, the effects those of a state.
    fn log_density(&self, prior: &StatePrior, state: &State) -> [f64; NODES] {
        let mean = prior.logit_mean(state);
        let mut logs = self.log_likelihood;
        for (node, log) in logs.iter_mut().enumerate() {
            let away = self.nodes.at(node) - mean;
            *log -= 0.5 * prior.precision * away * away;
        }
        logs
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
    use super::super::held::EACH;
    use super::super::moments::Moments;
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
            let people = People { masks: &masks, gold: &[], rates: &rates, truths: [0.0; 2], lean: 0.0, power };
            let (mut state, mut held, mut grid) = ([0.0, 0.3, -0.2], Held::default(), Grid::default());
            held.hold(&people, &state, &EACH);
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
            // the effects lower the mean by .8 * .2 - .4 * .3
            let log_density = |i: usize, prior: &StatePrior| {
                let away = at(i) - prior.mean + 0.04;
                held.log_likelihoods(&[at(i)])[0] - 0.5 * prior.precision * away * away
            };
            let integral = (0..8000).map(|i| log_density(i, &prior).exp()).sum::<f64>() * 0.002;
            // a little of the left tail lies beyond the nodes
            assert!((grid.log_integral(&prior, &state) - integral.ln()).abs() < 1e-4);
            let density = |i: usize| log_density(i, &moved).exp();
            let mass: f64 = (0..8000).map(density).sum();
            let wanted = Moments::of((0..8000).map(|i| ([at(i)], density(i))));
            Moments::of(draws.iter().map(|x| ([*x], 1.0))).assert_near(&wanted, 0.02);
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

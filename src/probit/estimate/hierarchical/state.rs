//! Draws of a company's state: independence Metropolis steps from a t distribution about the mode.

use super::effects::{FARTHEST, People, State, Symmetric};
use super::factor::Factor;
use super::held::Held;
use super::newton::{LONGEST, NEWTON, SHORTEST, mode};
use crate::stats::normal::ln;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// Degrees of freedom of the proposal.
const FREEDOM: f64 = 6.0;

/// Number of Metropolis steps of a draw.
const STEPS: usize = 2;

/// Prior of a state: effects are normal about 0, the logit is normal about a mean that moves with them.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatePrior {
    pub(super) mean: f64,
    /// Slopes of the mean in the effects.
    pub(super) gamma: [f64; 2],
    /// Precision of the logit about its mean.
    pub(super) precision: f64,
    /// Precision of the effects: entries (0,0), (0,1), (1,1).
    pub(super) effects: [f64; 3],
}

impl StatePrior {
    /// Mean of the logit under the effects of a state.
    pub(super) fn logit_mean(&self, state: &State) -> f64 {
        self.mean + self.gamma[0] * state[1] + self.gamma[1] * state[2]
    }

    fn residual(&self, state: &State) -> f64 {
        state[0] - self.logit_mean(state)
    }

    fn log_density(&self, state: &State) -> f64 {
        let (e, [a, b, c]) = (self.residual(state), self.effects);
        let [_, u, v] = *state;
        -0.5 * (self.precision * e * e + a * u * u + 2.0 * b * u * v + c * v * v)
    }

    fn score(&self, state: &State) -> State {
        let (e, [a, b, c]) = (self.precision * self.residual(state), self.effects);
        let [_, u, v] = *state;
        [-e, self.gamma[0] * e - a * u - b * v, self.gamma[1] * e - b * u - c * v]
    }

    /// Mode of the logit of a state whose effects are held, and a tenth more than its standard deviation there.
    pub(super) fn logit_mode(&self, held: &Held, state: &State) -> (f64, f64) {
        let (centre, sd) = mode(state[0], |logit| {
            let local = held.local(logit);
            let sure = self.precision + local.observed;
            let information = if sure > 0.5 * self.precision { sure } else { self.precision + 0.5 * local.complete };
            (local.score + self.score(&[logit, state[1], state[2]])[0], information)
        });
        (centre, 1.1 * sd)
    }

    fn information(&self) -> Symmetric {
        let ([g0, g1], p, [a, b, c]) = (self.gamma, self.precision, self.effects);
        [p, -g0 * p, -g1 * p, a + g0 * g0 * p, b + g0 * g1 * p, c + g1 * g1 * p]
    }
}

/// Posterior of a state.
pub(super) struct Posterior<'a> {
    pub(super) people: People<'a>,
    pub(super) prior: StatePrior,
}

impl Posterior<'_> {
    fn log_density(&self, state: &State) -> f64 {
        if state[0].abs() > FARTHEST {
            return f64::NEG_INFINITY;
        }
        self.people.log_likelihood(state) + self.prior.log_density(state)
    }

    /// Score, and the factor of the information, made definite by losing less of it where need be.
    fn local(&self, state: &State) -> (State, Factor) {
        let slope = self.people.slope(state);
        let (prior, prior_score) = (self.prior.information(), self.prior.score(state));
        let score = std::array::from_fn(|i| slope.score[i] + prior_score[i]);
        for share in [1.0, 0.7, 0.3, 0.0] {
            let information = std::array::from_fn(|i| prior[i] + slope.complete[i] - share * slope.lost[i]);
            if let Some(factor) = Factor::new(&information) {
                return (score, factor);
            }
        }
        (score, Factor::UNIT)
    }

    /// The mode, looked for from `start`, and the factor of the information there.
    fn mode(&self, start: &State) -> (State, Factor) {
        let mut mode = *start;
        for _ in 0..NEWTON {
            let (score, factor) = self.local(&mode);
            let step = factor.solve(&score);
            let length = step.iter().fold(0.0f64, |a, s| a.max(s.abs()));
            let scale = if length > LONGEST { LONGEST / length } else { 1.0 };
            mode = std::array::from_fn(|i| mode[i] + scale * step[i]);
            mode[0] = mode[0].clamp(-FARTHEST, FARTHEST);
            if length < SHORTEST {
                return (mode, factor);
            }
        }
        let factor = self.local(&mode).1;
        (mode, factor)
    }

    /// Moves the state; `mode` is where the search for the mode begins, and then what it found.
    pub(super) fn draw(&self, state: &mut State, mode: &mut State, generator: &mut ChaCha8Rng) {
        let (centre, factor) = self.mode(mode);
        *mode = centre;
        let away = |x: &State| std::array::from_fn(|i| x[i] - centre[i]);
        metropolis(
            state,
            |x| self.log_density(x) + 0.5 * (FREEDOM + 3.0) * ln(1.0 + factor.form(&away(x)) / FREEDOM),
            |generator| {
                let z = std::array::from_fn(|_| StandardNormal.sample(generator));
                let (spread, scale) = (factor.spread(&z), t_scale(generator));
                std::array::from_fn(|i| centre[i] + scale * spread[i])
            },
            generator,
        );
    }
}

/// Whether a Metropolis step is taken that gains so much of the log density.
pub(super) fn accepts(gain: f64, generator: &mut ChaCha8Rng) -> bool {
    ln(generator.random::<f64>().max(1e-300)) < gain
}

/// Factor that makes a normal a t.
fn t_scale(generator: &mut ChaCha8Rng) -> f64 {
    ChiSquared::new(FREEDOM).map_or(1.0, |chi| (FREEDOM / chi.sample(generator)).sqrt())
}

/// [`STEPS`] steps with proposals that do not depend on the state; `log_ratio` is the target's log density less that of the proposals.
fn metropolis(
    state: &mut State,
    log_ratio: impl Fn(&State) -> f64,
    propose: impl Fn(&mut ChaCha8Rng) -> State,
    generator: &mut ChaCha8Rng,
) {
    let mut here = log_ratio(state);
    for _ in 0..STEPS {
        let proposed = propose(generator);
        let there = log_ratio(&proposed);
        // a state that cannot be, or comes from other rates, is left in any case
        if here.is_nan() || accepts(there - here, generator) {
            *state = proposed;
            here = there;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::effects::{GoldCounts, MaskCounts};
    use super::super::moments::Moments;
    use super::*;
    use crate::probit::bins::BinRates;
    use crate::random::{Purpose, Stream};

    const RATES: [BinRates; 1] = [[[0.7, 0.1], [0.2, 0.2], [0.07, 0.3], [0.03, 0.4]]];

    const MASKS: [MaskCounts; 1] = [MaskCounts { mask: 0, people: [30, 12, 8, 6], judged: [30.0, 12.0, 8.0, 6.0] }];

    const GOLD: [GoldCounts; 1] = [GoldCounts { mask: 0, weights: [[4.0, 2.0, 0.0, 0.0], [0.0, 1.0, 3.0, 2.0]] }];

    const PRIOR: StatePrior = StatePrior { mean: -1.0, gamma: [0.4, 0.8], precision: 0.8, effects: [3.0, -1.2, 4.0] };

    /// Means and variances of many draws against sums over a fine grid.
    #[test]
    fn draws_have_the_moments_of_the_posterior() {
        let people = People { masks: &MASKS, gold: &GOLD, rates: &RATES, truths: [0.0; 2], lean: 0.0, power: 0.6 };
        let posterior = Posterior { people, prior: PRIOR };
        let (mut state, mut mode) = ([0.0; 3], [0.0; 3]);
        let mut generator = Stream::new(5, Purpose::Simulation, 0).replicate(0);
        let draws = Moments::of((0..40_000).map(|_| {
            posterior.draw(&mut state, &mut mode, &mut generator);
            (state, 1.0)
        }));
        let grid = |at: usize, centre: f64, half: f64| centre + half * (at as f64 / 30.0 - 1.0);
        let wanted = Moments::of((0..61 * 61 * 61).map(|i| {
            let x = [grid(i / (61 * 61), -1.0, 4.5), grid(i / 61 % 61, 0.0, 2.6), grid(i % 61, 0.0, 2.6)];
            (x, (posterior.log_density(&x) + 70.0).exp())
        }));
        draws.assert_near(&wanted, 0.04);
    }
}

//! Moves of the logits of all companies together.
//!
//! Where the line is drawn, the logits are held, and where each company's people say little they hold it in turn: both would
//! follow new rates by small steps only, behind the replicate that they belong to, and totals would scatter too little. Here what is held
//! is how far each company lies from the line, and the line takes all of them along (interweaving: Yu & Meng 2011, Journal of
//! Computational and Graphical Statistics 20, 531-570).

use super::effects::State;
use super::held::{Held, Local};
use super::state::{FREEDOM, NEWTON, metropolis, t_scale};
use crate::stats::normal::ln;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Length of a step of Newton's that is the last, in standard deviations: the proposals must be the same from wherever they are looked for.
const SHORTEST: f64 = 1e-3;

/// Longest step, in the units of the move.
const LONGEST: f64 = 0.5;

/// Log density of a prior, its slope and the information.
pub(super) type Point = (f64, f64, f64);

/// Moves each logit by its `direction` times a step, which is drawn and given back; `prior` is that of the step.
pub(super) fn shift(
    held: &[Held],
    states: &mut [State],
    direction: &[f64],
    prior: impl Fn(f64) -> Point,
    generator: &mut ChaCha8Rng,
) -> f64 {
    let logits = |step: f64| states.iter().zip(direction).map(move |(state, by)| state[0] + step * by);
    let log_density = |step: f64| {
        prior(step).0 + held.iter().zip(logits(step)).map(|(held, at)| held.log_likelihood(at)).sum::<f64>()
    };
    let local = |step: f64| {
        let (_, slope, information) = prior(step);
        let mut sum = Local { score: slope, complete: 0.0, observed: 0.0 };
        for ((held, by), logit) in held.iter().zip(direction).zip(logits(step)) {
            let here = held.local(logit);
            sum.score += by * here.score;
            sum.complete += by * by * here.complete;
            sum.observed += by * by * here.observed;
        }
        // people near nobody's labels make it negative
        (sum.score, sum.observed.max(0.05 * sum.complete) + information.max(0.0))
    };
    let (mut mode, mut sd) = (0.0f64, 1.0);
    for _ in 0..NEWTON {
        let (score, information) = local(mode);
        sd = 1.0 / information.max(1e-12).sqrt();
        let step = (score * sd * sd).clamp(-LONGEST, LONGEST);
        mode += step;
        if step.abs() < SHORTEST * sd {
            break;
        }
    }
    let mut step = 0.0;
    metropolis(
        &mut step,
        |at| log_density(*at) + 0.5 * (FREEDOM + 1.0) * ln(1.0 + ((at - mode) / sd).powi(2) / FREEDOM),
        |generator| {
            let z: f64 = StandardNormal.sample(generator);
            mode + sd * t_scale(generator) * z
        },
        generator,
    );
    states.iter_mut().zip(direction).for_each(|(state, by)| state[0] += step * by);
    step
}

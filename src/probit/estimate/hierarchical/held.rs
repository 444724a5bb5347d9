//! Likelihood of the logit of a company's prevalence, its effects held.

use super::effects::{FARTHEST, People, State, of_truths, tilt, tilts};
use crate::probit::bins::BINS;
use crate::stats::logistic::logistic;
use crate::stats::normal::ln;
use std::ops::Range;

/// Each bin for itself.
pub(super) const EACH: [Range<usize>; BINS] = [0..1, 1..2, 2..3, 3..4];

/// Lower bins, and upper ones.
pub(super) const HALVES: [Range<usize>; 2] = [0..BINS / 2, BINS / 2..BINS];

/// People of a company by what their labels say of them: kept from one look to the next, so that only the logit is new.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    /// Number of people alike, and how probable their labels are of a non-expert and of an expert.
    people: Vec<[f64; 3]>,
    /// Non-experts and experts among gold people who speak about the prevalence.
    truths: [f64; 2],
    /// By how much a logit exceeds that of the truths.
    lean: f64,
}

/// Score and information of a logit, that of known classes and the observed one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Local {
    pub(super) score: f64,
    pub(super) complete: f64,
    pub(super) observed: f64,
}

impl Held {
    /// Takes people under the effects of a state, by the groups of bins that they lie in.
    pub(super) fn hold(&mut self, people: &People, state: &State, groups: &[Range<usize>]) {
        let tilts = [tilts(state[1]), tilts(state[2])];
        self.people.clear();
        (self.truths, self.lean) = (people.truths, people.lean);
        for counts in people.masks {
            let tilted = tilt(&people.rates[counts.mask], &tilts);
            for bins in groups {
                let sum = |of: &[f64; BINS]| of[bins.clone()].iter().sum::<f64>();
                let alike = [people.power * sum(&counts.judged), sum(&tilted.rates[0]), sum(&tilted.rates[1])];
                if alike[0] > 0.0 {
                    self.people.push(alike);
                }
            }
        }
    }

    /// Log likelihoods of logits, up to what does not depend on them.
    pub(super) fn log_likelihoods<const N: usize>(&self, logits: &[f64; N]) -> [f64; N] {
        pulp::Arch::new().dispatch(LogLikelihoods { held: self, logits })
    }

    /// Score and information at a logit.
    pub(super) fn local(&self, logit: f64) -> Local {
        let pi = logistic(logit);
        let (gold, truly) = (self.truths[0] + self.truths[1], logistic(logit - self.lean));
        let complete = gold * truly * (1.0 - truly);
        let mut local = Local { score: self.truths[1] - gold * truly, complete, observed: 0.0 };
        let mut lost = 0.0;
        for [n, other, expert] in &self.people {
            let odds = pi * expert;
            let expert = odds / (odds + (1.0 - pi) * other);
            local.score += n * (expert - pi);
            local.complete += n * pi * (1.0 - pi);
            lost += n * expert * (1.0 - expert);
        }
        local.observed = local.complete - lost;
        local
    }
}

struct LogLikelihoods<'a, const N: usize> {
    held: &'a Held,
    logits: &'a [f64; N],
}

impl<const N: usize> pulp::WithSimd for LogLikelihoods<'_, N> {
    type Output = [f64; N];

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> [f64; N] {
        let (mut pi, mut sums) = ([0.0; N], [0.0; N]);
        for i in 0..N {
            pi[i] = logistic(self.logits[i]);
            sums[i] = of_truths(self.held.truths, self.logits[i] - self.held.lean);
        }
        for &[n, other, expert] in &self.held.people {
            for i in 0..N {
                sums[i] += n * ln(other + pi[i] * (expert - other));
            }
        }
        for i in 0..N {
            sums[i] = if self.logits[i].abs() > FARTHEST { f64::NEG_INFINITY } else { sums[i] };
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::super::effects::MaskCounts;
    use super::*;

    /// The likelihood of people whose effects are held is that of the state, and its slope that of the likelihood.
    #[test]
    fn held_people_have_the_likelihood_of_the_state() {
        let rates = [[[0.7, 0.1], [0.2, 0.2], [0.07, 0.3], [0.03, 0.4]]];
        let mut masks = Vec::new();
        MaskCounts::of(&mut masks, 0).judged = [30.0, 12.5, 0.0, 5.5];
        let people = People { masks: &masks, gold: &[], rates: &rates, truths: [6.0, 3.5], lean: 0.3, power: 0.7 };
        let mut held = Held::default();
        for effects in [[0.0, 0.0], [0.4, -0.7]] {
            let state = |logit: f64| [logit, effects[0], effects[1]];
            held.hold(&people, &state(0.0), &EACH);
            assert_eq!(held.log_likelihoods(&[FARTHEST + 0.1, -FARTHEST - 0.1]), [f64::NEG_INFINITY; 2]);
            for logit in [-3.0, -0.5, 1.0] {
                let [there, here] = held.log_likelihoods(&[logit, 0.2]);
                let differs = there - here;
                let wanted = people.log_likelihood(&state(logit)) - people.log_likelihood(&state(0.2));
                assert!((differs - wanted).abs() < 1e-9, "{differs}, {wanted}");
                let (local, slope) = (held.local(logit), people.slope(&state(logit)));
                assert!((local.score - slope.score[0]).abs() < 1e-9);
                assert!((local.complete - slope.complete[0]).abs() < 1e-9);
                assert!((local.observed - (slope.complete[0] - slope.lost[0])).abs() < 1e-9);
            }
        }
    }

    /// People in halves have the likelihood of a binomial.
    #[test]
    fn halves_are_a_binomial() {
        let rates = [[[0.7, 0.1], [0.2, 0.2], [0.07, 0.3], [0.03, 0.4]]];
        let mut masks = Vec::new();
        MaskCounts::of(&mut masks, 0).judged = [30.0, 12.5, 0.0, 5.5];
        let people = People { masks: &masks, gold: &[], rates: &rates, truths: [0.0; 2], lean: 0.0, power: 1.0 };
        let mut held = Held::default();
        held.hold(&people, &[0.0; 3], &HALVES);
        for logit in [-3.0f64, -0.5, 1.0] {
            let pi = 1.0 / (1.0 + (-logit).exp());
            let upper = 0.1 + 0.6 * pi;
            let wanted = 42.5 * (1.0 - upper).ln() + 5.5 * upper.ln();
            assert!((held.log_likelihoods(&[logit])[0] - wanted).abs() < 1e-9);
        }
    }
}

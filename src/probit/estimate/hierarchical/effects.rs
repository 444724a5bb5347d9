//! Likelihood of a company's people, given its prevalence and effects.

use crate::probit::bins::{BINS, BinRates};
use crate::stats::logistic::logistic;
use crate::stats::normal::{exp, ln};

/// Largest logit of a prevalence.
pub(super) const FARTHEST: f64 = 14.0;

/// Positions of the bins, about their middle.
const POSITION: [f64; BINS] = [-1.5, -0.5, 0.5, 1.5];

/// State of a company: logit of the prevalence, effects on non-experts and on experts.
pub(super) type State = [f64; 3];

/// Symmetric matrix over a state: entries (0,0), (0,1), (0,2), (1,1), (1,2), (2,2).
pub(super) type Symmetric = [f64; 6];

/// People of one mask in a company who are not gold, by bin.
#[derive(Debug, Clone)]
pub(super) struct MaskCounts {
    pub(super) mask: usize,
    /// Number of people, each judged by one fit: those who are counted.
    pub(super) people: [u64; BINS],
    /// The same people, each judged by all fits alike: those who speak, as in the mean of the log likelihood over all ways to deal the fits
    /// out, which has less noise than any of them; evened, where gold people were drawn by labels.
    pub(super) judged: [f64; BINS],
}

/// Gold people of one mask in a company.
#[derive(Debug, Clone)]
pub(super) struct GoldCounts {
    pub(super) mask: usize,
    /// `[class][bin]`: their weight.
    pub(super) weights: [[f64; BINS]; 2],
}

impl MaskCounts {
    /// The counts of a mask in a list, put there if need be.
    pub(super) fn of(list: &mut Vec<MaskCounts>, mask: usize) -> &mut MaskCounts {
        let at = list.iter().position(|counts| counts.mask == mask).unwrap_or_else(|| {
            list.push(MaskCounts { mask, people: [0; BINS], judged: [0.0; BINS] });
            list.len() - 1
        });
        &mut list[at]
    }
}

/// Bin probabilities of both classes under effects, with mean and variance of the position.
pub(super) struct Tilted {
    pub(super) rates: [[f64; BINS]; 2],
    mean: [f64; 2],
    variance: [f64; 2],
}

/// exp(u x_b) at the positions: odd multiples of u / 2.
#[inline(always)]
pub(super) fn tilts(effect: f64) -> [f64; BINS] {
    let half = exp(0.5 * effect);
    let full = half * half * half;
    [1.0 / full, 1.0 / half, half, full]
}

#[inline(always)]
pub(super) fn tilt(rates: &BinRates, tilts: &[[f64; BINS]; 2]) -> Tilted {
    let mut out = Tilted { rates: [[0.0; BINS]; 2], mean: [0.0; 2], variance: [0.0; 2] };
    for k in 0..2 {
        let mut sum = 0.0;
        for b in 0..BINS {
            out.rates[k][b] = rates[b][k] * tilts[k][b];
            sum += out.rates[k][b];
        }
        // a bin no weight fell into has pseudo-counts only, which may vanish
        let scale = 1.0 / sum.max(1e-300);
        let (mut mean, mut square) = (0.0, 0.0);
        for b in 0..BINS {
            out.rates[k][b] = (out.rates[k][b] * scale).max(1e-300);
            mean += out.rates[k][b] * POSITION[b];
            square += out.rates[k][b] * POSITION[b] * POSITION[b];
        }
        out.mean[k] = mean;
        out.variance[k] = (square - mean * mean).max(0.0);
    }
    out
}

/// Log likelihood of a logit, given non-experts and experts who speak about the prevalence.
#[inline(always)]
pub(super) fn of_truths(truths: [f64; 2], logit: f64) -> f64 {
    if truths == [0.0; 2] {
        return 0.0;
    }
    // ln(1 - pi) without overflow
    let log_no = -(logit.max(0.0) + ln(1.0 + exp(-logit.abs())));
    (truths[0] + truths[1]) * log_no + truths[1] * logit
}

/// People of a company, as a likelihood of its state.
#[derive(Clone, Copy)]
pub(super) struct People<'a> {
    pub(super) masks: &'a [MaskCounts],
    pub(super) gold: &'a [GoldCounts],
    /// `[mask]`: the common rates.
    pub(super) rates: &'a [BinRates],
    /// Non-experts and experts among gold people who speak about the prevalence.
    pub(super) truths: [f64; 2],
    /// By how much the logit of the state, which is that of labels, exceeds that of the truths.
    pub(super) lean: f64,
    /// Weight of each person who is not gold.
    pub(super) power: f64,
}

/// Slope of a log density with the information, that of known classes and the part that unknown ones take away.
pub(super) struct Slope {
    pub(super) score: State,
    pub(super) complete: Symmetric,
    pub(super) lost: Symmetric,
}

impl People<'_> {
    pub(super) fn log_likelihood(&self, state: &State) -> f64 {
        pulp::Arch::new().dispatch(LogLikelihood { people: self, state })
    }

    /// Score and observed information: with the class z of a person known, the score is linear in z, so that what is lost
    /// by not knowing z is its variance times the square of its coefficient (Louis 1982, JRSS B 44, 226-233).
    pub(super) fn slope(&self, state: &State) -> Slope {
        let pi = logistic(state[0]);
        let tilts = [tilts(state[1]), tilts(state[2])];
        let mut slope = Slope { score: [0.0; 3], complete: [0.0; 6], lost: [0.0; 6] };
        let Slope { score, complete, lost } = &mut slope;
        for counts in self.masks {
            let tilted = tilt(&self.rates[counts.mask], &tilts);
            for b in 0..BINS {
                let away = [POSITION[b] - tilted.mean[0], POSITION[b] - tilted.mean[1]];
                if counts.judged[b] > 0.0 {
                    let n = self.power * counts.judged[b];
                    let odds = pi * tilted.rates[1][b];
                    let expert = odds / (odds + (1.0 - pi) * tilted.rates[0][b]);
                    score[0] += n * (expert - pi);
                    score[1] += n * (1.0 - expert) * away[0];
                    score[2] += n * expert * away[1];
                    complete[0] += n * pi * (1.0 - pi);
                    complete[3] += n * (1.0 - expert) * tilted.variance[0];
                    complete[5] += n * expert * tilted.variance[1];
                    let unknown = n * expert * (1.0 - expert);
                    lost[0] += unknown;
                    lost[1] -= unknown * away[0];
                    lost[2] += unknown * away[1];
                    lost[3] += unknown * away[0] * away[0];
                    lost[4] -= unknown * away[0] * away[1];
                    lost[5] += unknown * away[1] * away[1];
                }
            }
        }
        for counts in self.gold {
            let tilted = tilt(&self.rates[counts.mask], &tilts);
            for k in 0..2 {
                for b in 0..BINS {
                    score[1 + k] += counts.weights[k][b] * (POSITION[b] - tilted.mean[k]);
                    complete[3 + 2 * k] += counts.weights[k][b] * tilted.variance[k];
                }
            }
        }
        let n = self.truths[0] + self.truths[1];
        let pi = logistic(state[0] - self.lean);
        score[0] += self.truths[1] - n * pi;
        complete[0] += n * pi * (1.0 - pi);
        slope
    }
}

struct LogLikelihood<'a> {
    people: &'a People<'a>,
    state: &'a State,
}

impl pulp::WithSimd for LogLikelihood<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        let LogLikelihood { people, state } = self;
        let pi = logistic(state[0]);
        let tilts = [tilts(state[1]), tilts(state[2])];
        let (mut sums, mut gold) = ([0.0; BINS], [0.0; BINS]);
        for counts in people.masks {
            let tilted = tilt(&people.rates[counts.mask], &tilts);
            for b in 0..BINS {
                sums[b] += counts.judged[b] * ln(pi * tilted.rates[1][b] + (1.0 - pi) * tilted.rates[0][b]);
            }
        }
        for counts in people.gold {
            let tilted = tilt(&people.rates[counts.mask], &tilts);
            for k in 0..2 {
                for b in 0..BINS {
                    gold[b] += counts.weights[k][b] * ln(tilted.rates[k][b]);
                }
            }
        }
        people.power * sums.iter().sum::<f64>()
            + gold.iter().sum::<f64>()
            + of_truths(people.truths, state[0] - people.lean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [BinRates; 2] =
        [[[0.7, 0.1], [0.2, 0.2], [0.07, 0.3], [0.03, 0.4]], [[0.5, 0.2], [0.3, 0.2], [0.1, 0.25], [0.1, 0.35]]];

    fn masks() -> Vec<MaskCounts> {
        let mut masks = Vec::new();
        MaskCounts::of(&mut masks, 0).judged = [50.0, 19.6, 9.0, 11.4];
        MaskCounts::of(&mut masks, 1).judged = [5.0, 0.0, 0.0, 2.0];
        masks
    }

    fn gold() -> [GoldCounts; 1] {
        [GoldCounts { mask: 1, weights: [[3.0, 1.5, 0.0, 0.5], [0.0, 1.0, 2.0, 1.0]] }]
    }

    #[test]
    fn tilting_is_exponential() {
        let plain = tilt(&RATES[0], &[tilts(0.0); 2]);
        for (b, rates) in RATES[0].iter().enumerate() {
            assert!((plain.rates[0][b] - rates[0]).abs() < 1e-15 && (plain.rates[1][b] - rates[1]).abs() < 1e-15);
        }
        // odds between neighbouring bins grow by e^u
        let tilted = tilt(&RATES[0], &[tilts(0.8), tilts(-0.3)]);
        for b in 1..BINS {
            for (k, u) in [(0, 0.8f64), (1, -0.3)] {
                let odds = (tilted.rates[k][b] / tilted.rates[k][b - 1]) / (RATES[0][b][k] / RATES[0][b - 1][k]);
                assert!((odds / u.exp() - 1.0).abs() < 1e-12);
            }
        }
        let sums: Vec<f64> = tilted.rates.iter().map(|rates| rates.iter().sum()).collect();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    }

    /// Score and information against differences of the likelihood and of the score.
    #[test]
    fn slopes_are_those_of_the_likelihood() {
        let (masks, gold) = (masks(), gold());
        let people = People { masks: &masks, gold: &gold, rates: &RATES, truths: [6.0, 3.5], lean: 0.3, power: 0.7 };
        for state in [[-1.0, 0.2, -0.4], [0.7, -0.9, 0.5], [-4.0, 0.0, 0.0]] {
            let slope = people.slope(&state);
            for i in 0..3 {
                let moved = |by: f64| {
                    let mut moved = state;
                    moved[i] += by;
                    moved
                };
                let h = 1e-5;
                let score = (people.log_likelihood(&moved(h)) - people.log_likelihood(&moved(-h))) / (2.0 * h);
                assert!(
                    (score - slope.score[i]).abs() < 1e-5 * (1.0 + score.abs()),
                    "{i}: {score}, {}",
                    slope.score[i]
                );
                let (up, down) = (people.slope(&moved(h)).score, people.slope(&moved(-h)).score);
                let entries = [[0, 1, 2], [1, 3, 4], [2, 4, 5]];
                for j in 0..3 {
                    let information = -(up[j] - down[j]) / (2.0 * h);
                    let at = entries[i][j];
                    let got = slope.complete[at] - slope.lost[at];
                    assert!(
                        (information - got).abs() < 1e-4 * (1.0 + information.abs()),
                        "{i}, {j}: {information}, {got}"
                    );
                }
            }
        }
    }
}

//! Lean of the labels: by how much the prevalence that they tell of is off in all companies alike, as gold people drawn at random show.
//!
//! Calibration in the large (Cox 1958, Biometrika 45, 562-565): one number is taken from the logits of all companies, so that the gold people
//! among them are as often experts as they are, and another for each unit of log headcount. They take back what the common rates of a replicate have
//! wrong, and what drift makes of them: false positives that drift hide that large companies have fewer experts, and totals are ruled by these.

use super::effects::{State, of_truths};
use super::grid::Nodes;
use super::member::Member;
use super::newton::mode;
use crate::probit::estimate::settings::GoldSampling;
use crate::probit::study::{Company, weighted_truths};
use crate::stats::logistic::logistic;
use rand_chacha::ChaCha8Rng;

/// Standard deviations of the lean of a company of middling size, and of its rise with log headcount, before any data, where gold people are many.
///
/// In 40 simulated studies with a drift of .5, gold people drawn at random inside companies, estimates are 1.84 times the truth without a lean, 1.59 with
/// .25, 1.49 with .5 and 1.45 with 1; on 49 tables of real labels the mean distance of that ratio from 1 is .051, .041, .039 and .044, and coverage and
/// scores are as good with .25, .5 and 1. Without a rise, with one of .1, .2 and .3 they are 1.49, 1.32, 1.21 and 1.17 times the truth, and where nothing
/// drifts the total's interval is .58, .64, .72 and .74 times the truth wide; mean scores on those tables are .283, .280, .277 and .276.
const SIZES: [f64; 2] = [0.5, 0.2];

/// Number of gold people who are many. The variance is in proportion to fewer of them, since all that they cannot tell would widen every
/// interval; it does not look at how many of them are experts, which would let a lean in where they happen to be many.
const MANY: f64 = 300.0;

/// Lean of the labels: in a company of middling size, and by how much more with each unit of log headcount.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lean([f64; 2]);

impl Lean {
    /// By how much the logit of labels exceeds that of the truths in a company of this size.
    pub(super) fn of(self, size: f64) -> f64 {
        self.0[0] + self.0[1] * size
    }
}

/// Gold people of a company who speak about the prevalence.
struct Told {
    company: usize,
    /// Log headcount of the company about its mean.
    size: f64,
    /// Non-experts and experts.
    truths: [f64; 2],
}

/// Gold people who speak about the prevalence.
pub(super) struct Calibration {
    told: Vec<Told>,
    /// Precision of both parts of the lean before any data, in those of many gold people.
    precision: f64,
}

impl Calibration {
    pub(super) fn new(companies: &[Company], members: &[Member], sampling: GoldSampling) -> Self {
        let truths = match sampling {
            GoldSampling::ByClass => Vec::new(),
            GoldSampling::AtRandom => weighted_truths(companies),
        };
        let told = truths.into_iter().zip(members).enumerate();
        Self::of(told.map(|(company, (truths, member))| Told { company, size: member.size, truths }).collect())
    }

    fn of(mut told: Vec<Told>) -> Self {
        told.retain(|told| told.truths != [0.0; 2]);
        let people: f64 = told.iter().flat_map(|told| told.truths).sum();
        Calibration { told, precision: (MANY / people).max(1.0) }
    }

    /// Draws each part of the lean given the companies' states and the other part.
    pub(super) fn draw(&self, states: &[State], lean: &mut Lean, generator: &mut ChaCha8Rng) {
        if self.told.is_empty() {
            return;
        }
        for (part, size) in SIZES.iter().enumerate() {
            lean.0[part] = self.draw_part(part, self.precision / (size * size), states, *lean, generator);
        }
    }

    /// A part of the lean given the other, and its precision before any data.
    fn draw_part(&self, part: usize, precision: f64, states: &[State], lean: Lean, generator: &mut ChaCha8Rng) -> f64 {
        let truly = |told: &Told, value: f64| {
            let mut moved = lean;
            moved.0[part] = value;
            states[told.company][0] - moved.of(told.size)
        };
        let slope = |value: f64| {
            let (mut score, mut information) = (-value * precision, precision);
            for told in &self.told {
                let [others, experts] = told.truths;
                let (n, pi, slope) = (others + experts, logistic(truly(told, value)), [1.0, told.size][part]);
                score += (n * pi - experts) * slope;
                information += n * pi * (1.0 - pi) * slope * slope;
            }
            (score, information)
        };
        let log_density = |value: f64| {
            let told = self.told.iter().map(|told| of_truths(told.truths, truly(told, value)));
            told.sum::<f64>() - 0.5 * precision * value * value
        };
        Nodes::about(mode(lean.0[part], slope), generator).draw(log_density, generator)
    }
}

#[cfg(test)]
mod tests {
    use super::super::moments::Moments;
    use super::*;
    use crate::random::{Purpose, Stream};

    fn told(of: &[(f64, [f64; 2])]) -> Vec<Told> {
        of.iter().enumerate().map(|(company, (size, truths))| Told { company, size: *size, truths: *truths }).collect()
    }

    /// Moments of many draws against sums over a fine grid.
    #[test]
    fn draws_have_the_moments_of_the_posterior() {
        let companies =
            [(-3.0, -1.5, [20.0, 1.0]), (-1.0, 0.5, [9.0, 2.5]), (0.5, 2.5, [6.0, 8.0]), (2.0, 1.0, [0.0; 2])];
        let states = companies.map(|(logit, ..)| [logit, 0.3, -0.2]);
        let calibration = Calibration::of(told(&companies.map(|(_, size, truths)| (size, truths))));
        let mut generator = Stream::new(6, Purpose::Simulation, 0).replicate(0);
        let mut lean = Lean::default();
        let draws = Moments::of((0..100_000).map(|_| {
            calibration.draw(&states, &mut lean, &mut generator);
            (lean.0, 1.0)
        }));
        let wanted = Moments::of((0..401 * 401).map(|i| {
            let x = [(i / 401) as f64 * 0.005 - 1.0, (i % 401) as f64 * 0.002 - 0.4];
            let likelihood = companies.iter().map(|(logit, size, [others, experts])| {
                let pi = 1.0 / (1.0 + (x[0] + x[1] * size - logit).exp());
                pi.powf(*experts) * (1.0 - pi).powf(*others)
            });
            let prior = (-0.5 * 300.0 / 46.5 * (x[0] * x[0] / 0.25 + x[1] * x[1] / 0.04)).exp();
            (x, prior * likelihood.product::<f64>())
        }));
        draws.assert_near(&wanted, 0.02);
    }

    /// Variances as of 300 people or more, or as many parts of it as there are people; nobody speaks of a lean where nobody is told.
    #[test]
    fn few_gold_people_tell_little_of_a_lean() {
        let precision = |truths: [f64; 2]| Calibration::of(told(&[(0.0, truths)])).precision;
        assert_eq!([[600.0, 3.0], [200.0, 100.0]].map(precision), [1.0; 2]);
        assert!((precision([2.0, 1.0]) - 100.0).abs() < 1e-12);
        let mut generator = Stream::new(6, Purpose::Simulation, 0).replicate(0);
        let mut lean = Lean::default();
        Calibration::of(told(&[(0.0, [0.0; 2]); 2])).draw(&[[-3.0, 0.0, 0.0]; 2], &mut lean, &mut generator);
        assert_eq!(lean, Lean::default());
    }
}

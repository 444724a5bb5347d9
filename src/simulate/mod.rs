//! Simulated studies, whose truth is known.
//!
//! People answer to six annotators by a probit model fitted to a real study: two keyword filters, their
//! conjunction and three language models. Companies have log-uniform headcounts and a logit-normal
//! prevalence that falls with size; some of each company's people are observed, some labels are missing, and
//! some companies have no language model's labels at all. The gold people are a set stratified by class.
//!
//! A company's people depend on the seed and on the company alone, so profiles, ratings and truth of the
//! same arguments fit together.

use crate::interrupt;
use crate::probit::study::{Count, Pattern};
use crate::random::{Purpose, Stream, binomial};
use crate::stats::logistic::{logistic, logit};
use crate::stats::normal::quantile;
use crate::stats::orthant::{Correlation, orthant_table};
use crate::stats::tetrachoric::{pair_cell, tetrachoric};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;

/// The annotators, in the order of the bits of a pattern.
pub const ANNOTATORS: [&str; 6] = ["broad", "strict", "both", "gemini", "gpt", "sonnet"];

const BROAD: usize = 0;
const STRICT: usize = 1;
const BOTH: usize = 2;

/// P(yes) of experts and of non-experts.
const RATES: [(f64, f64); 6] =
    [(0.562, 0.090), (0.412, 0.109), (0.301, 0.019), (0.712, 0.171), (0.725, 0.132), (0.588, 0.025)];

/// Annotators that do not follow from others, in the order of the correlations.
const PRIMITIVES: [usize; 5] = [3, 5, 4, BROAD, STRICT];

/// Correlations of experts and of non-experts, upper triangle by rows.
const CORRELATIONS: [[f64; 10]; 2] = [
    [0.66, 0.71, 0.08, -0.18, 0.70, 0.11, 0.09, 0.21, 0.06, 0.47],
    [0.50, 0.65, 0.40, 0.14, 0.56, 0.16, 0.00, 0.38, 0.02, 0.45],
];

/// Origin of the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthModel {
    /// Six correlated annotators; the third correlates with the others as the conjunction does.
    Probit6,
    /// Five correlated annotators; the third is the AND of the first two.
    Determined,
}

impl TruthModel {
    /// Every truth model with its name.
    pub const ALL: [(&'static str, TruthModel); 2] =
        [("probit6", TruthModel::Probit6), ("determined", TruthModel::Determined)];
}

/// Settings of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub companies: usize,
    pub seed: u64,
    /// Prevalence of a company of middling size.
    pub typical: f64,
    /// Standard deviation of a company's shift of each annotator's latent mean.
    pub drift: f64,
    /// Rise of experts' latent means with the logit of a company's prevalence, 0 at the typical one (the spectrum effect).
    pub spectrum: f64,
    pub truth_model: TruthModel,
    /// Maximum number of people observed in a company.
    pub max_observed: u64,
    pub gold_experts: u64,
    pub gold_others: u64,
    /// Share of labels missing at random.
    pub missing: f64,
    /// Share of companies without labels of language models.
    pub models_missing: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            companies: 200,
            seed: 1,
            typical: 0.03,
            drift: 0.0,
            spectrum: 0.0,
            truth_model: TruthModel::Probit6,
            max_observed: 3000,
            gold_experts: 153,
            gold_others: 432,
            missing: 0.05,
            models_missing: 0.2,
        }
    }
}

/// Simulated person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub expert: bool,
    pub pattern: Pattern,
}

/// Simulated company; `people` are those observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    pub headcount: u64,
    pub prevalence: f64,
    /// Number of experts among the headcount, seen and unseen.
    pub experts: u64,
    pub people: Vec<Person>,
}

/// Name of company number `index`, from 0.
pub fn company_name(index: usize) -> String {
    format!("company {:04}", index + 1)
}

/// Latent means of one class and the Cholesky factor of their correlations.
struct ClassTruth {
    mu: Vec<f64>,
    factor: DMatrix<f64>,
}

/// Simulator of companies and gold people.
pub struct Simulator {
    settings: Settings,
    /// Bits of the latent axes.
    axes: Vec<usize>,
    /// Non-experts, experts.
    classes: [ClassTruth; 2],
}

impl Simulator {
    /// The simulator of the settings.
    pub fn new(settings: Settings) -> Self {
        let axes: Vec<usize> = match settings.truth_model {
            TruthModel::Probit6 => (0..ANNOTATORS.len()).collect(),
            TruthModel::Determined => PRIMITIVES.to_vec(),
        };
        let classes = [false, true].map(|expert| {
            let rate = |a: usize| if expert { RATES[a].0 } else { RATES[a].1 };
            let measured = correlations(expert, &rate);
            let chosen = measured.select_rows(&axes).select_columns(&axes);
            let (r, _) = Correlation::regularised(&chosen);
            ClassTruth { mu: axes.iter().map(|&a| quantile(rate(a))).collect(), factor: r.factor() }
        });
        Simulator { settings, axes, classes }
    }

    /// The gold people: experts first.
    pub fn gold(&self) -> Vec<Person> {
        let mut generator = Stream::new(self.settings.seed, Purpose::Simulation, 0).replicate(0);
        let still = vec![0.0; ANNOTATORS.len()];
        let experts = std::iter::repeat_n(true, self.settings.gold_experts as usize);
        let others = std::iter::repeat_n(false, self.settings.gold_others as usize);
        experts.chain(others).map(|expert| self.person(expert, &still, true, &mut generator)).collect()
    }

    /// Company number `index`, from 0.
    pub fn company(&self, index: usize) -> Company {
        let mut generator = Stream::new(self.settings.seed, Purpose::Simulation, 1).replicate(index as u64);
        let normal = |g: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(g) };
        let (low, high) = (20f64.ln(), 20_000f64.ln());
        let headcount = (low + (high - low) * generator.random::<f64>()).exp().round();
        let centre = logit(self.settings.typical) - 0.25 * (headcount / 600.0).ln();
        let prevalence = logistic(centre + 1.3 * normal(&mut generator)).clamp(0.0005, 0.4);
        let share = [1.0, 0.6, 0.3, 0.1][generator.random_range(0..4usize)];
        let observed = ((headcount * share).round() as u64).clamp(1, self.settings.max_observed);
        let has_models = generator.random::<f64>() >= self.settings.models_missing;
        let shifts: Vec<f64> = (0..ANNOTATORS.len()).map(|_| self.settings.drift * normal(&mut generator)).collect();
        let rise = self.settings.spectrum * (logit(prevalence) - logit(self.settings.typical));
        let of_experts: Vec<f64> = shifts.iter().map(|shift| shift + rise).collect();
        let people: Vec<Person> = (0..observed)
            .map(|_| {
                let expert = generator.random::<f64>() < prevalence;
                self.person(expert, if expert { &of_experts } else { &shifts }, has_models, &mut generator)
            })
            .collect();
        let seen = people.iter().filter(|p| p.expert).count() as u64;
        Company {
            headcount: headcount as u64,
            prevalence,
            experts: seen + binomial(headcount as u64 - observed, prevalence, &mut generator),
            people,
        }
    }

    fn person(&self, expert: bool, shifts: &[f64], has_models: bool, generator: &mut ChaCha8Rng) -> Person {
        interrupt::check();
        let class = &self.classes[expert as usize];
        let noise = DVector::from_fn(self.axes.len(), |_, _| Distribution::<f64>::sample(&StandardNormal, generator));
        let latent = &class.factor * noise;
        let mut answers = [false; ANNOTATORS.len()];
        for (axis, &annotator) in self.axes.iter().enumerate() {
            answers[annotator] = class.mu[axis] + shifts[annotator] + latent[axis] > 0.0;
        }
        if self.settings.truth_model == TruthModel::Determined {
            answers[BOTH] = answers[BROAD] && answers[STRICT];
        }
        let mut pattern = Pattern::default();
        for (annotator, &yes) in answers.iter().enumerate() {
            let there = generator.random::<f64>() >= self.settings.missing;
            if there && (annotator <= BOTH || has_models) {
                pattern.add_label(annotator, yes);
            }
        }
        Person { expert, pattern }
    }

    /// People of the whole study, counted, and its companies with their true numbers of experts.
    pub fn study(&self) -> (Vec<Count>, Vec<Company>) {
        let mut counted: BTreeMap<(Option<usize>, Option<bool>, Pattern), u64> = BTreeMap::new();
        for person in self.gold() {
            *counted.entry((None, Some(person.expert), person.pattern)).or_default() += 1;
        }
        let companies: Vec<Company> = (0..self.settings.companies).map(|index| self.company(index)).collect();
        for (index, company) in companies.iter().enumerate() {
            for person in &company.people {
                *counted.entry((Some(index), None, person.pattern)).or_default() += 1;
            }
        }
        let counts = counted
            .into_iter()
            .map(|((index, truth, pattern), count)| Count {
                company: index.map(company_name),
                truth,
                seen: pattern.seen as u64,
                yes: pattern.yes as u64,
                count,
                gold_weight: 1.0,
                headcount: index.map(|i| companies[i].headcount as f64),
            })
            .collect();
        (counts, companies)
    }
}

/// Correlations of the six annotators of a class, before they are regularised. Those of the conjunction are the
/// tetrachoric correlations that an AND of the first two has with each of the others.
fn correlations(expert: bool, rate: &dyn Fn(usize) -> f64) -> DMatrix<f64> {
    let mut full = DMatrix::identity(ANNOTATORS.len(), ANNOTATORS.len());
    let mut values = CORRELATIONS[if expert { 0 } else { 1 }].iter();
    for i in 0..PRIMITIVES.len() {
        for j in i + 1..PRIMITIVES.len() {
            let rho = values.next().copied().unwrap_or(0.0);
            full[(PRIMITIVES[i], PRIMITIVES[j])] = rho;
            full[(PRIMITIVES[j], PRIMITIVES[i])] = rho;
        }
    }
    // as many as the study's gold people: they decide what half a person in an empty cell means
    let people = if expert { 153.0 } else { 432.0 };
    for &primitive in &PRIMITIVES {
        // the cells of (broad, strict, primitive); an AND with one of its parts has an empty cell
        let axes = [BROAD, STRICT, primitive];
        let axes = if primitive == BROAD || primitive == STRICT { &axes[..2] } else { &axes[..] };
        let mu: Vec<f64> = axes.iter().map(|&a| quantile(rate(a))).collect();
        let chosen = full.select_rows(axes).select_columns(axes);
        let Ok(cells) = Correlation::new(chosen).map_err(Into::into).and_then(|r| orthant_table(&mu, &r)) else {
            continue;
        };
        let bit = axes.iter().position(|&a| a == primitive).unwrap_or(0);
        let mut table = [0.0; 4];
        for (cell, p) in cells.iter().enumerate() {
            table[pair_cell(cell & 3 == 3, cell >> bit & 1 == 1)] += people * p;
        }
        let rho = tetrachoric(table[0], table[1], table[2], table[3]).unwrap_or(0.0);
        full[(BOTH, primitive)] = rho;
        full[(primitive, BOTH)] = rho;
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(people: &[Person], of: impl Fn(&Person) -> bool, among: impl Fn(&Person) -> bool) -> f64 {
        let all = people.iter().filter(|p| among(p)).count();
        people.iter().filter(|p| among(p) && of(p)).count() as f64 / all as f64
    }

    #[test]
    fn answers_follow_the_rates() {
        for (_, truth_model) in TruthModel::ALL {
            let people = Simulator::new(Settings {
                gold_experts: 20_000,
                gold_others: 20_000,
                truth_model,
                ..Settings::default()
            })
            .gold();
            for (annotator, (sensitivity, false_positive)) in RATES.iter().enumerate() {
                let label = |p: &Person| p.pattern.label(annotator);
                for (expert, rate) in [(true, sensitivity), (false, false_positive)] {
                    let got = share(&people, |p| label(p) == Some(true), |p| p.expert == expert && label(p).is_some());
                    // the AND of the determined model follows from its parts: .29 and .04 for .301 and .019
                    let allowed = if truth_model == TruthModel::Determined && annotator == BOTH { 0.04 } else { 0.015 };
                    assert!((got - rate).abs() < allowed, "{} {expert}: {got}, not {rate}", ANNOTATORS[annotator]);
                }
            }
        }
    }

    #[test]
    fn experts_are_found_more_easily_where_there_are_more() {
        let settings = Settings { missing: 0.0, models_missing: 0.0, ..Settings::default() };
        let found = |spectrum: f64| {
            let simulator = Simulator::new(Settings { spectrum, ..settings.clone() });
            let companies = (0..200).map(|index| simulator.company(index));
            let (many, few): (Vec<_>, Vec<_>) = companies.partition(|company| company.prevalence > settings.typical);
            [many, few].map(|companies| {
                let people: Vec<Person> = companies.into_iter().flat_map(|company| company.people).collect();
                [true, false].map(|class| share(&people, |p| p.pattern.label(3) == Some(true), |p| p.expert == class))
            })
        };
        let [many, few] = found(0.5);
        let level = found(0.0);
        assert!(many[0] > level[0][0] + 0.05 && few[0] < level[1][0] - 0.05, "{many:?} {few:?} {level:?}");
        assert_eq!([many[1], few[1]], [level[0][1], level[1][1]]);
    }

    #[test]
    fn companies_do_not_depend_on_each_other() {
        let few = Simulator::new(Settings { companies: 3, ..Settings::default() });
        let many = Simulator::new(Settings { companies: 9, ..Settings::default() });
        assert_eq!(few.company(2), many.company(2));
        let company = many.company(2);
        assert!(company.people.len() as u64 <= company.headcount && company.experts <= company.headcount);
    }
}

//! Answers of people as numbers, and their probabilities in a replicate.
//!
//! Up to [`MAX_TABLE`] annotators the table of all patterns gives the probability of every set of answers. With more,
//! only the answers that people have are asked for, and the mean over all answers of non-experts becomes one over answers that
//! are made up under the model.

use crate::probit::model::{ClassModel, Model, replicate_points};
use crate::probit::study::{Pattern, Study};
use crate::random::{Purpose, Stream};
use crate::stats::orthant::{MAX_TABLE, OrthantError};
use nalgebra::DVector;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;

/// Number of non-experts made up in a replicate, dealt out to the masks by their people.
const MADE: f64 = 2048.0;

/// Minimum number of those with the same mask.
const MADE_EACH: usize = 2;

/// Answers whose probabilities are wanted.
pub(super) enum Answers {
    /// All of them; with each mask that occurs the numbers of all answers of its annotators.
    All { ternary: Ternary, masks: Vec<(u32, Vec<usize>)> },
    /// Those that people have, sorted; with each mask that occurs the number of non-experts made up.
    Occurring { patterns: Vec<Pattern>, masks: Vec<(u32, usize)> },
}

impl Answers {
    /// The answers of the people of a study who are not gold.
    pub(super) fn new(study: &Study) -> Self {
        if study.annotators.len() <= MAX_TABLE { Answers::all(study) } else { Answers::occurring(study) }
    }

    pub(super) fn all(study: &Study) -> Self {
        let ternary = Ternary::new(study.annotators.len());
        // people without labels have a mask too
        let masks = people_by_mask(study).into_keys().map(|mask| (mask, ternary.within(mask).collect())).collect();
        Answers::All { ternary, masks }
    }

    pub(super) fn occurring(study: &Study) -> Self {
        let masks = people_by_mask(study);
        let everybody: u64 = masks.values().sum();
        let made = |people: u64| (MADE * people as f64 / everybody as f64).ceil() as usize;
        Answers::Occurring {
            patterns: study.patterns().into_iter().collect(),
            masks: masks.into_iter().map(|(mask, people)| (mask, made(people).max(MADE_EACH))).collect(),
        }
    }

    /// The same without what tells how non-experts answer: [`Probabilities::within`] is empty then.
    pub(super) fn of_people_alone(mut self) -> Self {
        match &mut self {
            Answers::All { masks, .. } => masks.clear(),
            Answers::Occurring { masks, .. } => masks.clear(),
        }
        self
    }

    /// Number of the answers of people of the study.
    pub(super) fn number(&self, pattern: Pattern) -> usize {
        match self {
            Answers::All { ternary, .. } => ternary.number(pattern),
            Answers::Occurring { patterns, .. } => patterns.binary_search(&pattern).unwrap_or(0),
        }
    }

    /// Position of a mask that occurs.
    pub(super) fn mask(&self, seen: u32) -> usize {
        match self {
            Answers::All { masks, .. } => masks.binary_search_by_key(&seen, |mask| mask.0),
            Answers::Occurring { masks, .. } => masks.binary_search_by_key(&seen, |mask| mask.0),
        }
        .unwrap_or(0)
    }

    /// Probabilities under the model of a replicate.
    ///
    /// # Errors
    ///
    /// Where a table cannot be computed.
    pub(super) fn probabilities(
        &self,
        model: &Model,
        seed: u64,
        replicate: usize,
    ) -> Result<Probabilities, OrthantError> {
        match self {
            Answers::All { ternary, masks } => {
                let [non_expert, expert] = [&model.non_expert, &model.expert].map(|class| class.table());
                let (non_expert, expert) = (ternary.probabilities(non_expert?), ternary.probabilities(expert?));
                let within = |(_, answers): &(u32, Vec<usize>)| {
                    let of = |all: &[f64]| answers.iter().map(|&at| all[at]).collect::<Vec<_>>();
                    Within { weight: of(&non_expert), non_expert: of(&non_expert), expert: of(&expert) }
                };
                Ok(Probabilities { within: masks.iter().map(within).collect(), non_expert, expert })
            }
            Answers::Occurring { patterns, masks } => {
                let stream = Stream::new(seed, Purpose::Answers, 0);
                let made = made_up(&model.non_expert, masks, &stream, replicate);
                let all: Vec<Pattern> = patterns.iter().chain(&made).copied().collect();
                let points = replicate_points(replicate);
                let mut non_expert = model.non_expert.probabilities(&all, points);
                let mut expert = model.expert.probabilities(&all, points);
                let mut made = non_expert.split_off(patterns.len()).into_iter().zip(expert.split_off(patterns.len()));
                let within = |&(_, n): &(u32, usize)| {
                    let (non_expert, expert) = made.by_ref().take(n).unzip();
                    Within { weight: vec![1.0 / n as f64; n], non_expert, expert }
                };
                Ok(Probabilities { within: masks.iter().map(within).collect(), non_expert, expert })
            }
        }
    }
}

/// Number of people who are not gold by their masks.
fn people_by_mask(study: &Study) -> BTreeMap<u32, u64> {
    let mut masks = BTreeMap::new();
    for (pattern, people) in study.companies.iter().flat_map(|company| &company.people) {
        *masks.entry(pattern.seen).or_default() += people;
    }
    masks
}

/// Answers of people of a class made up for each mask.
fn made_up(class: &ClassModel, masks: &[(u32, usize)], stream: &Stream, replicate: usize) -> Vec<Pattern> {
    let mut generator = stream.replicate(replicate as u64);
    let (means, lower) = (class.means(), class.correlation.factor());
    let mut latent = DVector::zeros(means.len());
    let mut made = Vec::new();
    for &(mask, n) in masks {
        for _ in 0..n {
            latent.iter_mut().for_each(|z| *z = StandardNormal.sample(&mut generator));
            let errors = &lower * &latent;
            let mut pattern = Pattern::default();
            for (j, (mean, error)) in means.iter().zip(errors.iter()).enumerate() {
                pattern.add_label(j, mean + error > 0.0);
            }
            made.push(pattern.within(mask));
        }
    }
    made
}

/// Probabilities of answers in each class, by their numbers.
pub(super) struct Probabilities {
    non_expert: Vec<f64>,
    expert: Vec<f64>,
    /// By the position of a mask.
    pub(super) within: Vec<Within>,
}

impl Probabilities {
    /// Probability of a person with these answers to be an expert, at prevalence `pi`.
    #[inline(always)]
    pub(super) fn posterior(&self, answers: usize, pi: f64) -> f64 {
        let expert = pi * self.expert[answers];
        expert / (expert + (1.0 - pi) * self.non_expert[answers])
    }
}

/// Answers as numbers in base 3, annotator j the digit at 3^j: 0 no, 1 yes, 2 missing.
pub(super) struct Ternary {
    /// Number of each yes mask: the one with a 1 wherever the mask has one.
    of_mask: Vec<usize>,
}

impl Ternary {
    fn new(annotators: usize) -> Self {
        let mut of_mask = vec![0];
        let mut place = 1;
        for _ in 0..annotators {
            let above: Vec<usize> = of_mask.iter().map(|number| number + place).collect();
            of_mask.extend(above);
            place *= 3;
        }
        Ternary { of_mask }
    }

    fn all_seen(&self) -> u32 {
        self.of_mask.len() as u32 - 1
    }

    fn number(&self, pattern: Pattern) -> usize {
        2 * self.of_mask[(self.all_seen() & !pattern.seen) as usize] + self.of_mask[pattern.yes as usize]
    }

    /// Numbers of all answers of the annotators in a mask.
    fn within(&self, mask: u32) -> impl Iterator<Item = usize> {
        let none = self.number(Pattern { seen: mask, yes: 0 });
        // subsets of the mask, in increasing order
        let next = move |yes: &u32| Some(yes.wrapping_sub(mask) & mask).filter(|yes| *yes != 0);
        std::iter::successors(Some(0), next).map(move |yes| none + self.of_mask[yes as usize])
    }

    /// Probabilities of every set of answers, missing ones summed out, by number.
    fn probabilities(&self, table: Vec<f64>) -> Vec<f64> {
        let mut all = table;
        // after j annotators: blocks of 3^j numbers, one for each set of answers of the others
        let mut size = 1;
        while size < all.len() {
            let mut wider = Vec::with_capacity(all.len() / 2 * 3);
            for pair in all.chunks_exact(2 * size) {
                let (no, yes) = pair.split_at(size);
                wider.extend_from_slice(pair);
                wider.extend(no.iter().zip(yes).map(|(no, yes)| no + yes));
            }
            all = wider;
            size *= 3;
        }
        // no answers say nothing, whatever the error of the table
        if let Some(none_seen) = all.last_mut() {
            *none_seen = 1.0;
        }
        all
    }
}

/// Answers of non-experts with the same mask: their weights, which sum to 1, and probabilities in each class.
pub(super) struct Within {
    weight: Vec<f64>,
    non_expert: Vec<f64>,
    expert: Vec<f64>,
}

impl Within {
    /// Mean posterior of non-experts at prevalence `pi`.
    pub(super) fn null_share(&self, pi: f64) -> f64 {
        pulp::Arch::new().dispatch(NullShare { within: self, pi })
    }
}

const LANES: usize = 8;

struct NullShare<'a> {
    within: &'a Within,
    pi: f64,
}

impl pulp::WithSimd for NullShare<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        let NullShare { within, pi } = self;
        let (weights, last_weights) = within.weight.as_chunks::<LANES>();
        let (non_experts, last_non_experts) = within.non_expert.as_chunks::<LANES>();
        let (experts, last_experts) = within.expert.as_chunks::<LANES>();
        let mass = |weight: f64, non_expert: f64, expert: f64| {
            weight * (pi * expert) / (pi * expert + (1.0 - pi) * non_expert)
        };
        let mut lanes = [0.0; LANES];
        for ((weight, non_expert), expert) in weights.iter().zip(non_experts).zip(experts) {
            for l in 0..LANES {
                lanes[l] += mass(weight[l], non_expert[l], expert[l]);
            }
        }
        let last = last_weights.iter().zip(last_non_experts).zip(last_experts);
        let last: f64 = last.map(|((weight, non_expert), expert)| mass(*weight, *non_expert, *expert)).sum();
        lanes.iter().sum::<f64>() + last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{ANNOTATORS, Settings, Simulator};
    use crate::stats::orthant::marginal;

    fn study() -> Study {
        let simulator = Simulator::new(Settings { companies: 4, ..Default::default() });
        Study::new(&ANNOTATORS.map(String::from), &simulator.study().0).unwrap()
    }

    #[test]
    fn probabilities_of_partial_answers_are_sums() {
        let study = study();
        let annotators = study.annotators.len();
        let ternary = Ternary::new(annotators);
        let table = Model::point(&study.gold, annotators).expert.table().unwrap();
        let all = ternary.probabilities(table.clone());
        assert_eq!(all.len(), 3usize.pow(annotators as u32));
        for seen in 1..1u32 << annotators {
            let marginal = marginal(&table, seen);
            let within: Vec<usize> = ternary.within(seen).collect();
            let yes: Vec<u32> = (0..1u32 << annotators).filter(|yes| yes & !seen == 0).collect();
            assert_eq!(within.len(), yes.len());
            for (yes, within) in yes.into_iter().zip(within) {
                assert_eq!(within, ternary.number(Pattern { seen, yes }));
                assert!((all[within] - marginal[yes as usize]).abs() < 1e-14);
            }
        }
        assert_eq!(all[ternary.number(Pattern::default())], 1.0);
    }

    #[test]
    fn the_null_share_is_the_mean_over_all_answers_of_non_experts() {
        let study = study();
        let answers = Answers::new(&study);
        let model = Model::point(&study.gold, study.annotators.len());
        let probabilities = answers.probabilities(&model, 42, 0).unwrap();
        let Answers::All { masks, .. } = &answers else {
            panic!("six annotators have a table");
        };
        for ((_, numbers), within) in masks.iter().zip(&probabilities.within) {
            let mass = |&at: &usize| probabilities.non_expert[at] * probabilities.posterior(at, 0.07);
            assert!((within.null_share(0.07) - numbers.iter().map(mass).sum::<f64>()).abs() < 1e-14);
        }
    }
}

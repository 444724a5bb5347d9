//! The original study's methods: the model is fitted again in every replicate, to gold people drawn with
//! replacement, and prevalence comes from a prior that no label updates.
//!
//! The study resamples a company's people and realises a Bernoulli each, which is one Binomial with the mean
//! of their posteriors.

use super::replicates::{Estimate, by_company};
use super::settings::Settings;
use crate::probit::model::{ClassModel, Model};
use crate::probit::study::{Company, GoldPeople, Pattern, Study, StudyError, survey_weights};
use crate::random::{self, Purpose, Stream, binomial};
use std::collections::BTreeSet;

/// Beta priors of the study's program by size: headcount below, alpha, beta.
const BY_SIZE: [(u64, f64, f64); 4] =
    [(100, 2.415889, 21.742998), (1000, 3.001591, 57.030237), (10000, 1.563834, 154.819604), (u64::MAX, 1.0, 999.0)];

/// Prior of the prevalence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Prior {
    /// One prevalence for all companies, Beta(alpha, beta).
    Common(f64, f64),
    /// A prevalence for each company, by its headcount.
    BySize,
}

/// Answers as numbers in base 3, annotator j the digit at 3^j: 0 no, 1 yes, 2 missing.
struct Ternary {
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

/// What the replicates of a study share.
struct Numbered {
    ternary: Ternary,
    companies: Vec<TernaryCompany>,
    /// Numbers of all answers of the annotators in each mask that occurs.
    masks: Vec<Vec<usize>>,
}

impl Numbered {
    fn new(study: &Study, seed: u64) -> Self {
        let ternary = Ternary::new(study.annotators.len());
        // those without labels too
        let masks: BTreeSet<u32> = study.patterns().into_iter().map(|pattern| pattern.seen).collect();
        let masks: Vec<u32> = masks.into_iter().collect();
        Numbered {
            companies: study.companies.iter().map(|c| TernaryCompany::new(c, &ternary, &masks, seed)).collect(),
            masks: masks.into_iter().map(|mask| ternary.within(mask).collect()).collect(),
            ternary,
        }
    }
}

/// Company with its people by the number of their answers.
struct TernaryCompany {
    /// Number of people who are not gold.
    people: u64,
    /// Their patterns as numbers, and how many people have each.
    patterns: Vec<(usize, f64)>,
    /// Positions of their masks, and how many people have each.
    masks: Vec<(usize, f64)>,
    stream: Stream,
    null: Stream,
}

impl TernaryCompany {
    fn new(company: &Company, ternary: &Ternary, all_masks: &[u32], seed: u64) -> Self {
        let mut masks: Vec<(usize, f64)> = Vec::new();
        for &(pattern, count) in &company.people {
            let mask = all_masks.binary_search(&pattern.seen).unwrap_or(0);
            match masks.last_mut() {
                // people are sorted by their masks
                Some((last, people)) if *last == mask => *people += count as f64,
                _ => masks.push((mask, count as f64)),
            }
        }
        TernaryCompany {
            people: company.observed - company.gold,
            patterns: company.people.iter().map(|&(p, count)| (ternary.number(p), count as f64)).collect(),
            masks,
            stream: Stream::named(seed, Purpose::Company, &company.name),
            null: Stream::named(seed, Purpose::Null, &company.name),
        }
    }

    /// Mean over the people who are not gold of what a mask has.
    fn mean(&self, of_mask: impl Fn(usize) -> f64) -> f64 {
        self.masks.iter().map(|&(mask, n)| n * of_mask(mask)).sum::<f64>() / self.people as f64
    }
}

/// Model of one replicate: the probability of every set of answers in each class.
struct Refit {
    number: usize,
    non_expert: Vec<f64>,
    expert: Vec<f64>,
    /// Probabilities of all answers within each mask that occurs.
    within: Vec<Within>,
    /// Prevalence of all companies under each prior.
    common: Vec<Option<Common>>,
}

/// Prevalence of all companies, and the mean posterior of non-experts by the position of their mask.
struct Common {
    pi: f64,
    null_shares: Vec<f64>,
}

impl Refit {
    fn new(study: &Study, numbered: &Numbered, priors: &[Prior], seed: u64, number: usize) -> Result<Self, StudyError> {
        let weights = resample(&study.gold, seed, number);
        let model = Model::fit(&study.gold, &weights, study.annotators.len());
        let probabilities = |class: &ClassModel| Ok::<_, StudyError>(numbered.ternary.probabilities(class.table()?));
        let (non_expert, expert) = (probabilities(&model.non_expert)?, probabilities(&model.expert)?);
        let within: Vec<Within> = numbered
            .masks
            .iter()
            .map(|answers| Within {
                non_expert: answers.iter().map(|&at| non_expert[at]).collect(),
                expert: answers.iter().map(|&at| expert[at]).collect(),
            })
            .collect();
        let common = |prior: &Prior| {
            let Prior::Common(alpha, beta) = *prior else {
                return None;
            };
            let mut shared = Stream::new(seed, Purpose::Shared, 0).replicate(number as u64);
            let pi = random::beta(alpha, beta, &mut shared);
            Some(Common { pi, null_shares: within.iter().map(|within| within.null_share(pi)).collect() })
        };
        Ok(Refit { number, common: priors.iter().map(common).collect(), non_expert, expert, within })
    }

    #[inline(always)]
    fn posterior(&self, answers: usize, pi: f64) -> f64 {
        let expert = pi * self.expert[answers];
        expert / (expert + (1.0 - pi) * self.non_expert[answers])
    }

    /// Mean posterior of a company's people.
    fn share(&self, company: &TernaryCompany, pi: f64) -> f64 {
        if company.people == 0 {
            return pi;
        }
        let sum: f64 = company.patterns.iter().map(|(answers, n)| n * self.posterior(*answers, pi)).sum();
        sum / company.people as f64
    }

    /// Draws of a company under a prior, given by its position: experts among the people who are not gold, and those that the observed
    /// people would be given if none of them were one.
    fn draw(&self, stated: &Company, company: &TernaryCompany, prior: usize) -> (u64, u64) {
        let mut generator = company.stream.replicate(self.number as u64);
        let common = self.common[prior].as_ref();
        let pi = common.map_or_else(
            || {
                let (_, a, b) = BY_SIZE.iter().find(|t| stated.headcount < t.0).unwrap_or(&BY_SIZE[3]);
                random::beta(*a, *b, &mut generator)
            },
            |common| common.pi,
        );
        let share = self.share(company, pi);
        let seen = binomial(company.people, share, &mut generator);
        // the study scales the observed people to the headcount; its prior says nothing of those unseen
        let unseen = binomial(stated.headcount - stated.observed, share, &mut generator);
        let null_share = match common {
            _ if company.people == 0 => pi,
            Some(common) => company.mean(|mask| common.null_shares[mask]),
            None => company.mean(|mask| self.within[mask].null_share(pi)),
        };
        let mut null = company.null.replicate(self.number as u64);
        (seen + unseen, binomial(company.people, null_share, &mut null))
    }
}

/// Probabilities of all answers of the annotators in a mask.
struct Within {
    non_expert: Vec<f64>,
    expert: Vec<f64>,
}

impl Within {
    /// Mean posterior of non-experts at prevalence `pi`.
    fn null_share(&self, pi: f64) -> f64 {
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
        let (non_experts, last_non_experts) = within.non_expert.as_chunks::<LANES>();
        let (experts, last_experts) = within.expert.as_chunks::<LANES>();
        let mass = |non_expert: f64, expert: f64| non_expert * (pi * expert) / (pi * expert + (1.0 - pi) * non_expert);
        let mut lanes = [0.0; LANES];
        for (non_expert, expert) in non_experts.iter().zip(experts) {
            for l in 0..LANES {
                lanes[l] += mass(non_expert[l], expert[l]);
            }
        }
        let last: f64 = last_non_experts.iter().zip(last_experts).map(|(n, e)| mass(*n, *e)).sum();
        lanes.iter().sum::<f64>() + last
    }
}

/// Gold people drawn with replacement inside each class, as counts of the rows, each as heavy as the survey weight.
fn resample(gold: &[GoldPeople], seed: u64, replicate: usize) -> Vec<f64> {
    let mut generator = Stream::new(seed, Purpose::Weights, 1).replicate(replicate as u64);
    let mut weights = survey_weights(gold).each;
    for class in [false, true] {
        let mut left: u64 = gold.iter().filter(|r| r.truth == class).map(|r| r.count).sum();
        let mut people = left;
        for (row, weight) in gold.iter().zip(&mut weights).filter(|(r, _)| r.truth == class) {
            let n = binomial(left, row.count as f64 / people as f64, &mut generator);
            *weight *= n as f64;
            left -= n;
            people -= row.count;
        }
    }
    weights
}

/// Estimates under each prior, `[prior][company]`; the model of a replicate is fitted once for all of them.
///
/// # Errors
///
/// Where the model of a replicate cannot be fitted.
pub(super) fn estimates<const N: usize>(
    study: &Study,
    priors: &[Prior; N],
    settings: &Settings,
) -> Result<Vec<Vec<Estimate>>, StudyError> {
    let numbered = Numbered::new(study, settings.seed);
    let by_company = by_company(
        settings,
        study.companies.len(),
        |r| Refit::new(study, &numbered, priors, settings.seed, r),
        |refit, c| std::array::from_fn(|prior| refit.draw(&study.companies[c], &numbered.companies[c], prior)),
        |c, drawn: Vec<[(u64, u64); N]>| {
            let of =
                |prior: usize| Estimate::new(&study.companies[c], drawn.iter().map(|row| row[prior]), settings.level);
            (0..N).map(of).collect::<Vec<_>>()
        },
    )?;
    let mut estimates: Vec<Vec<Estimate>> = (0..N).map(|_| Vec::with_capacity(by_company.len())).collect();
    for company in by_company {
        estimates.iter_mut().zip(company).for_each(|(all, estimate)| all.push(estimate));
    }
    Ok(estimates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;
    use crate::random::Stream;
    use crate::simulate::{ANNOTATORS, Simulator};
    use crate::stats::orthant::marginal;
    use rand::RngExt;

    fn study() -> Study {
        let simulator = Simulator::new(crate::simulate::Settings { companies: 4, ..Default::default() });
        let counts: Vec<Count> = simulator.study().0;
        Study::new(&ANNOTATORS.map(String::from), &counts).unwrap()
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
        let numbered = Numbered::new(&study, 42);
        let (pi, prior) = (0.07, Prior::Common(2.0, 10.0));
        let refit = Refit::new(&study, &numbered, &[prior, Prior::BySize], 42, 3).unwrap();
        for (answers, within) in numbered.masks.iter().zip(&refit.within) {
            let mean: f64 = answers.iter().map(|&at| refit.non_expert[at] * refit.posterior(at, pi)).sum();
            assert!((within.null_share(pi) - mean).abs() < 1e-14);
        }
        let common = refit.common[0].as_ref().unwrap();
        assert!(refit.common[1].is_none());
        for (share, within) in common.null_shares.iter().zip(&refit.within) {
            assert_eq!(*share, within.null_share(common.pi));
        }
    }

    #[test]
    fn one_binomial_is_resampling_people_and_a_bernoulli_each() {
        let study = study();
        let numbered = Numbered::new(&study, 42);
        let refit = Refit::new(&study, &numbered, &[], 42, 0).unwrap();
        let (company, own) = study.companies.iter().zip(&numbered.companies).min_by_key(|(c, _)| c.observed).unwrap();
        let pi = 0.2;
        let people: Vec<f64> = company
            .people
            .iter()
            .flat_map(|(pattern, n)| {
                std::iter::repeat_n(refit.posterior(numbered.ternary.number(*pattern), pi), *n as usize)
            })
            .collect();
        let mut generator = Stream::new(1, Purpose::Simulation, 0).replicate(0);
        let explicit: Vec<u64> = (0..5000)
            .map(|_| {
                let mut expert = || generator.random::<f64>() < people[generator.random_range(0..people.len())];
                people.iter().map(|_| expert() as u64).sum()
            })
            .collect();
        let share = refit.share(own, pi);
        let collapsed: Vec<u64> = (0..5000).map(|_| binomial(own.people, share, &mut generator)).collect();
        crate::probit::estimate::tests::assert_same_distribution(explicit, collapsed);
    }
}

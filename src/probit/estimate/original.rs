//! The original study's methods: the model is fitted again in every replicate, to gold people drawn with
//! replacement, and prevalence comes from a prior that no label updates.
//!
//! The study resamples a company's people and realises a Bernoulli each, which is one Binomial with the mean
//! of their posteriors.

use super::answers::{Answers, Probabilities};
use super::replicates::{Estimate, by_company};
use super::settings::Settings;
use crate::probit::model::Model;
use crate::probit::study::{Company, GoldPeople, Study, StudyError, survey_weights};
use crate::random::{self, Purpose, Stream, binomial};
use rand_chacha::ChaCha8Rng;

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

/// Parts of a study that its replicates share.
struct Numbered {
    answers: Answers,
    companies: Vec<NumberedCompany>,
}

impl Numbered {
    fn new(study: &Study, answers: Answers, seed: u64) -> Self {
        let companies = study.companies.iter().map(|c| NumberedCompany::new(c, &answers, seed)).collect();
        Numbered { answers, companies }
    }
}

/// Company with its people by the number of their answers.
struct NumberedCompany {
    /// Number of people who are not gold.
    people: u64,
    /// Their patterns as numbers, and how many people have each.
    patterns: Vec<(usize, f64)>,
    /// Positions of their masks, and how many people have each.
    masks: Vec<(usize, f64)>,
    stream: Stream,
    null: Stream,
}

impl NumberedCompany {
    fn new(company: &Company, answers: &Answers, seed: u64) -> Self {
        let mut masks: Vec<(usize, f64)> = Vec::new();
        for &(pattern, count) in &company.people {
            let mask = answers.mask(pattern.seen);
            match masks.last_mut() {
                // people are sorted by their masks
                Some((last, people)) if *last == mask => *people += count as f64,
                _ => masks.push((mask, count as f64)),
            }
        }
        NumberedCompany {
            people: company.observed - company.gold,
            patterns: company.people.iter().map(|&(p, count)| (answers.number(p), count as f64)).collect(),
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

/// Model of one replicate: the probability of answers in each class.
struct Refit {
    number: usize,
    probabilities: Probabilities,
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
        let probabilities = numbered.answers.probabilities(&model, seed, number)?;
        let common = |prior: &Prior| {
            let Prior::Common(alpha, beta) = *prior else {
                return None;
            };
            let mut shared = Stream::new(seed, Purpose::Shared, 0).replicate(number as u64);
            let pi = random::beta(alpha, beta, &mut shared);
            let null_shares = probabilities.within.iter().map(|within| within.null_share(pi)).collect();
            Some(Common { pi, null_shares })
        };
        Ok(Refit { number, common: priors.iter().map(common).collect(), probabilities })
    }

    /// Mean posterior of a company's people.
    fn share(&self, company: &NumberedCompany, pi: f64) -> f64 {
        if company.people == 0 {
            return pi;
        }
        let sum: f64 = company.patterns.iter().map(|(answers, n)| n * self.probabilities.posterior(*answers, pi)).sum();
        sum / company.people as f64
    }

    /// Prevalence of a company under a prior, given by its position, and the generator to go on with.
    fn prevalence(&self, stated: &Company, company: &NumberedCompany, prior: usize) -> (f64, ChaCha8Rng) {
        let mut generator = company.stream.replicate(self.number as u64);
        let pi = self.common[prior].as_ref().map_or_else(
            || {
                let (_, a, b) = BY_SIZE.iter().find(|t| stated.headcount < t.0).unwrap_or(&BY_SIZE[3]);
                random::beta(*a, *b, &mut generator)
            },
            |common| common.pi,
        );
        (pi, generator)
    }

    /// Experts among the people who are not gold.
    fn experts(&self, stated: &Company, company: &NumberedCompany, prior: usize) -> u64 {
        let (pi, mut generator) = self.prevalence(stated, company, prior);
        let share = self.share(company, pi);
        let seen = binomial(company.people, share, &mut generator);
        // the study scales the observed people to the headcount; its prior says nothing of those unseen
        seen + binomial(stated.headcount - stated.observed, share, &mut generator)
    }

    /// Experts that the observed people would be given if none of them were one.
    fn false_experts(&self, stated: &Company, company: &NumberedCompany, prior: usize) -> u64 {
        let (pi, _) = self.prevalence(stated, company, prior);
        let null_share = match &self.common[prior] {
            _ if company.people == 0 => pi,
            Some(common) => company.mean(|mask| common.null_shares[mask]),
            None => company.mean(|mask| self.probabilities.within[mask].null_share(pi)),
        };
        binomial(company.people, null_share, &mut company.null.replicate(self.number as u64))
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

/// Estimates of every company under a prior.
///
/// # Errors
///
/// Where the model of a replicate cannot be fitted.
pub(super) fn estimates(study: &Study, prior: Prior, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    let numbered = Numbered::new(study, Answers::new(study), settings.seed);
    by_company(
        settings,
        study.companies.len(),
        |r| Refit::new(study, &numbered, &[prior], settings.seed, r),
        |refit, c| {
            let (stated, company) = (&study.companies[c], &numbered.companies[c]);
            (refit.experts(stated, company, 0), refit.false_experts(stated, company, 0))
        },
        |c, drawn| Estimate::new(&study.companies[c], drawn.into_iter(), settings.level),
    )
}

/// Experts of every company in every replicate under each prior, `[prior][company][replicate]`; the model of a replicate is fitted
/// once for all of them.
///
/// # Errors
///
/// Where the model of a replicate cannot be fitted.
pub(super) fn experts<const N: usize>(
    study: &Study,
    priors: &[Prior; N],
    settings: &Settings,
) -> Result<Vec<Vec<Vec<u64>>>, StudyError> {
    let numbered = Numbered::new(study, Answers::new(study).of_people_alone(), settings.seed);
    let by_company = by_company(
        settings,
        study.companies.len(),
        |r| Refit::new(study, &numbered, priors, settings.seed, r),
        |refit, c| -> [u64; N] {
            let (stated, company) = (&study.companies[c], &numbered.companies[c]);
            std::array::from_fn(|prior| refit.experts(stated, company, prior) + stated.gold_experts)
        },
        |_, drawn: Vec<[u64; N]>| -> [Vec<u64>; N] {
            std::array::from_fn(|prior| drawn.iter().map(|row| row[prior]).collect())
        },
    )?;
    let mut experts: Vec<Vec<Vec<u64>>> = (0..N).map(|_| Vec::with_capacity(by_company.len())).collect();
    for company in by_company {
        experts.iter_mut().zip(company).for_each(|(all, drawn)| all.push(drawn));
    }
    Ok(experts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;
    use crate::random::Stream;
    use crate::simulate::{ANNOTATORS, Simulator};
    use rand::RngExt;

    fn study() -> Study {
        let simulator = Simulator::new(crate::simulate::Settings { companies: 4, ..Default::default() });
        let counts: Vec<Count> = simulator.study().0;
        Study::new(&ANNOTATORS.map(String::from), &counts).unwrap()
    }

    #[test]
    fn null_shares_under_a_common_prevalence_are_those_at_it() {
        let study = study();
        let numbered = Numbered::new(&study, Answers::new(&study), 42);
        let refit = Refit::new(&study, &numbered, &[Prior::Common(2.0, 10.0), Prior::BySize], 42, 3).unwrap();
        let common = refit.common[0].as_ref().unwrap();
        assert!(refit.common[1].is_none());
        for (share, within) in common.null_shares.iter().zip(&refit.probabilities.within) {
            assert_eq!(*share, within.null_share(common.pi));
        }
    }

    #[test]
    fn answers_that_occur_are_enough() {
        let study = study();
        let of = |answers: Answers| {
            let numbered = Numbered::new(&study, answers, 42);
            let refit = Refit::new(&study, &numbered, &[], 42, 5).unwrap();
            let shares = |company: &NumberedCompany| {
                let null_share = company.mean(|mask| refit.probabilities.within[mask].null_share(0.1));
                (refit.share(company, 0.1), null_share)
            };
            numbered.companies.iter().map(shares).collect::<Vec<_>>()
        };
        for (all, occurring) in of(Answers::all(&study)).into_iter().zip(of(Answers::occurring(&study))) {
            assert!((all.0 - occurring.0).abs() < 0.01 * all.0, "{all:?} {occurring:?}");
            // four standard errors of a mean over 2,048 people made up
            let allowed = 4.0 * (all.1 * (1.0 - all.1) / 2048.0).sqrt();
            assert!((all.1 - occurring.1).abs() < allowed, "{all:?} {occurring:?}");
        }
    }

    #[test]
    fn one_binomial_is_resampling_people_and_a_bernoulli_each() {
        let study = study();
        let numbered = Numbered::new(&study, Answers::new(&study), 42);
        let refit = Refit::new(&study, &numbered, &[], 42, 0).unwrap();
        let (company, own) = study.companies.iter().zip(&numbered.companies).min_by_key(|(c, _)| c.observed).unwrap();
        let pi = 0.2;
        let people: Vec<f64> = company
            .people
            .iter()
            .flat_map(|(pattern, n)| {
                std::iter::repeat_n(refit.probabilities.posterior(numbered.answers.number(*pattern), pi), *n as usize)
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

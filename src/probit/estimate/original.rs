//! The original study's methods: the model is fitted again in every replicate, to gold people drawn with
//! replacement, and prevalence comes from a prior that no label updates.
//!
//! The study resamples a company's people and realises a Bernoulli each, which is one Binomial with the mean
//! of their posteriors.

use super::replicates::{Estimate, by_company};
use super::settings::{Method, Settings};
use crate::probit::model::{ClassModel, Model};
use crate::probit::study::{Company, GoldPeople, Pattern, Study, StudyError, survey_weights};
use crate::random::{Purpose, Stream, beta, binomial};
use crate::stats::normal::exp;

/// Beta priors of the study's program by size: headcount below, alpha, beta.
const BY_SIZE: [(u64, f64, f64); 4] =
    [(100, 2.415889, 21.742998), (1000, 3.001591, 57.030237), (10000, 1.563834, 154.819604), (u64::MAX, 1.0, 999.0)];

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

    /// Probabilities of every set of answers, missing ones summed out, by number.
    fn probabilities(&self, class: &ClassModel) -> Vec<f64> {
        let mut all: Vec<f64> = class.log_probabilities(self.all_seen()).into_iter().map(exp).collect();
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

/// Company with its people by the number of their answers.
struct TernaryCompany {
    /// Number of people who are not gold.
    people: u64,
    /// Their patterns as numbers, and how many people have each.
    patterns: Vec<(usize, f64)>,
    /// Their masks, and how many people have each.
    masks: Vec<(u32, f64)>,
    stream: Stream,
    null: Stream,
}

impl TernaryCompany {
    fn new(company: &Company, ternary: &Ternary, seed: u64) -> Self {
        let mut masks: Vec<(u32, f64)> = Vec::new();
        for &(pattern, count) in &company.people {
            match masks.last_mut() {
                // people are sorted by their masks
                Some((last, people)) if *last == pattern.seen => *people += count as f64,
                _ => masks.push((pattern.seen, count as f64)),
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
}

/// Model of one replicate: the probability of every set of answers in each class.
struct Refit {
    number: usize,
    non_expert: Vec<f64>,
    expert: Vec<f64>,
    /// Prevalence of all companies with [`Method::Original`].
    common: f64,
}

impl Refit {
    fn new(study: &Study, ternary: &Ternary, settings: &Settings, number: usize) -> Result<Self, StudyError> {
        let weights = resample(&study.gold, settings.seed, number);
        let model = Model::fit(&study.gold, &weights, study.annotators.len())?;
        let mut shared = Stream::new(settings.seed, Purpose::Shared, 0).replicate(number as u64);
        Ok(Refit {
            number,
            non_expert: ternary.probabilities(&model.non_expert),
            expert: ternary.probabilities(&model.expert),
            common: beta(settings.prior_alpha, settings.prior_beta, &mut shared),
        })
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

    /// Mean posterior of a company's people if none of them were an expert: the mean over the answers of non-experts.
    fn null_share(&self, company: &TernaryCompany, ternary: &Ternary, pi: f64) -> f64 {
        if company.people == 0 {
            return pi;
        }
        let mut sum = 0.0;
        for &(mask, n) in &company.masks {
            let none = ternary.number(Pattern { seen: mask, yes: 0 });
            // subsets of the mask, in increasing order
            let (mut yes, mut mean) = (0u32, 0.0);
            loop {
                let answers = none + ternary.of_mask[yes as usize];
                mean += self.non_expert[answers] * self.posterior(answers, pi);
                yes = yes.wrapping_sub(mask) & mask;
                if yes == 0 {
                    break;
                }
            }
            sum += n * mean;
        }
        sum / company.people as f64
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

/// Estimates by [`Method::Original`] or [`Method::OriginalBySize`].
///
/// # Errors
///
/// Where the model of a replicate cannot be fitted.
pub(super) fn estimate(study: &Study, settings: &Settings) -> Result<Vec<Estimate>, StudyError> {
    let ternary = Ternary::new(study.annotators.len());
    let companies: Vec<TernaryCompany> =
        study.companies.iter().map(|c| TernaryCompany::new(c, &ternary, settings.seed)).collect();
    by_company(
        settings,
        companies.len(),
        |r| Refit::new(study, &ternary, settings, r),
        |refit, c| {
            let (stated, company) = (&study.companies[c], &companies[c]);
            let mut generator = company.stream.replicate(refit.number as u64);
            let pi = if settings.method == Method::Original {
                refit.common
            } else {
                let (_, a, b) = BY_SIZE.iter().find(|t| stated.headcount < t.0).unwrap_or(&BY_SIZE[3]);
                beta(*a, *b, &mut generator)
            };
            let share = refit.share(company, pi);
            let seen = binomial(company.people, share, &mut generator);
            // the study scales the observed people to the headcount; its prior says nothing of those unseen
            let unseen = binomial(stated.headcount - stated.observed, share, &mut generator);
            let null_share = refit.null_share(company, &ternary, pi);
            let mut null = company.null.replicate(refit.number as u64);
            (seen + unseen, binomial(company.people, null_share, &mut null))
        },
        |c, drawn| Estimate::new(&study.companies[c], drawn.into_iter(), settings.level),
    )
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
    fn probabilities_of_partial_answers_are_sums() {
        let study = study();
        let annotators = study.annotators.len();
        let ternary = Ternary::new(annotators);
        let model = Model::point(&study.gold, annotators).unwrap();
        let all = ternary.probabilities(&model.expert);
        assert_eq!(all.len(), 3usize.pow(annotators as u32));
        for seen in 1..1u32 << annotators {
            let marginal = model.expert.log_probabilities(seen);
            for yes in (0..1u32 << annotators).filter(|yes| yes & !seen == 0) {
                let p = all[ternary.number(Pattern { seen, yes })];
                assert!((p - marginal[yes as usize].exp()).abs() < 1e-14);
            }
        }
        assert_eq!(all[ternary.number(Pattern::default())], 1.0);
    }

    #[test]
    fn one_binomial_is_resampling_people_and_a_bernoulli_each() {
        let study = study();
        let ternary = Ternary::new(study.annotators.len());
        let refit = Refit::new(&study, &ternary, &Settings::default(), 0).unwrap();
        let company = study.companies.iter().min_by_key(|c| c.observed).unwrap();
        let numbered = TernaryCompany::new(company, &ternary, 42);
        let pi = 0.2;
        let people: Vec<f64> = company
            .people
            .iter()
            .flat_map(|(pattern, n)| std::iter::repeat_n(refit.posterior(ternary.number(*pattern), pi), *n as usize))
            .collect();
        let mut generator = Stream::new(1, Purpose::Simulation, 0).replicate(0);
        let explicit: Vec<u64> = (0..5000)
            .map(|_| {
                let mut expert = || generator.random::<f64>() < people[generator.random_range(0..people.len())];
                people.iter().map(|_| expert() as u64).sum()
            })
            .collect();
        let share = refit.share(&numbered, pi);
        let collapsed: Vec<u64> = (0..5000).map(|_| binomial(numbered.people, share, &mut generator)).collect();
        crate::probit::estimate::tests::assert_same_distribution(explicit, collapsed);
    }
}

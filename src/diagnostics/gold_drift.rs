//! Drift among gold people: whether annotators answer about people of one class differently from company to company.
//!
//! Prevalence cannot hide drift here, since the class of gold people is known. Within a class the statistic is
//!
//! ```text
//! T = sum over companies c and annotators j of (y_cj - n_cj p_j)² / (n_cj p_j (1 - p_j))
//! ```
//!
//! with n_cj labels of annotator j on the gold people of company c, y_cj of them yes, and p_j the share of yes in all
//! companies. Its distribution without drift is that under permutations of the companies among the gold people of a
//! class, each of whom keeps all labels, so that correlated annotators are allowed for (Good 2005, Permutation,
//! Parametric and Bootstrap Tests of Hypotheses). With m permutations p = (1 + number of those at least as large) / (m + 1).
//!
//! The size is that of a random effect on the bins of likelihood ratios: bin b of class k has in company c the probability
//! f_k(b) exp(u b) / sum over b' of f_k(b') exp(u b'), u ~ N(0, tau²), and tau, common to both classes, is the maximum of
//! the likelihood of the gold people. At 1 the odds between neighbouring bins vary by a factor of e.

use crate::parallel;
use crate::probit::bins::{BINS, Bins, CrossFit};
use crate::probit::study::{Pattern, Study, StudyError};
use crate::random::{Purpose, Stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;

/// Nodes of the standard normal that effects are averaged over, from -4 to 4.
const NODES: usize = 33;

/// Largest size that is looked for, and the distance of the sizes tried.
const LARGEST: f64 = 3.0;
const STEP: f64 = 0.05;

/// Largest p-value that says drift; the test is exact.
const SIGNIFICANT: f64 = 0.05;

/// Maximum number of gold people in companies: each is dealt out by itself.
const MAX_GOLD: u64 = 10_000_000;

/// Test of drift on the gold people of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldTest {
    /// Number of companies with labelled gold people, and of these people.
    pub(crate) companies: usize,
    pub(crate) people: u64,
    /// P-value of all annotators together, and of each; NaN where nothing can be compared.
    pub p_value: f64,
    pub(crate) p_values: Vec<f64>,
}

/// Whether a p-value of the test, of all annotators or of one, says drift.
pub fn says_drift(p_value: f64) -> bool {
    p_value <= SIGNIFICANT
}

/// Drift among the gold people of a study: the test, and its size.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldDrift {
    pub test: GoldTest,
    /// Maximum likelihood size of the companies' effects.
    pub sd: f64,
}

/// A gold person: position of the company, and labels.
type Person = (usize, Pattern);

/// Masks, each with the people in its bins.
type Counted = Vec<(usize, [f64; BINS])>;

/// Tests and measures drift; `None` where fewer than two companies have labelled gold people.
///
/// # Errors
///
/// Where a class has too few gold people with labels, or companies have too many.
pub fn gold_drift(
    study: &Study,
    permutations: usize,
    seed: u64,
    threads: usize,
) -> Result<Option<GoldDrift>, StudyError> {
    let Some(test) = gold_test(study, permutations, seed, threads)? else {
        return Ok(None);
    };
    Ok(Some(GoldDrift { test, sd: size(study, threads)? }))
}

/// Tests drift; `None` where fewer than two companies have labelled gold people.
///
/// # Errors
///
/// Those of [`gold_drift`].
pub(crate) fn gold_test(
    study: &Study,
    permutations: usize,
    seed: u64,
    threads: usize,
) -> Result<Option<GoldTest>, StudyError> {
    study.require_gold_people()?;
    let people = study.companies.iter().flat_map(|company| &company.gold_people).map(|row| row.count).sum();
    if people > MAX_GOLD {
        return Err(StudyError::TooManyGoldPeople { max: MAX_GOLD, got: people });
    }
    let mut classes: [Vec<Person>; 2] = [Vec::new(), Vec::new()];
    let mut companies = 0;
    for company in study.companies.iter().filter(|company| !company.gold_people.is_empty()) {
        for people in &company.gold_people {
            classes[usize::from(people.truth)].extend((0..people.count).map(|_| (companies, people.pattern)));
        }
        companies += 1;
    }
    if companies < 2 {
        return Ok(None);
    }
    // sorted by labels, so that what a permutation deals out depends on nothing else
    classes.iter_mut().for_each(|people| people.sort_by_key(|(company, pattern)| (*pattern, *company)));
    let annotators = study.annotators.len();
    let observed = statistics(&classes, companies, annotators);
    let permuted = parallel::map(threads, permutations, |number| {
        let mut generator = Stream::new(seed, Purpose::Permutations, 0).replicate(number as u64);
        let mut dealt = classes.clone();
        dealt.iter_mut().for_each(|people| deal(people, &mut generator));
        statistics(&dealt, companies, annotators)
    });
    let p_value = |of: &dyn Fn(&[f64]) -> f64| {
        let least = of(&observed);
        // sums of equal terms may differ in their last digits
        let large = permuted.iter().filter(|statistics| of(statistics) >= least * (1.0 - 1e-9)).count();
        let varies = least > 0.0 || permuted.iter().any(|statistics| of(statistics) > 0.0);
        if varies { (1 + large) as f64 / (permutations + 1) as f64 } else { f64::NAN }
    };
    Ok(Some(GoldTest {
        companies,
        people,
        p_value: p_value(&|statistics| statistics.iter().sum()),
        p_values: (0..annotators).map(|j| p_value(&|statistics| statistics[j])).collect(),
    }))
}

/// Deals the companies of people out anew (Fisher and Yates).
fn deal(people: &mut [Person], generator: &mut ChaCha8Rng) {
    for last in (1..people.len()).rev() {
        let chosen = (generator.random::<f64>() * (last + 1) as f64) as usize;
        let (company, other) = (people[last].0, people[chosen.min(last)].0);
        people[last].0 = other;
        people[chosen.min(last)].0 = company;
    }
}

/// The statistic of each annotator, both classes together.
fn statistics(classes: &[Vec<Person>; 2], companies: usize, annotators: usize) -> Vec<f64> {
    let mut sums = vec![0.0; annotators];
    for people in classes {
        let mut counts = vec![(0u32, 0u32); companies * annotators];
        for (company, pattern) in people {
            for j in 0..annotators {
                if let Some(yes) = pattern.label(j) {
                    let (labels, said_yes) = &mut counts[company * annotators + j];
                    *labels += 1;
                    *said_yes += u32::from(yes);
                }
            }
        }
        for (j, sum) in sums.iter_mut().enumerate() {
            let cells = || counts.iter().skip(j).step_by(annotators);
            let (labels, yes) = cells().fold((0, 0), |(n, y), cell| (n + cell.0, y + cell.1));
            if yes == 0 || yes == labels {
                continue;
            }
            let p = f64::from(yes) / f64::from(labels);
            for (n, y) in cells().filter(|cell| cell.0 > 0) {
                let expected = f64::from(*n) * p;
                *sum += (f64::from(*y) - expected).powi(2) / (expected * (1.0 - p));
            }
        }
    }
    sums
}

/// The size of the companies' effects with the largest likelihood.
fn size(study: &Study, threads: usize) -> Result<f64, StudyError> {
    let patterns: BTreeSet<Pattern> =
        study.companies.iter().flat_map(|company| &company.gold_people).map(|people| people.pattern).collect();
    let fit = CrossFit::new(&study.gold, study.annotators.len(), threads);
    let bins = Bins::new(&fit, &patterns, 0)?;
    let rates: Vec<_> = (0..bins.masks.len()).map(|mask| bins.point_rates(mask)).collect();
    // gold people of each company and class
    let mut groups: Vec<(usize, Counted)> = Vec::new();
    for company in &study.companies {
        for class in [false, true] {
            let counted = company.gold_people.iter().filter(|people| people.truth == class).filter_map(|people| {
                let mask = bins.mask_index(people.pattern.seen)?;
                let shares = bins.gold_shares(mask, class, people.pattern);
                Some((mask, shares.map(|share| share * people.count as f64)))
            });
            groups.push((usize::from(class), counted.collect()));
        }
    }
    let log_likelihood = |sd: f64| -> f64 {
        let of_group = |(class, counted): &(usize, Counted)| {
            let logs: Vec<f64> = (0..NODES)
                .map(|node| {
                    let z = -4.0 + 8.0 * node as f64 / (NODES - 1) as f64;
                    let effect = (z * sd).exp();
                    let people = counted.iter().map(|(mask, counts)| {
                        let raised: [f64; BINS] =
                            std::array::from_fn(|bin| rates[*mask][bin][*class] * effect.powi(bin as i32));
                        let all: f64 = raised.iter().sum();
                        counts.iter().zip(raised).map(|(count, rate)| count * (rate / all).ln()).sum::<f64>()
                    });
                    people.sum::<f64>() - 0.5 * z * z
                })
                .collect();
            let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln()
        };
        groups.iter().map(of_group).sum()
    };
    let sizes: Vec<f64> = (0..=(LARGEST / STEP).round() as usize).map(|step| step as f64 * STEP).collect();
    let values = parallel::map(threads, sizes.len(), |at| log_likelihood(sizes[at]));
    let best = (0..sizes.len()).reduce(|best, at| if values[at] > values[best] { at } else { best });
    Ok(best.map_or(f64::NAN, |at| sizes[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;

    /// Gold people of a company with labels of two annotators.
    fn gold(company: &str, truth: bool, yes: u64, count: u64) -> Count {
        Count {
            company: Some(company.to_string()),
            truth: Some(truth),
            seen: 3,
            yes,
            count,
            gold_weight: 1.0,
            headcount: None,
        }
    }

    fn study(counts: &[Count]) -> Study {
        Study::new(&["x".to_string(), "y".to_string()], counts).unwrap()
    }

    /// Two annotators, independent in each class, in `companies` companies of ten experts and ten others; in half of the
    /// companies experts are found `less` often.
    fn made(companies: u64, less: u64) -> Study {
        let mut counts = Vec::new();
        for c in 0..companies {
            let name = format!("c{c:02}");
            let lost = if c % 2 == 0 { 0 } else { less };
            counts.extend(
                [gold(&name, true, 3, 6 - lost), gold(&name, true, 0, 1 + lost)].into_iter().filter(|g| g.count > 0),
            );
            counts.extend([gold(&name, true, 1, 2), gold(&name, true, 2, 1)]);
            counts.extend([gold(&name, false, 0, 7), gold(&name, false, 1, 2), gold(&name, false, 2, 1)]);
        }
        study(&counts)
    }

    #[test]
    fn the_statistic_is_pearsons() {
        // class of experts, one annotator: 8 of 10 yes in one company and 2 of 10 in the other; p = .5:
        // 2 * (8 - 5)^2 / (10 * .25) = 7.2, chi-square of the 2 x 2 table
        let of = |company, yes, n| vec![(company, Pattern { seen: 1, yes }); n];
        let found = statistics(&[Vec::new(), [of(0, 1, 8), of(0, 0, 2), of(1, 1, 2), of(1, 0, 8)].concat()], 2, 1);
        assert!((found[0] - 7.2).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn equal_companies_do_not_drift_and_unequal_ones_do() {
        let level = gold_drift(&made(12, 0), 199, 1, 1).unwrap().unwrap();
        assert_eq!((level.test.companies, level.test.people), (12, 240));
        // no permutation is as even as the data
        assert_eq!((level.test.p_value, level.sd), (1.0, 0.0));
        let drifting = gold_drift(&made(24, 6), 199, 1, 1).unwrap().unwrap();
        assert_eq!(drifting.test.p_value, 1.0 / 200.0);
        assert!(drifting.sd > 0.3, "{}", drifting.sd);
    }

    #[test]
    fn one_company_says_nothing_and_threads_change_nothing() {
        assert_eq!(gold_drift(&made(1, 0), 99, 1, 1), Ok(None));
        let study = made(7, 1);
        assert_eq!(gold_drift(&study, 99, 3, 1), gold_drift(&study, 99, 3, 2));
    }

    /// Without drift p-values are uniform: of 200 studies whose companies are dealt out at random about a tenth lie below .1.
    #[test]
    fn the_test_keeps_its_level() {
        let mut small = 0;
        for seed in 0..200 {
            let study = made(10, 0);
            let mut generator = Stream::new(seed, Purpose::Simulation, 5).replicate(0);
            let mut counts = Vec::new();
            for company in &study.companies {
                for people in &company.gold_people {
                    for _ in 0..people.count {
                        let name = format!("c{:02}", (generator.random::<f64>() * 10.0) as usize);
                        counts.push(gold(&name, people.truth, u64::from(people.pattern.yes), 1));
                    }
                }
            }
            let drift = gold_drift(&super::tests::study(&counts), 99, 1, 1).unwrap().unwrap();
            small += u32::from(drift.test.p_value <= 0.1);
        }
        // Binomial(200, .1): mean 20, sd 4.2
        assert!((8..=33).contains(&small), "{small}");
    }
}

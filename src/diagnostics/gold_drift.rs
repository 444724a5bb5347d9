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
//! the restricted likelihood of the gold people (Patterson & Thompson 1971, Biometrika 58, 545-554). At 1 the odds between neighbouring bins vary by a factor of e.

use crate::parallel;
use crate::probit::bins::{BINS, Cuts};
use crate::probit::completion::{bin_parts, stand_ins};
use crate::probit::model::{FIT, Model};
use crate::probit::study::{Pattern, Study, StudyError};
use crate::random::{Purpose, Stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that an effect is averaged over, in standard deviations about its mode: a sum over equal steps of a quarter is exact for a normal
/// density, and five standard deviations hold the skewed ones too.
const NODES: [f64; 41] = {
    let mut nodes = [0.0; 41];
    let mut at = 0;
    while at < nodes.len() {
        nodes[at] = 0.25 * at as f64 - 5.0;
        at += 1;
    }
    nodes
};

/// Largest size that is looked for, and the distance of the sizes tried.
const LARGEST: f64 = 3.0;
const STEP: f64 = 0.05;

/// Pseudo-count of each bin, so that no rate is 0: Jeffreys' prior.
const PSEUDO_COUNT: f64 = 0.5;

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
    /// Restricted maximum likelihood size of the companies' effects.
    pub sd: f64,
}

/// A gold person: position of the company, and labels.
type Person = (usize, Pattern);

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
    let (groups, rates) = groups(study)?;
    Ok(Some(GoldDrift { test, sd: size(&groups, &rates, threads) }))
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

/// Rates of the bins, by class.
type Rates = [[f64; BINS]; 2];

/// Gold people of one class in one company: positions of their masks, with the people in each bin.
struct Group {
    class: usize,
    masks: Vec<(usize, [f64; BINS])>,
}

impl Group {
    /// Log likelihood of an effect on the rates of the masks, and its first two derivatives.
    fn log_likelihood(&self, rates: &[Rates], effect: f64) -> [f64; 3] {
        let mut sums = [0.0; 3];
        for (mask, people) in &self.masks {
            let tilted = tilted(&rates[*mask][self.class], effect);
            let moment =
                |power| tilted.iter().enumerate().map(|(bin, rate)| (bin as f64).powi(power) * rate).sum::<f64>();
            let (mean, square) = (moment(1), moment(2));
            for (bin, count) in people.iter().enumerate() {
                sums[0] += count * tilted[bin].ln();
                sums[1] += count * (bin as f64 - mean);
                sums[2] -= count * (square - mean * mean);
            }
        }
        sums
    }

    /// Mode and standard deviation of a standard normal that the effect is `size` times of. Newton's method: the density is log-concave.
    fn mode(&self, rates: &[Rates], size: f64) -> (f64, f64) {
        let at = |z: f64| {
            let [log, first, second] = self.log_likelihood(rates, size * z);
            [log - 0.5 * z * z, size * first - z, size * size * second - 1.0]
        };
        let (mut z, mut here) = (0.0, at(0.0));
        for _ in 0..50 {
            let mut step = -here[1] / here[2];
            let mut there = at(z + step);
            while there[0] < here[0] && step.abs() > 1e-6 {
                step *= 0.5;
                there = at(z + step);
            }
            (z, here) = (z + step, there);
            if step.abs() <= 1e-6 {
                break;
            }
        }
        (z, (-1.0 / here[2]).sqrt())
    }

    /// Log of the likelihood averaged over effects of a size, up to a constant, and the information that it holds about a mean of
    /// the effects.
    fn averaged(&self, rates: &[Rates], size: f64) -> (f64, f64) {
        let (mode, sd) = self.mode(rates, size);
        let nodes = NODES.map(|node| {
            let z = mode + sd * node;
            let [log, first, second] = self.log_likelihood(rates, size * z);
            [log - 0.5 * z * z, first, second]
        });
        let top = nodes.iter().map(|at| at[0]).fold(f64::NEG_INFINITY, f64::max);
        let weights = nodes.map(|at| (at[0] - top).exp());
        let all: f64 = weights.iter().sum();
        let mean = |of: fn(&[f64; 3]) -> f64| weights.iter().zip(&nodes).map(|(w, at)| w * of(at)).sum::<f64>() / all;
        let information = -mean(|at| at[2] + at[1] * at[1]) + mean(|at| at[1]).powi(2);
        (top + (sd * all).ln(), information)
    }
}

/// Rates under an effect.
fn tilted(rates: &[f64; BINS], effect: f64) -> [f64; BINS] {
    let raised: [f64; BINS] = std::array::from_fn(|bin| rates[bin] * (effect * bin as f64).exp());
    let all: f64 = raised.iter().sum();
    raised.map(|rate| rate / all)
}

/// Rates without an effect, whose mean over effects of a size is `counted`: a company of middling effects is less spread over the bins
/// than all companies together.
fn without_effects(counted: &[f64; BINS], size: f64) -> [f64; BINS] {
    let density = NODES.map(|z| (-0.5 * z * z).exp());
    let all: f64 = density.iter().sum();
    let mut rates = *counted;
    for _ in 0..200 {
        let mut mean = [0.0; BINS];
        for (z, density) in NODES.iter().zip(density) {
            let tilted = tilted(&rates, size * z);
            mean.iter_mut().zip(tilted).for_each(|(sum, rate)| *sum += density / all * rate);
        }
        let ratios: [f64; BINS] = std::array::from_fn(|bin| counted[bin] / mean[bin]);
        rates = tilted(&std::array::from_fn(|bin| rates[bin] * ratios[bin]), 0.0);
        if ratios.iter().all(|ratio| (ratio - 1.0).abs() < 1e-6) {
            break;
        }
    }
    rates
}

/// Gold people in companies by the bins of one fit on all gold people, and the rates counted of each mask. Shares of several fits scatter
/// less than people who each lie in one bin, and would hide some of the drift.
fn groups(study: &Study) -> Result<(Vec<Group>, Vec<Rates>), StudyError> {
    let in_companies = || study.companies.iter().flat_map(|company| &company.gold_people);
    let masks: BTreeSet<u32> = in_companies().map(|people| people.pattern.seen).filter(|mask| *mask != 0).collect();
    let masks: Vec<u32> = masks.into_iter().collect();
    let model = Model::point(&study.gold, study.annotators.len());
    let tables = model.tables_if_small()?;
    let of_gold: Vec<Vec<Vec<Pattern>>> =
        masks.iter().map(|mask| stand_ins(&study.gold, *mask, tables.is_some())).collect();
    let own = in_companies().map(|people| people.pattern).filter(|pattern| pattern.seen != 0);
    let patterns: BTreeSet<Pattern> = of_gold.iter().flatten().flatten().copied().chain(own).collect();
    let patterns: Vec<Pattern> = patterns.into_iter().collect();
    let ratios = model.log_ratios_by(tables.as_ref(), &patterns, FIT);
    let cuts = Cuts::new(&study.gold, &model, tables.as_ref());
    let bins: BTreeMap<Pattern, usize> =
        patterns.into_iter().zip(ratios.into_iter().map(|ratio| cuts.bin(ratio))).collect();
    let rates = |(mask, stand_ins): (&u32, &Vec<Vec<Pattern>>)| {
        let mut counts = [[PSEUDO_COUNT; BINS]; 2];
        let parts: Vec<[f64; BINS]> =
            bin_parts(&study.gold, *mask, stand_ins, tables.as_ref(), |pattern| bins[&pattern]);
        for (row, parts) in study.gold.iter().zip(parts) {
            let counts = counts[usize::from(row.truth)].iter_mut().zip(parts);
            counts.for_each(|(count, part)| *count += row.count as f64 * part);
        }
        counts.map(|counts| tilted(&counts, 0.0))
    };
    let rates = masks.iter().zip(&of_gold).map(rates).collect();
    let mut groups = Vec::new();
    for company in &study.companies {
        for class in [0, 1] {
            let mut counted: BTreeMap<usize, [f64; BINS]> = BTreeMap::new();
            for people in company.gold_people.iter().filter(|people| usize::from(people.truth) == class) {
                if let Ok(mask) = masks.binary_search(&people.pattern.seen) {
                    counted.entry(mask).or_default()[bins[&people.pattern]] += people.count as f64;
                }
            }
            if !counted.is_empty() {
                groups.push(Group { class, masks: counted.into_iter().collect() });
            }
        }
    }
    Ok((groups, rates))
}

/// The size of the companies' effects with the largest restricted likelihood: as the rates of a class come from the same
/// people, a common effect of each class is averaged over too (Laplace's approximation), or few companies would show less
/// than there is.
fn size(groups: &[Group], rates: &[Rates], threads: usize) -> f64 {
    let log_likelihood = |size: f64| {
        let rates: Vec<Rates> =
            rates.iter().map(|rates| rates.map(|counted| without_effects(&counted, size))).collect();
        let (mut sum, mut information) = (0.0, [0.0; 2]);
        for group in groups {
            let (log, about_mean) = group.averaged(&rates, size);
            sum += log;
            information[group.class] += about_mean;
        }
        sum - 0.5 * information.iter().filter(|i| **i > 0.0).map(|i| i.ln()).sum::<f64>()
    };
    let sizes: Vec<f64> = (0..=(LARGEST / STEP).round() as usize).map(|step| step as f64 * STEP).collect();
    let values = parallel::map(threads, sizes.len(), |at| log_likelihood(sizes[at]));
    let best = (0..sizes.len()).reduce(|best, at| if values[at] > values[best] { at } else { best });
    best.map_or(f64::NAN, |at| sizes[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probit::study::Count;
    use crate::random::multinomial;
    use rand_distr::{Distribution, StandardNormal};

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

    const MADE: Rates = [[0.7, 0.2, 0.07, 0.03], [0.1, 0.2, 0.3, 0.4]];

    /// Groups of both classes in so many companies, each with an effect of a size.
    fn drawn(companies: usize, people: u64, size: f64, seed: u64) -> Vec<Group> {
        let mut generator = Stream::new(seed, Purpose::Simulation, 6).replicate(0);
        let mut groups = Vec::new();
        for class in (0..companies).flat_map(|_| [0, 1]) {
            let effect = size * Distribution::<f64>::sample(&StandardNormal, &mut generator);
            let rates = tilted(&MADE[class], effect);
            let mut counts = [0.0; BINS];
            multinomial(people, &rates, &mut generator, |bin, people| counts[bin] = people as f64);
            groups.push(Group { class, masks: vec![(0, counts)] });
        }
        groups
    }

    /// The size found from the people of all groups, who tell the rates too.
    fn found(groups: &[Group]) -> f64 {
        let mut counts = [[PSEUDO_COUNT; BINS]; 2];
        for group in groups {
            counts[group.class].iter_mut().zip(group.masks[0].1).for_each(|(sum, count)| *sum += count);
        }
        size(groups, &[counts.map(|counts| tilted(&counts, 0.0))], 1)
    }

    /// Averages over effects against sums over a fine grid, for few and for many people.
    #[test]
    fn averages_are_integrals() {
        for people in [0, 5, 40, 3000] {
            for (group, size) in drawn(2, people, 0.8, 3).iter().zip([0.05, 0.4, 1.0, 2.5]) {
                let z = |i: i32| 0.0005 * f64::from(i);
                let log = |i: i32| group.log_likelihood(&[MADE], size * z(i))[0] - 0.5 * z(i) * z(i);
                let logs: Vec<f64> = (-16_000..=16_000).map(log).collect();
                let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let wanted = top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln() + 0.0005f64.ln();
                let got = group.averaged(&[MADE], size).0 + 0.25f64.ln();
                assert!((got - wanted).abs() < 1e-3, "{people} {size}: {got}, {wanted}");
            }
        }
    }

    #[test]
    fn effects_on_rates_without_them_give_the_rates_counted() {
        for size in [0.0, 0.3, 1.0, 3.0] {
            let rates = without_effects(&MADE[0], size);
            let n = 4000;
            let mut mean = [0.0; BINS];
            let mut mass = 0.0;
            for z in (0..=n).map(|i| 12.0 * f64::from(i) / f64::from(n) - 6.0) {
                let density = (-0.5 * z * z).exp();
                mass += density;
                mean.iter_mut().zip(tilted(&rates, size * z)).for_each(|(sum, rate)| *sum += density * rate);
            }
            for (got, wanted) in mean.iter().zip(MADE[0]) {
                assert!((got / mass - wanted).abs() < 1e-4, "{size}: {got}, {wanted}");
            }
        }
    }

    /// Squares of the sizes found, which are estimates of a variance, scatter about that of the size drawn, allowed for with four standard
    /// errors: .12 a study of nine companies, .04 of a hundred.
    #[test]
    fn few_companies_show_the_size_too() {
        for (companies, studies, allowed) in [(9, 60, 0.06), (100, 12, 0.05)] {
            let square = |seed| found(&drawn(companies, 20, 0.5, seed)).powi(2);
            let mean = (0..studies).map(square).sum::<f64>() / studies as f64;
            assert!((mean - 0.25).abs() < allowed, "{companies}: {mean}");
        }
        assert!(found(&drawn(200, 20, 0.0, 1)) <= 0.1);
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

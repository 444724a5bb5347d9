//! Identities of the estimator, simulation-based calibration and a short calibration run.

use super::company::{Plan, experts_in};
use super::replicates::{HELD, by_company};
use super::*;
use crate::parallel;
use crate::probit::bins::{BINS, Bins};
use crate::probit::prevalence::{Group, HIGHEST, LOWEST, RatioTable, posterior};
use crate::probit::study::{Company, Count, GoldPeople, Pattern};
use crate::random::{Purpose, Stream, beta, binomial, gamma};
use crate::simulate::{self, ANNOTATORS, Simulator};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use statrs::distribution::ContinuousCDF;
use std::collections::BTreeMap;

/// Two-sample Kolmogorov-Smirnov test at the level .001; ties make it conservative.
pub(super) fn assert_same_distribution(mut a: Vec<u64>, mut b: Vec<u64>) {
    a.sort_unstable();
    b.sort_unstable();
    let share = |sorted: &[u64], x: u64| sorted.partition_point(|v| *v <= x) as f64 / sorted.len() as f64;
    let distance = a.iter().chain(&b).map(|x| (share(&a, *x) - share(&b, *x)).abs()).fold(0.0, f64::max);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let critical = 1.949 * ((n + m) / (n * m)).sqrt();
    assert!(distance < critical, "distance {distance} against {critical}");
}

fn names() -> Vec<String> {
    ANNOTATORS.map(String::from).to_vec()
}

fn small_study() -> Vec<Count> {
    let settings = simulate::Settings { companies: 12, max_observed: 200, ..simulate::Settings::default() };
    Simulator::new(settings).study().0
}

/// The same people, those who are gold in companies.
fn gold_inside(mut counts: Vec<Count>) -> Vec<Count> {
    let known = counts.iter().filter(|row| row.company.is_some());
    let companies: BTreeMap<_, _> = known.map(|row| (row.company.clone(), row.headcount)).collect();
    let mut names = companies.iter().cycle();
    for row in counts.iter_mut().filter(|row| row.truth.is_some()) {
        let (company, headcount) = names.next().unwrap();
        (row.company, row.headcount) = (company.clone(), *headcount);
    }
    counts
}

/// Few draws of every method, of `Company` with drift, and of `Hierarchical` with gold people who speak about the prevalence.
fn every_method() -> Vec<Settings> {
    let few = |method, drift_sd| Settings { method, drift_sd, draws: 20, ..Settings::default() };
    let mut all: Vec<Settings> = Method::ALL.iter().map(|(_, method)| few(*method, 0.0)).collect();
    all.push(few(Method::Company, 0.2));
    all.push(Settings { gold_sampling: GoldSampling::AtRandom, ..few(Method::Hierarchical, 0.0) });
    all
}

fn estimates(names: &[String], counts: &[Count], settings: &Settings) -> Vec<Estimate> {
    estimate(&Study::new(names, counts).unwrap(), settings).unwrap()
}

/// The same counts with annotator `order[bit]` at each bit.
fn permuted(counts: &[Count], order: &[usize]) -> Vec<Count> {
    let mask = |mask: u64| order.iter().enumerate().map(|(bit, from)| (mask >> from & 1) << bit).sum();
    counts.iter().map(|row| Count { seen: mask(row.seen), yes: mask(row.yes), ..row.clone() }).collect()
}

#[test]
fn order_of_annotators_and_rows_changes_nothing() {
    let counts = gold_inside(small_study());
    let order = [4, 2, 0, 5, 1, 3];
    let mut other = permuted(&counts, &order);
    other.reverse();
    // a row counted in two parts
    let row = other.iter().position(|row| row.count > 3).unwrap();
    other.push(Count { count: 2, ..other[row].clone() });
    other[row].count -= 2;
    other.rotate_left(17);
    let other_names: Vec<String> = order.iter().map(|&from| names()[from].clone()).collect();
    for settings in every_method() {
        assert_eq!(estimates(&names(), &counts, &settings), estimates(&other_names, &other, &settings), "{settings:?}");
    }
}

#[test]
fn threads_change_nothing() {
    let counts = gold_inside(small_study());
    for settings in every_method() {
        let two = Settings { threads: 2, ..settings.clone() };
        assert_eq!(estimates(&names(), &counts, &settings), estimates(&names(), &counts, &two), "{settings:?}");
    }
}

#[test]
fn companies_do_not_depend_on_each_other() {
    let counts = small_study();
    let companies = |first: u8| {
        let kept = |row: &&Count| row.company.as_ref().is_none_or(|name| name.as_bytes()[name.len() - 1] >= first);
        counts.iter().filter(kept).cloned().collect::<Vec<_>>()
    };
    let (all, some) = (companies(b'0'), companies(b'7'));
    let study = Study::new(&names(), &all).unwrap();
    for settings in every_method().into_iter().filter(|s| s.method != Method::Hierarchical) {
        let of_all = estimates(&names(), &all, &settings);
        let of_some = estimates(&names(), &some, &settings);
        let kept = study.companies.iter().zip(of_all).filter(|(c, _)| c.name.as_bytes()[c.name.len() - 1] >= b'7');
        assert_eq!(kept.map(|(_, estimate)| estimate).collect::<Vec<_>>(), of_some, "{settings:?}");
        assert_eq!(of_some.len(), 3);
    }
}

#[test]
fn blocks_of_companies_change_nothing() {
    let counts = |companies| {
        by_company(&Settings { draws: 3, ..Settings::default() }, companies, Ok, |r, c| (*r, c), |c, draws| (c, draws))
    };
    // more than fit into one block
    let companies = HELD / 3 + 5;
    let finished = counts(companies).unwrap();
    assert!(finished.iter().enumerate().all(|(c, (at, draws))| c == *at && *draws == [(0, c), (1, c), (2, c)]));
    assert_eq!(finished.len(), companies);
}

#[test]
fn binomials_of_groups_are_a_bernoulli_for_each_person() {
    let mut table = RatioTable::new(3);
    let groups = [(8.0, 14), (0.5, 60), (0.02, 300)];
    let groups: Vec<Group> = (0..3)
        .map(|row| {
            table.set(row, groups[row].0);
            Group::new(row, groups[row].1)
        })
        .collect();
    let mut generator = Stream::new(1, Purpose::Simulation, 0).replicate(0);
    let explicit = (0..5000)
        .map(|_| {
            let mut experts = |group: &Group| {
                let p = posterior(0.07, table.ratio(group.row));
                (0..group.count).filter(|_| generator.random::<f64>() < p).count() as u64
            };
            groups.iter().map(&mut experts).sum()
        })
        .collect();
    let collapsed = (0..5000).map(|_| experts_in(&table, &groups, 0.07, &mut generator)).collect();
    assert_same_distribution(explicit, collapsed);
}

/// Place of the truth among the draws, uniform on (0, 1) if it is one of them.
fn place(truth: u64, draws: &[u64], u: f64) -> f64 {
    let below = draws.iter().filter(|d| **d < truth).count() as f64;
    let ties = draws.iter().filter(|d| **d == truth).count() as f64;
    (below + u * (ties + 1.0)) / (draws.len() as f64 + 1.0)
}

fn dirichlet(generator: &mut ChaCha8Rng) -> [f64; BINS] {
    let weights = [0; BINS].map(|_| gamma(1.0, generator));
    weights.map(|weight| weight / weights.iter().sum::<f64>())
}

fn pick(rates: &[f64; BINS], generator: &mut ChaCha8Rng) -> usize {
    let mut u: f64 = generator.random();
    for (bin, rate) in rates.iter().enumerate() {
        if u < *rate {
            return bin;
        }
        u -= rate;
    }
    BINS - 1
}

/// Study drawn from the model's own priors, two annotators whose patterns are the bins, and the true numbers
/// of experts of its companies.
fn study_from_priors(companies: usize, generator: &mut ChaCha8Rng) -> (Study, Vec<u64>) {
    let (people, headcount) = (150, 400);
    let rates = [dirichlet(generator), dirichlet(generator)];
    let pattern = |bin: usize| Pattern { seen: 3, yes: bin as u32 };
    let mut study = Study::default();
    for (truth, size) in [(false, 432), (true, 153)] {
        let mut counts = [0; BINS];
        (0..size).for_each(|_| counts[pick(&rates[truth as usize], generator)] += 1);
        let rows = (0..BINS).map(|bin| GoldPeople { truth, pattern: pattern(bin), count: counts[bin], weight: 1.0 });
        study.gold.extend(rows.filter(|row| row.count > 0));
    }
    let truths = (0..companies).map(|company| {
        let pi = loop {
            let pi = beta(0.5, 0.5, generator);
            if (LOWEST..HIGHEST).contains(&pi) {
                break pi;
            }
        };
        let mut counts = [0; BINS];
        let mut experts = binomial(headcount - people, pi, generator);
        for _ in 0..people {
            let expert = generator.random::<f64>() < pi;
            experts += expert as u64;
            counts[pick(&rates[expert as usize], generator)] += 1;
        }
        study.companies.push(Company {
            name: format!("company {company}"),
            observed: people,
            labelled: people,
            gold: 0,
            gold_experts: 0,
            headcount,
            raised: false,
            people: (0..BINS).map(|bin| (pattern(bin), counts[bin])).filter(|(_, n)| *n > 0).collect(),
            gold_people: Vec::new(),
        });
        experts
    });
    let truths = truths.collect();
    (study, truths)
}

/// Talts et al. (2018): the truth is as likely in one place among the draws as in another.
///
/// The companies of a run share the bins' rates, so their places are not independent: chi-square is divided by the
/// design effect (Rao & Scott 1981), the variance of a tenth's count between runs over that of independent places.
#[test]
fn simulation_based_calibration() {
    const RUNS: usize = 200;
    const COMPANIES: usize = 20;
    let runs: Vec<[f64; 10]> = parallel::map(2, RUNS, |run| {
        let mut generator = Stream::new(11, Purpose::Simulation, run as u64).replicate(0);
        let (study, truths) = study_from_priors(COMPANIES, &mut generator);
        let settings = Settings { draws: 50, seed: run as u64, ..Settings::default() };
        let bins = Bins::given(&study.gold, settings.seed);
        let plan = Plan::new(&bins, &study, &settings);
        let mut tenths = [0.0; 10];
        for (estimate, truth) in plan.estimate(&study).unwrap().iter().zip(truths) {
            tenths[(10.0 * place(truth, &estimate.draws, generator.random())) as usize] += 1.0;
        }
        tenths
    });
    let expected = COMPANIES as f64 / 10.0;
    let (mut chi_square, mut effect) = (0.0, 0.0);
    for tenth in 0..10 {
        let mean = runs.iter().map(|run| run[tenth]).sum::<f64>() / RUNS as f64;
        let squares: f64 = runs.iter().map(|run| (run[tenth] - mean).powi(2)).sum();
        chi_square += RUNS as f64 * (mean - expected).powi(2) / expected;
        effect += squares / (RUNS - 1) as f64 / (0.9 * expected) / 10.0;
    }
    let tail = statrs::distribution::ChiSquared::new(9.0).unwrap().sf(chi_square / effect);
    assert!(tail > 0.001, "chi-square {chi_square}, design effect {effect}, p {tail}");
}

/// Bounds as wide as three studies are few: coverage differs between studies by about .1.
#[test]
fn a_short_calibration() {
    let covered = |method| {
        let shares = parallel::map(2, 3, |seed| {
            let simulation = simulate::Settings { companies: 60, seed: seed as u64 + 1, ..Default::default() };
            let (counts, truths) = Simulator::new(simulation).study();
            let settings = Settings { method, draws: 200, ..Settings::default() };
            let inside = estimates(&names(), &counts, &settings)
                .iter()
                .zip(truths)
                .filter(|(e, c)| (e.summary.lower..=e.summary.upper).contains(&(c.experts as f64)))
                .count();
            inside as f64 / 60.0
        });
        shares.iter().sum::<f64>() / 3.0
    };
    let company = covered(Method::Company);
    assert!((0.65..0.95).contains(&company), "company {company}");
    let study = covered(Method::Original);
    assert!(study < 0.6, "study {study}");
}

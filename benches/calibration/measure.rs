//! Figures of a method over repetitions of a study whose truth is known.

use crate::case::{Case, Gold};
use muster::bench::diagnostics::evidence::learn_drift;
use muster::bench::parallel;
use muster::bench::probit::{GoldSampling, Method, Settings, Study, estimate};
use muster::bench::random::{Purpose, Stream, beta, binomial};
use muster::bench::simulate::Company;
use muster::bench::stats::summarise_counts;
use rand::RngExt;
use std::collections::BTreeMap;

pub(crate) const DRAWS: usize = 400;
pub(crate) const LEVEL: f64 = 0.8;

/// Minimum number of companies that a coverage is shown for.
const ENOUGH: usize = 50;

/// Way of estimating that is measured.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Fit {
        name: &'static str,
        drift_sd: Option<f64>,
    },
    /// Gold people of the company alone: Beta(.5, .5) prior of the prevalence, others unseen.
    LabelsAlone,
}

/// The methods that every table has.
pub(crate) const FITS: [Way; 2] = [fit("company"), fit("hierarchical")];

/// A fit with the defaults.
pub(crate) const fn fit(name: &'static str) -> Way {
    Way::Fit { name, drift_sd: None }
}

impl Way {
    pub(crate) fn name(self) -> String {
        match self {
            Way::Fit { name, drift_sd: None } => format!("`{name}`"),
            Way::Fit { name, drift_sd: Some(drift_sd) } => format!("`{name}`, drift_sd {drift_sd}"),
            Way::LabelsAlone => "labels alone".to_string(),
        }
    }

    /// Draws of each company's count.
    fn draws(self, case: &Case, seed: u64) -> Vec<Vec<u64>> {
        match self {
            Way::Fit { name, drift_sd } => {
                let (study, settings) = prepared(case, name, drift_sd);
                let estimates = estimate(&study, &settings);
                estimates.expect("a study with gold people").into_iter().map(|estimate| estimate.draws).collect()
            }
            Way::LabelsAlone => labels_alone(case, seed),
        }
    }
}

/// The study of a case and the settings of a fit to it, its drift learned.
pub(crate) fn prepared(case: &Case, name: &str, drift_sd: Option<f64>) -> (Study, Settings) {
    let (study, mut settings) = (case.study(), settings(name, case.sampling));
    learn_drift(&study, &mut settings, drift_sd).expect("a study with gold people");
    (study, settings)
}

/// Settings of a fit.
fn settings(name: &str, sampling: Gold) -> Settings {
    let (_, method) = Method::ALL.into_iter().find(|(known, _)| *known == name).expect("a method's name");
    let gold_sampling = match sampling {
        Gold::AtRandom => GoldSampling::AtRandom,
        _ => GoldSampling::ByClass,
    };
    Settings { method, gold_sampling, draws: DRAWS, level: LEVEL, ..Settings::default() }
}

fn labels_alone(case: &Case, seed: u64) -> Vec<Vec<u64>> {
    let mut generator = Stream::new(seed, Purpose::Simulation, 5).replicate(0);
    let of_company = |(company, gold): (&Company, &BTreeMap<usize, f64>)| {
        let (n, experts) = (gold.len(), gold.keys().filter(|position| company.people[**position].expert).count());
        let draw = |_| {
            let pi = beta(experts as f64 + 0.5, (n - experts) as f64 + 0.5, &mut generator);
            experts as u64 + binomial(company.headcount - n as u64, pi, &mut generator)
        };
        (0..DRAWS).map(draw).collect()
    };
    case.companies.iter().zip(&case.gold).map(of_company).collect()
}

/// One company of one study, held against its truth.
struct Outcome {
    prevalence: f64,
    headcount: u64,
    truth: f64,
    estimate: f64,
    width: f64,
    covered: bool,
    /// Whether the randomised probability integral transform lies in (.1, .9).
    pit: bool,
    /// Interval score (Gneiting & Raftery 2007) over the headcount.
    score: f64,
}

/// All companies of one study together.
struct Total {
    truth: f64,
    estimate: f64,
    width: f64,
    covered: bool,
}

/// Interval score of an interval for the truth.
fn interval_score(lower: f64, upper: f64, truth: f64) -> f64 {
    let outside = (lower - truth).max(0.0) + (truth - upper).max(0.0);
    upper - lower + 2.0 / (1.0 - LEVEL) * outside
}

fn measured(way: Way, case: &Case, seed: u64) -> (Vec<Outcome>, Total) {
    let draws = way.draws(case, seed);
    let mut generator = Stream::new(seed, Purpose::Simulation, 2).replicate(0);
    let outcomes = case.companies.iter().zip(&draws).map(|(company, draws)| {
        let truth = company.experts as f64;
        let values: Vec<f64> = draws.iter().map(|draw| *draw as f64).collect();
        let s = summarise_counts(&values, LEVEL);
        let below = draws.iter().filter(|draw| **draw < company.experts).count() as f64;
        let ties = draws.iter().filter(|draw| **draw == company.experts).count() as f64;
        let pit = (below + generator.random::<f64>() * (ties + 1.0)) / (draws.len() as f64 + 1.0);
        Outcome {
            prevalence: company.prevalence,
            headcount: company.headcount,
            truth,
            estimate: s.mean,
            width: s.upper - s.lower,
            covered: (s.lower..=s.upper).contains(&truth),
            pit: pit > 0.1 && pit < 0.9,
            score: interval_score(s.lower, s.upper, truth) / company.headcount as f64,
        }
    });
    let outcomes = outcomes.collect();
    let sums: Vec<f64> = (0..DRAWS).map(|r| draws.iter().map(|draws| draws[r] as f64).sum()).collect();
    let s = summarise_counts(&sums, LEVEL);
    let truth = case.companies.iter().map(|company| company.experts as f64).sum();
    let covered = (s.lower..=s.upper).contains(&truth);
    (outcomes, Total { truth, estimate: s.mean, width: s.upper - s.lower, covered })
}

/// Lower edges of the bins that coverage is shown in; below the first is a bin too.
pub(crate) struct Edges {
    pub(crate) share: &'static [f64],
    pub(crate) headcount: &'static [u64],
}

/// Coverage of the companies in a bin, and their number.
#[derive(Clone, Copy)]
pub(crate) struct Bin {
    pub(crate) coverage: f64,
    pub(crate) companies: usize,
}

impl Bin {
    /// Whether there are enough companies to speak of.
    pub(crate) fn counts(self) -> bool {
        self.companies >= ENOUGH
    }
}

/// Figures of one way on repetitions of a study.
pub(crate) struct Figures {
    pub(crate) way: String,
    pub(crate) coverage: f64,
    /// Standard deviation of the coverage between repetitions.
    pub(crate) between: f64,
    pub(crate) pit: f64,
    /// Width of the interval over the headcount, mean.
    pub(crate) width: f64,
    /// Width over the truth (at least 1), median.
    pub(crate) relative_width: f64,
    pub(crate) score: f64,
    /// Sum of all estimates over that of all truths, and the standard deviation of this ratio between repetitions.
    pub(crate) ratio: f64,
    pub(crate) ratio_between: f64,
    /// Share of repetitions whose total lies in its interval.
    pub(crate) total: f64,
    /// Width of the total's interval over its truth, mean.
    pub(crate) total_width: f64,
    pub(crate) by_prevalence: Vec<Bin>,
    pub(crate) by_headcount: Vec<Bin>,
    pub(crate) by_estimate: Vec<Bin>,
}

impl Figures {
    /// Bins by what can be seen that have companies enough.
    pub(crate) fn counted(&self) -> Vec<Bin> {
        self.by_headcount.iter().chain(&self.by_estimate).copied().filter(|bin| bin.counts()).collect()
    }
}

/// Figures of each way; `make` makes the study of a seed.
pub(crate) fn figures(ways: &[Way], seeds: u64, edges: &Edges, make: impl Fn(u64) -> Case + Sync) -> Vec<Figures> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut trials: Vec<Vec<(Vec<Outcome>, Total)>> = ways.iter().map(|_| Vec::new()).collect();
    for of_seed in parallel::map(threads, seeds as usize, |index| {
        let seed = index as u64 + 1;
        let case = make(seed);
        ways.iter().map(|way| measured(*way, &case, seed)).collect::<Vec<_>>()
    }) {
        trials.iter_mut().zip(of_seed).for_each(|(trials, trial)| trials.push(trial));
    }
    eprint!(".");
    ways.iter().zip(trials).map(|(way, trials)| summarised(*way, &trials, edges)).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}

fn summarised(way: Way, trials: &[(Vec<Outcome>, Total)], edges: &Edges) -> Figures {
    let all = || trials.iter().flat_map(|(outcomes, _)| outcomes);
    let one = |holds: bool| f64::from(u8::from(holds));
    let per_trial: Vec<f64> =
        trials.iter().map(|(outcomes, _)| mean(outcomes.iter().map(|o| one(o.covered)))).collect();
    let ratios: Vec<f64> = trials.iter().map(|(_, total)| total.estimate / total.truth).collect();
    let mut widths: Vec<f64> = all().map(|o| o.width / o.truth.max(1.0)).collect();
    widths.sort_by(f64::total_cmp);
    let bins = |edges: usize, bin: &dyn Fn(&Outcome) -> usize| {
        let of = |b: usize| all().filter(move |o| bin(o) == b);
        (0..=edges).map(|b| Bin { coverage: mean(of(b).map(|o| one(o.covered))), companies: of(b).count() }).collect()
    };
    let by_share = |share: f64| edges.share.iter().filter(|edge| share >= **edge).count();
    Figures {
        way: way.name(),
        coverage: mean(per_trial.iter().copied()),
        between: standard_deviation(&per_trial),
        pit: mean(all().map(|o| one(o.pit))),
        width: mean(all().map(|o| o.width / o.headcount as f64)),
        relative_width: widths[widths.len() / 2],
        score: mean(all().map(|o| o.score)),
        ratio: all().map(|o| o.estimate).sum::<f64>() / all().map(|o| o.truth).sum::<f64>(),
        ratio_between: standard_deviation(&ratios),
        total: mean(trials.iter().map(|(_, total)| one(total.covered))),
        total_width: mean(trials.iter().map(|(_, total)| total.width / total.truth)),
        by_prevalence: bins(edges.share.len(), &|o| by_share(o.prevalence)),
        by_headcount: bins(edges.headcount.len(), &|o| {
            edges.headcount.iter().filter(|edge| o.headcount >= **edge).count()
        }),
        by_estimate: bins(edges.share.len(), &|o| by_share(o.estimate / o.headcount as f64)),
    }
}

/// Coverage in bins as a cell of a table.
pub(crate) fn shown(bins: &[Bin]) -> String {
    let cell = |bin: &Bin| if bin.counts() { format!("{:.2}", bin.coverage) } else { "–".to_string() };
    bins.iter().map(cell).collect::<Vec<_>>().join(" / ")
}

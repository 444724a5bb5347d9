//! Coverage of the intervals on simulated studies.
//!
//! `cargo bench --bench calibration` runs 40 seeds of 200 companies for each method and truth, prints the tables and
//! writes them to docs/calibration.md. `-- --seeds 12` changes the number of seeds, `-- --quick` runs 3 and writes nothing.

use muster::bench::parallel;
use muster::bench::probit::Study;
use muster::bench::probit::{Estimate, Method, Settings, estimate};
use muster::bench::random::{Purpose, Stream};
use muster::bench::simulate::{ANNOTATORS, Company, Settings as Simulation, Simulator, TruthModel};
use rand::RngExt;
use std::fmt::Write;

const SEEDS: u64 = 40;
const DRAWS: usize = 400;
const LEVEL: f64 = 0.8;
const PREVALENCE: [f64; 4] = [0.003, 0.01, 0.03, 0.1];
const HEADCOUNT: [u64; 4] = [100, 500, 2000, 8000];

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
    below_floor: bool,
}

fn outcome(estimate: &Estimate, company: &Company, u: f64) -> Outcome {
    let (truth, s) = (company.experts as f64, &estimate.summary);
    let below = estimate.draws.iter().filter(|d| **d < company.experts).count() as f64;
    let ties = estimate.draws.iter().filter(|d| **d == company.experts).count() as f64;
    let pit = (below + u * (ties + 1.0)) / (estimate.draws.len() as f64 + 1.0);
    let outside = (s.lower - truth).max(0.0) + (truth - s.upper).max(0.0);
    Outcome {
        prevalence: company.prevalence,
        headcount: company.headcount,
        truth,
        estimate: s.mean,
        width: s.upper - s.lower,
        covered: (s.lower..=s.upper).contains(&truth),
        pit: pit > 0.1 && pit < 0.9,
        score: (s.upper - s.lower + 2.0 / (1.0 - LEVEL) * outside) / company.headcount as f64,
        below_floor: s.mean < estimate.detection_floor,
    }
}

fn share<'a>(outcomes: impl Iterator<Item = &'a Outcome>, of: impl Fn(&Outcome) -> bool) -> f64 {
    let (mut hits, mut all) = (0.0, 0.0);
    for outcome in outcomes {
        all += 1.0;
        hits += f64::from(u8::from(of(outcome)));
    }
    hits / all
}

/// Figures of a method on one truth.
struct Result {
    truth: &'static str,
    method: &'static str,
    drift: f64,
    drift_sd: f64,
    coverage: f64,
    /// Standard deviation of the coverage between seeds.
    between: f64,
    pit: f64,
    by_prevalence: Vec<f64>,
    by_headcount: Vec<f64>,
    ratio: f64,
    width: f64,
    score: f64,
    below_floor: f64,
}

fn run(
    truth: (&'static str, TruthModel),
    method: (&'static str, Method),
    drift: f64,
    drift_sd: f64,
    seeds: u64,
) -> Result {
    let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let studies: Vec<Vec<Outcome>> = parallel::map(threads, seeds as usize, |index| {
        let seed = index as u64 + 1;
        let simulation = Simulation { seed, drift, truth_model: truth.1, ..Simulation::default() };
        let (counts, companies) = Simulator::new(simulation).study();
        let study = Study::new(&names, &counts).expect("a simulated study is well formed");
        let settings = Settings { method: method.1, draws: DRAWS, level: LEVEL, drift_sd, ..Settings::default() };
        let estimates = estimate(&study, &settings).expect("a simulated study has gold people");
        let mut generator = Stream::new(seed, Purpose::Simulation, 2).replicate(0);
        // companies are sorted by name in the study, and names by number in the simulation
        estimates.iter().zip(&companies).map(|(e, c)| outcome(e, c, generator.random())).collect()
    });
    let all = || studies.iter().flatten();
    let per_seed: Vec<f64> = studies.iter().map(|s| share(s.iter(), |o| o.covered)).collect();
    let mean = per_seed.iter().sum::<f64>() / seeds as f64;
    let variance = per_seed.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (seeds as f64 - 1.0).max(1.0);
    let mut widths: Vec<f64> = all().map(|o| o.width / o.truth.max(1.0)).collect();
    widths.sort_by(f64::total_cmp);
    let bins = |edges: usize, bin: &dyn Fn(&Outcome) -> usize| {
        (0..=edges).map(|b| share(all().filter(|o| bin(o) == b), |o| o.covered)).collect()
    };
    Result {
        truth: truth.0,
        method: method.0,
        drift,
        drift_sd,
        coverage: mean,
        between: variance.sqrt(),
        pit: share(all(), |o| o.pit),
        by_prevalence: bins(PREVALENCE.len(), &|o| PREVALENCE.iter().filter(|e| o.prevalence >= **e).count()),
        by_headcount: bins(HEADCOUNT.len(), &|o| HEADCOUNT.iter().filter(|e| o.headcount >= **e).count()),
        ratio: all().map(|o| o.estimate).sum::<f64>() / all().map(|o| o.truth).sum::<f64>(),
        width: widths[widths.len() / 2],
        score: all().map(|o| o.score).sum::<f64>() / all().count() as f64,
        below_floor: share(all(), |o| o.below_floor),
    }
}

fn shares(values: &[f64]) -> String {
    values.iter().map(|v| format!("{v:.2}")).collect::<Vec<_>>().join(" / ")
}

fn table(results: &[Result]) -> String {
    let mut out = String::from(
        "| truth | method | drift | drift_sd | coverage | sd between seeds | PIT in (.1, .9) | by prevalence | by headcount \
         | estimates / truth | relative width | interval score | below floor |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for r in results {
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {} | **{:.3}** | {:.3} | {:.3} | {} | {} | {:.2} | {:.2} | {:.3} | {:.2} |",
            r.truth,
            r.method,
            r.drift,
            r.drift_sd,
            r.coverage,
            r.between,
            r.pit,
            shares(&r.by_prevalence),
            shares(&r.by_headcount),
            r.ratio,
            r.width,
            r.score,
            r.below_floor,
        );
    }
    out
}

/// Bounds that were asked for, each with whether it was met.
fn verdicts(results: &[Result]) -> String {
    let mut out = String::new();
    let mut line = |met: bool, text: String| {
        let _ = writeln!(out, "* {}: {text}", if met { "met" } else { "**not met**" });
    };
    for (truth, _) in TruthModel::ALL {
        let of = |method: &str| results.iter().find(|r| r.truth == truth && r.method == method && r.drift == 0.0);
        let (Some(company), Some(pooled), Some(study)) = (of("company"), of("hierarchical"), of("original")) else {
            continue;
        };
        let lowest = company.by_prevalence.iter().fold(1.0f64, |a, b| a.min(*b));
        let shorter = 1.0 - pooled.width / company.width;
        line(
            (0.78..=0.88).contains(&company.coverage),
            format!("{truth}: `company` covers .78 to .88, {:.3}", company.coverage),
        );
        line(lowest >= 0.76, format!("{truth}: `company` covers .76 in every prevalence bin, lowest {lowest:.3}"));
        line((0.76..=0.86).contains(&company.pit), format!("{truth}: PIT of `company` .76 to .86, {:.3}", company.pit));
        line(pooled.coverage >= 0.74, format!("{truth}: `hierarchical` covers .74, {:.3}", pooled.coverage));
        line(shorter >= 0.1, format!("{truth}: `hierarchical` at least 10 % shorter, {:.0} %", 100.0 * shorter));
        line(
            (0.28..=0.5).contains(&study.coverage),
            format!("{truth}: `original` covers .28 to .50, {:.3}", study.coverage),
        );
    }
    for r in results.iter().filter(|r| r.drift > 0.0 && r.drift_sd > 0.0) {
        line(r.coverage >= 0.78, format!("{}: with drift and drift_sd {} .78, {:.3}", r.truth, r.drift_sd, r.coverage));
    }
    out
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|a| a == "--quick");
    let seeds = match arguments.iter().position(|a| a == "--seeds").and_then(|at| arguments.get(at + 1)) {
        Some(number) => number.parse().expect("--seeds takes a whole number"),
        None if quick => 3,
        None => SEEDS,
    };
    let mut results = Vec::new();
    for truth in TruthModel::ALL {
        for method in Method::ALL {
            results.push(run(truth, method, 0.0, 0.0, seeds));
            eprint!(".");
        }
        for drift_sd in [0.0, 0.2] {
            results.push(run(truth, Method::ALL[0], 0.2, drift_sd, seeds));
            eprint!(".");
        }
    }
    eprintln!();
    let text = format!(
        "# Calibration\n\n\
         Generated by `cargo bench --bench calibration` (part of `make bench`); do not edit.\n\n\
         {seeds} seeds of the simulated study, 200 companies each, {DRAWS} draws, 80 % intervals for the true number of experts among \
         the headcount. Prevalence bins: below .003, .01, .03, .1 and above; headcount bins: below 100, 500, 2,000, 8,000 and above. \
         Relative width: upper - lower over the truth (at least 1), median. Interval score: at level .8, over the headcount, mean. \
         PIT: share of randomised probability integral transforms between .1 and .9, .80 when calibrated.\n\n\
         {}\n\
         All companies of a study share the gold people, so coverage differs between seeds by much more than 200 companies \
         would: the column `sd between seeds`. The mean over n seeds scatters by that over the square root of n.\n\n\
         ## Asked and measured\n\n{}",
        table(&results),
        verdicts(&results)
    );
    println!("{text}");
    if !quick {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/calibration.md");
        std::fs::write(path, &text).expect("docs/ is writable");
    }
}

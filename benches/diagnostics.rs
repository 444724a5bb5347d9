//! Verdicts of the diagnostics in simulated studies of 200 companies: drift where there is drift, and nothing where there
//! is none; and how the p-values of the posterior predictive check lie. Prints one line a seed.
//!
//! `cargo bench --bench diagnostics`; SEEDS says how many studies of each kind.

use muster::bench::diagnostics::{drift, predictive};
use muster::bench::probit::Settings as Estimate;
use muster::bench::probit::Study;
use muster::bench::simulate::{ANNOTATORS, Settings, Simulator};

fn study(settings: Settings) -> Study {
    let names: Vec<String> = ANNOTATORS.iter().map(|name| name.to_string()).collect();
    Study::new(&names, &Simulator::new(settings).study().0).expect("a simulated study")
}

fn main() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(10);
    let only = std::env::var("ONLY").unwrap_or_default();
    if only != "predictive" {
        find_drift(seeds);
    }
    if only != "drift" {
        check_predictions(seeds);
    }
}

fn find_drift(seeds: u64) {
    for drift in [0.0, 0.1, 0.2, 0.3] {
        let mut found = 0;
        for seed in 1..=seeds {
            let rows = drift::summary(&study(Settings { seed, drift, ..Settings::default() }), 0.8, 2);
            let rows = rows.expect("a simulated study");
            let all = &rows[0];
            found += u64::from(all.drifts());
            println!(
                "drift {drift} seed {seed}: statistic {:.0} on {}, p {:.2e}, sd {:.3} ({:.3} to {:.3})",
                all.statistic, all.df, all.p_value, all.sd, all.lower, all.upper
            );
        }
        println!("drift {drift}: found in {found} of {seeds}");
    }
}

fn check_predictions(seeds: u64) {
    let settings = Estimate { draws: 200, threads: 2, ..Estimate::default() };
    for (drift, companies) in [(0.0, 30), (0.0, 200), (0.2, 200)] {
        let mut small = [0; 4];
        let mut n = 0;
        for seed in 1..=seeds {
            let simulated = study(Settings { seed, drift, companies, ..Settings::default() });
            let (mut checks, _) = predictive::check(&simulated, &settings).expect("a simulated study");
            let Some(total) = checks.pop() else { continue };
            small[0] += u32::from(total.patterns.p_value < 0.05);
            small[1] += u32::from(total.bins.p_value < 0.05);
            small[2] += checks.iter().filter(|c| c.patterns.p_value < 0.05).count() as u32;
            small[3] += checks.iter().filter(|c| c.bins.p_value < 0.05).count() as u32;
            n += checks.len();
            let z: Vec<String> =
                total.bins.cells.iter().map(|c| format!("{:.2}", (c.observed - c.expected) / c.sd)).collect();
            println!(
                "drift {drift} companies {companies} seed {seed}: total p {:.3} by pattern, {:.3} by bin (z {})",
                total.patterns.p_value,
                total.bins.p_value,
                z.join(" ")
            );
        }
        println!(
            "drift {drift} companies {companies}: below .05 by pattern and by bin: totals {} and {} of {seeds}, companies {:.3} and {:.3}",
            small[0],
            small[1],
            f64::from(small[2]) / n as f64,
            f64::from(small[3]) / n as f64
        );
    }
}

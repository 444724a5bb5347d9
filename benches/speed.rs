//! Speed of the engine.
//!
//! `cargo bench --bench speed` prints the time of an orthant table by dimension and correlation, and of an estimate of
//! the simulated study by method and threads. `-- --peer PYTHON`, a Python with numpy and scipy, also writes that
//! study as CSV files, runs benches/study_numpy.py on it and prints how many times longer a replicate takes there.

use muster::bench::probit::Study;
use muster::bench::probit::{Method, Settings, estimate};
use muster::bench::simulate::{ANNOTATORS, Person, Settings as Simulation, Simulator, company_name};
use muster::bench::stats::{Correlation, orthant_table};
use nalgebra::DMatrix;
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, id};
use std::time::Instant;

/// About 20,000 people in 200 companies.
const MAX_OBSERVED: u64 = 150;

/// Replicates of the peer: one takes seconds.
const PEER_REPLICATES: &str = "3";

/// Shortest of some runs, in seconds.
fn seconds(runs: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn orthants() {
    let instructions = format!("{:?}", pulp::Arch::new());
    let instructions = instructions.split('(').next().unwrap_or_default();
    println!("Orthant table of all 2^J cells, microseconds, {instructions}\n");
    println!("| J | rho .3 | rho .6 | rho .8 |\n| --- | --- | --- | --- |");
    for dimensions in 3..=12 {
        let mu: Vec<f64> = (0..dimensions).map(|j| 0.6 - 0.2 * j as f64).collect();
        let times = [0.3, 0.6, 0.8].map(|rho| {
            let r = DMatrix::from_fn(dimensions, dimensions, |i, j| if i == j { 1.0 } else { rho });
            let r = Correlation::new(r).expect("equal correlations are positive definite");
            let tables = if dimensions <= 6 { 200 } else { 3 };
            let run = || (0..tables).for_each(|_| drop(black_box(orthant_table(black_box(&mu), &r))));
            1e6 * seconds(15, run) / tables as f64
        });
        println!("| {dimensions} | {:.1} | {:.1} | {:.1} |", times[0], times[1], times[2]);
    }
}

/// Seconds of 1,000 draws of `Original` and of `Company` with one thread.
fn estimates(study: &Study, people: usize) -> (f64, f64) {
    let draws = Settings::default().draws;
    let companies = study.companies.len();
    println!("\nEstimate of {people} people in {companies} companies, {draws} draws, seconds\n");
    println!("| method | 1 thread | 2 threads |\n| --- | --- | --- |");
    let time = |method, drift_sd, threads| {
        let settings = Settings { method, drift_sd, threads, ..Settings::default() };
        seconds(3, || drop(black_box(estimate(study, &settings).expect("a simulated study has gold people"))))
    };
    let line = |name: &str, method, drift_sd| {
        let one = time(method, drift_sd, 1);
        println!("| {name} | {one:.2} | {:.2} |", time(method, drift_sd, 2));
        one
    };
    let times = Method::ALL.map(|(name, method)| (method, line(&format!("`{name}`"), method, 0.0)));
    line("`company`, drift_sd .2", Method::Company, 0.2);
    let of = |method| times.iter().find(|(m, _)| *m == method).map_or(f64::NAN, |(_, time)| *time);
    (of(Method::Original), of(Method::Company))
}

/// Writes profiles.csv and ratings.csv of a simulated study into a folder.
fn write_csv(simulator: &Simulator, companies: usize, folder: &Path) -> std::io::Result<()> {
    let mut profiles = String::from("profile_id,company,headcount,is_expert\n");
    let mut ratings = String::from("profile_id,annotator,label\n");
    let mut next = 0;
    let mut put = |person: &Person, company: &str, headcount: &str, truth: &str| {
        let _ = writeln!(profiles, "{next},{company},{headcount},{truth}");
        for (bit, annotator) in ANNOTATORS.iter().enumerate() {
            if let Some(label) = person.pattern.label(bit) {
                let _ = writeln!(ratings, "{next},{annotator},{label}");
            }
        }
        next += 1;
    };
    for person in simulator.gold() {
        put(&person, "", "", if person.expert { "true" } else { "false" });
    }
    for index in 0..companies {
        let company = simulator.company(index);
        let (name, headcount) = (company_name(index), company.headcount.to_string());
        company.people.iter().for_each(|person| put(person, &name, &headcount, ""));
    }
    fs::write(folder.join("profiles.csv"), profiles)?;
    fs::write(folder.join("ratings.csv"), ratings)
}

/// Seconds a replicate of the numpy program, on one thread like ours.
fn peer(python: &str, folder: &Path, reuse_points: bool) -> f64 {
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/study_numpy.py"))
        .args(["--replicates", PEER_REPLICATES, "--profiles"])
        .arg(folder.join("profiles.csv"))
        .arg("--ratings")
        .arg(folder.join("ratings.csv"))
        .envs([("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1"), ("MKL_NUM_THREADS", "1")]);
    if reuse_points {
        command.arg("--reuse-points");
    }
    let output = command.output().expect("the peer's Python runs");
    assert!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the peer prints JSON");
    report["seconds_per_replicate"].as_f64().expect("the peer says how long a replicate took")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let python = arguments.iter().position(|a| a == "--peer").and_then(|at| arguments.get(at + 1));
    let simulation = Simulation { max_observed: MAX_OBSERVED, ..Simulation::default() };
    let companies = simulation.companies;
    let simulator = Simulator::new(simulation);
    let (counts, made) = simulator.study();
    let study = Study::new(&ANNOTATORS.map(String::from), &counts).expect("a simulated study is well formed");
    orthants();
    let (refit, company) = estimates(&study, made.iter().map(|c| c.people.len()).sum());
    let Some(python) = python else {
        return;
    };
    let folder = std::env::temp_dir().join(format!("muster-speed-{}", id()));
    fs::create_dir_all(&folder).expect("the temporary folder is writable");
    write_csv(&simulator, companies, &folder).expect("the temporary folder is writable");
    println!("\nA replicate of the same study in numpy and scipy, one thread each\n");
    println!("| peer | seconds | times `original` | times `company` |\n| --- | --- | --- | --- |");
    let draws = Settings::default().draws as f64;
    for (name, reuse_points) in [("points drawn for each pattern", false), ("points reused", true)] {
        let time = peer(python, &folder, reuse_points);
        println!("| {name} | {time:.3} | {:.0} | {:.0} |", time * draws / refit, time * draws / company);
    }
    fs::remove_dir_all(&folder).expect("the temporary folder can be removed");
}

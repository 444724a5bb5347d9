use muster::probit::{estimate::*, study::Study, prevalence};
use muster::simulate::{Simulator, Settings as Sim, TruthModel, ANNOTATORS};
fn main() {
    let names: Vec<String> = ANNOTATORS.iter().map(|s| s.to_string()).collect();
    let seeds: u64 = std::env::var("SEEDS").map_or(4, |s| s.parse().unwrap());
    let drift: f64 = std::env::var("DRIFT").map_or(0.0, |s| s.parse().unwrap());
    let tsd: f64 = std::env::var("TSD").map_or(0.0, |s| s.parse().unwrap());
    for (tname, tm) in TruthModel::ALL {
    for (name, method) in Method::ALL {
        if let Ok(m) = std::env::var("METHOD") { if m != name { continue } }
        let (mut cov, mut n, mut pit_in, mut est, mut tru) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let mut bins = [[0.0; 2]; 5];
        let mut widths = vec![]; let mut below = [0.0;2];
        let mut rng = muster::random::Stream::new(1, muster::random::Purpose::Simulation, 99).replicate(0);
        for seed in 1..=seeds {
            let (counts, companies) = Simulator::new(Sim { seed, truth_model: tm, drift, ..Default::default() }).study();
            let study = Study::new(&names, &counts).unwrap();
            let e = estimate(&study, &Settings { method, threads: 2, draws: 200, transport_sd: tsd, ..Default::default() }).unwrap();
            let c0 = cov;
            for (e, c) in e.iter().zip(&companies) {
                let t = c.experts as f64;
                let inside = (e.summary.lower <= t && t <= e.summary.upper) as u8 as f64;
                cov += inside; n += 1.0; est += e.summary.mean; tru += t;
                let lo = e.draws.iter().filter(|d| **d < c.experts).count() as f64;
                let eq = e.draws.iter().filter(|d| **d == c.experts).count() as f64;
                use rand::RngExt;
                let u: f64 = rng.random();
                let pit = (lo + u * (eq + 1.0)) / (e.draws.len() as f64 + 1.0);
                if pit > 0.1 && pit < 0.9 { pit_in += 1.0 }
                let b = [0.003, 0.01, 0.03, 0.1].iter().filter(|x| c.prevalence >= **x).count();
                bins[b][0] += inside; bins[b][1] += 1.0;
                widths.push((e.summary.upper - e.summary.lower) / t.max(1.0));
                if e.summary.mean < e.detection_floor { below[0] += 1.0 }
            }
            let _ = c0;
        }
        widths.sort_by(f64::total_cmp);
        println!("{tname} {name}: coverage {:.3} pit {:.3} ratio {:.3} width {:.2} below {:.2} bins {}", cov/n, pit_in/n, est/tru, widths[widths.len()/2], below[0]/n, bins.map(|b| format!("{:.2}({})", b[0]/b[1], b[1])).join(" "));
    }}
    let _ = prevalence::POINTS;
}

use muster::probit::{estimate::*, study::Study};
use muster::simulate::{ANNOTATORS, Settings as Sim, Simulator};
use std::time::Instant;
fn main() {
    let names: Vec<String> = ANNOTATORS.iter().map(|s| s.to_string()).collect();
    let (counts, companies) = Simulator::new(Sim { max_observed: 150, ..Default::default() }).study();
    let people: usize = companies.iter().map(|c| c.people.len()).sum();
    let study = Study::new(&names, &counts).unwrap();
    println!("people {people} rows {} masks {}", counts.len(), study.masks().len());
    for (name, method) in Method::ALL {
        for threads in [1, 2] {
            let t = Instant::now();
            let e = estimate(&study, &Settings { method, threads, ..Default::default() }).unwrap();
            println!("{name} threads {threads}: {:.3} s, first {:?}", t.elapsed().as_secs_f64(), e[0].summary);
        }
    }
}

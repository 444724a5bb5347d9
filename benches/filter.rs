//! Speed of keyword filters.
//!
//! `cargo bench --bench filter` prints megabytes of text a second of one core, over the sample CVs of data/ many times over,
//! by the number of terms. benches/filter.py has the same through SQL, beside DuckDB's own `regexp_matches`.

use muster::bench::keywords::{Filters, Scratch};
use std::hint::black_box;
use std::time::Instant;

/// Each measurement takes about so long, in seconds.
const LONG: f64 = 2.0;

/// Filters of `n` terms of two words, some of them in the CVs.
fn filters(n: usize) -> Filters {
    let common = ["machine learning", "account manager", "data science", "software engineer", "deep learning"];
    let terms: Vec<String> = (0..n)
        .map(|i| {
            common.get(i).map_or_else(|| format!("\"{}{} analysis\"", common[i % 5], i), |term| format!("\"{term}\""))
        })
        .collect();
    let json = format!(r#"[{{"annotator":"a","any_of":[{0}]}},{{"annotator":"b","none_of":[{0}]}}]"#, terms.join(","));
    Filters::parse(&json).expect("valid filters")
}

fn main() {
    let csv = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/cvs.csv")).expect("data/cvs.csv");
    let texts: Vec<&str> = csv.split("\"\n").collect();
    println!("{} texts of {} bytes on average\n", texts.len(), csv.len() / texts.len());
    println!("| terms | MB/s a core |\n| --- | --- |");
    for terms in [1, 10, 100, 1000, 5000] {
        let filters = filters(terms);
        let (mut scratch, mut labels) = (Scratch::default(), Vec::new());
        let start = Instant::now();
        let mut rounds = 0;
        while start.elapsed().as_secs_f64() < LONG {
            for text in &texts {
                filters.label(black_box(text).as_bytes(), &mut scratch, &mut labels);
            }
            black_box(&mut labels).clear();
            rounds += 1;
        }
        println!("| {terms} | {:.0} |", (rounds * csv.len()) as f64 / start.elapsed().as_secs_f64() / 1e6);
    }
}

//! Texts a second of the embedding engine, without the database, by threads.
//!
//!     cargo bench --bench embed
//!
//! Two kinds of texts: phrases of two to four words as keyword extraction has them, and texts beyond the model's 256 tokens.
//! Every round has new texts, so that none is remembered; the fastest of three counts.

use muster::bench::embed::{Chunks, Device, Dtype, Settings, open};
use std::path::Path;
use std::time::Instant;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.models/sentence-transformers/all-MiniLM-L6-v2");

const WORDS: [&str; 16] = [
    "machine",
    "learning",
    "data",
    "science",
    "research",
    "engineer",
    "software",
    "company",
    "team",
    "analysis",
    "vision",
    "language",
    "model",
    "neural",
    "network",
    "statistics",
];

/// Text number `i`, of `n` words and the number.
fn text(i: usize, n: usize) -> String {
    let word = |k: usize| WORDS[(i / 16_usize.pow(k as u32 % 4) + k) % 16];
    (0..n).map(word).chain([format!("{i}").as_str()]).collect::<Vec<_>>().join(" ")
}

fn main() {
    if !Path::new(MODEL).exists() {
        println!("the model is missing: run `make models`");
        return;
    }
    let (device, dtype, chunks) = (Device::Cpu, Dtype::F32, Chunks::First);
    let settings = Settings { model: MODEL.to_string(), device, dtype, chunks, store: None };
    let embedder = open(&settings).expect("the model loads");
    let mut next = 0;
    for (kind, words, count) in [("phrases", 3, 2000), ("256 tokens", 300, 64)] {
        for threads in [1, 2, 4] {
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                let texts: Vec<String> = (next..next + count).map(|i| text(i, words)).collect();
                next += count;
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let start = Instant::now();
                embedder.embed(&texts, threads).expect("texts are embedded");
                best = best.min(start.elapsed().as_secs_f64());
            }
            println!("{kind:12} {threads} threads {:8.0} texts/s", count as f64 / best);
        }
    }
}

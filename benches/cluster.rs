//! Speed and memory of clustering, and how far the approximate clusters agree with the exact ones: `cargo bench --bench cluster`.
//!
//! Points are made: directions of 384 dimensions around centres of their own density, and a tenth of them anywhere. POINTS says how many.
//! VECTORS names a file to take them from instead, of 32-bit numbers, 384 a point. Agreement is the adjusted Rand index (Hubert & Arabie
//! 1985), with noise as one of the clusters: 1 where all is the same, about 0 where nothing is.

use muster::bench::cluster::Points;
use muster::bench::cluster::hdbscan::{self, MAX_EXACT, hdbscan};
use muster::bench::cluster::kmeans;
use muster::bench::cluster::map;
use muster::bench::cluster::silhouettes;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Instant;

const DIMENSIONS: usize = 384;
const THREADS: usize = 2;

/// Numbers that are about normal.
fn vector(random: &mut impl Rng) -> Vec<f64> {
    (0..DIMENSIONS).map(|_| (0..4).map(|_| random.random::<f64>() - 0.5).sum()).collect()
}

/// Directions around centres.
fn made(n: usize) -> Points {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let centres: Vec<(Vec<f64>, f64)> =
        (0..n.div_ceil(100)).map(|_| (vector(&mut random), 0.5 + random.random::<f64>())).collect();
    let point = |i: usize| -> Vec<f64> {
        let (centre, width) = &centres[i % centres.len()];
        let own = vector(&mut random);
        let pull = if i.is_multiple_of(10) { 0.0 } else { 1.0 };
        centre.iter().zip(own).map(|(c, x)| pull * c + width * x).collect()
    };
    Points::unit((0..n).map(point)).expect("vectors of one length")
}

/// Directions of the first vectors of a file.
fn read(path: &str, n: usize) -> Points {
    let bytes = std::fs::read(path).expect("a file of vectors");
    let rows = bytes.chunks_exact(4 * DIMENSIONS).take(n);
    let number = |four: &[u8]| f64::from(f32::from_le_bytes(four.try_into().expect("four bytes")));
    Points::unit(rows.map(|row| row.chunks_exact(4).map(number).collect::<Vec<f64>>()))
        .expect("vectors with a direction")
}

/// Peak memory of this process in MiB, where the system says it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_string(), |kib| format!("{:.0} MiB", kib / 1024.0))
}

/// Number of pairs that are alike in `all`.
fn pairs<T: Hash + Eq>(all: impl Iterator<Item = T>) -> f64 {
    let mut counts: HashMap<T, f64> = HashMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1.0);
    counts.values().map(|count| count * (count - 1.0) / 2.0).sum()
}

fn adjusted_rand(a: &[Option<usize>], b: &[Option<usize>]) -> f64 {
    let all = a.len() as f64 * (a.len() as f64 - 1.0) / 2.0;
    let (both, of_a, of_b) = (pairs(a.iter().zip(b)), pairs(a.iter()), pairs(b.iter()));
    let expected = of_a * of_b / all;
    (both - expected) / ((of_a + of_b) / 2.0 - expected)
}

fn main() {
    let n: usize = std::env::var("POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let points = std::env::var("VECTORS").map_or_else(|_| made(n), |path| read(&path, n));
    println!("{n} points of {DIMENSIONS} dimensions, {THREADS} threads; peak memory {}", peak());

    let mut found = Vec::new();
    for min_samples in [2, 5] {
        let mut exact_labels = None;
        for exact in [true, false].into_iter().filter(|exact| !exact || n <= MAX_EXACT) {
            let start = Instant::now();
            let settings = hdbscan::Settings { min_cluster_size: 5, min_samples, exact };
            found = hdbscan(&points, settings, THREADS);
            let seconds = start.elapsed().as_secs_f64();
            let clusters = found.iter().flatten().collect::<HashSet<_>>().len();
            let noise = found.iter().filter(|cluster| cluster.is_none()).count();
            let how = if exact { "exact" } else { "approximate" };
            println!(
                "HDBSCAN, {how}, min_samples {min_samples}: {clusters} clusters, {noise} noise, {seconds:.1} s, peak memory {}",
                peak()
            );
            match &exact_labels {
                None if exact => exact_labels = Some(found.clone()),
                Some(exact) => println!("agreement with the exact ones: {:.4}", adjusted_rand(exact, &found)),
                None => {}
            }
        }
    }
    let start = Instant::now();
    let mean = |silhouettes: Vec<Option<f64>>| {
        silhouettes.iter().flatten().sum::<f64>() / silhouettes.iter().flatten().count() as f64
    };
    println!(
        "silhouettes: mean {:.3}, {:.2} s",
        mean(silhouettes(&points, &found, THREADS)),
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let chosen = kmeans(&points, None, 1, THREADS);
    let clusters = chosen.iter().max().map_or(0, |last| last + 1);
    println!("k-means: {clusters} clusters, chosen, {:.1} s, peak memory {}", start.elapsed().as_secs_f64(), peak());
    let start = Instant::now();
    let placed = map(&points, THREADS);
    println!("map: {} places, {:.2} s", placed.len(), start.elapsed().as_secs_f64());
}

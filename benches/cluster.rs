//! Speed and memory of clustering, without any model: `cargo bench --bench cluster`.
//!
//! Points are made: directions of 384 dimensions around centres of their own density, and a tenth of them anywhere. POINTS says how many.

use muster::bench::cluster::Points;
use muster::bench::cluster::hdbscan::{self, hdbscan};
use muster::bench::cluster::kmeans;
use muster::bench::cluster::map;
use muster::bench::cluster::silhouettes;
use rand::{Rng, RngExt, SeedableRng};
use std::time::Instant;

const DIMENSIONS: usize = 384;
const THREADS: usize = 2;

/// Numbers that are about normal.
fn vector(random: &mut impl Rng) -> Vec<f64> {
    (0..DIMENSIONS).map(|_| (0..4).map(|_| random.random::<f64>() - 0.5).sum()).collect()
}

/// Peak memory of this process in MiB, where the system says it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_string(), |kib| format!("{:.0} MiB", kib / 1024.0))
}

fn main() {
    let n: usize = std::env::var("POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let centres: Vec<(Vec<f64>, f64)> =
        (0..n.div_ceil(100)).map(|_| (vector(&mut random), 0.5 + random.random::<f64>())).collect();
    let point = |i: usize| -> Vec<f64> {
        let (centre, width) = &centres[i % centres.len()];
        let own = vector(&mut random);
        let pull = if i.is_multiple_of(10) { 0.0 } else { 1.0 };
        centre.iter().zip(own).map(|(c, x)| pull * c + width * x).collect()
    };
    let vectors: Vec<Vec<f64>> = (0..n).map(point).collect();
    let points = Points::unit(vectors.iter()).expect("vectors of one length");
    drop(vectors);
    println!("{n} points of {DIMENSIONS} dimensions, {THREADS} threads; peak memory {}", peak());

    for min_samples in [2, 5] {
        let start = Instant::now();
        let found = hdbscan(&points, hdbscan::Settings { min_cluster_size: 5, min_samples }, THREADS);
        let clusters = found.iter().flatten().collect::<std::collections::HashSet<_>>().len();
        let noise = found.iter().filter(|cluster| cluster.is_none()).count();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "HDBSCAN, min_samples {min_samples}: {clusters} clusters, {noise} noise, {seconds:.1} s, peak memory {}",
            peak()
        );
    }
    let start = Instant::now();
    let chosen = kmeans(&points, None, 1, THREADS);
    let clusters = chosen.iter().max().map_or(0, |last| last + 1);
    println!("k-means: {clusters} clusters, chosen, {:.1} s, peak memory {}", start.elapsed().as_secs_f64(), peak());
    let start = Instant::now();
    let clusters: Vec<Option<usize>> = chosen.into_iter().map(Some).collect();
    let mean = silhouettes(&points, &clusters, THREADS).iter().flatten().sum::<f64>() / n as f64;
    println!("silhouettes: mean {mean:.3}, {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let placed = map(&points, THREADS);
    println!("map: {} places, {:.2} s", placed.len(), start.elapsed().as_secs_f64());
}

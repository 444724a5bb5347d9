//! k-means: `k` clusters with the least sum of squared distances to their means (inertia).
//!
//! Each start draws centres by greedy k-means++ ([Arthur & Vassilvitskii 2007]: of 2 + ln k points drawn with
//! probabilities in proportion to the squared distance from the nearest centre so far, the one that lowers the sum
//! most) and improves them by [Lloyd's method] until no point changes its cluster. Of 10 starts, up to 50 for few points,
//! the one with the least inertia counts, the first of equal ones. A cluster that loses its last point gets the point
//! that is farthest from its own mean.
//!
//! Of very many points a sample is fitted, and every point is then in the cluster of the mean that is nearest to it.
//!
//! This is scikit-learn's `KMeans`, run until nothing changes. It is written here because of the crates, `kmeans` needs an
//! unstable compiler, and `linfa-clustering` brings 40 others for a page of code.
//!
//! [Arthur & Vassilvitskii 2007]: https://dl.acm.org/doi/10.5555/1283383.1283494
//! [Lloyd's method]: https://doi.org/10.1109/TIT.1982.1056489

use super::points::Points;
use super::silhouette::silhouettes;
use crate::interrupt;
use crate::linalg::distance2;
use crate::parallel;
use crate::random::{Purpose, Stream};
use rand::{Rng, RngExt};

/// Maximum number of points that means are fitted to.
pub(crate) const MAX_FITTED: usize = 100_000;

/// Minimum and maximum number of starts.
const STARTS: (usize, usize) = (10, 50);

/// Number of starts for each number of clusters that is tried.
const TRIAL_STARTS: usize = 3;

/// Maximum number of comparisons in one round of all starts, unless that leaves too few starts.
const NUMBERS: usize = 200_000_000;

/// Maximum number of rounds of Lloyd's method.
const ROUNDS: usize = 300;

/// Maximum number of points that the number of clusters is chosen by.
const SAMPLE: usize = 5_000;

/// Maximum number of clusters that is tried.
const MOST: usize = 100;

/// Cluster of each point; `k` = `None`: their number is chosen. There are at most as many clusters as there are different points.
pub fn kmeans(points: &Points, k: Option<usize>, seed: u64, threads: usize) -> Vec<usize> {
    if points.len() <= MAX_FITTED {
        return fit(points, k, seed, threads).assignment;
    }
    let all: Vec<usize> = (0..points.len()).collect();
    let mut sample = drawn(&all, MAX_FITTED, seed, 0);
    sample.sort_unstable();
    nearest(points, &all, &fit(&points.only(&sample), k, seed, threads).centres, threads)
}

/// The best run of all starts.
fn fit(points: &Points, k: Option<usize>, seed: u64, threads: usize) -> Run {
    let k = match k {
        Some(k) => k.min(points.distinct()),
        None => choose(points, seed, threads),
    };
    if k < 2 {
        return Run {
            assignment: vec![0; points.len()],
            centres: points.only(&vec![0; points.len().min(1)]),
            inertia: 0.0,
        };
    }
    let round = points.len() * k * points.dimensions();
    let starts = (NUMBERS / round.max(1)).clamp(STARTS.0, STARTS.1);
    let runs = parallel::map(threads, starts, |start| run(points, k, seed, start));
    best(runs)
}

/// The number of clusters, of 2 to √n but at least 10 and at most 100, with the highest mean silhouette; of equal ones
/// the lowest. From 16 on not every number is tried, from 5,000 points on not with every point.
fn choose(points: &Points, seed: u64, threads: usize) -> usize {
    let sample;
    let points = if points.len() > SAMPLE {
        let all: Vec<usize> = (0..points.len()).collect();
        let mut drawn = drawn(&all, SAMPLE, seed, 0);
        drawn.sort_unstable();
        sample = points.only(&drawn);
        &sample
    } else {
        points
    };
    let distinct = points.distinct();
    let root = (points.len() as f64).sqrt().ceil() as usize;
    let last = root.clamp(10, MOST).min(distinct).min(points.len().saturating_sub(1));
    let tried: Vec<usize> =
        std::iter::successors(Some(2), |k| Some(k + 1.max(k / 8))).take_while(|k| *k <= last).collect();
    // the longest first, so that no thread is left with it at the end
    let scores = parallel::map(threads, tried.len(), |at| {
        let k = tried[tried.len() - 1 - at];
        let found = best((0..TRIAL_STARTS).map(|start| run(points, k, seed, start)).collect());
        let assignment: Vec<Option<usize>> = found.assignment.into_iter().map(Some).collect();
        let scores = silhouettes(points, &assignment, 1);
        (scores.iter().flatten().sum::<f64>(), k)
    });
    let highest = scores.into_iter().max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    highest.map_or(1, |(_, k)| k)
}

/// At most `count` of `all`, drawn at random without replacement.
pub(super) fn drawn(all: &[usize], count: usize, seed: u64, key: u64) -> Vec<usize> {
    let mut generator = Stream::new(seed, Purpose::Clusters, key).replicate(0);
    let mut drawn = all.to_vec();
    (0..count.min(all.len())).for_each(|i| drawn.swap(i, generator.random_range(i..all.len())));
    drawn.truncate(count);
    drawn
}

/// Result of one start.
struct Run {
    assignment: Vec<usize>,
    centres: Points,
    inertia: f64,
}

/// The run with the least inertia, of equal ones the first.
fn best(runs: Vec<Run>) -> Run {
    let least = runs.into_iter().min_by(|a, b| a.inertia.total_cmp(&b.inertia));
    least.unwrap_or(Run { assignment: Vec::new(), centres: Points::new(0, Vec::new()), inertia: 0.0 })
}

/// The run of number `start`.
fn run(points: &Points, k: usize, seed: u64, start: usize) -> Run {
    let mut generator = Stream::new(seed, Purpose::Clusters, k as u64).replicate(start as u64);
    let mut centres = points.only(&seeds(points, k, &mut generator));
    let all: Vec<usize> = (0..points.len()).collect();
    let mut assignment = nearest(points, &all, &centres, 1);
    for _ in 0..ROUNDS {
        interrupt::check();
        centres = means(points, k, &mut assignment, &centres);
        let next = nearest(points, &all, &centres, 1);
        if next == assignment {
            break;
        }
        assignment = next;
    }
    let inertia = assignment.iter().enumerate().map(|(i, c)| distance2(points.row(i), centres.row(*c))).sum();
    Run { assignment, centres, inertia }
}

/// The points that a start begins with, drawn by greedy k-means++.
fn seeds(points: &Points, k: usize, generator: &mut impl Rng) -> Vec<usize> {
    let n = points.len();
    let trials = 2 + (k as f64).ln() as usize;
    // squared distances, 0 where 32 bits cannot tell them from 0
    let distances = |of: &[usize]| {
        let begin = |_| Vec::with_capacity(n);
        points.scan(of, points, 1, begin, |i, all: &mut Vec<f32>, start, products| {
            all.extend(
                products.iter().enumerate().map(|(at, product)| points.low(i, points, start + at, *product).max(0.0)),
            );
        })
    };
    let mut chosen = vec![generator.random_range(0..n)];
    let mut closest = distances(&chosen).swap_remove(0);
    while chosen.len() < k {
        interrupt::check();
        let sums: Vec<f64> = closest
            .iter()
            .scan(0.0, |sum, d| {
                *sum += f64::from(*d);
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().unwrap_or(0.0);
        let mut draw = || {
            let at = generator.random::<f64>() * total;
            sums.partition_point(|sum| *sum <= at).min(n - 1)
        };
        let drawn: Vec<usize> = (0..trials).map(|_| draw()).collect();
        let lowered = distances(&drawn).into_iter().zip(drawn).map(|(mut near, point)| {
            near.iter_mut().zip(&closest).for_each(|(new, old)| *new = new.min(*old));
            (near.iter().map(|d| f64::from(*d)).sum::<f64>(), near, point)
        });
        // there is at least one trial
        if let Some((_, near, point)) = lowered.min_by(|a, b| a.0.total_cmp(&b.0)) {
            closest = near;
            chosen.push(point);
        }
    }
    chosen
}

/// The nearest centre of each of the points `rows`, of equally near ones the first.
pub(super) fn nearest(points: &Points, rows: &[usize], centres: &Points, threads: usize) -> Vec<usize> {
    let exact = |i: usize, c: usize| distance2(points.row(i), centres.row(c));
    let found = points.scan(
        rows,
        centres,
        threads,
        |_| None::<(f64, usize)>,
        |i, best, start, products| {
            let high = products.iter().enumerate().map(|(at, product)| points.high(i, centres, start + at, *product));
            let limit = high.fold(f32::INFINITY, f32::min);
            for (at, product) in products.iter().enumerate() {
                if points.low(i, centres, start + at, *product) > limit {
                    continue;
                }
                let distance = exact(i, start + at);
                if best.is_none_or(|(least, _)| distance < least) {
                    *best = Some((distance, start + at));
                }
            }
        },
    );
    found.into_iter().map(|best| best.map_or(0, |(_, c)| c)).collect()
}

/// The means of the clusters; a cluster without a point takes the one that is farthest from its centre in `before`.
pub(super) fn means(points: &Points, k: usize, assignment: &mut [usize], before: &Points) -> Points {
    let mut sizes = vec![0_usize; k];
    assignment.iter().for_each(|c| sizes[*c] += 1);
    while let Some(empty) = sizes.iter().position(|size| *size == 0) {
        let shared = (0..points.len()).filter(|i| sizes[assignment[*i]] > 1);
        let distance = |i: usize| distance2(points.row(i), before.row(assignment[i]));
        let farthest = shared.map(|i| (distance(i), i)).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        // k is at most the number of points
        let Some((_, i)) = farthest else { break };
        sizes[assignment[i]] -= 1;
        sizes[empty] = 1;
        assignment[i] = empty;
    }
    let d = points.dimensions();
    let mut sums = vec![0.0; k * d];
    for (i, c) in assignment.iter().enumerate() {
        sums[c * d..(c + 1) * d].iter_mut().zip(points.row(i)).for_each(|(sum, x)| *sum += x);
    }
    for (sum, size) in sums.chunks_exact_mut(d.max(1)).zip(sizes) {
        sum.iter_mut().for_each(|x| *x /= size.max(1) as f64);
    }
    Points::new(d, sums)
}

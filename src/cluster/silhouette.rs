//! Silhouettes ([Rousseeuw 1987]): how much nearer a point is to its own cluster than to the next one, from -1 to 1.
//!
//! With a the mean distance of a point to the other members of its cluster, and b the least mean distance to the
//! members of another, s = (b - a) / max(a, b); 0 for a cluster of one. Noise belongs to no cluster: it has no
//! silhouette, and counts in none. The distance is 1 - x·y, the cosine distance of vectors of length 1. The mean of 1 -
//! x·y over a cluster is one minus the product of x and the cluster's mean, so this is the exact silhouette for any
//! number of points, without a look at their pairs.
//!
//! [Rousseeuw 1987]: https://doi.org/10.1016/0377-0427(87)90125-7

use super::points::Points;
use crate::linalg::dot;

/// Silhouette of each point; `None` for noise, and for all where there are fewer than two clusters. Points have length 1.
pub fn silhouettes(points: &Points, clusters: &[Option<usize>], threads: usize) -> Vec<Option<f64>> {
    let sums = Sums::new(points, clusters);
    let k = sums.sizes.len();
    if k < 2 {
        return vec![None; points.len()];
    }
    let means = sums.means();
    let rows: Vec<usize> = (0..points.len()).filter(|i| clusters[*i].is_some()).collect();
    // the cluster besides its own whose mean has the largest product
    let slack = points.slack();
    let begin = |_| None::<f64>;
    let next = points.scan(&rows, &means, threads, begin, |i, best, start, products| {
        let others = || (start..).zip(products).filter(|(c, _)| clusters[i] != Some(*c));
        let limit = others().fold(f32::NEG_INFINITY, |limit, (_, product)| limit.max(*product)) - 2.0 * slack;
        for (c, _) in others().filter(|(_, product)| **product >= limit) {
            let exact = dot(points.row(i), means.row(c));
            *best = Some(best.map_or(exact, |best: f64| best.max(exact)));
        }
    });
    let mut all = vec![None; points.len()];
    for (i, next) in rows.into_iter().zip(next) {
        let own = clusters[i].unwrap_or_default();
        all[i] = Some(match (sums.sizes[own], next) {
            (2.., Some(next)) => {
                let size = sums.sizes[own] as f64;
                // without the point itself, whose product with itself is 1
                let a = ((size - dot(points.row(i), &sums.values[own])) / (size - 1.0)).max(0.0);
                let b = (1.0 - next).max(0.0);
                if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
            }
            _ => 0.0,
        });
    }
    all
}

/// Sums of the points of each cluster.
pub(crate) struct Sums {
    pub(crate) sizes: Vec<usize>,
    pub(crate) values: Vec<Vec<f64>>,
}

impl Sums {
    pub(crate) fn new(points: &Points, clusters: &[Option<usize>]) -> Sums {
        let k = clusters.iter().flatten().max().map_or(0, |last| last + 1);
        let mut sums = Sums { sizes: vec![0; k], values: vec![vec![0.0; points.dimensions()]; k] };
        for (i, c) in clusters.iter().enumerate().filter_map(|(i, c)| Some((i, (*c)?))) {
            sums.sizes[c] += 1;
            sums.values[c].iter_mut().zip(points.row(i)).for_each(|(sum, x)| *sum += x);
        }
        sums
    }

    fn means(&self) -> Points {
        let d = self.values.first().map_or(0, Vec::len);
        let mean =
            |(sum, size): (&Vec<f64>, &usize)| -> Vec<f64> { sum.iter().map(|x| x / (*size).max(1) as f64).collect() };
        Points::new(d, self.values.iter().zip(&self.sizes).flat_map(mean).collect())
    }
}

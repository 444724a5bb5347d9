//! Clusters of vectors: the members of each, the one that stands for it, and how well it holds together.
//!
//! * [`points`]: vectors of length 1, and the scan over many pairs of them;
//! * [`hdbscan`]: clusters by density, with noise, from the spanning tree of [`spanning`], which begins with the [`neighbours`] in near
//!   [`cells`]; [`edges`] has what trees are made of;
//! * [`kmeans`]: a number of clusters around means, chosen by their silhouettes;
//! * [`silhouette`]: measure of how well points lie in their clusters;
//! * [`map`]: points on a plane.
//!
//! Embeddings are compared by their directions. On vectors of length 1 the Euclidean distance orders pairs as the
//! cosine does: |x - y|² = 2 (1 - cos). So all of these take vectors divided by their lengths.
//!
//! Points come in a defined order and sums follow it, so nothing depends on threads.

mod cells;
mod edges;
mod error;
pub(crate) mod hdbscan;
pub(crate) mod kmeans;
pub(crate) mod map;
mod near;
mod neighbours;
pub(crate) mod points;
pub(crate) mod silhouette;
mod spanning;

#[cfg(test)]
mod tests;

pub(crate) use error::ClusterError;
pub(crate) use error::MAX_POINTS;

use crate::linalg::dot;
use points::Points;
use silhouette::{Sums, silhouettes};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Method of clustering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Method {
    /// HDBSCAN, and k-means where that leaves more than half of the points as noise or puts them into one cluster.
    Auto,
    Hdbscan,
    Kmeans,
}

/// Settings of [`cluster`].
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) method: Method,
    /// Number of clusters of k-means; `None` = chosen.
    pub(crate) k: Option<usize>,
    pub(crate) hdbscan: hdbscan::Settings,
    pub(crate) seed: u64,
}

/// Clusters of points. Each list has one entry a point, `None` for noise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clustering {
    pub(crate) clusters: Vec<Option<usize>>,
    /// Places of the points in their clusters, by their nearness to the mean; 0 = nearest.
    pub(crate) places: Vec<Option<usize>>,
    pub(crate) silhouettes: Vec<Option<f64>>,
    /// Method that found them, never [`Method::Auto`].
    pub(crate) method: Method,
    /// Whether HDBSCAN had a tree that may not be the shortest, or k-means was fitted to some of the points only.
    pub(crate) approximate: bool,
}

/// Check of the number of points, before vectors are computed.
///
/// # Errors
///
/// Where there are more than [`MAX_POINTS`] points.
pub(crate) fn check(points: usize) -> Result<(), ClusterError> {
    if points > MAX_POINTS { Err(ClusterError::Many(points)) } else { Ok(()) }
}

/// The clusters of points of length 1, largest first, of equal size in the order of their first points.
///
/// # Errors
///
/// Where there are more than [`MAX_POINTS`] points.
pub(crate) fn cluster(points: &Points, settings: &Settings, threads: usize) -> Result<Clustering, ClusterError> {
    check(points.len())?;
    let kmeans = || kmeans::kmeans(points, settings.k, settings.seed, threads).into_iter().map(Some).collect();
    let some_fitted = points.len() > kmeans::MAX_FITTED;
    let (clusters, method, approximate) = match settings.method {
        Method::Kmeans => (kmeans(), Method::Kmeans, some_fitted),
        Method::Hdbscan | Method::Auto => {
            let exact = settings.hdbscan.exact && points.len() <= hdbscan::MAX_EXACT;
            let found = hdbscan::hdbscan(points, hdbscan::Settings { exact, ..settings.hdbscan }, threads);
            if settings.method == Method::Auto && 2 * largest(&found) > points.len() {
                (kmeans(), Method::Kmeans, some_fitted)
            } else {
                (found, Method::Hdbscan, !exact)
            }
        }
    };
    let clusters = renumber(&clusters);
    let places = places(points, &clusters);
    let silhouettes = silhouettes(points, &clusters, threads);
    Ok(Clustering { clusters, places, silhouettes, method, approximate })
}

/// Number of points of the largest cluster, or of noise where that is more.
fn largest(clusters: &[Option<usize>]) -> usize {
    let mut sizes: HashMap<Option<usize>, usize> = HashMap::new();
    clusters.iter().for_each(|cluster| *sizes.entry(*cluster).or_default() += 1);
    sizes.into_values().max().unwrap_or(0)
}

/// Clusters with numbers without gaps, by size and then by the first point.
fn renumber(clusters: &[Option<usize>]) -> Vec<Option<usize>> {
    let most = clusters.iter().flatten().max().map_or(0, |last| last + 1);
    let mut found: Vec<(usize, usize)> = vec![(0, usize::MAX); most];
    for (i, cluster) in clusters.iter().enumerate() {
        if let Some(cluster) = cluster {
            found[*cluster].0 += 1;
            found[*cluster].1 = found[*cluster].1.min(i);
        }
    }
    let mut order: Vec<usize> = (0..most).collect();
    order.sort_by_key(|c| (Reverse(found[*c].0), found[*c].1));
    let mut number = vec![0; most];
    order.into_iter().enumerate().for_each(|(new, old)| number[old] = new);
    clusters.iter().map(|cluster| cluster.map(|c| number[c])).collect()
}

/// Place of each point in its cluster, by the cosine with the mean, of equal ones the first. The one at place 0 is the medoid too: its mean
/// cosine with the members is the highest.
fn places(points: &Points, clusters: &[Option<usize>]) -> Vec<Option<usize>> {
    let sums = Sums::new(points, clusters);
    let mut members: Vec<Vec<(f64, usize)>> = vec![Vec::new(); sums.sizes.len()];
    for (i, cluster) in clusters.iter().enumerate() {
        if let Some(cluster) = cluster {
            members[*cluster].push((dot(points.row(i), &sums.values[*cluster]), i));
        }
    }
    let mut places = vec![None; points.len()];
    for mut members in members {
        members.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        members.into_iter().enumerate().for_each(|(place, (_, i))| places[i] = Some(place));
    }
    places
}

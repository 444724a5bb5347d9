//! HDBSCAN: clusters of any shape and density, and noise ([Campello, Moulavi & Sander 2013]; [McInnes & Healy 2017]).
//!
//! It is written here because of speed: the crates `hdbscan` 0.12 and `petal-clustering` 0.14 measure one pair of points at a
//! time, which for 5,000 texts takes 20 seconds and more where this takes less than one, and 16 times that for 20,000.
//!
//! The core distance c(i) is that to the min_samples-th nearest point, i itself being the first. Two points are
//! m(i, j) = max(c(i), c(j), |x_i - x_j|) apart. Cutting the minimum spanning tree of these distances from the longest edge
//! down makes a tree of components; those of fewer than min_cluster_size points only fall off the one they leave. What
//! is left splits into clusters. With λ = 1 / distance, a cluster that comes up at λ₀ and whose points leave it at λ(p)
//! has the stability Σ_p (λ(p) - λ₀). Clusters are taken for the largest sum of stabilities, none within another
//! ("excess of mass"), and never all points together. These are the definitions of scikit-learn's `HDBSCAN`, and its
//! labels.
//!
//! **Ties.** With min_samples above 2, several edges have the length of one point's core distance, and which comes
//! first decides which cluster a point between two falls to. In scikit-learn that is up to the order of the rows and to
//! an unstable sort, so it has no defined answer. Here the edge between the nearer points comes first, and edges that
//! are equal in that too are cut at once.
//!
//! **The spanning tree** is that of [`super::spanning`]: the shortest, from all pairs, whose time grows with the square of the number of
//! points; or the short one that it begins with, from the neighbours that are found in near cells, whose time grows little
//! faster than the number. Memory grows with the number for both. Points that are equal are one for the tree, and join it at distance 0.
//!
//! [Campello, Moulavi & Sander 2013]: https://doi.org/10.1007/978-3-642-37456-2_14
//! [McInnes & Healy 2017]: https://doi.org/10.1109/ICDMW.2017.12

use super::cells::Cells;
use super::edges::{Edge, Sets};
use super::neighbours::neighbours;
use super::points::Points;
use super::spanning::Known;
use crate::interrupt;

/// Settings of [`hdbscan`].
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Minimum number of points of a cluster, at least 2.
    pub min_cluster_size: usize,
    /// Rank of the neighbour that a point's core distance is measured to, at least 1; the point itself is the first.
    pub min_samples: usize,
    /// Whether the spanning tree is the shortest.
    pub exact: bool,
}

/// Maximum number of points for the shortest spanning tree: its time grows with their square.
pub const MAX_EXACT: usize = 100_000;

/// Minimum number of neighbours of a point that are kept.
const NEIGHBOURS: usize = 16;

/// The cluster of each point, numbered in no particular order; `None` = noise.
pub fn hdbscan(points: &Points, settings: Settings, threads: usize) -> Vec<Option<usize>> {
    let n = points.len();
    if n < settings.min_cluster_size.max(settings.min_samples) {
        return vec![None; n];
    }
    let edges = spanning_tree(points, settings, threads);
    select(&condense(n, &dendrogram(n, edges), settings.min_cluster_size))
}

/// A spanning tree of all points, shortest edge first.
fn spanning_tree(points: &Points, settings: Settings, threads: usize) -> Vec<Edge> {
    let firsts = points.firsts();
    let mut weights = vec![0; points.len()];
    firsts.iter().for_each(|first| weights[*first] += 1);
    let rows: Vec<usize> = (0..points.len()).filter(|i| firsts[*i] == *i).collect();
    let k = NEIGHBOURS.max(settings.min_samples - 1).min(rows.len() - 1);
    let cells = Cells::new(points, &rows, threads);
    let lists = neighbours(points, &rows, &cells, k, threads);
    let mut known = Known { points, rows: &rows, weights: &weights, min_samples: settings.min_samples, lists, k };
    let mut tree = known.short_tree(&cells, threads);
    if settings.exact {
        tree = known.shortest_tree(tree, threads);
    }
    let core = known.cores();
    let equal = firsts.iter().enumerate().filter(|(i, first)| i != *first);
    tree.extend(equal.map(|(i, first)| Edge { reach: core[*first], distance: 0.0, ends: (*first, i) }));
    tree.sort_unstable_by(Edge::order);
    tree
}

/// Components that become one at some length. Below `n` a child is a point, above it node `child - n`.
#[derive(Debug, Clone)]
struct Node {
    edge: Edge,
    children: Vec<usize>,
    size: usize,
}

/// The tree of components from the edges of a spanning tree, shortest first; the last node has all points.
fn dendrogram(n: usize, edges: Vec<Edge>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::with_capacity(edges.len());
    let mut sets = Sets::new(n);
    let mut top: Vec<usize> = (0..n).collect();
    for edge in edges {
        let mut parts = [edge.ends.0, edge.ends.1].map(|i| {
            let child = top[sets.find(i)];
            // a component that came about at the very same length takes part with its children
            match child.checked_sub(n).map(|at| &mut nodes[at]) {
                Some(node) if node.edge.by_length(&edge).is_eq() => std::mem::take(&mut node.children),
                _ => vec![child],
            }
        });
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let [mut children, fewer] = parts;
        children.extend(fewer);
        if let Some(root) = sets.join(edge.ends.0, edge.ends.1) {
            top[root] = n + nodes.len();
            nodes.push(Node { edge, children, size: sets.size(root) });
        }
    }
    nodes
}

/// A component of at least min_cluster_size points, from where it splits off to where it splits up.
#[derive(Debug, Clone)]
struct Cluster {
    /// Cluster that it splits off from, which has a lower number; the first has none.
    parent: usize,
    /// λ where it splits off.
    birth: f64,
    stability: f64,
}

/// The tree of clusters, and the last cluster each point was in.
struct Condensed {
    clusters: Vec<Cluster>,
    last: Vec<usize>,
}

/// The tree of clusters of at least `min_cluster_size` points.
fn condense(n: usize, nodes: &[Node], min_cluster_size: usize) -> Condensed {
    let mut clusters = vec![Cluster { parent: 0, birth: 0.0, stability: 0.0 }];
    let mut last = vec![0; n];
    let size = |child: usize| child.checked_sub(n).map_or(1, |at| nodes[at].size);
    let mut todo: Vec<(usize, usize)> =
        nodes.iter().enumerate().next_back().map(|(at, _)| (at, 0)).into_iter().collect();
    while let Some((at, cluster)) = todo.pop() {
        interrupt::check();
        let node = &nodes[at];
        let lambda = 1.0 / node.edge.reach.sqrt();
        let (large, small): (Vec<usize>, Vec<usize>) =
            node.children.iter().partition(|child| size(**child) >= min_cluster_size);
        for child in small {
            clusters[cluster].stability += (lambda - clusters[cluster].birth) * size(child) as f64;
            points_of(n, nodes, child, |point| last[point] = cluster);
        }
        match large.as_slice() {
            [only] => todo.push((only - n, cluster)),
            parts => {
                for child in parts {
                    clusters[cluster].stability += (lambda - clusters[cluster].birth) * size(*child) as f64;
                    todo.push((child - n, clusters.len()));
                    clusters.push(Cluster { parent: cluster, birth: lambda, stability: 0.0 });
                }
            }
        }
    }
    Condensed { clusters, last }
}

/// Calls `each` with every point below a child.
fn points_of(n: usize, nodes: &[Node], child: usize, mut each: impl FnMut(usize)) {
    let mut todo = vec![child];
    while let Some(child) = todo.pop() {
        match child.checked_sub(n) {
            Some(at) => todo.extend(&nodes[at].children),
            None => each(child),
        }
    }
}

/// Cluster of each point, chosen for the largest sum of stabilities, never the cluster of all points.
fn select(tree: &Condensed) -> Vec<Option<usize>> {
    let n = tree.clusters.len();
    let mut below = vec![0.0; n];
    let mut taken = vec![false; n];
    for at in (1..n).rev() {
        let cluster = &tree.clusters[at];
        taken[at] = cluster.stability >= below[at];
        below[cluster.parent] += cluster.stability.max(below[at]);
    }
    // of clusters within another the outermost
    let mut outermost: Vec<Option<usize>> = vec![None; n];
    for at in 1..n {
        outermost[at] = outermost[tree.clusters[at].parent].or(taken[at].then_some(at));
    }
    tree.last.iter().map(|cluster| outermost[*cluster]).collect()
}

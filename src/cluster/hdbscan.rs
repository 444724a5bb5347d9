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
//! **The spanning tree** is found by Borůvka's method (1926): every component but the largest takes its shortest edge
//! outwards, until there is one component. Most edges lead to one of a point's nearest neighbours, which the core
//! distances have found already; a point is compared with all others only where its component may find a shorter one,
//! and keeps what it found for the rounds to come: components only grow. Memory grows with the number of points, time
//! with its square.
//!
//! [Campello, Moulavi & Sander 2013]: https://doi.org/10.1007/978-3-642-37456-2_14
//! [McInnes & Healy 2017]: https://doi.org/10.1109/ICDMW.2017.12

use super::points::Points;
use crate::interrupt;
use std::cmp::Ordering;

/// Settings of [`hdbscan`].
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Minimum number of points of a cluster, at least 2.
    pub min_cluster_size: usize,
    /// Rank of the neighbour that a point's core distance is measured to, at least 1; the point itself is the first.
    pub min_samples: usize,
}

/// Minimum number of neighbours of a point that are kept.
const NEIGHBOURS: usize = 16;

/// The cluster of each point, numbered in no particular order; `None` = noise.
pub fn hdbscan(points: &Points, settings: Settings, threads: usize) -> Vec<Option<usize>> {
    let n = points.len();
    if n < settings.min_cluster_size.max(settings.min_samples) {
        return vec![None; n];
    }
    let wanted = NEIGHBOURS.max(settings.min_samples - 1).min(n - 1);
    let neighbours = neighbours(points, wanted, threads);
    let core: Vec<f64> = match settings.min_samples {
        1 => vec![0.0; n],
        samples => neighbours.iter().map(|near| near[samples - 2].0).collect(),
    };
    let edges = spanning_tree(points, &neighbours, &core, threads);
    select(&condense(n, &dendrogram(n, edges), settings.min_cluster_size))
}

/// The `k` points nearest to each, as (squared distance, number), nearest first.
fn neighbours(points: &Points, k: usize, threads: usize) -> Vec<Vec<(f64, usize)>> {
    let rows: Vec<usize> = (0..points.len()).collect();
    points.scan(
        &rows,
        points,
        threads,
        |_| Vec::with_capacity(k + 1),
        |i, near, start, products| {
            for (at, product) in products.iter().enumerate() {
                let j = start + at;
                let limit = if near.len() < k { f64::INFINITY } else { near.last().map_or(0.0, |(d, _)| *d) };
                if limit == 0.0 {
                    return;
                }
                // not "at most": a product that overflows in 32 bits is no number, and its pair is looked at
                if i == j || f64::from(points.low(i, points, j, *product)) > limit {
                    continue;
                }
                let distance = points.distance2(i, j);
                if near.len() < k || distance < limit {
                    near.insert(near.partition_point(|(d, _)| *d <= distance), (distance, j));
                    near.truncate(k);
                }
            }
        },
    )
}

/// Edge between two points, with their squared distances.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    /// m(i, j)²
    reach: f64,
    /// |x_i - x_j|²
    distance: f64,
    ends: (usize, usize),
}

impl Edge {
    fn new(distance: f64, core: &[f64], i: usize, j: usize) -> Edge {
        Edge { reach: distance.max(core[i]).max(core[j]), distance, ends: (i.min(j), i.max(j)) }
    }

    fn order(&self, other: &Edge) -> Ordering {
        let by_length = self.reach.total_cmp(&other.reach).then(self.distance.total_cmp(&other.distance));
        by_length.then(self.ends.cmp(&other.ends))
    }
}

/// Replaces `best` by `edge` where that is shorter.
fn offer(best: &mut Option<Edge>, edge: Edge) {
    if best.is_none_or(|best| edge.order(&best).is_lt()) {
        *best = Some(edge);
    }
}

/// The minimum spanning tree by (m, distance, numbers), in that order.
fn spanning_tree(points: &Points, neighbours: &[Vec<(f64, usize)>], core: &[f64], threads: usize) -> Vec<Edge> {
    let n = points.len();
    // lower bound of a point's edges to another component, but for those to its neighbours
    let radius = |(i, near): (usize, &Vec<(f64, usize)>)| {
        let farthest = near.last().map_or(f64::INFINITY, |(d, _)| *d);
        if near.len() == n - 1 { f64::INFINITY } else { farthest.max(core[i]) }
    };
    let mut bound: Vec<f64> = neighbours.iter().enumerate().map(radius).collect();
    // the shortest edge of a point out of its component, of those that were looked for
    let mut outward: Vec<Option<Edge>> = vec![None; n];
    let mut sets = Sets::new(n);
    let mut tree = Vec::with_capacity(n.saturating_sub(1));
    while tree.len() + 1 < n {
        interrupt::check();
        let component: Vec<usize> = (0..n).map(|i| sets.find(i)).collect();
        let largest = (0..n).max_by_key(|i| (sets.size[component[*i]], n - i)).map_or(0, |i| component[i]);
        let mut shortest: Vec<Option<Edge>> = vec![None; n];
        let mut offer_both = |edge: Edge| {
            offer(&mut shortest[component[edge.ends.0]], edge);
            offer(&mut shortest[component[edge.ends.1]], edge);
        };
        for (i, near) in neighbours.iter().enumerate() {
            let outside = near.iter().filter(|(_, j)| component[*j] != component[i]);
            outside.for_each(|(distance, j)| offer_both(Edge::new(*distance, core, i, *j)));
            outward[i] = outward[i].filter(|edge| component[edge.ends.0] != component[edge.ends.1]);
            outward[i].into_iter().for_each(&mut offer_both);
        }
        let longer = |edge: Edge, i: usize| edge.reach > 0.0 && edge.reach >= bound[i];
        let open = |i: &usize| {
            let known = component[*i] == largest || outward[*i].is_some();
            !known && shortest[component[*i]].is_none_or(|edge| longer(edge, *i))
        };
        let rows: Vec<usize> = (0..n).filter(open).collect();
        let found = points.scan(
            &rows,
            points,
            threads,
            |_| None::<Edge>,
            |i, best, start, products| {
                for (at, product) in products.iter().enumerate() {
                    let j = start + at;
                    let limit = best.map_or(f64::INFINITY, |edge| edge.reach);
                    let far = f64::from(points.low(i, points, j, *product)) > limit || core[j] > limit;
                    if !far && component[j] != component[i] {
                        offer(best, Edge::new(points.distance2(i, j), core, i, j));
                    }
                }
            },
        );
        for (i, edge) in rows.into_iter().zip(found) {
            if let Some(edge) = edge {
                bound[i] = edge.reach;
                outward[i] = Some(edge);
                offer(&mut shortest[component[i]], edge);
            }
        }
        for (root, edge) in shortest.into_iter().enumerate().filter(|(root, _)| *root != largest) {
            if let Some(edge) = edge.filter(|_| component[root] == root)
                && sets.join(edge.ends.0, edge.ends.1).is_some()
            {
                tree.push(edge);
            }
        }
    }
    tree.sort_unstable_by(Edge::order);
    tree
}

/// Disjoint sets of numbers.
struct Sets {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Sets {
    fn new(n: usize) -> Sets {
        Sets { parent: (0..n).collect(), size: vec![1; n] }
    }

    fn find(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    /// The root of the two sets together; `None` where they are one already.
    fn join(&mut self, i: usize, j: usize) -> Option<usize> {
        let (i, j) = (self.find(i), self.find(j));
        if i == j {
            return None;
        }
        let (root, other) = if self.size[i] >= self.size[j] { (i, j) } else { (j, i) };
        self.parent[other] = root;
        self.size[root] += self.size[other];
        Some(root)
    }
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
                Some(node) if node.edge.reach == edge.reach && node.edge.distance == edge.distance => {
                    std::mem::take(&mut node.children)
                }
                _ => vec![child],
            }
        });
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let [mut children, fewer] = parts;
        children.extend(fewer);
        if let Some(root) = sets.join(edge.ends.0, edge.ends.1) {
            top[root] = n + nodes.len();
            nodes.push(Node { edge, children, size: sets.size[root] });
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

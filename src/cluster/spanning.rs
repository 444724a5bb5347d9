//! Spanning trees: a short one from the neighbours that are known, and from it the shortest.
//!
//! **A short tree.** Borůvka's method (1926) on the edges to the neighbours in the lists: every component takes its shortest edge outwards,
//! until none has one. Components that stay apart are joined by the same method, each by the shortest edge that is found from
//! [`PROBES`] of its points: to the nearest of [`OUTSIDE`] points outside that lie in the nearest cells, and from there along
//! the neighbours of both ends for as long as that makes it shorter.
//!
//! **The shortest tree.** An edge is in the shortest tree only where each edge on the way between its ends through any other tree is
//! at least as long. So with a tree that is nearly the shortest, one look at the product of each pair tells the few that may
//! be shorter. The points are put in a row in which the longest edge on the way from one to another is the longest of
//! those between their places ([`Ways`]): a maximum that is carried along the row. The pairs come in rounds, and after each the tree takes in
//! what was found.
//!
//! Core distances are treated likewise: they begin as those of the lists, which are too long where a neighbour is missing. A pair
//! nearer than a core distance of one of its points is nearer than all edges of that point, so it is among the pairs
//! that are found, and enters the list. A pair that is in neither list, or leaves one, is at least as far apart as both core distances, so its edge
//! has the length of its distance: a length that no later change of the core distances shortens.

use super::cells::Cells;
use super::edges::{Edge, Sets, Ways, offer, shortest};
use super::near::{Entry, Near, enter};
use super::points::{Look, Points, RUN, multiply};
use crate::interrupt;
use crate::parallel;
use crate::progress;

/// Maximum number of points of a component that an edge outwards is looked for from.
const PROBES: usize = 16;

/// Number of points outside that each of them is compared with.
const OUTSIDE: usize = 2048;

/// Numbers of rows and columns of products that are computed together.
const ROWS: usize = 256;
const COLUMNS: usize = 1024;

/// Minimum and maximum number of blocks of rows in a round: the first rounds are short, since the tree may be a poor one.
const ROUND: (usize, usize) = (2, 32);

/// Points that differ, and the neighbours known of each.
pub(super) struct Known<'a> {
    pub(super) points: &'a Points,
    /// The points that the tree is to span.
    pub(super) rows: &'a [usize],
    /// Number of times that each occurs.
    pub(super) weights: &'a [usize],
    pub(super) min_samples: usize,
    /// Lists by point, and the maximum number of entries of each.
    pub(super) lists: Vec<Near>,
    pub(super) k: usize,
}

impl Known<'_> {
    /// Core distances, squared, by point. With min_samples of 1 or 2 none is above the distance of any pair, and 0 does as well.
    pub(super) fn cores(&self) -> Vec<f64> {
        let mut cores = vec![0.0; self.points.len()];
        if self.min_samples <= 2 {
            return cores;
        }
        for i in self.rows {
            let mut among = self.weights[*i];
            let mut near = self.lists[*i].iter();
            while among < self.min_samples {
                let Some((distance, j)) = near.next() else { break };
                cores[*i] = *distance;
                among += self.weights[*j];
            }
        }
        cores
    }

    /// A short tree, shortest edge first.
    pub(super) fn short_tree(&self, cells: &Cells, threads: usize) -> Vec<Edge> {
        let n = self.points.len();
        let core = self.cores();
        let mut sets = Sets::new(n);
        let mut tree = Vec::with_capacity(self.rows.len());
        loop {
            interrupt::check();
            let component: Vec<usize> = (0..n).map(|i| sets.find(i)).collect();
            let mut found: Vec<Option<Edge>> = vec![None; n];
            for i in self.rows {
                for (distance, j) in self.lists[*i].iter().filter(|(_, j)| component[*i] != component[*j]) {
                    let edge = Edge::new(*distance, &core, *i, *j);
                    offer(&mut found[component[*i]], edge);
                    offer(&mut found[component[*j]], edge);
                }
            }
            let before = tree.len();
            tree.extend(found.into_iter().flatten().filter(|edge| sets.join(edge.ends.0, edge.ends.1).is_some()));
            if tree.len() == before {
                break;
            }
        }
        while tree.len() + 1 < self.rows.len() {
            let component: Vec<usize> = (0..n).map(|i| sets.find(i)).collect();
            let mut members: Vec<Vec<usize>> = vec![Vec::new(); n];
            self.rows.iter().for_each(|i| members[component[*i]].push(*i));
            let largest = self.rows.iter().map(|i| component[*i]).max_by_key(|root| (sets.size(*root), n - root));
            let parts: Vec<Vec<usize>> = members
                .into_iter()
                .enumerate()
                .filter(|(root, part)| Some(*root) != largest && !part.is_empty())
                .map(|(_, part)| part)
                .collect();
            let whole: Vec<Option<usize>> = cells
                .members
                .iter()
                .map(|members| {
                    let first = members.first().map(|i| component[*i]);
                    first.filter(|root| members.iter().all(|i| component[*i] == *root))
                })
                .collect();
            let outwards = Outwards { known: self, cells, core: &core, component: &component, whole: &whole };
            let mut found: Vec<Edge> = parallel::map(threads, parts.len(), |part| outwards.shortest(&parts[part]))
                .into_iter()
                .flatten()
                .collect();
            // two components may have found different edges to each other
            found.sort_unstable_by(Edge::order);
            tree.extend(found.into_iter().filter(|edge| sets.join(edge.ends.0, edge.ends.1).is_some()));
        }
        tree.sort_unstable_by(Edge::order);
        tree
    }

    /// The shortest tree, shortest edge first, from any one.
    pub(super) fn shortest_tree(&mut self, mut tree: Vec<Edge>, threads: usize) -> Vec<Edge> {
        self.k = if self.min_samples <= 2 { 0 } else { self.k.min(self.min_samples - 1) };
        self.lists.iter_mut().for_each(|near| near.truncate(self.k));
        if tree.is_empty() {
            return tree;
        }
        let n = self.points.len();
        let mut ways = Ways::new(n, &tree);
        let pairs = Pairs::new(self.points, &ways, &tree);
        let blocks = ways.row.len().div_ceil(ROWS);
        let steps = progress::steps("pairs", blocks);
        let (mut done, mut round) = (0, ROUND.0);
        while done < blocks {
            let end = blocks.min(done + round);
            let found = parallel::map(threads, end - done, |at| {
                let mut found = Vec::new();
                pairs.visit((done + at) * ROWS, |i, j| {
                    let longest = &tree[ways.longest(i, j)];
                    found.extend(
                        self.points.within(i, j, longest.reach).filter(|d| *d < longest.reach).map(|d| (d, i, j)),
                    );
                });
                found
            });
            let mut edges = Vec::new();
            for (distance, i, j) in found.into_iter().flatten() {
                let mut in_a_list = false;
                for (i, j) in [(i, j), (j, i)] {
                    match enter(&mut self.lists[i], self.k, (distance, j)) {
                        Entry::Refused => {}
                        Entry::Entered => in_a_list = true,
                        Entry::Instead((distance, other)) => {
                            in_a_list = true;
                            edges.push((distance, i, other));
                        }
                    }
                }
                if !in_a_list {
                    edges.push((distance, i, j));
                }
            }
            let listed = self.rows.iter().flat_map(|i| self.lists[*i].iter().map(|(distance, j)| (*distance, *i, *j)));
            let core = self.cores();
            let shorter = |edge: &Edge| edge.by_length(&tree[ways.longest(edge.ends.0, edge.ends.1)]).is_lt();
            let mut all: Vec<Edge> = edges
                .into_iter()
                .chain(listed)
                .map(|(distance, i, j)| Edge::new(distance, &core, i, j))
                .filter(shorter)
                .collect();
            if !all.is_empty() {
                all.extend(tree.iter().map(|edge| Edge::new(edge.distance, &core, edge.ends.0, edge.ends.1)));
                tree = shortest(n, all);
                ways = Ways::new(n, &tree);
            }
            done = end;
            round = (2 * round).min(ROUND.1);
            steps.set(done);
        }
        // the lists may have changed since the tree was made
        let core = self.cores();
        let edges = tree.iter().map(|edge| Edge::new(edge.distance, &core, edge.ends.0, edge.ends.1));
        shortest(n, edges.collect())
    }
}

/// The search for edges that leave a component.
struct Outwards<'a> {
    known: &'a Known<'a>,
    cells: &'a Cells,
    core: &'a [f64],
    /// The component of each point.
    component: &'a [usize],
    /// The component that a cell lies in as a whole.
    whole: &'a [Option<usize>],
}

impl Outwards<'_> {
    /// The shortest edge that is found from some points of a component.
    fn shortest(&self, part: &[usize]) -> Option<Edge> {
        let mut best = None;
        for i in part.iter().step_by(part.len().div_ceil(PROBES)) {
            interrupt::check();
            if let Some(edge) = self.nearest(*i).map(|(edge, from, to)| self.along(edge, from, to)) {
                offer(&mut best, edge);
            }
        }
        best
    }

    /// The edge from a point inside to one outside where that is shorter.
    fn shorter(&self, than: Option<&Edge>, from: usize, to: usize) -> Option<Edge> {
        let limit = than.map_or(f64::INFINITY, |edge| edge.reach);
        let distance = self.known.points.within(from, to, limit)?;
        Some(Edge::new(distance, self.core, from, to)).filter(|edge| than.is_none_or(|than| edge.order(than).is_lt()))
    }

    /// The shortest edge from a point to those outside in the nearest cells, with its ends inside and outside.
    fn nearest(&self, i: usize) -> Option<(Edge, usize, usize)> {
        let own = self.component[i];
        let cells = self.cells.near[self.cells.of[i]].iter().filter(|cell| self.whole[**cell] != Some(own));
        let outside = cells.flat_map(|cell| &self.cells.members[*cell]).filter(|j| self.component[**j] != own);
        let mut best: Option<(Edge, usize, usize)> = None;
        for j in outside.take(OUTSIDE) {
            if let Some(edge) = self.shorter(best.as_ref().map(|(edge, ..)| edge), i, *j) {
                best = Some((edge, i, *j));
            }
        }
        best
    }

    /// The edge, moved to neighbours of its ends for as long as that makes it shorter.
    fn along(&self, mut edge: Edge, mut from: usize, mut to: usize) -> Edge {
        let own = self.component[from];
        loop {
            let before = edge;
            for (_, i) in self.known.lists[from].iter().filter(|(_, i)| self.component[*i] == own) {
                if let Some(shorter) = self.shorter(Some(&edge), *i, to) {
                    (edge, from) = (shorter, *i);
                }
            }
            for (_, j) in self.known.lists[to].iter().filter(|(_, j)| self.component[*j] != own) {
                if let Some(shorter) = self.shorter(Some(&edge), from, *j) {
                    (edge, to) = (shorter, *j);
                }
            }
            if edge == before {
                return edge;
            }
        }
    }
}

/// All pairs of points, put in a row, and limits of the distances at which they are worth a look.
struct Pairs<'a> {
    points: &'a Points,
    row: Vec<usize>,
    /// Their copies and squares, in the order of the row.
    copies: Vec<f32>,
    squares: Vec<f32>,
    /// At least the squared length of the edge behind each place but the last.
    edges: Vec<f32>,
}

impl Pairs<'_> {
    fn new<'a>(points: &'a Points, ways: &Ways, tree: &[Edge]) -> Pairs<'a> {
        let edges = (1..ways.row.len()).map(|p| (tree[ways.behind(p - 1)].reach as f32).next_up()).collect();
        Pairs {
            points,
            copies: points.copies(&ways.row),
            squares: ways.row.iter().map(|i| points.square(*i)).collect(),
            row: ways.row.clone(),
            edges,
        }
    }

    /// Calls `each` with the pairs that may be nearer than the longest edge on their way, of the [`ROWS`] points from place `start` on and those
    /// that come later in the row.
    fn visit(&self, start: usize, mut each: impl FnMut(usize, usize)) {
        let (n, d) = (self.row.len(), self.points.dimensions());
        let end = n.min(start + ROWS);
        let left = &self.copies[start * d..end * d];
        let mut products = vec![0.0; (end - start) * COLUMNS.min(n - start)];
        // the longest edge from each of the rows to the first column, and from there to each column
        let mut to_first = vec![0.0_f32; end - start];
        let mut from_first = Vec::with_capacity(COLUMNS);
        for first in (start..n).step_by(COLUMNS) {
            interrupt::check();
            let columns = first..n.min(first + COLUMNS);
            let width = columns.len();
            multiply(&mut products, left, end - start, &self.copies[first * d..columns.end * d], width, d);
            from_first.clear();
            from_first.extend(columns.clone().scan(0.0_f32, |longest, place| {
                if place > first {
                    *longest = longest.max(self.edges[place - 1]);
                }
                Some(*longest)
            }));
            for (p, products) in (start..end).zip(products.chunks_exact(width)) {
                if first == start {
                    // the row is among the columns
                    let look = Look::new(self.points, self.row[p], 0.0);
                    let mut longest = 0.0_f32;
                    for q in p + 1..columns.end {
                        longest = longest.max(self.edges[q - 1]);
                        if look.near(products[q - first], self.squares[q], longest) {
                            each(self.row[p], self.row[q]);
                        }
                    }
                    to_first[p - start] = longest;
                    continue;
                }
                let reach = &mut to_first[p - start];
                *reach = reach.max(self.edges[first - 1]);
                let look = Look::new(self.points, self.row[p], f64::from(*reach));
                for (run, products) in products.chunks(RUN).enumerate() {
                    let at = run * RUN;
                    let squares = &self.squares[first + at..];
                    if look.any(products, squares, &from_first[at..]) {
                        for (q, product) in products.iter().enumerate() {
                            if look.near(*product, squares[q], from_first[at + q]) {
                                each(self.row[p], self.row[first + at + q]);
                            }
                        }
                    }
                }
                *reach = from_first.last().map_or(*reach, |last| reach.max(*last));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use proptest::prelude::*;
    use rand::RngExt;

    /// Lengths and distances of the shortest tree from all pairs, by its definition: all shortest trees have the same.
    fn by_all_pairs(points: &Points, weights: &[usize], min_samples: usize) -> Vec<(f64, f64)> {
        let n = points.len();
        let core = |i: usize| {
            let mut all: Vec<f64> = (0..n).flat_map(|j| vec![points.distance2(i, j); weights[j]]).collect();
            all.sort_by(f64::total_cmp);
            all[min_samples - 1]
        };
        let core: Vec<f64> = (0..n).map(core).collect();
        let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        lengths(&shortest(n, pairs.map(|(i, j)| Edge::new(points.distance2(i, j), &core, i, j)).collect()))
    }

    fn lengths(tree: &[Edge]) -> Vec<(f64, f64)> {
        tree.iter().map(|edge| (edge.reach, edge.distance)).collect()
    }

    /// The shortest tree from the worst there is to begin with: the points in a chain as they come, and lists of those that come next.
    fn from_a_chain(points: &Points, weights: &[usize], min_samples: usize, threads: usize) -> Vec<(f64, f64)> {
        let n = points.len();
        let k = (min_samples + 2).min(n - 1);
        let rows: Vec<usize> = (0..n).collect();
        let mut lists = vec![Near::new(); n];
        for i in 0..n {
            (1..=k).map(|step| (i + step) % n).for_each(|j| {
                enter(&mut lists[i], k, (points.distance2(i, j), j));
            });
        }
        let mut known = Known { points, rows: &rows, weights, min_samples, lists, k };
        let core = known.cores();
        let chain = (1..n).map(|i| Edge::new(points.distance2(i - 1, i), &core, i - 1, i)).collect();
        lengths(&known.shortest_tree(shortest(n, chain), threads))
    }

    /// Points of whole numbers that differ from each other, so that many distances are equal.
    fn lattice(n: usize, d: usize, width: i32, seed: u64) -> Points {
        let mut g = Stream::new(seed, Purpose::Clusters, 0).replicate(0);
        let points = Points::new(d, (0..n * d).map(|_| f64::from(g.random_range(0..width))).collect());
        let firsts = points.firsts();
        points.only(&(0..n).filter(|i| firsts[*i] == *i).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn trees_are_the_shortest(
            n in 2_usize..60, d in 1_usize..4, width in 2_i32..12, samples in 1_usize..8, most in 1_usize..4, seed in any::<u64>(),
        ) {
            let points = lattice(n, d, width, seed);
            let weights: Vec<usize> = (0..points.len()).map(|i| 1 + i % most).collect();
            prop_assume!(points.len() > 1 && weights.iter().sum::<usize>() >= samples);
            prop_assert_eq!(from_a_chain(&points, &weights, samples, 2), by_all_pairs(&points, &weights, samples));
        }
    }

    /// More than one block of rows and of columns.
    #[test]
    fn large_trees_are_the_shortest() {
        let points = lattice(2_600, 3, 60, 1);
        assert!(points.len() > 2 * COLUMNS);
        for min_samples in [2, 4] {
            let weights = vec![1; points.len()];
            let expected = by_all_pairs(&points, &weights, min_samples);
            for threads in [1, 3] {
                assert_eq!(from_a_chain(&points, &weights, min_samples, threads), expected);
            }
        }
    }
}

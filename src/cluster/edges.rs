//! Edges between points, sets of points that they join, and the longest edge on the way from one point to another.

use std::cmp::Ordering;

/// Edge between two points, with their squared distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    /// m(i, j)²
    pub(super) reach: f64,
    /// |x_i - x_j|²
    pub(super) distance: f64,
    pub(super) ends: (usize, usize),
}

impl Edge {
    pub(super) fn new(distance: f64, core: &[f64], i: usize, j: usize) -> Edge {
        Edge { reach: distance.max(core[i]).max(core[j]), distance, ends: (i.min(j), i.max(j)) }
    }

    /// By length, then by distance. Edges that are equal in both are cut at once, so which of them a tree has does not matter.
    pub(super) fn by_length(&self, other: &Edge) -> Ordering {
        self.reach.total_cmp(&other.reach).then(self.distance.total_cmp(&other.distance))
    }

    /// By length, distance and ends: no two edges are equal.
    pub(super) fn order(&self, other: &Edge) -> Ordering {
        self.by_length(other).then(self.ends.cmp(&other.ends))
    }
}

/// Replaces `best` by `edge` where that is shorter.
pub(super) fn offer(best: &mut Option<Edge>, edge: Edge) {
    if best.is_none_or(|best| edge.order(&best).is_lt()) {
        *best = Some(edge);
    }
}

/// Disjoint sets of numbers.
pub(super) struct Sets {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Sets {
    pub(super) fn new(n: usize) -> Sets {
        Sets { parent: (0..n).collect(), size: vec![1; n] }
    }

    pub(super) fn find(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    /// Number of members of the set with this root.
    pub(super) fn size(&self, root: usize) -> usize {
        self.size[root]
    }

    /// The root of the two sets together; `None` where they are one already.
    pub(super) fn join(&mut self, i: usize, j: usize) -> Option<usize> {
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

/// The shortest tree, or trees, that edges between `n` points make, shortest edge first (Kruskal 1956).
pub(super) fn shortest(n: usize, mut edges: Vec<Edge>) -> Vec<Edge> {
    edges.sort_unstable_by(Edge::order);
    let mut sets = Sets::new(n);
    edges.retain(|edge| sets.join(edge.ends.0, edge.ends.1).is_some());
    edges
}

/// Ways through a tree. The points are put in a row such that those of each component, at whatever length, are neighbours; then the longest
/// edge on the way from one to another is the longest of those between their places.
pub(super) struct Ways {
    /// Points in that row.
    pub(super) row: Vec<usize>,
    place: Vec<usize>,
    /// At level l and place p the longest edge, by its number in the tree, of the 2^l from that behind place p on.
    longest: Vec<Vec<u32>>,
}

impl Ways {
    /// The ways through a tree whose edges come shortest first; `n` is above the numbers of its points.
    pub(super) fn new(n: usize, tree: &[Edge]) -> Ways {
        let mut sets = Sets::new(n);
        // by root of a set its first and last point, by point the next one and the edge on the way
        let (mut first, mut last): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (0..n).collect());
        let mut next: Vec<Option<(usize, u32)>> = vec![None; n];
        let mut start = 0;
        for (number, edge) in tree.iter().enumerate() {
            let (a, b) = (sets.find(edge.ends.0), sets.find(edge.ends.1));
            if let Some(root) = sets.join(a, b) {
                next[last[a]] = Some((first[b], number as u32));
                (first[root], last[root]) = (first[a], last[b]);
                start = first[root];
            }
        }
        let (mut row, mut between, mut place) = (vec![start], Vec::new(), vec![0; n]);
        while let Some((point, edge)) = next[start] {
            place[point] = row.len();
            row.push(point);
            between.push(edge);
            start = point;
        }
        let mut longest = vec![between];
        let mut width = 1;
        while let Some(below) = longest.last().filter(|below| below.len() > width) {
            let pairs = below.iter().zip(&below[width..]);
            let level = pairs.map(|(a, b)| *a.max(b)).collect();
            longest.push(level);
            width *= 2;
        }
        Ways { row, place, longest }
    }

    /// Number of the edge behind place `p` of the row.
    pub(super) fn behind(&self, p: usize) -> usize {
        self.longest[0][p] as usize
    }

    /// Number of the longest edge on the way between two different points of the tree.
    pub(super) fn longest(&self, i: usize, j: usize) -> usize {
        let (a, b) = (self.place[i].min(self.place[j]), self.place[i].max(self.place[j]));
        let level = (b - a).ilog2() as usize;
        let of = &self.longest[level];
        of[a].max(of[b - (1 << level)]) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The longest edge on each way, by a walk along the tree.
        #[test]
        fn ways_have_the_longest_edge_of_a_walk(
            n in 2_usize..40, draws in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..9), 40),
        ) {
            let edges = (1..n).map(|i| Edge::new(f64::from(draws[i].1), &vec![0.0; n], i, draws[i].0.index(i))).collect();
            let tree = shortest(n, edges);
            prop_assert_eq!(tree.len(), n - 1);
            let ways = Ways::new(n, &tree);
            let mut row = ways.row.clone();
            row.sort_unstable();
            prop_assert_eq!(row, (0..n).collect::<Vec<_>>());
            for i in 0..n {
                // by the number of the edge, since those are in the order of length
                let mut longest: Vec<Option<usize>> = vec![None; n];
                let mut todo = vec![i];
                while let Some(at) = todo.pop() {
                    for (number, edge) in tree.iter().enumerate() {
                        let other = match edge.ends {
                            (a, b) if a == at => b,
                            (a, b) if b == at => a,
                            _ => continue,
                        };
                        if other != i && longest[other].is_none() {
                            longest[other] = longest[at].max(Some(number));
                            todo.push(other);
                        }
                    }
                }
                for j in (0..n).filter(|j| *j != i) {
                    prop_assert_eq!(Some(ways.longest(i, j)), longest[j]);
                }
            }
        }
    }
}

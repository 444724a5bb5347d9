//! All 2^J orthant probabilities of a J-dimensional normal at once, by Sobol points: for 9 to 12 dimensions.
//!
//! At every point the tree of answers is walked, each branch weighted by its conditional probability and continued from
//! the conditional distribution (Genz 1992, with every branch followed instead of one). The last two axes are left to the
//! bivariate normal. The axes that tell most of the others come first, so that little is left to depend on the points.
//! A node of the tree is visited once, for all points side by side.

use super::cell::permute_cell;
use super::correlation::Correlation;
use super::plackett::block_nodes;
use super::sobol::Sobol;
use crate::stats::normal::{asin, cdf, exp, quick_quantile, sin};
use nalgebra::DMatrix;
use std::f64::consts::PI;
use std::sync::OnceLock;

/// Maximum number of dimensions.
pub(crate) const MAX_DIMENSIONS: usize = 12;

/// Number of points.
const POINTS: usize = 256;

type Points = [f64; POINTS];

/// Number of sums that are kept side by side, so that the compiler makes them one vector.
const LANES: usize = 8;

/// Coordinates of the points, one row an axis.
fn points() -> &'static [Points] {
    static COORDINATES: OnceLock<Vec<Points>> = OnceLock::new();
    COORDINATES.get_or_init(|| {
        (0..MAX_DIMENSIONS - 2)
            .map(|axis| {
                let row = Sobol { points: POINTS, scramble: 0 }.uniforms(axis);
                std::array::from_fn(|point| row[point])
            })
            .collect()
    })
}

/// Order of the axes: each time the one that explains most of the variance of those still to come, given those before.
fn order(r: &DMatrix<f64>) -> Vec<usize> {
    let mut rest = r.clone();
    let mut left: Vec<usize> = (0..r.nrows()).collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let explained = |i: usize| -> f64 {
            left.iter().filter(|k| **k != i).map(|&k| rest[(i, k)].powi(2) / (rest[(i, i)] * rest[(k, k)])).sum()
        };
        let scores: Vec<f64> = left.iter().map(|&i| explained(i)).collect();
        // the first of equals
        let best = (0..left.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
        let axis = left.remove(best);
        order.push(axis);
        let column = rest.column(axis).clone_owned();
        rest -= &column * column.transpose() / column[axis];
    }
    order
}

/// The table with thresholds `b`, at least three; bit j of a cell's index set where X_j > b_j.
pub(super) fn tree_table(b: &[f64], correlation: &Correlation) -> Vec<f64> {
    let order = order(correlation.matrix());
    let b: Vec<f64> = order.iter().map(|&axis| b[axis]).collect();
    let lower = correlation.select(&order).factor();
    let ordered = pulp::Arch::new().dispatch(Tree { b: &b, lower: &lower });
    let mut cells = vec![0.0; ordered.len()];
    for (cell, p) in ordered.into_iter().enumerate() {
        cells[permute_cell(cell, &order)] = p;
    }
    cells
}

/// Tree of the answers of ordered axes.
struct Tree<'a> {
    b: &'a [f64],
    /// Cholesky factor of R.
    lower: &'a DMatrix<f64>,
}

impl pulp::WithSimd for Tree<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        let Tree { b, lower } = self;
        let (n, u) = (b.len(), points());
        let last = Last::new(lower);
        let mut cells = vec![0.0; 1 << n];
        // by axis: the weight of the points that have come here, and what the axes from here on are still above, given
        // those before: row k of an axis belongs to axis k
        let mut weight = vec![[1.0 / POINTS as f64; POINTS]; n - 1];
        let mut above: Vec<Vec<Points>> = vec![b.iter().map(|b| [*b; POINTS]).collect(); n - 1];
        // P(no) of the axis
        let mut no = vec![[cdf(b[0] / lower[(0, 0)]); POINTS]; n - 2];
        let mut next = [0; MAX_DIMENSIONS];
        let (mut axis, mut cell) = (0, 0);
        loop {
            if next[axis] == 2 {
                if axis == 0 {
                    return cells;
                }
                axis -= 1;
                cell &= !(1 << axis);
                continue;
            }
            let yes = next[axis] == 1;
            next[axis] += 1;
            let mut z = [0.0; POINTS];
            {
                let (here, below) = weight.split_at_mut(axis + 1);
                let (here, below, no, u) = (&here[axis], &mut below[0], &no[axis], &u[axis]);
                for point in 0..POINTS {
                    let p = no[point];
                    let (mass, start) = if yes { (1.0 - p, p) } else { (p, 0.0) };
                    below[point] = here[point] * mass;
                    z[point] = quick_quantile(start + u[point] * mass);
                }
            }
            cell |= usize::from(yes) << axis;
            let (here, below) = above.split_at_mut(axis + 1);
            for k in axis + 1..n {
                let factor = lower[(k, axis)];
                let (from, to) = (&here[axis][k], &mut below[0][k]);
                for point in 0..POINTS {
                    to[point] = from[point] - factor * z[point];
                }
            }
            axis += 1;
            if axis + 2 == n {
                let found = last.cells(&weight[axis], &above[axis][axis], &above[axis][axis + 1]);
                for (answers, p) in found.into_iter().enumerate() {
                    cells[cell | answers << axis] = p;
                }
                axis -= 1;
                cell &= !(1 << axis);
                continue;
            }
            next[axis] = 0;
            let scale = 1.0 / lower[(axis, axis)];
            let (limit, no) = (&above[axis][axis], &mut no[axis]);
            for point in 0..POINTS {
                no[point] = cdf(limit[point] * scale);
            }
        }
    }
}

/// The last two axes given the others: a bivariate normal, whose correlation is the same at all points.
struct Last {
    /// Inverse standard deviations.
    scale: [f64; 2],
    /// For each node of the integral over the angle: weight, sine, and 1 / cos².
    nodes: Vec<[f64; 3]>,
}

impl Last {
    fn new(lower: &DMatrix<f64>) -> Self {
        let n = lower.nrows();
        let [a, c, d] = [lower[(n - 2, n - 2)], lower[(n - 1, n - 2)], lower[(n - 1, n - 1)]];
        let sd = c.hypot(d);
        let rho = c / sd;
        let angle = asin(rho);
        let rule = block_nodes(rho);
        let node = |(x, w): (&f64, &f64)| {
            let s = sin(angle * x);
            [w * angle * (0.5 / PI), s, 1.0 / (1.0 - s * s)]
        };
        Last { scale: [1.0 / a, 1.0 / sd], nodes: rule.nodes.iter().zip(&rule.weights).map(node).collect() }
    }

    /// Sums over the points of the weights times the cells: neither, the first, the second, both above.
    #[inline(always)]
    fn cells(&self, weight: &Points, first: &Points, second: &Points) -> [f64; 4] {
        let [mut all, mut low_first, mut low_second, mut low_both] = [[0.0; LANES]; 4];
        for start in (0..POINTS).step_by(LANES) {
            let (mut h, mut k, mut both) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for l in 0..LANES {
                h[l] = first[start + l] * self.scale[0];
                k[l] = second[start + l] * self.scale[1];
            }
            for [w, s, inverse] in &self.nodes {
                for l in 0..LANES {
                    both[l] += w * exp((h[l] * k[l] * s - 0.5 * (h[l] * h[l] + k[l] * k[l])) * inverse);
                }
            }
            for l in 0..LANES {
                let w = weight[start + l];
                let (low_h, low_k) = (cdf(h[l]), cdf(k[l]));
                all[l] += w;
                low_first[l] += w * low_h;
                low_second[l] += w * low_k;
                low_both[l] += w * (low_h * low_k + both[l]);
            }
        }
        let [all, first, second, both] = [all, low_first, low_second, low_both].map(|lanes| lanes.iter().sum::<f64>());
        [both, second - both, first - both, (all - first) - (second - both)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::plackett::{block_cells, nested_table};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_two_axes_are_a_bivariate_normal() {
        for rho in [-0.95, -0.7, -0.5, -0.29, 0.0, 0.29, 0.59, 0.79, 0.95f64] {
            let lower = DMatrix::from_row_slice(2, 2, &[1.0, 0.0, rho, (1.0 - rho * rho).sqrt()]);
            let last = Last::new(&lower);
            for h in [-2.0, -0.4, 0.0, 1.5] {
                for k in [-1.0, 0.3, 2.5] {
                    let cells = last.cells(&[1.0 / POINTS as f64; POINTS], &[h; POINTS], &[k; POINTS]);
                    for (cell, exact) in cells.iter().zip(block_cells(h, k, rho)) {
                        assert!((cell - exact).abs() < 1e-6, "{rho} {h} {k}: {cell}, not {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn axes_that_tell_most_come_first() {
        // the first two are alike, the third tells both, the fourth nothing
        let r = DMatrix::from_row_slice(
            4,
            4,
            &[1.0, 0.4, 0.6, 0.0, 0.4, 1.0, 0.6, 0.0, 0.6, 0.6, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        );
        assert_eq!(order(&r), [2, 0, 1, 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn agrees_with_the_quadrature(
            b in prop::collection::vec(-2.0..2.0f64, 8),
            loadings in prop::collection::vec((-0.9..0.9f64, -0.4..0.4f64), 8),
        ) {
            let r = DMatrix::from_fn(8, 8, |i, j| {
                let ((a, b), (c, d)) = (loadings[i], loadings[j]);
                if i == j { 1.0 } else { a * c + b * d }
            });
            let r = Correlation::new(r).unwrap();
            let (points, exact) = (tree_table(&b, &r), nested_table(&b, &r));
            let mut squares = 0.0;
            for (p, exact) in points.iter().zip(&exact) {
                prop_assert!((p - exact).abs() < 1e-3, "{} not {}", p, exact);
                squares += exact * (p / exact - 1.0).powi(2);
            }
            // relative error of the pattern of a person
            prop_assert!(squares.sqrt() < 0.02, "{}", squares.sqrt());
            prop_assert!((points.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}

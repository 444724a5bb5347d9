//! All 2^J orthant probabilities of a J-dimensional normal at once, by a lattice rule: for 9 to 12 dimensions.
//!
//! At every point of a lattice the tree of answers is walked, each branch weighted by its conditional probability and
//! continued from the conditional distribution (Genz 1992, with every branch followed instead of one). A node of the
//! tree is visited once, for all points side by side.

use super::correlation::Correlation;
use crate::stats::normal::{cdf, quick_quantile};
use nalgebra::DMatrix;

/// Maximum number of dimensions.
pub(crate) const MAX_DIMENSIONS: usize = 12;

/// Roots of these primes generate the lattice, one an axis.
const PRIMES: [f64; MAX_DIMENSIONS] = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0];

const POINTS: usize = 1024;

struct Lattice<'a> {
    b: &'a [f64],
    /// Cholesky factor of R.
    lower: &'a DMatrix<f64>,
}

/// The table with thresholds `b`, at least one; bit j of a cell's index set where X_j > b_j.
pub(super) fn lattice_table(b: &[f64], correlation: &Correlation) -> Vec<f64> {
    pulp::Arch::new().dispatch(Lattice { b, lower: &correlation.factor() })
}

impl pulp::WithSimd for Lattice<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f64> {
        let Lattice { b, lower } = self;
        let n = b.len();
        // Richtmyer's lattice folded by the baker's transformation
        let u: Vec<Vec<f64>> = PRIMES[..n]
            .iter()
            .map(|prime| {
                let x = |point| ((point as f64 + 0.5) * prime.sqrt()).fract();
                (0..POINTS).map(|point| 1.0 - (2.0 * x(point) - 1.0).abs()).collect()
            })
            .collect();
        let mut cells = vec![0.0; 1 << n];
        // by axis: the weight of the points that have come here, P(no), and the value the branch goes on from
        let mut weight = vec![vec![1.0 / POINTS as f64; POINTS]; n];
        let mut no = vec![vec![cdf(b[0] / lower[(0, 0)]); POINTS]; n];
        let mut z = vec![vec![0.0; POINTS]; n];
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
            if axis + 1 == n {
                let mut sum = 0.0;
                for (w, p) in weight[axis].iter().zip(&no[axis]) {
                    sum += w * if yes { 1.0 - p } else { *p };
                }
                cells[cell | usize::from(yes) << axis] = sum;
                continue;
            }
            let (here, below) = weight.split_at_mut(axis + 1);
            for point in 0..POINTS {
                let p = no[axis][point];
                let mass = if yes { 1.0 - p } else { p };
                let at = u[axis][point] * mass + if yes { p } else { 0.0 };
                below[0][point] = here[axis][point] * mass;
                z[axis][point] = quick_quantile(at);
            }
            cell |= usize::from(yes) << axis;
            axis += 1;
            next[axis] = 0;
            let limit = &mut no[axis];
            limit.fill(b[axis]);
            for k in 0..axis {
                let factor = lower[(axis, k)];
                for point in 0..POINTS {
                    limit[point] -= factor * z[k][point];
                }
            }
            let scale = 1.0 / lower[(axis, axis)];
            for value in limit.iter_mut() {
                *value = cdf(*value * scale);
            }
        }
    }
}

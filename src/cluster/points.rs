//! Points, and the scan over the products of many pairs that all quadratic work goes through.
//!
//! Distances between points are computed in 64 bits, one pair at a time. That would be slow for all pairs, so a scan
//! multiplies blocks of 32-bit copies first. What comes of it is off by no more than the slack below, so it tells which
//! few pairs are worth an exact look, and no result depends on how the products were rounded.
//!
//! With u = 2⁻²⁴ the unit of rounding of 32-bit numbers, x·y of two points in d dimensions is off by at most about
//! (d + 2) u |x| |y|: d for the sum, 2 for the copies. So |x - y|² = |x|² + |y|² - 2 x·y lies at most
//! (d + 16) u (|x|² + |y|²) below what 32 bits give.

use super::error::ClusterError;
use crate::interrupt;
use crate::linalg::{Matrix, distance2, dot, product};
use crate::parallel;

/// Numbers of rows and columns of products that are computed together.
const ROWS: usize = 256;
const COLUMNS: usize = 1024;

/// Points of one dimension, a row each, in 64 bits and in 32.
#[derive(Debug, Clone)]
pub struct Points {
    dimensions: usize,
    values: Vec<f64>,
    copy: Vec<f32>,
    squares: Vec<f32>,
}

impl Points {
    /// `values` holds one row of `dimensions` numbers after the other.
    pub(crate) fn new(dimensions: usize, values: Vec<f64>) -> Points {
        let copy = values.iter().map(|x| *x as f32).collect();
        let squares = values.chunks_exact(dimensions.max(1)).map(|row| dot(row, row) as f32).collect();
        Points { dimensions, values, copy, squares }
    }

    /// The vectors divided by their lengths.
    ///
    /// # Errors
    ///
    /// Where vectors differ in their dimensions, hold a number that is not finite, or have no direction.
    pub fn unit<V: AsRef<[f64]>>(vectors: impl Iterator<Item = V>) -> Result<Points, ClusterError> {
        let (mut dimensions, mut values) = (None, Vec::new());
        for vector in vectors {
            let vector = vector.as_ref();
            let expected = *dimensions.get_or_insert(vector.len());
            if vector.len() != expected {
                return Err(ClusterError::Dimensions { expected, got: vector.len() });
            }
            if let Some(number) = vector.iter().find(|x| !x.is_finite()) {
                return Err(ClusterError::NotFinite(*number));
            }
            // by the largest number first, so that no square overflows
            let largest = vector.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            if largest == 0.0 {
                return Err(ClusterError::Zero);
            }
            let start = values.len();
            values.extend(vector.iter().map(|x| x / largest));
            let length = dot(&values[start..], &values[start..]).sqrt();
            values[start..].iter_mut().for_each(|x| *x /= length);
        }
        Ok(Points::new(dimensions.unwrap_or(0), values))
    }

    /// The points of `indices`, in that order.
    pub(crate) fn only(&self, indices: &[usize]) -> Points {
        Points::new(self.dimensions, indices.iter().flat_map(|i| self.row(*i)).copied().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.squares.len()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dimensions..(i + 1) * self.dimensions]
    }

    /// Rows `start` to `end` one after the other.
    pub(crate) fn rows(&self, start: usize, end: usize) -> &[f64] {
        &self.values[start * self.dimensions..end * self.dimensions]
    }

    /// |x_i - x_j|²
    pub(crate) fn distance2(&self, i: usize, j: usize) -> f64 {
        distance2(self.row(i), self.row(j))
    }

    /// Number of points that differ from each other.
    pub(crate) fn distinct(&self) -> usize {
        let mut rows: Vec<&[f64]> = (0..self.len()).map(|i| self.row(i)).collect();
        let order = |a: &&[f64], b: &&[f64]| {
            let unequal = a.iter().zip(*b).find(|(x, y)| x != y);
            unequal.map_or(std::cmp::Ordering::Equal, |(x, y)| x.total_cmp(y))
        };
        rows.sort_unstable_by(order);
        rows.dedup();
        rows.len()
    }

    /// Maximum relative error of a product, and of a squared distance over |x|² + |y|².
    pub(crate) fn slack(&self) -> f32 {
        (self.dimensions + 16) as f32 * (0.5 * f32::EPSILON)
    }

    /// Lower bound of |x_i - y_j|², from a product.
    pub(crate) fn low(&self, i: usize, others: &Points, j: usize, product: f32) -> f32 {
        (self.squares[i] + others.squares[j]) * (1.0 - self.slack()) - 2.0 * product
    }

    /// Upper bound of |x_i - y_j|², from a product.
    pub(crate) fn high(&self, i: usize, others: &Points, j: usize, product: f32) -> f32 {
        (self.squares[i] + others.squares[j]) * (1.0 + self.slack()) - 2.0 * product
    }

    /// State of each point of `rows`, which `begin` makes of its number and `visit` changes for runs of the other
    /// points, from the first to the last: it gets the number of the row, the state, where the run starts and the
    /// products.
    pub(crate) fn scan<T: Send>(
        &self,
        rows: &[usize],
        others: &Points,
        threads: usize,
        begin: impl Fn(usize) -> T + Sync,
        visit: impl Fn(usize, &mut T, usize, &[f32]) + Sync,
    ) -> Vec<T> {
        let d = self.dimensions;
        let blocks: Vec<&[usize]> = rows.chunks(ROWS).collect();
        let done = parallel::map(threads, blocks.len(), |block| {
            let rows = blocks[block];
            let left: Vec<f32> = rows.iter().flat_map(|i| &self.copy[i * d..(i + 1) * d]).copied().collect();
            let mut states: Vec<T> = rows.iter().map(|i| begin(*i)).collect();
            let mut products = vec![0.0; rows.len() * COLUMNS.min(others.len())];
            for start in (0..others.len()).step_by(COLUMNS) {
                interrupt::check();
                let end = others.len().min(start + COLUMNS);
                let width = end - start;
                let right = Matrix::by_rows(&others.copy[start * d..end * d], width, d, d).transposed();
                product(&mut products, width, Matrix::by_rows(&left, rows.len(), d, d), right, 1.0, false);
                for (at, state) in states.iter_mut().enumerate() {
                    visit(rows[at], state, start, &products[at * width..(at + 1) * width]);
                }
            }
            states
        });
        done.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vectors_that_are_none() {
        let unit = |vectors: &[&[f64]]| Points::unit(vectors.iter().copied());
        let message = |vectors: &[&[f64]]| unit(vectors).unwrap_err().to_string();
        assert_eq!(message(&[&[1.0, 2.0], &[1.0]]), "vectors must all have the same number of dimensions, got 2 and 1");
        assert_eq!(message(&[&[1.0, f64::NAN]]), "vectors must hold finite numbers, got NaN");
        assert_eq!(message(&[&[f64::NEG_INFINITY]]), "vectors must hold finite numbers, got -inf");
        assert_eq!(message(&[&[0.0, 0.0]]), "vectors must have a direction, got one of zeros only");
        assert_eq!(message(&[&[]]), "vectors must have a direction, got one of zeros only");
        assert_eq!(unit(&[]).unwrap().len(), 0);
        // neither too large nor too small for a square
        let points = unit(&[&[3e200, 4e200], &[3e-200, 4e-200]]).unwrap();
        assert_eq!(points.row(0), points.row(1));
        assert!(distance2(points.row(0), &[0.6, 0.8]) < 1e-30);
    }

    proptest! {
        /// Bounds of a squared distance from 32 bits hold, for points near and far from zero and from each other.
        #[test]
        fn bounds_hold(
            d in 1_usize..40, n in 1_usize..30, scale in -6_i32..7, shift in -100.0..100.0, seed in any::<u64>(),
        ) {
            use rand::RngExt;
            let mut g = crate::random::Stream::new(seed, crate::random::Purpose::Clusters, 0).replicate(0);
            let values = (0..n * d).map(|_| (g.random::<f64>() - 0.5 + shift) * 10_f64.powi(scale)).collect();
            let points = Points::new(d, values);
            let rows: Vec<usize> = (0..n).collect();
            let products = points.scan(&rows, &points, 2, |_| vec![], |_, all, _, run| all.extend_from_slice(run));
            for i in 0..n {
                for j in 0..n {
                    let (exact, product) = (points.distance2(i, j), products[i][j]);
                    prop_assert!(f64::from(points.low(i, &points, j, product)) <= exact);
                    prop_assert!(f64::from(points.high(i, &points, j, product)) >= exact);
                }
            }
        }
    }

    #[test]
    fn equal_points_are_counted_once() {
        assert_eq!(Points::new(2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).distinct(), 2);
        // zero has two signs
        assert_eq!(Points::new(1, vec![0.0, -0.0, 0.0, 1.0]).distinct(), 2);
    }
}

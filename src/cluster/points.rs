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
use crate::linalg::{Matrix, distance2, dot, dot_f32, product};
use crate::parallel;

/// Numbers of rows and columns of products that are computed together.
const ROWS: usize = 256;
const COLUMNS: usize = 1024;

/// Vectors divided by their lengths, taken in one by one.
#[derive(Debug)]
pub(crate) struct Units {
    count: usize,
    dimensions: Option<usize>,
    values: Vec<f64>,
}

impl Units {
    /// None yet, with room for `count`.
    pub(crate) fn new(count: usize) -> Self {
        Units { count, dimensions: None, values: Vec::new() }
    }

    /// Takes in a vector.
    ///
    /// # Errors
    ///
    /// Where it differs in its dimensions from those before, holds a number that is not finite, or has no direction.
    pub(crate) fn push(&mut self, vector: &[f64]) -> Result<(), ClusterError> {
        let expected = *self.dimensions.get_or_insert(vector.len());
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
        let start = self.values.len();
        self.values.reserve_exact(if start == 0 { self.count * expected } else { expected });
        self.values.extend(vector.iter().map(|x| x / largest));
        let length = dot(&self.values[start..], &self.values[start..]).sqrt();
        self.values[start..].iter_mut().for_each(|x| *x /= length);
        Ok(())
    }

    /// The points that they are.
    pub(crate) fn points(self) -> Points {
        Points::new(self.dimensions.unwrap_or(0), self.values)
    }
}

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
    /// Those of [`Units::push`].
    pub fn unit<V: AsRef<[f64]>>(vectors: impl Iterator<Item = V>) -> Result<Points, ClusterError> {
        let mut units = Units::new(vectors.size_hint().0);
        for vector in vectors {
            units.push(vector.as_ref())?;
        }
        Ok(units.points())
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

    /// |x_i - x_j|² where it is at most `limit`.
    pub(crate) fn within(&self, i: usize, j: usize, limit: f64) -> Option<f64> {
        let product = dot_f32(self.narrow(i), self.narrow(j));
        // not "at most": a product that overflows in 32 bits is no number, and its pair is looked at
        if f64::from(self.low(i, self, j, product)) > limit {
            return None;
        }
        Some(self.distance2(i, j)).filter(|distance| *distance <= limit)
    }

    /// The first of the points that are equal to each.
    pub(crate) fn firsts(&self) -> Vec<usize> {
        let order = |a: &usize, b: &usize| {
            let unequal = self.row(*a).iter().zip(self.row(*b)).find(|(x, y)| x != y);
            unequal.map_or(std::cmp::Ordering::Equal, |(x, y)| x.total_cmp(y))
        };
        let mut all: Vec<usize> = (0..self.len()).collect();
        all.sort_unstable_by(|a, b| order(a, b).then(a.cmp(b)));
        let mut firsts = vec![0; self.len()];
        for equal in all.chunk_by(|a, b| order(a, b).is_eq()) {
            equal.iter().for_each(|i| firsts[*i] = equal[0]);
        }
        firsts
    }

    /// Number of points that differ from each other.
    pub(crate) fn distinct(&self) -> usize {
        self.firsts().into_iter().enumerate().filter(|(i, first)| i == first).count()
    }

    /// The 32-bit copy of a point.
    fn narrow(&self, i: usize) -> &[f32] {
        &self.copy[i * self.dimensions..(i + 1) * self.dimensions]
    }

    /// The 32-bit copies of points, one after the other.
    pub(crate) fn copies(&self, of: &[usize]) -> Vec<f32> {
        let mut copies = Vec::with_capacity(of.len() * self.dimensions);
        of.iter().for_each(|i| copies.extend_from_slice(self.narrow(*i)));
        copies
    }

    /// |x|², rounded to 32 bits.
    pub(crate) fn square(&self, i: usize) -> f32 {
        self.squares[i]
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
            let left = self.copies(rows);
            let mut states: Vec<T> = rows.iter().map(|i| begin(*i)).collect();
            let mut products = vec![0.0; rows.len() * COLUMNS.min(others.len())];
            for start in (0..others.len()).step_by(COLUMNS) {
                interrupt::check();
                let end = others.len().min(start + COLUMNS);
                let width = end - start;
                multiply(&mut products, &left, rows.len(), &others.copy[start * d..end * d], width, d);
                for (at, state) in states.iter_mut().enumerate() {
                    visit(rows[at], state, start, &products[at * width..(at + 1) * width]);
                }
            }
            states
        });
        done.into_iter().flatten().collect()
    }

    /// Calls `visit` with each pair of one of `rows` and one of `columns`, but for pairs that are farther apart than the limit that the row's
    /// state gives; it may change the state.
    pub(crate) fn compare<T>(
        &self,
        rows: &[usize],
        columns: &[usize],
        states: &mut [T],
        limit: impl Fn(&T) -> f64,
        mut visit: impl FnMut(&mut T, usize, usize),
    ) {
        let d = self.dimensions;
        let mut products = vec![0.0; ROWS.min(rows.len()) * COLUMNS.min(columns.len())];
        let left = self.copies(rows);
        for columns in columns.chunks(COLUMNS) {
            let (right, width) = (self.copies(columns), columns.len());
            let squares: Vec<f32> = columns.iter().map(|j| self.squares[*j]).collect();
            for (block, rows) in rows.chunks(ROWS).enumerate() {
                interrupt::check();
                let left = &left[block * ROWS * d..(block * ROWS + rows.len()) * d];
                multiply(&mut products, left, rows.len(), &right, width, d);
                let states = states[block * ROWS..].iter_mut();
                for ((i, state), products) in rows.iter().zip(states).zip(products.chunks_exact(width)) {
                    for (run, products) in products.chunks(RUN).enumerate() {
                        let at = run * RUN;
                        let look = Look::new(self, *i, limit(state));
                        if look.any(products, &squares[at..], &[0.0; RUN]) {
                            for (j, product) in columns[at..].iter().zip(products).filter(|(j, _)| *j != i) {
                                if Look::new(self, *i, limit(state)).near(*product, self.squares[*j], 0.0) {
                                    visit(state, *i, *j);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Number of products that are looked at together.
pub(super) const RUN: usize = 64;

/// A look at the products of one point, for pairs that may lie within a limit.
pub(super) struct Look {
    square: f32,
    scale: f32,
    limit: f32,
}

impl Look {
    pub(super) fn new(points: &Points, i: usize, limit: f64) -> Look {
        Look { square: points.squares[i], scale: 1.0 - points.slack(), limit: (limit as f32).next_up() }
    }

    /// Whether a pair may lie within the larger one of two limits.
    #[inline(always)]
    pub(super) fn near(&self, product: f32, square: f32, limit: f32) -> bool {
        let limit = if limit > self.limit { limit } else { self.limit };
        // a product that overflows in 32 bits is no number, and its pair is looked at
        let low = (self.square + square) * self.scale - 2.0 * product;
        (low <= limit) | low.is_nan()
    }

    /// Whether any of a run of pairs may.
    #[inline(always)]
    pub(super) fn any(&self, products: &[f32], squares: &[f32], limits: &[f32]) -> bool {
        let all = products.iter().zip(squares).zip(limits);
        all.fold(false, |any, ((product, square), limit)| any | self.near(*product, *square, *limit))
    }
}

/// The products of rows of `d` numbers, each of `left` with all of `right`.
pub(super) fn multiply(products: &mut [f32], left: &[f32], rows: usize, right: &[f32], columns: usize, d: usize) {
    let right = Matrix::by_rows(right, columns, d, d).transposed();
    product(products, columns, Matrix::by_rows(left, rows, d, d), right, 1.0, false);
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

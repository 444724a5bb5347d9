//! A map: the two coordinates along which points vary most (principal components).
//!
//! The first two eigenvectors of the covariance are found by block iteration ([Rutishauser 1970]): [`BLOCK`] random directions are
//! multiplied by the covariance and made orthogonal again until the best two within their span are eigenvectors
//! (Rayleigh and Ritz). The covariance is never formed: each round goes over the points once. Signs are scikit-learn's:
//! the largest number of an eigenvector is positive. It is written here because
//! `nalgebra` finds all eigenvectors of a matrix that must be formed first, where two of a product are wanted.
//!
//! [Rutishauser 1970]: https://doi.org/10.1007/BF02219773

use super::points::Points;
use crate::parallel;
use crate::random::{Purpose, Stream};
use nalgebra::{DMatrix, DMatrixView, DVector, SymmetricEigen};
use rand::RngExt;

/// Number of directions iterated together: the more, the fewer rounds.
const BLOCK: usize = 16;

/// Maximum number of rounds.
const ROUNDS: usize = 300;

/// Distance from an eigenvector that is near enough, as a share of the largest eigenvalue.
const ENOUGH: f64 = 1e-9;

/// Number of points multiplied together.
const ROWS: usize = 1024;

/// (x, y) of each point, around (0, 0).
pub fn map(points: &Points, threads: usize) -> Vec<(f64, f64)> {
    let (n, d) = (points.len(), points.dimensions());
    if n == 0 || d == 0 {
        return vec![(0.0, 0.0); n];
    }
    let axes = axes(points, threads);
    let mean = mean(points);
    let starts: Vec<usize> = (0..n).step_by(ROWS).collect();
    let parts = parallel::map(threads, starts.len(), |at| {
        let (start, end) = (starts[at], n.min(starts[at] + ROWS));
        let mut placed = axes.transpose() * DMatrixView::from_slice(points.rows(start, end), d, end - start);
        let offset = axes.transpose() * &mean;
        placed.column_iter_mut().for_each(|mut column| column -= &offset);
        placed.column_iter().map(|column| (column[0], column.get(1).copied().unwrap_or(0.0))).collect::<Vec<_>>()
    });
    parts.into_iter().flatten().collect()
}

fn mean(points: &Points) -> DVector<f64> {
    let mut sum = DVector::zeros(points.dimensions());
    (0..points.len()).for_each(|i| sum.iter_mut().zip(points.row(i)).for_each(|(sum, x)| *sum += x));
    sum / points.len().max(1) as f64
}

/// First eigenvectors of the covariance, two or as many as there are dimensions, as columns.
fn axes(points: &Points, threads: usize) -> DMatrix<f64> {
    let (n, d) = (points.len(), points.dimensions());
    let mean = mean(points);
    let starts: Vec<usize> = (0..n).step_by(ROWS).collect();
    // the covariance, but for a factor, times the columns
    let multiply = |columns: &DMatrix<f64>| {
        let rows = columns.transpose();
        let offset = &rows * &mean;
        let parts = parallel::map(threads, starts.len(), |at| {
            let (start, end) = (starts[at], n.min(starts[at] + ROWS));
            let block = DMatrixView::from_slice(points.rows(start, end), d, end - start);
            let mut placed = &rows * block;
            placed.column_iter_mut().for_each(|mut column| column -= &offset);
            let total = placed.column_sum();
            block * placed.transpose() - &mean * total.transpose()
        });
        parts.into_iter().fold(DMatrix::zeros(d, columns.ncols()), |sum, part| sum + part)
    };
    let mut generator = Stream::new(0, Purpose::Clusters, 0).replicate(0);
    let start = DMatrix::from_fn(d, d.min(BLOCK), |_, _| generator.random::<f64>() - 0.5);
    let mut basis = start.qr().q();
    let mut found = basis.columns(0, d.min(2)).into_owned();
    for _ in 0..ROUNDS {
        let image = multiply(&basis);
        let inner = basis.transpose() * &image;
        let eigen = SymmetricEigen::new((&inner + inner.transpose()) * 0.5);
        let mut order: Vec<usize> = (0..basis.ncols()).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        order.truncate(2);
        let within = DMatrix::from_fn(basis.ncols(), order.len(), |i, j| eigen.eigenvectors[(i, order[j])]);
        found = &basis * &within;
        let values =
            DMatrix::from_diagonal(&DVector::from_iterator(order.len(), order.iter().map(|at| eigen.eigenvalues[*at])));
        let off = (&image * within - &found * &values).norm();
        if off <= ENOUGH * values.norm() {
            break;
        }
        basis = image.qr().q();
    }
    for mut axis in found.column_iter_mut() {
        if axis[axis.iamax()] < 0.0 {
            axis.neg_mut();
        }
    }
    found
}

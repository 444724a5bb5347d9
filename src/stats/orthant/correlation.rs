//! Correlation matrices that are checked once.
//!
//! A [`Correlation`] is finite, symmetric and positive definite with a unit diagonal: what takes one asks for nothing
//! again. It is made from a matrix that claims to be one
//! ([`Correlation::new`]), from pairwise estimates that need not fit together ([`Correlation::regularised`]), or as
//! a part of another ([`Correlation::select`]).

use nalgebra::{DMatrix, SymmetricEigen};

/// Share by which [`Correlation::regularised`] draws correlations toward 0.
pub(crate) const SHRINKAGE: f64 = 0.2;

/// Smallest eigenvalue that [`Correlation::regularised`] leaves, before the diagonal is made 1 again.
const EIGENVALUE_FLOOR: f64 = 0.05;

/// Smallest eigenvalue of a matrix that counts as positive definite.
const DEFINITE: f64 = 1e-9;

/// Largest difference between entries that should be equal.
const TOLERANCE: f64 = 1e-9;

/// Reason why a matrix is no correlation matrix.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CorrelationError {
    #[error("r must be square, got {rows} x {columns}")]
    Shape { rows: usize, columns: usize },
    #[error("r must hold finite numbers")]
    Value,
    #[error(
        "r must be symmetric with a unit diagonal and entries between -1 and 1, but its entry ({row}, {column}) is {value}"
    )]
    Entry { row: usize, column: usize, value: f64 },
    #[error("r must be positive definite, its smallest eigenvalue is {0:e}")]
    Indefinite(f64),
}

/// Positive definite correlation matrix; may have no axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation(DMatrix<f64>);

impl Correlation {
    /// The matrix as it is.
    ///
    /// # Errors
    ///
    /// Where it is not square, not finite, not symmetric with a unit diagonal, or not positive definite.
    pub fn new(matrix: DMatrix<f64>) -> Result<Self, CorrelationError> {
        let n = matrix.nrows();
        if matrix.ncols() != n {
            return Err(CorrelationError::Shape { rows: n, columns: matrix.ncols() });
        }
        if matrix.iter().any(|x| !x.is_finite()) {
            return Err(CorrelationError::Value);
        }
        for row in 0..n {
            for column in 0..n {
                let value = matrix[(row, column)];
                let wanted = if row == column { 1.0 } else { matrix[(column, row)] };
                if (value - wanted).abs() > TOLERANCE || value.abs() > 1.0 + TOLERANCE {
                    return Err(CorrelationError::Entry { row, column, value });
                }
            }
        }
        let smallest = if matrix.is_empty() { 1.0 } else { matrix.symmetric_eigenvalues().min() };
        if smallest < DEFINITE {
            return Err(CorrelationError::Indefinite(smallest));
        }
        Ok(Correlation(matrix))
    }

    /// The nearest usable matrix to pairwise estimates, and their smallest eigenvalue after shrinking.
    ///
    /// Estimates are shrunk by [`SHRINKAGE`] toward independence; where an eigenvalue is then below
    /// [`EIGENVALUE_FLOOR`] it is raised to that, and the diagonal made 1 again. `measured`: symmetric with a unit
    /// diagonal; an entry that is not finite says nothing and counts as 0.
    pub(crate) fn regularised(measured: &DMatrix<f64>) -> (Self, f64) {
        let n = measured.nrows();
        if n == 0 {
            return (Correlation(measured.clone()), 1.0);
        }
        let measured = measured.map(|rho| if rho.is_finite() { rho } else { 0.0 });
        let shrunk = measured * (1.0 - SHRINKAGE) + DMatrix::identity(n, n) * SHRINKAGE;
        let eigen = SymmetricEigen::new(shrunk.clone());
        let smallest = eigen.eigenvalues.min();
        if smallest >= EIGENVALUE_FLOOR {
            return (Correlation(shrunk), smallest);
        }
        let floored = eigen.eigenvalues.map(|value| value.max(EIGENVALUE_FLOOR));
        let full = &eigen.eigenvectors * DMatrix::from_diagonal(&floored) * eigen.eigenvectors.transpose();
        let unit = DMatrix::from_fn(n, n, |i, j| {
            if i == j {
                1.0
            } else {
                // the product is symmetric up to rounding: take one triangle for both
                let (low, high) = (i.min(j), i.max(j));
                full[(low, high)] / (full[(low, low)] * full[(high, high)]).sqrt()
            }
        });
        (Correlation(unit), smallest)
    }

    /// Pairwise estimates without the shrinking of [`Correlation::regularised`]; eigenvalues are floored as there.
    pub(crate) fn unshrunk(measured: &DMatrix<f64>) -> Self {
        // spread so that shrinking gives the measured values back
        let (rows, columns) = measured.shape();
        let spread = |i: usize, j: usize| if i == j { 1.0 } else { measured[(i, j)] / (1.0 - SHRINKAGE) };
        Correlation::regularised(&DMatrix::from_fn(rows, columns, spread)).0
    }

    /// The correlations among some of the axes.
    pub(crate) fn select(&self, axes: &[usize]) -> Self {
        Correlation(self.0.select_rows(axes).select_columns(axes))
    }

    /// Number of axes.
    pub(crate) fn dimensions(&self) -> usize {
        self.0.nrows()
    }

    /// The matrix itself.
    pub(crate) fn matrix(&self) -> &DMatrix<f64> {
        &self.0
    }

    /// Cholesky factor L, lower triangular: R = L L'.
    pub(crate) fn factor(&self) -> DMatrix<f64> {
        let n = self.dimensions();
        // exists, since the matrix is positive definite
        self.0.clone().cholesky().map_or_else(|| DMatrix::identity(n, n), |factor| factor.l())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix(n: usize, pairs: &[f64]) -> DMatrix<f64> {
        let mut r = DMatrix::identity(n, n);
        let mut pairs = pairs.iter();
        for j in 0..n {
            for i in 0..j {
                r[(i, j)] = *pairs.next().unwrap();
                r[(j, i)] = r[(i, j)];
            }
        }
        r
    }

    #[test]
    fn a_singular_matrix_is_made_definite() {
        let ones = DMatrix::from_element(4, 4, 1.0);
        let (r, _) = Correlation::regularised(&ones);
        assert!(r.matrix().symmetric_eigenvalues().min() > 0.03);
        let (r, smallest) = Correlation::regularised(&matrix(3, &[0.95, 0.95, -0.95]));
        assert!(smallest < 0.0);
        assert!(r.matrix().symmetric_eigenvalues().min() > 0.0);
        assert!((0..3).all(|i| r.matrix()[(i, i)] == 1.0));
    }

    #[test]
    fn what_is_no_correlation_matrix_is_refused() {
        let of = |r: DMatrix<f64>| Correlation::new(r).unwrap_err();
        assert_eq!(of(DMatrix::zeros(2, 3)), CorrelationError::Shape { rows: 2, columns: 3 });
        assert_eq!(of(matrix(2, &[f64::NAN])), CorrelationError::Value);
        assert!(matches!(of(2.0 * matrix(2, &[0.3])), CorrelationError::Entry { .. }));
        assert!(matches!(of(matrix(2, &[1.0])), CorrelationError::Indefinite(_)));
        assert_eq!(Correlation::new(DMatrix::zeros(0, 0)).unwrap().dimensions(), 0);
    }

    proptest! {
        #[test]
        fn regularised_estimates_pass_the_check(pairs in prop::collection::vec(-0.999..0.999f64, 66), n in 1..=12usize) {
            for r in [Correlation::regularised(&matrix(n, &pairs)).0, Correlation::unshrunk(&matrix(n, &pairs))] {
                prop_assert_eq!(&Correlation::new(r.matrix().clone()).unwrap(), &r);
                let lower = r.factor();
                prop_assert!((&lower * lower.transpose() - r.matrix()).amax() < 1e-12);
            }
        }
    }
}

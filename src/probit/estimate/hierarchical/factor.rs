//! Cholesky factors of the three by three matrices of a state: without allocation, since they are made in every step.

use super::effects::{State, Symmetric};

/// Lower factor L of a positive definite matrix: entries (0,0), (1,0), (2,0), (1,1), (2,1), (2,2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Factor([f64; 6]);

impl Factor {
    /// The factor of a matrix; `None` where it is not positive definite.
    pub(super) fn new(matrix: &Symmetric) -> Option<Factor> {
        let root = |x: f64| (x > 1e-10).then(|| x.sqrt());
        let l00 = root(matrix[0])?;
        let (l10, l20) = (matrix[1] / l00, matrix[2] / l00);
        let l11 = root(matrix[3] - l10 * l10)?;
        let l21 = (matrix[4] - l10 * l20) / l11;
        let l22 = root(matrix[5] - l20 * l20 - l21 * l21)?;
        Some(Factor([l00, l10, l20, l11, l21, l22]))
    }

    /// Factor of the matrix of ones on the diagonal.
    pub(super) const UNIT: Factor = Factor([1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);

    /// Solution x of L Lᵀ x = y.
    pub(super) fn solve(&self, y: &State) -> State {
        let l = &self.0;
        let a = y[0] / l[0];
        let b = (y[1] - l[1] * a) / l[3];
        let c = (y[2] - l[2] * a - l[4] * b) / l[5];
        self.spread(&[a, b, c])
    }

    /// Solution x of Lᵀ x = y: of standard normals, normals with the inverse matrix as covariance.
    pub(super) fn spread(&self, y: &State) -> State {
        let l = &self.0;
        let c = y[2] / l[5];
        let b = (y[1] - l[4] * c) / l[3];
        let a = (y[0] - l[1] * b - l[2] * c) / l[0];
        [a, b, c]
    }

    /// xᵀ L Lᵀ x
    pub(super) fn form(&self, x: &State) -> f64 {
        let l = &self.0;
        let a = l[0] * x[0] + l[1] * x[1] + l[2] * x[2];
        let b = l[3] * x[1] + l[4] * x[2];
        let c = l[5] * x[2];
        a * a + b * b + c * c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_solve_and_measure() {
        // [4 2 1; 2 5 3; 1 3 6] (1, 2, 3) = (11, 21, 25), and (1, 2, 3) times that is 128
        let factor = Factor::new(&[4.0, 2.0, 1.0, 5.0, 3.0, 6.0]).unwrap();
        let x = factor.solve(&[11.0, 21.0, 25.0]);
        assert!(x.iter().zip([1.0, 2.0, 3.0]).all(|(x, wanted)| (x - wanted).abs() < 1e-12), "{x:?}");
        assert!((factor.form(&[1.0, 2.0, 3.0]) - 128.0).abs() < 1e-12);
        // the form of what is spread is the square of what it was
        let spread = factor.spread(&[0.3, -1.0, 2.0]);
        assert!((factor.form(&spread) - (0.09 + 1.0 + 4.0)).abs() < 1e-12);
        assert!(Factor::new(&[1.0, 2.0, 0.0, 1.0, 0.0, 1.0]).is_none());
    }
}

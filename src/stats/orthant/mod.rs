//! All 2^J orthant probabilities of a J-dimensional normal at once.
//!
//! Annotator j says yes when mu_j + e_j > 0, e ~ N(0, R). A *cell* is a pattern of answers; bit j of its index is set
//! when annotator j says yes. One and two dimensions have formulas, [`plackett`] integrates up to eight, and the
//! points of [`tree`] take over up to twelve. Beyond, [`branches`] gives the patterns that are asked for. Written here because libraries give one orthant at a time, where a model needs all
//! 2^J of them thousands of times.

mod branches;
mod cell;
pub(crate) mod correlation;
mod plackett;
mod sobol;
mod tree;

pub(crate) use branches::Branches;
pub use correlation::Correlation;
pub(crate) use correlation::CorrelationError;
pub(crate) use sobol::Sobol;
pub(crate) use tree::MAX_DIMENSIONS as MAX_TABLE;

use super::normal::cdf;
use nalgebra::DMatrix;
use plackett::{MAX_EXACT, block_cells, nested_table};
use tree::tree_table;

/// Smallest probability a cell is reported with.
const FLOOR: f64 = 1e-12;

/// Reason why a table cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrthantError {
    #[error("an orthant has 1 to {MAX_TABLE} dimensions, got {0}")]
    Dimensions(usize),
    #[error("mu has {mu} values but r is {rows} x {columns}")]
    Shape { mu: usize, rows: usize, columns: usize },
    #[error("mu and r must hold finite numbers")]
    NotFinite,
    #[error(transparent)]
    Correlation(#[from] CorrelationError),
}

/// Checks the latent means, and that `rows` x `columns` correlations belong to them.
fn check(mu: &[f64], (rows, columns): (usize, usize)) -> Result<(), OrthantError> {
    let n = mu.len();
    if n == 0 || n > MAX_TABLE {
        return Err(OrthantError::Dimensions(n));
    }
    if rows != n || columns != n {
        return Err(OrthantError::Shape { mu: n, rows, columns });
    }
    if mu.iter().any(|x| !x.is_finite()) {
        return Err(OrthantError::NotFinite);
    }
    Ok(())
}

/// The probabilities of all 2^J patterns of answers, J = `mu.len()`, from 1 to 12.
///
/// `mu`: J latent means; `r`: J x J correlations. Bit j of a cell's index is the answer of annotator j. Cells are at
/// least [`FLOOR`]. Absolute error up to J = 8: 1e-7 up to correlations of .99; above J = 8 about 1e-3 of the larger cells.
///
/// # Errors
///
/// Where J is out of range, `r` has another size, or a mean is not finite.
pub fn orthant_table(mu: &[f64], r: &Correlation) -> Result<Vec<f64>, OrthantError> {
    check(mu, r.matrix().shape())?;
    let b: Vec<f64> = mu.iter().map(|m| -m).collect();
    let mut cells = match b.len() {
        1 => vec![cdf(b[0]), cdf(-b[0])],
        2 => block_cells(b[0], b[1], r.matrix()[(0, 1)]).to_vec(),
        3..=MAX_EXACT => nested_table(&b, r),
        _ => tree_table(&b, r),
    };
    for cell in &mut cells {
        *cell = cell.max(FLOOR);
    }
    Ok(cells)
}

/// The probability of one pattern; `None` marginalises an annotator. `r`: J x J, not checked before.
///
/// # Errors
///
/// Those of [`orthant_table`] and [`Correlation::new`].
pub(crate) fn orthant(mu: &[f64], r: &DMatrix<f64>, pattern: &[Option<bool>]) -> Result<f64, OrthantError> {
    check(mu, r.shape())?;
    if r.iter().any(|x| !x.is_finite()) {
        return Err(OrthantError::NotFinite);
    }
    let r = Correlation::new(r.clone())?;
    let kept: Vec<usize> = (0..mu.len()).filter(|&j| pattern[j].is_some()).collect();
    if kept.is_empty() {
        return Ok(1.0);
    }
    let means: Vec<f64> = kept.iter().map(|&j| mu[j]).collect();
    let table = orthant_table(&means, &r.select(&kept))?;
    let cell =
        kept.iter().enumerate().filter(|(_, j)| pattern[**j] == Some(true)).map(|(bit, _)| 1 << bit).sum::<usize>();
    Ok(table[cell])
}

/// The table with the annotators outside `mask` summed out, indexed by the yes mask; 0 outside the mask.
pub(crate) fn marginal(table: &[f64], mask: u32) -> Vec<f64> {
    let mut marginal = vec![0.0; table.len()];
    for (cell, p) in table.iter().enumerate() {
        marginal[cell & mask as usize] += p;
    }
    marginal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    fn matrix(value: &serde_json::Value) -> DMatrix<f64> {
        let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
        DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j])
    }

    /// The table of correlations that are checked first.
    fn checked_table(mu: &[f64], r: &DMatrix<f64>) -> Result<Vec<f64>, OrthantError> {
        orthant_table(mu, &Correlation::new(r.clone())?)
    }

    fn equicorrelated(n: usize, rho: f64) -> DMatrix<f64> {
        DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { rho })
    }

    #[test]
    fn tables_match_the_oracle() {
        let oracle = crate::oracle("orthants.json");
        let mut checked = 0;
        for case in oracle.as_array().unwrap() {
            let mu: Vec<f64> = serde_json::from_value(case["mu"].clone()).unwrap();
            let r = matrix(&case["R"]);
            let p: Vec<f64> = serde_json::from_value(case["p"].clone()).unwrap();
            let table = checked_table(&mu, &r).unwrap();
            let error = table.iter().zip(&p).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            println!("{}: error {error:e}", case["name"]);
            assert!(error <= 1e-7 + case["est_abs_err"].as_f64().unwrap(), "{}: {error:e}", case["name"]);
            checked += table.len();
        }
        assert!(checked > 300);
    }

    #[test]
    fn one_factor_tables_match_the_oracle() {
        let oracle = crate::oracle("normal.json");
        let cases = oracle["orthants"].as_array().unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let mu: Vec<f64> = serde_json::from_value(case["mu"].clone()).unwrap();
            let r = matrix(&case["r"]);
            let allowed = if mu.len() <= MAX_EXACT { 1e-7 } else { 1e-3 };
            let mut worst: f64 = 0.0;
            for cell in case["cells"].as_array().unwrap() {
                let pattern: Vec<Option<bool>> = serde_json::from_value(cell["pattern"].clone()).unwrap();
                let p = orthant(&mu, &r, &pattern).unwrap();
                worst = worst.max((p - cell["p"].as_f64().unwrap()).abs());
            }
            println!("{}: error {worst:e}", case["name"]);
            assert!(worst <= allowed, "{}: {worst:e}", case["name"]);
        }
    }

    #[test]
    fn closed_forms() {
        // 1/4 + asin(rho) / 2 pi, 1/8 + sum asin / 4 pi, and 1 / (J + 1) at rho = 1/2
        for rho in [-0.4, 0.0, 0.3, 0.8] {
            let two = checked_table(&[0.0; 2], &equicorrelated(2, rho)).unwrap();
            assert!((two[3] - (0.25 + rho.asin() / (2.0 * PI))).abs() < 1e-13);
            let three = checked_table(&[0.0; 3], &equicorrelated(3, rho)).unwrap();
            assert!((three[7] - (0.125 + 3.0 * rho.asin() / (4.0 * PI))).abs() < 1e-7, "{rho}");
        }
        for n in 1..=MAX_EXACT {
            let table = checked_table(&vec![0.0; n], &equicorrelated(n, 0.5)).unwrap();
            assert!((table[0] - 1.0 / (n as f64 + 1.0)).abs() < 1e-7, "{n}: {}", table[0]);
        }
        for n in 9..=MAX_TABLE {
            let table = checked_table(&vec![0.0; n], &equicorrelated(n, 0.5)).unwrap();
            assert!((table[0] - 1.0 / (n as f64 + 1.0)).abs() < 1e-3, "{n}: {}", table[0]);
        }
    }

    #[test]
    fn published_values() {
        // Genz 1992: R = (3/5, 1/3, 11/15), upper limits (1, 4, 2)
        let mut r = DMatrix::identity(3, 3);
        for (i, j, rho) in [(0, 1, 3.0 / 5.0), (0, 2, 1.0 / 3.0), (1, 2, 11.0 / 15.0)] {
            r[(i, j)] = rho;
            r[(j, i)] = rho;
        }
        let p = orthant(&[-1.0, -4.0, -2.0], &r, &[Some(false); 3]).unwrap();
        assert!((p - 0.827984897457).abs() < 1e-7, "{p}");
        let mu = [0.56, 0.22, 0.6, 0.16, -0.22, -0.52];
        let r = equicorrelated(6, 0.6);
        assert!((orthant(&mu, &r, &[Some(false); 6]).unwrap() - 0.1088199639).abs() < 1e-6);
        assert!((orthant(&mu, &r, &[Some(true); 6]).unwrap() - 0.1699528217).abs() < 1e-6);
    }

    #[test]
    fn bad_arguments_are_errors() {
        let r = equicorrelated(2, 0.3);
        assert!(matches!(checked_table(&[], &r), Err(OrthantError::Dimensions(0))));
        assert!(matches!(checked_table(&[0.0; 3], &r), Err(OrthantError::Shape { .. })));
        assert!(matches!(checked_table(&[f64::NAN, 0.0], &r), Err(OrthantError::NotFinite)));
        let of = |r: DMatrix<f64>| orthant(&[0.0; 2], &r, &[None; 2]).unwrap_err();
        assert_eq!(of(equicorrelated(2, f64::NAN)), OrthantError::NotFinite);
        let indefinite = of(equicorrelated(2, 1.0));
        assert!(matches!(indefinite, OrthantError::Correlation(CorrelationError::Indefinite(_))));
        let scaled = of(2.0 * &r);
        assert!(matches!(scaled, OrthantError::Correlation(CorrelationError::Entry { .. })));
    }

    /// A random problem: correlations from loadings on two factors, so that R is positive definite.
    fn problem(dimensions: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = (Vec<f64>, DMatrix<f64>)> {
        problem_with_loadings(dimensions, 0.6)
    }

    fn problem_with_loadings(
        dimensions: std::ops::RangeInclusive<usize>,
        loading: f64,
    ) -> impl Strategy<Value = (Vec<f64>, DMatrix<f64>)> {
        dimensions.prop_flat_map(move |n| {
            let loadings = (-loading..loading, -loading..loading);
            (prop::collection::vec(-2.5..2.5f64, n), prop::collection::vec(loadings, n)).prop_map(move |(mu, load)| {
                let r =
                    DMatrix::from_fn(
                        n,
                        n,
                        |i, j| {
                            if i == j { 1.0 } else { load[i].0 * load[j].0 + load[i].1 * load[j].1 }
                        },
                    );
                (mu, r)
            })
        })
    }

    /// A random problem whose correlations were measured pair by pair, so that they may contradict each other.
    fn regularised_problem() -> impl Strategy<Value = (Vec<f64>, Correlation)> {
        (3..=5usize).prop_flat_map(|n| {
            let pairs = prop::collection::vec(-0.98..0.98f64, n * n);
            (prop::collection::vec(-2.5..2.5f64, n), pairs).prop_map(move |(mu, pairs)| {
                let pair = |i: usize, j: usize| if i == j { 1.0 } else { pairs[i.max(j) * n + i.min(j)] };
                (mu, Correlation::regularised(&DMatrix::from_fn(n, n, pair)).0)
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn cells_sum_to_one((mu, r) in problem(1..=8)) {
            let total: f64 = checked_table(&mu, &r).unwrap().iter().sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{}", total);
        }

        #[test]
        fn a_marginalised_table_is_the_table_of_the_others((mu, r) in problem(3..=7)) {
            // the quadrature differs between the two, so the bound is the table's own accuracy
            let n = mu.len() - 1;
            let kept: Vec<usize> = (0..n).collect();
            let table = checked_table(&mu, &r).unwrap();
            let small = checked_table(&mu[..n], &r.select_rows(&kept).select_columns(&kept)).unwrap();
            for (cell, p) in small.iter().enumerate() {
                let sum = table[cell] + table[cell | 1 << n];
                prop_assert!((sum - p).abs() < 2e-7, "{} against {}", sum, p);
            }
        }

        #[test]
        fn pairs_that_contradict_each_other_cost_no_accuracy((mu, r) in regularised_problem()) {
            let n = mu.len() - 1;
            let table = orthant_table(&mu, &r).unwrap();
            let small = orthant_table(&mu[..n], &r.select(&(0..n).collect::<Vec<_>>())).unwrap();
            for (cell, p) in small.iter().enumerate() {
                let sum = table[cell] + table[cell | 1 << n];
                prop_assert!((sum - p).abs() < 2e-7, "{} against {}", sum, p);
            }
            prop_assert!((table.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        }

        #[test]
        fn with_weak_correlations_marginals_agree_to_ten_digits((mu, r) in problem_with_loadings(3..=7, 0.25)) {
            let n = mu.len() - 1;
            let kept: Vec<usize> = (0..n).collect();
            let table = checked_table(&mu, &r).unwrap();
            let small = checked_table(&mu[..n], &r.select_rows(&kept).select_columns(&kept)).unwrap();
            for (cell, p) in small.iter().enumerate() {
                prop_assert!((table[cell] + table[cell | 1 << n] - p).abs() < 1e-10);
            }
        }

        #[test]
        fn flipping_every_answer_mirrors_the_table((mu, r) in problem(1..=8)) {
            let table = checked_table(&mu, &r).unwrap();
            let flipped: Vec<f64> = mu.iter().map(|m| -m).collect();
            let mirror = checked_table(&flipped, &r).unwrap();
            let last = table.len() - 1;
            for cell in 0..=last {
                prop_assert!((table[cell] - mirror[last - cell]).abs() < 1e-9);
            }
        }
    }
}

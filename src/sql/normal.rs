//! The kernels behind `orthant` and `tetrachoric`.

use super::kernel::{Scalar, register as kernel};
use super::rows::{Failure, list_of};
use crate::stats::orthant::{MAX_TABLE, OrthantError, orthant};
use crate::stats::tetrachoric::tetrachoric;
use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Float64Type};
use nalgebra::DMatrix;
use std::sync::Arc;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Orthant>(connection)?;
    kernel::<Tetrachoric>(connection)
}

/// The numbers of a list; `None` when one of them is NULL.
fn numbers(list: &ArrayRef) -> Option<Vec<f64>> {
    list.as_primitive::<Float64Type>().iter().collect()
}

/// `muster_orthant(mu, r, pattern)`
struct Orthant;

impl Scalar for Orthant {
    const NAME: &'static str = "muster_orthant";

    fn arguments() -> Vec<DataType> {
        let reals = list_of(DataType::Float64);
        vec![reals.clone(), list_of(reals), list_of(DataType::Boolean)]
    }

    fn returns() -> DataType {
        DataType::Float64
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let [mus, rs, patterns] = [0, 1, 2].map(|argument| input.column(argument).as_list::<i32>());
        let one = |row: usize| -> Result<Option<f64>, Failure> {
            if mus.is_null(row) || rs.is_null(row) || patterns.is_null(row) {
                return Ok(None);
            }
            let null = || Failure::from("mu and r must not hold NULL");
            let mu = numbers(&mus.value(row)).ok_or_else(null)?;
            let lines = rs.value(row);
            let lines = lines.as_list::<i32>();
            let mut r = Vec::new();
            for i in 0..lines.len() {
                if lines.is_null(i) {
                    return Err(null());
                }
                r.push(numbers(&lines.value(i)).ok_or_else(null)?);
            }
            let pattern: Vec<Option<bool>> = patterns.value(row).as_boolean().iter().collect();
            let n = mu.len();
            if r.len() != n || r.iter().any(|line| line.len() != n) || pattern.len() != n {
                return Err(format!(
                    "mu, r and pattern must have the same length n, with n values in each list of r, \
                     got mu {n}, r {} x {:?}, pattern {}",
                    r.len(),
                    r.iter().map(Vec::len).collect::<Vec<_>>(),
                    pattern.len()
                )
                .into());
            }
            if n == 0 || n > MAX_TABLE {
                return Err(OrthantError::Dimensions(n).into());
            }
            let r = DMatrix::from_fn(n, n, |i, j| r[i][j]);
            Ok(Some(orthant(&mu, &r, &pattern)?))
        };
        let values = (0..input.num_rows()).map(one).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Float64Array::from(values)))
    }
}

/// `muster_tetrachoric(n11, n10, n01, n00)`
struct Tetrachoric;

impl Scalar for Tetrachoric {
    const NAME: &'static str = "muster_tetrachoric";

    fn arguments() -> Vec<DataType> {
        vec![DataType::Float64; 4]
    }

    fn returns() -> DataType {
        DataType::Float64
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let cells = [0, 1, 2, 3].map(|argument| input.column(argument).as_primitive::<Float64Type>());
        let one = |row: usize| -> Result<Option<f64>, Failure> {
            if cells.iter().any(|cell| cell.is_null(row)) {
                return Ok(None);
            }
            let [a, b, c, d] = cells.map(|cell| cell.value(row));
            for (name, value) in ["n11", "n10", "n01", "n00"].into_iter().zip([a, b, c, d]) {
                if !(value >= 0.0 && value.is_finite()) {
                    return Err(format!("{name} must be a number of at least 0, got {value}").into());
                }
            }
            Ok(tetrachoric(a, b, c, d))
        };
        let values = (0..input.num_rows()).map(one).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Float64Array::from(values)))
    }
}

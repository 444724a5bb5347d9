//! The kernel behind `rogan_gladen_interval` and `rogan_gladen`.

use super::kernel::{Kernel, register as kernel};
use super::rows::{Failure, Rows};
use crate::debias::rogan_gladen::{Prevalence, Share, rogan_gladen};
use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Float64Type};

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<RoganGladen>(connection)
}

/// `muster_rogan_gladen_interval(positives, n, se_k, se_n, sp_k, sp_n, level)`: a list of at most one row.
struct RoganGladen;

impl Kernel for RoganGladen {
    const NAME: &'static str = "muster_rogan_gladen_interval";
    type Row = Prevalence;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Float64; 7]
    }

    fn rows() -> Rows<Prevalence> {
        Rows::new()
            .real("raw", |row: &Prevalence| row.raw)
            .real("estimate", |row| row.estimate)
            .real("lower", |row| row.lower)
            .real("upper", |row| row.upper)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Prevalence>, Failure> {
        let arguments = [0, 1, 2, 3, 4, 5, 6].map(|argument| input.column(argument).as_primitive::<Float64Type>());
        if arguments.iter().any(|argument| argument.is_null(call)) {
            return Ok(Vec::new());
        }
        let [positives, n, se_k, se_n, sp_k, sp_n, level] = arguments.map(|argument| argument.value(call));
        if !(level > 0.0 && level < 1.0) {
            return Err(format!("level must lie between 0 and 1, got {level}").into());
        }
        for (name, k, of, n) in
            [("positives", positives, "n", n), ("se_k", se_k, "se_n", se_n), ("sp_k", sp_k, "sp_n", sp_n)]
        {
            if !(n >= 0.0 && n.is_finite()) {
                return Err(format!("{of} must be a number of at least 0, got {n}").into());
            }
            if !(k >= 0.0 && k <= n) {
                return Err(format!("{name} must lie between 0 and {of} = {n}, got {k}").into());
            }
        }
        let share = |k, n| Share { k, n };
        let found = rogan_gladen(share(positives, n), share(se_k, se_n), share(sp_k, sp_n), level);
        Ok(found.into_iter().collect())
    }
}

//! The scalar kernel `muster_rogan_gladen`.

use super::table::{Column, Failure, Kind, Schema, lists, rows_of};
use crate::debias::rogan_gladen::{Prevalence, Share, rogan_gladen};
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Float64Type};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::sync::Arc;

const COLUMNS: &Schema = &[("raw", Kind::Real), ("estimate", Kind::Real), ("lower", Kind::Real), ("upper", Kind::Real)];

/// `muster_rogan_gladen(positives, n, se_k, se_n, sp_k, sp_n, level)`: a list of at most one row.
pub struct RoganGladen;

impl VArrowScalar for RoganGladen {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let arguments = [0, 1, 2, 3, 4, 5, 6].map(|argument| input.column(argument).as_primitive::<Float64Type>());
        let one = |row: usize| -> Result<Option<Prevalence>, Failure> {
            if arguments.iter().any(|argument| argument.is_null(row)) {
                return Ok(None);
            }
            let [positives, n, se_k, se_n, sp_k, sp_n, level] = arguments.map(|argument| argument.value(row));
            if !(level > 0.0 && level < 1.0) {
                return Err(format!("rogan_gladen_interval: level must lie between 0 and 1, got {level}").into());
            }
            for (name, k, of, n) in
                [("positives", positives, "n", n), ("se_k", se_k, "se_n", se_n), ("sp_k", sp_k, "sp_n", sp_n)]
            {
                if !(n >= 0.0 && n.is_finite()) {
                    return Err(format!("rogan_gladen_interval: {of} must be a number of at least 0, got {n}").into());
                }
                if !(k >= 0.0 && k <= n) {
                    return Err(
                        format!("rogan_gladen_interval: {name} must lie between 0 and {of} = {n}, got {k}").into()
                    );
                }
            }
            let share = |k, n| Share { k, n };
            Ok(rogan_gladen(share(positives, n), share(se_k, se_n), share(sp_k, sp_n), level))
        };
        let mut calls = Vec::with_capacity(input.num_rows());
        for row in 0..input.num_rows() {
            let result = one(row)?;
            let number = |of: fn(&Prevalence) -> f64| Column::Real(result.iter().map(|p| Some(of(p))).collect());
            calls.push(vec![number(|p| p.raw), number(|p| p.estimate), number(|p| p.lower), number(|p| p.upper)]);
        }
        lists(COLUMNS, calls)
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(vec![DataType::Float64; 7], rows_of(COLUMNS))]
    }
}

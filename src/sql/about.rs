//! The kernels behind `functions` and `version`.

use super::kernel::{Kernel, register as kernel};
use super::rows::{Failure, Rows};
use crate::functions::{Function, HELPERS, functions, versions};
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Functions>(connection)?;
    kernel::<Version>(connection)
}

/// `muster_functions('')`
struct Functions;

impl Kernel for Functions {
    const NAME: &'static str = "muster_functions";
    type Row = Function;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn rows() -> Rows<Function> {
        Rows::new()
            .text("name", |row: &Function| Some(&row.name))
            .text("section", |row| Some(&row.section))
            .text("kind", |row| Some(if row.table { "table" } else { "scalar" }))
            .text("signature", |row| Some(&row.signature))
            .text("description", |row| Some(&row.description))
            .text("details", |row| Some(&row.details))
            .text("example", |row| Some(&row.example))
    }

    fn call(_: &RecordBatch, _: usize) -> Result<Vec<Function>, Failure> {
        Ok(functions().into_iter().filter(|function| function.section != HELPERS).collect())
    }
}

/// `muster_version('')`
struct Version;

impl Kernel for Version {
    const NAME: &'static str = "muster_version";
    type Row = (String, String);

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn rows() -> Rows<(String, String)> {
        Rows::new().text("component", |row: &(String, String)| Some(&row.0)).text("version", |row| Some(&row.1))
    }

    fn call(_: &RecordBatch, _: usize) -> Result<Vec<(String, String)>, Failure> {
        Ok(versions())
    }
}

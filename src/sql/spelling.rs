//! The kernel that `check_inputs` compares names by.

use super::kernel::{Scalar, register as kernel};
use super::rows::Failure;
use crate::spelling::look;
use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use duckdb::arrow::datatypes::DataType;
use std::sync::Arc;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Look>(connection)
}

/// `muster_look(name)`
struct Look;

impl Scalar for Look {
    const NAME: &'static str = "muster_look";

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn returns() -> DataType {
        DataType::Utf8
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let names = input.column(0).as_string::<i32>();
        Ok(Arc::new(names.iter().map(|name| name.map(look)).collect::<StringArray>()))
    }
}

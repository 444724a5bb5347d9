//! The kernel that macros make JSON of lists and structs with.

use super::json::{Kind, parsed, rendered};
use super::kernel::{Scalar, register as kernel};
use super::rows::Failure;
use crate::interrupt;
use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use duckdb::arrow::datatypes::DataType;
use std::sync::Arc;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Nested>(connection)
}

/// `muster_nested(type, text)`: the value as JSON.
struct Nested;

impl Scalar for Nested {
    const NAME: &'static str = "muster_nested";

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Utf8]
    }

    fn returns() -> DataType {
        DataType::Utf8
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let (kinds, texts) = (input.column(0).as_string::<i32>(), input.column(1).as_string::<i32>());
        // mostly one type in all rows
        let mut last: Option<(&str, Option<Kind>)> = None;
        let mut values = Vec::with_capacity(texts.len());
        for (kind, text) in kinds.iter().map(Option::unwrap_or_default).zip(texts) {
            interrupt::check();
            if last.as_ref().is_none_or(|(known, _)| *known != kind) {
                last = Some((kind, parsed(kind)));
            }
            let kind = last.as_ref().and_then(|(_, kind)| kind.as_ref());
            values.push(text.map(|text| rendered(kind, text)));
        }
        Ok(Arc::new(StringArray::from(values)))
    }
}

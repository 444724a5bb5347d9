//! The kernels behind `lineage`; DuckDB's parser is called between the two.

use super::kernel::{Kernel, Scalar, register as kernel};
use super::rows::{Failure, Rows, list_of, text};
use crate::functions::functions;
use crate::interrupt;
use crate::lineage::{Edge, edges, parameters, queries};
use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, AsArray, ListBuilder, RecordBatch, StringBuilder};
use duckdb::arrow::datatypes::DataType;
use std::sync::Arc;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Queries>(connection)?;
    kernel::<Lineage>(connection)
}

/// `muster_lineage_queries(script)`
struct Queries;

impl Scalar for Queries {
    const NAME: &'static str = "muster_lineage_queries";

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn returns() -> DataType {
        list_of(DataType::Utf8)
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for call in 0..input.num_rows() {
            interrupt::check();
            lists.append_value(queries(text(input, 0, call)).into_iter().map(Some));
        }
        Ok(Arc::new(lists.finish()))
    }
}

/// `muster_lineage(script, parsed)`
struct Lineage;

impl Kernel for Lineage {
    const NAME: &'static str = "muster_lineage";
    type Row = Edge;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, list_of(DataType::Utf8)]
    }

    fn rows() -> Rows<Edge> {
        Rows::new()
            .text("source", |row: &Edge| row.source.as_deref())
            .text("target", |row| row.target.as_deref())
            .text("kind", |row| row.kind)
            .integer("statement", |row| row.statement)
            .integer("line", |row| row.line)
            .text("error", |row| row.error.as_deref())
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Edge>, Failure> {
        let parsed = input.column(1).as_list::<i32>().value(call);
        let parsed: Vec<&str> = parsed.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
        Ok(edges(text(input, 0, call), &parsed, &parameters(&functions())))
    }
}

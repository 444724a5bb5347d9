//! The kernels behind `lineage`; DuckDB's parser is called between the two.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, list_of, text};
use crate::functions::functions;
use crate::lineage::{Edge, edges, parameters, queries};
use duckdb::arrow::array::{Array, AsArray, ListBuilder, RecordBatch, StringBuilder};
use duckdb::arrow::datatypes::DataType;
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::sync::Arc;

/// `muster_lineage_queries(script)`
pub struct Queries;

impl VArrowScalar for Queries {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for call in 0..input.num_rows() {
            lists.append_value(queries(text(&input, 0, call)).into_iter().map(Some));
        }
        Ok(Arc::new(lists.finish()))
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(vec![DataType::Utf8], list_of(DataType::Utf8))]
    }
}

/// `muster_lineage(script, parsed)`
pub struct Lineage;

impl Kernel for Lineage {
    const NAME: &'static str = "muster_lineage";
    const COLUMNS: &'static Schema = &[
        ("source", Kind::Text),
        ("target", Kind::Text),
        ("kind", Kind::Text),
        ("statement", Kind::Integer),
        ("line", Kind::Integer),
        ("error", Kind::Text),
    ];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, list_of(DataType::Utf8)]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let parsed = input.column(1).as_list::<i32>().value(call);
        let parsed: Vec<&str> = parsed.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
        let found = edges(text(input, 0, call), &parsed, &parameters(&functions()));
        let texts = |of: fn(&Edge) -> Option<String>| Column::Text(found.iter().map(of).collect());
        let integers = |of: fn(&Edge) -> i64| Column::Integer(found.iter().map(|edge| Some(of(edge))).collect());
        Ok(vec![
            texts(|edge| edge.source.clone()),
            texts(|edge| edge.target.clone()),
            texts(|edge| edge.kind.map(str::to_string)),
            integers(|edge| edge.statement),
            integers(|edge| edge.line),
            texts(|edge| edge.error.clone()),
        ])
    }
}

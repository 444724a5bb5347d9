//! The scalar kernel `muster_affiliation`.

use super::table::{Column, Failure, Kind, Schema, lists, rows_of};
use crate::affiliation::{Category, Options, parts};
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::sync::Arc;

const COLUMNS: &Schema = &[("name", Kind::Text), ("key", Kind::Text), ("category", Kind::Text), ("term", Kind::Text)];

/// `muster_affiliation(name, options)`: the organisations that a text names.
pub struct Affiliation;

impl VArrowScalar for Affiliation {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let (names, options) = (input.column(0).as_string::<i32>(), input.column(1).as_string::<i32>());
        let mut read: Option<(&str, Options)> = None;
        let mut calls = Vec::with_capacity(input.num_rows());
        for row in 0..input.num_rows() {
            // the same text in every row
            let json = options.value(row);
            let terms = match &mut read {
                Some((text, options)) if *text == json => &options.terms,
                other => &other.insert((json, Options::parse("filter_affiliations", json)?)).1.terms,
            };
            let found = if names.is_null(row) { Vec::new() } else { parts(names.value(row), terms) };
            calls.push(vec![
                Column::Text(found.iter().map(|part| Some(part.name.clone())).collect()),
                Column::Text(found.iter().map(|part| Some(part.key.clone())).collect()),
                Column::Names(found.iter().map(|part| Category::name(part.category)).collect()),
                Column::Text(found.into_iter().map(|part| part.term).collect()),
            ]);
        }
        lists(COLUMNS, calls)
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(vec![DataType::Utf8; 2], rows_of(COLUMNS))]
    }
}

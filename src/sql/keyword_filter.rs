//! The kernel behind `keyword_filter`.

use super::table::{Failure, Kind, Schema, rows_of};
use crate::keywords::filter::{Filters, Scratch};
use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, StringBuilder, StructArray,
};
use duckdb::arrow::buffer::OffsetBuffer;
use duckdb::arrow::datatypes::{DataType, Field, Fields};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::sync::{Arc, Mutex, PoisonError};

const COLUMNS: &Schema = &[("annotator", Kind::Text), ("label", Kind::Boolean)];

/// Filters of late, by their description. A query has one of them, or a few.
type Recent = Vec<(String, Arc<Filters>)>;

const KEPT: usize = 8;

/// The compiled filters of a description.
fn compiled(json: &str) -> Result<Arc<Filters>, Failure> {
    static RECENT: Mutex<Recent> = Mutex::new(Vec::new());
    let find = |recent: &Recent| recent.iter().find(|(known, _)| known == json).map(|(_, filters)| filters.clone());
    if let Some(filters) = find(&RECENT.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(filters);
    }
    let filters = Arc::new(Filters::parse(json).map_err(|error| format!("keyword_filter: {error}"))?);
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    if find(&recent).is_none() {
        recent.insert(0, (json.to_string(), filters.clone()));
        recent.truncate(KEPT);
    }
    Ok(filters)
}

/// `muster_keyword_filter(text, filters)`: one row an annotator.
pub struct KeywordFilter;

impl VArrowScalar for KeywordFilter {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let [texts, descriptions] = [0, 1].map(|argument| input.column(argument).as_string::<i32>());
        let mut current: Option<(&str, Arc<Filters>)> = None;
        let mut scratch = Scratch::default();
        let mut annotators = StringBuilder::new();
        let mut labels = Vec::new();
        let mut lengths = Vec::with_capacity(input.num_rows());
        for (text, description) in texts.iter().zip(descriptions) {
            let description = description.unwrap_or_default();
            if current.as_ref().is_none_or(|(known, _)| *known != description) {
                current = Some((description, compiled(description)?));
            }
            let Some((_, filters)) = &current else { continue };
            filters.label(text.unwrap_or_default(), &mut scratch, &mut labels);
            filters.annotators().iter().for_each(|annotator| annotators.append_value(annotator));
            lengths.push(filters.annotators().len());
        }
        let columns: Vec<ArrayRef> = vec![Arc::new(annotators.finish()), Arc::new(BooleanArray::from(labels))];
        let fields = Fields::from(vec![
            Field::new("annotator", DataType::Utf8, true),
            Field::new("label", DataType::Boolean, true),
        ]);
        let item = Arc::new(Field::new("item", DataType::Struct(fields.clone()), true));
        let rows = StructArray::try_new(fields, columns, None)?;
        Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?))
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(vec![DataType::Utf8, DataType::Utf8], rows_of(COLUMNS))]
    }
}

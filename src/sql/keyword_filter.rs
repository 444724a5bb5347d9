//! The kernel behind `keyword_filter`.
//!
//! It works on DuckDB's vectors of texts as they come. The description of the filters, many times as long as a text, stands in
//! every row, so it is read from the first one only, unless the rows' keys say that there are several.

use super::table::{Failure, Kind, Schema, rows_of};
use crate::keywords::filter::{Filters, Scratch};
use duckdb::arrow::array::{ArrayRef, AsArray, BooleanArray, ListArray, StringBuilder, StructArray};
use duckdb::arrow::buffer::OffsetBuffer;
use duckdb::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use duckdb::core::DataChunkHandle;
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{
    WritableVector, flat_vector_to_arrow_array, to_duckdb_logical_type, write_arrow_array_to_vector,
};
use std::sync::{Arc, Mutex, PoisonError};

const COLUMNS: &Schema = &[("annotator", Kind::Text), ("label", Kind::Boolean)];

/// Filters of late, by their description. A query has one of them, or a few.
type Recent = Vec<(String, Arc<Filters>)>;

const KEPT: usize = 8;

/// What the array of the texts of a vector can hold.
const VECTOR_BYTES: i64 = i32::MAX as i64;

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

/// `muster_keyword_filter(text, filters, key, bytes)`: one row an annotator. Equal keys say that filters are equal; `bytes`
/// is the length of the text.
pub struct KeywordFilter;

impl VScalar for KeywordFilter {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Result<(), Failure> {
        let n = input.len();
        let column = |argument, rows| flat_vector_to_arrow_array(&input.flat_vector(argument), rows);
        let sizes = column(3, n)?;
        let bytes: i64 = sizes.as_primitive::<Int64Type>().values().iter().sum();
        if bytes > VECTOR_BYTES {
            return Err(format!(
                "keyword_filter: text must be at most {VECTOR_BYTES} bytes in {n} rows together, got {bytes}; \
                 cut the longest texts"
            )
            .into());
        }
        let texts = column(0, n)?;
        let texts = texts.as_string::<i32>();
        let keys = column(2, n)?;
        let keys = keys.as_primitive::<UInt64Type>().values();
        let several = keys.iter().any(|key| Some(key) != keys.first());
        let descriptions = column(1, if several { n } else { n.min(1) })?;
        let descriptions = descriptions.as_string::<i32>();

        let mut current: Option<(u64, Arc<Filters>)> = None;
        let mut scratch = Scratch::default();
        let mut annotators = StringBuilder::new();
        let mut labels = Vec::new();
        let mut lengths = Vec::with_capacity(n);
        for (row, (text, &key)) in texts.iter().zip(keys).enumerate() {
            if current.as_ref().is_none_or(|(known, _)| *known != key) {
                current = Some((key, compiled(descriptions.value(row))?));
            }
            let Some((_, filters)) = &current else { continue };
            filters.label(text.unwrap_or_default(), &mut scratch, &mut labels);
            filters.annotators().iter().for_each(|annotator| annotators.append_value(annotator));
            lengths.push(filters.annotators().len());
        }
        let columns: Vec<ArrayRef> = vec![Arc::new(annotators.finish()), Arc::new(BooleanArray::from(labels))];
        let DataType::List(item) = rows_of(COLUMNS) else { return Err("keyword_filter: rows are a list".into()) };
        let DataType::Struct(fields) = item.data_type() else { return Err("keyword_filter: a row is a struct".into()) };
        let rows = StructArray::try_new(fields.clone(), columns, None)?;
        let lists: ArrayRef =
            Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?);
        write_arrow_array_to_vector(&lists, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let duckdb = |kind: DataType| to_duckdb_logical_type(&kind).expect("a type that DuckDB has");
        let arguments = [DataType::Utf8, DataType::Utf8, DataType::UInt64, DataType::Int64].map(duckdb).into();
        vec![ScalarFunctionSignature::exact(arguments, duckdb(rows_of(COLUMNS)))]
    }
}

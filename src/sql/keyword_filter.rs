//! The kernel behind `keyword_filter`.
//!
//! It works on DuckDB's vectors of texts as they come. The description of the filters, many times as long as a text, stands in
//! every row, so it is read from the first one only, unless the rows' keys say that there are several.

use super::kernel::named;
use super::rows::{Failure, Rows};
use crate::interrupt::{self, stoppable};
use crate::keywords::filter::{Filters, Scratch};
use duckdb::Connection;
use duckdb::arrow::array::AsArray;
use duckdb::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use duckdb::core::DataChunkHandle;
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{
    WritableVector, flat_vector_to_arrow_array, to_duckdb_logical_type, write_arrow_array_to_vector,
};
use std::sync::{Arc, Mutex, PoisonError};

const NAME: &str = "muster_keyword_filter";

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    Ok(connection.register_scalar_function::<KeywordFilter>(NAME)?)
}

/// Compiled filters by their description, the latest first. A query has one of them, or a few.
type Recent = Vec<(String, Arc<Filters>)>;

/// Maximum number of compiled filters that are kept.
const KEPT: usize = 8;

/// Maximum number of bytes that the array of the texts of a vector can hold.
const VECTOR_BYTES: i64 = i32::MAX as i64;

/// The compiled filters of a description.
fn compiled(json: &str) -> Result<Arc<Filters>, Failure> {
    static RECENT: Mutex<Recent> = Mutex::new(Vec::new());
    let find = |recent: &Recent| recent.iter().find(|(known, _)| known == json).map(|(_, filters)| filters.clone());
    if let Some(filters) = find(&RECENT.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(filters);
    }
    let filters = Arc::new(Filters::parse(json)?);
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    if find(&recent).is_none() {
        recent.insert(0, (json.to_string(), filters.clone()));
        recent.truncate(KEPT);
    }
    Ok(filters)
}

/// The label of a text by a filter.
struct Labelled {
    /// The filters of the row's description, and the place of the one that says it.
    filters: Arc<Filters>,
    filter: usize,
    label: bool,
}

fn rows() -> Rows<Labelled> {
    Rows::new()
        .text("annotator", |row: &Labelled| Some(&row.filters.annotators()[row.filter]))
        .boolean("label", |row| row.label)
}

fn label(input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Result<(), Failure> {
    let n = input.len();
    let column = |argument, rows| flat_vector_to_arrow_array(&input.flat_vector(argument), rows);
    let sizes = column(3, n)?;
    let bytes: i64 = sizes.as_primitive::<Int64Type>().values().iter().sum();
    if bytes > VECTOR_BYTES {
        return Err(format!(
            "text must be at most {VECTOR_BYTES} bytes in {n} rows together, got {bytes}; cut the longest texts"
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
    let mut labels = Vec::new();
    let mut labelled = Vec::new();
    let mut lengths = Vec::with_capacity(n);
    for (row, (text, &key)) in texts.iter().zip(keys).enumerate() {
        if current.as_ref().is_none_or(|(known, _)| *known != key) {
            current = Some((key, compiled(descriptions.value(row))?));
        }
        interrupt::check();
        let Some((_, filters)) = &current else { continue };
        labels.clear();
        filters.label(text.unwrap_or_default(), &mut scratch, &mut labels);
        lengths.push(labels.len());
        let each = labels.iter().enumerate();
        labelled.extend(each.map(|(filter, &label)| Labelled { filters: filters.clone(), filter, label }));
    }
    write_arrow_array_to_vector(&rows().lists(lengths, &labelled)?, output)
}

/// `muster_keyword_filter(text, filters, key, bytes)`: one row an annotator. Equal keys say that filters are equal; `bytes`
/// is the length of the text.
struct KeywordFilter;

impl VScalar for KeywordFilter {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Result<(), Failure> {
        let labelled = stoppable(|| label(input, output)).unwrap_or_else(|interrupted| Err(interrupted.into()));
        labelled.map_err(|error| named(NAME, None, &error))
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let duckdb = |kind: DataType| to_duckdb_logical_type(&kind).expect("a type that DuckDB has");
        let arguments = [DataType::Utf8, DataType::Utf8, DataType::UInt64, DataType::Int64].map(duckdb).into();
        vec![ScalarFunctionSignature::exact(arguments, duckdb(rows().data_type()))]
    }
}

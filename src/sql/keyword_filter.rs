//! The kernel behind `keyword_filter`.
//!
//! It reads texts where DuckDB's vectors have them, without a copy. The description of the filters, many times as long as a text,
//! stands in every row, so it is read from the first one only, unless the rows' keys say that there are several.

use super::kernel::named;
use super::rows::{Failure, Rows};
use crate::interrupt::{self, stoppable};
use crate::keywords::filter::{Filters, Scratch};
use duckdb::Connection;
use duckdb::arrow::array::AsArray;
use duckdb::arrow::datatypes::{DataType, UInt64Type};
use duckdb::core::{DataChunkHandle, FlatVector};
use duckdb::ffi::duckdb_string_t;
use duckdb::types::DuckString;
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
    let texts = input.flat_vector(0);
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
    for (row, (&(mut text), &key)) in slots(&texts, n).iter().zip(keys).enumerate() {
        if current.as_ref().is_none_or(|(known, _)| *known != key) {
            current = Some((key, compiled(descriptions.value(row))?));
        }
        interrupt::check();
        let Some((_, filters)) = &current else { continue };
        labels.clear();
        // a slot of NULL holds anything
        let bytes = if texts.row_is_null(row as u64) { &[] } else { DuckString::new(&mut text).as_bytes() };
        filters.label(bytes, &mut scratch, &mut labels);
        lengths.push(labels.len());
        let each = labels.iter().enumerate();
        labelled.extend(each.map(|(filter, &label)| Labelled { filters: filters.clone(), filter, label }));
    }
    write_arrow_array_to_vector(&rows().lists(lengths, &labelled)?, output)
}

/// The slots of a vector of texts of `n` rows; binding and Arrow have only copies.
#[allow(unsafe_code)]
fn slots<'v>(texts: &'v FlatVector, n: usize) -> &'v [duckdb_string_t] {
    // SAFETY: the argument is a VARCHAR by the signature, so its slots are `duckdb_string_t`; DuckDB has set those of its `n` rows, and
    // nobody writes them during the call.
    unsafe { texts.as_slice_with_len::<duckdb_string_t>(n) }
}

/// `muster_keyword_filter(text, filters, key)`: one row an annotator. Equal keys say that filters are equal.
struct KeywordFilter;

impl VScalar for KeywordFilter {
    type State = ();

    fn invoke(_: &(), input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Result<(), Failure> {
        let labelled = stoppable(|| label(input, output)).unwrap_or_else(|interrupted| Err(interrupted.into()));
        labelled.map_err(|error| named(NAME, None, &error))
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let duckdb = |kind: DataType| to_duckdb_logical_type(&kind).expect("a type that DuckDB has");
        let arguments = [DataType::Utf8, DataType::Utf8, DataType::UInt64].map(duckdb).into();
        vec![ScalarFunctionSignature::exact(arguments, duckdb(rows().data_type()))]
    }
}

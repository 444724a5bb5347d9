//! The kernels behind `llm_annotate`, `llm_plan`, `llm_usage`, `llm_store` and `llm_import`.
//!
//! All are volatile: they ask servers, or read a store that changes. Texts are taken a whole vector at once, so that their
//! requests are in flight together, and so are the rows of an import, which share a transaction.

use super::kernel::Kernel;
use super::llm_settings::{SettingsError, settings};
use super::table::{Column, Failure, Kind, Schema, rows, rows_of, split, text, text_at};
use crate::llm::annotate::{Annotated, annotate};
use crate::llm::publish::{Planned, import, is_substitute, plan};
use crate::llm::run::find;
use crate::llm::store::{Record, Spent, open};
use crate::options::Options;
use crate::store;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::path::PathBuf;
use std::sync::Arc;

/// The texts that the macro hands over.
const TEXTS: &Schema = &[("text", Kind::Text)];

/// The texts of one call.
fn texts(input: &RecordBatch, call: usize) -> Vec<Option<String>> {
    let rows = rows(input, 0, call);
    (0..rows.len()).map(|row| text_at(&rows, 0, row)).collect()
}

fn column<T>(rows: &[T], field: impl Fn(&T) -> Option<String>) -> Column {
    Column::Text(rows.iter().map(field).collect())
}

fn integers<T>(rows: &[T], field: impl Fn(&T) -> Option<i64>) -> Column {
    Column::Integer(rows.iter().map(field).collect())
}

fn reals<T>(rows: &[T], field: impl Fn(&T) -> Option<f64>) -> Column {
    Column::Real(rows.iter().map(field).collect())
}

fn booleans<T>(rows: &[T], field: impl Fn(&T) -> Option<bool>) -> Column {
    Column::Boolean(rows.iter().map(field).collect())
}

/// The error of a function with its name in front, which errors of options bring along.
fn named<E: Into<SettingsError>>(caller: &'static str) -> impl Fn(E) -> Failure {
    move |error| match error.into() {
        SettingsError::Option(error) => error.into(),
        error => format!("{caller}: {error}").into(),
    }
}

fn count(tokens: Option<u64>) -> Option<i64> {
    tokens.map(|n| n as i64)
}

/// `muster_llm_annotate(texts, options, run)`
pub struct Annotate;

impl Annotate {
    const COLUMNS: &'static Schema = &[
        ("annotator", Kind::Text),
        ("label", Kind::Boolean),
        ("requested_model", Kind::Text),
        ("model", Kind::Text),
        ("reason", Kind::Text),
        ("error", Kind::Text),
        ("finish", Kind::Text),
        ("attempts", Kind::Integer),
        ("input_tokens", Kind::Integer),
        ("output_tokens", Kind::Integer),
        ("cost_usd", Kind::Real),
        ("cached", Kind::Boolean),
        ("request_hash", Kind::Text),
        ("_muster_at", Kind::Integer),
    ];

    /// All columns but the last.
    fn columns(rows: &[Annotated]) -> Vec<Column> {
        vec![
            column(rows, |r| Some(r.annotator.clone())),
            booleans(rows, |r| r.outcome.label),
            column(rows, |r| Some(r.requested_model.clone())),
            column(rows, |r| r.outcome.model.clone()),
            column(rows, |r| r.outcome.reason.clone()),
            column(rows, |r| r.outcome.error.clone()),
            column(rows, |r| r.outcome.finish.clone()),
            integers(rows, |r| Some(i64::from(r.outcome.attempts))),
            integers(rows, |r| count(r.outcome.usage.input)),
            integers(rows, |r| count(r.outcome.usage.output)),
            reals(rows, |r| r.outcome.cost_usd),
            booleans(rows, |r| Some(r.cached)),
            column(rows, |r| r.request_hash.clone()),
        ]
    }
}

impl VArrowScalar for Annotate {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let caller = "llm_annotate";
        let vector = Vector::read(&input, |options, id, texts| {
            let run = find(id, options, || settings(caller, options, true)).map_err(named(caller))?;
            annotate(&run, texts).map_err(named(caller))
        })?;
        let mut columns = Self::columns(&vector.rows);
        columns.push(Column::Integer(vector.positions));
        split(Self::COLUMNS, vector.lengths, columns)
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        let arguments = vec![rows_of(TEXTS), DataType::Utf8, DataType::Utf8];
        vec![ArrowFunctionSignature::exact(arguments, rows_of(Self::COLUMNS))]
    }
}

/// The rows of all calls of a vector, each call with a list of texts.
struct Vector<T> {
    rows: Vec<T>,
    /// Rows of each call.
    lengths: Vec<usize>,
    /// Which text of its call a row is about, from 1.
    positions: Vec<Option<i64>>,
}

impl<T> Vector<T> {
    /// Hands all texts to `make` at once; it gives the same number of rows for each of them.
    fn read(
        input: &RecordBatch,
        make: impl Fn(&str, &str, &[Option<&str>]) -> Result<Vec<T>, Failure>,
    ) -> Result<Vector<T>, Failure> {
        let calls = input.num_rows();
        let mut vector = Vector { rows: Vec::new(), lengths: Vec::with_capacity(calls), positions: Vec::new() };
        let mut from = 0;
        while from < calls {
            let (options, run) = (text(input, 1, from), text(input, 2, from));
            // one statement has one run and one set of options; should they change, they are taken in turn
            let same = |call: usize| text(input, 2, call) == run && text(input, 1, call) == options;
            let to = (from + 1..calls).find(|call| !same(*call)).unwrap_or(calls);
            let given: Vec<Vec<Option<String>>> = (from..to).map(|call| texts(input, call)).collect();
            let flat: Vec<Option<&str>> = given.iter().flatten().map(Option::as_deref).collect();
            let rows = make(options, run, &flat)?;
            let each = rows.len().checked_div(flat.len()).unwrap_or(0);
            vector.lengths.extend(given.iter().map(|texts| texts.len() * each));
            let positions =
                given.iter().flat_map(|texts| (0..texts.len() * each).map(|row| Some((row / each + 1) as i64)));
            vector.positions.extend(positions);
            vector.rows.extend(rows);
            from = to;
        }
        Ok(vector)
    }
}

/// `muster_llm_plan(texts, options, '')`
pub struct Plan;

impl Plan {
    const COLUMNS: &'static Schema = &[
        ("_muster_annotator", Kind::Text),
        ("_muster_provider", Kind::Text),
        ("_muster_model", Kind::Text),
        ("_muster_hash", Kind::Text),
        ("_muster_stored", Kind::Boolean),
        ("_muster_input", Kind::Real),
        ("_muster_output", Kind::Real),
        ("_muster_cost", Kind::Real),
        ("_muster_rpm", Kind::Real),
        ("_muster_tpm", Kind::Real),
        ("_muster_concurrency", Kind::Integer),
        ("_muster_at", Kind::Integer),
    ];
}

impl VArrowScalar for Plan {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let caller = "llm_plan";
        let vector = Vector::read(&input, |options, _, texts| {
            let settings = settings(caller, options, false).map_err(named(caller))?;
            plan(&settings, texts).map_err(named(caller))
        })?;
        let rows: &[Planned] = &vector.rows;
        let columns = vec![
            column(rows, |r| Some(r.annotator.clone())),
            column(rows, |r| Some(r.provider.to_string())),
            column(rows, |r| Some(r.model.clone())),
            column(rows, |r| r.request_hash.clone()),
            booleans(rows, |r| Some(r.stored)),
            reals(rows, |r| Some(r.input_tokens)),
            reals(rows, |r| Some(r.output_tokens)),
            reals(rows, |r| r.cost_usd),
            reals(rows, |r| r.requests_per_minute),
            reals(rows, |r| r.tokens_per_minute),
            integers(rows, |r| Some(r.concurrency as i64)),
            integers(rows, |r| Some(r.position as i64)),
        ];
        split(Self::COLUMNS, vector.lengths, columns)
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        let arguments = vec![rows_of(TEXTS), DataType::Utf8, DataType::Utf8];
        vec![ArrowFunctionSignature::exact(arguments, rows_of(Self::COLUMNS))]
    }
}

/// The file of the store, from the options of a function that has no others.
fn store_path(caller: &'static str, json: &str) -> Result<PathBuf, Failure> {
    let mut options = Options::parse(caller, json)?;
    let path = store::path(options.text("store").as_deref()).map_err(named(caller))?;
    options.finish()?;
    Ok(path)
}

/// `muster_llm_usage(options)`
pub struct Usage;

impl Kernel for Usage {
    const NAME: &'static str = "muster_llm_usage";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema = &[
        ("provider", Kind::Text),
        ("base_url", Kind::Text),
        ("requested_model", Kind::Text),
        ("model", Kind::Text),
        ("substituted", Kind::Boolean),
        ("answers", Kind::Integer),
        ("failures", Kind::Integer),
        ("input_tokens", Kind::Integer),
        ("cached_tokens", Kind::Integer),
        ("output_tokens", Kind::Integer),
        ("reasoning_tokens", Kind::Integer),
        ("cost_usd", Kind::Real),
        ("first_at", Kind::Integer),
        ("last_at", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let rows: Vec<Spent> = open(&store_path("llm_usage", text(input, 0, call))?)
            .and_then(|store| store.usage())
            .map_err(named("llm_usage"))?;
        Ok(vec![
            column(&rows, |r| Some(r.provider.clone())),
            column(&rows, |r| Some(r.base_url.clone())),
            column(&rows, |r| Some(r.requested_model.clone())),
            column(&rows, |r| r.model.clone()),
            booleans(&rows, |r| Some(is_substitute(&r.requested_model, r.model.as_deref()))),
            integers(&rows, |r| Some(r.answers)),
            integers(&rows, |r| Some(r.failures)),
            integers(&rows, |r| r.input_tokens),
            integers(&rows, |r| r.cached_tokens),
            integers(&rows, |r| r.output_tokens),
            integers(&rows, |r| r.reasoning_tokens),
            reals(&rows, |r| r.cost_usd),
            integers(&rows, |r| Some(r.first_ms)),
            integers(&rows, |r| Some(r.last_ms)),
        ])
    }
}

/// `muster_llm_store_pages(options)`
pub struct StorePages;

impl Kernel for StorePages {
    const NAME: &'static str = "muster_llm_store_pages";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema = &[("_muster_page", Kind::Integer)];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let pages = open(&store_path("llm_store", text(input, 0, call))?)
            .and_then(|store| store.pages())
            .map_err(named("llm_store"))?;
        Ok(vec![Column::Integer((0..pages).map(Some).collect())])
    }
}

/// `muster_llm_store(options, page)`
pub struct Store;

impl Kernel for Store {
    const NAME: &'static str = "muster_llm_store";
    const VOLATILE: bool = true;
    const COLUMNS: &'static Schema = &[
        ("request_hash", Kind::Text),
        ("provider", Kind::Text),
        ("base_url", Kind::Text),
        ("requested_model", Kind::Text),
        ("model", Kind::Text),
        ("label", Kind::Boolean),
        ("answer", Kind::Text),
        ("reason", Kind::Text),
        ("finish", Kind::Text),
        ("attempts", Kind::Integer),
        ("batch", Kind::Boolean),
        ("input_tokens", Kind::Integer),
        ("cached_tokens", Kind::Integer),
        ("output_tokens", Kind::Integer),
        ("reasoning_tokens", Kind::Integer),
        ("cost_usd", Kind::Real),
        ("request_id", Kind::Text),
        ("answered_at", Kind::Integer),
        ("request", Kind::Text),
        ("response", Kind::Text),
    ];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Int64]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let page = input.column(1).as_primitive::<Int64Type>().value(call);
        let rows: Vec<Record> = open(&store_path("llm_store", text(input, 0, call))?)
            .and_then(|store| store.page(page))
            .map_err(named("llm_store"))?;
        Ok(vec![
            column(&rows, |r| Some(r.request_hash.clone())),
            column(&rows, |r| Some(r.provider.clone())),
            column(&rows, |r| Some(r.base_url.clone())),
            column(&rows, |r| Some(r.requested_model.clone())),
            column(&rows, |r| r.outcome.model.clone()),
            booleans(&rows, |r| r.outcome.label),
            column(&rows, |r| r.outcome.word.clone()),
            column(&rows, |r| r.outcome.reason.clone()),
            column(&rows, |r| r.outcome.finish.clone()),
            integers(&rows, |r| Some(i64::from(r.outcome.attempts))),
            booleans(&rows, |r| Some(r.outcome.batch)),
            integers(&rows, |r| count(r.outcome.usage.input)),
            integers(&rows, |r| count(r.outcome.usage.cached)),
            integers(&rows, |r| count(r.outcome.usage.output)),
            integers(&rows, |r| count(r.outcome.usage.reasoning)),
            reals(&rows, |r| r.outcome.cost_usd),
            column(&rows, |r| r.outcome.request_id.clone()),
            integers(&rows, |r| Some(r.answered_ms)),
            column(&rows, |r| Some(r.request.clone())),
            column(&rows, |r| Some(r.response.clone())),
        ])
    }
}

/// `muster_llm_import(record, options)`
pub struct Import;

impl Import {
    const COLUMNS: &'static Schema = &[("imported", Kind::Boolean)];
}

impl VArrowScalar for Import {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let calls = input.num_rows();
        let records: Vec<&str> = (0..calls).map(|call| text(&input, 0, call)).collect();
        let fresh = match calls {
            0 => Vec::new(),
            _ => import(&store_path("llm_import", text(&input, 1, 0))?, &records).map_err(named("llm_import"))?,
        };
        split(Self::COLUMNS, vec![1; calls], vec![Column::Boolean(fresh.into_iter().map(Some).collect())])
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        let arguments = vec![DataType::Utf8, DataType::Utf8];
        vec![ArrowFunctionSignature::exact(arguments, rows_of(Self::COLUMNS))]
    }
}

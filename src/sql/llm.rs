//! The kernels behind `llm_annotate`, `llm_plan`, `llm_usage`, `llm_store` and `llm_import`.
//!
//! All are volatile: they ask servers, or read a store that changes. Texts are taken a whole vector at once, so that
//! their requests are in flight together, and an import takes rows vector by vector and shows them at its end. A database that
//! is closed to files and the network closes all of them.

use super::kernel::{Kernel, VectorKernel, register as kernel};
use super::llm_settings::settings;
use super::options::{self, Options, runs};
use super::rows::{Failure, Listed, Rows, list, listed, text};
use crate::llm::annotate::{Annotated, annotate};
use crate::llm::publish::{Planned, end_import, import, is_substitute, plan};
use crate::llm::run::find;
use crate::llm::store::{Record, Spent, open};
use crate::store;
use duckdb::Connection;
use duckdb::arrow::array::{AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};
use std::path::PathBuf;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Annotate>(connection)?;
    kernel::<Plan>(connection)?;
    kernel::<Usage>(connection)?;
    kernel::<StorePages>(connection)?;
    kernel::<Store>(connection)?;
    kernel::<Import>(connection)?;
    kernel::<ImportEnd>(connection)
}

listed! {
    /// A text that is asked about.
    struct Text<'l> {
        text: Option<&'l str>,
    }
}

/// `muster_llm_annotate(texts, options, run)`
struct Annotate;

impl VectorKernel for Annotate {
    const NAME: &'static str = "muster_llm_annotate";
    const VOLATILE: bool = true;
    type Row = Row<Annotated>;

    fn arguments() -> Vec<DataType> {
        vec![Text::data_type(), options::kind(), DataType::Utf8]
    }

    fn rows() -> Rows<Row<Annotated>> {
        Rows::new()
            .text("annotator", |row: &Row<Annotated>| Some(&row.of.annotator))
            .boolean("label", |row| row.of.outcome.label)
            .text("requested_model", |row| Some(&row.of.requested_model))
            .text("model", |row| row.of.outcome.model.as_deref())
            .text("reason", |row| row.of.outcome.reason.as_deref())
            .text("error", |row| row.of.outcome.error.as_deref())
            .text("finish", |row| row.of.outcome.finish.as_deref())
            .integer("attempts", |row| row.of.outcome.attempts)
            .integer("input_tokens", |row| row.of.outcome.usage.input)
            .integer("output_tokens", |row| row.of.outcome.usage.output)
            .real("cost_usd", |row| row.of.outcome.cost_usd)
            .boolean("cached", |row| row.of.cached)
            .text("request_hash", |row| row.of.request_hash.as_deref())
            .real("p_yes", |row| row.of.outcome.p_yes)
            .integer("_muster_at", |row| row.text)
    }

    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<Row<Annotated>>), Failure> {
        taken(input, |options, id, texts| {
            let run = find(id, &options.key(), || settings(options, true))?;
            Ok(annotate(&run, texts)?)
        })
    }
}

/// A row about a text of its call.
struct Row<T> {
    /// The number of the text, from 1.
    text: usize,
    of: T,
}

/// The rows of all calls of a vector, each call with a list of texts: `make` is given all texts of a run at once, and
/// makes the same number of rows for each of them.
fn taken<T>(
    input: &RecordBatch,
    make: impl Fn(Options, &str, &[Option<&str>]) -> Result<Vec<T>, Failure>,
) -> Result<(Vec<usize>, Vec<Row<T>>), Failure> {
    let (mut lengths, mut rows) = (Vec::with_capacity(input.num_rows()), Vec::new());
    // one statement has one run and one set of options; should they change, they are taken in turn
    for calls in runs(input, 1) {
        let mut from = calls.start;
        while from < calls.end {
            let run = text(input, 2, from);
            let to = (from + 1..calls.end).find(|call| text(input, 2, *call) != run).unwrap_or(calls.end);
            let lists: Vec<_> = (from..to).map(|call| list(input, 0, call)).collect();
            let given = lists.iter().map(Text::rows).collect::<Result<Vec<_>, _>>()?;
            let flat: Vec<Option<&str>> = given.iter().flatten().map(|row| row.text).collect();
            let options = Options::read(input, 1, from)?;
            options.outside()?;
            let made = make(options, run, &flat)?;
            let each = made.len().checked_div(flat.len()).unwrap_or(0);
            lengths.extend(given.iter().map(|texts| texts.len() * each));
            let numbers = given.iter().flat_map(|texts| (0..texts.len() * each).map(|row| row / each + 1));
            rows.extend(numbers.zip(made).map(|(text, of)| Row { text, of }));
            from = to;
        }
    }
    Ok((lengths, rows))
}

/// `muster_llm_plan(texts, options, '')`
struct Plan;

impl VectorKernel for Plan {
    const NAME: &'static str = "muster_llm_plan";
    const VOLATILE: bool = true;
    type Row = Row<Planned>;

    fn arguments() -> Vec<DataType> {
        vec![Text::data_type(), options::kind(), DataType::Utf8]
    }

    fn rows() -> Rows<Row<Planned>> {
        Rows::new()
            .text("_muster_annotator", |row: &Row<Planned>| Some(&row.of.annotator))
            .text("_muster_provider", |row| Some(row.of.provider))
            .text("_muster_model", |row| Some(&row.of.model))
            .text("_muster_hash", |row| row.of.request_hash.as_deref())
            .boolean("_muster_stored", |row| row.of.stored)
            .real("_muster_input", |row| row.of.input_tokens)
            .real("_muster_output", |row| row.of.output_tokens)
            .real("_muster_cost", |row| row.of.cost_usd)
            .real("_muster_rpm", |row| row.of.requests_per_minute)
            .real("_muster_tpm", |row| row.of.tokens_per_minute)
            .integer("_muster_concurrency", |row| row.of.concurrency)
            .integer("_muster_at", |row| row.of.position)
    }

    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<Row<Planned>>), Failure> {
        taken(input, |options, _, texts| Ok(plan(&settings(options, false)?, texts)?))
    }
}

/// The path of the store, from the options of a function that has no others.
fn store_path(input: &RecordBatch, argument: usize, call: usize) -> Result<PathBuf, Failure> {
    let mut options = Options::read(input, argument, call)?;
    options.outside()?;
    let path = store::path(options.text("store").as_deref())?;
    options.finish()?;
    Ok(path)
}

/// `muster_llm_usage(options)`
struct Usage;

impl Kernel for Usage {
    const NAME: &'static str = "muster_llm_usage";
    const VOLATILE: bool = true;
    type Row = Spent;

    fn arguments() -> Vec<DataType> {
        vec![options::kind()]
    }

    fn rows() -> Rows<Spent> {
        Rows::new()
            .text("provider", |row: &Spent| Some(&row.provider))
            .text("base_url", |row| Some(&row.base_url))
            .text("requested_model", |row| Some(&row.requested_model))
            .text("model", |row| row.model.as_deref())
            .boolean("substituted", |row| is_substitute(&row.requested_model, row.model.as_deref()))
            .integer("answers", |row| row.answers)
            .integer("failures", |row| row.failures)
            .integer("input_tokens", |row| row.input_tokens)
            .integer("cached_tokens", |row| row.cached_tokens)
            .integer("output_tokens", |row| row.output_tokens)
            .integer("reasoning_tokens", |row| row.reasoning_tokens)
            .real("cost_usd", |row| row.cost_usd)
            .integer("first_at", |row| row.first_ms)
            .integer("last_at", |row| row.last_ms)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Spent>, Failure> {
        Ok(open(&store_path(input, 0, call)?)?.usage()?)
    }
}

/// `muster_llm_store_pages(options)`
struct StorePages;

impl Kernel for StorePages {
    const NAME: &'static str = "muster_llm_store_pages";
    const VOLATILE: bool = true;
    type Row = i64;

    fn arguments() -> Vec<DataType> {
        vec![options::kind()]
    }

    fn rows() -> Rows<i64> {
        Rows::new().integer("_muster_page", |row: &i64| *row)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<i64>, Failure> {
        Ok((0..open(&store_path(input, 0, call)?)?.pages()?).collect())
    }
}

/// `muster_llm_store(options, page)`
struct Store;

impl Kernel for Store {
    const NAME: &'static str = "muster_llm_store";
    const VOLATILE: bool = true;
    type Row = Record;

    fn arguments() -> Vec<DataType> {
        vec![options::kind(), DataType::Int64]
    }

    fn rows() -> Rows<Record> {
        Rows::new()
            .text("request_hash", |row: &Record| Some(&row.request_hash))
            .text("provider", |row| Some(&row.provider))
            .text("base_url", |row| Some(&row.base_url))
            .text("requested_model", |row| Some(&row.requested_model))
            .text("model", |row| row.outcome.model.as_deref())
            .boolean("label", |row| row.outcome.label)
            .text("answer", |row| row.outcome.word.as_deref())
            .real("p_yes", |row| row.outcome.p_yes)
            .text("reason", |row| row.outcome.reason.as_deref())
            .text("finish", |row| row.outcome.finish.as_deref())
            .integer("attempts", |row| row.outcome.attempts)
            .boolean("batch", |row| row.outcome.batch)
            .integer("input_tokens", |row| row.outcome.usage.input)
            .integer("cached_tokens", |row| row.outcome.usage.cached)
            .integer("output_tokens", |row| row.outcome.usage.output)
            .integer("reasoning_tokens", |row| row.outcome.usage.reasoning)
            .real("cost_usd", |row| row.outcome.cost_usd)
            .text("request_id", |row| row.outcome.request_id.as_deref())
            .integer("answered_at", |row| row.answered_ms)
            .text("request", |row| Some(&row.request))
            .text("response", |row| Some(&row.response))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Record>, Failure> {
        let page = input.column(1).as_primitive::<Int64Type>().value(call);
        Ok(open(&store_path(input, 0, call)?)?.page(page)?)
    }
}

/// `muster_llm_import(record, options, run)`
struct Import;

impl VectorKernel for Import {
    const NAME: &'static str = "muster_llm_import";
    const VOLATILE: bool = true;
    type Row = bool;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, options::kind(), DataType::Utf8]
    }

    fn rows() -> Rows<bool> {
        Rows::new().boolean("imported", |row: &bool| *row)
    }

    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<bool>), Failure> {
        let calls = input.num_rows();
        let records: Vec<&str> = (0..calls).map(|call| text(input, 0, call)).collect();
        let fresh = match calls {
            0 => Vec::new(),
            _ => import(&store_path(input, 1, 0)?, text(input, 2, 0), &records)?,
        };
        Ok((vec![1; calls], fresh))
    }
}

/// `muster_llm_import_end(answers, imported, options, run)`: the end of an import, with the counts that were made of it.
struct ImportEnd;

impl Kernel for ImportEnd {
    const NAME: &'static str = "muster_llm_import_end";
    const VOLATILE: bool = true;
    type Row = (i64, i64);

    fn arguments() -> Vec<DataType> {
        vec![DataType::Int64, DataType::Int64, options::kind(), DataType::Utf8]
    }

    fn rows() -> Rows<(i64, i64)> {
        Rows::new().integer("answers", |row: &(i64, i64)| row.0).integer("imported", |row| row.1)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<(i64, i64)>, Failure> {
        store_path(input, 2, call)?;
        end_import(text(input, 3, call))?;
        let count = |argument: usize| input.column(argument).as_primitive::<Int64Type>().value(call);
        Ok(vec![(count(0), count(1))])
    }
}

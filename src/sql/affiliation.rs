//! The kernel behind `filter_affiliations`.

use super::kernel::{VectorKernel, register as kernel};
use super::options::{self, Options, runs};
use super::rows::{Failure, Rows};
use crate::affiliation::{Category, Part, Term, Terms, parts};
use crate::interrupt;
use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use serde_json::Value;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Affiliation>(connection)
}

/// The terms of the option `terms`, a list of {category, kind, term}, beside the built-in ones. `keep` is checked
/// as well; what is kept is chosen in SQL, after spellings have been put together.
fn terms(mut options: Options) -> Result<Terms, Failure> {
    let mut json = |name| options.json(name).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or(Value::Null);
    let (keep, given): (Value, Value) = (json("keep"), json("terms"));
    options.finish()?;
    let wrong =
        |name: &str, allowed: String, value: &Value| Failure::from(format!("{name} {allowed}, got {}", shown(value)));
    let kept = keep.as_array().ok_or_else(|| wrong("keep", "must be a list of categories".to_string(), &keep))?;
    if let Some(unknown) = kept.iter().find(|category| category.as_str().and_then(Category::of).is_none()) {
        let names = Category::ALL.map(|(name, _)| format!("'{name}'")).join(", ");
        return Err(wrong("keep", format!("must hold only {names}"), unknown));
    }
    let mut terms = Terms::standard().clone();
    let list = match &given {
        Value::Null => return Ok(terms),
        Value::Array(list) => list,
        _ => return Err(wrong("terms", "must be a list of {category, kind, term}".to_string(), &given)),
    };
    for (item, number) in list.iter().zip(1..) {
        let text = |field: &str| {
            let must = "terms must be a list of {category, kind, term}, all texts";
            item[field].as_str().ok_or_else(|| format!("{must}, got {} as number {number}", shown(item)))
        };
        let term = Term { category: text("category")?, kind: text("kind")?, term: text("term")? };
        terms.add(&term).map_err(|problem| format!("terms number {number}: {problem}"))?;
    }
    Ok(terms)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_string(),
        Value::String(text) => format!("'{text}'"),
        json => json.to_string(),
    }
}

/// `muster_affiliation(name, options)`: the organisations that a text names.
struct Affiliation;

impl VectorKernel for Affiliation {
    const NAME: &'static str = "muster_affiliation";
    type Row = Part;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, options::kind()]
    }

    fn rows() -> Rows<Part> {
        Rows::new()
            .text("name", |row: &Part| Some(&row.name))
            .text("key", |row| Some(&row.key))
            .text("category", |row| Some(row.category.name()))
            .text("term", |row| row.term.as_deref())
    }

    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<Part>), Failure> {
        let names = input.column(0).as_string::<i32>();
        let (mut lengths, mut rows) = (Vec::with_capacity(input.num_rows()), Vec::new());
        for run in runs(input, 1) {
            let terms = terms(Options::read(input, 1, run.start)?)?;
            for call in run {
                interrupt::check();
                let found = if names.is_null(call) { Vec::new() } else { parts(names.value(call), &terms) };
                lengths.push(found.len());
                rows.extend(found);
            }
        }
        Ok((lengths, rows))
    }
}

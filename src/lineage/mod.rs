//! Which tables a SQL script makes of which.
//!
//! DuckDB's own parser reads the queries, as JSON (`json_serialize_sql`), so every query of its dialect is read as it will be
//! run. It serialises queries only. What stands around them (`CREATE TABLE … AS`, `INSERT INTO …`, `COPY … TO`) is cut off here,
//! by tokens, and what is cut is turned into queries with the same sources: `UPDATE t SET a = b FROM u` into `SELECT a = b FROM u`.
//!
//! Two steps, because the parser is called in between: [`queries`] of a script, then [`edges`] of the same script and the JSON of each query.

mod parsed;
mod relations;
mod statements;
mod tokens;

pub use relations::{Parameters, parameters};

use parsed::Reader;
use statements::{Role, parts};
use std::collections::BTreeMap;

/// One row: something that a statement reads, and what it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub statement: i64,
    pub line: i64,
    /// `None` with an error.
    pub source: Option<String>,
    /// `None` with an error in a statement of which not even that is known.
    pub target: Option<String>,
    pub kind: Option<&'static str>,
    pub error: Option<String>,
}

/// The queries of a script for DuckDB's parser.
pub fn queries(script: &str) -> Vec<String> {
    parts(script).into_iter().map(|part| part.sql).collect()
}

/// The edges of a script. `parsed` holds what `json_serialize_sql` says of each of [`queries`]; `functions` the parameters
/// of table functions that are known without a definition in the script.
pub fn edges(script: &str, parsed: &[&str], functions: &BTreeMap<String, Parameters>) -> Vec<Edge> {
    let mut reader = Reader::new(functions);
    let mut edges = Vec::new();
    let mut path = None;
    for (part, json) in parts(script).into_iter().zip(parsed) {
        let read = match &part.error {
            Some(error) => Err(error.clone()),
            None => reader.read(&part, json),
        };
        if part.role == Role::Target {
            // where the next part of the same statement writes to
            path = read.as_ref().ok().and_then(|read| read.values.first().cloned());
        }
        let target = match &part.target {
            Some(target) => Some(reader.spelled(target.clone())),
            None => path.clone().filter(|_| part.kind == Some("copy to")),
        };
        let row = |source, error| Edge {
            statement: part.statement,
            line: part.line,
            source,
            target: target.clone(),
            kind: part.kind,
            error,
        };
        match read {
            Err(error) => edges.push(row(None, Some(error))),
            Ok(read) if target.is_some() && part.role != Role::Target => {
                edges.extend(read.sources.into_iter().map(|source| row(Some(source), None)));
            }
            Ok(_) => {}
        }
    }
    // what could not be read stands behind the other rows of its statement
    edges.sort_by(|a, b| {
        let key = |edge: &Edge| (edge.statement, edge.error.is_some(), edge.source.clone());
        key(a).cmp(&key(b))
    });
    edges.dedup();
    edges
}

//! Lineage of a SQL script: the relations that each statement reads and writes.
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

pub(crate) use relations::{Parameters, parameters};

use crate::interrupt;
use parsed::Reader;
use statements::{Role, parts};
use std::collections::BTreeMap;

/// Relation that a statement reads, with the one that it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) statement: i64,
    pub(crate) line: i64,
    /// Relation that is read; `None` with an error.
    pub(crate) source: Option<String>,
    /// Relation that is written; `None` with an error in a statement of which not even that is known.
    pub(crate) target: Option<String>,
    pub(crate) kind: Option<&'static str>,
    pub(crate) error: Option<String>,
}

/// Queries of a script, for DuckDB's parser.
pub(crate) fn queries(script: &str) -> Vec<String> {
    parts(script).into_iter().map(|part| part.sql).collect()
}

/// Edges of a script. `parsed` holds what `json_serialize_sql` says of each of [`queries`]; `functions` the parameters
/// of table functions that are known without a definition in the script.
pub(crate) fn edges(script: &str, parsed: &[&str], functions: &BTreeMap<String, Parameters>) -> Vec<Edge> {
    let mut reader = Reader::new(functions);
    let mut edges = Vec::new();
    let mut path = None;
    for (part, json) in parts(script).into_iter().zip(parsed) {
        interrupt::check();
        let read = match &part.error {
            Some(error) => Err(error.clone()),
            None => reader.read(&part, json),
        };
        if part.role == Role::Target {
            // the file that the next part of the same statement writes to
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
    // errors stand behind the other rows of their statement
    edges.sort_by(|a, b| {
        let key = |edge: &Edge| (edge.statement, edge.error.is_some(), edge.source.clone());
        key(a).cmp(&key(b))
    });
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The JSON of `FROM t` in the form of DuckDB 1.5 and of 2.0.
    const FROM_T: [&str; 2] = [
        r#"{"error":false,"statements":[{"node":{"type":"SELECT_NODE","from_table":{"type":"BASE_TABLE","table_name":"t"}}}]}"#,
        r#"{"error":false,"statements":[{"node":{"type":"SELECT_NODE","from_table":{"type":"BASE_TABLE","table_name":"t","qualified_name":{"path":["s","t"]}}}}]}"#,
    ];

    #[test]
    fn each_query_is_an_edge_or_an_error() {
        let script = "CREATE TABLE a AS FROM t;\n\nFROM t; INSERT INTO a FROM";
        assert_eq!(queries(script), ["FROM t", "FROM t", "FROM"]);
        // files with byte-order marks, put together
        assert_eq!(queries("\u{feff}CREATE TABLE a AS FROM t;\u{feff}\nFROM t"), ["FROM t", "FROM t"]);
        let wrong = r#"{"error":true,"error_message":"syntax error\nmore"}"#;
        let found = edges(script, &[FROM_T[0], FROM_T[1], wrong], &BTreeMap::new());
        let edge = |statement, line, source: Option<&str>, kind, error: Option<&str>| Edge {
            statement,
            line,
            source: source.map(str::to_string),
            target: Some("a".to_string()),
            kind: Some(kind),
            error: error.map(str::to_string),
        };
        assert_eq!(
            found,
            [edge(1, 1, Some("t"), "create table", None), edge(3, 3, None, "insert", Some("syntax error"))]
        );
        assert_eq!(edges("CREATE TABLE a AS FROM t", &[FROM_T[1]], &BTreeMap::new())[0].source.as_deref(), Some("s.t"));
    }

    /// Scripts made of what matters to the cutter.
    fn scripts() -> impl Strategy<Value = String> {
        let words = prop::sample::select(vec![
            "SELECT",
            "FROM",
            "WITH",
            "AS",
            "(",
            ")",
            ",",
            ";",
            "'",
            "\"",
            "$$",
            "--",
            "/*",
            "*/",
            "\n",
            ".",
            "a",
            "t",
            "CREATE",
            "TABLE",
            "VIEW",
            "MACRO",
            "INSERT",
            "INTO",
            "UPDATE",
            "SET",
            "DELETE",
            "USING",
            "MERGE",
            "ON",
            "COPY",
            "TO",
            "'x.csv'",
            "PIVOT",
            "UNION",
            "VALUES",
            "1",
            ":=",
            "e'",
            "$t$",
            "EXPLAIN",
            "ANALYZE",
            "PREPARE",
            "VARIABLE",
            "ALTER",
            "RENAME",
            "BY",
            "CONFLICT",
            "RETURNING",
            "RECURSIVE",
            "é",
            "WHERE",
            "[",
            "]",
            "DATA",
            "NO",
            "KEY",
        ]);
        prop::collection::vec(words, 0..30).prop_map(|words| words.join(" "))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn nothing_panics(script in scripts(), json in prop::sample::select(vec![FROM_T[0], FROM_T[1], "", "[", "{}", "null"])) {
            let queries = queries(&script);
            let parsed = vec![json; queries.len()];
            for edge in edges(&script, &parsed, &BTreeMap::new()) {
                prop_assert!(edge.source.is_some() != edge.error.is_some());
                prop_assert!(edge.error.is_some() || edge.target.is_some());
            }
        }

        #[test]
        fn any_text_is_read(script in "\\PC*") {
            queries(&script);
        }
    }
}

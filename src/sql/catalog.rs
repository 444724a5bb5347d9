//! The attached catalog of macros: made at LOAD, once a database.

use super::rows::Failure;
use crate::functions::{calls, functions, in_order_of_calls, qualified};
use duckdb::Connection;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The name of the attached catalog.
const CATALOG: &str = "muster";

/// The comment on this macro tells our catalog from a user's database of the same name.
const MARKER: &str = "functions";

/// Registers the kernels and attaches the catalog; what a failing step has attached is detached again.
///
/// Several databases of one process may load at once, and one database from several connections: the
/// calls go one after the other, and a catalog that is already ours is left alone.
///
/// # Errors
///
/// Where another database has the name of the catalog, and what the database says.
pub(super) fn install(
    connection: &Connection,
    register: impl Fn(&Connection) -> Result<(), Failure>,
) -> Result<(), Failure> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if attached(connection)? {
        if is_ours(connection)? {
            return Ok(());
        }
        return Err(format!(
            "muster: a database named {CATALOG} is attached already, and the extension needs that name for its catalog; \
             DETACH it, or attach it under another name (ATTACH 'file' AS other), and LOAD again"
        )
        .into());
    }
    register(connection)?;
    connection.execute_batch(&format!("ATTACH ':memory:' AS {CATALOG} (READ_WRITE)"))?;
    if let Err(error) = create_macros(connection) {
        connection.execute_batch(&format!("DETACH {CATALOG}"))?;
        return Err(error);
    }
    Ok(())
}

fn attached(connection: &Connection) -> Result<bool, Failure> {
    let sql = "SELECT count(*) > 0 FROM duckdb_databases() WHERE database_name = ?";
    Ok(connection.query_row(sql, [CATALOG], |row| row.get(0))?)
}

fn is_ours(connection: &Connection) -> Result<bool, Failure> {
    let ours = functions().into_iter().find(|f| f.name == MARKER).map(|f| f.description);
    let sql = "SELECT count(*) > 0 FROM duckdb_functions() \
               WHERE database_name = ? AND function_name = ? AND comment = ? AND internal = false";
    Ok(connection.query_row(sql, [CATALOG, MARKER, &ours.unwrap_or_default()], |row| row.get(0))?)
}

/// The empty table that optional relations default to. Its column must compare with profile ids of any type.
const NONE: &str = "CREATE TABLE muster.main._muster_none (profile_id VARCHAR)";

/// Whether the json extension is there. It is not asked for by a call, which would load it, or fetch it.
fn has_json(connection: &Connection) -> Result<bool, Failure> {
    let sql = "SELECT count(*) > 0 FROM duckdb_functions() WHERE function_name = 'to_json'";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// The names of DuckDB's functions and of the kernels.
fn built_in(connection: &Connection) -> Result<HashSet<String>, Failure> {
    let sql =
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE database_name = 'system' AND schema_name = 'main'";
    let mut names = connection.prepare(sql)?;
    let names = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>();
    Ok(names?)
}

fn create_macros(connection: &Connection) -> Result<(), Failure> {
    connection.execute_batch(NONE)?;
    let (json, built_in) = (has_json(connection)?, built_in(connection)?);
    let functions = functions();
    for function in in_order_of_calls(&calls(&functions)).into_iter().map(|at| &functions[at]) {
        let sql = if function.json && !json { function.without_json() } else { function.sql.clone() };
        connection.execute_batch(&qualified(&sql, |name| built_in.contains(name)))?;
        let kind = if function.table { "MACRO TABLE" } else { "MACRO" };
        let comment = function.description.replace('\'', "''");
        connection.execute_batch(&format!("COMMENT ON {kind} {CATALOG}.main.{} IS '{comment}'", function.name))?;
    }
    Ok(())
}

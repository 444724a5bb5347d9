//! muster: a DuckDB extension that counts experts.
//!
//! Three layers. `sql/*.sql` holds the table functions as macros, run at LOAD in an attached catalog; `src/sql/` the
//! kernels they call, which translate between Arrow and plain Rust; everything else is the engine, which
//! knows nothing of the database.
//!
//! Unsafe code is denied but in three places: the entry point, which the binding makes, `linalg::product`, which hands
//! pointers to the matrix product, and `interrupt`, which takes the place of a signal's handler and puts it back.

mod affiliation;
#[doc(hidden)]
pub mod bench;
mod cluster;
mod debias;
mod diagnostics;
mod embed;
mod entry;
mod env;
mod functions;
mod hash;
mod hosts;
mod interrupt;
mod keywords;
mod linalg;
mod lineage;
mod llm;
mod parallel;
mod plot;
mod probit;
mod process;
mod progress;
mod random;
mod simulate;
mod spelling;
mod sql;
mod stats;
mod store;
mod synthetic;
mod web;

/// Reference values for tests, from `test/oracle/`.
#[cfg(test)]
fn oracle(file: &str) -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/test/oracle/");
    serde_json::from_str(&std::fs::read_to_string(format!("{path}{file}")).unwrap()).unwrap()
}

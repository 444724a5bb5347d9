//! The entry point that DuckDB calls at LOAD. Unsafe code is allowed here for the binding, which makes it from this function.
#![allow(unsafe_code, unreachable_pub)]

use duckdb::Connection;
use std::backtrace::Backtrace;
use std::error::Error;
use std::io::Write;

/// Installs the extension through a connection of its own.
///
/// # Safety
///
/// Called by the binding with a live database.
#[duckdb_loadable_macros::duckdb_entrypoint_c_api(ext_name = "muster", min_duckdb_version = "v1.2.0")]
pub unsafe fn extension_entrypoint(connection: Connection) -> Result<(), Box<dyn Error>> {
    // a panic becomes an SQL error in the binding; its place is for the user's terminal only where the user asks
    std::panic::set_hook(Box::new(|panic| {
        if crate::env::BACKTRACE.is("1") {
            // not eprintln, which panics where standard error is closed
            let _ = writeln!(std::io::stderr(), "muster: {panic}\n{}", Backtrace::force_capture());
        }
    }));
    crate::sql::install(&connection)
}

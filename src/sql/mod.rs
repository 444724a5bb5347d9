//! The extension's side of the database: kernels and the attached catalog of macros.

mod about;
mod affiliation;
mod catalog;
mod cluster;
mod counts;
mod dawid_skene;
mod diagnostics;
mod discriminative;
mod embed;
mod json;
mod kernel;
mod keyword_filter;
mod keywords;
mod lineage;
mod llm;
mod llm_settings;
mod log_debias;
mod nested;
mod normal;
mod options;
mod plot;
mod probit;
mod rogan_gladen;
mod rows;
mod simulate;
mod spelling;
mod synthetic;

use duckdb::Connection;
use rows::Failure;

type Register = fn(&Connection) -> Result<(), Failure>;

/// Registration of the kernels of each module that has some.
const REGISTER: [Register; 20] = [
    about::register,
    affiliation::register,
    cluster::register,
    dawid_skene::register,
    diagnostics::register,
    discriminative::register,
    embed::register,
    keyword_filter::register,
    keywords::register,
    lineage::register,
    llm::register,
    log_debias::register,
    nested::register,
    normal::register,
    plot::register,
    probit::register,
    rogan_gladen::register,
    simulate::register,
    spelling::register,
    synthetic::register,
];

/// Makes the kernels and the catalog of a database.
///
/// # Errors
///
/// Where the database has a catalog of that name which is not ours, and what the database says.
pub(crate) fn install(connection: &Connection) -> Result<(), Failure> {
    catalog::install(connection, |connection| REGISTER.iter().try_for_each(|register| register(connection)))
}

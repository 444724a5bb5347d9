//! The extension's side of the database: kernels and the attached catalog of macros.

mod about;
mod affiliation;
mod cluster;
mod counts;
mod dawid_skene;
mod diagnostics;
mod discriminative;
mod embed;
mod kernel;
mod keyword_filter;
mod keywords;
mod lineage;
mod llm;
mod llm_settings;
mod log_debias;
mod normal;
mod plot;
mod probit;
mod rogan_gladen;
mod simulate;
mod synthetic;
mod table;

use crate::functions::functions;
use duckdb::Connection;
use kernel::{Bound, Kernel, Volatile};
use std::sync::{Mutex, PoisonError};
use table::Failure;

/// The name of the attached catalog.
const CATALOG: &str = "muster";

/// The comment on this macro tells our catalog from a user's database of the same name.
const MARKER: &str = "functions";

/// Registers the kernels and attaches the catalog; what a failing step has attached is detached again.
///
/// Several databases of one process may load at once, and one database from several connections: the
/// calls go one after the other, and a catalog that is already ours is left alone.
pub fn install(connection: &Connection) -> Result<(), Failure> {
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

fn register(connection: &Connection) -> Result<(), Failure> {
    fn kernel<K: Kernel>(connection: &Connection) -> Result<(), Failure> {
        if K::VOLATILE {
            connection.register_scalar_function::<Volatile<Bound<K>>>(K::NAME)?;
        } else {
            connection.register_scalar_function::<Bound<K>>(K::NAME)?;
        }
        Ok(())
    }
    kernel::<probit::FitProbitBootstrap>(connection)?;
    kernel::<probit::ProbitModel>(connection)?;
    kernel::<probit::ProbitPosterior>(connection)?;
    kernel::<probit::AnnotatorMetrics>(connection)?;
    kernel::<probit::AnnotatorCorrelations>(connection)?;
    kernel::<simulate::SimulateProfiles>(connection)?;
    kernel::<simulate::SimulateRatings>(connection)?;
    kernel::<simulate::SimulateTruth>(connection)?;
    kernel::<log_debias::LogDebiasEstimate>(connection)?;
    kernel::<dawid_skene::DawidSkene>(connection)?;
    kernel::<dawid_skene::DawidSkeneAnnotators>(connection)?;
    kernel::<dawid_skene::DawidSkeneModel>(connection)?;
    kernel::<diagnostics::CovarianceDiagnostic>(connection)?;
    kernel::<diagnostics::DriftSummary>(connection)?;
    kernel::<diagnostics::PosteriorPredictiveCheck>(connection)?;
    kernel::<diagnostics::PosteriorPredictiveCounts>(connection)?;
    kernel::<diagnostics::PriorSensitivity>(connection)?;
    kernel::<synthetic::Synthetic>(connection)?;
    kernel::<synthetic::SyntheticAdjustment>(connection)?;
    kernel::<keywords::KeybertSettings>(connection)?;
    kernel::<keywords::TfidfKeywords>(connection)?;
    kernel::<keywords::StopWords>(connection)?;
    kernel::<discriminative::DiscriminativeKeywords>(connection)?;
    kernel::<discriminative::KeywordScores>(connection)?;
    kernel::<cluster::Cluster>(connection)?;
    kernel::<lineage::Lineage>(connection)?;
    kernel::<llm::Usage>(connection)?;
    kernel::<llm::StorePages>(connection)?;
    kernel::<llm::Store>(connection)?;
    kernel::<about::Functions>(connection)?;
    kernel::<about::Version>(connection)?;
    connection.register_scalar_function::<affiliation::Affiliation>("muster_affiliation")?;
    connection.register_scalar_function::<embed::Embed>("muster_embed")?;
    connection.register_scalar_function::<keyword_filter::KeywordFilter>("muster_keyword_filter")?;
    connection.register_scalar_function::<keywords::KeybertKeywords>("muster_keybert_keywords")?;
    connection.register_scalar_function::<lineage::Queries>("muster_lineage_queries")?;
    connection.register_scalar_function::<Volatile<llm::Annotate>>("muster_llm_annotate")?;
    connection.register_scalar_function::<Volatile<llm::Plan>>("muster_llm_plan")?;
    connection.register_scalar_function::<Volatile<llm::Import>>("muster_llm_import")?;
    connection.register_scalar_function::<normal::Orthant>("muster_orthant")?;
    connection.register_scalar_function::<normal::Tetrachoric>("muster_tetrachoric")?;
    plot::register(connection)?;
    connection.register_scalar_function::<rogan_gladen::RoganGladen>("muster_rogan_gladen")?;
    Ok(())
}

/// The empty table that optional relations default to. Its column must compare with profile ids of any type.
const NONE: &str = "CREATE TABLE muster.main._muster_none (profile_id VARCHAR)";

fn create_macros(connection: &Connection) -> Result<(), Failure> {
    connection.execute_batch(NONE)?;
    for function in functions() {
        connection.execute_batch(&function.sql)?;
        let kind = if function.table { "MACRO TABLE" } else { "MACRO" };
        let comment = function.description.replace('\'', "''");
        connection.execute_batch(&format!("COMMENT ON {kind} {CATALOG}.main.{} IS '{comment}'", function.name))?;
    }
    Ok(())
}

//! Why an annotation ends with an error. What befalls single rows is no error: it stands in their `error` column.

use crate::options::OptionError;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{caller}: {name} must {allowed}, got {value}")]
    Argument { caller: &'static str, name: &'static str, allowed: String, value: String },
    #[error(
        "{caller}: model '{model}' needs a key in the environment variable {variable}; \
         set it before the process starts (SQL never carries a key)"
    )]
    NoKey { caller: &'static str, model: String, variable: String },
    #[error(
        "{caller}: model '{model}' has the base URL {url}, which is not encrypted; use https, or allow_http := true \
         (a server of this machine needs neither)"
    )]
    NotEncrypted { caller: &'static str, model: String, url: String },
    #[error("{caller}: host {host} of model '{model}' is not in MUSTER_ALLOWED_HOSTS ({allowed})")]
    NotAllowed { caller: &'static str, model: String, host: String, allowed: String },
    #[error("{caller}: max_cost_usd needs the price of model '{model}'; give it in prices, or leave max_cost_usd out")]
    NoPrice { caller: &'static str, model: String },
    #[error(
        "llm_annotate: replay := true, but {missing} of {asked} answers looked up are not in the store {store}; \
         the first is request {hash} of model '{model}'"
    )]
    NotStored { missing: usize, asked: usize, store: String, hash: String, model: String },
    #[error(
        "llm_annotate: {failed} of {done} rows failed, more than max_error_ratio := {ratio} allows; the last: {last}. \
         What was answered is stored, and the same statement run again asks only for the rest"
    )]
    TooManyErrors { failed: u64, done: u64, ratio: f64, last: String },
    #[error(
        "llm_annotate: interrupted; the {answered} answers received in this statement are stored, and the same \
         statement run again asks only for the rest"
    )]
    Interrupted { answered: u64 },
    #[error("llm_annotate: answers cannot be written to the store: {message}")]
    NotWritten { message: String },
    #[error("{message}")]
    Broken { message: String },
    #[error("llm_annotate: cannot start: {message}")]
    Start { message: String },
    #[error("llm_import: row {row}: {message}")]
    Import { row: String, message: String },
}

//! Reasons why a call ends with an error. Failures of single rows are none: they stand in their `error` column.

use crate::store::StoreError;

/// Reason why there are no rows. Displays as a sentence without the name of the function that was called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LlmError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "replay := true, but {missing} of {asked} answers looked up are not in the store {store}; \
         the first is request {hash} of model '{model}'"
    )]
    NotStored { missing: usize, asked: usize, store: String, hash: String, model: String },
    #[error(
        "{failed} of {done} rows failed, more than max_error_ratio := {ratio} allows; the last: {last}. \
         What was answered is stored, and the same statement run again asks only for the rest"
    )]
    TooManyErrors { failed: u64, done: u64, ratio: f64, last: String },
    #[error(
        "interrupted; the {answered} answers received in this statement are stored, and the same \
         statement run again asks only for the rest"
    )]
    Interrupted { answered: u64 },
    #[error(
        "answers cannot be written to the store '{store}': {message}. {unwritten} of them are kept in memory and tried again \
         as long as this process lives"
    )]
    NotWritten { store: String, message: String, unwritten: usize },
    #[error(
        "store '{store}' cannot be written, so nothing is asked: {message}. What it holds is read by replay := true"
    )]
    CannotAsk { store: String, message: String },
    #[error("{message}")]
    Broken { message: String },
    #[error("cannot start: {message}")]
    Start { message: String },
    #[error("row {row}: {message}. Nothing was imported")]
    Import { row: String, message: String },
    #[error("another row of this import was refused. Nothing was imported")]
    ImportRefused,
}

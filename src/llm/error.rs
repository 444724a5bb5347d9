//! Reasons why a call ends with an error. Failures of single rows are none: they stand in their `error` column.

use crate::store::StoreError;

/// Why there are no rows. Displays as a sentence without the name of the function that was called.
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
    #[error("answers cannot be written to the store: {message}")]
    NotWritten { message: String },
    #[error("{message}")]
    Broken { message: String },
    #[error("cannot start: {message}")]
    Start { message: String },
    #[error("row {row}: {message}")]
    Import { row: String, message: String },
}

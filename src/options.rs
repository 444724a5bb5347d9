//! The options of a call, until every reader of them is in `src/sql`.

pub use crate::sql::options::{OptionError, Options};

//! A successful response, as every provider means it.

use super::prices::Usage;
use super::schema::Verdict;
use serde_json::Value;

/// Answer of a model, as far as there is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The model that answered, as the server names it.
    pub model: Option<String>,
    pub request_id: Option<String>,
    /// Reason why the model stopped, in the provider's own word.
    pub finish: Option<String>,
    pub usage: Usage,
    /// Verdict of the model, or the reason why there is none.
    pub said: Result<Verdict, String>,
}

/// Number of tokens in a body.
pub(crate) fn tokens(value: &Value) -> Option<u64> {
    value.as_u64()
}

/// Text in a body.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

//! RoBERTa ([Liu et al. 2019](https://arxiv.org/abs/1907.11692)), XLM-RoBERTa and CamemBERT: BERT with positions that count from
//! behind the token of padding.

use super::bert::{BertConfig, KEYS, WEIGHTS};
use crate::embed::error::EmbedError;
use crate::embed::json::Json;
use serde_json::Value;

/// The configuration of a RoBERTa or a relative of it.
///
/// # Errors
///
/// For a configuration that cannot be computed.
pub(crate) fn config(json: &Json) -> Result<BertConfig, EmbedError> {
    let pad_token_id = json.get("pad_token_id").and_then(Value::as_u64).unwrap_or(1) as usize;
    BertConfig::read(json, &KEYS, &WEIGHTS, Some(pad_token_id))
}

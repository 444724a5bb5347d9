//! MPNet ([Song et al. 2020](https://arxiv.org/abs/2004.09297)): a BERT without token types, whose positions count as in RoBERTa and
//! whose attention knows the [distance](super::distance) of two tokens; one bias for all layers.

use super::bert::{self, BertConfig, KEYS, WeightNames};
use super::distance::BUCKETS;
use crate::embed::error::EmbedError;
use crate::embed::json::Json;

const WEIGHTS: WeightNames = WeightNames {
    token_type_embeddings: None,
    query: "attention.attn.q",
    key: "attention.attn.k",
    value: "attention.attn.v",
    attention_output: "attention.attn.o",
    attention_layer_norm: "attention.LayerNorm",
    relative_attention_bias: Some("encoder.relative_attention_bias.weight"),
    ..bert::WEIGHTS
};

/// Token of padding that positions count from, whatever `config.json` says.
const PADDING: usize = 1;

/// The configuration of an MPNet.
///
/// # Errors
///
/// For a configuration that cannot be computed.
pub(crate) fn config(json: &Json) -> Result<BertConfig, EmbedError> {
    let buckets = json.optional_whole("relative_attention_num_buckets")?.unwrap_or(BUCKETS);
    if buckets != BUCKETS {
        return Err(json.invalid("relative_attention_num_buckets", &format!("be {BUCKETS}"), &buckets.into()));
    }
    BertConfig::read(json, &KEYS, &WEIGHTS, Some(PADDING))
}

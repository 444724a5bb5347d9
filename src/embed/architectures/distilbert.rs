//! DistilBERT ([Sanh et al. 2019](https://arxiv.org/abs/1910.01108)): a BERT without token types, in names of its own.

use super::bert::{self, BertConfig, Keys, WeightNames};
use crate::embed::error::EmbedError;
use crate::embed::json::Json;

const KEYS: Keys = Keys {
    hidden_size: "dim",
    intermediate_size: "hidden_dim",
    num_hidden_layers: "n_layers",
    num_attention_heads: "n_heads",
    hidden_act: "activation",
};

const WEIGHTS: WeightNames = WeightNames {
    token_type_embeddings: None,
    layer: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attention_output: "attention.out_lin",
    attention_layer_norm: "sa_layer_norm",
    intermediate: "ffn.lin1",
    output: "ffn.lin2",
    output_layer_norm: "output_layer_norm",
    ..bert::WEIGHTS
};

/// The configuration of a DistilBERT.
///
/// # Errors
///
/// For a configuration that cannot be computed.
pub(crate) fn config(json: &Json) -> Result<BertConfig, EmbedError> {
    BertConfig::read(json, &KEYS, &WEIGHTS, None)
}

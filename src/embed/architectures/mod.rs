//! Architectures of transformers, one file each.
//!
//! * `bert`: BERT, and the parts that its relatives share with it;
//! * `distilbert` and `roberta`: their differences from BERT;
//! * `mpnet`: its difference from BERT, with `distance`, the bias by the distance of tokens;
//! * `mistral`: Mistral;
//! * `modernbert`: ModernBERT.
//!
//! The fields of configurations are called what `config.json` calls them, and weights what the model files call them.

pub(crate) mod bert;
pub(crate) mod distance;
pub(crate) mod mistral;
pub(crate) mod modernbert;

mod distilbert;
mod mpnet;
mod roberta;

use super::batches::BATCH;
use super::error::EmbedError;
use super::json::Json;
use super::model2vec::MODEL_TYPE;
use bert::BertConfig;
use mistral::MistralConfig;
use modernbert::ModernBertConfig;

/// Configuration of a transformer.
#[derive(Debug)]
pub(crate) enum Config {
    Bert(BertConfig),
    Mistral(MistralConfig),
    ModernBert(ModernBertConfig),
}

type Read = fn(&Json) -> Result<Config, EmbedError>;

/// Each `model_type` that can be computed, with the reader of its configuration.
const MODEL_TYPES: [(&str, Read); 8] = [
    ("bert", |json| bert::config(json).map(Config::Bert)),
    ("camembert", |json| roberta::config(json).map(Config::Bert)),
    ("distilbert", |json| distilbert::config(json).map(Config::Bert)),
    ("mistral", |json| mistral::config(json).map(Config::Mistral)),
    ("modernbert", |json| modernbert::config(json).map(Config::ModernBert)),
    ("mpnet", |json| mpnet::config(json).map(Config::Bert)),
    ("roberta", |json| roberta::config(json).map(Config::Bert)),
    ("xlm-roberta", |json| roberta::config(json).map(Config::Bert)),
];

impl Config {
    /// The configuration of a `config.json`.
    ///
    /// # Errors
    ///
    /// For a `model_type` that is none of those above, and for a configuration that cannot be computed.
    pub(crate) fn read(json: &Json) -> Result<Config, EmbedError> {
        let model_type = json.text("model_type", "")?;
        match MODEL_TYPES.iter().find(|(name, _)| *name == model_type) {
            Some((_, read)) => read(json),
            None => {
                let mut names: Vec<&str> = MODEL_TYPES.iter().map(|(name, _)| *name).chain([MODEL_TYPE]).collect();
                names.sort_unstable();
                Err(json.invalid("model_type", &format!("be one of {}", names.join(", ")), &model_type.into()))
            }
        }
    }

    /// Length of the vector of a token.
    pub(crate) fn hidden_size(&self) -> usize {
        match self {
            Config::Bert(config) => config.hidden_size,
            Config::Mistral(config) => config.hidden_size,
            Config::ModernBert(config) => config.hidden_size,
        }
    }

    /// Number of tokens that have a vector.
    pub(crate) fn vocab_size(&self) -> usize {
        match self {
            Config::Bert(config) => config.vocab_size,
            Config::Mistral(config) => config.vocab_size,
            Config::ModernBert(config) => config.vocab_size,
        }
    }

    /// Bound on the memory, in bytes, for a batch with a text of `tokens` tokens: vectors, inner layer, scores of the attention.
    pub(crate) fn workspace(&self, tokens: usize) -> u128 {
        let (hidden, inner, heads) = match self {
            Config::Bert(config) => (config.hidden_size, config.intermediate_size, config.num_attention_heads),
            Config::Mistral(config) => config.widths(),
            Config::ModernBert(config) => config.widths(),
        };
        let [n, hidden, inner, heads] = [tokens.max(BATCH), hidden, inner, heads].map(|size| size as u128);
        size_of::<f32>() as u128 * n * (5 * hidden + 2 * inner + heads * n)
    }

    /// Maximum number of tokens of a text.
    pub(crate) fn max_tokens(&self) -> usize {
        match self {
            Config::Bert(config) => config.max_tokens(),
            Config::Mistral(config) => config.max_position_embeddings,
            Config::ModernBert(config) => config.max_position_embeddings,
        }
    }
}

//! Architectures of transformers, one file each.
//!
//! * `bert`: BERT, and the parts that its relatives share with it;
//! * `distilbert` and `roberta`: their differences from BERT;
//! * `mistral`: Mistral.
//!
//! The fields of configurations are called what `config.json` calls them, and weights what the model files call them.

pub(crate) mod bert;
pub(crate) mod mistral;

mod distilbert;
mod roberta;

use super::batches::BATCH;
use super::error::EmbedError;
use super::json::Json;
use bert::BertConfig;
use mistral::MistralConfig;

/// Configuration of a transformer.
#[derive(Debug)]
pub(crate) enum Config {
    Bert(BertConfig),
    Mistral(MistralConfig),
}

type Read = fn(&Json) -> Result<Config, EmbedError>;

/// Each `model_type` that can be computed, with the reader of its configuration.
const MODEL_TYPES: [(&str, Read); 6] = [
    ("bert", |json| bert::config(json).map(Config::Bert)),
    ("camembert", |json| roberta::config(json).map(Config::Bert)),
    ("distilbert", |json| distilbert::config(json).map(Config::Bert)),
    ("mistral", |json| mistral::config(json).map(Config::Mistral)),
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
                let names = MODEL_TYPES.map(|(name, _)| name).join(", ");
                Err(json.invalid("model_type", &format!("be one of {names}"), &model_type.into()))
            }
        }
    }

    /// Length of the vector of a token.
    pub(crate) fn hidden_size(&self) -> usize {
        match self {
            Config::Bert(config) => config.hidden_size,
            Config::Mistral(config) => config.hidden_size,
        }
    }

    /// Number of tokens that have a vector.
    pub(crate) fn vocab_size(&self) -> usize {
        match self {
            Config::Bert(config) => config.vocab_size,
            Config::Mistral(config) => config.vocab_size,
        }
    }

    /// Bound on the memory, in bytes, for a batch with a text of `tokens` tokens: vectors, inner layer, scores of the attention.
    pub(crate) fn workspace(&self, tokens: usize) -> u128 {
        let (hidden, inner, heads) = match self {
            Config::Bert(config) => (config.hidden_size, config.intermediate_size, config.num_attention_heads),
            Config::Mistral(config) => config.widths(),
        };
        let [n, hidden, inner, heads] = [tokens.max(BATCH), hidden, inner, heads].map(|size| size as u128);
        size_of::<f32>() as u128 * n * (5 * hidden + 2 * inner + heads * n)
    }

    /// Maximum number of tokens of a text.
    pub(crate) fn max_tokens(&self) -> usize {
        match self {
            Config::Bert(config) => config.max_tokens(),
            Config::Mistral(config) => config.max_position_embeddings,
        }
    }
}

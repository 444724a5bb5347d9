//! BERT ([Devlin et al. 2019](https://arxiv.org/abs/1810.04805)), with n tokens whose vectors X is (n x h):
//!
//! ```text
//! X = norm(word + position + type)
//! each layer:  Q K V = X W + b
//!              A = softmax(Q Kᵀ / √d) V          for each head, d = h / heads
//!              X = norm(X + A W + b)
//!              X = norm(X + GELU(X W + b) W + b)
//! ```
//!
//! This is the configuration, and the encoder over `candle`. [`packed`](super::super::packed) computes the same on the processor.

use super::distance::{BUCKETS, DistanceBias};
use crate::embed::error::EmbedError;
use crate::embed::json::Json;
use crate::embed::tensors::{LayerNorm, Linear, attention, by_head, joined, right_padding_mask};
use crate::embed::weights::Tensors;
use crate::interrupt;
use candle_core::{DType, Tensor};
use serde_json::Value;

/// Keys of `config.json` that a family has names of its own for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) hidden_size: &'static str,
    pub(crate) intermediate_size: &'static str,
    pub(crate) num_hidden_layers: &'static str,
    pub(crate) num_attention_heads: &'static str,
    pub(crate) hidden_act: &'static str,
}

/// Keys of BERT.
pub(crate) const KEYS: Keys = Keys {
    hidden_size: "hidden_size",
    intermediate_size: "intermediate_size",
    num_hidden_layers: "num_hidden_layers",
    num_attention_heads: "num_attention_heads",
    hidden_act: "hidden_act",
};

/// Names of the weights of a family; those of a layer stand behind `layer` and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightNames {
    pub(crate) word_embeddings: &'static str,
    pub(crate) position_embeddings: &'static str,
    pub(crate) token_type_embeddings: Option<&'static str>,
    pub(crate) embeddings_layer_norm: &'static str,
    pub(crate) layer: &'static str,
    pub(crate) query: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
    pub(crate) attention_output: &'static str,
    pub(crate) attention_layer_norm: &'static str,
    pub(crate) intermediate: &'static str,
    pub(crate) output: &'static str,
    pub(crate) output_layer_norm: &'static str,
    /// Bias of the attention by distance (buckets x heads), for all layers.
    pub(crate) relative_attention_bias: Option<&'static str>,
}

/// Names of the weights of BERT.
pub(crate) const WEIGHTS: WeightNames = WeightNames {
    word_embeddings: "embeddings.word_embeddings.weight",
    position_embeddings: "embeddings.position_embeddings.weight",
    token_type_embeddings: Some("embeddings.token_type_embeddings.weight"),
    embeddings_layer_norm: "embeddings.LayerNorm",
    layer: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_layer_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_layer_norm: "output.LayerNorm",
    relative_attention_bias: None,
};

impl WeightNames {
    /// The name of `part` in layer `number`.
    pub(crate) fn in_layer(&self, number: usize, part: &str) -> String {
        format!("{}.{number}.{part}", self.layer)
    }
}

/// Configuration of a BERT or a relative.
#[derive(Debug, Clone)]
pub(crate) struct BertConfig {
    pub(crate) weights: WeightNames,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) vocab_size: usize,
    /// Number of rows of the table of positions, the unused ones at its beginning included.
    pub(crate) max_position_embeddings: usize,
    /// RoBERTa's token of padding: it has the row of its own number, and the others count from the next one on.
    pad_token_id: Option<usize>,
    pub(crate) type_vocab_size: usize,
    pub(crate) layer_norm_eps: f64,
}

/// The configuration of a BERT.
///
/// # Errors
///
/// For a configuration that cannot be computed.
pub(crate) fn config(json: &Json) -> Result<BertConfig, EmbedError> {
    BertConfig::read(json, &KEYS, &WEIGHTS, None)
}

impl BertConfig {
    /// The configuration of a BERT or a relative; `pad_token_id` where positions count as in RoBERTa.
    ///
    /// # Errors
    ///
    /// For a configuration that cannot be computed.
    pub(crate) fn read(
        json: &Json,
        keys: &Keys,
        weights: &WeightNames,
        pad_token_id: Option<usize>,
    ) -> Result<BertConfig, EmbedError> {
        let config = BertConfig {
            weights: *weights,
            hidden_size: json.whole(keys.hidden_size)?,
            intermediate_size: json.whole(keys.intermediate_size)?,
            num_hidden_layers: json.whole(keys.num_hidden_layers)?,
            num_attention_heads: json.whole(keys.num_attention_heads)?,
            vocab_size: json.whole("vocab_size")?,
            max_position_embeddings: json.whole("max_position_embeddings")?,
            pad_token_id,
            type_vocab_size: json.optional_whole("type_vocab_size")?.unwrap_or(1),
            layer_norm_eps: json.real("layer_norm_eps", 1e-12)?,
        };
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            let allowed = format!("divide {}, {}", keys.hidden_size, config.hidden_size);
            return Err(json.invalid(keys.num_attention_heads, &allowed, &config.num_attention_heads.into()));
        }
        if config.first_position() >= config.max_position_embeddings {
            return Err(json.invalid("pad_token_id", "leave positions for tokens", &json.value["pad_token_id"]));
        }
        let activation = json.text(keys.hidden_act, "gelu")?;
        if activation != "gelu" {
            return Err(json.invalid(keys.hidden_act, "be gelu", &activation.into()));
        }
        let positions = json.text("position_embedding_type", "absolute")?;
        if positions != "absolute" {
            return Err(json.invalid("position_embedding_type", "be absolute", &positions.into()));
        }
        if json.flag("is_decoder", false)? {
            return Err(json.invalid("is_decoder", "be false", &Value::Bool(true)));
        }
        Ok(config)
    }

    /// Row of the table of positions for a text's first token.
    fn first_position(&self) -> usize {
        self.pad_token_id.map_or(0, |padding| padding.saturating_add(1))
    }

    /// Maximum number of tokens of a text.
    pub(crate) fn max_tokens(&self) -> usize {
        self.max_position_embeddings - self.first_position()
    }

    /// Rows of the table of positions for the tokens of a text.
    pub(crate) fn position_ids<'a>(&self, tokens: &'a [u32]) -> impl Iterator<Item = usize> + use<'a> {
        let padding = self.pad_token_id;
        let mut next = self.first_position();
        tokens.iter().map(move |&token| match padding {
            Some(padding) if token as usize == padding => padding,
            _ => {
                next += 1;
                next - 1
            }
        })
    }
}

#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_layer_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_layer_norm: LayerNorm,
}

/// A BERT over `candle`.
#[derive(Debug)]
pub(crate) struct Bert {
    config: BertConfig,
    word_embeddings: Tensor,
    position_embeddings: Tensor,
    /// Vector of the first token type, which all tokens are of.
    token_type_embedding: Option<Tensor>,
    embeddings_layer_norm: LayerNorm,
    distances: Option<DistanceBias>,
    layers: Vec<Layer>,
}

impl Bert {
    /// The encoder of `config` with its weights out of `tensors`.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape than the configuration says.
    pub(crate) fn new(config: BertConfig, tensors: &mut Tensors<Tensor>) -> Result<Bert, EmbedError> {
        let (hidden, names) = (config.hidden_size, config.weights);
        let mut layers = Vec::new();
        for number in 0..config.num_hidden_layers {
            let name = |part: &str| names.in_layer(number, part);
            let mut square = |part: &str| tensors.linear(&name(part), hidden, hidden, true);
            layers.push(Layer {
                query: square(names.query)?,
                key: square(names.key)?,
                value: square(names.value)?,
                attention_output: square(names.attention_output)?,
                attention_layer_norm: tensors.layer_norm(
                    &name(names.attention_layer_norm),
                    hidden,
                    config.layer_norm_eps,
                    true,
                )?,
                intermediate: tensors.linear(&name(names.intermediate), hidden, config.intermediate_size, true)?,
                output: tensors.linear(&name(names.output), config.intermediate_size, hidden, true)?,
                output_layer_norm: tensors.layer_norm(
                    &name(names.output_layer_norm),
                    hidden,
                    config.layer_norm_eps,
                    true,
                )?,
            });
        }
        let word_embeddings = tensors.take(names.word_embeddings, &[config.vocab_size, hidden])?;
        let position_embeddings = tensors.take(names.position_embeddings, &[config.max_position_embeddings, hidden])?;
        let types = names.token_type_embeddings.map(|name| tensors.take(name, &[config.type_vocab_size, hidden]));
        let distances = names.relative_attention_bias.map(|name| -> Result<DistanceBias, EmbedError> {
            let table = tensors.take(name, &[BUCKETS, config.num_attention_heads])?;
            let table = table.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            Ok(DistanceBias::new(&table, config.max_tokens()))
        });
        Ok(Bert {
            word_embeddings,
            position_embeddings,
            token_type_embedding: types.transpose()?.map(|types| types.get(0)).transpose()?,
            embeddings_layer_norm: tensors.layer_norm(
                names.embeddings_layer_norm,
                hidden,
                config.layer_norm_eps,
                true,
            )?,
            distances: distances.transpose()?,
            layers,
            config,
        })
    }

    /// Vectors (batch x length x hidden) of the tokens `ids` (batch x length), which are `texts` padded on the right.
    pub(crate) fn forward(&self, ids: &Tensor, texts: &[&[u32]]) -> candle_core::Result<Tensor> {
        let (batch, length) = ids.dims2()?;
        let heads = self.config.num_attention_heads;
        let rows = |table: &Tensor, rows: &Tensor| table.embedding(rows)?.reshape((batch, length, ()));
        let positions = texts.iter().flat_map(|text| {
            let positions = self.config.position_ids(text).map(|row| row as u32);
            positions.chain(std::iter::repeat(0)).take(length)
        });
        let positions = Tensor::from_vec(positions.collect::<Vec<u32>>(), batch * length, ids.device())?;
        let mut x = (rows(&self.word_embeddings, &ids.flatten_all()?)? + rows(&self.position_embeddings, &positions)?)?;
        if let Some(kind) = &self.token_type_embedding {
            x = x.broadcast_add(kind)?;
        }
        let mut mask = right_padding_mask(texts, length, ids.device())?;
        if let Some(distances) = &self.distances {
            let row = |(head, i): (usize, usize)| distances.row(head, i, length).iter().copied();
            let bias = (0..heads).flat_map(|head| (0..length).map(move |i| (head, i))).flat_map(row);
            let bias = Tensor::from_vec(bias.collect::<Vec<f32>>(), (1, heads, length, length), ids.device())?;
            mask = mask.broadcast_add(&bias)?;
        }
        x = self.embeddings_layer_norm.apply(&x)?;
        for layer in &self.layers {
            interrupt::check();
            let query = by_head(&layer.query.apply(&x)?, heads)?;
            let key = by_head(&layer.key.apply(&x)?, heads)?;
            let value = by_head(&layer.value.apply(&x)?, heads)?;
            let context = joined(&attention(&query, &key, &value, &mask)?)?;
            let attended = layer.attention_output.apply(&context)?;
            x = layer.attention_layer_norm.apply(&(x + attended)?)?;
            let expanded = layer.intermediate.apply(&x)?.gelu_erf()?;
            x = layer.output_layer_norm.apply(&(x + layer.output.apply(&expanded)?)?)?;
        }
        Ok(x)
    }
}

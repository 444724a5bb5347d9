//! BERT on the processor, over texts that lie one behind the other without padding.
//!
//! The formulas are those of [`bert`](super::architectures::bert). The products over all tokens are three quarters of the work
//! and run at the speed of the machine's matrix product; nothing is computed for padding, and the scratch is kept between calls.
//! That is why this encoder is written here: it is several times faster than that over `candle`, which pads texts, makes a new
//! tensor in each step and spreads each product over the cores instead of the texts.

use super::architectures::bert::BertConfig;
use super::architectures::distance::{BUCKETS, DistanceBias};
use super::error::EmbedError;
use super::weights::Tensors;
use crate::interrupt;
use crate::linalg::{Affine, LayerNorm, Matrix, add_bias, add_norm, bias_gelu, layer_norm, product, softmax};
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
struct Layer {
    /// Queries, keys and values side by side.
    query_key_value: Affine,
    attention_output: Affine,
    attention_layer_norm: LayerNorm,
    intermediate: Affine,
    output: Affine,
    output_layer_norm: LayerNorm,
}

/// A BERT encoder with its weights.
#[derive(Debug)]
pub(crate) struct Packed {
    config: BertConfig,
    word_embeddings: Vec<f32>,
    /// Vectors of the positions, that of the first token type, which all tokens are of, added.
    position_embeddings: Vec<f32>,
    embeddings_layer_norm: LayerNorm,
    distances: Option<DistanceBias>,
    layers: Vec<Layer>,
    scratch: Mutex<Vec<Scratch>>,
}

/// Memory that one worker computes in; grows to the largest batch it has seen.
#[derive(Debug, Default)]
struct Scratch {
    /// Vectors of the tokens (n x h).
    x: Vec<f32>,
    /// Queries, keys and values, then the inner layer.
    wide: Vec<f32>,
    /// Output of the attention, then of the inner layer (n x h).
    narrow: Vec<f32>,
    /// Weights of the attention of one text and head.
    scores: Vec<f32>,
}

/// Parts of layers made of the tensors `<name>.weight` and `<name>.bias`.
impl Tensors<Vec<f32>> {
    fn layer_norm(&mut self, name: &str, width: usize, epsilon: f64) -> Result<LayerNorm, EmbedError> {
        let weight = self.take(&format!("{name}.weight"), &[width])?;
        let bias = self.take(&format!("{name}.bias"), &[width])?;
        Ok(LayerNorm { weight, bias, epsilon: epsilon as f32 })
    }

    /// The maps of `names` side by side.
    fn affine(&mut self, names: &[String], inputs: usize, outputs: usize) -> Result<Affine, EmbedError> {
        let mut one = |name: &String| -> Result<(Vec<f32>, Vec<f32>), EmbedError> {
            let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
            Ok((weight, self.take(&format!("{name}.bias"), &[outputs])?))
        };
        let maps = names.iter().map(&mut one).collect::<Result<Vec<_>, _>>()?;
        Ok(Affine::side_by_side(inputs, &maps))
    }
}

impl Packed {
    /// The encoder of `config` with its weights out of `tensors`.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape than the configuration says.
    pub(crate) fn new(config: BertConfig, mut tensors: Tensors<Vec<f32>>) -> Result<Packed, EmbedError> {
        let (hidden, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let names = config.weights;
        let word_embeddings = tensors.take(names.word_embeddings, &[config.vocab_size, hidden])?;
        let mut position_embeddings =
            tensors.take(names.position_embeddings, &[config.max_position_embeddings, hidden])?;
        if let Some(name) = names.token_type_embeddings {
            let types = tensors.take(name, &[config.type_vocab_size, hidden])?;
            for row in position_embeddings.chunks_exact_mut(hidden) {
                row.iter_mut().zip(&types[..hidden]).for_each(|(position, kind)| *position += kind);
            }
        }
        let embeddings_layer_norm = tensors.layer_norm(names.embeddings_layer_norm, hidden, epsilon)?;
        let distances = names.relative_attention_bias.map(|name| {
            let table = tensors.take(name, &[BUCKETS, config.num_attention_heads])?;
            Ok::<_, EmbedError>(DistanceBias::new(&table, config.max_tokens()))
        });
        let distances = distances.transpose()?;
        let mut layers = Vec::new();
        for number in 0..config.num_hidden_layers {
            let name = |part: &str| names.in_layer(number, part);
            layers.push(Layer {
                attention_layer_norm: tensors.layer_norm(&name(names.attention_layer_norm), hidden, epsilon)?,
                output_layer_norm: tensors.layer_norm(&name(names.output_layer_norm), hidden, epsilon)?,
                query_key_value: tensors.affine(&[names.query, names.key, names.value].map(name), hidden, hidden)?,
                attention_output: tensors.affine(&[name(names.attention_output)], hidden, hidden)?,
                intermediate: tensors.affine(&[name(names.intermediate)], hidden, inner)?,
                output: tensors.affine(&[name(names.output)], inner, hidden)?,
            });
        }
        let scratch = Mutex::default();
        Ok(Packed { config, word_embeddings, position_embeddings, embeddings_layer_norm, distances, layers, scratch })
    }

    /// Calls `visit` with the index of each text and the vectors of its tokens, by rows. Every text has at least one token and
    /// at most as many as the model has positions; every token is one of the vocabulary.
    pub(crate) fn encode(&self, texts: &[&[u32]], mut visit: impl FnMut(usize, &[f32])) {
        let lock = || self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = lock().pop().unwrap_or_default();
        self.forward(texts, &mut scratch);
        let mut rows = scratch.x.as_slice();
        for (i, text) in texts.iter().enumerate() {
            let (own, rest) = rows.split_at(text.len() * self.config.hidden_size);
            visit(i, own);
            rows = rest;
        }
        lock().push(scratch);
    }

    /// Leaves the vectors of all tokens in `scratch.x`.
    fn forward(&self, texts: &[&[u32]], scratch: &mut Scratch) {
        let (h, inner) = (self.config.hidden_size, self.config.intermediate_size);
        let n = texts.iter().map(|text| text.len()).sum::<usize>();
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let Scratch { x, wide, narrow, scores } = scratch;
        x.resize(n * h, 0.0);
        wide.resize(wide.len().max(n * (3 * h).max(inner)), 0.0);
        narrow.resize(narrow.len().max(n * h), 0.0);
        scores.resize(scores.len().max(longest * longest), 0.0);

        let mut rows = x.chunks_exact_mut(h);
        for text in texts {
            for ((at, &token), row) in self.config.position_ids(text).zip(*text).zip(&mut rows) {
                let word = &self.word_embeddings[token as usize * h..][..h];
                let position = &self.position_embeddings[at * h..][..h];
                for ((value, word), position) in row.iter_mut().zip(word).zip(position) {
                    *value = word + position;
                }
            }
        }
        layer_norm(x, &self.embeddings_layer_norm);
        for layer in &self.layers {
            interrupt::check();
            let qkv = &mut wide[..n * 3 * h];
            layer.query_key_value.multiply(x, n, qkv);
            add_bias(qkv, layer.query_key_value.bias());
            let context = &mut narrow[..n * h];
            let mut first = 0;
            for text in texts {
                self.attend(&qkv[first * 3 * h..], text.len(), scores, &mut context[first * h..]);
                first += text.len();
            }
            // queries and keys are needed no more once the attention is computed: they give way to its output
            let out = &mut wide[..n * h];
            layer.attention_output.multiply(context, n, out);
            add_norm(out, layer.attention_output.bias(), x, &layer.attention_layer_norm);
            let expanded = &mut wide[..n * inner];
            layer.intermediate.multiply(x, n, expanded);
            bias_gelu(expanded, layer.intermediate.bias());
            let out = &mut narrow[..n * h];
            layer.output.multiply(expanded, n, out);
            add_norm(out, layer.output.bias(), x, &layer.output_layer_norm);
        }
    }

    /// The attention of one text of `n` tokens, all heads: `qkv` has rows of queries, keys and values, `out` rows of `hidden`.
    fn attend(&self, qkv: &[f32], n: usize, scores: &mut [f32], out: &mut [f32]) {
        let (h, heads) = (self.config.hidden_size, self.config.num_attention_heads);
        let d = h / heads;
        let scores = &mut scores[..n * n];
        for head in 0..heads {
            let part = |kind: usize| Matrix::by_rows(&qkv[kind * h + head * d..], n, d, 3 * h);
            if let Some(distances) = &self.distances {
                for (i, row) in scores.chunks_exact_mut(n).enumerate() {
                    row.copy_from_slice(distances.row(head, i, n));
                }
            }
            let scale = 1.0 / (d as f32).sqrt();
            product(scores, n, part(0), part(1).transposed(), scale, self.distances.is_some());
            softmax(scores, n);
            product(&mut out[head * d..], h, Matrix::by_rows(scores, n, n, n), part(2), 1.0, false);
        }
    }
}

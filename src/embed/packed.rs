//! The BERT encoder on the processor, over texts that lie one behind the other without padding.
//!
//! With n tokens in all, X (n x h) their vectors:
//!
//! ```text
//! X = norm(word + position + type)
//! each layer:  Q K V = X W + b
//!              A = softmax(Q Kᵀ / √d) V          for each text and head, d = h / heads
//!              X = norm(X + A W + b)
//!              X = norm(X + GELU(X W + b) W + b)
//! ```
//!
//! (Devlin et al. 2019; normalisation behind the sum.) The products over all tokens are three quarters of the work and run at
//! the speed of the machine's matrix product; nothing is computed for padding, and the scratch is kept between calls.
//! Weights are kept transposed, (inputs x outputs) by rows, which is how the product wants them.

use super::EmbedError;
use super::bert::Shape;
use super::loops::{Norm, add_bias, add_norm, bias_gelu, layer_norm, softmax};
use super::product::{Matrix, product};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Tensors by name, each with its shape.
pub type Tensors = HashMap<String, (Vec<usize>, Vec<f32>)>;

/// X W + b with W (inputs x outputs) by rows.
#[derive(Debug)]
struct Linear {
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

impl Linear {
    fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// `out` = `x` W, without the bias; `x` holds `n` rows.
    fn apply(&self, x: &[f32], n: usize, out: &mut [f32]) {
        let x = Matrix::by_rows(x, n, self.inputs, self.inputs);
        let weight = Matrix::by_rows(&self.weight, self.inputs, self.outputs(), self.outputs());
        product(out, self.outputs(), x, weight, 1.0, false);
    }
}

#[derive(Debug)]
struct Layer {
    attention: Linear,
    joined: Linear,
    joined_norm: Norm,
    up: Linear,
    down: Linear,
    down_norm: Norm,
}

/// A BERT encoder with its weights.
#[derive(Debug)]
pub struct Packed {
    shape: Shape,
    words: Vec<f32>,
    /// With the vector of the first token type added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    scratch: Mutex<Vec<Scratch>>,
}

/// What one worker computes in; grows to the largest batch it has seen.
#[derive(Debug, Default)]
struct Scratch {
    x: Vec<f32>,
    wide: Vec<f32>,
    joined: Vec<f32>,
    scores: Vec<f32>,
}

impl Packed {
    pub fn new(shape: Shape, mut tensors: Tensors, folder: &str) -> Result<Packed, EmbedError> {
        let h = shape.hidden;
        let mut take = |name: &str, expected: &[usize]| take(&mut tensors, folder, name, expected);
        let words = take(shape.names.words, &[shape.vocabulary, h])?;
        let mut positions = take(shape.names.positions, &[shape.positions, h])?;
        if let Some(name) = shape.names.types {
            let types = take(name, &[shape.types, h])?;
            for row in positions.chunks_exact_mut(h) {
                row.iter_mut().zip(&types[..h]).for_each(|(position, kind)| *position += kind);
            }
        }
        let mut norm = |name: &str| -> Result<Norm, EmbedError> {
            let mut part = |part: &str| take(&format!("{name}.{part}"), &[h]);
            Ok(Norm { weight: part("weight")?, bias: part("bias")?, epsilon: shape.epsilon as f32 })
        };
        let embedding_norm = norm(shape.names.norm)?;
        let mut layers = Vec::new();
        for layer in 0..shape.layers {
            let name = |part: &str| shape.names.layer(layer, part);
            let joined_norm = norm(&name(shape.names.joined_norm))?;
            let down_norm = norm(&name(shape.names.down_norm))?;
            layers.push((joined_norm, down_norm));
        }
        let mut linear = |names: &[String], inputs: usize, outputs: usize| -> Result<Linear, EmbedError> {
            let (mut weight, mut bias) = (vec![0.0; inputs * outputs * names.len()], Vec::new());
            let width = outputs * names.len();
            for (i, name) in names.iter().enumerate() {
                let part = take(&format!("{name}.weight"), &[outputs, inputs])?;
                for (output, row) in part.chunks_exact(inputs).enumerate() {
                    for (input, value) in row.iter().enumerate() {
                        weight[input * width + i * outputs + output] = *value;
                    }
                }
                bias.extend(take(&format!("{name}.bias"), &[outputs])?);
            }
            Ok(Linear { weight, bias, inputs })
        };
        let layers = layers
            .into_iter()
            .enumerate()
            .map(|(layer, (joined_norm, down_norm))| {
                let names = |parts: &[&str]| -> Vec<String> {
                    parts.iter().map(|part| shape.names.layer(layer, part)).collect()
                };
                Ok(Layer {
                    attention: linear(&names(&shape.names.attention), h, h)?,
                    joined: linear(&names(&[shape.names.joined]), h, h)?,
                    joined_norm,
                    up: linear(&names(&[shape.names.up]), h, shape.inner)?,
                    down: linear(&names(&[shape.names.down]), shape.inner, h)?,
                    down_norm,
                })
            })
            .collect::<Result<Vec<_>, EmbedError>>()?;
        Ok(Packed { shape, words, positions, norm: embedding_norm, layers, scratch: Mutex::default() })
    }

    /// Calls `take` with the index of each text and the vectors of its tokens, by rows. Every text has at least one token and
    /// at most as many as the model has positions; every token is one of the vocabulary.
    pub fn encode(&self, texts: &[&[u32]], mut take: impl FnMut(usize, &[f32])) {
        let lock = || self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = lock().pop().unwrap_or_default();
        self.forward(texts, &mut scratch);
        let mut rows = scratch.x.as_slice();
        for (i, text) in texts.iter().enumerate() {
            let (own, rest) = rows.split_at(text.len() * self.shape.hidden);
            take(i, own);
            rows = rest;
        }
        lock().push(scratch);
    }

    /// Leaves the vectors of all tokens in `scratch.x`.
    fn forward(&self, texts: &[&[u32]], scratch: &mut Scratch) {
        let h = self.shape.hidden;
        let n = texts.iter().map(|text| text.len()).sum::<usize>();
        let widest = (3 * h).max(self.shape.inner);
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let Scratch { x, wide, joined, scores } = scratch;
        x.resize(n * h, 0.0);
        wide.resize(wide.len().max(n * widest), 0.0);
        joined.resize(joined.len().max(n * h), 0.0);
        scores.resize(scores.len().max(longest * longest), 0.0);

        let mut rows = x.chunks_exact_mut(h);
        for text in texts {
            for ((at, &token), row) in self.shape.rows(text).zip(*text).zip(&mut rows) {
                let word = &self.words[token as usize * h..][..h];
                let position = &self.positions[at * h..][..h];
                for ((value, word), position) in row.iter_mut().zip(word).zip(position) {
                    *value = word + position;
                }
            }
        }
        layer_norm(x, &self.norm);
        for layer in &self.layers {
            let qkv = &mut wide[..n * 3 * h];
            layer.attention.apply(x, n, qkv);
            add_bias(qkv, &layer.attention.bias);
            let sum = &mut joined[..n * h];
            let mut first = 0;
            for text in texts {
                self.attend(&qkv[first * 3 * h..], text.len(), scores, &mut sum[first * h..]);
                first += text.len();
            }
            // the attention's output is needed no more once it is multiplied: queries and keys give way to the result
            let out = &mut wide[..n * h];
            layer.joined.apply(sum, n, out);
            add_norm(out, &layer.joined.bias, x, &layer.joined_norm);
            let inner = &mut wide[..n * self.shape.inner];
            layer.up.apply(x, n, inner);
            bias_gelu(inner, &layer.up.bias);
            let out = &mut joined[..n * h];
            layer.down.apply(inner, n, out);
            add_norm(out, &layer.down.bias, x, &layer.down_norm);
        }
    }

    /// The attention of one text of `n` tokens, all heads: `qkv` has rows of queries, keys and values, `out` rows of `hidden`.
    fn attend(&self, qkv: &[f32], n: usize, scores: &mut [f32], out: &mut [f32]) {
        let h = self.shape.hidden;
        let d = h / self.shape.heads;
        let scores = &mut scores[..n * n];
        for head in 0..self.shape.heads {
            let part = |kind: usize| Matrix::by_rows(&qkv[kind * h + head * d..], n, d, 3 * h);
            product(scores, n, part(0), part(1).transposed(), 1.0 / (d as f32).sqrt(), false);
            softmax(scores, n);
            product(&mut out[head * d..], h, Matrix::by_rows(scores, n, n, n), part(2), 1.0, false);
        }
    }
}

/// The tensor `name`, which must have the shape `expected`.
fn take(tensors: &mut Tensors, folder: &str, name: &str, expected: &[usize]) -> Result<Vec<f32>, EmbedError> {
    match tensors.remove(name) {
        Some((found, values)) if found == expected => Ok(values),
        Some((found, _)) => Err(EmbedError::Shape {
            folder: folder.to_string(),
            name: name.to_string(),
            expected: expected.to_vec(),
            found,
        }),
        None => Err(EmbedError::MissingTensor { folder: folder.to_string(), name: name.to_string() }),
    }
}

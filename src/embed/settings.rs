//! Settings of a call: model, device, number type and store.

use std::path::PathBuf;

/// Device that a model computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A graphics card where this build and the machine have one, else the processor.
    Auto,
    Cpu,
    Cuda,
}

/// Type of the numbers that weights and intermediate results are kept in. Vectors always come out as `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
}

impl Dtype {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
        }
    }
}

/// Part of a text beyond the model's longest that its vector is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chunks {
    /// The beginning, as many tokens as the model reads.
    First,
    /// All of it, in consecutive windows of as many tokens as the model reads. The vector is the mean of theirs, each weighted by its
    /// number of tokens without the template's, normalised again where the model normalises.
    Mean,
}

/// Model, and how it computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A folder, or a name such as `sentence-transformers/all-MiniLM-L6-v2`.
    pub model: String,
    pub device: Device,
    pub dtype: Dtype,
    pub chunks: Chunks,
    /// File that keeps vectors between processes; `None` = no file.
    pub store: Option<PathBuf>,
}

//! Errors between a model's name and its vectors.

use crate::store::StoreError;

/// Largest memory for one batch of texts, in bytes.
pub(crate) const MAX_WORKSPACE: u128 = 16 << 30;

/// Reason why there are no vectors. Displays as a sentence without the name of the function that was called.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error(
        "model must be a folder or a name such as 'sentence-transformers/all-MiniLM-L6-v2', got '{0}', which is {1}"
    )]
    Name(String, &'static str),
    #[error(
        "model '{model}' was not found; looked at {places}. Give a folder that holds the model, or put it into one of these \
         places; `make models`, or muster.fetch_model() in Python, fetches sentence-transformers/all-MiniLM-L6-v2"
    )]
    NotFound { model: String, places: String },
    #[error("model '{model}' cannot be downloaded from {host}: {message}; looked before at {places}")]
    Download { model: String, host: String, message: String, places: String },
    #[error("'{path}' cannot be read: {message}")]
    File { path: String, message: String },
    #[error("'{path}': {name} must {allowed}, got {value}")]
    Config { path: String, name: String, allowed: String, value: String },
    #[error(
        "'{path}' is damaged: its SHA-256 is {found}, recorded when it was downloaded was {recorded}; delete the model's folder"
    )]
    Damaged { path: String, found: String, recorded: String },
    #[error("tensor {name} of '{folder}' must hold finite numbers, it has NaN or infinity: the file is damaged")]
    NotFinite { folder: String, name: String },
    #[error("the model gave a vector that is not of finite numbers; with dtype := 'f32' it may not")]
    Overflow,
    #[error(
        "the model in '{folder}' would take {bytes} bytes for a text of {tokens} tokens, at most {MAX_WORKSPACE} are possible; \
         set a smaller max_seq_length in its sentence_bert_config.json"
    )]
    Size { folder: String, tokens: usize, bytes: u128 },
    #[error("the weights of '{folder}' lack the tensor {name}")]
    MissingTensor { folder: String, name: String },
    #[error("tensor {name} of '{folder}' must be of numbers of the type F32, F16 or BF16, got {found}")]
    NumberType { folder: String, name: String, found: String },
    #[error("tensor {name} of '{folder}' must have the shape {expected:?}, got {found:?}")]
    Shape { folder: String, name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error(
        "the tokenizer of '{folder}' knows {tokens} tokens, the model only {rows}: the tokenizer belongs to another model"
    )]
    Vocabulary { folder: String, tokens: usize, rows: usize },
    #[error("device must be 'auto' or 'cpu', got 'cuda': {0}")]
    Cuda(String),
    #[error("tokenizing failed: {0}")]
    Tokens(String),
    #[error("computing failed: {0}")]
    Compute(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<candle_core::Error> for EmbedError {
    fn from(error: candle_core::Error) -> EmbedError {
        EmbedError::Compute(error.to_string())
    }
}

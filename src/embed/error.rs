//! What can go wrong between a model's name and its vectors.

use crate::store::StoreError;

/// Why there are no vectors. Displays as a sentence without the name of the function that was called.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error(
        "model '{model}' was not found; looked at {places}. Give a folder that holds the model, or put it into one of these places; \
         `make models` fetches sentence-transformers/all-MiniLM-L6-v2"
    )]
    NotFound { model: String, places: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

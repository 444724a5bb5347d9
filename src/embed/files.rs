//! Files of a model's folder.

use super::error::EmbedError;
use super::json::Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// File that holds all weights.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// File that names those which hold the weights, where they are several.
pub(crate) const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

/// Whether `folder` holds something that looks like a model.
pub(crate) fn is_model(folder: &Path) -> bool {
    folder.join("config.json").is_file() || folder.join("modules.json").is_file()
}

/// The files that hold the weights, in the order of their names.
///
/// # Errors
///
/// Where the index of several files cannot be read, names no file, or leads out of the folder.
pub(crate) fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, EmbedError> {
    let single = folder.join(WEIGHTS);
    let index = folder.join(WEIGHTS_INDEX);
    if single.exists() || !index.exists() {
        return Ok(vec![single]);
    }
    let index = Json::read(&index)?;
    let mut names = BTreeSet::new();
    for (tensor, file) in index.value["weight_map"].as_object().into_iter().flatten() {
        // a plain name: an index must not lead out of the folder
        match file.as_str().filter(|name| !name.contains(['/', '\\'])) {
            Some(name) => names.insert(name.to_string()),
            None => return Err(index.invalid(tensor, "be the name of a file", file)),
        };
    }
    if names.is_empty() {
        return Err(index.invalid("weight_map", "name the files", &index.value["weight_map"]));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

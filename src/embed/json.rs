//! JSON files of a model's folder.

use super::error::EmbedError;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Contents of a JSON file, whose errors name the file.
#[derive(Debug)]
pub(crate) struct Json {
    path: PathBuf,
    pub(crate) value: Value,
}

impl Json {
    /// The contents of the file `path`.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is not JSON.
    pub(crate) fn read(path: &Path) -> Result<Json, EmbedError> {
        let failed = |message: String| EmbedError::File { path: path.display().to_string(), message };
        let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let value = serde_json::from_slice(&text).map_err(|error| failed(format!("not JSON: {error}")))?;
        Ok(Json { path: path.to_path_buf(), value })
    }

    /// The contents of a file, an empty object where there is none.
    ///
    /// # Errors
    ///
    /// Where there is a file that cannot be read or is not JSON.
    pub(crate) fn read_optional(path: &Path) -> Result<Json, EmbedError> {
        if path.exists() {
            return Json::read(path);
        }
        Ok(Json { path: path.to_path_buf(), value: Value::Object(serde_json::Map::new()) })
    }

    /// The value of `name`; `None` where it is absent or null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// A whole number from 1 on; `None` where it is absent or null.
    ///
    /// # Errors
    ///
    /// For any other value.
    pub(crate) fn optional_whole(&self, name: &str) -> Result<Option<usize>, EmbedError> {
        // some files write the largest length as 1e30: that is none
        let number = |value: &Value| match value.as_u64() {
            Some(0) | None => value.as_f64().filter(|x| *x > u32::MAX.into()).map(|_| u32::MAX as usize),
            Some(whole) => Some(usize::try_from(whole).unwrap_or(usize::MAX)),
        };
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                number(value).map(Some).ok_or_else(|| self.invalid(name, "be a whole number of at least 1", value))
            }
        }
    }

    /// A whole number from 1 on.
    ///
    /// # Errors
    ///
    /// For any other value, and where it is absent or null.
    pub(crate) fn whole(&self, name: &str) -> Result<usize, EmbedError> {
        self.optional_whole(name)?.ok_or_else(|| self.invalid(name, "be a whole number of at least 1", &Value::Null))
    }

    /// A number; `default` where it is absent or null.
    ///
    /// # Errors
    ///
    /// For any other value.
    pub(crate) fn real(&self, name: &str, default: f64) -> Result<f64, EmbedError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| self.invalid(name, "be a number", value)),
        }
    }

    /// True or false; `default` where it is absent or null.
    ///
    /// # Errors
    ///
    /// For any other value.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, EmbedError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.invalid(name, "be true or false", value)),
        }
    }

    /// A text; `default` where it is absent or null.
    ///
    /// # Errors
    ///
    /// For any other value.
    pub(crate) fn text(&self, name: &str, default: &str) -> Result<String, EmbedError> {
        match self.get(name) {
            None => Ok(default.to_string()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Err(self.invalid(name, "be a text", value)),
        }
    }

    /// The error for a value that is not allowed; `allowed` completes "must …".
    pub(crate) fn invalid(&self, name: &str, allowed: &str, value: &Value) -> EmbedError {
        EmbedError::Config {
            path: self.path.display().to_string(),
            name: name.to_string(),
            allowed: allowed.to_string(),
            value: value.to_string(),
        }
    }
}

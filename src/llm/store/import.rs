//! Imports: rows of another store in a file that has no name, and so is seen by nobody, until the last of them is checked.

use super::file::New;
use super::rows::{Entry, Write};
use crate::hash::Hash;
use crate::store::StoreError;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// An import under way; nothing of it is there until it is published.
#[derive(Debug)]
pub(crate) struct Import {
    folder: PathBuf,
    file: New,
    added: HashSet<Hash>,
}

impl Import {
    pub(super) fn begin(folder: &Path) -> Result<Import, StoreError> {
        let file = New::create(folder).map_err(|error| StoreError::file(folder, &error))?;
        Ok(Import { folder: folder.to_path_buf(), file, added: HashSet::new() })
    }

    /// Adds an answer; whether the import had none to the same request.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub(crate) fn add(&mut self, entry: Entry) -> Result<bool, StoreError> {
        let is_new = self.added.insert(entry.hash);
        if is_new {
            let write = Write::Outcome(Box::new(entry));
            self.file.push(&write).map_err(|error| StoreError::file(&self.folder, &error))?;
        }
        Ok(is_new)
    }

    /// Makes all answers a part of the store.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written or named.
    pub(crate) fn publish(self) -> Result<(), StoreError> {
        if self.added.is_empty() {
            return Ok(());
        }
        self.file.publish().map(drop).map_err(|error| StoreError::file(&self.folder, &error))
    }
}

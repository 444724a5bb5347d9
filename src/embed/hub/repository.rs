//! Repositories of models in the hub's cache.
//!
//! ```text
//! models--<org>--<name>/refs/main            the commit that the branch `main` points at
//! models--<org>--<name>/snapshots/<commit>/  the files of the model
//! models--<org>--<name>/muster.partial       while a download of ours is under way, and after one that failed
//! models--<org>--<name>/muster.sha256        SHA-256 of the files of a download of ours, as `sha256sum` writes them
//! ```

use crate::embed::files::{is_model, weight_files};
use crate::hash::hexadecimal;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const PARTIAL: &str = "muster.partial";
const RECORD: &str = "muster.sha256";
const SNAPSHOTS: &str = "snapshots";

/// A model's repository in the cache.
#[derive(Debug)]
pub(crate) struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The repository of `model` in `cache`; `model` is `<org>/<name>`.
    pub(crate) fn of(model: &str, cache: &Path) -> Repository {
        Repository { folder: cache.join(format!("models--{}", model.replace('/', "--"))) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The complete snapshot that the branch `main` points at.
    pub(crate) fn snapshot(&self) -> Option<PathBuf> {
        let commit = std::fs::read_to_string(self.folder.join("refs").join("main")).ok()?;
        let commit = commit.trim();
        if self.folder.join(PARTIAL).exists() {
            return None;
        }
        let plain = !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric());
        let snapshot = self.folder.join(SNAPSHOTS).join(commit);
        let complete = |folder: &Path| {
            is_model(folder) && weight_files(folder).is_ok_and(|files| files.iter().all(|file| file.exists()))
        };
        (plain && complete(&snapshot)).then_some(snapshot)
    }

    /// Marks the repository, made where there is none, as one of which not all files have come.
    pub(super) fn begin(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        std::fs::write(self.folder.join(PARTIAL), "")
    }

    /// Takes the mark of [`Repository::begin`] away.
    pub(super) fn end(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.folder.join(PARTIAL))
    }

    /// Writes the SHA-256 of every file of `snapshot`.
    pub(super) fn record(&self, snapshot: &Path) -> std::io::Result<()> {
        let mut lines = String::new();
        let mut folders = vec![snapshot.to_path_buf()];
        while let Some(inside) = folders.pop() {
            let mut paths: Vec<PathBuf> =
                std::fs::read_dir(inside)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
            paths.sort();
            for path in paths {
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(name) = path.strip_prefix(&self.folder) {
                    let hash = Sha256::digest(std::fs::read(&path)?);
                    lines += &format!("{}  {}\n", hexadecimal(&hash), name.display());
                }
            }
        }
        std::fs::write(self.folder.join(RECORD), lines)
    }
}

/// The hashes that were recorded when `snapshot` was downloaded, by path; none for a folder that is no such snapshot.
pub(crate) fn recorded_hashes(snapshot: &Path) -> HashMap<PathBuf, String> {
    let repository = snapshot.parent().and_then(Path::parent);
    let record = repository.and_then(|repository| std::fs::read_to_string(repository.join(RECORD)).ok());
    let entry = |line: &str| {
        let (hash, name) = line.split_once("  ")?;
        Some((repository?.join(name), hash.to_string()))
    };
    record.iter().flat_map(|text| text.lines()).filter_map(entry).collect()
}

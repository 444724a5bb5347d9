//! Repositories of models in the hub's cache.
//!
//! ```text
//! models--<org>--<name>/refs/main            the commit that the branch `main` points at
//! models--<org>--<name>/snapshots/<commit>/  the files of the model
//! models--<org>--<name>/muster.partial       while a download of ours is under way, and after one that failed
//! models--<org>--<name>/snapshots/<commit>/*.muster-partial  a file that is not whole yet
//! models--<org>--<name>/muster.sha256        SHA-256 of the files of a download of ours, as `sha256sum` writes them
//! ```

use crate::embed::files::{is_model, weight_files};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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
        let snapshot = self.folder.join(SNAPSHOTS).join(commit);
        let complete = |folder: &Path| {
            is_model(folder) && weight_files(folder).is_ok_and(|files| files.iter().all(|file| file.exists()))
        };
        (Repository::is_commit(commit) && complete(&snapshot)).then_some(snapshot)
    }

    /// Whether a text can be the name of a commit, and so of a folder.
    pub(super) fn is_commit(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
    }

    /// Marks the repository, made where there is none, as one of which not all files have come.
    pub(super) fn begin(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        std::fs::write(self.folder.join(PARTIAL), "")
    }

    /// A new file in the place of the file `name` of `commit` until it is whole.
    pub(super) fn partial(&self, commit: &str, name: &str) -> std::io::Result<Partial> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let whole = self.folder.join(SNAPSHOTS).join(commit).join(name);
        if let Some(folder) = whole.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = name.rsplit('/').next().unwrap_or(name);
        let path = whole.with_file_name(format!("{file}.{}-{number}.muster-partial", std::process::id()));
        Ok(Partial { path, whole })
    }

    /// Records the SHA-256 of the files of `commit`, lets the branch `main` point at it, and takes the mark of
    /// [`Repository::begin`] away.
    pub(super) fn end(&self, commit: &str, hashes: &[(&str, String)]) -> std::io::Result<()> {
        let line = |(name, hash): &(&str, String)| format!("{hash}  {SNAPSHOTS}/{commit}/{name}\n");
        std::fs::write(self.folder.join(RECORD), hashes.iter().map(line).collect::<String>())?;
        let branch = self.folder.join("refs").join("main");
        std::fs::create_dir_all(self.folder.join("refs"))?;
        std::fs::write(branch, commit)?;
        match std::fs::remove_file(self.folder.join(PARTIAL)) {
            // another process that did the same has ended before
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

/// A file that is not whole yet; removed unless it is kept.
pub(super) struct Partial {
    path: PathBuf,
    whole: PathBuf,
}

impl Partial {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file into its place.
    pub(super) fn keep(self) -> std::io::Result<()> {
        std::fs::rename(&self.path, &self.whole)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // there is none after it was kept
        let _ = std::fs::remove_file(&self.path);
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

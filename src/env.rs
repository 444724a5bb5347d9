//! Every environment variable that muster reads. Nothing else calls `std::env::var`.
//!
//! The variables of the process stand in [`ALL`], those of a language model's provider (address, keys) in the
//! provider's own file, as constants of the same type. `docs/environment.md` lists both; a test compares.

use std::ffi::OsString;

/// An environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variable {
    pub name: &'static str,
    /// Meaning, as a phrase for `docs/environment.md`.
    pub meaning: &'static str,
}

impl Variable {
    pub(crate) const fn new(name: &'static str, meaning: &'static str) -> Variable {
        Variable { name, meaning }
    }

    /// Value as it is; `None` where the variable is not set.
    pub(crate) fn raw(&self) -> Option<OsString> {
        std::env::var_os(self.name)
    }

    /// Value as the name of a file or folder; `None` where the variable is not set or empty.
    pub(crate) fn path(&self) -> Option<OsString> {
        self.raw().filter(|value| !value.is_empty())
    }

    /// Value as text; `None` where the variable is not set or blank. Bytes that are not UTF-8 become U+FFFD, so that
    /// whoever checks the text refuses it, instead of taking the variable for one that is not set.
    pub(crate) fn text(&self) -> Option<String> {
        let text = self.raw()?.to_string_lossy().into_owned();
        (!text.trim().is_empty()).then_some(text)
    }

    /// Whether the value is exactly `value`.
    pub(crate) fn is(&self, value: &str) -> bool {
        self.raw().is_some_and(|found| found == value)
    }
}

/// Whether SQL may name a variable for a key, other than those of providers: it is called `MUSTER_…_KEY`, or the
/// environment says so.
pub(crate) fn may_hold_key(name: &str) -> bool {
    let listed = || KEY_VARIABLES.text().is_some_and(|list| list.split(',').any(|entry| entry.trim() == name));
    (name.starts_with("MUSTER_") && name.ends_with("_KEY")) || listed()
}

/// Secret in the variable `name`, which must be one for keys; `None` where it is not set, blank or not UTF-8.
pub(crate) fn secret(name: &str) -> Option<String> {
    let key = std::env::var(name).ok()?.trim().to_string();
    (!key.is_empty()).then_some(key)
}

pub(crate) const STORE: Variable = Variable::new(
    "MUSTER_STORE",
    "path of the store, where `store` is not given; default `muster/store.sqlite` in the user's data folder",
);
pub(crate) const PRICES: Variable = Variable::new(
    "MUSTER_PRICES",
    "CSV file of prices of language models; they come after those of `prices` and before muster's own",
);
pub(crate) const PROGRESS: Variable = Variable::new("MUSTER_PROGRESS", "`0`: no progress line on the terminal");
pub(crate) const BACKTRACE: Variable = Variable::new(
    "MUSTER_BACKTRACE",
    "`1`: an internal error writes its message and its place in muster's source to standard error, for a report",
);
pub(crate) const ALLOWED_HOSTS: Variable = Variable::new(
    "MUSTER_ALLOWED_HOSTS",
    "comma-separated `host` or `host:port`: when set, nothing is sent to any other, neither to providers nor to the hub of \
     models; when set and blank, nothing is sent at all",
);
pub(crate) const KEY_VARIABLES: Variable = Variable::new(
    "MUSTER_KEY_VARIABLES",
    "comma-separated names of environment variables that hold keys, for `api_key_env`",
);
pub(crate) const BATCH_POLL_MS: Variable =
    Variable::new("MUSTER_BATCH_POLL_MS", "milliseconds between two looks at a provider's batch; default 30000");
pub(crate) const MODEL_DIR: Variable = Variable::new(
    "MUSTER_MODEL_DIR",
    "folder of embedding models, as `<org>/<name>`; default `.models` in the working directory",
);
pub(crate) const OFFLINE: Variable = Variable::new("MUSTER_OFFLINE", "`1`: no model is downloaded");
pub(crate) const HF_HUB_OFFLINE: Variable = Variable::new("HF_HUB_OFFLINE", "`1`: as `MUSTER_OFFLINE`");
pub(crate) const HF_HUB_CACHE: Variable =
    Variable::new("HF_HUB_CACHE", "folder of downloaded models; default `hub` in `HF_HOME`");
pub(crate) const HF_HOME: Variable =
    Variable::new("HF_HOME", "folder of the hub's own tools; default `~/.cache/huggingface`");
pub(crate) const HF_ENDPOINT: Variable =
    Variable::new("HF_ENDPOINT", "address of the hub of models; default `https://huggingface.co`");

/// The variables of the process.
#[cfg(test)]
const ALL: [Variable; 13] = [
    STORE,
    PRICES,
    PROGRESS,
    BACKTRACE,
    ALLOWED_HOSTS,
    KEY_VARIABLES,
    BATCH_POLL_MS,
    MODEL_DIR,
    OFFLINE,
    HF_HUB_OFFLINE,
    HF_HUB_CACHE,
    HF_HOME,
    HF_ENDPOINT,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::providers;
    use std::path::{Path, PathBuf};

    fn read(path: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    #[test]
    fn the_page_lists_exactly_these() {
        let page = read("docs/environment.md");
        let row = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(2, "` | ");
            Some((cells.next()?.to_string(), cells.next()?.to_string()))
        };
        let listed: Vec<(String, String)> = page.lines().filter_map(row).collect();
        let known = ALL
            .into_iter()
            .chain(providers::ALL.iter().flat_map(|provider| provider.facts().variables).map(|(_, v)| *v));
        let known: Vec<(String, String)> = known.map(|v| (v.name.to_string(), v.meaning.to_string())).collect();
        assert_eq!(listed, known);
    }

    /// No other file reads the environment, but for the folder of temporary files in tests.
    #[test]
    fn nothing_else_reads_the_environment() {
        let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let reads = concat!("env::", "var");
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("src/env.rs") {
                    assert!(!std::fs::read_to_string(&path).unwrap().contains(reads), "{}", path.display());
                }
            }
        }
    }
}

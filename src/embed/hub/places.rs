//! Places that models are looked for at.

use crate::env;
use crate::hosts::Allowed;
use std::path::PathBuf;

/// Places that models are looked for at, in this order: a folder of models, the hub's cache, the hub.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) models: PathBuf,
    pub(crate) cache: Option<PathBuf>,
    /// Whether the hub must not be asked.
    pub(crate) offline: bool,
    /// Address of the hub.
    pub(crate) hub: String,
    /// File that holds the user's token of the hub.
    pub(crate) token: Option<PathBuf>,
    /// Hosts that may be asked.
    pub(crate) allowed: Allowed,
}

impl Places {
    pub(crate) fn from_environment() -> Places {
        let home = || dirs::home_dir().map(|home| home.join(".cache").join("huggingface"));
        let root = env::HF_HOME.path().map(PathBuf::from).or_else(home);
        let within = |name: &str| root.as_ref().map(|root| root.join(name));
        Places {
            models: env::MODEL_DIR.path().map_or_else(|| ".models".into(), PathBuf::from),
            cache: env::HF_HUB_CACHE.path().map(PathBuf::from).or_else(|| within("hub")),
            offline: env::OFFLINE.is("1") || env::HF_HUB_OFFLINE.is("1"),
            hub: env::HF_ENDPOINT.text().unwrap_or_else(|| "https://huggingface.co".to_string()),
            token: within("token"),
            allowed: Allowed::from_environment(),
        }
    }
}

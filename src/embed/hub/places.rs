//! Places that models are looked for at.

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
    /// Hosts that may be asked; `None` = all.
    pub(crate) allowed: Option<String>,
}

impl Places {
    pub(crate) fn from_environment() -> Places {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = || dirs::home_dir().map(|home| home.join(".cache").join("huggingface"));
        let root = || set("HF_HOME").map(PathBuf::from).or_else(home).map(|root| root.join("hub"));
        Places {
            models: set("MUSTER_MODEL_DIR").unwrap_or_else(|| ".models".to_string()).into(),
            cache: set("HF_HUB_CACHE").map(PathBuf::from).or_else(root),
            offline: ["MUSTER_OFFLINE", "HF_HUB_OFFLINE"].iter().any(|name| set(name).as_deref() == Some("1")),
            hub: set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_string()),
            allowed: set("MUSTER_ALLOWED_HOSTS"),
        }
    }
}

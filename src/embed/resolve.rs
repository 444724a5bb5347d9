//! Resolution of a model's name to the folder of its files.
//!
//! A name that is a folder is that folder. Another one is looked for as `<org>/<name>` under `MUSTER_MODEL_DIR` (`.models` in
//! the working directory when unset), then in the cache that the hub's own tools share (`HF_HUB_CACHE`, else `HF_HOME/hub`,
//! else `~/.cache/huggingface/hub`). Where it is in neither, it is downloaded into that cache, once, unless `MUSTER_OFFLINE`
//! is 1.

use super::error::EmbedError;
use super::files::is_model;
use super::hub::{Places, Repository, download};
use std::path::{Path, PathBuf};

/// The folder of `model`, downloaded where that is needed and allowed.
///
/// # Errors
///
/// Where `model` is neither a folder nor a name, is at none of the places, or cannot be downloaded.
pub(crate) fn folder(model: &str, places: &Places) -> Result<PathBuf, EmbedError> {
    if is_model(Path::new(model)) {
        return Ok(PathBuf::from(model));
    }
    if !is_name(model) {
        return Err(match Path::new(model).is_dir() {
            true => {
                EmbedError::File { path: model.to_string(), message: "the folder holds no config.json".to_string() }
            }
            false if Path::new(model).exists() => EmbedError::Name(model.to_string(), "a file"),
            false => EmbedError::Name(model.to_string(), "neither: there is no such folder"),
        });
    }
    let own = places.models.join(model);
    if is_model(&own) {
        return Ok(own);
    }
    let cached = places.cache.as_ref().map(|cache| Repository::of(model, cache));
    if let Some(found) = cached.as_ref().and_then(Repository::snapshot) {
        return Ok(found);
    }
    let mut looked = vec![format!("'{model}'"), format!("'{}'", own.display())];
    looked.extend(cached.as_ref().map(|repository| format!("'{}'", repository.folder().display())));
    let looked = looked.join(", ");
    match &places.cache {
        Some(cache) if !places.offline => download(model, cache, places, &looked),
        _ => Err(EmbedError::NotFound { model: model.to_string(), places: looked }),
    }
}

/// Whether `model` can be a name on a hub: `<org>/<name>`.
fn is_name(model: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(plain) && !part.starts_with('.') && !part.contains("..")
    };
    matches!(model.split('/').collect::<Vec<_>>()[..], [org, name] if part(org) && part(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::Allowed;

    /// A folder of its own for a test, with empty model files at the paths of `files`.
    fn tree(name: &str, files: &[&str]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("muster-resolve-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "0123abc").unwrap();
        }
        root
    }

    fn places(root: &Path) -> Places {
        Places {
            models: root.join("models"),
            cache: Some(root.join("cache")),
            offline: true,
            hub: "http://127.0.0.1:9".to_string(),
            token: None,
            allowed: Allowed::default(),
        }
    }

    #[test]
    fn places_are_tried_in_order() {
        let snapshot = "cache/models--org--name/snapshots/0123abc";
        let root = tree(
            "order",
            &[
                "plain/config.json",
                "models/org/name/config.json",
                "cache/models--org--name/refs/main",
                &format!("{snapshot}/config.json"),
                &format!("{snapshot}/model.safetensors"),
            ],
        );
        let places = places(&root);
        let plain = root.join("plain");
        assert_eq!(folder(plain.to_str().unwrap(), &places).unwrap(), plain);
        assert_eq!(folder("org/name", &places).unwrap(), root.join("models/org/name"));
        std::fs::remove_dir_all(root.join("models")).unwrap();
        assert_eq!(folder("org/name", &places).unwrap(), root.join(snapshot));
        // a download that stopped half way
        std::fs::remove_file(root.join(snapshot).join("model.safetensors")).unwrap();
        let message = folder("org/name", &places).unwrap_err().to_string();
        for part in ["model 'org/name' was not found", "models/org/name", "models--org--name", "make models"] {
            assert!(message.contains(part), "{message}");
        }
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn names_do_not_lead_out_of_the_places() {
        for name in ["", "name", "../name", "org/..", "org/name/more", "org/na me", "/etc", "org\\name", "./name"] {
            assert!(!is_name(name), "{name}");
            assert!(matches!(
                folder(name, &places(Path::new("nowhere"))),
                Err(EmbedError::Name(..) | EmbedError::File { .. })
            ));
        }
        assert!(is_name("sentence-transformers/all-MiniLM-L6-v2") && is_name("a/b_1.5"));
    }

    #[test]
    fn hosts_that_are_not_allowed_are_not_asked() {
        let root = tree("hosts", &[]);
        let places = Places { offline: false, allowed: Allowed::of("example.org, localhost"), ..places(&root) };
        let message = folder("org/name", &places).unwrap_err().to_string();
        assert!(message.contains("MUSTER_ALLOWED_HOSTS"), "{message}");
    }
}

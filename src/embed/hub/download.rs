//! Models from a hub, at first use, into the cache that the hub's own tools share.
//!
//! Of a model's repository come the weights in the safetensors format and the configuration and tokenizer files. The
//! SHA-256 of each is recorded beside them and compared whenever the model is loaded.

use super::places::Places;
use super::repository::Repository;
use crate::embed::error::EmbedError;
use crate::embed::files::{WEIGHTS, WEIGHTS_INDEX};
use crate::hosts::Address;
use crate::progress;
use hf_hub::api::tokio::{ApiBuilder, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

/// Fetches `model` and gives back its folder in `cache`; `looked` are the places where it was not.
///
/// # Errors
///
/// Where the hub's host is not allowed, does not have the model, or cannot be reached, and where files cannot be written.
pub(crate) fn download(model: &str, cache: &Path, places: &Places, looked: &str) -> Result<PathBuf, EmbedError> {
    let address = Address::parse(&places.hub);
    let failed = |message: String| EmbedError::Download {
        model: model.to_string(),
        host: address.as_ref().map_or(places.hub.as_str(), Address::host).to_string(),
        message,
        places: looked.to_string(),
    };
    match &address {
        Some(address) => places.allowed.check(address).map_err(|problem| failed(format!("the host {problem}")))?,
        None => return Err(failed("HF_ENDPOINT must be an http or https address".to_string())),
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let repository = Repository::of(model, cache);
    repository.begin().map_err(|error| failed(error.to_string()))?;
    runtime.block_on(fetch(model, cache, places)).map_err(failed)?;
    repository.end().map_err(|error| failed(error.to_string()))?;
    let folder =
        repository.snapshot().ok_or_else(|| failed("the repository holds no safetensors weights".to_string()))?;
    repository.record(&folder).map_err(|error| failed(error.to_string()))?;
    Ok(folder)
}

/// Maximum number of bytes of one request.
const PART: usize = 32 << 20;

/// Downloads the files of `model` that are needed into `cache`.
async fn fetch(model: &str, cache: &Path, places: &Places) -> Result<(), String> {
    let api = ApiBuilder::from_env()
        .with_endpoint(places.hub.trim_end_matches('/').to_string())
        .with_cache_dir(cache.to_path_buf())
        .with_progress(false)
        .with_chunk_size(Some(PART))
        .build()
        .map_err(|error| error.to_string())?;
    let repository = api.model(model.to_string());
    let listed = repository.info().await.map_err(|error| error.to_string())?;
    let names: Vec<&str> = listed.siblings.iter().map(|file| file.rfilename.as_str()).collect();
    let whole = names.contains(&WEIGHTS);
    for name in names.iter().filter(|name| is_wanted(name, whole)) {
        let progress = Line(bar());
        repository.download_with_progress(name, progress).await.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Whether a file of a repository is needed; `whole`: its weights are one file.
fn is_wanted(name: &str, whole: bool) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || part.starts_with('.')) {
        return false;
    }
    match parts[..] {
        [WEIGHTS] => true,
        [WEIGHTS_INDEX] => !whole,
        [file] if file.starts_with("model-") && file.ends_with(".safetensors") => !whole,
        [file] => file.ends_with(".json"),
        // a step of the pipeline, such as 1_Pooling
        [folder, "config.json"] => folder.starts_with(|c: char| c.is_ascii_digit()),
        _ => false,
    }
}

/// Progress of a file on the terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, progress::target());
    match ProgressStyle::with_template("{msg} {bytes}/{total_bytes} {bytes_per_sec} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Progress of a file, which the hub's client reports.
#[derive(Clone)]
struct Line(ProgressBar);

impl Progress for Line {
    async fn init(&mut self, size: usize, name: &str) {
        self.0.set_length(size as u64);
        self.0.set_message(name.to_string());
    }

    async fn update(&mut self, size: usize) {
        self.0.inc(size as u64);
    }

    async fn finish(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hexadecimal;
    use sha2::{Digest, Sha256};

    #[test]
    fn only_what_a_model_needs_is_fetched() {
        for name in ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"] {
            assert!(is_wanted(name, true), "{name}");
        }
        let others =
            ["onnx/model.onnx", "pytorch_model.bin", "../config.json", "train_script.py", "README.md", ".git/config"];
        for name in others.into_iter().chain(["model-00001-of-00002.safetensors", "a//config.json"]) {
            assert!(!is_wanted(name, true), "{name}");
        }
        assert!(is_wanted("model-00001-of-00002.safetensors", false));
    }

    /// A hub that has the model `org/tiny` with the files of `folder`, on this machine; its address.
    fn hub(folder: &'static str) -> String {
        use std::io::{BufRead, BufReader, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = move |path: &str, range: Option<(usize, usize)>| -> Option<(String, Vec<u8>)> {
            if path.starts_with("/api/models/org/tiny") {
                let names =
                    ["1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "tokenizer.json"];
                let others = ["config_sentence_transformers.json", "sentence_bert_config.json", "pytorch_model.bin"];
                let files: Vec<_> =
                    names.iter().chain(&others).map(|name| serde_json::json!({"rfilename": name})).collect();
                return Some((
                    String::new(),
                    serde_json::json!({"siblings": files, "sha": "0123abc"}).to_string().into(),
                ));
            }
            let bytes = std::fs::read(Path::new(folder).join(path.strip_prefix("/org/tiny/resolve/main/")?)).ok()?;
            let (first, last) = range?;
            let part = bytes[first..bytes.len().min(last + 1)].to_vec();
            let tag = hexadecimal(&Sha256::digest(path));
            let size = bytes.len();
            let headers =
                format!("content-range: bytes {first}-{last}/{size}\r\netag: \"{tag}\"\r\nx-repo-commit: 0123abc\r\n");
            Some((headers, part))
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                let range = lines
                    .take_while(|line| !line.is_empty())
                    .find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_string))
                    .and_then(|range| range.split_once('-').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())));
                let (status, (headers, body)) = match answer(request.split(' ').nth(1).unwrap_or_default(), range) {
                    Some(answer) => ("206 Partial Content", answer),
                    None => ("404 Not Found", Default::default()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        address
    }

    #[test]
    fn a_model_comes_once_and_its_hashes_are_kept() {
        use crate::embed::model::{Model, ModelKey};
        use crate::embed::{Dtype, resolve};
        const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test/oracle/tiny_bert");
        let root = std::env::temp_dir().join(format!("muster-download-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let places = Places {
            models: root.join("models"),
            cache: Some(root.join("cache")),
            offline: false,
            hub: hub(TINY),
            allowed: crate::hosts::Allowed::of("127.0.0.1"),
        };
        let folder = resolve::folder("org/tiny", &places).unwrap();
        assert!(!folder.join("pytorch_model.bin").exists());
        let load =
            |folder: &Path| Model::load(&ModelKey { folder: folder.to_path_buf(), cuda: false, dtype: Dtype::F32 });
        let own = load(Path::new(TINY)).unwrap();
        let got = load(&folder).unwrap();
        assert_eq!(got.encode(&["machine learning"], 1).unwrap(), own.encode(&["machine learning"], 1).unwrap());
        assert_eq!(got.hash(), own.hash());

        // from now on without the hub
        let offline = Places { offline: true, hub: String::new(), ..places.clone() };
        assert_eq!(resolve::folder("org/tiny", &offline).unwrap(), folder);
        let missing = resolve::folder("org/other", &places).unwrap_err().to_string();
        assert!(missing.contains("cannot be downloaded from 127.0.0.1") && missing.contains("404"), "{missing}");

        let weights = folder.join("model.safetensors");
        let mut bytes = std::fs::read(&weights).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::remove_file(&weights).unwrap();
        std::fs::write(&weights, bytes).unwrap();
        let message = load(&folder).unwrap_err().to_string();
        assert!(message.contains("model.safetensors' is damaged"), "{message}");

        // a download that was broken off is done again
        Repository::of("org/tiny", &root.join("cache")).begin().unwrap();
        assert!(matches!(resolve::folder("org/tiny", &offline), Err(EmbedError::NotFound { .. })));
        std::fs::remove_dir_all(root).unwrap();
    }
}

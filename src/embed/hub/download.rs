//! Models from a hub, at first use, into the cache that the hub's own tools share.
//!
//! Of a model's repository come the weights in the safetensors format and the configuration and tokenizer files. They are
//! written under names of their own until they are whole. The SHA-256 of each is recorded beside them and compared whenever
//! the model is loaded.

use super::client::Client;
use super::places::Places;
use super::repository::Repository;
use crate::embed::error::EmbedError;
use crate::embed::files::{WEIGHTS, WEIGHTS_INDEX};
use crate::hosts::Address;
use crate::interrupt;
use crate::progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Maximum size of a file of weights, and of another file.
const LONGEST_WEIGHTS: u64 = 64 << 30;
const LONGEST_FILE: u64 = 128 << 20;

/// Maximum number of files of a model.
const MOST_FILES: usize = 256;

/// Time between two looks for an interrupt.
const INTERRUPT_POLL: Duration = Duration::from_millis(20);

/// Time for which an interrupt of one download ends those that begin after it: DuckDB evaluates constants while it plans, takes an
/// error there for a reason to try again, and would wait anew for the hub that somebody has just given up.
const INTERRUPT_LASTS: Duration = Duration::from_secs(1);

/// Time of the last interrupt of a download.
static INTERRUPTED: Mutex<Option<Instant>> = Mutex::new(None);

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
    let Some(hub) = &address else { return Err(failed("HF_ENDPOINT must be an http or https address".to_string())) };
    places.allowed.check(hub).map_err(|problem| failed(format!("the host {problem}")))?;
    let client = Client::new(hub, places).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let repository = Repository::of(model, cache);
    runtime.block_on(unless_interrupted(fetch(&client, model, &repository))).map_err(failed)?;
    repository.snapshot().ok_or_else(|| failed("the repository holds no safetensors weights".to_string()))
}

/// The result of `work`, unless Ctrl-C comes before; on the thread of the call.
async fn unless_interrupted<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let last = || INTERRUPTED.lock().unwrap_or_else(PoisonError::into_inner);
    let interrupted = async {
        while !interrupt::came() && last().is_none_or(|at| at.elapsed() >= INTERRUPT_LASTS) {
            tokio::time::sleep(INTERRUPT_POLL).await;
        }
    };
    tokio::select! {
        biased;
        () = interrupted => {
            if interrupt::came() {
                *last() = Some(Instant::now());
            }
            Err("interrupted".to_string())
        }
        result = work => result,
    }
}

/// Downloads the files of `model` that are needed.
async fn fetch(client: &Client, model: &str, repository: &Repository) -> Result<(), String> {
    let listed = client.json(&format!("api/models/{model}/revision/main")).await?;
    let commit = listed["sha"].as_str().filter(|commit| Repository::is_commit(commit));
    let commit = commit.ok_or("the hub names no commit")?;
    let files = listed["siblings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = files.iter().filter_map(|file| file["rfilename"].as_str()).collect();
    let whole = names.contains(&WEIGHTS);
    let wanted: Vec<&str> = names.into_iter().filter(|name| is_wanted(name, whole)).collect();
    if wanted.len() > MOST_FILES {
        return Err(format!("the model has {} files, more than {MOST_FILES}", wanted.len()));
    }
    repository.begin().map_err(|error| error.to_string())?;
    let mut hashes = Vec::with_capacity(wanted.len());
    for name in wanted {
        let hash = fetch_file(client, model, commit, name, repository).await;
        hashes.push((name, hash.map_err(|error| format!("{name}: {error}"))?));
    }
    repository.end(commit, &hashes).map_err(|error| error.to_string())
}

/// Downloads one file; its SHA-256.
async fn fetch_file(
    client: &Client,
    model: &str,
    commit: &str,
    name: &str,
    repository: &Repository,
) -> Result<String, String> {
    let longest = if name.ends_with(".safetensors") { LONGEST_WEIGHTS } else { LONGEST_FILE };
    let partial = repository.partial(commit, name).map_err(|error| error.to_string())?;
    let bar = bar(name);
    let progress = |expected: Option<u64>, more: usize| {
        if let Some(bytes) = expected {
            bar.set_length(bytes);
        }
        bar.inc(more as u64);
    };
    let hash = client.save(&format!("{model}/resolve/main/{name}"), commit, longest, partial.path(), progress).await;
    bar.finish_and_clear();
    let hash = hash?;
    partial.keep().map_err(|error| error.to_string())?;
    Ok(hash)
}

/// Whether a file of a repository is needed; `whole`: its weights are one file.
fn is_wanted(name: &str, whole: bool) -> bool {
    let is_plain = |part: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
    };
    let parts: Vec<&str> = name.split('/').collect();
    if !parts.iter().all(is_plain) {
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
fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, progress::target()).with_message(name.to_string());
    match ProgressStyle::with_template("{msg} {bytes}/{total_bytes} {bytes_per_sec} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_what_a_model_needs_is_fetched() {
        for name in ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"] {
            assert!(is_wanted(name, true), "{name}");
        }
        let others = [
            "onnx/model.onnx",
            "pytorch_model.bin",
            "../config.json",
            "train_script.py",
            "README.md",
            ".git/config",
            "a\\b.json",
        ];
        for name in others.into_iter().chain(["model-00001-of-00002.safetensors", "a//config.json"]) {
            assert!(!is_wanted(name, true), "{name}");
        }
        assert!(is_wanted("model-00001-of-00002.safetensors", false));
    }

    const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test/oracle/tiny_bert");
    const COMMIT: &str = "0123abc";

    /// A server on this machine that answers a path and the headers with bytes of HTTP; its address.
    fn server(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> String {
        use std::io::{BufRead, BufReader, Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = std::sync::Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answer) = (stream.unwrap(), answer.clone());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let request = lines.next().unwrap_or_default();
                    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                    let path = request.split(' ').nth(1).unwrap_or_default();
                    let _ = stream.write_all(&answer(path, &headers.join("\n").to_lowercase()));
                    // an answer that does not end is one that waits for the client to go
                    if !path.contains("silent") {
                        let _ = stream.shutdown(std::net::Shutdown::Write);
                    }
                    let _ = stream.read_to_end(&mut Vec::new());
                });
            }
        });
        address
    }

    fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    /// The list of files of `org/tiny`, at `commit`.
    fn list(commit: &str) -> Vec<u8> {
        let names = ["1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "tokenizer.json"];
        let others = ["config_sentence_transformers.json", "sentence_bert_config.json", "pytorch_model.bin"];
        let files: Vec<_> = names.iter().chain(&others).map(|name| serde_json::json!({"rfilename": name})).collect();
        reply("200 OK", "", serde_json::json!({"siblings": files, "sha": commit}).to_string().as_bytes())
    }

    /// Answer of a hub that has `org/tiny`.
    fn tiny(path: &str) -> Vec<u8> {
        if path == "/api/models/org/tiny/revision/main" {
            return list(COMMIT);
        }
        let file = path
            .strip_prefix("/org/tiny/resolve/main/")
            .and_then(|name| std::fs::read(Path::new(TINY).join(name)).ok());
        match file {
            Some(bytes) => reply("200 OK", &format!("etag: \"abc\"\r\nx-repo-commit: {COMMIT}\r\n"), &bytes),
            None => reply("404 Not Found", "", b""),
        }
    }

    /// Places with a cache of its own for a test, emptied first, and the folder of both.
    fn places(name: &str, hub: String) -> (PathBuf, Places) {
        let root = std::env::temp_dir().join(format!("muster-download-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        let places = Places {
            models: root.join("models"),
            cache: Some(root.join("cache")),
            offline: false,
            hub,
            token: None,
            allowed: crate::hosts::Allowed::of("127.0.0.1"),
        };
        (root, places)
    }

    /// The error of a download, after which no model is found and no file is half there.
    fn error(name: &str, hub: String) -> String {
        let (root, places) = places(name, hub);
        let message = crate::embed::resolve::folder("org/tiny", &places).unwrap_err().to_string();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
                let name = entry.file_name().into_string().unwrap();
                assert!(!name.ends_with("muster-partial") && !name.contains("evil"), "{name}");
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        std::fs::remove_dir_all(root).unwrap();
        message
    }

    #[test]
    fn a_model_comes_once_and_its_hashes_are_kept() {
        use crate::embed::model::{Model, ModelKey};
        use crate::embed::{Dtype, resolve};
        let (root, places) = places("once", server(|path, _| tiny(path)));
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

    #[test]
    fn a_hub_cannot_name_paths() {
        let evil = "../../../evil";
        let message = error("sha", server(move |_, _| list(evil)));
        assert!(message.contains("the hub names no commit"), "{message}");
        let header = |name: &'static str| {
            server(move |path, _| match path.contains("/api/") {
                true => list(COMMIT),
                false => reply("200 OK", &format!("{name}: {evil}\r\n"), b"{}"),
            })
        };
        let message = error("commit", header("x-repo-commit"));
        assert!(message.contains("the model has changed meanwhile"), "{message}");
        // nobody reads the tag: the files are no model, which is another matter
        let (root, places) = places("etag", header("etag"));
        crate::embed::resolve::folder("org/tiny", &places).unwrap();
        let entries: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(entries, ["cache"]);
        std::fs::remove_dir_all(root).unwrap();
    }

    /// The token is shown to the hub, and not to the server that it sends on to.
    #[test]
    fn tokens_stay_with_the_hub() {
        use std::sync::{Arc, Mutex};
        let seen = Arc::new(Mutex::new(Vec::new()));
        let saw = |who: &'static str| {
            let seen = seen.clone();
            move |headers: &str| seen.lock().unwrap().push((who, headers.contains("authorization: bearer hf_secret")))
        };
        let (at_files, at_hub) = (saw("files"), saw("hub"));
        let files = server(move |path, headers| {
            at_files(headers);
            tiny(path)
        });
        let hub = server(move |path, headers| {
            at_hub(headers);
            let location = match path.strip_prefix("/here") {
                _ if path.ends_with("tokenizer.json") && !path.starts_with("/here") => format!("/here{path}"),
                Some(rest) => return tiny(rest),
                None if path.ends_with(".safetensors") => format!("{files}{path}"),
                None => return tiny(path),
            };
            reply("302 Found", &format!("location: {location}\r\n"), b"")
        });
        let (root, places) = places("token", hub);
        std::fs::write(root.join("token"), "hf_secret\n").unwrap();
        let places = Places { token: Some(root.join("token")), ..places };
        crate::embed::resolve::folder("org/tiny", &places).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.iter().filter(|(who, _)| *who == "files").count(), 1);
        assert!(seen.iter().all(|(who, token)| *token == (*who == "hub")), "{seen:?}");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn redirects_obey_the_policy() {
        let to = |name: &str, location: &'static str| {
            let hub = server(move |_, _| reply("302 Found", &format!("location: {location}\r\n"), b""));
            error(name, hub)
        };
        for (name, location, message) in [
            ("abroad", "https://files.example/x", "redirect to https://files.example is not followed"),
            ("listed", "http://localhost:9/x", "the host localhost is not in MUSTER_ALLOWED_HOSTS (127.0.0.1)"),
            ("loop", "/x", "more than 5 redirects"),
            // a backslash is a slash to the client too
            ("disguise", r"/\@localhost:9/", "the host localhost is not in MUSTER_ALLOWED_HOSTS"),
            ("file", "file:///etc/passwd", "redirect to no address"),
        ] {
            let said = to(name, location);
            assert!(said.contains(message), "{name}: {said}");
        }
        for (hub, message) in [
            ("http://hub.example", "HF_ENDPOINT must be an https address"),
            ("https://user@hub.example", "without user name"),
        ] {
            let (root, places) = places("hub", hub.to_string());
            let places = Places { allowed: crate::hosts::Allowed::default(), ..places };
            let said = crate::embed::resolve::folder("org/tiny", &places).unwrap_err().to_string();
            assert!(said.contains(message), "{said}");
            std::fs::remove_dir_all(root).unwrap();
        }
    }

    #[test]
    fn sizes_are_checked() {
        let hub = |head: &'static str| {
            server(move |path, _| match path.contains("/api/") {
                true => list(COMMIT),
                false => format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{{}}").into_bytes(),
            })
        };
        for (name, head, message) in [
            ("range", "206 Partial Content\r\ncontent-range: bytes 0-9/99999999999999999999", "a part of the file"),
            ("part", "206 Partial Content\r\ncontent-range: bytes 0-1/10", "a part of the file"),
            ("huge", "200 OK\r\ncontent-length: 9223372036854775807", "are more than"),
            ("short", "200 OK\r\ncontent-length: 10", "response broken off"),
            ("gone", "410 Gone", "HTTP 410"),
        ] {
            let said = error(name, hub(head));
            assert!(said.contains(message), "{name}: {said}");
        }
        // a part that is the whole is as good
        let whole = "206 Partial Content\r\ncontent-range: bytes 0-1/2\r\ncontent-length: 2";
        let (root, places) = places("whole", hub(whole));
        assert!(crate::embed::resolve::folder("org/tiny", &places).is_ok());
        std::fs::remove_dir_all(root).unwrap();
    }

    /// Bodies without an end, and without a beginning.
    #[test]
    fn nothing_is_waited_for_without_end() {
        let endless = "1000\r\n".to_string() + &"x".repeat(0x1000) + "\r\n";
        let hub = server(move |path, _| match path {
            "/silent" => Vec::new(),
            "/silent-body" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}".to_vec(),
            _ => format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", endless.repeat(100)).into_bytes(),
        });
        let (root, places) = places("endless", hub.clone());
        let client =
            Client::new(&Address::parse(&hub).unwrap(), &places).unwrap().impatient(Duration::from_millis(200));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let save = |path: &str| {
            let file = root.join("file");
            let saved = runtime.block_on(client.save(path, COMMIT, 100_000, &file, |_, _| {}));
            std::fs::remove_file(&file).unwrap_or(());
            saved.unwrap_err()
        };
        assert_eq!(save("endless"), "more than 100000 bytes");
        assert!(save("silent").starts_with("timeout"), "{}", save("silent"));
        assert!(save("silent-body").starts_with("timeout"));
        assert!(runtime.block_on(client.json("silent")).unwrap_err().starts_with("timeout"));
        std::fs::remove_dir_all(root).unwrap();
    }
}

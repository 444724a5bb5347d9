//! The numbers of a model: one `model.safetensors`, or several files listed in `model.safetensors.index.json`.

use super::EmbedError;
use super::config::Json;
use crate::hash::hexadecimal;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The files that hold the weights, in the order of their names.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, EmbedError> {
    let single = folder.join(SINGLE);
    let index = folder.join(INDEX);
    if single.exists() || !index.exists() {
        return Ok(vec![single]);
    }
    let index = Json::read(&index)?;
    let mut names = BTreeSet::new();
    for (tensor, file) in index.value["weight_map"].as_object().into_iter().flatten() {
        // a plain name: an index must not lead out of the folder
        match file.as_str().filter(|name| !name.contains(['/', '\\'])) {
            Some(name) => names.insert(name.to_string()),
            None => return Err(index.invalid(tensor, "be the name of a file", file)),
        };
    }
    if names.is_empty() {
        return Err(index.invalid("weight_map", "name the files", &index.value["weight_map"]));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// Whether `folder` holds something that looks like a model.
pub fn present(folder: &Path) -> bool {
    folder.join("config.json").is_file() || folder.join("modules.json").is_file()
}

/// Where downloads record the SHA-256 of their files, in the folder of the repository.
pub const RECORD: &str = "muster.sha256";

/// Reads a model's files and takes their hashes.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    hash: Sha256,
    /// Hashes recorded at the download, by path.
    recorded: HashMap<PathBuf, String>,
}

impl Files {
    pub fn new(folder: &Path) -> Files {
        // <repository>/snapshots/<commit>
        let repository = folder.parent().and_then(Path::parent);
        let record = repository.and_then(|repository| std::fs::read_to_string(repository.join(RECORD)).ok());
        let entry = |line: &str| {
            let (hash, name) = line.split_once("  ")?;
            Some((repository?.join(name), hash.to_string()))
        };
        let recorded = record.iter().flat_map(|text| text.lines()).filter_map(entry).collect();
        Files { folder: folder.to_path_buf(), hash: Sha256::new(), recorded }
    }

    /// The bytes of a file, which go into the hash.
    pub fn read(&mut self, path: &Path) -> Result<Vec<u8>, EmbedError> {
        let shown = || path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound && path.ends_with(SINGLE);
            let message = match missing {
                true => format!("{error}; a model needs its weights as safetensors, not as pytorch_model.bin"),
                false => error.to_string(),
            };
            EmbedError::File { path: shown(), message }
        })?;
        let digest = Sha256::digest(&bytes);
        if let Some(recorded) = self.recorded.get(path) {
            let found = hexadecimal(&digest);
            if found != *recorded {
                return Err(EmbedError::Damaged { path: shown(), found, recorded: recorded.clone() });
            }
        }
        self.mix(&path.strip_prefix(&self.folder).unwrap_or(path).display().to_string());
        self.hash.update(digest);
        Ok(bytes)
    }

    /// Takes what else fixes the vectors into the hash.
    pub fn mix(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text);
    }

    /// The hash of all that was read and mixed in.
    pub fn hash(self) -> String {
        hexadecimal(&self.hash.finalize())
    }

    /// Calls `visit` for every tensor in `folder`, by the name it has without the prefix of its wrapper.
    pub fn each(
        &mut self,
        folder: &Path,
        mut visit: impl FnMut(&str, &TensorView) -> Result<(), EmbedError>,
    ) -> Result<(), EmbedError> {
        for path in files(folder)? {
            let bytes = self.read(&path)?;
            let tensors = SafeTensors::deserialize(&bytes).map_err(|error| EmbedError::File {
                path: path.display().to_string(),
                message: format!("not a safetensors file: {error}"),
            })?;
            for (name, view) in tensors.iter() {
                visit(plain(name), &view)?;
            }
        }
        Ok(())
    }
}

/// A tensor's name without the wrapper that some models are saved in.
fn plain(name: &str) -> &str {
    const WRAPPERS: [&str; 6] = ["bert.", "roberta.", "camembert.", "distilbert.", "xlm_roberta.", "model."];
    WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)).unwrap_or(name)
}

/// The numbers of a tensor as `f32`; `None` for whole numbers, which no weight is.
pub fn numbers(view: &TensorView) -> Option<Vec<f32>> {
    use safetensors::Dtype;
    let bytes = view.data();
    let two = |i: usize| u16::from_le_bytes([bytes[i], bytes[i + 1]]);
    match view.dtype() {
        Dtype::F32 => Some(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
        Dtype::BF16 => Some((0..bytes.len()).step_by(2).map(|i| f32::from_bits(u32::from(two(i)) << 16)).collect()),
        Dtype::F16 => Some((0..bytes.len()).step_by(2).map(|i| half(two(i))).collect()),
        _ => None,
    }
}

/// A number of IEEE 754's binary16.
fn half(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let sign = u32::from(bits & 0x8000) << 16;
    let value = match bits & 0x7c00 {
        0x7c00 => f32::from_bits(magnitude | 0x7f80_0000),
        // the exponent's bias moves from 15 to 127; also right for subnormal numbers
        _ => f32::from_bits(magnitude) * f32::from_bits((254 - 15) << 23),
    };
    f32::from_bits(value.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0, 0.0),
        ] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}

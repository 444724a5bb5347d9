//! Weights of a model, and the hash of all that its vectors depend on.

use super::error::EmbedError;
use super::files::{WEIGHTS, weight_files};
use super::hub::recorded_hashes;
use crate::hash::{Hash, hexadecimal};
use crate::interrupt;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reader of a model's files, which takes their hashes.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    hash: Sha256,
    /// Hashes recorded at the download, by path.
    recorded: HashMap<PathBuf, String>,
}

impl Files {
    pub(crate) fn new(folder: &Path) -> Files {
        Files { folder: folder.to_path_buf(), hash: Sha256::new(), recorded: recorded_hashes(folder) }
    }

    /// The bytes of a file, which go into the hash.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is not what was recorded when it was downloaded.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Vec<u8>, EmbedError> {
        let shown = || path.display().to_string();
        let (bytes, digest) = contents(path).map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound && path.ends_with(WEIGHTS);
            let message = match missing {
                true => format!("{error}; a model needs its weights as safetensors, not as pytorch_model.bin"),
                false => error.to_string(),
            };
            EmbedError::File { path: shown(), message }
        })?;
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

    /// Takes a text into the hash, for what fixes the vectors beside the files.
    pub(crate) fn mix(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text);
    }

    /// The hash of all that was read and mixed in, in hexadecimal.
    pub(crate) fn hash(self) -> String {
        hexadecimal(&self.hash.finalize())
    }

    /// The tensors in `folder` for which `convert` gives something, by the names they have without the prefix of their
    /// wrapper.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or is not one of tensors, and those of `convert`.
    pub(crate) fn tensors<T>(
        &mut self,
        folder: &Path,
        convert: impl Fn(&TensorView) -> Result<Option<T>, EmbedError>,
    ) -> Result<Tensors<T>, EmbedError> {
        let (mut by_name, mut unread) = (HashMap::new(), HashMap::new());
        for path in weight_files(folder)? {
            let bytes = self.read(&path)?;
            let tensors = SafeTensors::deserialize(&bytes).map_err(|error| EmbedError::File {
                path: path.display().to_string(),
                message: format!("not a safetensors file: {error}"),
            })?;
            for (name, view) in tensors.iter() {
                interrupt::check();
                let name = plain(name).to_string();
                match convert(&view)? {
                    Some(tensor) => {
                        let shape = view.shape().to_vec();
                        by_name.insert(name, Found { shape, finite: is_finite(&view), tensor });
                    }
                    None => {
                        unread.insert(name, format!("{:?}", view.dtype()));
                    }
                }
            }
        }
        Ok(Tensors { by_name, unread, folder: folder.display().to_string() })
    }
}

/// The bytes of a file, and their SHA-256; read in pieces, between which an interrupt is heard.
fn contents(path: &Path) -> std::io::Result<(Vec<u8>, Hash)> {
    const PIECE: u64 = 16 << 20;
    let mut file = File::open(path)?;
    let (mut bytes, mut hash) =
        (Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0)), Sha256::new());
    loop {
        interrupt::check();
        let start = bytes.len();
        if file.by_ref().take(PIECE).read_to_end(&mut bytes)? == 0 {
            return Ok((bytes, hash.finalize().into()));
        }
        hash.update(&bytes[start..]);
    }
}

/// Tensors of a model, each with its shape, from which an encoder takes its own.
#[derive(Debug)]
pub(crate) struct Tensors<T> {
    by_name: HashMap<String, Found<T>>,
    /// Number types of those that are of none that is read.
    unread: HashMap<String, String>,
    folder: String,
}

#[derive(Debug)]
struct Found<T> {
    shape: Vec<usize>,
    finite: bool,
    tensor: T,
}

impl<T> Tensors<T> {
    /// The shape of the tensor `name`.
    ///
    /// # Errors
    ///
    /// Where there is no such tensor, or it is of numbers that are not read.
    pub(crate) fn shape(&self, name: &str) -> Result<&[usize], EmbedError> {
        match self.by_name.get(name) {
            Some(read) => Ok(&read.shape),
            None => Err(self.missing(name)),
        }
    }

    /// The error of a tensor that cannot be had.
    fn missing(&self, name: &str) -> EmbedError {
        let (folder, name) = (self.folder.clone(), name.to_string());
        match self.unread.get(&name) {
            Some(found) => EmbedError::NumberType { folder, found: found.clone(), name },
            None => EmbedError::MissingTensor { folder, name },
        }
    }

    /// Takes the tensor `name` out.
    ///
    /// # Errors
    ///
    /// Where there is no such tensor, or it is of numbers that are not read, or has another shape than `expected`, or holds NaN or infinity.
    pub(crate) fn take(&mut self, name: &str, expected: &[usize]) -> Result<T, EmbedError> {
        match self.by_name.remove(name) {
            Some(read) if read.shape == expected && read.finite => Ok(read.tensor),
            Some(read) if read.shape == expected => {
                Err(EmbedError::NotFinite { folder: self.folder.clone(), name: name.to_string() })
            }
            Some(read) => Err(EmbedError::Shape {
                folder: self.folder.clone(),
                name: name.to_string(),
                expected: expected.to_vec(),
                found: read.shape,
            }),
            None => Err(self.missing(name)),
        }
    }
}

/// A tensor's name without the wrapper that some models are saved in.
fn plain(name: &str) -> &str {
    const WRAPPERS: [&str; 7] = ["bert.", "roberta.", "camembert.", "distilbert.", "xlm_roberta.", "mpnet.", "model."];
    WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)).unwrap_or(name)
}

/// The numbers of a tensor as `f32`; `None` for whole numbers, which no weight is.
pub(crate) fn numbers(view: &TensorView) -> Option<Vec<f32>> {
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

/// Whether no number of a tensor is NaN or infinite; so are those whose exponent is all ones. No whole number is.
fn is_finite(view: &TensorView) -> bool {
    use safetensors::Dtype;
    let bytes = view.data();
    let two = |ones: u16| !bytes.chunks_exact(2).any(|b| u16::from_le_bytes([b[0], b[1]]) & ones == ones);
    match view.dtype() {
        Dtype::F32 => bytes.chunks_exact(4).all(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).is_finite()),
        // as the 32 bits that it becomes
        Dtype::F64 => bytes.chunks_exact(8).all(|b| {
            let number = f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
            (number as f32).is_finite()
        }),
        Dtype::BF16 => two(0x7f80),
        Dtype::F16 => two(0x7c00),
        _ => true,
    }
}

/// The number of the bits of IEEE 754's binary16.
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

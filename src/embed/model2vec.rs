//! Model2Vec ([Tulkens & van Dongen 2024](https://github.com/MinishLab/model2vec)): a table with the vector of each token. That of
//! a text is the mean of its tokens' vectors, perhaps weighted:
//!
//! ```text
//! x = Σ w[t] E[row(t)] / n          over the n tokens t of the text
//! ```
//!
//! `row(t)` is t unless the model has a mapping, which lets tokens share rows; `w` is 1 unless it has weights. Neither the tokens
//! of the tokenizer's template count nor the one for what is unknown. It is a look-up on the processor, whatever device and number
//! type a call names.

use super::error::EmbedError;
use super::files::WEIGHTS;
use super::json::Json;
use super::weights::{Files, Tensors, numbers};
use safetensors::tensor::TensorView;
use std::path::Path;

/// `model_type` of these models.
pub(crate) const MODEL_TYPE: &str = "model2vec";

/// Maximum number of tokens of a text where the model does not say.
const MAX_LENGTH: usize = 512;

/// Configuration of a static model.
#[derive(Debug)]
pub(crate) struct StaticConfig {
    pub(crate) json: Json,
    pub(crate) normalize: bool,
    /// Maximum number of tokens of a text; `None` = all are read.
    pub(crate) max_length: Option<usize>,
}

impl StaticConfig {
    /// The configuration in `folder`; `None` where that of another kind of model is there.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or holds another value than it may.
    pub(crate) fn read(folder: &Path) -> Result<Option<StaticConfig>, EmbedError> {
        let json = Json::read_optional(&folder.join("config.json"))?;
        if json.value["model_type"] != MODEL_TYPE {
            return Ok(None);
        }
        let normalize = json.flag("normalize", false)?;
        // null is without an end, as in the package
        let max_length = match json.value.get("max_length") {
            None => Some(MAX_LENGTH),
            Some(_) => json.optional_whole("max_length")?,
        };
        Ok(Some(StaticConfig { json, normalize, max_length }))
    }
}

/// Vectors of tokens.
#[derive(Debug)]
pub(crate) struct Table {
    embeddings: Vec<f32>,
    /// Length of a vector.
    width: usize,
    /// Row of each token.
    mapping: Option<Vec<usize>>,
    /// Weight of each token.
    weights: Option<Vec<f64>>,
}

/// Tensor of a static model.
enum Numbers {
    Real(Vec<f32>),
    Double(Vec<f64>),
    Whole(Vec<i64>),
}

impl Numbers {
    fn read(view: &TensorView) -> Option<Numbers> {
        use safetensors::Dtype;
        let bytes = view.data();
        match view.dtype() {
            Dtype::I8 => Some(Numbers::Real(bytes.iter().map(|&b| f32::from(b.cast_signed())).collect())),
            Dtype::F64 => Some(Numbers::Double(each(bytes, f64::from_le_bytes).collect())),
            Dtype::U8 => Some(Numbers::Whole(bytes.iter().map(|&b| i64::from(b)).collect())),
            Dtype::I16 => Some(Numbers::Whole(each(bytes, |b| i64::from(i16::from_le_bytes(b))).collect())),
            Dtype::U16 => Some(Numbers::Whole(each(bytes, |b| i64::from(u16::from_le_bytes(b))).collect())),
            Dtype::I32 => Some(Numbers::Whole(each(bytes, |b| i64::from(i32::from_le_bytes(b))).collect())),
            Dtype::U32 => Some(Numbers::Whole(each(bytes, |b| i64::from(u32::from_le_bytes(b))).collect())),
            Dtype::I64 => Some(Numbers::Whole(each(bytes, i64::from_le_bytes).collect())),
            // a row that no table has, where it is too large
            Dtype::U64 => {
                let row = |b| i64::try_from(u64::from_le_bytes(b)).unwrap_or(i64::MAX);
                Some(Numbers::Whole(each(bytes, row).collect()))
            }
            _ => numbers(view).map(Numbers::Real),
        }
    }
}

/// The numbers of `N` bytes each.
fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> impl Iterator<Item = T> {
    bytes.as_chunks::<N>().0.iter().map(move |b| number(*b))
}

impl Table {
    /// The table in `folder` for `tokens` tokens.
    ///
    /// # Errors
    ///
    /// Where the weights are missing, damaged, or belong to a tokenizer of more tokens.
    pub(crate) fn load(files: &mut Files, folder: &Path, tokens: usize) -> Result<Table, EmbedError> {
        let mut tensors = files.tensors(folder, |view| Ok(Numbers::read(view)))?;
        let wrong = |message: String| EmbedError::File { path: folder.join(WEIGHTS).display().to_string(), message };
        let (rows, width) = match tensors.shape("embeddings")? {
            [rows, width] if *width > 0 => (*rows, *width),
            found => return Err(wrong(format!("its embeddings must be a table, they have the shape {found:?}"))),
        };
        let embeddings = match tensors.take("embeddings", &[rows, width])? {
            Numbers::Real(embeddings) => embeddings,
            Numbers::Double(embeddings) => embeddings.into_iter().map(|x| x as f32).collect(),
            Numbers::Whole(_) => {
                let allowed = "its embeddings must be of signed 8-bit numbers or floating point numbers";
                return Err(wrong(allowed.to_string()));
            }
        };
        let mapping = match of_tokens(&mut tensors, "mapping")? {
            None => None,
            Some(Numbers::Real(_) | Numbers::Double(_)) => {
                return Err(wrong("its mapping must be of whole numbers".to_string()));
            }
            Some(Numbers::Whole(mapping)) => {
                let row = |&row: &i64| usize::try_from(row).ok().filter(|row| *row < rows);
                let mapping: Option<Vec<usize>> = mapping.iter().map(row).collect();
                Some(mapping.ok_or_else(|| wrong(format!("its mapping must lead to one of {rows} rows")))?)
            }
        };
        let weights = match of_tokens(&mut tensors, "weights")? {
            None => None,
            Some(Numbers::Whole(_)) => return Err(wrong("its weights must be floating point numbers".to_string())),
            Some(Numbers::Real(weights)) => Some(weights.into_iter().map(f64::from).collect()),
            Some(Numbers::Double(weights)) => Some(weights),
        };
        let known = mapping.as_ref().map_or(rows, Vec::len).min(weights.as_ref().map_or(usize::MAX, Vec::len));
        if tokens > known {
            return Err(EmbedError::Vocabulary { folder: folder.display().to_string(), tokens, rows: known });
        }
        Ok(Table { embeddings, width, mapping, weights })
    }

    /// Length of a vector.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Calls `visit` with the index of each text and the mean vector of its tokens. Every text has at least one token, every token
    /// is one of the vocabulary.
    pub(crate) fn encode(&self, texts: &[&[u32]], mut visit: impl FnMut(usize, &[f32])) {
        let (mut sums, mut mean) = (vec![0.0; self.width], vec![0.0; self.width]);
        for (i, text) in texts.iter().enumerate() {
            sums.fill(0.0);
            for &token in *text {
                let token = token as usize;
                let row = self.mapping.as_ref().map_or(token, |mapping| mapping[token]);
                let weight = self.weights.as_ref().map_or(1.0, |weights| weights[token]);
                let row = &self.embeddings[row * self.width..][..self.width];
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x) * weight);
            }
            mean.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum / text.len() as f64) as f32);
            visit(i, &mean);
        }
    }
}

/// Takes the tensor `name` out, which has one number a token; `None` where there is none.
fn of_tokens(tensors: &mut Tensors<Numbers>, name: &str) -> Result<Option<Numbers>, EmbedError> {
    let length = match tensors.shape(name) {
        Ok(shape) => shape.first().copied().unwrap_or(0),
        Err(EmbedError::MissingTensor { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    tensors.take(name, &[length]).map(Some)
}

//! Texts as vectors: the sentence embedding models of the `sentence-transformers` kind, without Python.
//!
//! A model is a folder: weights, tokenizer, and what it says of its own pooling, normalisation and longest text.
//! [`resolve`] finds it, [`tokens`] cuts a text into tokens, an encoder gives each token a vector, and the vectors of
//! a text's tokens are pooled into one.
//!
//! There are two encoders. [`packed`] computes BERT and its relatives in `f32` on the processor, several times faster than a
//! general library. [`tensors`] computes the same over `candle` in any number type and on graphics cards, and Mistral.
//!
//! A vector depends on model, number type and text alone: not on the texts beside it, on threads, or on whether it was
//! computed or remembered. (Not promised for graphics cards, where the order of sums follows the size of a batch.)

mod bert;
mod cache;
mod config;
mod download;
mod error;
mod loops;
mod packed;
pub(crate) mod product;
mod resolve;
mod tensors;
mod tokens;
mod weights;

#[cfg(test)]
mod tests;

pub use error::EmbedError;

use crate::parallel;
use bert::{SUPPORTED, Shape};
use cache::Stored;
use config::{Json, Pipeline, Pooling};
use packed::Packed;
use resolve::Places;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tensors::TensorEncoder;
use tokens::Tokens;

/// Where a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A graphics card where this build and the machine have one, else the processor.
    Auto,
    Cpu,
    Cuda,
}

/// The numbers that weights and intermediate results are kept in. Vectors always come out as `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
        }
    }
}

/// Which model, where, and in what.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A folder, or a name such as `sentence-transformers/all-MiniLM-L6-v2`.
    pub model: String,
    pub device: Device,
    pub dtype: Dtype,
    /// The file that keeps vectors between processes.
    pub store: Option<PathBuf>,
}

/// A model that is ready.
#[derive(Debug)]
pub struct Embedder {
    model: Arc<Model>,
    store: Option<Stored>,
}

/// Tokens of a batch: enough for full speed of the products, few enough to stay in the processor's cache.
const BATCH: usize = 512;

/// The model of `settings`, loaded at the first call and shared by all that follow in this process.
pub fn open(settings: &Settings) -> Result<Arc<Embedder>, EmbedError> {
    let folder = resolve::folder(&settings.model, &Places::from_environment())?;
    let folder = folder
        .canonicalize()
        .map_err(|error| EmbedError::File { path: folder.display().to_string(), message: error.to_string() })?;
    let cuda = match settings.device {
        Device::Cpu => false,
        Device::Cuda => true,
        Device::Auto => tensors::has_cuda(),
    };
    let model = shared(Choice { folder, cuda, dtype: settings.dtype })?;
    let store = settings.store.as_deref().map(Stored::open).transpose()?;
    Ok(Arc::new(Embedder { model, store }))
}

/// What tells one loaded model from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Choice {
    folder: PathBuf,
    cuda: bool,
    dtype: Dtype,
}

/// The model of `choice`; who asks for one that is being loaded waits for it.
fn shared(choice: Choice) -> Result<Arc<Model>, EmbedError> {
    type Slot = Arc<Mutex<Option<Arc<Model>>>>;
    static MODELS: Mutex<Option<HashMap<Choice, Slot>>> = Mutex::new(None);
    let slot = {
        let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
        models.get_or_insert_default().entry(choice.clone()).or_default().clone()
    };
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = slot.as_ref() {
        return Ok(model.clone());
    }
    let model = Arc::new(Model::load(&choice)?);
    Ok(slot.insert(model).clone())
}

impl Embedder {
    /// Numbers in a vector.
    pub fn dimensions(&self) -> usize {
        self.model.dimensions
    }

    /// SHA-256 of weights, tokenizer, configuration, number type and kind of device, in hexadecimal: what has the same hash
    /// gives the same vectors.
    pub fn hash(&self) -> &str {
        &self.model.hash
    }

    /// One vector a text, in order, by at most `threads` threads. Equal texts are computed once, and what is remembered, in
    /// memory or in the store, not at all.
    pub fn embed(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut distinct: Vec<&str> = Vec::new();
        let place: Vec<usize> = texts
            .iter()
            .map(|&text| {
                *places.entry(text).or_insert_with(|| {
                    distinct.push(text);
                    distinct.len() - 1
                })
            })
            .collect();
        let vectors = self.embed_distinct(&distinct, threads)?;
        Ok(place.into_iter().map(|place| vectors[place].clone()).collect())
    }

    fn embed_distinct(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        let hash = self.hash();
        let keys: Vec<cache::Key> = texts.iter().map(|text| cache::key(hash, text)).collect();
        let recent = || cache::recent().lock().unwrap_or_else(PoisonError::into_inner);
        let remembered: Vec<Option<Arc<[f32]>>> = {
            let mut recent = recent();
            keys.iter().map(|key| recent.get(key)).collect()
        };
        // what is remembered is looked up too: this store may be another than the one it was put into
        let stored = match &self.store {
            Some(store) => store.get(hash, texts, self.dimensions())?,
            None => vec![None; texts.len()],
        };
        let known = |i: usize| remembered[i].as_ref().or(stored[i].as_ref()).cloned();
        let absent: Vec<&str> = (0..texts.len()).filter(|&i| known(i).is_none()).map(|i| texts[i]).collect();
        let mut computed = self.model.encode(&absent, threads.max(1))?.into_iter();
        let vectors: Vec<Arc<[f32]>> = (0..texts.len()).filter_map(|i| known(i).or_else(|| computed.next())).collect();
        if let Some(store) = &self.store
            && stored.iter().any(Option::is_none)
        {
            let new = (0..texts.len()).filter(|&i| stored[i].is_none());
            store.put(hash, new.map(|i| (texts[i], &vectors[i])))?;
        }
        let mut recent = recent();
        for i in (0..texts.len()).filter(|&i| remembered[i].is_none()) {
            recent.put(keys[i], vectors[i].clone());
        }
        Ok(vectors)
    }
}

#[derive(Debug)]
struct Model {
    tokens: Tokens,
    encoder: Encoder,
    pooling: Vec<Pooling>,
    normalize: bool,
    dimensions: usize,
    hash: String,
}

#[derive(Debug)]
enum Encoder {
    Packed(Box<Packed>),
    Tensors(TensorEncoder),
}

impl Model {
    fn load(choice: &Choice) -> Result<Model, EmbedError> {
        let pipeline = Pipeline::read(&choice.folder)?;
        let folder = &pipeline.transformer;
        let shown = folder.display().to_string();
        let config = Json::read(&folder.join("config.json"))?;
        let kind = config.text("model_type", "")?;
        let mut files = weights::Files::new(&choice.folder);
        let (encoder, hidden, rows, longest) = match Shape::read(&config, &kind)? {
            Some(shape) => {
                let sizes = (shape.hidden, shape.vocabulary, shape.longest());
                let encoder = match choice {
                    Choice { cuda: false, dtype: Dtype::F32, .. } => {
                        Encoder::Packed(Box::new(Packed::new(shape, packed_tensors(&mut files, folder)?, &shown)?))
                    }
                    _ => Encoder::Tensors(TensorEncoder::bert(shape, &mut files, folder, choice.cuda, choice.dtype)?),
                };
                (encoder, sizes.0, sizes.1, sizes.2)
            }
            None if kind == "mistral" => {
                let shape = tensors::MistralShape::read(&config)?;
                let sizes = (shape.hidden, shape.vocabulary, shape.longest);
                let encoder = TensorEncoder::mistral(shape, &mut files, folder, choice.cuda, choice.dtype)?;
                (Encoder::Tensors(encoder), sizes.0, sizes.1, sizes.2)
            }
            None => return Err(config.invalid("model_type", SUPPORTED, &kind.into())),
        };
        let max = pipeline.max_tokens.unwrap_or(longest).min(longest);
        let bytes = files.read(&folder.join("tokenizer.json"))?;
        let settings = Json::read_optional(&folder.join("tokenizer_config.json"))?;
        if settings.text("truncation_side", "right")? != "right" {
            return Err(settings.invalid("truncation_side", "be \"right\"", &settings.value["truncation_side"]));
        }
        let tokens = Tokens::read(folder, &bytes, max, &pipeline.prompt, pipeline.lower_case)?;
        if tokens.vocabulary() > rows {
            return Err(EmbedError::Vocabulary { folder: shown, tokens: tokens.vocabulary(), rows });
        }
        let Pipeline { pooling, normalize, prompt, lower_case, .. } = pipeline;
        files.mix(&format!("{} {max} {pooling:?} {normalize} {lower_case} {prompt}", config.value));
        files.mix(choice.dtype.name());
        files.mix(if choice.cuda { "cuda" } else { "cpu" });
        let dimensions = hidden * pooling.len();
        Ok(Model { tokens, encoder, pooling, normalize, dimensions, hash: files.hash() })
    }

    /// The vectors of `texts`, computed. Texts of like length go together into batches; a worker takes one at a time.
    fn encode(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        const CHUNK: usize = 64;
        let chunk = |i: usize| -> Result<Vec<Vec<u32>>, EmbedError> {
            texts[i * CHUNK..texts.len().min((i + 1) * CHUNK)].iter().map(|text| self.tokens.encode(text)).collect()
        };
        let chunks = parallel::map(threads, texts.len().div_ceil(CHUNK), chunk);
        let ids: Vec<Vec<u32>> = chunks.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let total: usize = ids.iter().map(Vec::len).sum();
        let (batching, workers) = match &self.encoder {
            // fewer tokens where some thread would have nothing to do
            Encoder::Packed(_) => {
                let limit = total.div_ceil(threads).clamp(BATCH / 8, BATCH);
                (Batching { limit, alike: false }, threads)
            }
            // cores or card are shared inside of a batch
            Encoder::Tensors(tensors) => (tensors.batching(), 1),
        };
        let batches = batches(&ids, batching);
        let batch = |i: usize| -> Result<Vec<Arc<[f32]>>, EmbedError> {
            let batch: Vec<&[u32]> = batches[i].iter().map(|&text| ids[text].as_slice()).collect();
            let mut vectors = Vec::new();
            let mut take = |i: usize, rows: &[f32]| vectors.push(self.pool(rows, batch[i].len()));
            match &self.encoder {
                Encoder::Packed(packed) => packed.encode(&batch, &mut take),
                Encoder::Tensors(tensors) => tensors.encode(&batch, &mut take)?,
            }
            Ok(vectors)
        };
        let computed = parallel::map(workers, batches.len(), batch);
        let mut vectors: Vec<Option<Arc<[f32]>>> = vec![None; texts.len()];
        for (batch, computed) in batches.iter().zip(computed) {
            batch.iter().zip(computed?).for_each(|(&text, vector)| vectors[text] = Some(vector));
        }
        // a text without any token: no template, nothing the tokenizer knows
        Ok(vectors.into_iter().map(|vector| vector.unwrap_or_else(|| vec![0.0; self.dimensions].into())).collect())
    }

    /// One vector from those of `n` tokens, by rows.
    fn pool(&self, rows: &[f32], n: usize) -> Arc<[f32]> {
        let width = rows.len() / n.max(1);
        let mut vector = Vec::with_capacity(self.dimensions);
        for pooling in &self.pooling {
            let start = vector.len();
            match pooling {
                Pooling::First => vector.extend_from_slice(&rows[..width]),
                Pooling::Last => vector.extend_from_slice(&rows[rows.len() - width..]),
                Pooling::Max | Pooling::Mean => {
                    vector.extend_from_slice(&rows[..width]);
                    let pooled = &mut vector[start..];
                    for row in rows.chunks_exact(width).skip(1) {
                        for (value, x) in pooled.iter_mut().zip(row) {
                            *value = if *pooling == Pooling::Max { value.max(*x) } else { *value + x };
                        }
                    }
                    if *pooling == Pooling::Mean {
                        pooled.iter_mut().for_each(|value| *value /= n as f32);
                    }
                }
            }
        }
        if self.normalize {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
            vector.iter_mut().for_each(|x| *x /= length);
        }
        vector.into()
    }
}

/// How texts go into batches.
#[derive(Debug, Clone, Copy)]
struct Batching {
    /// Tokens of a batch, more only where one text has more.
    limit: usize,
    /// Whether all texts of a batch have the same number of tokens.
    alike: bool,
}

/// Indices of the texts that have tokens, the longest first, parted into batches.
fn batches(ids: &[Vec<u32>], batching: Batching) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ids.len()).filter(|&i| !ids[i].is_empty()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(ids[i].len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let (mut tokens, mut last) = (0, 0);
    for i in order {
        let length = ids[i].len();
        match batches.last_mut() {
            Some(batch) if tokens + length <= batching.limit && (last == length || !batching.alike) => batch.push(i),
            _ => {
                batches.push(vec![i]);
                tokens = 0;
            }
        }
        tokens += length;
        last = length;
    }
    batches
}

/// All weights as `f32`.
fn packed_tensors(files: &mut weights::Files, folder: &Path) -> Result<packed::Tensors, EmbedError> {
    let mut tensors = packed::Tensors::new();
    files.each(folder, |name, view| {
        // whole numbers are tables of positions, which are computed here
        if let Some(values) = weights::numbers(view) {
            tensors.insert(name.to_string(), (view.shape().to_vec(), values));
        }
        Ok(())
    })?;
    Ok(tensors)
}

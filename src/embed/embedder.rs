//! Vectors of texts: models shared by the whole process, and vectors that are remembered.

use super::cache::{self, Stored};
use super::error::EmbedError;
use super::hub::Places;
use super::model::{Model, ModelKey};
use super::resolve;
use super::settings::{Chunks, Device, Settings};
use super::tensors::has_cuda;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A model that is ready, with the store of its vectors.
#[derive(Debug)]
pub struct Embedder {
    model: Arc<Model>,
    chunks: Chunks,
    store: Option<Stored>,
}

/// The model of `settings`, loaded at the first call and shared by all that follow in this process.
///
/// # Errors
///
/// Where the model is not found, cannot be downloaded or loaded, where there is no graphics card, and where the store cannot be
/// opened.
pub fn open(settings: &Settings) -> Result<Arc<Embedder>, EmbedError> {
    let folder = resolve::folder(&settings.model, &Places::from_environment())?;
    let folder = folder
        .canonicalize()
        .map_err(|error| EmbedError::File { path: folder.display().to_string(), message: error.to_string() })?;
    let cuda = match settings.device {
        Device::Cpu => false,
        Device::Cuda => true,
        Device::Auto => has_cuda(),
    };
    let model = shared(ModelKey { folder, cuda, dtype: settings.dtype })?;
    let store = settings.store.as_deref().map(Stored::open).transpose()?;
    Ok(Arc::new(Embedder { model, chunks: settings.chunks, store }))
}

/// The model of `key`, loaded at the first call; a call for one that is being loaded waits for it.
pub(super) fn shared(key: ModelKey) -> Result<Arc<Model>, EmbedError> {
    type Slot = Arc<Mutex<Option<Arc<Model>>>>;
    static MODELS: Mutex<Option<HashMap<ModelKey, Slot>>> = Mutex::new(None);
    let slot = {
        let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
        models.get_or_insert_default().entry(key.clone()).or_default().clone()
    };
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = slot.as_ref() {
        return Ok(model.clone());
    }
    let model = Arc::new(Model::load(&key)?);
    Ok(slot.insert(model).clone())
}

impl Embedder {
    /// Length of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    /// One vector a text, in order, by at most `threads` threads. Equal texts are computed once, and texts whose vectors are
    /// remembered, in memory or in the store, not at all.
    ///
    /// # Errors
    ///
    /// Where the tokenizer, the device or the store fails.
    pub fn embed(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        self.embed_keeping(texts, threads, &|_| true)
    }

    /// As [`Embedder::embed`], but the store keeps the vectors of those texts only that `keep` says.
    ///
    /// # Errors
    ///
    /// Those of [`Embedder::embed`].
    pub(crate) fn embed_keeping(
        &self,
        texts: &[&str],
        threads: usize,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        // to look for a vector that was made before takes longer than to make it
        if self.model.is_static() && self.store.is_none() {
            return self.computed(texts, threads);
        }
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
        let vectors = self.embed_distinct(&distinct, threads, keep)?;
        Ok(place.into_iter().map(|place| vectors[place].clone()).collect())
    }

    /// One vector a text, computed.
    fn computed(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        match self.chunks {
            Chunks::First => self.model.encode(texts, threads.max(1)),
            Chunks::Mean => self.model.encode_windows(texts, threads.max(1)),
        }
    }

    /// One vector a text, where all texts differ from each other.
    fn embed_distinct(
        &self,
        texts: &[&str],
        threads: usize,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        let hash = &match self.chunks {
            Chunks::First => self.model.hash().to_string(),
            Chunks::Mean => format!("{} mean", self.model.hash()),
        };
        let keys: Vec<cache::Key> = texts.iter().map(|text| cache::key(hash, text)).collect();
        let recent = || cache::recent().lock().unwrap_or_else(PoisonError::into_inner);
        let remembered: Vec<Option<Arc<[f32]>>> = {
            let mut recent = recent();
            keys.iter().map(|key| recent.get(key)).collect()
        };
        // remembered vectors are looked up too: this store may be another than the one they were put into
        let stored = match &self.store {
            Some(store) => store.get(hash, texts, self.model.dimensions())?,
            None => vec![None; texts.len()],
        };
        let known = |i: usize| remembered[i].as_ref().or(stored[i].as_ref()).cloned();
        let absent: Vec<&str> = (0..texts.len()).filter(|&i| known(i).is_none()).map(|i| texts[i]).collect();
        let mut computed = self.computed(&absent, threads)?.into_iter();
        let vectors: Vec<Arc<[f32]>> = (0..texts.len()).filter_map(|i| known(i).or_else(|| computed.next())).collect();
        let is_new = |i: &usize| stored[*i].is_none() && keep(texts[*i]);
        if let Some(store) = &self.store
            && (0..texts.len()).any(|i| is_new(&i))
        {
            let new = (0..texts.len()).filter(is_new);
            store.put(hash, new.map(|i| (texts[i], &vectors[i])))?;
        }
        let mut recent = recent();
        for i in (0..texts.len()).filter(|&i| remembered[i].is_none()) {
            recent.put(keys[i], vectors[i].clone());
        }
        Ok(vectors)
    }
}

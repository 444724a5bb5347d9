//! A model that is ready: tokens, encoder, pooling.

use super::architectures::Config;
use super::batches::batches;
use super::encoder::Encoder;
use super::error::{EmbedError, MAX_WORKSPACE};
use super::json::Json;
use super::model2vec::{StaticConfig, Table};
use super::pipeline::{Pipeline, Pooling};
use super::settings::Dtype;
use super::tokens::Tokens;
use super::weights::Files;
use crate::parallel;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Identity of a loaded model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ModelKey {
    pub(crate) folder: PathBuf,
    pub(crate) cuda: bool,
    pub(crate) dtype: Dtype,
}

/// A model with its tokenizer and weights.
#[derive(Debug)]
pub(crate) struct Model {
    pub(super) tokens: Tokens,
    pub(super) encoder: Encoder,
    pooling: Vec<Pooling>,
    normalize: bool,
    dimensions: usize,
    hash: String,
}

impl Model {
    /// The model of `key`.
    ///
    /// # Errors
    ///
    /// Where a file of the model is missing, damaged or asks for what is not known here, and where there is no graphics card.
    pub(crate) fn load(key: &ModelKey) -> Result<Model, EmbedError> {
        match StaticConfig::read(&key.folder)? {
            Some(config) => Model::load_static(&key.folder, &config),
            None => Model::load_transformer(key),
        }
    }

    fn load_static(folder: &Path, config: &StaticConfig) -> Result<Model, EmbedError> {
        let mut files = Files::new(folder);
        let bytes = files.read(&folder.join("tokenizer.json"))?;
        let tokens = Tokens::of_static(folder, &bytes, config.max_length)?;
        let table = Table::load(&mut files, folder, tokens.vocabulary())?;
        files.mix(&config.json.value.to_string());
        let (dimensions, normalize) = (table.width(), config.normalize);
        let encoder = Encoder::Table(table);
        Ok(Model { tokens, encoder, pooling: vec![Pooling::Mean], normalize, dimensions, hash: files.hash() })
    }

    fn load_transformer(key: &ModelKey) -> Result<Model, EmbedError> {
        let pipeline = Pipeline::read(&key.folder)?;
        let folder = &pipeline.transformer;
        let json = Json::read(&folder.join("config.json"))?;
        let config = Config::read(&json)?;
        let (hidden_size, vocab_size, longest) = (config.hidden_size(), config.vocab_size(), config.max_tokens());
        let max = pipeline.max_tokens.unwrap_or(longest).min(longest);
        let bytes = config.workspace(max);
        if bytes > MAX_WORKSPACE {
            return Err(EmbedError::Size { folder: folder.display().to_string(), tokens: max, bytes });
        }
        let mut files = Files::new(&key.folder);
        let encoder = Encoder::load(config, &mut files, folder, key.cuda, key.dtype)?;
        let bytes = files.read(&folder.join("tokenizer.json"))?;
        let settings = Json::read_optional(&folder.join("tokenizer_config.json"))?;
        if settings.text("truncation_side", "right")? != "right" {
            return Err(settings.invalid("truncation_side", "be \"right\"", &settings.value["truncation_side"]));
        }
        let tokens = Tokens::read(folder, &bytes, max, &pipeline.prompt, pipeline.lower_case)?;
        if tokens.vocabulary() > vocab_size {
            let folder = folder.display().to_string();
            return Err(EmbedError::Vocabulary { folder, tokens: tokens.vocabulary(), rows: vocab_size });
        }
        let Pipeline { pooling, normalize, prompt, lower_case, .. } = pipeline;
        files.mix(&format!("{} {max} {pooling:?} {normalize} {lower_case} {prompt}", json.value));
        files.mix(key.dtype.name());
        files.mix(if key.cuda { "cuda" } else { "cpu" });
        let dimensions = hidden_size * pooling.len();
        Ok(Model { tokens, encoder, pooling, normalize, dimensions, hash: files.hash() })
    }

    /// Length of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Whether vectors are looked up and not computed.
    pub(crate) fn is_static(&self) -> bool {
        matches!(self.encoder, Encoder::Table(_))
    }

    /// SHA-256 of weights, tokenizer, configuration, number type and kind of device, in hexadecimal: models with the same hash
    /// give the same vectors.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// The vectors of `texts`, each of the beginning of its text.
    ///
    /// # Errors
    ///
    /// Where the tokenizer or the device fails.
    pub(crate) fn encode(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        let ids = tokenised(texts, threads, |text| self.tokens.encode(text))?;
        self.vectors(&ids, threads)
    }

    /// The vectors of `texts`, each of all windows of its text: their mean, weighted by their numbers of tokens.
    ///
    /// # Errors
    ///
    /// Where the tokenizer or the device fails.
    pub(crate) fn encode_windows(&self, texts: &[&str], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        /// Number of bytes of texts from which on no more of them have their windows in memory.
        const TOGETHER: usize = 4 << 20;
        let mut vectors = Vec::with_capacity(texts.len());
        while vectors.len() < texts.len() {
            let mut bytes = 0;
            let few = texts[vectors.len()..].iter().take_while(|text| {
                bytes += text.len();
                bytes - text.len() < TOGETHER
            });
            let few: Vec<&str> = few.copied().collect();
            let windows = tokenised(&few, threads, |text| self.tokens.windows(text))?;
            let counts: Vec<usize> = windows.iter().map(Vec::len).collect();
            let ids: Vec<Vec<u32>> = windows.into_iter().flatten().collect();
            let computed = self.vectors(&ids, threads)?;
            let mut first = 0;
            for count in counts {
                let own = first..first + count;
                vectors.push(self.mean(&ids[own.clone()], &computed[own]));
                first += count;
            }
        }
        Ok(vectors)
    }

    /// The vector of a text from those of its windows, whose tokens are `ids`.
    fn mean(&self, ids: &[Vec<u32>], vectors: &[Arc<[f32]>]) -> Arc<[f32]> {
        if let [one] = vectors {
            return one.clone();
        }
        let (mut sum, mut weights) = (vec![0.0_f32; self.dimensions], 0.0_f32);
        for (ids, vector) in ids.iter().zip(vectors) {
            let weight = self.tokens.own(ids) as f32;
            weights += weight;
            sum.iter_mut().zip(vector.iter()).for_each(|(sum, x)| *sum += weight * x);
        }
        sum.iter_mut().for_each(|sum| *sum /= weights.max(1.0));
        self.finish(sum)
    }

    /// The vectors of texts by their tokens. Texts of like length go together into batches; a worker takes one at a time.
    fn vectors(&self, ids: &[Vec<u32>], threads: usize) -> Result<Vec<Arc<[f32]>>, EmbedError> {
        let (batching, workers) = self.encoder.batching(ids.iter().map(Vec::len).sum(), threads);
        let batches = batches(ids, batching);
        let batch = |i: usize| -> Result<Vec<Arc<[f32]>>, EmbedError> {
            let batch: Vec<&[u32]> = batches[i].iter().map(|&text| ids[text].as_slice()).collect();
            let mut vectors = Vec::with_capacity(batch.len());
            self.encoder.encode(&batch, |_, rows| vectors.push(self.pool(rows)))?;
            Ok(vectors)
        };
        let computed = parallel::map(workers, batches.len(), batch);
        let mut vectors: Vec<Option<Arc<[f32]>>> = vec![None; ids.len()];
        for (batch, computed) in batches.iter().zip(computed) {
            for (&text, vector) in batch.iter().zip(computed?) {
                if !vector.iter().all(|x| x.is_finite()) {
                    return Err(EmbedError::Overflow);
                }
                vectors[text] = Some(vector);
            }
        }
        // a text without any token: no template, nothing the tokenizer knows
        Ok(vectors.into_iter().map(|vector| vector.unwrap_or_else(|| vec![0.0; self.dimensions].into())).collect())
    }

    /// One vector from those of tokens, by rows.
    pub(super) fn pool(&self, rows: &[f32]) -> Arc<[f32]> {
        let width = self.dimensions / self.pooling.len();
        let n = rows.len() / width;
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
        self.finish(vector)
    }

    /// The vector, of length 1 where the model wants that.
    fn finish(&self, mut vector: Vec<f32>) -> Arc<[f32]> {
        if self.normalize {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
            vector.iter_mut().for_each(|x| *x /= length);
        }
        vector.into()
    }
}

/// Results of `tokenise` for each text, by at most `threads` threads.
fn tokenised<T: Send>(
    texts: &[&str],
    threads: usize,
    tokenise: impl Fn(&str) -> Result<T, EmbedError> + Sync,
) -> Result<Vec<T>, EmbedError> {
    let size = texts.len().div_ceil(threads).clamp(1, 64);
    let chunk = |i: usize| -> Result<Vec<T>, EmbedError> {
        texts[i * size..texts.len().min((i + 1) * size)].iter().map(|text| tokenise(text)).collect()
    };
    let chunks = parallel::map(threads, texts.len().div_ceil(size), chunk);
    Ok(chunks.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

//! The kernels behind `keybert_keywords`, `tfidf_keywords` and `stop_words`.
//!
//! `keybert_keywords` takes two: the options are checked once, before any text is read, and kept in this process under
//! a key; the second kernel gets texts and the key. A list of candidates may be long, and as an argument of its own it would
//! be copied for each of the 2,048 texts of a vector.

use super::embed::{device, store};
use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, lists, rows, rows_of, text};
use crate::embed::{self, Dtype};
use crate::hash::hexadecimal;
use crate::keywords::tokens;
use crate::keywords::vectorizer::{self, Frequency, Limits};
use crate::keywords::{Keyword, keybert, stop_words, tfidf};
use crate::options::{OptionError, Options, texts};
use crate::progress::Line;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Words in a phrase, at most.
const LONGEST: u64 = 20;

/// The options `ngram_min`, `ngram_max` and `stop_words`.
pub fn words(options: &mut Options) -> Result<tokens::Settings, OptionError> {
    let ngram_min = options.whole("ngram_min", 1, LONGEST)?;
    let ngram_max = options.whole("ngram_max", 1, LONGEST)?;
    if ngram_min > ngram_max {
        return Err(options.invalid(
            "ngram_min",
            &format!("be at most ngram_max, {ngram_max}"),
            Some(ngram_min.to_string()),
        ));
    }
    let stop_words = stop_word_list(options)?;
    Ok(tokens::Settings { ngram_min: ngram_min as usize, ngram_max: ngram_max as usize, stop_words })
}

/// The option `stop_words`: the name of a list, or a list.
pub fn stop_word_list(options: &mut Options) -> Result<HashSet<String>, OptionError> {
    let allowed = "be 'english', 'study', 'none', NULL or a list of words without NULL";
    let Some(value) = options.optional_json("stop_words", allowed)? else { return Ok(HashSet::new()) };
    match value.as_str() {
        Some("english") => return Ok(stop_words::english()),
        Some("study") => return Ok(stop_words::study()),
        Some("none") => return Ok(HashSet::new()),
        _ => {}
    }
    let words = texts(&value).ok_or_else(|| {
        let shown = value.as_str().map_or_else(|| value.to_string(), |name| format!("'{name}'"));
        options.invalid("stop_words", allowed, Some(shown))
    })?;
    Ok(words.iter().map(|word| word.trim().to_lowercase()).collect())
}

/// The options `min_df`, `max_df` and `max_features`.
pub fn limits(options: &mut Options) -> Result<Limits, OptionError> {
    let (min_df, max_df) = (frequency(options, "min_df")?, frequency(options, "max_df")?);
    let whole = |x: f64| x >= 1.0 && x.fract() == 0.0 && x < 1e9;
    let max_features = options.optional_number("max_features", "be a whole number of at least 1, or NULL", whole)?;
    Ok(Limits { min_df, max_df, max_features: max_features.map(|n| n as usize) })
}

/// As in scikit-learn a whole number counts documents and a decimal one is a share: 1 is one document, 1.0 all of them.
fn frequency(options: &mut Options, name: &str) -> Result<Frequency, OptionError> {
    let given = options.text(name);
    let text = given.as_deref().unwrap_or_default().trim();
    if let Ok(documents @ 1..) = text.parse::<u64>() {
        return Ok(Frequency::Documents(documents));
    }
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) && text.contains(['.', 'e', 'E']) => Ok(Frequency::Share(share)),
        Ok(documents) if documents > 1.0 && documents.fract() == 0.0 && documents < 1e15 => {
            Ok(Frequency::Documents(documents as u64))
        }
        _ => {
            let allowed = "be a whole number of documents of at least 1, or a share of them from 0.0 to 1.0";
            Err(options.invalid(name, allowed, given))
        }
    }
}

/// Ranked keywords, as the columns of the two functions that find them.
const RANKED: &Schema = &[("rank", Kind::Integer), ("keyword", Kind::Text), ("score", Kind::Real)];

fn ranked(keywords: Vec<Keyword>) -> Vec<Column> {
    let (terms, scores) = keywords.into_iter().map(|k| (Some(k.term), Some(k.score))).unzip::<_, _, Vec<_>, _>();
    vec![Column::Integer((1..=terms.len() as i64).map(Some).collect()), Column::Text(terms), Column::Real(scores)]
}

/// What one statement asks of `muster_keybert_keywords`.
struct Keybert {
    keywords: keybert::Settings,
    model: embed::Settings,
    threads: usize,
}

/// Checked options by key. They stay: a prepared statement may hold a key for as long as the process lives.
static KNOWN: Mutex<Option<HashMap<String, Arc<Keybert>>>> = Mutex::new(None);

/// `muster_keybert_settings(options)`
pub struct KeybertSettings;

impl Kernel for KeybertSettings {
    const NAME: &'static str = "muster_keybert_settings";
    const COLUMNS: &'static Schema = &[("key", Kind::Text)];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let json = text(input, 0, call);
        let settings = keybert_settings(json)?;
        let key = hexadecimal(&Sha256::digest(json.as_bytes()));
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().insert(key.clone(), Arc::new(settings));
        Ok(vec![Column::Text(vec![Some(key)])])
    }
}

#[derive(Clone, Copy)]
enum Method {
    Plain,
    Mmr,
    MaxSum,
    MaxSumGreedy,
}

fn keybert_settings(json: &str) -> Result<Keybert, Failure> {
    let caller = "keybert_keywords";
    let mut options = Options::parse(caller, json)?;
    let methods = [
        ("plain", Method::Plain),
        ("mmr", Method::Mmr),
        ("maxsum", Method::MaxSum),
        ("maxsum_greedy", Method::MaxSumGreedy),
    ];
    let method = options.choice("method", &methods)?;
    let diversity = options.number("diversity", "lie between 0 and 1", |x| (0.0..=1.0).contains(&x))?;
    let nr_candidates = options.whole("nr_candidates", 1, 1_000)? as usize;
    let top_n = options.whole("top_n", 1, 10_000)? as usize;
    let words = words(&mut options)?;
    let candidates = options.optional_texts("candidates")?;
    if candidates.as_ref().is_some_and(Vec::is_empty) {
        return Err(options.invalid("candidates", "hold at least one term, or be NULL", Some("[]".to_string())).into());
    }
    let seed_keywords = options.optional_texts("seed_keywords")?.unwrap_or_default();
    let model = embed::Settings {
        model: options.required_text("model", "name a model")?,
        device: device(&mut options)?,
        dtype: Dtype::F32,
        store: store(&mut options)?,
    };
    let threads = options.whole("threads", 1, 1 << 20)? as usize;
    options.finish()?;
    let method = match method {
        Method::Plain => keybert::Method::Plain,
        Method::Mmr => keybert::Method::Mmr { diversity },
        Method::MaxSum => keybert::Method::MaxSum { nr_candidates },
        Method::MaxSumGreedy => keybert::Method::MaxSumGreedy { nr_candidates },
    };
    let keywords = keybert::Settings::new(words, method, top_n, candidates.as_deref(), seed_keywords)
        .map_err(|error| format!("{caller}: {error}"))?;
    Ok(Keybert { keywords, model, threads })
}

/// `muster_keybert_keywords(text, key)`: the ranked keywords of each text of a vector.
pub struct KeybertKeywords;

impl VArrowScalar for KeybertKeywords {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let caller = "keybert_keywords";
        let (all, key) = (input.column(0).as_string::<i32>(), text(&input, 1, 0));
        let known =
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|known| known.get(key).cloned());
        let settings = known.ok_or_else(|| format!("{caller}: use muster.{caller} instead of its kernel"))?;
        let texts: Vec<&str> = all.iter().map(Option::unwrap_or_default).collect();
        let embedder = embed::open(&settings.model).map_err(|error| format!("{caller}: {error}"))?;
        let line = Line::new(caller, texts.len());
        let mut embed = |texts: &[&str]| embedder.embed(texts, settings.threads);
        let found =
            keybert::extract(&texts, &settings.keywords, settings.threads, &mut embed, &mut |done| line.set(done));
        let found = found.map_err(|error| format!("{caller}: {error}"))?;
        lists(RANKED, found.into_iter().map(ranked).collect())
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(vec![DataType::Utf8, DataType::Utf8], rows_of(RANKED))]
    }
}

/// The texts that the macro hands over, by number.
const DOCUMENTS: &Schema = &[("position", Kind::Integer), ("text", Kind::Text)];

/// `muster_tfidf_keywords(documents, options)`
pub struct TfidfKeywords;

impl Kernel for TfidfKeywords {
    const NAME: &'static str = "muster_tfidf_keywords";
    const COLUMNS: &'static Schema =
        &[("position", Kind::Integer), ("rank", Kind::Integer), ("keyword", Kind::Text), ("score", Kind::Real)];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(DOCUMENTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "tfidf_keywords";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let words = words(&mut options)?;
        let limits = limits(&mut options)?;
        let top_n = options.whole("top_n", 1, 1_000_000)? as usize;
        let threads = options.whole("threads", 1, 1 << 20)? as usize;
        options.finish()?;
        let documents = rows(input, 0, call);
        let positions = documents.column(0).as_primitive::<Int64Type>();
        let texts = documents.column(1).as_string::<i32>();
        let texts: Vec<&str> = texts.iter().map(Option::unwrap_or_default).collect();
        let counts = vectorizer::count(&texts, &words, &limits).map_err(|error| format!("{caller}: {error}"))?;
        let found = tfidf::keywords(&counts, top_n, threads);
        let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (document, keywords) in found.into_iter().enumerate() {
            for (rank, keyword) in (1..).zip(keywords) {
                columns.0.push(Some(positions.value(document)));
                columns.1.push(Some(rank));
                columns.2.push(Some(keyword.term));
                columns.3.push(Some(keyword.score));
            }
        }
        let (positions, ranks, terms, scores) = columns;
        Ok(vec![Column::Integer(positions), Column::Integer(ranks), Column::Text(terms), Column::Real(scores)])
    }
}

/// `muster_stop_words('')`
pub struct StopWords;

impl Kernel for StopWords {
    const NAME: &'static str = "muster_stop_words";
    const COLUMNS: &'static Schema = &[("word", Kind::Text), ("kind", Kind::Text)];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn call(_: &RecordBatch, _: usize) -> Result<Vec<Column>, Failure> {
        let (words, kinds) = stop_words::table().map(|(word, kind)| (Some(word.to_string()), kind)).unzip();
        Ok(vec![Column::Text(words), Column::Names(kinds)])
    }
}

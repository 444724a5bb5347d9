//! The kernels behind `keybert_keywords`, `tfidf_keywords` and `stop_words`.
//!
//! `keybert_keywords` takes two: the options are checked once, before any text is read, and kept in this process under
//! a key; the second kernel gets texts and the key. A list of candidates may be long, and as an argument of its own it would
//! be copied for each of the 2,048 texts of a vector.

use super::embed::{chunks, model};
use super::kernel::{Kernel, VectorKernel, register as kernel};
use super::options::{self, NameOrList, OptionError, Options};
use super::rows::{Failure, Listed, Rows, list, list_of, listed, text};
use crate::affiliation::{Terms, parts};
use crate::embed::{self, Dtype};
use crate::hash::hexadecimal;
use crate::keywords::names::Names;
use crate::keywords::tokens::{self, Cut};
use crate::keywords::vectorizer::{self, Frequency, Limits};
use crate::keywords::{Keyword, keybert, stop_words, tfidf};
use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray, ListArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Float32Type};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of words of a phrase.
const LONGEST: u64 = 20;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<KeybertSettings>(connection)?;
    kernel::<KeybertKeywords>(connection)?;
    kernel::<TfidfKeywords>(connection)?;
    kernel::<StopWords>(connection)
}

/// The options `ngram_min`, `ngram_max`, `tokenizer`, `stop_words` and `leave_out`.
pub(super) fn words(options: &mut Options) -> Result<tokens::Settings, OptionError> {
    let ngram_min = options.whole("ngram_min", 1, LONGEST)?;
    let ngram_max = options.whole("ngram_max", 1, LONGEST)?;
    if ngram_min > ngram_max {
        return Err(options.invalid(
            "ngram_min",
            &format!("be at most ngram_max, {ngram_max}"),
            Some(ngram_min.to_string()),
        ));
    }
    let cut = options.choice("tokenizer", &[("unicode", Cut::Unicode), ("scikit-learn", Cut::ScikitLearn)])?;
    let stop_words = stop_word_list(options, cut)?;
    let names = names(&options.optional_texts("leave_out")?.unwrap_or_default(), cut);
    Ok(tokens::Settings { ngram_min: ngram_min as usize, ngram_max: ngram_max as usize, cut, stop_words, names })
}

/// The option `stop_words`: the name of a list, or a list, whose words are cut as texts are.
pub(super) fn stop_word_list(options: &mut Options, cut: Cut) -> Result<HashSet<String>, OptionError> {
    let allowed = "be 'english', 'study', 'none', NULL or a list of words without NULL";
    match options.name_or_list("stop_words", allowed)? {
        None => Ok(HashSet::new()),
        Some(NameOrList::List(words)) => Ok(cut.stop_words(&words)),
        Some(NameOrList::Name(name)) => match name.as_str() {
            "english" => Ok(stop_words::english()),
            "study" => Ok(stop_words::study()),
            "none" => Ok(HashSet::new()),
            _ => Err(options.invalid("stop_words", allowed, Some(format!("'{name}'")))),
        },
    }
}

/// Names as given, and as those of organisations: without legal form, place and remarks.
fn names(given: &[String], cut: Cut) -> Names {
    let cleaned = given.iter().flat_map(|name| parts(name, Terms::standard())).map(|part| part.name);
    cut.names(&given.iter().cloned().chain(cleaned).collect::<Vec<_>>())
}

/// The options `min_df`, `max_df`, `max_features` and `merge`.
pub(super) fn limits(options: &mut Options) -> Result<Limits, OptionError> {
    let (min_df, max_df) = (frequency(options, "min_df")?, frequency(options, "max_df")?);
    let whole = |x: f64| x >= 1.0 && x.fract() == 0.0 && x < 1e9;
    let max_features = options.optional_number("max_features", "be a whole number of at least 1, or NULL", whole)?;
    let merge = options.boolean("merge")?;
    Ok(Limits { min_df, max_df, max_features: max_features.map(|n| n as usize), merge })
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

/// The settings of a statement that calls `muster_keybert_keywords`.
struct Keybert {
    keywords: keybert::Settings,
    /// Texts that pull the keywords towards them.
    seeds: HashSet<String>,
    model: embed::Settings,
    /// Whether the store keeps the vectors of phrases too.
    store_phrases: bool,
    threads: usize,
}

/// Checked options by key. They are never dropped: a prepared statement may hold a key for as long as the process lives.
static KNOWN: Mutex<Option<HashMap<String, Arc<Keybert>>>> = Mutex::new(None);

/// `muster_keybert_settings(options)`
struct KeybertSettings;

impl Kernel for KeybertSettings {
    const NAME: &'static str = "muster_keybert_settings";
    type Row = String;

    fn arguments() -> Vec<DataType> {
        vec![options::kind()]
    }

    fn rows() -> Rows<String> {
        Rows::new().text("key", |row: &String| Some(row))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<String>, Failure> {
        let options = Options::read(input, 0, call)?;
        let key = hexadecimal(&Sha256::digest(options.key().as_bytes()));
        let settings = keybert_settings(options)?;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().insert(key.clone(), Arc::new(settings));
        Ok(vec![key])
    }
}

#[derive(Clone, Copy)]
enum Method {
    Plain,
    Mmr,
    MaxSum,
    MaxSumGreedy,
}

fn keybert_settings(mut options: Options) -> Result<Keybert, Failure> {
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
    let merge = options.boolean("merge")?;
    let chunks = chunks(&mut options)?;
    let model = model(&mut options, Dtype::F32, chunks)?;
    let store_phrases = options.boolean("store_phrases")?;
    let seeds = seed_keywords.iter().cloned().collect();
    let threads = options.threads();
    options.finish()?;
    let method = match method {
        Method::Plain => keybert::Method::Plain,
        Method::Mmr => keybert::Method::Mmr { diversity },
        Method::MaxSum => keybert::Method::MaxSum { nr_candidates },
        Method::MaxSumGreedy => keybert::Method::MaxSumGreedy { nr_candidates },
    };
    let keywords = keybert::Settings::new(words, method, top_n, candidates.as_deref(), seed_keywords)?.merging(merge);
    Ok(Keybert { keywords, seeds, model, store_phrases, threads })
}

/// `muster_keybert_keywords(text, key, [vector])`: the ranked keywords of each text of a vector; `vector` is that of the text, NULL where
/// it is to be embedded, inside of a list since DuckDB calls no function with NULL.
struct KeybertKeywords;

/// A keyword with its rank.
type Ranked = (u32, Keyword);

impl VectorKernel for KeybertKeywords {
    const NAME: &'static str = "muster_keybert_keywords";
    type Row = Ranked;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, DataType::Utf8, list_of(list_of(DataType::Float32))]
    }

    fn rows() -> Rows<Ranked> {
        Rows::new()
            .integer("rank", |row: &Ranked| row.0)
            .text("keyword", |row| Some(&row.1.term))
            .real("score", |row| row.1.score)
    }

    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<Ranked>), Failure> {
        let (all, key) = (input.column(0).as_string::<i32>(), text(input, 1, 0));
        let known =
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|known| known.get(key).cloned());
        let settings = known.ok_or("use muster.keybert_keywords instead of its kernel")?;
        let texts: Vec<&str> = all.iter().map(Option::unwrap_or_default).collect();
        let embedder = embed::open(&settings.model)?;
        let own = input.column(2).as_list::<i32>();
        let own =
            (0..texts.len()).map(|row| own_vector(own, row, embedder.dimensions())).collect::<Result<Vec<_>, _>>()?;
        let whole: HashSet<&str> = texts.iter().copied().collect();
        let keep = |text: &str| settings.store_phrases || whole.contains(text) || settings.seeds.contains(text);
        let mut embed = |texts: &[&str]| embedder.embed_keeping(texts, settings.threads, &keep);
        let size = |phrases| size(phrases, embedder.dimensions());
        let found = keybert::extract(&texts, &own, &settings.keywords, settings.threads, &mut embed, &size)?;
        let lengths = found.iter().map(Vec::len).collect();
        Ok((lengths, found.into_iter().flat_map(|keywords| (1..).zip(keywords)).collect()))
    }
}

/// Numbers whose squares, and sums of them, are numbers of 32 bits too.
const SQUARED: std::ops::RangeInclusive<f32> = 1e-15..=1e15;

/// The vector of a text that was embedded elsewhere; `None` for NULL.
///
/// # Errors
///
/// Where it has not as many numbers as the model's, or not finite ones.
fn own_vector(vectors: &ListArray, row: usize, dimensions: usize) -> Result<Option<Arc<[f32]>>, Failure> {
    let one = vectors.value(row);
    let one = one.as_list::<i32>();
    if one.is_null(0) {
        return Ok(None);
    }
    let vector = one.value(0);
    if vector.len() != dimensions {
        let length = vector.len();
        return Err(
            format!("vectors must have as many numbers as those of the model, {dimensions}, got {length}").into()
        );
    }
    let numbers = vector.as_primitive::<Float32Type>();
    if let Some(wrong) = numbers.iter().find(|x| !x.is_some_and(f32::is_finite)) {
        let wrong = wrong.map_or("NULL".to_string(), |x| x.to_string());
        return Err(format!("vectors must hold finite numbers, got {wrong}").into());
    }
    let largest = numbers.values().iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    // zeros alone stay: a static model that knows no word of a text gives it these, and no keyword is near to them
    match SQUARED.contains(&largest) || largest == 0.0 {
        true => Ok(Some(numbers.values().as_ref().into())),
        false => Ok(Some(numbers.values().iter().map(|x| x / largest).collect())),
    }
}

/// Size of the work, for the line on the terminal.
fn size(phrases: usize, dimensions: usize) -> String {
    let bytes = phrases * dimensions * size_of::<f32>();
    format!("{phrases} phrases, {} MB of vectors", bytes.div_ceil(1_000_000))
}

listed! {
    /// A text by number.
    struct Document<'l> {
        position: u64,
        text: &'l str,
    }
}

/// `muster_tfidf_keywords(documents, options)`
struct TfidfKeywords;

/// A text's number, and one of its keywords with its rank.
type OfText = (u64, u32, Keyword);

impl Kernel for TfidfKeywords {
    const NAME: &'static str = "muster_tfidf_keywords";
    type Row = OfText;

    fn arguments() -> Vec<DataType> {
        vec![Document::data_type(), options::kind()]
    }

    fn rows() -> Rows<OfText> {
        Rows::new()
            .integer("position", |row: &OfText| row.0)
            .integer("rank", |row| row.1)
            .text("keyword", |row| Some(&row.2.term))
            .real("score", |row| row.2.score)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<OfText>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let words = words(&mut options)?;
        let limits = limits(&mut options)?;
        let top_n = options.whole("top_n", 1, 1_000_000)? as usize;
        let threads = options.threads();
        options.finish()?;
        let list = list(input, 0, call);
        let documents = Document::rows(&list)?;
        let texts: Vec<&str> = documents.iter().map(|document| document.text).collect();
        let counts = vectorizer::count(&texts, &words, &limits)?;
        let found = documents.iter().zip(tfidf::keywords(&counts, top_n, threads));
        let ranked = |(document, keywords): (&Document, Vec<Keyword>)| {
            let position = document.position;
            (1..).zip(keywords).map(move |(rank, keyword)| (position, rank, keyword))
        };
        Ok(found.flat_map(ranked).collect())
    }
}

/// `muster_stop_words('')`
struct StopWords;

/// A word, and the kind of list it stands in.
type Word = (&'static str, &'static str);

impl Kernel for StopWords {
    const NAME: &'static str = "muster_stop_words";
    type Row = Word;

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn rows() -> Rows<Word> {
        Rows::new().text("word", |row: &Word| Some(row.0)).text("kind", |row| Some(row.1))
    }

    fn call(_: &RecordBatch, _: usize) -> Result<Vec<Word>, Failure> {
        Ok(stop_words::table().collect())
    }
}

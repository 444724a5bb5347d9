//! The kernels behind `discriminative_keywords` and `keyword_scores`.

use super::kernel::{Kernel, register as kernel};
use super::keywords::{limits as document_limits, words};
use super::options::{self, Options};
use super::probit::limits;
use super::rows::{Failure, Listed, Rows, list, listed};
use crate::keywords::discriminative::{Counting, Row, Settings, discriminative};
use crate::stats::intervals::{Interval, jeffreys};
use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<DiscriminativeKeywords>(connection)?;
    kernel::<KeywordScores>(connection)
}

listed! {
    /// A text and its class.
    struct Document<'l> {
        label: &'l str,
        text: &'l str,
    }
}

/// `muster_discriminative_keywords(documents, options)`
struct DiscriminativeKeywords;

impl Kernel for DiscriminativeKeywords {
    const NAME: &'static str = "muster_discriminative_keywords";
    type Row = Row;

    fn arguments() -> Vec<DataType> {
        vec![Document::data_type(), options::kind()]
    }

    fn rows() -> Rows<Row> {
        Rows::new()
            .text("label", |row: &Row| Some(&row.label))
            .text("keyword", |row| Some(&row.keyword))
            .integer("n_documents", |row| row.n_documents)
            .real("frequency_share", |row| row.frequency_share)
            .real("tfidf_share", |row| row.tfidf_share)
            .real("score", |row| row.score)
            .real("log_odds", |row| row.log_odds)
            .real("log_odds_z", |row| row.log_odds_z)
            .real("p_value", |row| row.p_value)
            .real("q_value", |row| row.q_value)
            .integer("rank", |row| row.rank)
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Row>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let (words, limits) = (words(&mut options)?, document_limits(&mut options)?);
        let counting = options.choice("counts", &[("rate", Counting::Rate), ("raw", Counting::Raw)])?;
        let prior = options.number("prior", "be a number above 0", |x| x > 0.0 && x.is_finite())?;
        let whole = |x: f64| x >= 1.0 && x.fract() == 0.0 && x < 1e9;
        let top_n = options.optional_number("top_n", "be a whole number of at least 1, or NULL", whole)?;
        options.finish()?;
        let list = list(input, 0, call);
        let pair = |document: Document| (document.label.to_string(), document.text.to_string());
        let documents = Document::rows(&list)?.into_iter().map(pair).collect();
        let settings = Settings { words, limits, counting, prior, top_n: top_n.map(|n| n as usize) };
        Ok(discriminative(documents, &settings)?)
    }
}

listed! {
    /// A list of keywords, and how many texts of its class and of others it finds and leaves.
    struct Judged<'l> {
        list: Option<&'l str>,
        label: Option<&'l str>,
        n_keywords: u64,
        tp: u64,
        fp: u64,
        tn: u64,
        missed: u64,
    }
}

/// `muster_keyword_scores(counts, options)`
struct KeywordScores;

/// A list of keywords with its counts and shares.
struct Score {
    list: Option<String>,
    label: Option<String>,
    keywords: u64,
    tp: u64,
    fp: u64,
    tn: u64,
    missed: u64,
    sensitivity: Option<Interval>,
    specificity: Option<Interval>,
    precision: Option<Interval>,
    accuracy: Option<Interval>,
}

impl Score {
    fn new(judged: Judged, level: f64) -> Score {
        let Judged { list, label, n_keywords: keywords, tp, fp, tn, missed } = judged;
        Score {
            list: list.map(str::to_string),
            label: label.map(str::to_string),
            keywords,
            tp,
            fp,
            tn,
            missed,
            sensitivity: jeffreys(tp, tp + missed, level),
            specificity: jeffreys(tn, tn + fp, level),
            precision: jeffreys(tp, tp + fp, level),
            accuracy: jeffreys(tp + tn, tp + fp + tn + missed, level),
        }
    }
}

impl Kernel for KeywordScores {
    const NAME: &'static str = "muster_keyword_scores";
    type Row = Score;

    fn arguments() -> Vec<DataType> {
        vec![Judged::data_type(), options::kind()]
    }

    fn rows() -> Rows<Score> {
        Rows::new()
            .text("list", |row: &Score| row.list.as_deref())
            .text("label", |row| row.label.as_deref())
            .integer("n_keywords", |row| row.keywords)
            .integer("tp", |row| row.tp)
            .integer("fp", |row| row.fp)
            .integer("tn", |row| row.tn)
            .integer("fn", |row| row.missed)
            .interval("sensitivity", |row| limits(row.sensitivity))
            .interval("specificity", |row| limits(row.specificity))
            .interval("precision", |row| limits(row.precision))
            .interval("accuracy", |row| limits(row.accuracy))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Score>, Failure> {
        let mut options = Options::read(input, 1, call)?;
        let level = options.level()?;
        options.finish()?;
        let list = list(input, 0, call);
        Ok(Judged::rows(&list)?.into_iter().map(|judged| Score::new(judged, level)).collect())
    }
}

//! The kernels behind `discriminative_keywords` and `keyword_scores`.

use super::kernel::Kernel;
use super::keywords::{limits, words};
use super::table::{Column, Failure, Kind, Schema, integer_at, rows, rows_of, text, text_at};
use crate::keywords::discriminative::{Counting, Row, Settings, discriminative};
use crate::options::Options;
use crate::stats::intervals::{Interval, jeffreys};
use duckdb::arrow::array::{Array, RecordBatch};
use duckdb::arrow::datatypes::DataType;

const DOCUMENTS: &Schema = &[("label", Kind::Text), ("text", Kind::Text)];

/// `muster_discriminative_keywords(documents, options)`
pub struct DiscriminativeKeywords;

impl Kernel for DiscriminativeKeywords {
    const NAME: &'static str = "muster_discriminative_keywords";
    const COLUMNS: &'static Schema = &[
        ("label", Kind::Text),
        ("keyword", Kind::Text),
        ("n_documents", Kind::Integer),
        ("frequency_share", Kind::Real),
        ("tfidf_share", Kind::Real),
        ("score", Kind::Real),
        ("log_odds", Kind::Real),
        ("log_odds_z", Kind::Real),
        ("p_value", Kind::Real),
        ("q_value", Kind::Real),
        ("rank", Kind::Integer),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(DOCUMENTS), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let caller = "discriminative_keywords";
        let mut options = Options::parse(caller, text(input, 1, call))?;
        let (words, limits) = (words(&mut options)?, limits(&mut options)?);
        let counting = options.choice("counts", &[("rate", Counting::Rate), ("raw", Counting::Raw)])?;
        let prior = options.number("prior", "be a number above 0", |x| x > 0.0 && x.is_finite())?;
        let whole = |x: f64| x >= 1.0 && x.fract() == 0.0 && x < 1e9;
        let top_n = options.optional_number("top_n", "be a whole number of at least 1, or NULL", whole)?;
        options.finish()?;
        let documents = rows(input, 0, call);
        let pair =
            |row| (text_at(&documents, 0, row).unwrap_or_default(), text_at(&documents, 1, row).unwrap_or_default());
        let documents = (0..documents.len()).map(pair).collect();
        let settings = Settings { words, limits, counting, prior, top_n: top_n.map(|n| n as usize) };
        let found = discriminative(documents, &settings).map_err(|error| format!("{caller}: {error}"))?;
        let real = |of: fn(&Row) -> f64| Column::Real(found.iter().map(|row| Some(of(row))).collect());
        let whole = |of: fn(&Row) -> i64| Column::Integer(found.iter().map(|row| Some(of(row))).collect());
        Ok(vec![
            Column::Text(found.iter().map(|row| Some(row.label.clone())).collect()),
            Column::Text(found.iter().map(|row| Some(row.keyword.clone())).collect()),
            whole(|row| i64::from(row.n_documents)),
            real(|row| row.frequency_share),
            real(|row| row.tfidf_share),
            real(|row| row.score),
            real(|row| row.log_odds),
            real(|row| row.log_odds_z),
            real(|row| row.p_value),
            real(|row| row.q_value),
            whole(|row| row.rank as i64),
        ])
    }
}

const JUDGED: &Schema = &[
    ("list", Kind::Text),
    ("label", Kind::Text),
    ("n_keywords", Kind::Integer),
    ("tp", Kind::Integer),
    ("fp", Kind::Integer),
    ("tn", Kind::Integer),
    ("fn", Kind::Integer),
];

/// `muster_keyword_scores(counts, options)`
pub struct KeywordScores;

impl Kernel for KeywordScores {
    const NAME: &'static str = "muster_keyword_scores";
    const COLUMNS: &'static Schema = &[
        ("list", Kind::Text),
        ("label", Kind::Text),
        ("n_keywords", Kind::Integer),
        ("tp", Kind::Integer),
        ("fp", Kind::Integer),
        ("tn", Kind::Integer),
        ("fn", Kind::Integer),
        ("sensitivity", Kind::Real),
        ("sensitivity_lower", Kind::Real),
        ("sensitivity_upper", Kind::Real),
        ("specificity", Kind::Real),
        ("specificity_lower", Kind::Real),
        ("specificity_upper", Kind::Real),
        ("precision", Kind::Real),
        ("precision_lower", Kind::Real),
        ("precision_upper", Kind::Real),
        ("accuracy", Kind::Real),
        ("accuracy_lower", Kind::Real),
        ("accuracy_upper", Kind::Real),
    ];

    fn arguments() -> Vec<DataType> {
        vec![rows_of(JUDGED), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let mut options = Options::parse("keyword_scores", text(input, 1, call))?;
        let level = options.number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0)?;
        options.finish()?;
        let judged = rows(input, 0, call);
        let counts = |field: usize| -> Vec<u64> {
            (0..judged.len()).map(|row| integer_at(&judged, field, row).unwrap_or(0) as u64).collect()
        };
        let names = |field| Column::Text((0..judged.len()).map(|row| text_at(&judged, field, row)).collect());
        let whole = |values: &[u64]| Column::Integer(values.iter().map(|n| Some(*n as i64)).collect());
        let (keywords, tp, fp, tn, missed) = (counts(2), counts(3), counts(4), counts(5), counts(6));
        let mut columns =
            vec![names(0), names(1), whole(&keywords), whole(&tp), whole(&fp), whole(&tn), whole(&missed)];
        let share = |row: usize, measure: usize| match measure {
            0 => (tp[row], tp[row] + missed[row]),
            1 => (tn[row], tn[row] + fp[row]),
            2 => (tp[row], tp[row] + fp[row]),
            _ => (tp[row] + tn[row], tp[row] + fp[row] + tn[row] + missed[row]),
        };
        for measure in 0..4 {
            let intervals: Vec<Option<Interval>> = (0..judged.len())
                .map(|row| {
                    let (k, n) = share(row, measure);
                    jeffreys(k, n, level)
                })
                .collect();
            let limit = |of: fn(&Interval) -> f64| Column::Real(intervals.iter().map(|i| i.as_ref().map(of)).collect());
            columns.extend([limit(|i| i.value), limit(|i| i.lower), limit(|i| i.upper)]);
        }
        Ok(columns)
    }
}

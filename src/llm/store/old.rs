//! Answers of earlier versions, which were tables of the SQLite file: read once into a file of lines.
//!
//! The tables stay as they are. A line of the new file says how far they were read, so that what an earlier version adds to
//! them afterwards is read too. A label is taken anew from the answer's word and the request's schema, since earlier
//! imports could write another.

use super::file::New;
use super::line::Converted;
use super::rows::{Batch, Entry, TemplateRow, Write};
use crate::hash::Hash;
use crate::llm::job::{Outcome, abstained};
use crate::llm::prices::Usage;
use crate::llm::request::{self, Template};
use crate::llm::schema::Schema;
use crate::store::{self, StoreError};
use rusqlite::{Connection, Row};
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The tables of an earlier version, with rows that have not been converted.
pub(super) struct Old {
    connection: Connection,
    from: Converted,
    to: Converted,
}

/// The tables in the file at `path` with rows behind `from`; `None` where there are none.
///
/// # Errors
///
/// Where the file is no store, or cannot be read.
pub(super) fn find(path: &Path, from: Converted) -> Result<Option<Old>, StoreError> {
    let Some(connection) = store::open_existing(path)? else { return Ok(None) };
    let to = highest(&connection).map_err(|source| failed(path, source))?;
    let is_more =
        |to: &Converted| to.answers > from.answers || to.failures > from.failures || to.batches > from.batches;
    Ok(to.filter(is_more).map(|to| Old { connection, from, to }))
}

fn failed(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: path.display().to_string(), source }
}

fn highest(connection: &Connection) -> rusqlite::Result<Option<Converted>> {
    let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('llm_answer', 'llm_failure', 'llm_batch')";
    if connection.query_row(tables, [], |row| row.get::<_, i64>(0))? < 3 {
        return Ok(None);
    }
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok(Some(Converted {
        answers: number("SELECT coalesce(max(answer_id), 0) FROM llm_answer")?,
        failures: number("SELECT coalesce(max(failure_id), 0) FROM llm_failure")?,
        batches: number("SELECT coalesce(max(rowid), 0) FROM llm_batch")?,
    }))
}

/// Templates by their numbers, with the schemas of their requests.
type Templates = HashMap<i64, (Arc<TemplateRow>, Option<Schema>)>;

/// Reason why a conversion failed.
enum Problem {
    Sqlite(rusqlite::Error),
    File(io::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Problem {
        Problem::Sqlite(error)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::File(error)
    }
}

impl Old {
    /// Writes the rows into `file`.
    ///
    /// # Errors
    ///
    /// Where the tables, which are at `path`, are damaged or cannot be read, or the file cannot be written.
    pub(super) fn convert(&self, path: &Path, file: &mut New) -> Result<(), StoreError> {
        self.copy(file).map_err(|problem| match problem {
            Problem::Sqlite(source) => failed(path, source),
            Problem::File(error) => StoreError::file(path, &error),
        })
    }

    fn copy(&self, file: &mut New) -> Result<(), Problem> {
        let sound: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(io::Error::other(sound).into());
        }
        let templates = self.templates()?;
        let sql = "SELECT model, word, finish, attempts, batch, input_tokens, cached_tokens, output_tokens, reasoning_tokens, \
                   cost_usd, request_hash, template_id, answered_ms, response, label, request_id, reason, text \
                   FROM llm_answer WHERE answer_id > ? AND answer_id <= ? ORDER BY answer_id";
        self.outcomes(sql, (self.from.answers, self.to.answers), &templates, file)?;
        let sql = "SELECT model, NULL, finish, attempts, batch, input_tokens, cached_tokens, output_tokens, reasoning_tokens, \
                   cost_usd, request_hash, template_id, failed_ms, response, NULL, NULL, error, '' \
                   FROM llm_failure WHERE failure_id > ? AND failure_id <= ? ORDER BY failure_id";
        self.outcomes(sql, (self.from.failures, self.to.failures), &templates, file)?;
        self.batches(file)?;
        Ok(file.push_converted(self.to)?)
    }

    fn templates(&self) -> rusqlite::Result<Templates> {
        let sql = "SELECT template_id, provider, base_url, requested_model, head FROM llm_template";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let head: String = row.get(4)?;
            let asked: Value = serde_json::from_str(&request::request(&head, "")).unwrap_or(Value::Null);
            let template = TemplateRow {
                template: Template::from_head(head),
                provider: row.get(1)?,
                base_url: row.get(2)?,
                requested_model: row.get(3)?,
            };
            Ok((row.get(0)?, (Arc::new(template), request::schema(&asked))))
        })?;
        rows.collect()
    }

    fn outcomes(&self, sql: &str, range: (i64, i64), templates: &Templates, file: &mut New) -> Result<(), Problem> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([range.0, range.1])?;
        while let Some(row) = rows.next()? {
            let Some((template, schema)) = templates.get(&row.get(11)?) else {
                return Err(io::Error::other("an answer without its template").into());
            };
            file.push(&Write::Outcome(Box::new(entry(row, template, schema.as_ref())?)))?;
        }
        Ok(())
    }

    fn batches(&self, file: &mut New) -> Result<(), Problem> {
        let sql = "SELECT batch_id, provider, base_url, model, requests, submitted_ms FROM llm_batch \
                   WHERE open = 1 AND rowid > ? AND rowid <= ? ORDER BY rowid";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([self.from.batches, self.to.batches])?;
        while let Some(row) = rows.next()? {
            let requests: Vec<u8> = row.get(4)?;
            let batch = Batch {
                id: row.get(0)?,
                provider: row.get(1)?,
                base_url: row.get(2)?,
                model: row.get(3)?,
                requests: requests.as_chunks::<32>().0.to_vec(),
            };
            file.push(&Write::BatchOpened { batch: Box::new(batch), at_ms: row.get(5)? })?;
        }
        Ok(())
    }
}

/// The outcome in a row: an answer where it has a word.
fn entry(row: &Row<'_>, template: &Arc<TemplateRow>, schema: Option<&Schema>) -> rusqlite::Result<Entry> {
    let count = |i: usize| row.get::<_, Option<i64>>(i).map(|n| n.and_then(|n| u64::try_from(n).ok()));
    let word: Option<String> = row.get(1)?;
    let stored: Option<bool> = row.get(14)?;
    let meaning = schema.zip(word.as_deref()).and_then(|(schema, word)| schema.meaning(word));
    let label = meaning.unwrap_or(stored);
    let (reason, error): (Option<String>, Option<String>) = match &word {
        Some(word) => (row.get(16)?, abstained(label, word)),
        None => (None, row.get(16)?),
    };
    let outcome = Outcome {
        label,
        p_yes: None,
        word,
        model: row.get(0)?,
        reason,
        error,
        finish: row.get(2)?,
        request_id: row.get(15)?,
        attempts: row.get(3)?,
        usage: Usage { input: count(5)?, cached: count(6)?, cache_written: 0, output: count(7)?, reasoning: count(8)? },
        cost_usd: row.get(9)?,
        batch: row.get(4)?,
    };
    Ok(Entry {
        hash: row.get::<_, Hash>(10)?,
        template: template.clone(),
        text: row.get::<_, String>(17)?.into(),
        outcome,
        response: row.get(13)?,
        at_ms: row.get(12)?,
        claim: None,
    })
}

//! The tables of paid answers, and the one thread of the process that writes them.
//!
//! An answer is committed before its row is returned. Answers that arrive while a commit is being made share the next.
//! Failures are logged and never found as answers; what they cost counts as spent. Texts and responses stand in
//! the last columns, so that a lookup does not read them.

use super::error::LlmError;
use super::job::{Outcome, abstained};
use super::prices::Usage;
use super::request::{Template, request};
use super::sync::lock;
use crate::hash::{Hash, hexadecimal};
use crate::store;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS llm_template (
    template_id INTEGER PRIMARY KEY,
    template_hash BLOB NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    base_url TEXT NOT NULL,
    requested_model TEXT NOT NULL,
    head TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS llm_answer (
    answer_id INTEGER PRIMARY KEY,
    request_hash BLOB NOT NULL UNIQUE,
    template_id INTEGER NOT NULL REFERENCES llm_template,
    model TEXT,
    label INTEGER,
    word TEXT NOT NULL,
    finish TEXT,
    attempts INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    input_tokens INTEGER,
    cached_tokens INTEGER,
    output_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_usd REAL,
    answered_ms INTEGER NOT NULL,
    request_id TEXT,
    reason TEXT,
    text TEXT NOT NULL,
    response TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS llm_failure (
    failure_id INTEGER PRIMARY KEY,
    request_hash BLOB NOT NULL,
    template_id INTEGER NOT NULL REFERENCES llm_template,
    model TEXT,
    error TEXT NOT NULL,
    finish TEXT,
    attempts INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    input_tokens INTEGER,
    cached_tokens INTEGER,
    output_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_usd REAL,
    failed_ms INTEGER NOT NULL,
    response TEXT
);
CREATE INDEX IF NOT EXISTS llm_failure_request ON llm_failure (request_hash);
CREATE TABLE IF NOT EXISTS llm_batch (
    batch_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    base_url TEXT NOT NULL,
    model TEXT NOT NULL,
    open INTEGER NOT NULL,
    submitted_ms INTEGER NOT NULL,
    requests BLOB NOT NULL,
    PRIMARY KEY (provider, base_url, batch_id)
);
";

/// An outcome on its way into the store.
#[derive(Debug)]
pub(crate) struct Entry {
    pub hash: Hash,
    pub template: Arc<TemplateRow>,
    pub text: Arc<str>,
    pub outcome: Outcome,
    pub response: Option<String>,
}

/// A template with the columns that name its model.
#[derive(Debug)]
pub(crate) struct TemplateRow {
    pub template: Template,
    pub provider: String,
    pub base_url: String,
    pub requested_model: String,
}

/// One answer of `llm_store`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub request_hash: String,
    pub provider: String,
    pub base_url: String,
    pub requested_model: String,
    pub answered_ms: i64,
    pub request: String,
    pub response: String,
    pub outcome: Outcome,
}

/// One line of `llm_usage`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spent {
    pub provider: String,
    pub base_url: String,
    pub requested_model: String,
    pub model: Option<String>,
    pub answers: i64,
    pub failures: i64,
    pub input_tokens: Option<i64>,
    pub cached_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// A batch that was submitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    pub id: String,
    pub provider: String,
    pub base_url: String,
    pub model: String,
    pub requests: Vec<Hash>,
}

enum Write {
    Outcome(Box<Entry>),
    BatchOpened(Box<Batch>),
    BatchClosed(Box<Batch>),
}

struct Order {
    writes: Vec<Write>,
    done: oneshot::Sender<Result<(), String>>,
}

/// A store in use by this process.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// Identity of the file, which tells it from another that was put in its place.
    file: Option<(u64, u64)>,
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Sender<Order>>,
}

/// The store at `path`, opened at first use.
///
/// # Errors
///
/// Where the file cannot be made, read or written.
pub(crate) fn open(path: &Path) -> Result<Arc<Store>, LlmError> {
    static OPEN: OnceLock<Mutex<HashMap<PathBuf, Arc<Store>>>> = OnceLock::new();
    let mut open = lock(OPEN.get_or_init(Mutex::default));
    if let Some(store) = open.get(path)
        && store.file.is_some()
        && store.file == identity(path)
    {
        return Ok(store.clone());
    }
    let connection = store::open(path, SCHEMA)?;
    let reader = store::open(path, SCHEMA)?;
    let (writer, orders) = channel();
    std::thread::Builder::new()
        .name("muster-store".to_string())
        .spawn(move || write_orders(connection, &orders))
        .map_err(|error| LlmError::Start { message: error.to_string() })?;
    let store = Arc::new(Store {
        path: path.to_path_buf(),
        file: identity(path),
        readers: Mutex::new(vec![reader]),
        writer: Mutex::new(writer),
    });
    open.insert(path.to_path_buf(), store.clone());
    Ok(store)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|_| (0, 0))
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

impl Store {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `read` on a connection of its own.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LlmError> {
        let idle = lock(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => store::open(&self.path, SCHEMA)?,
        };
        let result = read(&connection);
        lock(&self.readers).push(connection);
        let path = || self.path.display().to_string();
        result.map_err(|source| LlmError::Store(store::StoreError::Sqlite { path: path(), source }))
    }

    /// Stored answers to these requests.
    pub(crate) fn lookup(&self, hashes: &[Hash]) -> Result<HashMap<Hash, Outcome>, LlmError> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut found = HashMap::new();
            {
                let mut statement = transaction.prepare_cached(
                    "SELECT model, label, word, finish, attempts, batch, input_tokens, cached_tokens, output_tokens, \
                     reasoning_tokens, cost_usd, request_id, reason FROM llm_answer WHERE request_hash = ?",
                )?;
                for hash in hashes {
                    if let Some(outcome) = statement.query_row([&hash[..]], |row| outcome_at(row, 0)).optional()? {
                        found.insert(*hash, outcome);
                    }
                }
            }
            transaction.commit()?;
            Ok(found)
        })
    }

    /// Cost of earlier failures of these requests.
    pub(crate) fn failed_cost(&self, hashes: &[Hash]) -> Result<f64, LlmError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT total(cost_usd) FROM llm_failure WHERE request_hash = ?")?;
            hashes.iter().map(|hash| statement.query_row([&hash[..]], |row| row.get::<_, f64>(0))).sum()
        })
    }

    /// Number of answers on a page of `llm_store`.
    pub(crate) const PAGE: i64 = 16;

    /// Number of pages of `llm_store`.
    pub(crate) fn pages(&self) -> Result<i64, LlmError> {
        let sql = "SELECT coalesce(max(answer_id), -1) FROM llm_answer";
        Ok(self.read(|connection| connection.query_row(sql, [], |row| row.get::<_, i64>(0)))? / Self::PAGE + 1)
    }

    /// The answers of a page, in the order in which they were written.
    pub(crate) fn page(&self, page: i64) -> Result<Vec<Record>, LlmError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT model, label, word, finish, attempts, batch, input_tokens, cached_tokens, output_tokens, \
                 reasoning_tokens, cost_usd, request_id, reason, request_hash, provider, base_url, requested_model, \
                 answered_ms, head, text, response \
                 FROM llm_answer JOIN llm_template USING (template_id) \
                 WHERE answer_id >= ?1 AND answer_id < ?1 + ?2 ORDER BY answer_id",
            )?;
            let records = statement.query_map([page * Self::PAGE, Self::PAGE], |row| {
                let (head, text): (String, String) = (row.get(18)?, row.get(19)?);
                Ok(Record {
                    request_hash: hexadecimal(&row.get::<_, Hash>(13)?),
                    provider: row.get(14)?,
                    base_url: row.get(15)?,
                    requested_model: row.get(16)?,
                    answered_ms: row.get(17)?,
                    request: request(&head, &text),
                    response: row.get(20)?,
                    outcome: outcome_at(row, 0)?,
                })
            })?;
            records.collect()
        })
    }

    /// Sums that were spent, by requested and answering model.
    pub(crate) fn usage(&self) -> Result<Vec<Spent>, LlmError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT provider, base_url, requested_model, model, sum(answer), sum(1 - answer), sum(input_tokens), \
                 sum(cached_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_usd), min(ms), max(ms) \
                 FROM (SELECT 1 AS answer, template_id, model, input_tokens, cached_tokens, output_tokens, \
                 reasoning_tokens, cost_usd, answered_ms AS ms FROM llm_answer UNION ALL \
                 SELECT 0, template_id, model, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost_usd, \
                 failed_ms FROM llm_failure) JOIN llm_template USING (template_id) \
                 GROUP BY provider, base_url, requested_model, model ORDER BY provider, base_url, requested_model, model",
            )?;
            let lines = statement.query_map([], |row| {
                Ok(Spent {
                    provider: row.get(0)?,
                    base_url: row.get(1)?,
                    requested_model: row.get(2)?,
                    model: row.get(3)?,
                    answers: row.get(4)?,
                    failures: row.get(5)?,
                    input_tokens: row.get(6)?,
                    cached_tokens: row.get(7)?,
                    output_tokens: row.get(8)?,
                    reasoning_tokens: row.get(9)?,
                    cost_usd: row.get(10)?,
                    first_ms: row.get(11)?,
                    last_ms: row.get(12)?,
                })
            })?;
            lines.collect()
        })
    }

    /// Batches submitted and not yet read to their end.
    pub(crate) fn open_batches(&self, provider: &str, base_url: &str, model: &str) -> Result<Vec<Batch>, LlmError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT batch_id, requests FROM llm_batch \
                 WHERE provider = ? AND base_url = ? AND model = ? AND open = 1 ORDER BY submitted_ms, batch_id",
            )?;
            let batches = statement.query_map([provider, base_url, model], |row| {
                let requests: Vec<u8> = row.get(1)?;
                Ok(Batch {
                    id: row.get(0)?,
                    provider: provider.to_string(),
                    base_url: base_url.to_string(),
                    model: model.to_string(),
                    requests: requests.as_chunks::<32>().0.to_vec(),
                })
            })?;
            batches.collect()
        })
    }

    /// Whether each of these requests has an answer, or has failed.
    pub(crate) fn are_settled(&self, hashes: &[Hash]) -> Result<bool, LlmError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM llm_answer WHERE request_hash = ?1) \
                 OR EXISTS (SELECT 1 FROM llm_failure WHERE request_hash = ?1)",
            )?;
            for hash in hashes {
                if !statement.query_row([&hash[..]], |row| row.get::<_, bool>(0))? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Imports answers; whether each of them was new.
    pub(crate) fn import(&self, records: &[(Record, Hash, String, String)]) -> Result<Vec<bool>, LlmError> {
        self.read(|connection| {
            let transaction =
                rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
            let mut fresh = Vec::with_capacity(records.len());
            for (record, hash, head, text) in records {
                let template = TemplateRow {
                    template: Template::from_head(head.clone()),
                    provider: record.provider.clone(),
                    base_url: record.base_url.clone(),
                    requested_model: record.requested_model.clone(),
                };
                let template_id = template_id(&transaction, &template)?;
                let response = Some(record.response.as_str());
                let rows = insert_answer(
                    &transaction,
                    hash,
                    template_id,
                    text,
                    &record.outcome,
                    response,
                    record.answered_ms,
                )?;
                fresh.push(rows > 0);
            }
            transaction.commit()?;
            Ok(fresh)
        })
    }

    /// Writes outcomes; comes back when they are committed.
    pub(crate) async fn write_all(&self, entries: Vec<Entry>) -> Result<(), LlmError> {
        self.order(entries.into_iter().map(|entry| Write::Outcome(Box::new(entry))).collect()).await
    }

    /// Records a batch that was submitted.
    pub(crate) async fn batch_opened(&self, batch: &Batch) -> Result<(), LlmError> {
        self.order(vec![Write::BatchOpened(Box::new(batch.clone()))]).await
    }

    /// Records that a batch has been read to its end.
    pub(crate) async fn batch_closed(&self, batch: &Batch) -> Result<(), LlmError> {
        self.order(vec![Write::BatchClosed(Box::new(batch.clone()))]).await
    }

    async fn order(&self, writes: Vec<Write>) -> Result<(), LlmError> {
        let (done, answer) = oneshot::channel();
        let sent = lock(&self.writer).send(Order { writes, done });
        let result = match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err("the writer has ended".to_string())),
            Err(_) => Err("the writer has ended".to_string()),
        };
        result.map_err(|message| LlmError::NotWritten { message: format!("{}: {message}", self.path.display()) })
    }
}

/// Commits orders, everything that waits at once, until nobody can send any more. Nothing is waited for: an
/// answer that is received and not yet written is paid again if the process is killed.
fn write_orders(connection: Connection, orders: &Receiver<Order>) {
    while let Ok(first) = orders.recv() {
        let mut group = vec![first];
        group.extend(orders.try_iter());
        let result = commit(&connection, &group).map_err(|error| error.to_string());
        for order in group {
            // a caller that was interrupted does not wait for its answer
            let _ = order.done.send(result.clone());
        }
    }
}

fn commit(connection: &Connection, group: &[Order]) -> rusqlite::Result<()> {
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    for write in group.iter().flat_map(|order| &order.writes) {
        match write {
            Write::Outcome(entry) => insert(&transaction, entry)?,
            Write::BatchOpened(batch) => {
                let sql = "INSERT OR IGNORE INTO llm_batch VALUES (?, ?, ?, ?, 1, ?, ?)";
                let requests: Vec<u8> = batch.requests.concat();
                let values = params![batch.id, batch.provider, batch.base_url, batch.model, now_ms(), requests];
                transaction.prepare_cached(sql)?.execute(values)?;
            }
            Write::BatchClosed(batch) => {
                let sql = "UPDATE llm_batch SET open = 0 WHERE provider = ? AND base_url = ? AND batch_id = ?";
                transaction.prepare_cached(sql)?.execute([&batch.provider, &batch.base_url, &batch.id])?;
            }
        }
    }
    transaction.commit()
}

fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let template_id = template_id(connection, &entry.template)?;
    let (outcome, response) = (&entry.outcome, entry.response.as_deref());
    if outcome.word.is_some() {
        insert_answer(connection, &entry.hash, template_id, &entry.text, outcome, response, now_ms())?;
        return Ok(());
    }
    let sql = "INSERT INTO llm_failure (request_hash, template_id, model, error, finish, attempts, batch, input_tokens, \
               cached_tokens, output_tokens, reasoning_tokens, cost_usd, failed_ms, response) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![
        &entry.hash[..],
        template_id,
        outcome.model,
        outcome.error.as_deref().unwrap_or(""),
        outcome.finish,
        outcome.attempts,
        outcome.batch,
        outcome.usage.input.map(|n| n as i64),
        outcome.usage.cached.map(|n| n as i64),
        outcome.usage.output.map(|n| n as i64),
        outcome.usage.reasoning.map(|n| n as i64),
        outcome.cost_usd,
        now_ms(),
        response,
    ])?;
    Ok(())
}

/// The first answer to a request stays: another process may have been quicker.
fn insert_answer(
    connection: &Connection,
    hash: &Hash,
    template_id: i64,
    text: &str,
    outcome: &Outcome,
    response: Option<&str>,
    answered_ms: i64,
) -> rusqlite::Result<usize> {
    let sql = "INSERT OR IGNORE INTO llm_answer (request_hash, template_id, model, label, word, finish, attempts, batch, \
               input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost_usd, answered_ms, request_id, reason, \
               text, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![
        &hash[..],
        template_id,
        outcome.model,
        outcome.label,
        outcome.word.as_deref().unwrap_or(""),
        outcome.finish,
        outcome.attempts,
        outcome.batch,
        outcome.usage.input.map(|n| n as i64),
        outcome.usage.cached.map(|n| n as i64),
        outcome.usage.output.map(|n| n as i64),
        outcome.usage.reasoning.map(|n| n as i64),
        outcome.cost_usd,
        answered_ms,
        outcome.request_id,
        outcome.reason,
        text,
        response.unwrap_or(""),
    ])
}

fn template_id(connection: &Connection, row: &TemplateRow) -> rusqlite::Result<i64> {
    let hash = row.template.hash();
    let find = |connection: &Connection| {
        connection
            .prepare_cached("SELECT template_id FROM llm_template WHERE template_hash = ?")?
            .query_row([&hash[..]], |row| row.get(0))
            .optional()
    };
    if let Some(id) = find(connection)? {
        return Ok(id);
    }
    let sql =
        "INSERT INTO llm_template (template_hash, provider, base_url, requested_model, head) VALUES (?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.insert(params![
        &hash[..],
        row.provider,
        row.base_url,
        row.requested_model,
        row.template.head()
    ])
}

/// The thirteen columns of an answer, from column `at`.
fn outcome_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Outcome> {
    let count = |i: usize| row.get::<_, Option<i64>>(at + i).map(|n| n.and_then(|n| u64::try_from(n).ok()));
    let word: String = row.get(at + 2)?;
    let label: Option<bool> = row.get(at + 1)?;
    Ok(Outcome {
        model: row.get(at)?,
        label,
        error: abstained(label, &word),
        word: Some(word),
        finish: row.get(at + 3)?,
        attempts: row.get(at + 4)?,
        batch: row.get(at + 5)?,
        usage: Usage { input: count(6)?, cached: count(7)?, cache_written: 0, output: count(8)?, reasoning: count(9)? },
        cost_usd: row.get(at + 10)?,
        request_id: row.get(at + 11)?,
        reason: row.get(at + 12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::request::split;

    /// A store in a folder of its own for a test.
    fn fresh(name: &str) -> (PathBuf, Arc<Store>) {
        let folder = std::env::temp_dir().join(format!("muster-llm-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = open(&folder.join("store.sqlite")).unwrap();
        (folder, store)
    }

    fn template(model: &str) -> Arc<TemplateRow> {
        let head = format!(r#"{{"base_url":"b","model":"{model}","parameters":{{}},"provider":"openai","text":"#);
        Arc::new(TemplateRow {
            template: Template::from_head(head),
            provider: "openai".to_string(),
            base_url: "b".to_string(),
            requested_model: model.to_string(),
        })
    }

    fn answer(word: &str, label: Option<bool>) -> Outcome {
        Outcome {
            label,
            word: Some(word.to_string()),
            model: Some("m-001".to_string()),
            reason: Some("why".to_string()),
            error: abstained(label, word),
            finish: Some("stop".to_string()),
            attempts: 2,
            usage: Usage { input: Some(100), output: Some(10), ..Usage::default() },
            cost_usd: Some(0.5),
            ..Outcome::default()
        }
    }

    fn failure(cost_usd: Option<f64>) -> Outcome {
        let usage = Usage { input: Some(7), output: Some(1), ..Usage::default() };
        Outcome { error: Some("refused".to_string()), attempts: 1, usage, cost_usd, ..Outcome::default() }
    }

    fn entry(template: &Arc<TemplateRow>, text: &str, outcome: Outcome) -> Entry {
        let hash = template.template.request_hash(text);
        Entry { hash, template: template.clone(), text: text.into(), outcome, response: Some("{}".to_string()) }
    }

    fn write(store: &Store, entries: Vec<Entry>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.write_all(entries)).unwrap();
    }

    #[test]
    fn answers_are_found_and_failures_are_not() {
        let (folder, store) = fresh("found");
        let template = template("m");
        let entries =
            [("yes", answer("ACCEPT", Some(true))), ("unclear", answer("UNCLEAR", None)), ("no", failure(Some(0.25)))];
        let hashes: Vec<Hash> = entries.iter().map(|(text, _)| template.template.request_hash(text)).collect();
        write(&store, entries.iter().map(|(text, outcome)| entry(&template, text, outcome.clone())).collect());
        let found = store.lookup(&hashes).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[&hashes[0]], answer("ACCEPT", Some(true)));
        assert_eq!(found[&hashes[1]].error.as_deref(), Some("abstained: UNCLEAR"));
        assert_eq!(store.failed_cost(&hashes).unwrap(), 0.25);
        assert!(store.are_settled(&hashes).unwrap());
        assert!(!store.are_settled(&[[0; 32]]).unwrap());
        // the first answer stays
        write(&store, vec![entry(&template, "yes", answer("REJECT", Some(false)))]);
        assert_eq!(store.lookup(&hashes).unwrap()[&hashes[0]].label, Some(true));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_was_spent_counts_failures_too() {
        let (folder, store) = fresh("spent");
        let (one, two) = (template("one"), template("two"));
        let entries = vec![
            entry(&one, "a", answer("ACCEPT", Some(true))),
            entry(&one, "b", answer("REJECT", Some(false))),
            entry(&one, "c", failure(None)),
            entry(&two, "a", failure(Some(0.125))),
        ];
        write(&store, entries);
        let lines: Vec<_> = store
            .usage()
            .unwrap()
            .into_iter()
            .map(|line| {
                (line.requested_model, line.model, line.answers, line.failures, line.input_tokens, line.cost_usd)
            })
            .collect();
        let (one, two) = ("one".to_string(), "two".to_string());
        let expected = [
            (one.clone(), None, 0, 1, Some(7), None),
            (one, Some("m-001".to_string()), 2, 0, Some(200), Some(1.0)),
            (two, None, 0, 1, Some(7), Some(0.125)),
        ];
        assert_eq!(lines, expected);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn pages_hold_everything_and_can_be_imported() {
        let (folder, store) = fresh("pages");
        let template = template("m");
        let texts: Vec<String> = (0..Store::PAGE * 2 + 3).map(|i| format!("text {i}")).collect();
        write(&store, texts.iter().map(|text| entry(&template, text, answer("ACCEPT", Some(true)))).collect());
        let records: Vec<Record> = (0..store.pages().unwrap()).flat_map(|page| store.page(page).unwrap()).collect();
        let asked: Vec<String> = records.iter().map(|record| split(&record.request).unwrap().1).collect();
        assert_eq!(asked, texts);
        let (other_folder, other) = fresh("imported");
        let rows: Vec<_> = records
            .iter()
            .map(|record| {
                let (head, text) = split(&record.request).unwrap();
                (record.clone(), template.template.request_hash(&text), head, text)
            })
            .collect();
        assert!(other.import(&rows).unwrap().iter().all(|fresh| *fresh));
        assert!(!other.import(&rows).unwrap().iter().any(|fresh| *fresh));
        assert_eq!(other.page(0).unwrap(), store.page(0).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
        std::fs::remove_dir_all(other_folder).unwrap();
    }

    #[test]
    fn batches_are_open_until_they_are_read() {
        let (folder, store) = fresh("batches");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let text = |text: &str| text.to_string();
        let batch = Batch {
            id: text("batch-1"),
            provider: text("openai"),
            base_url: text("b"),
            model: text("m"),
            requests: vec![[1; 32], [2; 32]],
        };
        runtime.block_on(store.batch_opened(&batch)).unwrap();
        assert_eq!(store.open_batches("openai", "b", "m").unwrap(), std::slice::from_ref(&batch));
        assert_eq!(store.open_batches("openai", "b", "other").unwrap(), []);
        runtime.block_on(store.batch_closed(&batch)).unwrap();
        assert_eq!(store.open_batches("openai", "b", "m").unwrap(), []);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_file_put_in_its_place_is_another_store() {
        let (folder, store) = fresh("replaced");
        let template = template("m");
        write(&store, vec![entry(&template, "a", answer("ACCEPT", Some(true)))]);
        std::fs::remove_dir_all(&folder).unwrap();
        let again = open(&folder.join("store.sqlite")).unwrap();
        assert_eq!(again.lookup(&[template.template.request_hash("a")]).unwrap().len(), 0);
        write(&again, vec![entry(&template, "a", answer("ACCEPT", Some(true)))]);
        assert_eq!(again.pages().unwrap(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

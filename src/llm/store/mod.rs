//! The store of paid answers: a folder of files to which lines are added, one file a writing process.
//!
//! Nobody writes into another's file, so writing waits for nobody, and no lock guards what is written: a program that
//! reads, copies or closes the files can take nothing away. Lines are synced in groups before their rows come out
//! (`file`) and carry a checksum (`line`). Who may ask is settled among processes by locks that belong to an open file
//! (`claims`), and readers need none: they read what was added since they last looked (`index`). Answers that earlier
//! versions kept in SQLite are read once (`old`).
//!
//! An answer that cannot be written stays in memory with its claim, and is tried again as long as the process lives.
//! Failures are kept with what they cost and are never found as answers.

mod claims;
mod file;
mod import;
mod index;
mod line;
mod old;
mod rows;

pub(crate) use claims::Claim;
pub(crate) use import::Import;
pub(crate) use rows::{Batch, Entry, Record, Spent, TemplateRow, now_ms};

use super::error::LlmError;
use super::job::Outcome;
use super::sync::lock;
use crate::hash::Hash;
use crate::store::{self, StoreError};
use claims::Claims;
use file::{Growing, New};
use index::Index;
use rows::Write;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;

/// Time for which a call waits for an answer to be written, where that fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest time between two attempts to write.
const PAUSE: Duration = Duration::from_millis(500);

struct Order {
    writes: Vec<Write>,
    done: oneshot::Sender<()>,
}

/// A store in use by this process.
#[derive(Debug)]
pub(crate) struct Store {
    /// Path as it was given.
    path: PathBuf,
    /// File of vectors, and of answers by earlier versions.
    file: PathBuf,
    folder: PathBuf,
    index: Mutex<Option<Index>>,
    claims: Mutex<Option<Arc<Claims>>>,
    writer: Mutex<Option<Sender<Order>>>,
    unwritten: Arc<Unwritten>,
}

/// Requests that have an outcome which is not on disk.
#[derive(Debug, Default)]
struct Unwritten {
    hashes: Mutex<HashSet<Hash>>,
    /// Reason why the last attempt failed.
    problem: Mutex<Option<String>>,
}

/// The store at `path`. Nothing is read or made yet.
///
/// # Errors
///
/// Where the path cannot be made absolute.
pub(crate) fn open(path: &Path) -> Result<Arc<Store>, LlmError> {
    /// By the process, since one that was forked has no threads of the one before it.
    type Stores = HashMap<(u32, PathBuf), Arc<Store>>;
    static OPEN: OnceLock<Mutex<Stores>> = OnceLock::new();
    let absolute = std::path::absolute(path).map_err(|error| StoreError::file(path, &error))?;
    // by the folder that links lead to, where it is there
    let parent = absolute.parent().and_then(|parent| parent.canonicalize().ok());
    let absolute = match (parent, absolute.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => absolute,
    };
    let key = (std::process::id(), absolute.clone());
    let mut open = lock(OPEN.get_or_init(Mutex::default));
    Ok(open.entry(key).or_insert_with(|| Arc::new(Store::new(path, absolute))).clone())
}

impl Store {
    fn new(path: &Path, file: PathBuf) -> Store {
        Store {
            path: path.to_path_buf(),
            folder: store::answers(&file),
            file,
            index: Mutex::default(),
            claims: Mutex::default(),
            writer: Mutex::default(),
            unwritten: Arc::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `read` on the index as the files are now.
    fn read<T>(&self, read: impl FnOnce(&Index) -> Result<T, StoreError>) -> Result<T, LlmError> {
        let mut kept = lock(&self.index);
        let is_first = kept.is_none();
        let index = kept.get_or_insert_with(|| Index::new(&self.folder));
        let result = index.refresh().and_then(|()| if is_first { self.convert(index) } else { Ok(()) });
        if let Err(error) = result {
            // all from the beginning the next time, the conversion too
            if is_first {
                *kept = None;
            }
            return Err(error.into());
        }
        Ok(read(index)?)
    }

    /// Reads what an earlier version has written: into the folder, or where that may only be read into a file of this
    /// process.
    fn convert(&self, index: &mut Index) -> Result<(), StoreError> {
        let file = &self.file;
        if old::find(file, index.converted())?.is_none() {
            return Ok(());
        }
        match self.claim_conversion() {
            Ok(_claim) => {
                // another process may have converted meanwhile
                index.refresh()?;
                let Some(old) = old::find(file, index.converted())? else { return Ok(()) };
                let failed = |error| StoreError::file(&self.folder, &error);
                let mut new = New::create(&self.folder).map_err(failed)?;
                old.convert(file, &mut new)?;
                new.publish().map_err(failed)?;
            }
            Err(error) if is_denied(&error) => {
                let Some(old) = old::find(file, index.converted())? else { return Ok(()) };
                let folder = std::env::temp_dir();
                let failed = |error| StoreError::file(&folder, &error);
                let mut new = New::create(&folder).map_err(failed)?;
                old.convert(file, &mut new)?;
                index.add_hidden(new.hide().map_err(failed)?, file);
            }
            Err(error) => return Err(StoreError::file(&self.folder, &error)),
        }
        index.refresh()
    }

    fn claim_conversion(&self) -> io::Result<Claim> {
        // where the folder may only be read, the file of locks may still be open to writing
        drop(New::create(&self.folder)?);
        let claims = self.claims()?;
        loop {
            if let Some(claim) = claims.conversion()? {
                return Ok(claim);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stored answers to these requests.
    pub(crate) fn lookup(&self, hashes: &[Hash]) -> Result<HashMap<Hash, Outcome>, LlmError> {
        let spots = self.read(|index| index.spots(hashes))?;
        let outcomes = spots.iter().map(|(hash, spot)| Ok((*hash, index::answer(spot, hash)?)));
        Ok(outcomes.collect::<Result<_, StoreError>>()?)
    }

    /// Those of these requests that have an answer.
    pub(crate) fn answered(&self, hashes: &[Hash]) -> Result<HashSet<Hash>, LlmError> {
        self.read(|index| Ok(hashes.iter().filter(|hash| index.has_answer(hash)).copied().collect()))
    }

    /// Cost of earlier failures, of those of these requests that have failed.
    pub(crate) fn failed_costs(&self, hashes: &[Hash]) -> Result<HashMap<Hash, f64>, LlmError> {
        self.read(|index| Ok(hashes.iter().filter_map(|hash| Some((*hash, index.failed_cost(hash)?))).collect()))
    }

    /// Number of answers on a page of `llm_store`.
    const PAGE: usize = 16;

    /// Number of pages of `llm_store`.
    pub(crate) fn pages(&self) -> Result<i64, LlmError> {
        self.read(|index| Ok(index.answers().div_ceil(Self::PAGE) as i64))
    }

    /// The answers of a page, in the order in which they were written.
    pub(crate) fn page(&self, page: i64) -> Result<Vec<Record>, LlmError> {
        let from = page as usize * Self::PAGE;
        let (spots, templates) = self.read(|index| {
            let to = index.answers().min(from + Self::PAGE);
            Ok((index.page(from..to)?, index.templates()))
        })?;
        let records = spots.iter().map(|spot| index::record(spot, &templates));
        Ok(records.collect::<Result<_, StoreError>>()?)
    }

    /// Sums that were spent, by requested and answering model.
    pub(crate) fn usage(&self) -> Result<Vec<Spent>, LlmError> {
        let (files, templates) = self.read(|index| Ok((index.files()?, index.templates())))?;
        Ok(index::usage(&files, &templates)?)
    }

    /// Batches submitted and not yet read to their end.
    pub(crate) fn open_batches(&self, provider: &str, base_url: &str, model: &str) -> Result<Vec<Batch>, LlmError> {
        let mut batches = self.read(|index| Ok(index.open_batches()))?;
        batches.retain(|batch| (&*batch.provider, &*batch.base_url, &*batch.model) == (provider, base_url, model));
        Ok(batches)
    }

    /// Whether each of these requests has an answer, or has failed.
    pub(crate) fn are_settled(&self, hashes: &[Hash]) -> Result<bool, LlmError> {
        self.read(|index| Ok(hashes.iter().all(|hash| index.has_answer(hash) || index.failed_cost(hash).is_some())))
    }

    fn claims(&self) -> io::Result<Arc<Claims>> {
        let mut kept = lock(&self.claims);
        if let Some(claims) = kept.as_ref().filter(|claims| claims.is_current(&self.folder)) {
            return Ok(claims.clone());
        }
        store::make_folder(&self.folder)?;
        let claims = Arc::new(Claims::open(&self.folder)?);
        *kept = Some(claims.clone());
        Ok(claims)
    }

    /// Claims a request among processes; `None` where another has. Within the process `flight` has settled it.
    ///
    /// # Errors
    ///
    /// Where the store may only be read, or its file system has no locks.
    pub(crate) fn claim(&self, hash: &Hash) -> Result<Option<Claim>, LlmError> {
        let claim = self.claims().and_then(|claims| claims.claim(hash));
        claim.map_err(|error| self.cannot_ask(&error))
    }

    /// Sees that answers can be written, before one is asked for.
    ///
    /// # Errors
    ///
    /// As [`Store::claim`].
    pub(crate) fn prepare(&self) -> Result<(), LlmError> {
        if lock(&self.writer).is_some() {
            return Ok(());
        }
        New::create(&self.folder).map(drop).map_err(|error| self.cannot_ask(&error))?;
        self.claims().map(drop).map_err(|error| self.cannot_ask(&error))
    }

    fn cannot_ask(&self, error: &io::Error) -> LlmError {
        LlmError::CannotAsk { store: self.path.display().to_string(), message: error.to_string() }
    }

    /// Waits until the outcomes of these requests that an earlier statement could not write are on disk.
    ///
    /// # Errors
    ///
    /// As [`Store::write_all`].
    pub(crate) async fn written(&self, mut hashes: impl Iterator<Item = &Hash>) -> Result<(), LlmError> {
        let waits = {
            let unwritten = lock(&self.unwritten.hashes);
            !unwritten.is_empty() && hashes.any(|hash| unwritten.contains(hash))
        };
        if waits { self.order(Vec::new()).await } else { Ok(()) }
    }

    /// Writes outcomes; comes back when they are on disk.
    ///
    /// # Errors
    ///
    /// Where they could not be written for some seconds. They are kept in memory, and tried again, all the same.
    pub(crate) async fn write_all(&self, entries: Vec<Entry>) -> Result<(), LlmError> {
        self.order(entries.into_iter().map(|entry| Write::Outcome(Box::new(entry))).collect()).await
    }

    /// Begins an import.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub(crate) fn import(&self) -> Result<Import, LlmError> {
        Ok(Import::begin(&self.folder)?)
    }

    /// Records a batch that was submitted.
    pub(crate) async fn batch_opened(&self, batch: &Batch) -> Result<(), LlmError> {
        self.order(vec![Write::BatchOpened { batch: Box::new(batch.clone()), at_ms: now_ms() }]).await
    }

    /// Records that a batch has been read to its end.
    pub(crate) async fn batch_closed(&self, batch: &Batch) -> Result<(), LlmError> {
        self.order(vec![Write::BatchClosed { batch: Box::new(batch.clone()), at_ms: now_ms() }]).await
    }

    async fn order(&self, writes: Vec<Write>) -> Result<(), LlmError> {
        lock(&self.unwritten.hashes).extend(entries(&writes).map(|entry| entry.hash));
        let (done, written) = oneshot::channel();
        self.send(Order { writes, done }).map_err(|error| LlmError::Start { message: error.to_string() })?;
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(LlmError::NotWritten {
                store: self.path.display().to_string(),
                message: lock(&self.unwritten.problem)
                    .clone()
                    .unwrap_or_else(|| "the writer does not come".to_string()),
                unwritten: lock(&self.unwritten.hashes).len(),
            }),
        }
    }

    fn send(&self, order: Order) -> io::Result<()> {
        let mut writer = lock(&self.writer);
        if writer.is_none() {
            let (sender, orders) = channel();
            let (folder, unwritten) = (self.folder.clone(), self.unwritten.clone());
            let write = move || write_orders(&folder, &orders, &unwritten);
            std::thread::Builder::new().name("muster-store".to_string()).spawn(write)?;
            *writer = Some(sender);
        }
        match writer.as_ref().map(|writer| writer.send(order)) {
            Some(Ok(())) => Ok(()),
            _ => Err(io::Error::other("the writer has ended")),
        }
    }
}

/// Whether an error says that something may only be read.
fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn entries(writes: &[Write]) -> impl Iterator<Item = &Entry> {
    writes.iter().filter_map(|write| match write {
        Write::Outcome(entry) => Some(&**entry),
        _ => None,
    })
}

/// Writes orders, everything that waits at once, until nobody can send any more. Nothing more is waited for: an answer
/// that is received and not yet written is paid again if the process is killed.
fn write_orders(folder: &Path, orders: &Receiver<Order>, unwritten: &Unwritten) {
    let mut own: Option<Growing> = None;
    let mut waiting: Vec<Order> = Vec::new();
    let mut pause = Duration::from_millis(20);
    loop {
        let next = match waiting.is_empty() {
            true => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => orders.recv_timeout(pause),
        };
        match next {
            Ok(order) => waiting.push(order),
            Err(RecvTimeoutError::Disconnected) if waiting.is_empty() => return,
            Err(_) => {}
        }
        waiting.extend(orders.try_iter());
        match write(folder, &mut own, &waiting) {
            Ok(()) => {
                for order in waiting.drain(..) {
                    let mut hashes = lock(&unwritten.hashes);
                    for entry in entries(&order.writes) {
                        hashes.remove(&entry.hash);
                    }
                    drop(hashes);
                    // with their claims, before anybody is told
                    drop(order.writes);
                    // a caller that was interrupted does not wait for its answer
                    let _ = order.done.send(());
                }
                *lock(&unwritten.problem) = None;
                pause = Duration::from_millis(20);
            }
            Err(error) => {
                *lock(&unwritten.problem) = Some(error.to_string());
                pause = (pause * 2).min(PAUSE);
            }
        }
    }
}

/// Writes all orders into the file of this process, which is made at its first answer and again where somebody has taken it
/// away.
fn write(folder: &Path, own: &mut Option<Growing>, orders: &[Order]) -> io::Result<()> {
    let writes = || orders.iter().flat_map(|order| &order.writes);
    if writes().next().is_none() {
        return Ok(());
    }
    if let Some(file) = own.as_mut().filter(|file| file.is_there()) {
        file.add(writes())?;
        // taken away while it was being written: what nobody else has seen is written again
        if file.is_there() {
            return Ok(());
        }
    }
    *own = None;
    let mut new = New::create(folder)?;
    for write in writes() {
        new.push(write)?;
    }
    *own = Some(new.publish()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::job::abstained;
    use crate::llm::prices::Usage;
    use crate::llm::request::{Template, split};
    use rusqlite::params;

    /// A folder of its own for a test, and the path of a store in it.
    fn place(name: &str) -> (PathBuf, PathBuf) {
        let folder = std::env::temp_dir().join(format!("muster-llm-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("store.sqlite");
        (folder, path)
    }

    /// The store as a process of its own would have it.
    fn process(path: &Path) -> Store {
        Store::new(path, path.to_path_buf())
    }

    fn head(model: &str) -> String {
        let schema = r#"{"abstain":["UNCLEAR"],"field":"evaluation","no":["REJECT"],"yes":["ACCEPT"]}"#;
        format!(
            r#"{{"base_url":"b","model":"{model}","parameters":{{}},"prompt":"p","provider":"openai","schema":{schema},"text":"#
        )
    }

    fn template(model: &str) -> Arc<TemplateRow> {
        Arc::new(TemplateRow {
            template: Template::from_head(head(model)),
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
        let (hash, response) = (template.template.request_hash(text), Some("{}".to_string()));
        Entry { hash, template: template.clone(), text: text.into(), outcome, response, at_ms: 5, claim: None }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    fn write(store: &Store, entries: Vec<Entry>) {
        run(store.write_all(entries)).unwrap();
    }

    /// The one file of a store.
    fn file_of(path: &Path) -> PathBuf {
        let files = std::fs::read_dir(store::answers(path)).unwrap().map(|entry| entry.unwrap().path());
        let mut files = files.filter(|path| path.to_string_lossy().ends_with(file::ENDING));
        let one = files.next().unwrap();
        assert_eq!(files.next(), None);
        one
    }

    fn label(store: &Store, hash: &Hash) -> Option<bool> {
        store.lookup(&[*hash]).unwrap()[hash].label
    }

    #[test]
    fn answers_are_found_and_failures_are_not() {
        let (folder, path) = place("found");
        let store = process(&path);
        let template = template("m");
        let entries =
            [("yes", answer("ACCEPT", Some(true))), ("unclear", answer("UNCLEAR", None)), ("no", failure(Some(0.25)))];
        let hashes: Vec<Hash> = entries.iter().map(|(text, _)| template.template.request_hash(text)).collect();
        write(&store, entries.iter().map(|(text, outcome)| entry(&template, text, outcome.clone())).collect());
        for store in [store, process(&path)] {
            let found = store.lookup(&hashes).unwrap();
            assert_eq!(found.len(), 2);
            assert_eq!(found[&hashes[0]], answer("ACCEPT", Some(true)));
            assert_eq!(found[&hashes[1]].error.as_deref(), Some("abstained: UNCLEAR"));
            assert_eq!(store.answered(&hashes).unwrap().len(), 2);
            assert_eq!(store.failed_costs(&hashes).unwrap(), HashMap::from([(hashes[2], 0.25)]));
            assert!(store.are_settled(&hashes).unwrap());
            assert!(!store.are_settled(&[[0; 32]]).unwrap());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn of_several_answers_the_first_counts_for_everybody() {
        let (folder, path) = place("several");
        let (one, two) = (process(&path), process(&path));
        let template = template("m");
        let hash = template.template.request_hash("a");
        let late = Entry { at_ms: 9, ..entry(&template, "a", answer("REJECT", Some(false))) };
        write(&one, vec![late]);
        assert_eq!((label(&one, &hash), label(&two, &hash)), (Some(false), Some(false)));
        write(&two, vec![entry(&template, "a", answer("ACCEPT", Some(true)))]);
        for store in [&one, &two, &process(&path)] {
            assert_eq!(label(store, &hash), Some(true));
            assert_eq!(store.pages().unwrap(), 1);
            assert_eq!(store.page(0).unwrap().len(), 1);
            // both were paid
            assert_eq!((store.usage().unwrap()[0].answers, store.usage().unwrap()[0].cost_usd), (2, Some(1.0)));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_was_spent_counts_failures_too() {
        let (folder, path) = place("spent");
        let store = process(&path);
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
    fn pages_hold_everything_in_order() {
        let (folder, path) = place("pages");
        let store = process(&path);
        let template = template("m");
        let texts: Vec<String> = (0..Store::PAGE * 2 + 3).map(|i| format!("text {i}")).collect();
        write(&store, texts.iter().map(|text| entry(&template, text, answer("ACCEPT", Some(true)))).collect());
        let records: Vec<Record> = (0..store.pages().unwrap()).flat_map(|page| store.page(page).unwrap()).collect();
        let asked: Vec<String> = records.iter().map(|record| split(&record.request).unwrap().1).collect();
        assert_eq!(asked, texts);
        assert_eq!(store.page(store.pages().unwrap()).unwrap(), []);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_import_is_there_when_it_ends() {
        let (folder, path) = place("import");
        let store = process(&path);
        let template = template("m");
        let hash = template.template.request_hash("a");
        let mut import = store.import().unwrap();
        assert!(import.add(entry(&template, "a", answer("ACCEPT", Some(true)))).unwrap());
        assert!(!import.add(entry(&template, "a", answer("ACCEPT", Some(true)))).unwrap());
        assert_eq!(store.answered(&[hash]).unwrap().len(), 0);
        import.publish().unwrap();
        assert_eq!(label(&store, &hash), Some(true));
        let mut import = store.import().unwrap();
        import.add(entry(&template, "b", answer("ACCEPT", Some(true)))).unwrap();
        drop(import);
        assert_eq!(std::fs::read_dir(store::answers(&path)).unwrap().count(), 1, "nothing is left of it");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn batches_are_open_until_they_are_read() {
        let (folder, path) = place("batches");
        let store = process(&path);
        let text = |text: &str| text.to_string();
        let batch = Batch {
            id: text("batch-1"),
            provider: text("openai"),
            base_url: text("b"),
            model: text("m"),
            requests: vec![[1; 32], [2; 32]],
        };
        run(store.batch_opened(&batch)).unwrap();
        assert_eq!(store.open_batches("openai", "b", "m").unwrap(), std::slice::from_ref(&batch));
        assert_eq!(store.open_batches("openai", "b", "other").unwrap(), []);
        assert_eq!(process(&path).open_batches("openai", "b", "m").unwrap(), std::slice::from_ref(&batch));
        run(store.batch_closed(&batch)).unwrap();
        assert_eq!(store.open_batches("openai", "b", "m").unwrap(), []);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_put_in_its_place_is_another_store() {
        let (folder, path) = place("replaced");
        let store = process(&path);
        let template = template("m");
        let hashes = [template.template.request_hash("a"), template.template.request_hash("b")];
        write(&store, vec![entry(&template, "a", answer("ACCEPT", Some(true)))]);
        std::fs::remove_dir_all(store::answers(&path)).unwrap();
        assert_eq!(store.answered(&hashes).unwrap().len(), 0);
        // not into a file that is nowhere
        write(&store, vec![entry(&template, "b", answer("ACCEPT", Some(true)))]);
        for store in [store, process(&path)] {
            assert_eq!(store.answered(&hashes).unwrap(), HashSet::from([hashes[1]]));
            assert_eq!(store.page(0).unwrap().len(), 1);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_line_on_its_way_is_no_damage() {
        let (folder, path) = place("torn");
        let template = template("m");
        let hashes = ["a", "b", "c"].map(|text| template.template.request_hash(text));
        write(&process(&path), vec![entry(&template, "a", answer("ACCEPT", Some(true)))]);
        let file = file_of(&path);
        let whole = std::fs::read(&file).unwrap();
        let line = line::outcome(&entry(&template, "b", answer("REJECT", Some(false)))).unwrap();
        for length in 0..=line.len() {
            std::fs::write(&file, [&whole[..], &line[..length]].concat()).unwrap();
            let found = process(&path).answered(&hashes).unwrap();
            assert_eq!(found.contains(&hashes[1]), length == line.len(), "killed before it counted the line");
            assert!(found.contains(&hashes[0]));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn damage_and_cuts_are_errors_with_a_way_out() {
        let (folder, path) = place("damaged");
        let template = template("m");
        let texts = ["a", "b", "c"];
        let hashes = texts.map(|text| template.template.request_hash(text));
        let entries = texts.map(|text| entry(&template, text, answer("ACCEPT", Some(true))));
        write(&process(&path), entries.into());
        let file = file_of(&path);
        let whole = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        assert_eq!(lines.len(), 5, "the head, the template and three answers");
        let error = |text: &[u8]| {
            std::fs::write(&file, text).unwrap();
            process(&path).lookup(&hashes).unwrap_err().to_string()
        };
        for number in 1..=lines.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[lines[..number].concat().len() + number - 4] ^= 4;
            let message = error(&bytes);
            assert!(message.contains(&format!("line {number} of {} is damaged", file.display())), "{message}");
        }
        for length in [0, 1, line::HEAD, line::HEAD + 1, whole.len() / 2, whole.len() - 1] {
            let message = error(&whole.as_bytes()[..length]);
            assert!(message.contains("has been cut") || message.contains("line 1 of"), "{length}: {message}");
        }
        // the process that saw the damage sees that it is mended
        let store = process(&path);
        let mut bytes = whole.clone().into_bytes();
        bytes[whole.len() - 4] ^= 4;
        std::fs::write(&file, bytes).unwrap();
        store.answered(&hashes).unwrap_err();
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(store.answered(&hashes).unwrap().len(), 3);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(store.answered(&hashes).unwrap().len(), 0);
        // a newer format
        let newer = whole.replacen("\"version\":1", "\"version\":2", 1);
        let check = crc32fast::hash(&newer.as_bytes()[20..line::HEAD]);
        let newer = format!("{{\"check\":\"{check:08x}\",{}", &newer[20..]);
        assert!(error(newer.as_bytes()).contains("has format 2"));
        // the third answer is given up
        std::fs::write(&file, format!("{}\n", lines[1..4].join("\n"))).unwrap();
        assert_eq!(process(&path).answered(&hashes).unwrap(), HashSet::from([hashes[0], hashes[1]]));
        // a change after the file has been indexed
        let store = process(&path);
        store.answered(&hashes).unwrap();
        let changed = std::fs::read_to_string(&file).unwrap().replace("ACCEPT", "REJECT");
        std::fs::write(&file, changed).unwrap();
        assert!(store.lookup(&hashes).unwrap_err().to_string().contains("is damaged"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// The tables of version 0.1.
    const TABLES: &str = "
        CREATE TABLE llm_template (template_id INTEGER PRIMARY KEY, template_hash BLOB, provider TEXT, base_url TEXT,
            requested_model TEXT, head TEXT);
        CREATE TABLE llm_answer (answer_id INTEGER PRIMARY KEY, request_hash BLOB, template_id INTEGER, model TEXT,
            label INTEGER, word TEXT, finish TEXT, attempts INTEGER, batch INTEGER, input_tokens INTEGER, cached_tokens INTEGER,
            output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd REAL, answered_ms INTEGER, request_id TEXT, reason TEXT,
            text TEXT, response TEXT);
        CREATE TABLE llm_failure (failure_id INTEGER PRIMARY KEY, request_hash BLOB, template_id INTEGER, model TEXT,
            error TEXT, finish TEXT, attempts INTEGER, batch INTEGER, input_tokens INTEGER, cached_tokens INTEGER,
            output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd REAL, failed_ms INTEGER, response TEXT);
        CREATE TABLE llm_batch (batch_id TEXT, provider TEXT, base_url TEXT, model TEXT, open INTEGER, submitted_ms INTEGER,
            requests BLOB, PRIMARY KEY (provider, base_url, batch_id));";

    #[test]
    fn answers_of_earlier_versions_are_found() {
        let (folder, path) = place("old");
        let template = template("m");
        let texts = ["a", "b", "c", "later"];
        let hashes = texts.map(|text| template.template.request_hash(text));
        let old = store::open(&path, "CREATE TABLE IF NOT EXISTS embeddings (x)").unwrap();
        old.execute_batch(TABLES).unwrap();
        old.execute("INSERT INTO llm_template VALUES (7, x'00', 'openai', 'b', 'm', ?)", [head("m")]).unwrap();
        let insert = |text: &str, word: &str, label: Option<bool>| {
            let sql = "INSERT INTO llm_answer VALUES (NULL, ?, 7, 'm-001', ?, ?, 'stop', 2, 0, 100, NULL, 10, NULL, 0.5, 5, \
                       NULL, 'why', ?, '{}')";
            let hash = template.template.request_hash(text);
            old.execute(sql, params![&hash[..], label, word, text]).unwrap();
        };
        insert("a", "ACCEPT", Some(true));
        insert("b", "UNCLEAR", None);
        // as an import of an earlier version wrote it
        insert("c", "REJECT", None);
        let sql =
            "INSERT INTO llm_failure VALUES (NULL, ?, 7, NULL, 'refused', NULL, 1, 0, 7, NULL, 1, NULL, 0.25, 6, NULL)";
        old.execute(sql, [&[4u8; 32][..]]).unwrap();
        let sql = "INSERT INTO llm_batch VALUES (?, 'openai', 'b', 'm', ?, 5, ?)";
        old.execute(sql, params!["open", 1, &[3u8; 64][..]]).unwrap();
        old.execute(sql, params!["read", 0, &[3u8; 64][..]]).unwrap();

        let look = |store: &Store| {
            let found = store.lookup(&hashes).unwrap();
            assert_eq!(found[&hashes[0]], answer("ACCEPT", Some(true)));
            assert_eq!(found[&hashes[1]], answer("UNCLEAR", None));
            assert_eq!(found[&hashes[2]], answer("REJECT", Some(false)));
            assert_eq!(store.failed_costs(&[[4; 32]]).unwrap()[&[4; 32]], 0.25);
            let open = store.open_batches("openai", "b", "m").unwrap();
            assert_eq!((open.len(), open[0].id.as_str(), open[0].requests.len()), (1, "open", 2));
            let usage = store.usage().unwrap();
            assert_eq!(usage.iter().map(|line| line.answers).sum::<i64>(), found.len() as i64);
            assert_eq!(usage.iter().map(|line| line.failures).sum::<i64>(), 1);
            assert_eq!(store.page(0).unwrap()[0].request, crate::llm::request::request(&head("m"), "a"));
        };
        look(&process(&path));
        look(&process(&path));
        assert!(file_of(&path).exists(), "they were read once");
        // an earlier version goes on in its tables
        insert("later", "ACCEPT", Some(true));
        let store = process(&path);
        look(&store);
        assert_eq!(label(&store, &hashes[3]), Some(true));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_left_of_a_file_is_no_new_store() {
        let (folder, path) = place("left");
        for content in [&b"S"[..], &[b'x'; 600]] {
            std::fs::write(&path, content).unwrap();
            let message = process(&path).lookup(&[[0; 32]]).unwrap_err().to_string();
            assert!(message.contains("what is left of a store"), "{message}");
        }
        assert!(!store::answers(&path).exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}

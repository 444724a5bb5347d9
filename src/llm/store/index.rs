//! Index in memory of the files of a store: where each answer is, what failures cost, and which batches are open.
//!
//! An index follows the files: what was added to one is read when somebody asks, and where a file is gone, shorter or
//! another of the same name, everything is read again. Of several answers to one request, which claims prevent and an import
//! beside a running annotation can bring about, the one that was answered first counts; all of them count as spent.

use super::file::{self, ENDING, Position};
use super::line::{self, Converted, Kind};
use super::rows::{Batch, Record, Spent, TemplateRow};
use crate::hash::{Hash, unhex};
use crate::llm::job::Outcome;
use crate::store::{Identity, StoreError};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Name, provider and address of a batch.
type BatchKey = (String, String, String);

/// The state of a file at which it was read to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    identity: Identity,
    bytes: u64,
    modified: Option<SystemTime>,
}

/// A file of the store.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    /// A file without a name, which this process alone has.
    hidden: Option<Arc<File>>,
    seen: Option<Seen>,
    position: Position,
}

impl Part {
    fn new(path: PathBuf, hidden: Option<Arc<File>>) -> Part {
        Part { path, hidden, seen: None, position: Position::default() }
    }

    fn open(&self) -> Result<Arc<File>, StoreError> {
        match &self.hidden {
            Some(file) => Ok(file.clone()),
            None => File::open(&self.path).map(Arc::new).map_err(|error| StoreError::file(&self.path, &error)),
        }
    }
}

/// An answer's place.
#[derive(Debug, Clone, Copy)]
struct Place {
    at_ms: i64,
    offset: u64,
    part: u32,
    length: u32,
}

/// Place of a line that is to be read, with its open file.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    path: Arc<Path>,
    file: Arc<File>,
    offset: u64,
    length: u32,
}

impl Spot {
    /// Value that `read` makes of the line, which it checks.
    ///
    /// # Errors
    ///
    /// Where the line is not what was read when it was indexed.
    fn read<T>(&self, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, StoreError> {
        let failed = |error: io::Error| StoreError::file(&self.path, &error);
        let line = match file::line_at(&self.file, self.offset, self.length) {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        match read(&line) {
            Some(value) => Ok(value),
            None => {
                let line = file::number_at(&self.file, self.offset).map_err(failed)?;
                Err(StoreError::Damaged { path: self.path.display().to_string(), line })
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    folder: PathBuf,
    parts: Vec<Part>,
    /// In the order in which they were found, by time within a look.
    places: Vec<Place>,
    by_hash: HashMap<Hash, u32>,
    /// Sum of costs of the failures of a request.
    failures: HashMap<Hash, f64>,
    templates: HashMap<Hash, Arc<TemplateRow>>,
    opened: BTreeMap<BatchKey, (i64, Batch)>,
    closed: HashSet<BatchKey>,
    converted: Converted,
}

impl Index {
    pub(super) fn new(folder: &Path) -> Index {
        Index { folder: folder.to_path_buf(), ..Index::default() }
    }

    /// Adds a file that has no name.
    pub(super) fn add_hidden(&mut self, file: File, path: &Path) {
        self.parts.push(Part::new(path.to_path_buf(), Some(Arc::new(file))));
    }

    /// Rows of an earlier format that have been converted.
    pub(super) fn converted(&self) -> Converted {
        self.converted
    }

    /// Reads what was added to the store.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or is damaged.
    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        let listed = self.list().map_err(|error| StoreError::file(&self.folder, &error))?;
        let is_as_before = |part: &Part| {
            let now = listed.get(&part.path);
            part.hidden.is_some()
                || now.is_some_and(|now| match part.seen {
                    Some(seen) => now.identity == seen.identity && now.bytes >= part.position.offset,
                    // damaged when it was read last
                    None => part.position == Position::default(),
                })
        };
        if !self.parts.iter().all(is_as_before) {
            let hidden = self.parts.drain(..).filter(|part| part.hidden.is_some());
            let parts = hidden.map(|part| Part::new(part.path, part.hidden)).collect();
            *self = Index { parts, ..Index::new(&self.folder) };
        }
        let known: HashSet<&PathBuf> = self.parts.iter().map(|part| &part.path).collect();
        let new: Vec<PathBuf> = listed.keys().filter(|path| !known.contains(path)).cloned().collect();
        self.parts.extend(new.into_iter().map(|path| Part::new(path, None)));
        let mut found = Vec::new();
        let result = (0..self.parts.len()).try_for_each(|at| {
            let now = listed.get(&self.parts[at].path).copied();
            let is_read = match self.parts[at].hidden {
                Some(_) => self.parts[at].position != Position::default(),
                None => now.is_some() && now == self.parts[at].seen,
            };
            if is_read { Ok(()) } else { self.read(at, now, &mut found) }
        });
        found.sort_by_key(|(_, place)| (place.at_ms, place.part, place.offset));
        for (hash, place) in found {
            self.add(hash, place);
        }
        result
    }

    /// The files of the folder by their paths.
    fn list(&self) -> io::Result<BTreeMap<PathBuf, Seen>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            entries => entries?,
        };
        let mut listed = BTreeMap::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.ends_with(ENDING) || name.starts_with('.') {
                continue;
            }
            match std::fs::metadata(entry.path()) {
                Ok(file) => {
                    let identity = Identity::of_metadata(&file);
                    let seen = Seen { identity, bytes: file.len(), modified: file.modified().ok() };
                    listed.insert(entry.path(), seen);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(listed)
    }

    /// Reads what was added to a file; places of answers go to `found`.
    fn read(&mut self, at: usize, now: Option<Seen>, found: &mut Vec<(Hash, Place)>) -> Result<(), StoreError> {
        let file = self.parts[at].open()?;
        let path = self.parts[at].path.clone();
        let mut position = self.parts[at].position;
        let result = file::scan(&file, &path, &mut position, |offset, line, kind| {
            let length = line.len() as u32;
            match kind {
                Kind::Answer { hash, at_ms } => found.push((hash, Place { at_ms, offset, part: at as u32, length })),
                _ => return self.take(line, kind).is_some(),
            }
            true
        });
        self.parts[at].position = position;
        if result.is_ok() {
            self.parts[at].seen = now;
        }
        result
    }

    /// Takes a line that is no answer; `None` where it cannot be read.
    fn take(&mut self, line: &[u8], kind: Kind) -> Option<()> {
        let key = |batch: &Batch| (batch.id.clone(), batch.provider.clone(), batch.base_url.clone());
        match kind {
            Kind::Failure { hash, .. } => {
                *self.failures.entry(hash).or_default() += line::read_bill(line)?.cost_usd.unwrap_or(0.0);
            }
            Kind::Template => {
                let row = line::read_template(line)?;
                self.templates.entry(row.template.hash()).or_insert_with(|| Arc::new(row));
            }
            Kind::BatchOpened => {
                let (at_ms, batch) = line::read_batch(line)?;
                self.opened.insert(key(&batch), (at_ms, batch));
            }
            Kind::BatchClosed => {
                self.closed.insert(key(&line::read_batch(line)?.1));
            }
            Kind::Converted => {
                let (read, known) = (line::read_converted(line)?, self.converted);
                self.converted = Converted {
                    answers: read.answers.max(known.answers),
                    failures: read.failures.max(known.failures),
                    batches: read.batches.max(known.batches),
                };
            }
            Kind::Head | Kind::Other | Kind::Answer { .. } => {}
        }
        Some(())
    }

    fn add(&mut self, hash: Hash, place: Place) {
        let parts = &self.parts;
        let age = |place: &Place| (place.at_ms, parts[place.part as usize].path.clone(), place.offset);
        match self.by_hash.get(&hash) {
            None => {
                self.by_hash.insert(hash, self.places.len() as u32);
                self.places.push(place);
            }
            Some(known) => {
                let known = &mut self.places[*known as usize];
                if age(&place) < age(known) {
                    *known = place;
                }
            }
        }
    }

    pub(super) fn has_answer(&self, hash: &Hash) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// Cost of the failures of a request; `None` where it never failed.
    pub(super) fn failed_cost(&self, hash: &Hash) -> Option<f64> {
        self.failures.get(hash).copied()
    }

    /// Places of the answers to these requests.
    pub(super) fn spots(&self, hashes: &[Hash]) -> Result<Vec<(Hash, Spot)>, StoreError> {
        let found = hashes.iter().filter_map(|hash| Some((*hash, *self.by_hash.get(hash)?)));
        let (hashes, places): (Vec<Hash>, Vec<u32>) = found.unzip();
        let places = places.into_iter().map(|place| self.places[place as usize]);
        Ok(hashes.into_iter().zip(self.open(places)?).collect())
    }

    fn open(&self, places: impl Iterator<Item = Place>) -> Result<Vec<Spot>, StoreError> {
        let mut files: HashMap<u32, (Arc<Path>, Arc<File>)> = HashMap::new();
        places
            .map(|place| {
                let part = &self.parts[place.part as usize];
                let (path, file) = match files.get(&place.part) {
                    Some(known) => known.clone(),
                    None => files.entry(place.part).or_insert((part.path.as_path().into(), part.open()?)).clone(),
                };
                Ok(Spot { path, file, offset: place.offset, length: place.length })
            })
            .collect()
    }

    pub(super) fn answers(&self) -> usize {
        self.places.len()
    }

    /// Places of answers by their numbers, and the templates.
    pub(super) fn page(&self, range: std::ops::Range<usize>) -> Result<Vec<Spot>, StoreError> {
        self.open(self.places.get(range).unwrap_or_default().iter().copied())
    }

    pub(super) fn templates(&self) -> HashMap<Hash, Arc<TemplateRow>> {
        self.templates.clone()
    }

    /// Batches that were submitted and not read to their end, in that order.
    pub(super) fn open_batches(&self) -> Vec<Batch> {
        let open = self.opened.iter().filter(|(key, _)| !self.closed.contains(*key));
        let mut open: Vec<_> = open.map(|(_, batch)| batch).collect();
        open.sort_by_key(|(at_ms, batch)| (*at_ms, batch.id.clone()));
        open.into_iter().map(|(_, batch)| batch.clone()).collect()
    }

    /// The files as they are now, for a reading of all lines.
    pub(super) fn files(&self) -> Result<Vec<(PathBuf, Arc<File>)>, StoreError> {
        self.parts.iter().map(|part| Ok((part.path.clone(), part.open()?))).collect()
    }
}

/// An answer of `llm_store`.
pub(super) fn record(spot: &Spot, templates: &HashMap<Hash, Arc<TemplateRow>>) -> Result<Record, StoreError> {
    spot.read(|line| line::read_record(line, |hash| templates.get(hash).map(|row| &**row)))
}

/// The answer to a request.
pub(super) fn answer(spot: &Spot, hash: &Hash) -> Result<Outcome, StoreError> {
    spot.read(|line| line::read_answer(line, hash))
}

/// Sums of what was spent, by requested and answering model, over all lines of these files.
pub(super) fn usage(
    files: &[(PathBuf, Arc<File>)],
    templates: &HashMap<Hash, Arc<TemplateRow>>,
) -> Result<Vec<Spent>, StoreError> {
    let mut sums: BTreeMap<(&str, &str, &str, Option<String>), Spent> = BTreeMap::new();
    for (path, file) in files {
        file::scan(file, path, &mut Position::default(), |_, line, kind| {
            let (answers, at_ms) = match kind {
                Kind::Answer { at_ms, .. } => (1, at_ms),
                Kind::Failure { at_ms, .. } => (0, at_ms),
                _ => return true,
            };
            let bill = line::read_bill(line);
            let Some((bill, hash)) = bill.and_then(|bill| unhex(&bill.template).map(|hash| (bill, hash))) else {
                return false;
            };
            // added since the index was read
            let Some(template) = templates.get(&hash) else { return true };
            let key = (&*template.provider, &*template.base_url, &*template.requested_model, bill.model.clone());
            let sum = sums.entry(key).or_insert_with(|| Spent {
                provider: template.provider.clone(),
                base_url: template.base_url.clone(),
                requested_model: template.requested_model.clone(),
                model: bill.model,
                answers: 0,
                failures: 0,
                input_tokens: None,
                cached_tokens: None,
                output_tokens: None,
                reasoning_tokens: None,
                cost_usd: None,
                first_ms: at_ms,
                last_ms: at_ms,
            });
            sum.answers += answers;
            sum.failures += 1 - answers;
            let add = |sum: &mut Option<u64>, more: Option<u64>| {
                if let Some(more) = more {
                    *sum = Some(sum.unwrap_or(0).saturating_add(more));
                }
            };
            add(&mut sum.input_tokens, bill.input_tokens);
            add(&mut sum.cached_tokens, bill.cached_tokens);
            add(&mut sum.output_tokens, bill.output_tokens);
            add(&mut sum.reasoning_tokens, bill.reasoning_tokens);
            sum.cost_usd = bill.cost_usd.map(|cost| sum.cost_usd.unwrap_or(0.0) + cost).or(sum.cost_usd);
            sum.first_ms = sum.first_ms.min(at_ms);
            sum.last_ms = sum.last_ms.max(at_ms);
            true
        })?;
    }
    Ok(sums.into_values().collect())
}

//! Vectors that were computed before: the last ones in memory, and all in the store where a call names one.
//!
//! The list of last use is two maps of the standard library in forty lines, for which no dependency is worth adding.

use super::error::EmbedError;
use crate::store::{self, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// SHA-256 of the model's hash and the text.
pub(crate) type Key = [u8; 32];

/// The key of `text` for the model of `hash`.
pub(crate) fn key(hash: &str, text: &str) -> Key {
    Sha256::new().chain_update(hash).chain_update([0]).chain_update(text).finalize().into()
}

/// Vectors used last, up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Recent {
    entries: HashMap<Key, (u64, Arc<[f32]>)>,
    /// Keys by the time of their last use.
    used: BTreeMap<u64, Key>,
    clock: u64,
    bytes: usize,
    limit: usize,
}

impl Recent {
    /// Approximate number of bytes of an entry beside its vector.
    const OVERHEAD: usize = 200;

    pub(crate) fn new(limit: usize) -> Recent {
        Recent { entries: HashMap::new(), used: BTreeMap::new(), clock: 0, bytes: 0, limit }
    }

    /// The vector of `key`, which is the last used one from now on.
    pub(crate) fn get(&mut self, key: &Key) -> Option<Arc<[f32]>> {
        let (time, vector) = self.entries.get_mut(key)?;
        self.used.remove(time);
        self.clock += 1;
        *time = self.clock;
        self.used.insert(self.clock, *key);
        Some(vector.clone())
    }

    /// Puts a vector in the place of that of the same key, and drops those whose use lies longest ago.
    pub(crate) fn put(&mut self, key: Key, vector: Arc<[f32]>) {
        let size = |vector: &Arc<[f32]>| vector.len() * size_of::<f32>() + Recent::OVERHEAD;
        self.clock += 1;
        self.bytes += size(&vector);
        self.used.insert(self.clock, key);
        if let Some((time, old)) = self.entries.insert(key, (self.clock, vector)) {
            self.used.remove(&time);
            self.bytes -= size(&old);
        }
        while self.bytes > self.limit {
            let Some((_, oldest)) = self.used.pop_first() else { return };
            if let Some((_, old)) = self.entries.remove(&oldest) {
                self.bytes -= size(&old);
            }
        }
    }
}

/// Vectors in memory, of all models of this process.
pub(crate) fn recent() -> &'static Mutex<Recent> {
    const LIMIT: usize = 256 << 20;
    static RECENT: OnceLock<Mutex<Recent>> = OnceLock::new();
    RECENT.get_or_init(|| Mutex::new(Recent::new(LIMIT)))
}

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS embeddings (
    model TEXT NOT NULL,  -- hash of weights, tokenizer, configuration and number type
    text BLOB NOT NULL,   -- SHA-256
    vector BLOB NOT NULL, -- 32-bit floating point numbers, least significant byte first
    PRIMARY KEY (model, text)
) WITHOUT ROWID";

/// Vectors in the durable store.
#[derive(Debug)]
pub(crate) struct Stored {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Stored {
    /// The store in the file `path`, which is made where there is none.
    ///
    /// # Errors
    ///
    /// Where the file cannot be opened, or is not a store.
    pub(crate) fn open(path: &Path) -> Result<Stored, EmbedError> {
        Ok(Stored { path: path.to_path_buf(), connection: Mutex::new(store::open(path, SCHEMA)?) })
    }

    fn run<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, EmbedError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection)
            .map_err(|source| StoreError::Sqlite { path: self.path.display().to_string(), source }.into())
    }

    /// The vectors of `texts` of the model of `hash` that are stored; one of another length, or with NaN or infinity, counts as
    /// absent.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub(crate) fn get(
        &self,
        hash: &str,
        texts: &[&str],
        dimensions: usize,
    ) -> Result<Vec<Option<Arc<[f32]>>>, EmbedError> {
        self.run(|connection| {
            let mut select = connection.prepare("SELECT vector FROM embeddings WHERE model = ? AND text = ?")?;
            let mut one = |text: &&str| -> rusqlite::Result<Option<Arc<[f32]>>> {
                let digest: Key = Sha256::digest(text).into();
                let bytes: Option<Vec<u8>> = select.query_row(params![hash, digest], |row| row.get(0)).optional()?;
                let right = bytes.filter(|bytes| bytes.len() == dimensions * size_of::<f32>());
                let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                let vector =
                    right.map(|bytes| bytes.chunks_exact(size_of::<f32>()).map(number).collect::<Arc<[f32]>>());
                Ok(vector.filter(|vector| vector.iter().all(|x| x.is_finite())))
            };
            texts.iter().map(&mut one).collect()
        })
    }

    /// Stores vectors of the model of `hash` with their texts, in one transaction.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub(crate) fn put<'a>(
        &self,
        hash: &str,
        vectors: impl Iterator<Item = (&'a str, &'a Arc<[f32]>)>,
    ) -> Result<(), EmbedError> {
        self.run(|connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            {
                let sql = "INSERT OR REPLACE INTO embeddings (model, text, vector) VALUES (?, ?, ?)";
                let mut insert = transaction.prepare(sql)?;
                for (text, vector) in vectors {
                    let digest: Key = Sha256::digest(text).into();
                    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    insert.execute(params![hash, digest, bytes])?;
                }
            }
            transaction.commit()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of SQLite, once.
    #[test]
    fn a_store_without_its_table() {
        let folder = std::env::temp_dir().join(format!("muster-vectors-{}", std::process::id()));
        let path = folder.join("store.sqlite");
        let stored = Stored::open(&path).unwrap();
        stored.run(|connection| connection.execute_batch("DROP TABLE embeddings")).unwrap();
        let vector: Arc<[f32]> = Arc::from([1.0]);
        for error in
            [stored.get("m", &["a"], 1).unwrap_err(), stored.put("m", [("a", &vector)].into_iter()).unwrap_err()]
        {
            let message = error.to_string();
            assert!(
                message.starts_with(&format!("store '{}': no such table: embeddings", path.display())),
                "{message}"
            );
            assert_eq!(message.matches("no such table").count(), 1, "{message}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let vector = |x: f32| -> Arc<[f32]> { Arc::from(vec![x; 50]) };
        let mut recent = Recent::new(3 * (200 + Recent::OVERHEAD));
        for (i, text) in ["a", "b", "c"].into_iter().enumerate() {
            recent.put(key("m", text), vector(i as f32));
        }
        assert_eq!(recent.get(&key("m", "a")), Some(vector(0.0)));
        recent.put(key("m", "d"), vector(3.0));
        assert_eq!(recent.get(&key("m", "b")), None);
        assert_eq!(recent.get(&key("m", "a")), Some(vector(0.0)));
        // in the place of what was there
        recent.put(key("m", "a"), vector(9.0));
        assert_eq!(recent.get(&key("m", "a")), Some(vector(9.0)));
        assert_eq!(recent.get(&key("m", "c")), Some(vector(2.0)));
        assert_eq!(recent.get(&key("other", "a")), None);
        assert_eq!(recent.entries.len(), recent.used.len());
    }

    #[test]
    fn vectors_outlive_the_connection() {
        let path = std::env::temp_dir().join(format!("muster-embeddings-{}.sqlite", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let vector: Arc<[f32]> = Arc::from(vec![1.5, -0.0, f32::MIN_POSITIVE]);
        Stored::open(&path).unwrap().put("m", [("one", &vector)].into_iter()).unwrap();
        let stored = Stored::open(&path).unwrap();
        let found = stored.get("m", &["one", "two"], 3).unwrap();
        assert_eq!(found, [Some(vector), None]);
        assert_eq!(stored.get("other", &["one"], 3).unwrap(), [None]);
        assert_eq!(stored.get("m", &["one"], 4).unwrap(), [None]);
        for bad in [f32::NAN, f32::INFINITY] {
            stored.put("m", [("bad", &Arc::from(vec![1.0, bad]))].into_iter()).unwrap();
            assert_eq!(stored.get("m", &["bad"], 2).unwrap(), [None]);
        }
        std::fs::remove_file(&path).unwrap();
    }
}

//! The durable store: one SQLite file for the answers of language models and for embeddings.
//!
//! Several processes may use a store at once: it is written ahead (WAL), a commit survives the end of the
//! process, and a writer that finds the file locked waits. Each domain owns its tables and names them in the
//! schema it opens the store with.

use crate::env;
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Mark of a SQLite file as one of ours: "mstr" in ASCII.
const APPLICATION: i64 = 0x6d73_7472;

/// Version of the format, raised when a table of the store changes in a way that older versions cannot read.
const VERSION: i64 = 1;

/// Time for which a writer waits for another process.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reason why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "no place for the store: this system names no data folder for the user; give one by store := 'file' or MUSTER_STORE"
    )]
    NoPlace,
    #[error("store '{path}': {message}")]
    Folder { path: String, message: String },
    #[error("store '{path}': {source}")]
    Sqlite { path: String, source: rusqlite::Error },
    #[error("store '{path}' is a SQLite database of another program; give another file")]
    Foreign { path: String },
    #[error("store '{path}' has format {found}, this version of muster reads up to {VERSION}; use a newer muster")]
    Newer { path: String, found: i64 },
}

/// File of the store: `given`, else `MUSTER_STORE`, else `muster/store.sqlite` in the user's data folder. `default` gives
/// no file: it asks for one of the others.
///
/// # Errors
///
/// Where none is named and the system has no data folder for the user.
pub(crate) fn path(given: Option<&str>) -> Result<PathBuf, StoreError> {
    let given = given.filter(|name| *name != "default");
    let given = given.map(PathBuf::from).or_else(|| env::STORE.path().map(PathBuf::from));
    match given.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => Ok(path),
        None => Ok(dirs::data_dir().ok_or(StoreError::NoPlace)?.join("muster").join("store.sqlite")),
    }
}

/// Opens the store at `path`, makes it where it is missing, and runs `schema`, whose statements are all
/// `CREATE … IF NOT EXISTS`. What the store holds is personal data: a new one is readable by its owner alone.
///
/// # Errors
///
/// Where the file cannot be made, is another program's, or was written by a newer version.
pub(crate) fn open(path: &Path, schema: &str) -> Result<Connection, StoreError> {
    let name = || path.display().to_string();
    make_private(path).map_err(|error| StoreError::Folder { path: name(), message: error.to_string() })?;
    let connection = connect(path, schema).map_err(|source| StoreError::Sqlite { path: name(), source })?;
    connection.map_err(|problem| match problem {
        Problem::Foreign => StoreError::Foreign { path: name() },
        Problem::Newer(found) => StoreError::Newer { path: name(), found },
    })
}

enum Problem {
    Foreign,
    Newer(i64),
}

fn connect(path: &Path, schema: &str) -> rusqlite::Result<Result<Connection, Problem>> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // in one transaction: another process may be making the store at this moment
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let number = |name: &str| -> rusqlite::Result<i64> { transaction.pragma_query_value(None, name, |row| row.get(0)) };
    let application = number("application_id")?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Ok(Err(Problem::Foreign));
    }
    let version = number("user_version")?;
    if version > VERSION {
        return Ok(Err(Problem::Newer(version)));
    }
    if application != APPLICATION {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.execute_batch(schema)?;
    transaction.commit()?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    Ok(Ok(connection))
}

/// Writes ahead from now on. SQLite does not wait for a lock here: of several processes that find a new store, all but one
/// would fail.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

/// Makes the folder and the empty file where they are missing, for the owner alone.
fn make_private(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut folder = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.recursive(true).create(parent)?;
    }
    file.append(true).create(true).open(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS note (text VARCHAR)";

    /// A folder of its own for a test, emptied first.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("muster-store-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_store_is_made_with_its_folders_and_shared() {
        let path = folder("shared").join("deep").join("store.sqlite");
        let one = open(&path, SCHEMA).unwrap();
        let two = open(&path, SCHEMA).unwrap();
        one.execute("INSERT INTO note VALUES ('a')", []).unwrap();
        two.execute("INSERT INTO note VALUES ('b')", []).unwrap();
        let notes: i64 = one.query_row("SELECT count(*) FROM note", [], |row| row.get(0)).unwrap();
        assert_eq!(notes, 2);
        let mode: String = one.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::remove_dir_all(folder("shared")).unwrap_or(());
    }

    #[test]
    fn a_file_or_the_users_own() {
        assert_eq!(path(Some("a/b.sqlite")).unwrap(), PathBuf::from("a/b.sqlite"));
        assert_eq!(path(Some("default")).unwrap(), path(None).unwrap());
    }

    #[test]
    fn other_files_are_refused_and_left_as_they_are() {
        let folder = folder("other");
        std::fs::create_dir_all(&folder).unwrap();
        let text = folder.join("text.txt");
        std::fs::write(&text, "certainly not a database, but long enough to look like something".repeat(20)).unwrap();
        let before = std::fs::read(&text).unwrap();
        assert!(matches!(open(&text, SCHEMA), Err(StoreError::Sqlite { .. })));
        assert_eq!(std::fs::read(&text).unwrap(), before);

        let foreign = folder.join("foreign.sqlite");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(open(&foreign, SCHEMA), Err(StoreError::Foreign { .. })));

        let newer = folder.join("newer.sqlite");
        open(&newer, SCHEMA).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        let message = open(&newer, SCHEMA).unwrap_err().to_string();
        assert!(message.contains(&format!("has format {}", VERSION + 1)), "{message}");

        assert!(matches!(open(&text.join("below"), SCHEMA), Err(StoreError::Folder { .. })));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_new_store_opened_by_many_at_once() {
        for round in 0..40 {
            let folder = folder(&format!("new-{round}"));
            let path = folder.join("store.sqlite");
            let barrier = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        barrier.wait();
                        open(&path, SCHEMA).unwrap().execute("INSERT INTO note VALUES ('x')", []).unwrap();
                    });
                }
            });
            let store = open(&path, SCHEMA).unwrap();
            let notes: i64 = store.query_row("SELECT count(*) FROM note", [], |row| row.get(0)).unwrap();
            assert_eq!(notes, 8);
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn threads_wait_for_each_other() {
        let path = folder("threads").join("store.sqlite");
        open(&path, SCHEMA).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let store = open(&path, SCHEMA).unwrap();
                    for _ in 0..50 {
                        store.execute("INSERT INTO note VALUES ('x')", []).unwrap();
                    }
                });
            }
        });
        let notes: i64 = open(&path, SCHEMA).unwrap().query_row("SELECT count(*) FROM note", [], |r| r.get(0)).unwrap();
        assert_eq!(notes, 200);
        std::fs::remove_dir_all(folder("threads")).unwrap_or(());
    }
}

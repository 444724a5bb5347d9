//! The durable store: vectors in a SQLite file of its name, answers of language models in a folder beside it.
//!
//! This module knows what both need: the place, who may read it, what can be wrong with it, and the SQLite file, which is
//! written ahead (WAL) and shared by processes. Vectors are computed again where one is lost; answers are paid, so `llm`
//! keeps them in files of its own.

use crate::env;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Mark of a SQLite file as one of ours: "mstr" in ASCII.
const APPLICATION: i64 = 0x6d73_7472;

/// Version of the format, raised when a table of the store changes in a way that older versions cannot read.
const VERSION: i64 = 1;

/// Time for which a writer, and a reader, waits for another process.
const PATIENCE: Duration = Duration::from_secs(60);
const READERS_PATIENCE: Duration = Duration::from_secs(5);

/// Reason why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "no place for the store: this system names no data folder for the user; give one by store := 'file' or MUSTER_STORE"
    )]
    NoPlace,
    #[error("store must be the path of a file, got '{given}': {problem}")]
    NoPath { given: String, problem: &'static str },
    #[error("store '{path}': {message}")]
    File { path: String, message: String },
    #[error("store '{path}': {source}")]
    Sqlite { path: String, source: rusqlite::Error },
    #[error("store '{path}' is a SQLite database of another program; give another file")]
    Foreign { path: String },
    #[error(
        "store '{path}' is a file of another kind, or what is left of a store; give another file, or restore it from a copy"
    )]
    Unknown { path: String },
    #[error("store '{path}' has format {found}, this version of muster reads up to {VERSION}; use a newer muster")]
    Newer { path: String, found: i64 },
    #[error(
        "line {line} of {path} is damaged: it does not fit its checksum. Restore the file from a copy; or give up what the \
         line held, which is asked and paid again, by deleting that line and line 1, which counts the file"
    )]
    Damaged { path: String, line: u64 },
    #[error(
        "{path} has been cut: it has {bytes} bytes of {counted}. Restore it from a copy; or give up what is lost, which is \
         asked and paid again, by deleting line 1, which counts the file, and the last line where it is not whole"
    )]
    Cut { path: String, bytes: u64, counted: u64 },
}

impl StoreError {
    /// The error of a file operation.
    pub(crate) fn file(path: &Path, error: &io::Error) -> StoreError {
        StoreError::File { path: path.display().to_string(), message: error.to_string() }
    }
}

/// Path of the store: `given`, else `MUSTER_STORE`, else `muster/store.sqlite` in the user's data folder. `default` gives
/// no path: it asks for one of the others. `~/` is the user's home; every other path means itself.
///
/// # Errors
///
/// Where none is named and the system has no data folder for the user, and where SQLite or a shell would take the path
/// for something else than a file.
pub(crate) fn path(given: Option<&str>) -> Result<PathBuf, StoreError> {
    if given == Some("") {
        return Err(StoreError::NoPath { given: String::new(), problem: "it names no file" });
    }
    let given = given.filter(|name| *name != "default");
    let given = given.map(PathBuf::from).or_else(|| env::STORE.path().map(PathBuf::from));
    let Some(path) = given.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(dirs::data_dir().ok_or(StoreError::NoPlace)?.join("muster").join("store.sqlite"));
    };
    let shown = path.display().to_string();
    let wrong = |problem| Err(StoreError::NoPath { given: shown.clone(), problem });
    if shown.to_ascii_lowercase().starts_with(":memory:") {
        return wrong("a store in memory forgets what was paid");
    }
    if shown.to_ascii_lowercase().starts_with("file:") {
        return wrong("URIs are not read");
    }
    if path.is_dir() {
        return wrong(
            "this is a folder; the answers of a store 'a' are in the folder 'a.answers', and its name is 'a'",
        );
    }
    let mut parts = path.components();
    match parts.next().map(|first| first.as_os_str().to_string_lossy().into_owned()) {
        Some(first) if first == "~" => match dirs::home_dir() {
            Some(home) if parts.clone().next().is_some() => Ok(home.join(parts.as_path())),
            _ => wrong("this is a folder"),
        },
        Some(first) if first.starts_with('~') => {
            wrong("only '~/' stands for a home folder; write './~…' for a name with ~")
        }
        _ => Ok(path),
    }
}

/// Folder of the answers of the store at `path`.
pub(crate) fn answers(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".answers");
    PathBuf::from(name)
}

/// Identity of a file, which tells it from another that was put in its place; where the system has none, that it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(u64, u64);

impl Identity {
    pub(crate) fn of(path: &Path) -> Option<Identity> {
        std::fs::metadata(path).ok().map(|file| Identity::of_metadata(&file))
    }

    pub(crate) fn of_file(file: &File) -> Option<Identity> {
        file.metadata().ok().map(|file| Identity::of_metadata(&file))
    }

    #[cfg(unix)]
    pub(crate) fn of_metadata(file: &std::fs::Metadata) -> Identity {
        use std::os::unix::fs::MetadataExt;
        Identity(file.dev(), file.ino())
    }

    #[cfg(not(unix))]
    pub(crate) fn of_metadata(_: &std::fs::Metadata) -> Identity {
        Identity(0, 0)
    }
}

/// Options of a file that its owner alone may read, once it is made.
pub(crate) fn private_file() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file
}

/// Makes a folder, and those above it, for the owner alone where they are missing.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    match path.as_os_str().is_empty() {
        true => Ok(()),
        false => folder.recursive(true).create(path),
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
    make_private(path).map_err(|error| StoreError::file(path, &error))?;
    let connection = connect(path, schema).map_err(|source| StoreError::Sqlite { path: name(), source })?;
    connection.map_err(|problem| problem.of(path))
}

/// Opens the store at `path` to read it; `None` where there is none, or a file of no byte. A file that may only be read
/// is taken as it stands, unless a log beside it holds more, which only somebody who may write can read.
///
/// Nothing but SQLite opens the file: its locks belong to the process, and end when anybody there closes the file.
///
/// # Errors
///
/// Where the file is no store, or cannot be read.
pub(crate) fn open_existing(path: &Path) -> Result<Option<Connection>, StoreError> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    match size(path) {
        0 => return Ok(None),
        // SQLite takes what is smaller than its smallest page for new
        1..512 => return Err(StoreError::Unknown { path: path.display().to_string() }),
        _ => {}
    }
    let open = |path: &Path, flags| -> rusqlite::Result<Result<Connection, Problem>> {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(READERS_PATIENCE)?;
        Ok(check(&connection)?.map(|()| connection))
    };
    let mut log = path.as_os_str().to_os_string();
    log.push("-wal");
    let as_it_stands = || {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let escaped = whole.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let uri = PathBuf::from(format!("file:{escaped}?immutable=1"));
        open(&uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
    };
    let opened = match open(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // SQLite makes files beside it, which a folder that may only be read does not allow
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
                && size(Path::new(&log)) == 0 =>
        {
            as_it_stands().map_err(|_| error)
        }
        opened => opened,
    };
    let name = || path.display().to_string();
    let opened = opened.map_err(|source| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Unknown { path: name() },
        _ => StoreError::Sqlite { path: name(), source },
    })?;
    opened.map(Some).map_err(|problem| problem.of(path))
}

enum Problem {
    Foreign,
    Newer(i64),
}

impl Problem {
    fn of(self, path: &Path) -> StoreError {
        let path = path.display().to_string();
        match self {
            Problem::Foreign => StoreError::Foreign { path },
            Problem::Newer(found) => StoreError::Newer { path, found },
        }
    }
}

/// Whether a database is a store of a version that is known.
fn check(connection: &Connection) -> rusqlite::Result<Result<(), Problem>> {
    let number = |name: &str| -> rusqlite::Result<i64> { connection.pragma_query_value(None, name, |row| row.get(0)) };
    let application = number("application_id")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Ok(Err(Problem::Foreign));
    }
    let version = number("user_version")?;
    Ok(if version > VERSION { Err(Problem::Newer(version)) } else { Ok(()) })
}

fn connect(path: &Path, schema: &str) -> rusqlite::Result<Result<Connection, Problem>> {
    // without URIs: a path means a path
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // in one transaction: another process may be making the store at this moment
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if let Err(problem) = check(&transaction)? {
        return Ok(Err(problem));
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
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
fn make_private(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    make_folder(path.parent().unwrap_or(Path::new("")))?;
    private_file().append(true).create(true).open(path).map(|_| ())
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
    fn a_path_means_a_file() {
        for given in
            ["", ":memory:", ":MEMORY:", "file::memory:", "file:a?mode=memory", "~", "~/", "~other/x", "/", "."]
        {
            let message = path(Some(given)).unwrap_err().to_string();
            assert!(message.starts_with(&format!("store must be the path of a file, got '{given}'")), "{message}");
        }
        let home = dirs::home_dir().unwrap();
        assert_eq!(path(Some("~/x/y.sqlite")).unwrap(), home.join("x").join("y.sqlite"));
        assert_eq!(path(Some("./~x")).unwrap(), PathBuf::from("./~x"));
        assert_eq!(answers(Path::new("a/b.sqlite")), PathBuf::from("a/b.sqlite.answers"));
        // not the file "a", as a URI would have it
        let named = folder("named");
        let odd = named.join("a?mode=memory");
        open(&odd, SCHEMA).unwrap().execute("INSERT INTO note VALUES ('x')", []).unwrap();
        let again: i64 = open(&odd, SCHEMA).unwrap().query_row("SELECT count(*) FROM note", [], |r| r.get(0)).unwrap();
        assert_eq!(again, 1);
        std::fs::remove_dir_all(named).unwrap();
    }

    #[test]
    fn what_is_left_of_a_store_is_no_new_one() {
        let folder = folder("left");
        let path = folder.join("store.sqlite");
        assert!(open_existing(&path).unwrap().is_none());
        open(&path, SCHEMA).unwrap().execute("INSERT INTO note VALUES ('x')", []).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(open_existing(&path).unwrap().is_some());
        for (bytes, is_unknown) in [(1, true), (511, true), (4096, false)] {
            std::fs::write(&path, &whole[..bytes]).unwrap();
            let error = open_existing(&path).unwrap_err();
            assert_eq!(matches!(error, StoreError::Unknown { .. }), is_unknown, "{error}");
        }
        std::fs::write(&path, "not a store ".repeat(100)).unwrap();
        assert!(matches!(open_existing(&path), Err(StoreError::Unknown { .. })));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn other_files_are_refused_and_left_as_they_are() {
        let folder = folder("other");
        std::fs::create_dir_all(&folder).unwrap();
        let text = folder.join("text.txt");
        std::fs::write(&text, "certainly not a database, but long enough to look like something".repeat(20)).unwrap();
        let before = std::fs::read(&text).unwrap();
        let message = open(&text, SCHEMA).unwrap_err().to_string();
        assert_eq!(message, format!("store '{}': file is not a database", text.display()));
        assert_eq!(std::fs::read(&text).unwrap(), before);

        let foreign = folder.join("foreign.sqlite");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(open(&foreign, SCHEMA), Err(StoreError::Foreign { .. })));

        let newer = folder.join("newer.sqlite");
        open(&newer, SCHEMA).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        let message = open(&newer, SCHEMA).unwrap_err().to_string();
        assert!(message.contains(&format!("has format {}", VERSION + 1)), "{message}");

        assert!(matches!(open(&text.join("below"), SCHEMA), Err(StoreError::File { .. })));
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

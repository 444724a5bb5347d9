//! Files of answers, one a writing process: a first line that counts the bytes, and lines behind it that are never changed.
//!
//! A file is made under another name, filled, synced and only then named, so that one without a whole first line has
//! been damaged. What is added is synced first and counted after that, so that less than what is counted means that
//! the file was cut, and damage before the count is damage, while behind it a line may be on its way. A line that is
//! whole behind the count (its writer was killed, or has not come to count it) is synced by whoever reads it before it is
//! believed.

use super::line;
use super::rows::Write;
use crate::hash::Hash;
use crate::store::{self, Identity, StoreError};
use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// End of the names of files of answers.
pub(super) const ENDING: &str = ".jsonl";

/// End of the names of files that have not been named yet, and age from which one that nobody has locked was left behind.
const UNNAMED: &str = ".new";
const LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Adds the lines of what is to be written; a template's goes before the first outcome of it.
fn add_lines(to: &mut Vec<u8>, write: &Write, templates: &mut HashSet<Hash>) -> io::Result<()> {
    match write {
        Write::Outcome(entry) => {
            let hash = entry.template.template.hash();
            if !templates.contains(&hash) {
                to.extend(line::template(&entry.template)?);
                templates.insert(hash);
            }
            to.extend(line::outcome(entry)?);
        }
        Write::BatchOpened { batch, at_ms } => to.extend(line::batch(batch, *at_ms, false)?),
        Write::BatchClosed { batch, at_ms } => to.extend(line::batch(batch, *at_ms, true)?),
    }
    Ok(())
}

/// A file that has no name yet; gone when dropped.
#[derive(Debug)]
pub(super) struct New {
    folder: PathBuf,
    path: PathBuf,
    file: Option<BufWriter<File>>,
    templates: HashSet<Hash>,
    bytes: u64,
}

impl New {
    /// An empty file in `folder`, which is made where it is missing.
    pub(super) fn create(folder: &Path) -> io::Result<New> {
        store::make_folder(folder)?;
        sweep(folder);
        let mut random = RandomState::new().build_hasher();
        random.write_u32(std::process::id());
        // the time first, so that names sort by age
        let name = format!(".{:013}-{:016x}{UNNAMED}", super::rows::now_ms(), random.finish());
        let path = folder.join(name);
        let file = store::private_file().read(true).write(true).create_new(true).open(&path)?;
        // tells it from one that was left behind; a file system without locks has only the age
        let _ = file.try_lock();
        let mut file = BufWriter::new(file);
        let head = line::head(0);
        file.write_all(&head)?;
        let bytes = head.len() as u64;
        Ok(New { folder: folder.to_path_buf(), path, file: Some(file), templates: HashSet::new(), bytes })
    }

    fn add(&mut self, lines: &[u8]) -> io::Result<()> {
        self.bytes += lines.len() as u64;
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(lines))
    }

    pub(super) fn push(&mut self, write: &Write) -> io::Result<()> {
        let mut lines = Vec::new();
        add_lines(&mut lines, write, &mut self.templates)?;
        self.add(&lines)
    }

    pub(super) fn push_converted(&mut self, converted: line::Converted) -> io::Result<()> {
        self.add(&line::converted(converted)?)
    }

    /// Counts the bytes and syncs them.
    fn finish(&mut self) -> io::Result<File> {
        let Some(file) = self.file.take() else { return Err(io::ErrorKind::NotFound.into()) };
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&line::head(self.bytes))?;
        file.sync_all()?;
        Ok(file)
    }

    /// Gives the file its name: from now on everybody finds it.
    pub(super) fn publish(mut self) -> io::Result<Growing> {
        let file = self.finish()?;
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = self.folder.join(name.trim_start_matches('.').replace(UNNAMED, ENDING));
        std::fs::rename(&self.path, &path)?;
        // some systems keep others from reading what is locked
        let _ = file.unlock();
        sync_folder(&self.folder)?;
        Ok(Growing {
            identity: Identity::of_file(&file),
            path,
            file,
            templates: self.templates.clone(),
            bytes: self.bytes,
        })
    }

    /// Keeps the file without a name, for this process alone.
    pub(super) fn hide(mut self) -> io::Result<File> {
        self.finish()
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // where it has been named there is none of this name
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes files of processes that ended before they had named them.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours =
            name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(UNNAMED)).is_some_and(|name| {
                name.len() == 30
                    && name.bytes().enumerate().all(|(at, c)| if at == 13 { c == b'-' } else { c.is_ascii_hexdigit() })
            });
        let age = entry.metadata().and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
        // whoever has just made one has not locked it yet
        if is_ours
            && age.is_some_and(|age| age > LEFT_BEHIND)
            && File::open(entry.path()).is_ok_and(|f| f.try_lock().is_ok())
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Syncs the names in a folder.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The file of this process.
#[derive(Debug)]
pub(super) struct Growing {
    path: PathBuf,
    file: File,
    identity: Option<Identity>,
    templates: HashSet<Hash>,
    bytes: u64,
}

impl Growing {
    /// Whether the file is where others look for it, and nobody has changed what this process wrote.
    pub(super) fn is_there(&self) -> bool {
        let mut first = Vec::new();
        let read = From { file: &self.file, offset: 0 }.take(line::HEAD as u64 + 1).read_to_end(&mut first);
        self.identity.is_some()
            && Identity::of(&self.path) == self.identity
            && self.file.metadata().is_ok_and(|file| file.len() >= self.bytes)
            && read.is_ok()
            && first == line::head(self.bytes)
    }

    /// Adds lines; when it comes back without an error they are on disk. After an error nothing has been added: what
    /// was written lies behind the count, and the next attempt begins at the same place.
    pub(super) fn add<'w>(&mut self, writes: impl Iterator<Item = &'w Write>) -> io::Result<()> {
        let mut templates = self.templates.clone();
        let mut lines = Vec::new();
        for write in writes {
            add_lines(&mut lines, write, &mut templates)?;
        }
        self.file.seek(SeekFrom::Start(self.bytes))?;
        self.file.write_all(&lines)?;
        self.file.sync_data()?;
        let bytes = self.bytes + lines.len() as u64;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&line::head(bytes))?;
        (self.bytes, self.templates) = (bytes, templates);
        Ok(())
    }
}

/// Place up to which a file has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Position {
    pub offset: u64,
    /// Number of lines before it.
    pub lines: u64,
}

/// Reads the whole lines of a file from `position`, which goes along. `take` is given the place, the line without its
/// line feed, and its kind, and says whether it could read it.
///
/// # Errors
///
/// Where the file cannot be read, is damaged, cut, or of a later version.
pub(super) fn scan(
    file: &File,
    path: &Path,
    position: &mut Position,
    mut take: impl FnMut(u64, &[u8], line::Kind) -> bool,
) -> Result<(), StoreError> {
    let failed = |error: io::Error| StoreError::file(path, &error);
    let damaged = |line: u64| StoreError::Damaged { path: path.display().to_string(), line };
    let counted = counted(file, path)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes < counted.unwrap_or(1) {
        return Err(StoreError::Cut { path: path.display().to_string(), bytes, counted: counted.unwrap_or(1) });
    }
    let mut reader = BufReader::with_capacity(1 << 20, From { file, offset: position.offset });
    let mut line = Vec::new();
    let mut synced = false;
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(failed)? as u64;
        if length == 0 {
            return Ok(());
        }
        // without a count, somebody has deleted lines by hand and answers for the rest
        let is_counted = counted.is_none_or(|counted| position.offset + length <= counted);
        let kind = line.strip_suffix(b"\n").and_then(line::kind);
        let Some(kind) = kind else {
            return if is_counted || counted.is_some_and(|counted| position.offset < counted) {
                Err(damaged(position.lines + 1))
            } else {
                Ok(())
            };
        };
        if !is_counted && !synced {
            if file.sync_data().is_err() {
                return Ok(());
            }
            synced = true;
        }
        line.pop();
        if !take(position.offset, &line, kind) {
            return Err(damaged(position.lines + 1));
        }
        *position = Position { offset: position.offset + length, lines: position.lines + 1 };
    }
}

/// The count in the first line of a file; `None` where the first line is another.
fn counted(file: &File, path: &Path) -> Result<Option<u64>, StoreError> {
    // its writer may be about to change it
    for _ in 0..50 {
        let mut first = Vec::with_capacity(line::HEAD);
        let read = From { file, offset: 0 }.take(line::HEAD as u64).read_to_end(&mut first);
        read.map_err(|error| StoreError::file(path, &error))?;
        if !line::resembles_head(&first) {
            return Ok(None);
        }
        match line::read_head(&first) {
            Some((line::VERSION, bytes)) => return Ok(Some(bytes)),
            Some((found, _)) => return Err(StoreError::Newer { path: path.display().to_string(), found }),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    Err(StoreError::Damaged { path: path.display().to_string(), line: 1 })
}

/// The line of `length` bytes at a place, without its line feed.
pub(super) fn line_at(file: &File, offset: u64, length: u32) -> io::Result<Vec<u8>> {
    let mut line = vec![0; length as usize];
    From { file, offset }.read_exact(&mut line)?;
    Ok(line)
}

/// Number of the line at a place.
pub(super) fn number_at(file: &File, offset: u64) -> io::Result<u64> {
    let mut reader = BufReader::new(From { file, offset: 0 }.take(offset));
    let mut lines = 1;
    loop {
        let part = reader.fill_buf()?;
        if part.is_empty() {
            return Ok(lines);
        }
        lines += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = part.len();
        reader.consume(length);
    }
}

/// A file from a place on, whatever place others have in it.
struct From<'f> {
    file: &'f File,
    offset: u64,
}

impl Read for From<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, to, self.offset)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, to, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

//! Claims of requests among processes: whoever holds one may ask, and all others wait for the answer.
//!
//! A claim is a lock on one byte of the file `claims.lock`, at a place made of the request's hash. On Linux it belongs
//! to the open file (`F_OFD_SETLK`): other than a lock of POSIX, which belongs to the process, it is not lost when
//! somebody in the process closes the file, and it ends with the process, however that ends. Elsewhere the standard
//! library's lock on the whole file takes its place, so that one process at a time has requests under way. Threads of a
//! process are told apart by `flight`.

use crate::hash::Hash;
use crate::store::{self, Identity};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Name of the file that is locked.
const FILE: &str = "claims.lock";

/// The open file whose locks are this process's claims.
#[derive(Debug)]
pub(crate) struct Claims {
    locks: Locks,
    identity: Option<Identity>,
}

/// A claim, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Arc<Claims>,
    place: u64,
}

impl Claims {
    /// The claims of the store in `folder`, which must be there.
    pub(super) fn open(folder: &Path) -> io::Result<Claims> {
        let file = store::private_file().read(true).write(true).create(true).open(folder.join(FILE))?;
        Ok(Claims { identity: Identity::of_file(&file), locks: Locks::new(file) })
    }

    /// Whether this is still the file that others lock.
    pub(super) fn is_current(&self, folder: &Path) -> bool {
        self.identity.is_some() && self.identity == Identity::of(&folder.join(FILE))
    }

    /// Claims a request; `None` where another process has.
    pub(super) fn claim(self: &Arc<Claims>, hash: &Hash) -> io::Result<Option<Claim>> {
        let [a, b, c, d, e, f, g, h, ..] = *hash;
        self.lock(u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 2)
    }

    /// Claims the conversion of an earlier format.
    pub(super) fn conversion(self: &Arc<Claims>) -> io::Result<Option<Claim>> {
        self.lock(1 << 62)
    }

    fn lock(self: &Arc<Claims>, place: u64) -> io::Result<Option<Claim>> {
        Ok(self.locks.lock(place)?.then(|| Claim { claims: self.clone(), place }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.locks.unlock(self.place);
    }
}

#[cfg(target_os = "linux")]
type Locks = ranges::Locks;
#[cfg(not(target_os = "linux"))]
type Locks = whole::Locks;

/// Locks on single bytes.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod ranges {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;

    #[derive(Debug)]
    pub(super) struct Locks(File);

    impl Locks {
        pub(super) fn new(file: File) -> Locks {
            Locks(file)
        }

        /// Locks a byte; false where another open file has locked it.
        pub(super) fn lock(&self, place: u64) -> io::Result<bool> {
            match self.set(place, libc::F_WRLCK) {
                Err(error) if [Some(libc::EAGAIN), Some(libc::EACCES)].contains(&error.raw_os_error()) => Ok(false),
                result => result.map(|()| true),
            }
        }

        pub(super) fn unlock(&self, place: u64) {
            // nothing to be done where it fails: the lock ends with the process
            let _ = self.set(place, libc::F_UNLCK);
        }

        fn set(&self, place: u64, kind: libc::c_int) -> io::Result<()> {
            // SAFETY: a struct of integers, for which zero is valid; `l_pid` must be zero
            let mut lock: libc::flock = unsafe { std::mem::zeroed() };
            lock.l_type = kind as libc::c_short;
            lock.l_whence = libc::SEEK_SET as libc::c_short;
            lock.l_start = place as libc::off_t;
            lock.l_len = 1;
            // SAFETY: the descriptor is open as long as `self`, and the call only reads the struct
            match unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        }
    }
}

/// One lock on the whole file for all places, held as long as one of them is.
#[cfg(any(not(target_os = "linux"), test))]
mod whole {
    use std::fs::{File, TryLockError};
    use std::io;
    use std::sync::{Mutex, PoisonError};

    #[derive(Debug)]
    pub(super) struct Locks {
        file: File,
        held: Mutex<usize>,
    }

    impl Locks {
        pub(super) fn new(file: File) -> Locks {
            Locks { file, held: Mutex::new(0) }
        }

        pub(super) fn lock(&self, _place: u64) -> io::Result<bool> {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if *held == 0 {
                match self.file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => return Ok(false),
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
            *held += 1;
            Ok(true)
        }

        pub(super) fn unlock(&self, _place: u64) {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            *held -= 1;
            if *held == 0 {
                let _ = self.file.unlock();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("muster-claims-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn one_open_file_at_a_time_has_a_request() {
        let folder = folder("one");
        let (one, two) = (Arc::new(Claims::open(&folder).unwrap()), Arc::new(Claims::open(&folder).unwrap()));
        let claim = one.claim(&[7; 32]).unwrap().unwrap();
        assert!(two.claim(&[7; 32]).unwrap().is_none());
        // reading and closing the file takes nothing away
        std::fs::read(folder.join(FILE)).unwrap();
        drop(Claims::open(&folder).unwrap());
        assert!(two.claim(&[7; 32]).unwrap().is_none());
        drop(claim);
        assert!(two.claim(&[7; 32]).unwrap().is_some());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn other_requests_are_free() {
        let folder = folder("other");
        let (one, two) = (Arc::new(Claims::open(&folder).unwrap()), Arc::new(Claims::open(&folder).unwrap()));
        let _low = one.claim(&[0; 32]).unwrap().unwrap();
        let _high = one.claim(&[255; 32]).unwrap().unwrap();
        assert!(two.claim(&[1; 32]).unwrap().is_some());
        assert!(two.claim(&[255; 32]).unwrap().is_none());
        assert!(two.conversion().unwrap().is_some());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_lock_on_the_whole_file_is_held_while_one_place_is() {
        let folder = folder("whole");
        let open = || whole::Locks::new(std::fs::File::create(folder.join(FILE)).unwrap());
        let (one, two) = (open(), open());
        assert!(one.lock(1).unwrap() && one.lock(2).unwrap());
        one.unlock(1);
        assert!(!two.lock(3).unwrap());
        one.unlock(2);
        assert!(two.lock(3).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_put_in_its_place_is_noticed() {
        let folder = folder("replaced");
        let claims = Claims::open(&folder).unwrap();
        assert!(claims.is_current(&folder));
        std::fs::remove_file(folder.join(FILE)).unwrap();
        assert!(!claims.is_current(&folder));
        std::fs::remove_dir_all(folder).unwrap();
    }
}

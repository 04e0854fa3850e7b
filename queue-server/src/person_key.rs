//! The key that names and birth dates are hashed with: `person.key` in the data
//! folder, made once for the office.
//!
//! Appointments in the event log were hashed with it, so a new key in its place
//! would make all of them unfindable by person. It is therefore made only where
//! none is, and a file that is there but cannot be used stops the server.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use usher_appointments::PersonKey;
use usher_appointments::person::KEY_BYTES;
use zeroize::Zeroizing;

/// The key's file, in the data folder.
const FILE: &str = "person.key";

/// Where a new key is written before it gets its name.
const FILE_NEW: &str = "person.key.new";

/// Nobody but the server's own user may read it.
const MODE: u32 = 0o600;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum PersonKeyError {
    /// The file is there and cannot be read. Technician: give its rights back to
    /// the server's user.
    #[error(
        "the key for names, {path}, cannot be read: let the server's user own it, or restore it from the backup"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is no key. Technician: restore it from the backup; or, if there
    /// is none, delete it and read the files of appointments in again.
    #[error(
        "the key for names, {path}, has {bytes} bytes and not {KEY_BYTES}: restore it from the backup, or delete it and read the files of appointments in again"
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// How long it is.
        bytes: u64,
    },
    /// A new key cannot be stored. Technician: check the folder's rights and
    /// the disk's free space.
    #[error(
        "the key for names cannot be stored as {path}: check the folder's rights and the free space"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for the key for names")]
    Random(#[source] getrandom::Error),
}

/// The key in the folder `dir`, which nobody else uses at present; a new one if
/// there is none.
///
/// # Errors
/// [`PersonKeyError`] names the file. One that is there is never replaced.
pub fn load_or_make(dir: &Path) -> Result<PersonKey, PersonKeyError> {
    let path = dir.join(FILE);
    match File::open(&path) {
        Ok(file) => load(file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(dir, path),
        Err(source) => Err(PersonKeyError::Read { path, source }),
    }
}

fn load(mut file: File, path: PathBuf) -> Result<PersonKey, PersonKeyError> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    let read = file.metadata().and_then(|about| {
        let bytes = about.len();
        let is_key = about.is_file() && usize::try_from(bytes) == Ok(KEY_BYTES);
        if is_key {
            file.read_exact(key.as_mut_slice())?;
        }
        Ok((is_key, bytes))
    });
    match read {
        Ok((true, _)) => Ok(PersonKey::new(*key)),
        Ok((false, bytes)) => Err(PersonKeyError::Length { path, bytes }),
        Err(source) => Err(PersonKeyError::Read { path, source }),
    }
}

fn make(dir: &Path, path: PathBuf) -> Result<PersonKey, PersonKeyError> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    getrandom::fill(key.as_mut_slice()).map_err(PersonKeyError::Random)?;
    match store(dir, &path, key.as_slice()) {
        Ok(()) => Ok(PersonKey::new(*key)),
        Err(source) => Err(PersonKeyError::Write { path, source }),
    }
}

/// Whole and on disk before it has its name: a power cut leaves no half of a key.
fn store(dir: &Path, path: &Path, key: &[u8]) -> io::Result<()> {
    let new = dir.join(FILE_NEW);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&new)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::civil::date;
    use usher_appointments::Person;

    use super::*;

    fn hash(key: &PersonKey) -> String {
        let person = Person::new("Garcia", "Ana", "1990-01-31").unwrap();
        key.of_day(date(2026, 11, 30)).hash(&person).to_string()
    }

    #[test]
    fn a_key_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        // Left behind by a power cut.
        fs::write(dir.path().join(FILE_NEW), b"half").unwrap();
        let made = load_or_make(dir.path()).unwrap();
        let loaded = load_or_make(dir.path()).unwrap();
        assert_eq!(hash(&made), hash(&loaded));
        let about = fs::metadata(dir.path().join(FILE)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, MODE);
        assert!(!dir.path().join(FILE_NEW).exists());
        let other = tempfile::tempdir().unwrap();
        assert_ne!(hash(&made), hash(&load_or_make(other.path()).unwrap()));
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_stays() {
        for length in [0, KEY_BYTES - 1, KEY_BYTES + 1] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(FILE);
            fs::write(&path, vec![7; length]).unwrap();
            let error = load_or_make(dir.path()).unwrap_err().to_string();
            assert!(error.contains(FILE), "{error}");
            assert!(error.contains(&format!("has {length} bytes")), "{error}");
            assert_eq!(fs::read(&path).unwrap(), vec![7; length]);
        }
    }

    #[test]
    fn what_cannot_be_read_or_stored_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        let error = load_or_make(dir.path()).unwrap_err().to_string();
        assert!(error.contains(FILE), "{error}");
        let nowhere = dir.path().join("nowhere");
        let error = load_or_make(&nowhere).unwrap_err();
        assert!(matches!(error, PersonKeyError::Write { .. }), "{error}");
    }
}

//! A copy of the log in one file, made while the server runs, and checked.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::verify::{Progress, VerifyReport, verify_file};
use crate::{DATABASE_NAME, OpenError, schema};

/// How many pages are copied between two words on the progress.
const PAGES_AT_ONCE: i32 = 256;

/// Why there is no backup. The log is as it was; what there is of the copy has
/// the backup's name with `.unfinished` at its end.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The log cannot be opened, or the copy cannot.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is such a file. Technician: choose another name; nothing is overwritten.
    #[error("{0} is there already, and is not overwritten; choose another name")]
    Exists(PathBuf),
    /// The copy cannot be written. Technician: check that disk and its space.
    #[error(
        "the backup {path} cannot be written; check that disk, its space and your right to write there"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Copying failed. Technician: see the cause; check both disks.
    #[error("the event log cannot be copied to {path}")]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The copy is not sound, so the log is not either. Technician: as the report says.
    #[error("the copy is not sound, so the log is not either:\n{0}")]
    Unsound(Box<VerifyReport>),
}

/// A backup that was made.
#[derive(Debug)]
pub struct BackupReport {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// The check of it.
    pub check: VerifyReport,
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, bytes) = (self.path.display(), self.bytes);
        let events = self.check.events;
        write!(f, "{path} has {events} events ({bytes} bytes) and verifies")?;
        if let Some(head) = self.check.head {
            write!(f, "; event {} has the hash {}", head.sequence, head.hash)?;
        }
        Ok(())
    }
}

/// Copies the log in `dir` into the file `target`, also while a server writes it:
/// the log of one moment. The copy is checked as a whole before it gets its name.
///
/// # Errors
/// [`BackupError`]; the log is as it was.
pub fn backup(
    dir: &Path,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<BackupReport, BackupError> {
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let unfinished = with_ending(target, ".unfinished");
    let check = copy(&dir.join(DATABASE_NAME), &unfinished, progress)?;
    let name = || -> io::Result<u64> {
        fs::rename(&unfinished, target)?;
        sync_dir_of(target)?;
        Ok(fs::metadata(target)?.len())
    };
    let bytes = name().map_err(|source| BackupError::File {
        path: target.to_owned(),
        source,
    })?;
    Ok(BackupReport {
        path: target.to_owned(),
        bytes,
        check: VerifyReport {
            database: target.to_owned(),
            ..check
        },
    })
}

/// Copies a log into the file `copy`, durably, and checks the copy.
pub(crate) fn copy(
    database: &Path,
    copy: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifyReport, BackupError> {
    let from = schema::connect_for_reading(database).map_err(|fault| fault.in_words(database))?;
    let file_error = |source| BackupError::File {
        path: copy.to_owned(),
        source,
    };
    // Nobody else may read what events say of people.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(copy)
        .map_err(file_error)?;
    copy_pages(&from, copy, progress).map_err(|source| BackupError::Copy {
        path: copy.to_owned(),
        source,
    })?;
    drop(from);
    File::open(copy)
        .and_then(|file| file.sync_all())
        .map_err(file_error)?;
    let check = verify_file(copy, progress)?;
    if check.is_sound() {
        Ok(check)
    } else {
        Err(BackupError::Unsound(Box::new(check)))
    }
}

fn copy_pages(
    from: &Connection,
    copy: &Path,
    progress: &mut dyn FnMut(Progress),
) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(copy, flags)?;
    // Holds the log of this moment: without it, every commit of the server would
    // make the copy begin again.
    from.execute_batch("BEGIN")?;
    schema::office_of(from)?;
    {
        let backup = Backup::new(from, &mut to)?;
        loop {
            let step = backup.step(PAGES_AT_ONCE)?;
            let pages = backup.progress();
            let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
            progress(Progress::Pages {
                done: count(pages.pagecount - pages.remaining),
                of: count(pages.pagecount),
            });
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(schema::BUSY_WAIT / 20),
            }
        }
    }
    from.execute_batch("COMMIT")?;
    // One file, with no other beside it when it is read.
    to.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    to.close().map_err(|(_, error)| error)
}

pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub(crate) fn sync_dir_of(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}

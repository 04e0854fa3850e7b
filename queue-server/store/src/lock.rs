//! The data directory: one server at a time, and a mark that it had a log.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use usher_protocol::OfficeId;

use super::DATABASE_NAME;
use super::error::OpenError;

/// The file that is locked while a server runs. It stays, and says whose log is
/// here: so a log that vanished is not taken for a new office.
const MARK_NAME: &str = "usher.lock";

/// A data directory that this server alone uses, until it is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    dir: PathBuf,
    mark: File,
    had_log: bool,
}

impl DataDir {
    /// Makes the directory where there is none, and takes it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory {
            dir: dir.to_owned(),
            source,
        };
        fs::create_dir_all(dir).map_err(unusable)?;
        let mark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join(MARK_NAME))
            .map_err(unusable)?;
        match mark.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    dir: dir.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let mut said = Vec::new();
        (&mark).take(1).read_to_end(&mut said).map_err(unusable)?;
        Ok(Self {
            dir: dir.to_owned(),
            mark,
            had_log: !said.is_empty(),
        })
    }

    /// Whether a log was made here before.
    pub(super) fn had_log(&self) -> bool {
        self.had_log
    }

    /// Notes that a log was made here.
    pub(super) fn note_log(&self, office: &OfficeId) -> Result<(), OpenError> {
        if self.had_log {
            return Ok(());
        }
        let note = || -> io::Result<()> {
            let mut mark = &self.mark;
            mark.rewind()?;
            writeln!(mark, "{DATABASE_NAME} here is the event log of {office}.")?;
            mark.sync_all()
        };
        note().map_err(|source| OpenError::Directory {
            dir: self.dir.clone(),
            source,
        })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE_NAME)
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.dir.join(MARK_NAME)
    }
}

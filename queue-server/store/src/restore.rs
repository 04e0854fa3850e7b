//! Puts a backup in the place of the log, and what it replaces aside.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use jiff::Timestamp;

use crate::backup::{self, BackupError, with_ending};
use crate::lock::DataDir;
use crate::snapshot::SNAPSHOT_NAME;
use crate::verify::{Progress, VerifyReport};
use crate::{DATABASE_NAME, OpenError};

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The directory cannot be used; most likely a server runs. Technician: stop it.
    #[error(transparent)]
    Directory(#[from] OpenError),
    /// The backup is no use. Technician: take another one. The log is as it was.
    #[error("{backup} cannot be restored; the event log is as it was")]
    Backup {
        /// The file.
        backup: PathBuf,
        /// Why.
        #[source]
        source: Box<BackupError>,
    },
    /// Files cannot be moved. Technician: see the cause, then restore again; what
    /// was moved is in a folder whose name begins with `replaced-`.
    #[error(
        "the event log in {dir} cannot be replaced; restore again once the cause is mended. What was there is still there, or in a folder \"replaced-…\" in it"
    )]
    Files {
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A backup that was restored.
#[derive(Debug)]
pub struct RestoreReport {
    /// The log.
    pub database: PathBuf,
    /// Where the files are that were replaced, if there were any.
    pub replaced: Option<PathBuf>,
    /// The check of the restored log.
    pub check: VerifyReport,
}

impl fmt::Display for RestoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.database.display();
        let VerifyReport { events, office, .. } = &self.check;
        write!(
            f,
            "{database} is restored and verifies: {events} events of office {office}"
        )?;
        if let Some((_, last)) = self.check.from_to {
            write!(f, ", the last of {last}")?;
        }
        if let Some(replaced) = &self.replaced {
            write!(f, "; what was there before is in {}", replaced.display())?;
        }
        Ok(())
    }
}

/// Puts the backup into `dir` as its log. No server may run there. What is there is
/// moved into a folder named after `now`, never deleted.
///
/// If the power fails meanwhile, the directory has its old log, or none: then
/// a server refuses to start, and restoring again mends it.
///
/// # Errors
/// [`RestoreError`].
pub fn restore(
    backup: &Path,
    dir: &Path,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, RestoreError> {
    let mut data = DataDir::take(dir)?;
    let database = data.database();
    let unfinished = with_ending(&database, ".restoring");
    let unusable = |source| RestoreError::Backup {
        backup: backup.to_owned(),
        source: Box::new(source),
    };
    let copied = backup::copy(backup, &unfinished, progress);
    let check = copied.map_err(|source| {
        // Only the copy; if it cannot be removed, the next one takes its place.
        let _ = fs::remove_file(&unfinished);
        unusable(source)
    })?;
    let office = check.office.parse().map_err(|_| {
        unusable(BackupError::Open(OpenError::Damaged {
            database: backup.to_owned(),
            reason: format!(
                "it is of office \"{}\", which no office is called",
                check.office
            ),
        }))
    })?;
    let mut place = || -> io::Result<Option<PathBuf>> {
        let replaced = put_aside(dir, now)?;
        data.forget_notes()?;
        fs::rename(&unfinished, &database)?;
        backup::sync_dir_of(&database)?;
        Ok(replaced)
    };
    let replaced = place().map_err(|source| RestoreError::Files {
        dir: dir.to_owned(),
        source,
    })?;
    if let Some(head) = check.head {
        data.note_log(&office, head)?;
    }
    Ok(RestoreReport {
        check: VerifyReport {
            database: database.clone(),
            ..check
        },
        database,
        replaced,
    })
}

/// Moves the log and what belongs to it into a folder of its own.
fn put_aside(dir: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let names = [
        SNAPSHOT_NAME.to_owned(),
        DATABASE_NAME.to_owned(),
        format!("{DATABASE_NAME}-wal"),
        format!("{DATABASE_NAME}-shm"),
    ];
    if !names.iter().any(|name| dir.join(name).exists()) {
        return Ok(None);
    }
    let aside = free_name(dir, now);
    fs::create_dir(&aside)?;
    for name in &names {
        match fs::rename(dir.join(name), aside.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    backup::sync_dir_of(&aside.join(DATABASE_NAME))?;
    Ok(Some(aside))
}

fn free_name(dir: &Path, now: Timestamp) -> PathBuf {
    let name = format!("replaced-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let mut path = dir.join(&name);
    let mut again = 2;
    while path.exists() {
        path = dir.join(format!("{name}-{again}"));
        again += 1;
    }
    path
}

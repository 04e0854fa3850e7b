//! What can go wrong with the event log, and what a technician does about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use usher_protocol::OfficeId;

use crate::chain::{ChainFault, ChainHead};

/// Why the event log cannot be opened. Nothing is ever deleted or replaced:
/// every remedy is a person's.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be made or written. Technician: give the user
    /// that runs usher-server the right to write there, or name another with --data.
    #[error(
        "the data directory {dir} cannot be used; give usher-server the right to write there, or choose another with --data"
    )]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another usher-server has it. Technician: stop that one, or give this one
    /// a directory of its own.
    #[error(
        "another usher-server already uses the data directory {dir}; stop that one, or choose another directory with --data"
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory had a log, and now has none. Technician: put the file back
    /// from a backup; only to give up the office's history, remove the mark.
    #[error(
        "{database} is gone or empty, but {mark} says that the office had an event log here; restore it from a backup, or, to start without its history, remove {mark}"
    )]
    Gone {
        /// Where the log was.
        database: PathBuf,
        /// The file that says so.
        mark: PathBuf,
    },
    /// There is no log to read.
    #[error("there is no event log at {0}; is the directory right (--data)?")]
    Missing(PathBuf),
    /// Some other file is in its place. Technician: move that file away.
    #[error(
        "{0} is not an SQLite database; move that file away, or restore the event log from a backup"
    )]
    NotADatabase(PathBuf),
    /// A database of some other program. Technician: choose another directory.
    #[error("{0} is a database of another program; choose another directory with --data")]
    OtherProgram(PathBuf),
    /// Written by a newer usher-server. Technician: update the program.
    #[error(
        "{database} has version {found} of the log; this usher-server knows up to {known}: use a newer one"
    )]
    NewerVersion {
        /// The log.
        database: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// Written by an older usher-server, and only read here. Technician: start
    /// usher-server once, which brings it up to date.
    #[error("{0} is of an older version; start usher-server once, which brings it up to date")]
    OlderVersion(PathBuf),
    /// The log of another office. Technician: start with that office's file, or
    /// in another directory.
    #[error(
        "{database} is the event log of office \"{found}\", and the office file is of \"{expected}\"; use the right office file, or another directory with --data"
    )]
    OtherOffice {
        /// The log.
        database: PathBuf,
        /// The office in it.
        found: String,
        /// The office of the office file.
        expected: OfficeId,
    },
    /// Cut off or overwritten. Technician: check the disk, restore from a backup,
    /// keep the damaged file for recovery (`sqlite3 FILE .recover`).
    #[error(
        "{database} is damaged ({reason}); check the disk and restore the event log from a backup"
    )]
    Damaged {
        /// The log.
        database: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// The log ends before an event that had been stored here. Technician: put
    /// the right files back (also `events.db-wal`), or restore the newest backup.
    #[error(
        "{database} ends with event {found}, but event {} had been stored here: an old copy was put back, or its newest events are lost; put the right files back, or restore the newest backup. Only to go on without those events, remove {mark}", .noted.sequence
    )]
    Shortened {
        /// The log.
        database: PathBuf,
        /// Its newest event.
        found: u64,
        /// The event that had been stored.
        noted: ChainHead,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The log is another one than was written here: its events differ. Technician:
    /// as for [`OpenError::Shortened`].
    #[error(
        "{database} is not the log that was written here: its event {} is another one than had been stored; put the right files back, or restore the newest backup. Only to go on with this one, remove {mark}", .noted.sequence
    )]
    Differs {
        /// The log.
        database: PathBuf,
        /// The event that had been stored.
        noted: ChainHead,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The newest events are not what was stored. Technician: keep the file,
    /// restore the newest backup.
    #[error("{database} was changed: {fault}; restore the event log from a backup")]
    Changed {
        /// The log.
        database: PathBuf,
        /// Where.
        #[source]
        fault: ChainFault,
    },
    /// The log's own notes of itself cannot be read. Technician: as for
    /// [`OpenError::Damaged`].
    #[error("{database} cannot be read; restore the event log from a backup")]
    Unreadable {
        /// The log.
        database: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// What could not be stored cannot be brought to the disk. Technician: see the cause.
    #[error("the event log {database} is held by a reader; end the program that reads it")]
    Held {
        /// The log.
        database: PathBuf,
    },
    /// The thread that owns the log has ended, by a bug. Technician: restart
    /// usher-server, and report it.
    #[error("the event log is closed: restart usher-server, and please report this")]
    WriterEnded,
    /// Another fault.
    #[error("the event log {database} cannot be opened")]
    Sqlite {
        /// The log.
        database: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(crate) fn of(database: &std::path::Path, source: rusqlite::Error) -> Self {
        let database = database.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(database),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                database,
                reason: source.to_string(),
            },
            _ => Self::Sqlite { database, source },
        }
    }
}

/// Why events cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite cannot read them. Technician: check the disk, restore from a backup.
    #[error("the event log cannot be read; check the disk, and restore it from a backup")]
    Sqlite(#[from] rusqlite::Error),
    /// A stored value is not what this program writes. Technician: restore from
    /// a backup; if the program was replaced by an older one, put back the newer.
    #[error("table {table}, row {sequence}, column {column}: {reason}")]
    Value {
        /// The table.
        table: &'static str,
        /// The row.
        sequence: i64,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The file gives its rows in no order: it is damaged. Technician: check the
    /// disk, restore from a backup.
    #[error(
        "the event log is damaged: row {sequence} comes after row {after}; check the disk, and restore it from a backup"
    )]
    Order {
        /// The row.
        sequence: i64,
        /// The row before it.
        after: i64,
    },
    /// The log is not what was stored. Technician: `usher-server verify` names
    /// all that differs; restore from a backup that verifies.
    #[error("the event log was changed: {0}")]
    Chain(#[from] ChainFault),
}

/// Why events were not stored. Nothing of the batch counts as stored, then:
/// whether it is after all is to be read from the log once it is open again.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// SQLite cannot store them; in words for staff, who can do something about some.
    #[error("{}", words(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The system gives no random bytes for a salt. Technician: restart the machine.
    #[error("the system gives no random bytes ({0}): restart the machine")]
    Random(#[from] getrandom::Error),
    /// Storing failed before, and the log was not opened anew since.
    #[error("{reason}")]
    Earlier {
        /// Why it failed then.
        reason: String,
    },
    /// The events do not follow what is stored: a bug in the caller.
    #[error(
        "event {found} was to be stored where event {expected} must follow: please report this"
    )]
    OutOfOrder {
        /// What must follow.
        expected: u64,
        /// What was to be stored.
        found: u64,
    },
    /// The writer has ended: a bug, for it ends last.
    #[error("the event log is closed: restart usher-server, and please report this")]
    Closed,
}

/// What staff can do about a fault of SQLite.
fn words(source: &rusqlite::Error) -> String {
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full: free some space".to_owned(),
        Some(ErrorCode::ReadOnly) => {
            "the event log is read-only: check the disk and the file's rights".to_owned()
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the event log: end it".to_owned()
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("the disk reports an error ({source}): replace it")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("the event log is damaged ({source}): call a technician")
        }
        _ => format!("the event log cannot be written ({source})"),
    }
}

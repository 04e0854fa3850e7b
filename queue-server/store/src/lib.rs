//! The event log: what happened, on disk.
//!
//! One SQLite file in the data directory. [`EventLog::append`] returns after the
//! events are durable (WAL, `synchronous=FULL`: an `fdatasync` for each batch),
//! and all of a batch are stored or none.
//!
//! This module knows events, not rules: it never looks into one. Nothing here
//! deletes or replaces a file.
//!
//! Known limit: a log that lost its newest events as a whole (an old copy put
//! back, the `-wal` file removed) reads as an earlier state of the office. The
//! hash chain that will find this is a later step.

mod error;
mod lock;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};
use usher_protocol::{CommandId, OfficeId};

use lock::DataDir;
use usher_office::command::Fingerprint;
use usher_office::event::{Event, Record};

pub use error::{AppendError, OpenError, ReadError};

/// The log's file in the data directory.
pub const DATABASE_NAME: &str = "events.db";

/// The first four bytes of a log say what it is: "USHR".
const APPLICATION_ID: i64 = 0x5553_4852;

/// The version of the tables.
const SCHEMA_VERSION: i64 = 1;

/// How long another program may hold the file (a backup, say) before storing
/// counts as failed.
const BUSY_WAIT: Duration = Duration::from_millis(1_000);

/// How many events are read at a time. In between nothing is held: a reader that
/// takes its time (`usher-server events | less`) must not keep the `-wal` file
/// from being folded into the log.
const PAGE_EVENTS: u16 = 1_000;

const SCHEMA: &str = "
    CREATE TABLE meta (
        office TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        probed_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY NOT NULL,
        at_ms INTEGER NOT NULL,
        command_id TEXT NOT NULL,
        origin TEXT NOT NULL,
        asked INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
";

/// The office's event log, open for writing. There is one at a time for a directory.
#[derive(Debug)]
pub struct EventLog {
    connection: Connection,
    office: OfficeId,
    dir: DataDir,
}

impl EventLog {
    /// Opens the log in `dir`, or makes both where there are none.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way and what to do.
    pub fn open(dir: &Path, office: &OfficeId, now: Timestamp) -> Result<Self, OpenError> {
        let dir = DataDir::take(dir)?;
        let database = dir.database();
        if dir.had_log() && !has_bytes(&database) {
            return Err(OpenError::Gone {
                mark: dir.mark(),
                database,
            });
        }
        let connection =
            connect(&database, office, now).map_err(|fault| fault.in_words(&database))?;
        dir.note_log(office)?;
        Ok(Self {
            connection,
            office: office.clone(),
            dir,
        })
    }

    /// Opens the file anew, after a fault, and proves that it can be written.
    ///
    /// # Errors
    /// [`OpenError`] as [`EventLog::open`]; the log is then as it was.
    pub fn reopen(&mut self, now: Timestamp) -> Result<(), OpenError> {
        let database = self.dir.database();
        if !has_bytes(&database) {
            return Err(OpenError::Gone {
                mark: self.dir.mark(),
                database,
            });
        }
        let connection =
            connect(&database, &self.office, now).map_err(|fault| fault.in_words(&database))?;
        connection
            .execute("UPDATE meta SET probed_at_ms = ?1", [now.as_millisecond()])
            .map_err(|source| OpenError::of(&database, source))?;
        self.connection = connection;
        Ok(())
    }

    /// Stores `records`, all or none, and returns when they are durable.
    ///
    /// # Errors
    /// [`AppendError`] in words for staff. Whether the batch is stored is then
    /// to be read from the log, once it can be read.
    pub fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (sequence, at_ms, command_id, origin, asked, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for record in records {
                insert.execute(params![
                    record.sequence.cast_signed(),
                    record.at.as_millisecond(),
                    record.command.as_str(),
                    record.origin.to_string(),
                    record.fingerprint.0,
                    record.event.to_json(),
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Gives every event that is in the log by now to `each`, from the first, in
    /// order.
    ///
    /// # Errors
    /// [`ReadError`] as an `E`, or what `each` returns.
    pub fn replay<E: From<ReadError>>(
        &self,
        each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        replay(&self.connection, each)
    }

    /// Lets the file grow to `pages` pages: a full disk, for tests.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) {
        let limited = self.connection.pragma_update(None, "max_page_count", pages);
        limited.expect("SQLite takes any bound");
    }
}

/// An event log, open for reading, beside the server that writes it.
#[derive(Debug)]
pub struct ReadOnlyLog {
    connection: Connection,
}

impl ReadOnlyLog {
    /// Opens the log in `dir`.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way and what to do.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let database = dir.join(DATABASE_NAME);
        if !database.exists() {
            return Err(OpenError::Missing(database));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> Result<Connection, rusqlite::Error> {
            let connection = Connection::open_with_flags(&database, flags)?;
            connection.busy_timeout(BUSY_WAIT)?;
            Ok(connection)
        };
        let connection = open().map_err(|source| OpenError::of(&database, source))?;
        check_identity(&connection, &database).map_err(|fault| fault.in_words(&database))?;
        Ok(Self { connection })
    }

    /// Gives every event that is in the log by now to `each`, from the first, in
    /// order.
    ///
    /// # Errors
    /// [`ReadError`] as an `E`, or what `each` returns.
    pub fn replay<E: From<ReadError>>(
        &self,
        each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        replay(&self.connection, each)
    }
}

fn has_bytes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.len() > 0)
}

/// What is in the way of opening a log.
enum Fault {
    /// It has its words already.
    Told(OpenError),
    /// SQLite's own, to be put into words with the file's name.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

impl Fault {
    fn in_words(self, database: &Path) -> OpenError {
        match self {
            Self::Told(error) => error,
            Self::Sqlite(source) => OpenError::of(database, source),
        }
    }
}

fn connect(database: &PathBuf, office: &OfficeId, now: Timestamp) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    let pages: i64 = pragma(&connection, "page_count")?;
    if pages == 0 {
        create(&mut connection, office, now)?;
    }
    check_identity(&connection, database)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let found: String = connection.query_row("SELECT office FROM meta", [], |row| row.get(0))?;
    if found != office.as_str() {
        return Err(Fault::Told(OpenError::OtherOffice {
            database: database.clone(),
            found,
            expected: office.clone(),
        }));
    }
    Ok(connection)
}

/// Makes the tables, all or none.
fn create(connection: &mut Connection, office: &OfficeId, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute(
        "INSERT INTO meta (office, created_at_ms, probed_at_ms) VALUES (?1, ?2, ?2)",
        params![office.as_str(), now.as_millisecond()],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

fn check_identity(connection: &Connection, database: &Path) -> Result<(), Fault> {
    let application: i64 = pragma(connection, "application_id")?;
    if application != APPLICATION_ID {
        return Err(Fault::Told(OpenError::OtherProgram(database.to_owned())));
    }
    let found: i64 = pragma(connection, "user_version")?;
    if found > SCHEMA_VERSION {
        return Err(Fault::Told(OpenError::NewerVersion {
            database: database.to_owned(),
            found,
            known: SCHEMA_VERSION,
        }));
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn replay<E: From<ReadError>>(
    connection: &Connection,
    mut each: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let last = connection.query_row("SELECT max(sequence) FROM events", [], |row| row.get(0));
    let last: Option<i64> = last.map_err(ReadError::from)?;
    let mut select = connection
        .prepare(
            "SELECT sequence, at_ms, command_id, origin, asked, body FROM events
             WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3",
        )
        .map_err(ReadError::from)?;
    let mut page = Vec::with_capacity(usize::from(PAGE_EVENTS));
    let mut read_to = i64::MIN;
    loop {
        let bounds = params![read_to, last.unwrap_or(i64::MIN), PAGE_EVENTS];
        let mut rows = select.query(bounds).map_err(ReadError::from)?;
        while let Some(row) = rows.next().map_err(ReadError::from)? {
            read_to = row.get(0).map_err(ReadError::from)?;
            page.push(record(row)?);
        }
        if page.is_empty() {
            return Ok(());
        }
        drop(rows);
        for record in page.drain(..) {
            each(record)?;
        }
    }
}

fn record(row: &Row<'_>) -> Result<Record, ReadError> {
    let sequence: i64 = row.get(0)?;
    let wrong = |column| {
        move |reason: String| ReadError::Value {
            sequence,
            column,
            reason,
        }
    };
    let command: String = row.get(2)?;
    let origin: String = row.get(3)?;
    let body = row
        .get_ref(5)?
        .as_str()
        .map_err(|error| wrong("body")(error.to_string()))?;
    Ok(Record {
        sequence: u64::try_from(sequence).map_err(|error| wrong("sequence")(error.to_string()))?,
        at: Timestamp::from_millisecond(row.get(1)?)
            .map_err(|error| wrong("at_ms")(error.to_string()))?,
        command: CommandId::new(command).map_err(|error| wrong("command_id")(error.to_string()))?,
        origin: origin
            .parse()
            .map_err(|error: usher_office::command::InvalidOrigin| {
                wrong("origin")(error.to_string())
            })?,
        fingerprint: Fingerprint(row.get(4)?),
        event: Event::from_json(body).map_err(|error| wrong("body")(error.to_string()))?,
    })
}

#[cfg(test)]
mod tests;

//! The tables, their versions, and how a file is opened.
//!
//! Version 2 chains the events by hash and keeps personal fields apart. A file of
//! version 1 is brought up when it is opened for writing, all or nothing. What it
//! held is chained as it was found: nobody can say any more whether it was changed
//! before. `meta.chained_after` is the last such event.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use usher_protocol::OfficeId;

use crate::chain::{ChainHash, ChainHead, Columns};
use crate::error::{OpenError, ReadError};

/// The first four bytes of a log say what it is: "USHR".
const APPLICATION_ID: i64 = 0x5553_4852;

/// The version of the tables.
pub(crate) const SCHEMA_VERSION: i64 = 2;

/// How long another program may hold the file (a backup, say) before storing
/// counts as failed.
pub(crate) const BUSY_WAIT: Duration = Duration::from_millis(1_000);

/// The `-wal` file is cut to this many bytes when it starts anew.
const WAL_BYTES_KEPT: i64 = 16 * 1024 * 1024;

const SCHEMA: &str = "
    CREATE TABLE meta (
        office TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        probed_at_ms INTEGER NOT NULL,
        chained_after INTEGER NOT NULL,
        head_sequence INTEGER NOT NULL,
        head_hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY NOT NULL,
        at_ms INTEGER NOT NULL,
        command_id TEXT NOT NULL,
        origin TEXT NOT NULL,
        asked INTEGER NOT NULL,
        body TEXT NOT NULL,
        personal BLOB,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE personal (
        sequence INTEGER PRIMARY KEY NOT NULL,
        salt BLOB NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
";

/// Adds an event; columns in the order of `RowWriter::put`.
pub(crate) const INSERT_EVENT: &str = "
    INSERT INTO events (sequence, at_ms, command_id, origin, asked, body, personal, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Adds what an event says of a person.
pub(crate) const INSERT_PERSONAL: &str =
    "INSERT INTO personal (sequence, salt, body) VALUES (?1, ?2, ?3)";

/// Reads what an event says of a person.
pub(crate) const SELECT_PERSONAL: &str = "SELECT salt, body FROM personal WHERE sequence = ?1";

/// Notes the newest event.
pub(crate) const UPDATE_HEAD: &str = "UPDATE meta SET head_sequence = ?1, head_hash = ?2";

/// Reads a page of events: after ?1, to ?2, at most ?3.
pub(crate) fn select_events(version: i64) -> &'static str {
    if version == 1 {
        "SELECT sequence, at_ms, command_id, origin, asked, body, NULL, NULL FROM events
         WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3"
    } else {
        "SELECT sequence, at_ms, command_id, origin, asked, body, hash, personal FROM events
         WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3"
    }
}

/// What is in the way of opening a log.
pub(crate) enum Fault {
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
    pub(crate) fn in_words(self, database: &Path) -> OpenError {
        match self {
            Self::Told(error) => error,
            Self::Sqlite(source) => OpenError::of(database, source),
        }
    }
}

/// Opens the file for writing; makes its tables where it is empty, and brings
/// them up to date where they are of an older version.
pub(crate) fn connect(
    database: &Path,
    office: &OfficeId,
    now: Timestamp,
) -> Result<Connection, Fault> {
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
    check_office(&connection, database, office)?;
    for_writing(&connection)?;
    if version(&connection)? == 1 {
        chain_version_1(&mut connection)?;
    }
    Ok(connection)
}

/// How every connection that writes is set: durable when a commit returns, and
/// what is deleted is overwritten.
pub(crate) fn for_writing(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    let limit = |_: &rusqlite::Row<'_>| Ok(());
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, limit)
}

/// Opens a log of this version for writing beside the server: nothing of events.
pub(crate) fn connect_beside(database: &Path) -> Result<Connection, Fault> {
    if !database.exists() {
        return Err(Fault::Told(OpenError::Missing(database.to_owned())));
    }
    let connection = open_beside(database)?;
    check_identity(&connection, database)?;
    if version(&connection)? < SCHEMA_VERSION {
        return Err(Fault::Told(OpenError::OlderVersion(database.to_owned())));
    }
    for_writing(&connection)?;
    Ok(connection)
}

/// Opens the file for writing if it is there.
pub(crate) fn open_beside(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    Ok(connection)
}

/// Writes of the `-wal` file into the log what nobody keeps it from writing.
/// Whether all is: then the file starts anew with the next commit.
pub(crate) fn fold_passively(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (pages, folded): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(pages == folded)
    })
}

/// Writes what is in the `-wal` file into the log itself, durably, and empties it.
/// Whether all was: not while somebody reads.
pub(crate) fn fold_wal(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        let is_held: bool = row.get(0)?;
        Ok(!is_held)
    })
}

/// Opens the file for reading, beside whoever writes it. Where the file system
/// cannot be written, SQLite cannot share the file, and need not: then it is read
/// as a file that nobody changes, if it has no `-wal` file.
pub(crate) fn connect_for_reading(database: &Path) -> Result<Connection, Fault> {
    if !database.exists() {
        return Err(Fault::Told(OpenError::Missing(database.to_owned())));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |flags| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(database, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        let _: i64 = pragma(&connection, "schema_version")?;
        Ok(connection)
    };
    let connection = match open(flags) {
        Err(error) if needs_shared_memory(&error) && !has_wal(database) => {
            let uri = immutable_uri(database);
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(uri, flags)?
        }
        other => other?,
    };
    check_identity(&connection, database)?;
    Ok(connection)
}

fn needs_shared_memory(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn has_wal(database: &Path) -> bool {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).is_ok_and(|wal| wal.len() > 0)
}

fn immutable_uri(database: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in database.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Makes the tables, all or none.
fn create(connection: &mut Connection, office: &OfficeId, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    let genesis = ChainHash::genesis(office.as_str(), now.as_millisecond());
    transaction.execute(
        "INSERT INTO meta (office, created_at_ms, probed_at_ms, chained_after,
                           head_sequence, head_hash)
         VALUES (?1, ?2, ?2, 0, 0, ?3)",
        params![office.as_str(), now.as_millisecond(), genesis.as_bytes()],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Brings the tables of version 1 to version 2, all or nothing. The version's
/// own tables were
///
/// ```sql
/// CREATE TABLE meta (office TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
///                    probed_at_ms INTEGER NOT NULL) STRICT;
/// CREATE TABLE events (sequence INTEGER PRIMARY KEY NOT NULL, at_ms INTEGER NOT NULL,
///                      command_id TEXT NOT NULL, origin TEXT NOT NULL,
///                      asked INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
/// ```
fn chain_version_1(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "ALTER TABLE meta RENAME TO meta_1; ALTER TABLE events RENAME TO events_1;",
    )?;
    transaction.execute_batch(SCHEMA)?;
    let (office, created_at_ms, probed_at_ms): (String, i64, i64) = transaction.query_row(
        "SELECT office, created_at_ms, probed_at_ms FROM meta_1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut head = ChainHash::genesis(&office, created_at_ms);
    let mut last = 0;
    {
        let mut select = transaction.prepare(
            "SELECT sequence, at_ms, command_id, origin, asked, body FROM events_1
             ORDER BY sequence",
        )?;
        let mut insert = transaction.prepare(INSERT_EVENT)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (command, origin, body) = (row.get_ref(2)?, row.get_ref(3)?, row.get_ref(5)?);
            last = row.get(0)?;
            let columns = Columns {
                sequence: last,
                at_ms: row.get(1)?,
                command: command.as_bytes()?,
                origin: origin.as_bytes()?,
                asked: row.get(4)?,
                body: body.as_bytes()?,
                personal: None,
            };
            head = head.next(&columns);
            insert.execute(params![
                columns.sequence,
                columns.at_ms,
                ToSqlOutput::Borrowed(command),
                ToSqlOutput::Borrowed(origin),
                columns.asked,
                ToSqlOutput::Borrowed(body),
                None::<&[u8]>,
                head.as_bytes(),
            ])?;
        }
    }
    transaction.execute(
        "INSERT INTO meta (office, created_at_ms, probed_at_ms, chained_after,
                           head_sequence, head_hash)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
        params![office, created_at_ms, probed_at_ms, last, head.as_bytes()],
    )?;
    transaction.execute_batch("DROP TABLE events_1; DROP TABLE meta_1;")?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    tracing::info!(
        events = last,
        "the event log was brought to version {SCHEMA_VERSION}; what it held is chained as it was found"
    );
    Ok(())
}

fn check_identity(connection: &Connection, database: &Path) -> Result<(), Fault> {
    let application: i64 = pragma(connection, "application_id")?;
    if application != APPLICATION_ID {
        return Err(Fault::Told(OpenError::OtherProgram(database.to_owned())));
    }
    let found = version(connection)?;
    if found > SCHEMA_VERSION {
        return Err(Fault::Told(OpenError::NewerVersion {
            database: database.to_owned(),
            found,
            known: SCHEMA_VERSION,
        }));
    }
    if found < 1 {
        return Err(Fault::Told(OpenError::Damaged {
            database: database.to_owned(),
            reason: format!("its version is {found}"),
        }));
    }
    Ok(())
}

fn check_office(connection: &Connection, database: &Path, office: &OfficeId) -> Result<(), Fault> {
    let found = office_of(connection)?;
    if found == office.as_str() {
        return Ok(());
    }
    Err(Fault::Told(OpenError::OtherOffice {
        database: database.to_owned(),
        found,
        expected: office.clone(),
    }))
}

/// Whose log this is.
pub(crate) fn office_of(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT office FROM meta", [], |row| row.get(0))
}

/// The version of the tables in the file.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    pragma(connection, "user_version")
}

pub(crate) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// What the log says of itself, read in one statement.
pub(crate) struct Newest {
    /// The newest event in the table.
    pub(crate) last: Option<i64>,
    /// The newest event according to `meta`.
    pub(crate) noted: ChainHead,
    /// The last event that was there before there was a chain.
    pub(crate) chained_after: i64,
    genesis: ChainHash,
}

impl Newest {
    /// Where the chain begins.
    pub(crate) fn genesis(&self) -> ChainHead {
        ChainHead {
            sequence: 0,
            hash: self.genesis,
        }
    }
}

pub(crate) fn newest(connection: &Connection, version: i64) -> Result<Newest, ReadError> {
    let select = if version == 1 {
        "SELECT (SELECT max(sequence) FROM events), office, created_at_ms, 0, 0, zeroblob(32)
         FROM meta"
    } else {
        "SELECT (SELECT max(sequence) FROM events), office, created_at_ms, chained_after,
                head_sequence, head_hash
         FROM meta"
    };
    connection
        .prepare_cached(select)?
        .query_row([], |row| {
            let (last, office, created_at_ms) =
                (row.get(0)?, row.get::<_, String>(1)?, row.get(2)?);
            let sequence: i64 = row.get(4)?;
            Ok(Newest {
                last,
                noted: ChainHead {
                    sequence: sequence.cast_unsigned(),
                    hash: ChainHash::from_bytes(row.get(5)?),
                },
                chained_after: row.get(3)?,
                genesis: ChainHash::genesis(&office, created_at_ms),
            })
        })
        .map_err(ReadError::from)
}

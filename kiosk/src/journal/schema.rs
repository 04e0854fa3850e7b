//! The journal's file: how it is opened, told from other files, and laid out.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};
use usher_protocol::DeviceId;

use super::{BUSY_WAIT, JournalError};

/// Marks the file as an Usher kiosk's journal ("UKJ1"; see `PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x554b_4a31;
const VERSION: i64 = 1;

/// `issued_number` keeps numbers apart for a day; `paper` is everything that
/// went to the printer (`command` is a form's own id, `visit` what the server made
/// of it); `outbox` what the server has yet to answer.
const TABLES: &str = "
CREATE TABLE device (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    id TEXT NOT NULL,
    boot INTEGER NOT NULL
) STRICT;
CREATE TABLE series (
    series TEXT PRIMARY KEY,
    next_number INTEGER NOT NULL CHECK (next_number BETWEEN 1 AND 9999)
) STRICT, WITHOUT ROWID;
CREATE TABLE issued_number (
    series TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 9999),
    issued_at_ms INTEGER NOT NULL,
    PRIMARY KEY (series, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE paper (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('ticket', 'form')),
    number TEXT NOT NULL,
    command TEXT UNIQUE,
    visit INTEGER,
    issued_at_ms INTEGER NOT NULL,
    result TEXT,
    ended_at_ms INTEGER
) STRICT;
CREATE INDEX paper_without_result ON paper (id) WHERE result IS NULL;
CREATE TABLE outbox (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    boot INTEGER NOT NULL,
    body TEXT NOT NULL,
    is_form INTEGER NOT NULL,
    written_at_ms INTEGER NOT NULL,
    refusal TEXT,
    refused_at_ms INTEGER
) STRICT;
CREATE INDEX outbox_without_answer ON outbox (row) WHERE refusal IS NULL;
CREATE TABLE office (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    info TEXT NOT NULL
) STRICT;
";

/// Opens the file for this process alone.
pub(super) fn open(path: &Path, device: &DeviceId) -> Result<Connection, JournalError> {
    let tell = |source: rusqlite::Error| told(path, source);
    if path.is_dir() {
        return Err(JournalError::Folder {
            path: path.to_owned(),
        });
    }
    let mut connection = Connection::open(path).map_err(tell)?;
    connection.busy_timeout(BUSY_WAIT).map_err(tell)?;
    // The lock is taken by the first write below and held until the process ends.
    connection
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .map_err(tell)?;
    let application: i64 = pragma(&connection, "application_id").map_err(tell)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(tell)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(JournalError::Foreign {
            path: path.to_owned(),
            owner: "another program".to_owned(),
        });
    }
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
        .map_err(tell)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(tell)?;
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)
        .map_err(tell)?;
    if tables == 0 {
        transaction.execute_batch(TABLES).map_err(tell)?;
        transaction
            .execute(
                "INSERT INTO device (row, id, boot) VALUES (1, ?1, 0)",
                [device.as_str()],
            )
            .map_err(tell)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(tell)?;
        transaction
            .pragma_update(None, "user_version", VERSION)
            .map_err(tell)?;
    }
    let version: i64 = pragma(&transaction, "user_version").map_err(tell)?;
    if version > VERSION {
        return Err(JournalError::Newer {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    let owner: String = transaction
        .query_row("SELECT id FROM device WHERE row = 1", [], |row| row.get(0))
        .map_err(tell)?;
    if owner != device.as_str() {
        return Err(JournalError::Foreign {
            path: path.to_owned(),
            owner: format!("the device {owner}, and this is {device}"),
        });
    }
    transaction.commit().map_err(tell)?;
    Ok(connection)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// SQLite's answer in words for a technician.
fn told(path: &Path, source: rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            JournalError::NotADatabase { path }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::InUse { path },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            JournalError::Unreachable { path, source }
        }
        _ => JournalError::Failed {
            path,
            doing: "opening it",
            source,
        },
    }
}

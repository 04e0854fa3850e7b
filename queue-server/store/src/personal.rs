//! What events say of people, kept apart so that it can be erased.
//!
//! The event's row, and so the chain, has only a commitment: the SHA-256 of a
//! random salt and the text. Once both are erased, the commitment says nothing:
//! without the salt no guess of the text can be tried against it. So erasing
//! leaves the chain whole, and numbers and times stay for the statistics.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use jiff::Timestamp;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::snapshot::{SNAPSHOT_NAME, UNFINISHED_NAME};
use crate::{DATABASE_NAME, OpenError, schema};

/// Bytes of a salt: more than anybody can try.
pub(crate) const SALT_BYTES: usize = 16;

/// What stands in the event's row for what was said of a person.
pub(crate) fn commitment(salt: &[u8], body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(body)
        .finalize()
        .into()
}

/// A personal text with its salt, on its way to disk.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Personal {
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) body: String,
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl Personal {
    pub(crate) fn new(body: String) -> Result<Self, getrandom::Error> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        Ok(Self { salt, body })
    }

    pub(crate) fn commitment(&self) -> [u8; 32] {
        commitment(&self.salt, self.body.as_bytes())
    }
}

/// How many are erased in one transaction: the server stores events in between.
const ERASED_AT_ONCE: u16 = 1_000;

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Of how many events.
    pub events: u64,
    /// Whether nothing of it is left in the `-wal` file either. Not while another
    /// program reads the log; erasing again, later, sees to it.
    pub is_complete: bool,
}

impl fmt::Display for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "personal fields of {} events were erased", self.events)?;
        if self.is_complete {
            f.write_str("; backups made before still hold them")
        } else {
            f.write_str(
                "; another program reads the log, so copies are left in its -wal file: end that program and erase again",
            )
        }
    }
}

/// Why personal fields were not erased, or not all. What was erased stays so;
/// erase again.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// SQLite cannot erase them. Technician: check the disk; erase again.
    #[error("personal fields cannot be erased ({0}); check the disk, and erase again")]
    Sqlite(#[from] rusqlite::Error),
    /// The snapshot may hold them, and cannot be removed. Technician: remove it;
    /// nothing is lost with it.
    #[error(
        "{path} may hold personal fields and cannot be removed; remove it: nothing is lost with it"
    )]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Erases what events from before `before` say of people, in the log in `dir`,
/// also while a server writes it.
///
/// # Errors
/// [`EraseError`]; what was erased until then stays so.
pub fn erase_personal(dir: &Path, before: Timestamp) -> Result<Erased, EraseError> {
    let database = dir.join(DATABASE_NAME);
    let connection = schema::connect_beside(&database).map_err(|f| f.in_words(&database))?;
    erase(&connection, dir, before)
}

/// The same through an open connection that writes.
pub(crate) fn erase(
    connection: &Connection,
    dir: &Path,
    before: Timestamp,
) -> Result<Erased, EraseError> {
    let mut events = 0;
    loop {
        let count = connection
            .prepare_cached(
                "DELETE FROM personal WHERE sequence IN (
                     SELECT personal.sequence FROM personal
                     LEFT JOIN events ON events.sequence = personal.sequence
                     WHERE events.at_ms < ?1 OR events.sequence IS NULL
                     LIMIT ?2)",
            )?
            .execute((before.as_millisecond(), ERASED_AT_ONCE))?;
        if count == 0 {
            break;
        }
        events += count as u64;
    }
    // The state that a snapshot holds may have them too. It is only a cache.
    // So may one that was being written when the power failed.
    for name in [SNAPSHOT_NAME, UNFINISHED_NAME] {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(EraseError::Snapshot { path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    // Most of it without keeping the server from storing events.
    schema::fold_passively(connection)?;
    Ok(Erased {
        events,
        is_complete: schema::fold_wal(connection)?,
    })
}

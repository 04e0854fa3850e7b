//! The event log: what happened, on disk.
//!
//! One SQLite file in the data directory. [`EventLog::append`] returns after the
//! events are durable (WAL, `synchronous=FULL`: an `fdatasync` for each batch),
//! and all of a batch are stored or none.
//!
//! Every event is chained to the one before it by hash ([`chain`]), and what an
//! event says of a person is kept apart, to be erased in time. A mark beside
//! the log notes now and then how far it had come, so that an old copy that is put
//! back, or a log that lost its newest events, is refused and not taken for the
//! office's state.
//!
//! This crate knows events, not rules: it never looks into one. Nothing here
//! deletes a log; what a restore replaces is put aside.
//!
//! Start reading at [`EventLog`].

mod backup;
pub mod chain;
mod error;
mod folding;
mod lock;
mod log;
mod personal;
mod restore;
mod rows;
mod schema;
mod snapshot;
mod suspects;
mod verify;
mod writer;

use std::path::Path;

use rusqlite::Connection;
use usher_office::event::Record;

pub use backup::{BackupError, BackupReport, backup};
pub use error::{AppendError, OpenError, ReadError};
pub use log::EventLog;
pub use personal::{EraseError, Erased, erase_personal};
pub use restore::{RestoreError, RestoreReport, restore};
pub use snapshot::{SNAPSHOT_NAME, Snapshot, SnapshotError};
pub use verify::{FINDINGS_MAX, Finding, Progress, VerifyReport, verify, verify_file};
pub use writer::{BATCHES_WAITING_MAX, EVENTS_AT_ONCE, Writer};

/// The log's file in the data directory.
pub const DATABASE_NAME: &str = "events.db";

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
        let connection =
            schema::connect_for_reading(&database).map_err(|fault| fault.in_words(&database))?;
        Ok(Self { connection })
    }

    /// Gives every event that is in the log by now to `each`, from the first, in
    /// order, and follows the hash chain meanwhile.
    ///
    /// # Errors
    /// [`ReadError`] as an `E`, or what `each` returns.
    pub fn replay<E: From<ReadError>>(
        &self,
        each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        rows::replay(&self.connection, None, each)
    }
}

#[cfg(test)]
mod tests;

//! The log, open for writing: opened, appended to, read again.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use usher_office::event::Record;
use usher_protocol::OfficeId;

use crate::chain::{self, ChainFault, ChainHead, EventTime};
use crate::lock::DataDir;
use crate::personal::{self, EraseError, Erased, Personal};
use crate::rows::{self, RowWriter};
use crate::snapshot::{self, Snapshot, SnapshotError};
use crate::{AppendError, OpenError, ReadError, schema};

/// The mark notes the newest event after so many: a log that lost more than that
/// is found at the next start. An `fdatasync` each time.
pub(crate) const NOTE_EVERY: u64 = 1_000;

/// The office's event log, open for writing. There is one at a time for a directory.
#[derive(Debug)]
pub struct EventLog {
    pub(crate) connection: Connection,
    office: OfficeId,
    pub(crate) dir: DataDir,
    /// The newest event that is durable.
    head: ChainHead,
    /// Why storing failed, until the log is opened anew.
    broken: Option<String>,
    writer: RowWriter,
    /// What an event says of a person; tests have it say something.
    pub(crate) personal_of: fn(&Record) -> Option<String>,
    /// About how many bytes the `-wal` file has that are not in the log itself.
    unfolded_bytes: u64,
    /// Whether somebody else sees to it that the `-wal` file is folded into the log.
    is_folded_elsewhere: bool,
}

/// What a transaction writes besides its events: the head, and pages that are
/// written again because they were not full.
const TRANSACTION_BYTES: u64 = 3 * 4096;

/// What an event's row has besides its body.
const ROW_BYTES: u64 = 100;

impl EventLog {
    /// Opens the log in `dir`, or makes both where there are none. A log of an
    /// older version is brought up to date.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way and what to do.
    pub fn open(dir: &Path, office: &OfficeId, now: Timestamp) -> Result<Self, OpenError> {
        let mut dir = DataDir::take(dir)?;
        let database = dir.database();
        if dir.had_log() && !has_bytes(&database) {
            return Err(OpenError::Gone {
                mark: dir.mark(),
                database,
            });
        }
        let connection =
            schema::connect(&database, office, now).map_err(|fault| fault.in_words(&database))?;
        let head = checked_head(&connection, &dir, dir.noted())?;
        dir.note_log(office, head)?;
        Ok(Self {
            connection,
            office: office.clone(),
            dir,
            head,
            broken: None,
            writer: RowWriter::default(),
            personal_of: |record| record.event.personal_json(),
            unfolded_bytes: 0,
            is_folded_elsewhere: false,
        })
    }

    /// Opens the file anew, after a fault, and proves that it can be written and
    /// still has every event that was durable.
    ///
    /// What a failed `fdatasync` left in the system's cache may read as stored and
    /// never reach the disk. So all that is in the `-wal` file is written again,
    /// into the log itself, before anything that is read from it counts.
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
        let connection = schema::connect(&database, &self.office, now)
            .map_err(|fault| fault.in_words(&database))?;
        let sqlite = |source| OpenError::of(&database, source);
        connection
            .execute("UPDATE meta SET probed_at_ms = ?1", [now.as_millisecond()])
            .map_err(sqlite)?;
        if !schema::fold_wal(&connection).map_err(sqlite)? {
            return Err(OpenError::Held { database });
        }
        let head = checked_head(&connection, &self.dir, Some(self.head))?;
        self.connection = connection;
        self.head = head;
        self.broken = None;
        self.unfolded_bytes = 0;
        if self.is_folded_elsewhere {
            self.fold_elsewhere(true);
        }
        Ok(())
    }

    /// Stores `records`, all or none, and returns when they are durable: the
    /// newest of them, with its hash. After a failure nothing is stored until
    /// [`EventLog::reopen`].
    ///
    /// # Errors
    /// [`AppendError`] in words for staff. Whether the batch is stored is then
    /// to be read from the log, once it is opened anew.
    pub fn append(&mut self, records: &[Record]) -> Result<ChainHead, AppendError> {
        self.append_all(&[records])?;
        Ok(self.head)
    }

    /// The same for several batches in one transaction; gives the newest event
    /// after each. Nothing to store costs nothing.
    pub(crate) fn append_all(
        &mut self,
        batches: &[&[Record]],
    ) -> Result<Vec<ChainHead>, AppendError> {
        if let Some(reason) = &self.broken {
            return Err(AppendError::Earlier {
                reason: reason.clone(),
            });
        }
        if batches.iter().all(|batch| batch.is_empty()) {
            return Ok(vec![self.head; batches.len()]);
        }
        match self.transact(batches) {
            Ok(heads) => {
                self.head = heads.last().copied().unwrap_or(self.head);
                self.note_now_and_then();
                Ok(heads)
            }
            Err(error) => {
                self.broken = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn transact(&mut self, batches: &[&[Record]]) -> Result<Vec<ChainHead>, AppendError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut head = self.head;
        let mut heads = Vec::with_capacity(batches.len());
        let mut bytes = TRANSACTION_BYTES;
        {
            let mut insert = transaction.prepare_cached(schema::INSERT_EVENT)?;
            for batch in batches {
                for record in *batch {
                    if record.sequence != head.sequence + 1 {
                        return Err(AppendError::OutOfOrder {
                            expected: head.sequence + 1,
                            found: record.sequence,
                        });
                    }
                    let personal = (self.personal_of)(record).map(Personal::new);
                    let personal = personal.transpose()?;
                    let personal = personal.as_ref();
                    let body_bytes;
                    (head, body_bytes) =
                        self.writer
                            .put(&mut insert, &transaction, head, record, personal)?;
                    bytes += body_bytes as u64 + ROW_BYTES;
                }
                heads.push(head);
            }
            transaction
                .prepare_cached(schema::UPDATE_HEAD)?
                .execute((head.sequence.cast_signed(), head.hash.as_bytes()))?;
        }
        transaction.commit()?;
        self.unfolded_bytes += bytes;
        Ok(heads)
    }

    /// The newest event that is durable, and its hash.
    #[must_use]
    pub fn head(&self) -> ChainHead {
        self.head
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.dir.path()
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

    /// The same for the events after `start`, which is in the log.
    ///
    /// # Errors
    /// As [`EventLog::replay`].
    pub fn replay_after<E: From<ReadError>>(
        &self,
        start: ChainHead,
        each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        rows::replay(&self.connection, Some(start), each)
    }

    /// Erases what events from before `before` say of people. The events stay, and
    /// so does the chain; the snapshot is removed, for it may hold the same.
    ///
    /// # Errors
    /// [`EraseError`]; what was erased until then stays so.
    pub fn erase_personal(&self, before: Timestamp) -> Result<Erased, EraseError> {
        personal::erase(&self.connection, self.dir.path(), before)
    }

    /// The snapshot beside the log, if it is whole, of this format and program, and
    /// of this log. Otherwise the program's log says why it is of no use.
    #[must_use]
    pub fn snapshot(&self, format_version: u32, program_version: &str) -> Option<Snapshot> {
        let hash_of = |sequence| rows::hash_of(&self.connection, sequence).ok().flatten();
        snapshot::load(self.dir.path(), format_version, program_version, hash_of)
    }

    /// The place in the chain of the event `sequence`, if it is stored.
    ///
    /// # Errors
    /// [`ReadError`] if that cannot be told.
    pub fn place_of(&self, sequence: u64) -> Result<Option<ChainHead>, ReadError> {
        let hash = rows::hash_of(&self.connection, sequence)?;
        Ok(hash.map(|hash| ChainHead { sequence, hash }))
    }

    /// Puts the snapshot beside the log, in place of the one before.
    ///
    /// # Errors
    /// [`SnapshotError`]: the one before stays, or none. The log is whole without.
    pub fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        snapshot.save(self.dir.path())
    }

    /// Notes in the mark how far the log has come. The log is whole without it: a
    /// failure is only told.
    pub(crate) fn note_head(&mut self) {
        if let Err(error) = self.dir.note_head(self.head) {
            tracing::warn!(
                "how far the event log has come cannot be noted in {} ({error}); check the disk",
                self.dir.mark().display()
            );
        }
    }

    fn note_now_and_then(&mut self) {
        let noted = self.dir.noted().map_or(0, |head| head.sequence);
        if self.head.sequence >= noted + NOTE_EVERY {
            self.note_head();
        }
    }

    /// Whether somebody else folds the `-wal` file, or commits do it themselves.
    pub(crate) fn fold_elsewhere(&mut self, elsewhere: bool) {
        self.is_folded_elsewhere = elsewhere;
        let pages = if elsewhere { 0 } else { 1_000 };
        let set = self
            .connection
            .pragma_update(None, "wal_autocheckpoint", pages);
        if let Err(error) = set {
            tracing::warn!("when the -wal file is folded cannot be set: {error}");
        }
    }

    pub(crate) fn unfolded_bytes(&self) -> u64 {
        self.unfolded_bytes
    }

    /// Folds the rest of the `-wal` file, once most of it is.
    pub(crate) fn fold_rest(&mut self) {
        self.fold(schema::fold_passively);
    }

    /// Folds all of it, and waits for readers.
    pub(crate) fn fold_now(&mut self) {
        self.fold(schema::fold_wal);
    }

    fn fold(&mut self, how: fn(&Connection) -> rusqlite::Result<bool>) {
        match how(&self.connection) {
            Ok(true) => self.unfolded_bytes = 0,
            // A reader holds it. Not again at once: it costs.
            Ok(false) => self.unfolded_bytes /= 2,
            Err(error) => {
                tracing::warn!("the -wal file cannot be folded into the event log: {error}");
                self.unfolded_bytes /= 2;
            }
        }
    }

    /// Lets the file grow to `pages` pages: a full disk, for tests.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) {
        let limited = self.connection.pragma_update(None, "max_page_count", pages);
        limited.expect("SQLite takes any bound");
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        if self.broken.is_none() {
            self.note_head();
        }
    }
}

fn has_bytes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.len() > 0)
}

/// The newest event, once it is certain that it is the one that the log notes, and
/// that the log has `known`, which had been stored.
fn checked_head(
    connection: &Connection,
    dir: &DataDir,
    known: Option<ChainHead>,
) -> Result<ChainHead, OpenError> {
    let database = dir.database();
    let unreadable = |source| OpenError::Unreadable {
        database: database.clone(),
        source,
    };
    let newest = schema::newest(connection, schema::SCHEMA_VERSION).map_err(unreadable)?;
    let head = newest.noted;
    if let Some(noted) = known {
        if head.sequence < noted.sequence {
            return Err(OpenError::Shortened {
                found: head.sequence,
                noted,
                mark: dir.mark(),
                database,
            });
        }
        let there = match noted.sequence {
            0 => Some(newest.genesis().hash),
            sequence => rows::hash_of(connection, sequence).map_err(unreadable)?,
        };
        if there.is_some_and(|hash| hash != noted.hash) {
            return Err(OpenError::Differs {
                noted,
                mark: dir.mark(),
                database,
            });
        }
    }
    match end_fault(connection, &newest).map_err(unreadable)? {
        Some(fault) => Err(OpenError::Changed { database, fault }),
        None => Ok(head),
    }
}

/// Whether the log ends with the event that it notes as its newest.
fn end_fault(
    connection: &Connection,
    newest: &schema::Newest,
) -> Result<Option<ChainFault>, ReadError> {
    let last = newest.last.unwrap_or(0);
    let end = match u64::try_from(last) {
        Ok(0) | Err(_) => newest.genesis(),
        Ok(sequence) => match rows::hash_of(connection, sequence)? {
            Some(hash) => ChainHead { sequence, hash },
            None => newest.genesis(),
        },
    };
    let at = connection
        .prepare_cached("SELECT at_ms FROM events WHERE sequence = ?1")?
        .query_row([last], |row| row.get(0))
        .unwrap_or_default();
    Ok(chain::Follower::after(end).end(newest.noted, EventTime(at)))
}

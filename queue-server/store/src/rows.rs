//! Rows of the log: from a record to columns, and back.

use std::fmt::Write as _;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use usher_office::command::{Fingerprint, InvalidOrigin};
use usher_office::event::{Event, Record};
use usher_protocol::CommandId;

use crate::chain::{Broken, ChainFault, ChainHash, ChainHead, Columns, EventTime, Follower};
use crate::error::{AppendError, ReadError};
use crate::personal::{self, Personal};
use crate::schema;

/// How many events are read at a time. In between nothing is held: a reader that
/// takes its time (`usher-server events | less`) must not keep the `-wal` file
/// from being folded into the log.
pub(crate) const PAGE_EVENTS: u16 = 1_000;

/// Puts records into the tables; keeps its buffers from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct RowWriter {
    origin: String,
}

impl RowWriter {
    /// Adds `record` to the tables after `head`. Gives the new head, and how many
    /// bytes the event has.
    pub(crate) fn put(
        &mut self,
        insert: &mut CachedStatement<'_>,
        connection: &Connection,
        head: ChainHead,
        record: &Record,
        personal: Option<&Personal>,
    ) -> Result<(ChainHead, usize), AppendError> {
        self.origin.clear();
        // Writing to a String does not fail.
        let _ = write!(self.origin, "{}", record.origin);
        let body = record.event.to_json();
        let commitment = personal.map(Personal::commitment);
        let columns = Columns {
            sequence: record.sequence.cast_signed(),
            at_ms: record.at.as_millisecond(),
            command: record.command.as_str().as_bytes(),
            origin: self.origin.as_bytes(),
            asked: record.fingerprint.0,
            body: body.as_bytes(),
            personal: commitment.as_ref().map(<[u8; 32]>::as_slice),
        };
        let hash = head.hash.next(&columns);
        insert.execute(params![
            columns.sequence,
            columns.at_ms,
            record.command.as_str(),
            self.origin,
            columns.asked,
            body,
            commitment,
            hash.as_bytes(),
        ])?;
        if let Some(personal) = personal {
            connection
                .prepare_cached(schema::INSERT_PERSONAL)?
                .execute(params![columns.sequence, personal.salt, personal.body])?;
        }
        let head = ChainHead {
            sequence: record.sequence,
            hash,
        };
        Ok((head, body.len()))
    }
}

/// Gives every event after `start` that is in the log by now to `each`, in order,
/// and follows the chain from there to the end.
pub(crate) fn replay<E: From<ReadError>>(
    connection: &Connection,
    start: Option<ChainHead>,
    mut each: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::begin(connection, start)?;
    let mut page = Vec::with_capacity(usize::from(PAGE_EVENTS));
    loop {
        reader.page(&mut |columns, stored, row| {
            let record = record(connection, columns, row)?;
            match stored {
                Some(Err(broken)) => return Err(broken.fault.into()),
                Some(Ok(())) | None => page.push(record),
            }
            Ok(())
        })?;
        if page.is_empty() {
            break;
        }
        for record in page.drain(..) {
            each(record)?;
        }
    }
    match reader.end() {
        Some(fault) => Err(ReadError::Chain(fault).into()),
        None => Ok(()),
    }
}

/// What the chain says of one row.
pub(crate) type Link = Result<(), Box<Broken>>;

/// Takes a row, with what the chain says of it; `None` in a log that has no chain yet.
pub(crate) type EachRow<'a> =
    dyn FnMut(&Columns<'_>, Option<Link>, &Row<'_>) -> Result<(), ReadError> + 'a;

/// Reads the events in pages, each in one statement, and follows the chain.
pub(crate) struct Reader<'a> {
    connection: &'a Connection,
    version: i64,
    /// The log's own note of its newest event when reading began.
    pub(crate) head: ChainHead,
    /// The last event that was there before there was a chain.
    pub(crate) chained_after: i64,
    /// The newest event in the table when reading began.
    last: i64,
    read_to: i64,
    last_at: EventTime,
    follower: Follower,
}

impl<'a> Reader<'a> {
    pub(crate) fn begin(
        connection: &'a Connection,
        start: Option<ChainHead>,
    ) -> Result<Self, ReadError> {
        let version = schema::version(connection)?;
        let newest = schema::newest(connection, version)?;
        let (read_to, from) = match start {
            Some(head) => (head.sequence.cast_signed(), head),
            None => (i64::MIN, newest.genesis()),
        };
        Ok(Self {
            connection,
            version,
            head: newest.noted,
            chained_after: newest.chained_after,
            last: newest.last.unwrap_or(i64::MIN),
            read_to,
            last_at: EventTime(0),
            follower: Follower::after(from),
        })
    }

    /// Whether this log has a chain.
    pub(crate) fn has_chain(&self) -> bool {
        self.version > 1
    }

    /// The newest event that is read.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// The event that reading has come to.
    pub(crate) fn read_to(&self) -> i64 {
        self.read_to
    }

    /// Reads the next page; gives how many rows there were.
    pub(crate) fn page(&mut self, each: &mut EachRow<'_>) -> Result<usize, ReadError> {
        let mut select = self
            .connection
            .prepare_cached(schema::select_events(self.version))?;
        let mut rows = select.query(params![self.read_to, self.last, PAGE_EVENTS])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            let sequence: i64 = row.get(0)?;
            if sequence <= self.read_to {
                // Only in a damaged file; reading on could go in circles.
                return Err(ReadError::Order {
                    sequence,
                    after: self.read_to,
                });
            }
            self.read_to = sequence;
            let columns = match columns(row) {
                Ok(columns) => columns,
                Err(error) => {
                    let stored = hash_in(row, 6, self.read_to).ok();
                    self.follower.pass(self.read_to, stored);
                    return Err(error);
                }
            };
            self.last_at = EventTime(columns.at_ms);
            let link = if self.version > 1 {
                let stored = hash_in(row, 6, columns.sequence).inspect_err(|_| {
                    self.follower.pass(columns.sequence, None);
                })?;
                Some(self.follower.step(&columns, stored))
            } else {
                None
            };
            each(&columns, link, row)?;
        }
        Ok(count)
    }

    /// Once all pages are read: whether the log ends where it says.
    pub(crate) fn end(self) -> Option<ChainFault> {
        if self.has_chain() {
            self.follower.end(self.head, self.last_at)
        } else {
            None
        }
    }
}

fn wrong(sequence: i64, column: &'static str, reason: impl std::fmt::Display) -> ReadError {
    ReadError::Value {
        table: "events",
        sequence,
        column,
        reason: reason.to_string(),
    }
}

/// The columns of a row of [`schema::select_events`], as they are.
fn columns<'r>(row: &'r Row<'_>) -> Result<Columns<'r>, ReadError> {
    let sequence: i64 = row.get(0)?;
    let number = |index, column| {
        let value = row.get_ref(index)?.as_i64();
        value.map_err(|error| wrong(sequence, column, error))
    };
    let bytes = |index, column| {
        let value = row.get_ref(index)?.as_bytes();
        value.map_err(|error| wrong(sequence, column, error))
    };
    Ok(Columns {
        sequence,
        at_ms: number(1, "at_ms")?,
        command: bytes(2, "command_id")?,
        origin: bytes(3, "origin")?,
        asked: number(4, "asked")?,
        body: bytes(5, "body")?,
        personal: match row.get_ref(7)? {
            ValueRef::Null => None,
            value => Some(
                value
                    .as_bytes()
                    .map_err(|error| wrong(sequence, "personal", error))?,
            ),
        },
    })
}

fn hash_in(row: &Row<'_>, index: usize, sequence: i64) -> Result<ChainHash, ReadError> {
    let bytes = row.get_ref(index)?.as_blob().ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(ChainHash::from_bytes)
        .ok_or_else(|| wrong(sequence, "hash", "it is not 32 bytes long"))
}

/// The hash of the event `sequence`, if it is there.
pub(crate) fn hash_of(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<ChainHash>, ReadError> {
    let sequence = sequence.cast_signed();
    let mut select = connection.prepare_cached("SELECT hash FROM events WHERE sequence = ?1")?;
    let found = select.query_row([sequence], |row| Ok(hash_in(row, 0, sequence)));
    found.optional()?.transpose()
}

/// The record in a row.
pub(crate) fn record(
    connection: &Connection,
    columns: &Columns<'_>,
    row: &Row<'_>,
) -> Result<Record, ReadError> {
    let sequence = columns.sequence;
    let text = |index: usize, column| {
        row.get_ref(index)?
            .as_str()
            .map_err(|error| wrong(sequence, column, error))
    };
    let origin = text(3, "origin")?.parse();
    let mut event =
        Event::from_json(text(5, "body")?).map_err(|error| wrong(sequence, "body", error))?;
    if let Some(commitment) = columns.personal
        && let Some(body) = personal_of(connection, columns, commitment)?
    {
        event
            .restore_personal(&body)
            .map_err(|error| ReadError::Value {
                table: "personal",
                sequence,
                column: "body",
                reason: error.to_string(),
            })?;
    }
    Ok(Record {
        sequence: u64::try_from(sequence).map_err(|e| wrong(sequence, "sequence", e))?,
        at: Timestamp::from_millisecond(columns.at_ms).map_err(|e| wrong(sequence, "at_ms", e))?,
        command: CommandId::new(text(2, "command_id")?)
            .map_err(|error| wrong(sequence, "command_id", error))?,
        origin: origin.map_err(|error: InvalidOrigin| wrong(sequence, "origin", error))?,
        fingerprint: Fingerprint(columns.asked),
        event,
    })
}

/// What the event says of a person; `None` once it is erased.
pub(crate) fn personal_of(
    connection: &Connection,
    columns: &Columns<'_>,
    commitment: &[u8],
) -> Result<Option<String>, ReadError> {
    let mut select = connection.prepare_cached(schema::SELECT_PERSONAL)?;
    let mut rows = select.query([columns.sequence])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (salt, body) = (row.get_ref(0)?, row.get_ref(1)?);
    let whole = salt.as_blob().ok().zip(body.as_str().ok());
    let whole = whole.filter(|(salt, body)| {
        personal::commitment(salt, body.as_bytes()).as_slice() == commitment
    });
    match whole {
        Some((_, body)) => Ok(Some(body.to_owned())),
        None => Err(ReadError::Chain(ChainFault::Personal {
            sequence: columns.sequence,
            at: EventTime(columns.at_ms),
        })),
    }
}

//! The outbox: what the server has yet to be told, in the order of writing, and
//! what it refused.
//!
//! A message leaves it when the server has answered. What the server refuses, or
//! this version cannot read, is put aside with the reason.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tracing::error;
use usher_protocol::message::{Rejection, RequestBody};
use usher_protocol::{CommandId, VisitId};

use super::{DAY_MS, Journal, JournalError, name_visit};

/// Begins the reason of a message that was put aside because it cannot be read.
const UNREADABLE: &str = "It cannot be read: ";

/// A message that the server has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Its id: the same however often it is sent.
    pub id: CommandId,
    /// How often the kiosk had started when it was written.
    pub boot: u64,
    /// What it says.
    pub body: RequestBody,
}

impl Journal {
    /// The messages without an answer, oldest first, at most `limit`. One that
    /// cannot be read (a damaged row, or another version's) is put aside, so that
    /// it does not hold up the others.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn unanswered(
        &mut self,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Unanswered>, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        loop {
            let rows: Vec<Row> = self
                .connection
                .prepare_cached(
                    "SELECT row, id, boot, body FROM outbox WHERE refusal IS NULL
                     ORDER BY row LIMIT ?1",
                )
                .and_then(|mut query| query.query_map([limit], Row::take)?.collect())
                .map_err(|source| self.failed("reading the outbox", source))?;
            let mut messages = Vec::with_capacity(rows.len());
            let mut is_whole = true;
            for row in &rows {
                match row.read() {
                    Ok(message) => messages.push(message),
                    Err(problem) => {
                        is_whole = false;
                        error!(
                            row = row.row,
                            problem,
                            "a message in the journal cannot be read; it is kept and not sent"
                        );
                        self.connection
                            .execute(
                                "UPDATE outbox SET refusal = ?2, refused_at_ms = ?3 WHERE row = ?1",
                                params![
                                    row.row,
                                    format!("{UNREADABLE}{problem}"),
                                    now.as_millisecond()
                                ],
                            )
                            .map_err(|source| self.failed("putting a message aside", source))?;
                    }
                }
            }
            // Otherwise there is room for others: each turn puts a row aside.
            if is_whole {
                return Ok(messages);
            }
        }
    }

    /// The server has done `id`: it leaves the outbox. Returns whether it was there.
    ///
    /// # Errors
    /// [`JournalError`]; it is sent again then, which does no harm.
    pub fn settle(&mut self, id: &CommandId) -> Result<bool, JournalError> {
        self.connection
            .prepare_cached("DELETE FROM outbox WHERE id = ?1 AND refusal IS NULL")
            .and_then(|mut delete| delete.execute([id.as_str()]))
            .map(|rows| rows > 0)
            .map_err(|source| self.failed("settling a message", source))
    }

    /// The server has taken in the form of message `id` as `visit`: the message
    /// leaves the outbox, and how the form's printing ended is told for that visit
    /// (later, if it has not ended yet). Returns whether the message was there.
    ///
    /// # Errors
    /// [`JournalError`]; it is sent again then, which does no harm.
    pub fn settle_form(
        &mut self,
        id: &CommandId,
        visit: VisitId,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        let (device, boot, path) = (self.device.clone(), self.boot, self.path.clone());
        let failed = |source| JournalError::Failed {
            path: path.clone(),
            doing: "settling a paper form",
            source,
        };
        let transaction = self.connection.transaction().map_err(failed)?;
        let was_there = transaction
            .execute(
                "DELETE FROM outbox WHERE id = ?1 AND refusal IS NULL",
                [id.as_str()],
            )
            .and_then(|rows| {
                name_visit(&transaction, &device, boot, id, visit, now)?;
                Ok(rows > 0)
            })
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(was_there)
    }

    /// The server refuses `id`: it is kept with the reason for staff, and not sent
    /// again unless [`Self::retry_refused`] takes it up. Returns whether it was there.
    ///
    /// # Errors
    /// [`JournalError`]; it is sent and refused again then, which does no harm.
    pub fn refuse(
        &mut self,
        id: &CommandId,
        rejection: &Rejection,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        let reason = format!("{} {}", rejection.message, rejection.next_step);
        self.connection
            .execute(
                "UPDATE outbox SET refusal = ?2, refused_at_ms = ?3
                 WHERE id = ?1 AND refusal IS NULL",
                params![id.as_str(), reason, now.as_millisecond()],
            )
            .map(|rows| rows > 0)
            .map_err(|source| self.failed("marking a refused message", source))
    }

    /// What the server refused of the last day's messages stands in line again:
    /// the office file may have been mended. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]; they stay refused then.
    pub fn retry_refused(&mut self, now: Timestamp) -> Result<usize, JournalError> {
        self.connection
            .execute(
                "UPDATE outbox SET refusal = NULL, refused_at_ms = NULL
                 WHERE refusal IS NOT NULL AND refusal NOT LIKE ?1 || '%' AND written_at_ms > ?2",
                params![UNREADABLE, now.as_millisecond() - DAY_MS],
            )
            .map_err(|source| self.failed("taking up refused messages", source))
    }

    /// How many paper forms the server has not taken in: those without an answer,
    /// and those it refused within the last day.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn papers_waiting(&self, now: Timestamp) -> Result<u32, JournalError> {
        self.connection
            .prepare_cached(
                "SELECT count(*) FROM outbox WHERE is_form = 1
                 AND (refusal IS NULL OR refused_at_ms > ?1)",
            )
            .and_then(|mut query| {
                query.query_row([now.as_millisecond() - DAY_MS], |row| row.get(0))
            })
            .map_err(|source| self.failed("counting paper forms", source))
    }
}

/// A message as it stands in the table; on a failing disk not even text is text.
struct Row {
    row: i64,
    id: Vec<u8>,
    boot: i64,
    body: Vec<u8>,
}

impl Row {
    fn take(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row: row.get(0)?,
            id: row.get_ref(1)?.as_bytes()?.to_vec(),
            boot: row.get(2)?,
            body: row.get_ref(3)?.as_bytes()?.to_vec(),
        })
    }

    fn read(&self) -> Result<Unanswered, String> {
        let id = String::from_utf8_lossy(&self.id);
        Ok(Unanswered {
            id: CommandId::new(id).map_err(|error| error.to_string())?,
            boot: self.boot.cast_unsigned(),
            body: serde_json::from_slice(&self.body).map_err(|error| error.to_string())?,
        })
    }
}

/// A message that stands in the outbox already stays as it is: it may have been
/// sent, and what is sent again must be the same.
pub(super) fn insert_message(
    connection: &Connection,
    id: &CommandId,
    boot: u64,
    body: &RequestBody,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let is_form = matches!(body, RequestBody::AdmitPaperForm { .. });
    let json = serde_json::to_string(body).expect("a request has string keys only");
    connection
        .prepare_cached(
            "INSERT INTO outbox (id, boot, body, is_form, written_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            id.as_str(),
            boot.cast_signed(),
            json,
            is_form,
            now.as_millisecond()
        ])
        .map(drop)
}

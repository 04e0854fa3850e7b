//! What the kiosk must not forget: numbers it has given away, papers it has
//! printed, and what the queue server has yet to be told.
//!
//! One SQLite file, one owner. Every change is on the disk (WAL with
//! `synchronous=FULL`) before the call returns, so that what is printed or sent
//! afterwards survives the plug. It knows nothing of screens, printers or MQTT.
//!
//! Opening counts a start ([`Journal::boot`]) before anything else. Nothing from
//! an ID is ever written here.

mod numbers;
mod outbox;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use usher_protocol::message::{OfficeInfo, PrintResult, PrintTrouble, RequestBody};
use usher_protocol::{CommandId, DeviceId, Language, PaperForm, Series, ServiceId, TicketNumber};
use usher_protocol::{VisitId, message::QueuedTicket};

pub use outbox::Unanswered;
use outbox::insert_message;

/// How long papers and numbers are kept after they were issued, for staff who
/// look into yesterday's trouble.
const KEPT_DAYS: i64 = 90;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The journal of one kiosk.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    device: DeviceId,
    path: PathBuf,
    boot: u64,
    /// Where a series begins that this journal has not given numbers of yet.
    first_number: u16,
}

/// Why the journal cannot be opened or written. The program stops at start; while
/// running, the kiosk shows numbers instead of printing them.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A folder stands at its path.
    #[error(
        "the journal {path} is a folder; name a file in it under [storage] journal, as in \
         {path}/journal.db"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is missing or may not be written.
    #[error("the journal {path} cannot be opened (make its folder and let this user write to it)")]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Something else stands at its path.
    #[error(
        "the journal {path} is no SQLite database; move that file away (keep it for the \
         technician) and start again, or set another path under [storage] journal"
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A database, but none of a kiosk.
    #[error("the journal {path} belongs to {owner}; set another path under [storage] journal")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is, as far as it can be told.
        owner: String,
    },
    /// Another process has it open.
    #[error("the journal {path} is in use by another program; only one kiosk may run with it")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error(
        "the journal {path} has version {found}, this program knows {known}; install the newer program again"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// This program's version.
        known: i64,
    },
    /// A read or write failed: a full or broken disk, most likely.
    #[error("the journal {path} could not be used while {doing} (check the disk)")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Every number of the series was given away within a day.
    #[error("all numbers of series {0} were given away within 24 hours")]
    NumbersExhausted(Series),
}

/// A paper that was handed to the printer, by its row in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaperId(pub i64);

impl Journal {
    /// Opens the journal at `path`, makes it if there is none, and counts a start.
    ///
    /// # Errors
    /// [`JournalError`] says what stands in the way and what to do about it.
    pub fn open(path: &Path, device: &DeviceId, now: Timestamp) -> Result<Self, JournalError> {
        let connection = schema::open(path, device)?;
        let mut journal = Self {
            connection,
            device: device.clone(),
            path: path.to_owned(),
            boot: 0,
            first_number: numbers::random_first(),
        };
        journal.boot = journal.count_start()?;
        journal.forget_old(now)?;
        journal.retry_refused(now)?;
        Ok(journal)
    }

    /// How often the kiosk has started with this journal, this start included.
    #[must_use]
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// Takes the next number of `series` for a form, and writes down the form and
    /// the message that brings it into the queue. The form may be printed then.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was taken then.
    pub fn reserve_form(
        &mut self,
        series: Series,
        order: &FormOrder,
    ) -> Result<(PaperForm, PaperId), JournalError> {
        let (device, boot, path) = (self.device.clone(), self.boot, self.path.clone());
        let first = self.first_number;
        let failed = |source| JournalError::Failed {
            path: path.clone(),
            doing: "reserving a number",
            source,
        };
        let transaction = self.connection.transaction().map_err(failed)?;
        let number = numbers::take_next(&transaction, series, first, order.arrived_at)
            .map_err(failed)?
            .ok_or(JournalError::NumbersExhausted(series))?;
        let form = PaperForm {
            device,
            number,
            service: order.service.clone(),
            language: order.language.clone(),
            arrived_at: order.arrived_at,
            boot,
        };
        let body = RequestBody::AdmitPaperForm {
            form: form.clone(),
            replaces: order.replaces.clone(),
        };
        let id = form.command_id();
        let paper = insert_form(&transaction, number, &id, order.arrived_at)
            .and_then(|paper| {
                insert_message(&transaction, &id, boot, &body, order.arrived_at)?;
                Ok(paper)
            })
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok((form, paper))
    }

    /// Writes down that a ticket goes to the printer now.
    ///
    /// # Errors
    /// [`JournalError`]; it must not be printed then.
    pub fn record_ticket(
        &mut self,
        ticket: &QueuedTicket,
        now: Timestamp,
    ) -> Result<PaperId, JournalError> {
        insert_ticket(&self.connection, ticket.number, ticket.visit, now)
            .map_err(|source| self.failed("recording a ticket", source))
    }

    /// Writes down how the printing of `paper` ended. For a ticket, the message
    /// that tells the server is written in the same breath.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written then.
    pub fn record_outcome(
        &mut self,
        paper: PaperId,
        result: PrintResult,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let (boot, path) = (self.boot, self.path.clone());
        let failed = |source| JournalError::Failed {
            path: path.clone(),
            doing: "recording a print",
            source,
        };
        let transaction = self.connection.transaction().map_err(failed)?;
        end_paper(&transaction, &self.device, boot, paper, result, now).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Writes down a print result of a ticket that never went to the printer.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written then.
    pub fn record_unprinted(
        &mut self,
        visit: VisitId,
        result: PrintResult,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let id = print_command_id(&self.device, visit);
        let body = RequestBody::RecordPrint { visit, result };
        insert_message(&self.connection, &id, self.boot, &body, now)
            .map_err(|source| self.failed("recording a print", source))
    }

    /// Tickets that went to the printer before the last stop and whose end nobody
    /// knows become *unknown*, with a message to the server. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written then.
    pub fn settle_interrupted(&mut self, now: Timestamp) -> Result<usize, JournalError> {
        let (boot, path) = (self.boot, self.path.clone());
        let failed = |source| JournalError::Failed {
            path: path.clone(),
            doing: "settling interrupted prints",
            source,
        };
        let transaction = self.connection.transaction().map_err(failed)?;
        let papers: Vec<i64> = transaction
            .prepare("SELECT id FROM paper WHERE result IS NULL ORDER BY id")
            .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
            .map_err(failed)?;
        let result = PrintResult::Unknown {
            trouble: PrintTrouble::NoAnswer,
        };
        for paper in &papers {
            end_paper(
                &transaction,
                &self.device,
                boot,
                PaperId(*paper),
                result,
                now,
            )
            .map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(papers.len())
    }

    /// Keeps what the office says of itself, for a start without the server.
    ///
    /// # Errors
    /// [`JournalError`]; the older text stays.
    pub fn remember_office(&mut self, office: &OfficeInfo) -> Result<(), JournalError> {
        let json = serde_json::to_string(office).expect("an office has string keys only");
        self.connection
            .execute(
                "INSERT INTO office (id, info) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET info = excluded.info WHERE info <> excluded.info",
                [json],
            )
            .map(drop)
            .map_err(|source| self.failed("remembering the office", source))
    }

    /// What the office last said of itself. `None` if the server was never met,
    /// or what was kept cannot be read by this version.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn office(&self) -> Result<Option<OfficeInfo>, JournalError> {
        let json: Option<String> = self
            .connection
            .query_row("SELECT info FROM office WHERE id = 1", [], |row| row.get(0))
            .optional()
            .map_err(|source| self.failed("reading the office", source))?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    fn count_start(&mut self) -> Result<u64, JournalError> {
        self.connection
            .query_row(
                "UPDATE device SET boot = boot + 1 WHERE row = 1 RETURNING boot",
                [],
                |row| row.get(0),
            )
            .map(i64::cast_unsigned)
            .map_err(|source| self.failed("counting the start", source))
    }

    fn forget_old(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let before_ms = now.as_millisecond() - KEPT_DAYS * DAY_MS;
        self.connection
            .execute(
                "DELETE FROM paper WHERE result IS NOT NULL AND issued_at_ms < ?1",
                [before_ms],
            )
            .and_then(|_| {
                self.connection.execute(
                    "DELETE FROM issued_number WHERE issued_at_ms < ?1",
                    [before_ms],
                )
            })
            .and_then(|_| {
                self.connection.execute(
                    "DELETE FROM outbox WHERE refusal IS NOT NULL AND written_at_ms < ?1",
                    [before_ms],
                )
            })
            .map(drop)
            .map_err(|source| self.failed("forgetting old papers", source))
    }

    fn failed(&self, doing: &'static str, source: rusqlite::Error) -> JournalError {
        JournalError::Failed {
            path: self.path.clone(),
            doing,
            source,
        }
    }
}

/// What a paper form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormOrder {
    /// The service chosen.
    pub service: ServiceId,
    /// The language chosen.
    pub language: Language,
    /// When the resident asked for it, by the kiosk's clock.
    pub arrived_at: Timestamp,
    /// The check-in that got no answer.
    pub replaces: Option<CommandId>,
}

fn insert_ticket(
    connection: &Connection,
    number: TicketNumber,
    visit: VisitId,
    now: Timestamp,
) -> rusqlite::Result<PaperId> {
    connection
        .prepare_cached(
            "INSERT INTO paper (kind, number, visit, issued_at_ms) VALUES ('ticket', ?1, ?2, ?3)",
        )?
        .insert(params![
            number.to_string(),
            visit.0.cast_signed(),
            now.as_millisecond()
        ])
        .map(PaperId)
}

fn insert_form(
    connection: &Connection,
    number: TicketNumber,
    command: &CommandId,
    now: Timestamp,
) -> rusqlite::Result<PaperId> {
    connection
        .prepare_cached(
            "INSERT INTO paper (kind, number, command, issued_at_ms) VALUES ('form', ?1, ?2, ?3)",
        )?
        .insert(params![
            number.to_string(),
            command.as_str(),
            now.as_millisecond()
        ])
        .map(PaperId)
}

fn end_paper(
    connection: &Connection,
    device: &DeviceId,
    boot: u64,
    paper: PaperId,
    result: PrintResult,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let json = serde_json::to_string(&result).expect("a result has string keys only");
    let visit: Option<Option<i64>> = connection
        .prepare_cached(
            "UPDATE paper SET result = ?2, ended_at_ms = ?3
             WHERE id = ?1 AND result IS NULL RETURNING visit",
        )?
        .query_row(params![paper.0, json, now.as_millisecond()], |row| {
            row.get(0)
        })
        .optional()?;
    match visit.flatten() {
        Some(visit) => {
            let visit = VisitId(visit.cast_unsigned());
            insert_print_record(connection, device, boot, visit, result, now)
        }
        // A form that the server has not taken in: it is told then.
        None => Ok(()),
    }
}

/// Writes down which visit a form became, and tells how its printing ended.
fn name_visit(
    connection: &Connection,
    device: &DeviceId,
    boot: u64,
    form: &CommandId,
    visit: VisitId,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let result: Option<Option<String>> = connection
        .prepare_cached(
            "UPDATE paper SET visit = ?2 WHERE command = ?1 AND visit IS NULL RETURNING result",
        )?
        .query_row(params![form.as_str(), visit.0.cast_signed()], |row| {
            row.get(0)
        })
        .optional()?;
    // What this program wrote it reads; an older program's words are passed over.
    match result.flatten().map(|json| serde_json::from_str(&json)) {
        Some(Ok(result)) => insert_print_record(connection, device, boot, visit, result, now),
        _ => Ok(()),
    }
}

fn insert_print_record(
    connection: &Connection,
    device: &DeviceId,
    boot: u64,
    visit: VisitId,
    result: PrintResult,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let id = print_command_id(device, visit);
    let body = RequestBody::RecordPrint { visit, result };
    insert_message(connection, &id, boot, &body, now)
}

/// A ticket is printed once, so its visit makes the id: told twice, it counts once.
fn print_command_id(device: &DeviceId, visit: VisitId) -> CommandId {
    CommandId::new(format!("print-{device}-{}", visit.0))
        .expect("a device id and digits make a valid command id")
}

/// How long another program's hold on the file is waited for: the time that a
/// kiosk which was just stopped may need to let go.
const BUSY_WAIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;

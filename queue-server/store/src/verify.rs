//! Checks a log from end to end, and names everything that is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::chain::{ChainFault, ChainHead, EventTime};
use crate::error::{OpenError, ReadError};
use crate::rows::{self, Reader};
use crate::suspects::Suspects;
use crate::{DATABASE_NAME, lock, schema, snapshot};

/// A report names so many findings; it says how many more there were.
pub const FINDINGS_MAX: usize = 100;

/// How far a check or a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// SQLite checks the file's structure; how far is not known.
    Structure,
    /// Events are read and their chain is followed.
    Events {
        /// The event that was reached.
        done: u64,
        /// The last.
        of: u64,
    },
    /// Pages are copied.
    Pages {
        /// So many.
        done: u64,
        /// Of so many.
        of: u64,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure => f.write_str("checking the structure of the file"),
            Self::Events { done, of } => write!(f, "checking event {done} of {of}"),
            Self::Pages { done, of } => write!(f, "copied {done} of {of} pages"),
        }
    }
}

/// Something that is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// SQLite says that the file's structure is damaged.
    #[error("the file's structure is damaged: {0}")]
    Structure(String),
    /// The chain does not fit.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A value is not what this program writes.
    #[error(transparent)]
    Value(ReadError),
    /// Events from some place on cannot be read at all.
    #[error("events after {after} cannot be read: {source}")]
    Unreadable {
        /// The last that was read.
        after: i64,
        /// What SQLite said.
        source: ReadError,
    },
    /// The mark knows of an event that the log does not have.
    #[error(
        "{mark} says that event {} had been stored here, and the log ends with event {found}", .noted.sequence
    )]
    Shortened {
        /// The mark.
        mark: PathBuf,
        /// The event.
        noted: ChainHead,
        /// The log's newest.
        found: u64,
    },
    /// The mark knows of another event than the log has in its place.
    #[error(
        "{mark} says that event {} had the hash {}, and the log has another there: it is not the log that was written here", .noted.sequence, .noted.hash
    )]
    Differs {
        /// The mark.
        mark: PathBuf,
        /// The event.
        noted: ChainHead,
    },
}

/// What a check found. Its text is for a technician.
#[derive(Debug)]
pub struct VerifyReport {
    /// The file.
    pub database: PathBuf,
    /// Whose log it is.
    pub office: String,
    /// How many events were read.
    pub events: u64,
    /// The newest event and its hash; `None` in a log that has no chain yet. Kept
    /// elsewhere, it proves later what the log was today.
    pub head: Option<ChainHead>,
    /// When the first and the last event happened.
    pub from_to: Option<(EventTime, EventTime)>,
    /// The last event that was there before there was a chain; 0 if there was none.
    pub chained_after: i64,
    /// How many events said something of a person that was erased since.
    pub erased: u64,
    /// What is wrong, the first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more things are wrong.
    pub findings_left_out: u64,
    /// What to know, though nothing is wrong.
    pub notes: Vec<String>,
}

impl VerifyReport {
    /// Whether nothing is wrong. If something is, the program that asked should
    /// end with a failure.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, office, .. } = self;
        let database = self.database.display();
        writeln!(f, "{database}: {events} events of office {office}")?;
        if let Some((first, last)) = self.from_to {
            writeln!(f, "first event: {first}; last event: {last}")?;
        }
        if let Some(head) = self.head {
            writeln!(f, "event {} has the hash {}", head.sequence, head.hash)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for finding in &self.findings {
            writeln!(f, "WRONG: {finding}")?;
        }
        if self.findings_left_out > 0 {
            writeln!(f, "WRONG: and {} more", self.findings_left_out)?;
        }
        if self.is_sound() {
            f.write_str("nothing is wrong")
        } else {
            f.write_str("keep these files, check the disk, and restore a backup that verifies")
        }
    }
}

/// Checks the log in `dir`, also while a server writes it: the structure of the
/// file, every event and its place in the chain, personal fields, and the mark and
/// the snapshot beside it.
///
/// # Errors
/// [`OpenError`] if it cannot even be opened.
pub fn verify(dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport, OpenError> {
    let database = dir.join(DATABASE_NAME);
    // The mark first: a server that runs may have stored more by the time that
    // the log is read, and never less.
    let noted = lock::noted_in(dir).map_err(|source| OpenError::Directory {
        dir: dir.to_owned(),
        source,
    })?;
    let connection =
        schema::connect_for_reading(&database).map_err(|fault| fault.in_words(&database))?;
    let mut report = check(&connection, &database, progress)?;
    if let (Some(noted), Some(head)) = (noted, report.head) {
        let mark = dir.join(lock::MARK_NAME);
        if head.sequence < noted.sequence {
            let found = head.sequence;
            report.found(Finding::Shortened { mark, noted, found });
        } else if noted.sequence > 0 {
            match rows::hash_of(&connection, noted.sequence) {
                Ok(Some(hash)) if hash != noted.hash => {
                    report.found(Finding::Differs { mark, noted });
                }
                // What is missing or unreadable was found before.
                _ => {}
            }
        }
    }
    note_snapshot(&connection, dir, &mut report);
    Ok(report)
}

/// Checks a single file: a backup.
///
/// # Errors
/// [`OpenError`] if it cannot even be opened.
pub fn verify_file(
    database: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifyReport, OpenError> {
    let connection =
        schema::connect_for_reading(database).map_err(|fault| fault.in_words(database))?;
    check(&connection, database, progress)
}

fn note_snapshot(connection: &Connection, dir: &Path, report: &mut VerifyReport) {
    let note = match snapshot::read(dir) {
        Ok(None) => return,
        Ok(Some(snapshot)) => match rows::hash_of(connection, snapshot.sequence) {
            Ok(Some(hash)) if hash == snapshot.chain_hash => {
                format!("there is a snapshot after event {}", snapshot.sequence)
            }
            _ => format!(
                "the snapshot is not of this log (its event {} differs) and will not be used",
                snapshot.sequence
            ),
        },
        Err(reason) => format!("the snapshot will not be used: {reason}"),
    };
    report.notes.push(note);
}

fn check(
    connection: &Connection,
    database: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifyReport, OpenError> {
    let mut report = VerifyReport {
        database: database.to_owned(),
        office: String::new(),
        events: 0,
        head: None,
        from_to: None,
        chained_after: 0,
        erased: 0,
        findings: Vec::new(),
        findings_left_out: 0,
        notes: Vec::new(),
    };
    progress(Progress::Structure);
    check_structure(connection, &mut report);
    // One moment of the log for all that follows, though a server goes on writing.
    let read = connection
        .execute_batch("BEGIN")
        .map_err(ReadError::from)
        .and_then(|()| check_events(connection, &mut report, progress));
    if let Err(source) = read {
        let after = i64::try_from(report.events).unwrap_or(i64::MAX);
        report.found(Finding::Unreadable { after, source });
    }
    // Ends the reading; that nothing is written cannot fail to be kept.
    let _ = connection.execute_batch("COMMIT");
    Ok(report)
}

/// SQLite's full check. (Its quick one leaves out indexes, of which there are none.)
fn check_structure(connection: &Connection, report: &mut VerifyReport) {
    let found = connection
        .prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))
        .and_then(|mut check| {
            check
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<Result<Vec<_>, _>>()
        });
    match found {
        Ok(lines) if lines == ["ok"] => {}
        Ok(lines) => {
            for line in lines.iter().flat_map(|text| text.lines()) {
                report.found(Finding::Structure(line.to_owned()));
            }
        }
        Err(error) => report.found(Finding::Structure(error.to_string())),
    }
}

fn check_events(
    connection: &Connection,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ReadError> {
    report.office = schema::office_of(connection)?;
    let mut reader = Reader::begin(connection, None)?;
    report.chained_after = reader.chained_after;
    if !reader.has_chain() {
        report.notes.push(
            "this log is of version 1 and has no hash chain: a change of it cannot be found"
                .to_owned(),
        );
    } else if report.chained_after > 0 {
        report.notes.push(format!(
            "events up to {} were chained as they were found: a change before that cannot be found",
            report.chained_after
        ));
    }
    let mut suspects = Suspects::default();
    let last = u64::try_from(reader.last()).unwrap_or(0);
    loop {
        let page = reader.page(&mut |columns, link, row| {
            let at = EventTime(columns.at_ms);
            report.events += 1;
            report.from_to = Some((report.from_to.map_or(at, |(first, _)| first), at));
            let value = rows::record(connection, columns, row);
            if let Some(link) = link {
                suspects.see(columns, link);
            }
            match value {
                Ok(_) => {}
                Err(ReadError::Chain(fault)) => report.found(Finding::Chain(fault)),
                Err(error @ ReadError::Sqlite(_)) => return Err(error),
                Err(error) => report.found(Finding::Value(error)),
            }
            if columns.personal.is_some() && !has_personal(connection, columns.sequence)? {
                report.erased += 1;
            }
            Ok(())
        });
        match page {
            Ok(0) => break,
            Ok(_) => {}
            // A row with a value of the wrong kind; the next page goes on after it.
            Err(error @ ReadError::Value { .. }) => {
                report.events += 1;
                report.found(Finding::Value(error));
            }
            Err(error) => {
                for fault in suspects.faults() {
                    report.found(Finding::Chain(fault));
                }
                return Err(error);
            }
        }
        let done = u64::try_from(reader.read_to()).unwrap_or(0);
        progress(Progress::Events { done, of: last });
    }
    for fault in suspects.faults() {
        report.found(Finding::Chain(fault));
    }
    if reader.has_chain() {
        report.head = Some(reader.head);
        for fault in stray_personal(connection)? {
            report.found(Finding::Chain(fault));
        }
    }
    if let Some(fault) = reader.end() {
        report.found(Finding::Chain(fault));
    }
    if report.erased > 0 {
        report.notes.push(format!(
            "what {} events said of people was erased",
            report.erased
        ));
    }
    Ok(())
}

fn has_personal(connection: &Connection, sequence: i64) -> Result<bool, ReadError> {
    let mut select = connection.prepare_cached(schema::SELECT_PERSONAL)?;
    Ok(select.exists([sequence])?)
}

fn stray_personal(connection: &Connection) -> Result<Vec<ChainFault>, ReadError> {
    let mut select = connection.prepare_cached(
        "SELECT personal.sequence FROM personal
         LEFT JOIN events ON events.sequence = personal.sequence
         WHERE events.personal IS NULL",
    )?;
    let rows = select.query_map([], |row| row.get(0))?;
    rows.map(|sequence| {
        let sequence = sequence?;
        Ok(ChainFault::StrayPersonal { sequence })
    })
    .collect()
}

//! What comes out of a file, whatever its format.

use std::io::{self, Read};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use usher_protocol::message::Appointment;
use usher_protocol::{AppointmentCode, ServiceId};
use zeroize::Zeroizing;

use crate::person::PersonKey;
use crate::{csv, icalendar};

/// Longest file, bytes.
pub const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Most rows, or events, in a file. A large office has some 400 appointments a
/// day: this is two months of them.
pub const ROWS_MAX: usize = 20_000;

/// Most mistakes that are told one by one. Whoever has more has one cause.
pub const MISTAKES_MAX: usize = 500;

/// What must be known of the office to read appointments for it.
#[derive(Clone, Copy)]
pub struct Office<'a> {
    /// The zone of times that do not name one.
    pub time_zone: &'a TimeZone,
    /// The office's day at a time.
    pub day_of: &'a dyn Fn(Timestamp) -> Date,
    /// Whether the office has a service.
    pub has_service: &'a dyn Fn(&ServiceId) -> bool,
    /// What names and birth dates are hashed with. Without it they are checked
    /// only, and [`Appointment::person`] stays empty.
    pub key: Option<&'a PersonKey>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table with a header ([`csv`]).
    Csv,
    /// A calendar ([`icalendar`]).
    Calendar,
}

impl Format {
    /// The format that the beginning of `file` looks like.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        let start = file.strip_prefix(BOM).unwrap_or(file).trim_ascii_start();
        let is_calendar = start
            .get(..icalendar::BEGIN.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(icalendar::BEGIN.as_bytes()));
        if is_calendar {
            Self::Calendar
        } else {
            Self::Csv
        }
    }
}

/// The mark that some programs put before UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file says: all that could be understood, and every mistake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// How many rows, or events, were read: good ones and others.
    pub read: usize,
    /// What is to be done, in the file's order.
    pub entries: Vec<Entry>,
    /// What could not be understood, in the file's order; at most [`MISTAKES_MAX`].
    pub mistakes: Vec<Mistake>,
    /// How many further mistakes there are.
    pub mistakes_left_off: usize,
}

impl Reading {
    pub(crate) fn mistake(&mut self, mistake: Mistake) {
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(mistake);
        } else {
            self.mistakes_left_off += 1;
        }
    }
}

/// One good row, or event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line where it begins, from 1.
    pub line: u64,
    /// What it wants.
    pub change: Change,
}

/// What a row, or an event, wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An appointment is made, or changed.
    Book(Box<Appointment>),
    /// An appointment is given up.
    Cancel(AppointmentCode),
}

impl Change {
    /// The appointment's code.
    #[must_use]
    pub fn code(&self) -> &AppointmentCode {
        match self {
            Self::Book(appointment) => &appointment.code,
            Self::Cancel(code) => code,
        }
    }
}

/// Something in a file that cannot be understood. Never holds a name or a birth
/// date that stands in its own column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("line {line}: {message} {next_step}")]
pub struct Mistake {
    /// Where it stands, from 1.
    pub line: u64,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do.
    pub next_step: String,
}

/// Why nothing of a file can be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read from where it is.
    #[error("The file cannot be read.")]
    Unreadable(#[source] io::Error),
    /// More than [`FILE_BYTES_MAX`].
    #[error("The file is longer than 2 MiB.")]
    TooLong,
    /// More than [`ROWS_MAX`].
    #[error("The file has more than {ROWS_MAX} appointments.")]
    TooManyRows,
    /// The file has bytes that are no UTF-8; on this line first.
    #[error("Line {line} is not written in UTF-8.")]
    NotUtf8 {
        /// From 1.
        line: u64,
    },
    /// The file has no first line that names columns.
    #[error("The first line does not name the columns.")]
    NoHeader,
    /// The header names columns that do not exist.
    #[error("The header names columns that are not known: {names}.")]
    UnknownColumns {
        /// Each in quotation marks.
        names: String,
    },
    /// The header lacks columns.
    #[error("The header lacks columns: {names}.")]
    MissingColumns {
        /// Those that are needed.
        names: String,
    },
    /// The header names a column twice.
    #[error("The header names the column {name} twice.")]
    RepeatedColumn {
        /// Which.
        name: &'static str,
    },
    /// The file does not begin like a calendar.
    #[error("The file is no calendar: it does not begin with BEGIN:VCALENDAR.")]
    NotACalendar,
    /// The calendar is an answer or a question, no list of appointments.
    #[error("The calendar's METHOD is {method}, which makes and cancels nothing.")]
    Method {
        /// In quotation marks.
        method: String,
    },
}

impl FileError {
    /// What to do.
    #[must_use]
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "Check its name, and that you may read it.",
            Self::TooLong | Self::TooManyRows => {
                "Divide it, by weeks say, and read in one part after the other."
            }
            Self::NotUtf8 { .. } => {
                "Save it again as \"CSV UTF-8\", or in the encoding UTF-8 otherwise."
            }
            Self::NoHeader | Self::UnknownColumns { .. } | Self::MissingColumns { .. } => {
                "Begin with a line like code,at,services and, as you need them, \
                 language,party,needs,family_name,given_name,birth_date."
            }
            Self::RepeatedColumn { .. } => "Take one of them away.",
            Self::NotACalendar => "Export it again as iCalendar (.ics), or give a CSV file.",
            Self::Method { .. } => "Export it again as PUBLISH, or as CANCEL to cancel.",
        }
    }
}

/// Takes a whole file from `source`, as far as it may be read.
///
/// # Errors
/// [`FileError::TooLong`], and [`FileError::Unreadable`] with the source's error.
pub fn take(source: impl Read) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // All the room at once: growing would leave copies of names behind.
    let mut file = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
    let bound = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    source
        .take(bound.saturating_add(1))
        .read_to_end(&mut file)
        .map_err(FileError::Unreadable)?;
    if file.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLong);
    }
    Ok(file)
}

/// Reads the appointments of a file.
///
/// # Errors
/// [`FileError`] if nothing of it can be used. Mistakes in single rows are in
/// the [`Reading`], beside the good rows.
pub fn read(format: Format, file: &[u8], office: &Office<'_>) -> Result<Reading, FileError> {
    if file.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLong);
    }
    let file = file.strip_prefix(BOM).unwrap_or(file);
    match format {
        Format::Csv => csv::read(file, office),
        Format::Calendar => icalendar::read(file, office),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::person::KEY_BYTES;

    /// Reads for an office in California that has `titles` and `id-cards`, and
    /// whose day starts at midnight.
    pub(crate) fn read_sample(format: Format, file: &[u8]) -> Result<Reading, FileError> {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let key = PersonKey::new([7; KEY_BYTES]);
        let office = Office {
            time_zone: &zone,
            day_of: &|at| zone.to_datetime(at).date(),
            has_service: &|id| ["titles", "id-cards"].contains(&id.as_str()),
            key: Some(&key),
        };
        read(format, file, &office)
    }

    /// The mistakes, one a line.
    pub(crate) fn told(reading: &Reading) -> String {
        let lines = reading.mistakes.iter().map(Mistake::to_string);
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_file_has_a_bound() {
        let long = vec![b'\n'; FILE_BYTES_MAX + 1];
        assert!(matches!(take(&long[..]), Err(FileError::TooLong)));
        for format in [Format::Csv, Format::Calendar] {
            assert!(matches!(
                read_sample(format, &long),
                Err(FileError::TooLong)
            ));
        }
        assert_eq!(take(&long[1..]).unwrap().len(), FILE_BYTES_MAX);
    }

    #[test]
    fn the_format_shows_at_the_beginning() {
        for (file, format) in [
            (&b"\xef\xbb\xbf\r\nbegin:vcalendar"[..], Format::Calendar),
            (b"BEGIN:VCALENDAR", Format::Calendar),
            (b"code,at,services", Format::Csv),
            (b"", Format::Csv),
        ] {
            assert_eq!(Format::of(file), format);
        }
    }

    /// The examples that staff begin with.
    #[test]
    fn the_examples_of_the_manual_are_read_without_a_mistake() {
        let manual = include_str!("../../../docs/appointments.md");
        for (format, fence, read) in [
            (Format::Csv, "```csv\n", 3),
            (Format::Calendar, "```ics\n", 2),
        ] {
            let (_, rest) = manual.split_once(fence).unwrap();
            let (example, _) = rest.split_once("```").unwrap();
            assert_eq!(Format::of(example.as_bytes()), format);
            let reading = read_sample(format, example.as_bytes()).unwrap();
            assert_eq!(told(&reading), "");
            assert_eq!((reading.read, reading.entries.len()), (read, read));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, is_calendar: bool) {
            let format = if is_calendar { Format::Calendar } else { Format::Csv };
            let _ = read_sample(Format::of(&bytes), &bytes);
            let _ = read_sample(format, &bytes);
        }

        #[test]
        fn any_rows_after_a_header_are_answered(
            rows in "([,;\"\r\n K7,2026\\-T:+Z]|titles|\\PC){0,200}",
        ) {
            let file = format!("code,at,services,party,family_name,birth_date\n{rows}");
            let reading = read_sample(Format::Csv, file.as_bytes()).unwrap();
            for entry in reading.entries {
                prop_assert!(matches!(entry.change, Change::Book(_)));
            }
        }

        #[test]
        fn any_lines_in_an_event_are_answered(
            lines in "((UID|DTSTART|BEGIN|END|STATUS|CATEGORIES)[;:,=\"\\\\]|\r\n ?|VEVENT|\\PC){0,200}",
        ) {
            let file = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}");
            let _ = read_sample(Format::Calendar, file.as_bytes());
        }
    }
}

//! Appointments from a calendar: iCalendar, RFC 5545.
//!
//! Every VEVENT is an appointment. Its code is [`code_of`] its UID, which stays
//! the same when the event is moved, unless `X-USHER-CODE` gives one. Its
//! services are its CATEGORIES, or `X-USHER-SERVICES`. An event that is
//! cancelled (`STATUS:CANCELLED`, or `METHOD:CANCEL` for all) cancels.
//!
//! Recurring and all-day events are refused: an appointment is one time with one
//! code. `TZID` is taken as the name of a zone of the tz database; the calendar's
//! own VTIMEZONE is not read. All other properties are passed over and never
//! shown: a summary often has the resident's name.
//!
//! The reader is our own so that a mistake has its line and costs one event;
//! `docs/dependencies.md` says what was turned down.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use usher_protocol::AppointmentCode;
use zeroize::Zeroizing;

use crate::fields::{self, Codes, Values, Wrong, shown};
use crate::reading::{Change, Entry, FileError, Mistake, Office, ROWS_MAX, Reading};

/// How a calendar begins.
pub(crate) const BEGIN: &str = "BEGIN:VCALENDAR";

/// Letters and digits of a code: none is taken for another (0 and O, 1, I and L,
/// U and V).
const CODE_ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Length of a code that is made from a UID. 30 to the 8th is 656 thousand
/// million: among 20,000 appointments two agree once in 3,000 times.
const CODE_LENGTH: usize = 8;

/// Properties of an event that count, by their names in a file.
const PROPERTIES: [&str; 15] = [
    "UID",
    "DTSTART",
    "STATUS",
    "CATEGORIES",
    "RRULE",
    "RDATE",
    "RECURRENCE-ID",
    "X-USHER-CODE",
    "X-USHER-SERVICES",
    "X-USHER-LANGUAGE",
    "X-USHER-PARTY",
    "X-USHER-NEEDS",
    "X-USHER-FAMILY-NAME",
    "X-USHER-GIVEN-NAME",
    "X-USHER-BIRTH-DATE",
];

/// Names that Windows has for the zones of the United States, and those of the
/// tz database (Unicode CLDR, `windowsZones.xml`).
const WINDOWS_ZONES: [(&str, &str); 7] = [
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("Mountain Standard Time", "America/Denver"),
    ("Central Standard Time", "America/Chicago"),
    ("Eastern Standard Time", "America/New_York"),
    ("Alaskan Standard Time", "America/Anchorage"),
    ("Hawaiian Standard Time", "Pacific/Honolulu"),
];

/// The code of an event without one of its own: the first eight bytes of its
/// UID's SHA-256, as a number, in letters and digits that cannot be confused.
#[must_use]
pub fn code_of(uid: &str) -> AppointmentCode {
    let digest = Sha256::digest(uid.as_bytes());
    let mut number = digest[..8]
        .iter()
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let base = CODE_ALPHABET.len();
    let mut code = String::with_capacity(CODE_LENGTH);
    for _ in 0..CODE_LENGTH {
        let base_number = u64::try_from(base).unwrap_or(u64::MAX);
        let digit = usize::try_from(number % base_number).unwrap_or_default();
        code.push(char::from(CODE_ALPHABET[digit]));
        number /= base_number;
    }
    AppointmentCode::new(code).expect("eight capitals and digits are a code")
}

/// Reads a calendar; see [`crate::reading::read`].
pub(crate) fn read(file: &[u8], office: &Office<'_>) -> Result<Reading, FileError> {
    let mut lines = Lines::new(file).peekable();
    let begins = lines
        .next_if(|line| {
            line.bytes
                .trim_ascii()
                .eq_ignore_ascii_case(BEGIN.as_bytes())
        })
        .is_some();
    if !begins {
        return Err(FileError::NotACalendar);
    }
    let calendar = Calendar::of(lines)?;
    let mut reading = Reading {
        read: calendar.events.len(),
        ..Reading::default()
    };
    let mut codes = Codes::default();
    for event in calendar.events {
        let line = event.line;
        match event.change(calendar.is_cancelled, office) {
            Ok(change) => codes.add(&mut reading, Entry { line, change }),
            Err(mistakes) => {
                for mistake in mistakes {
                    reading.mistake(mistake);
                }
            }
        }
    }
    if !calendar.is_whole {
        reading.mistake(
            Wrong::new(
                "The file ends before END:VCALENDAR: its end may be missing.",
                "Export it again and compare; what stands before was read.",
            )
            .on(calendar.lines),
        );
    }
    Ok(reading)
}

/// The events of a file, before their values are looked at.
struct Calendar {
    events: Vec<Event>,
    /// `METHOD:CANCEL`.
    is_cancelled: bool,
    /// It has its END.
    is_whole: bool,
    /// The last line.
    lines: u64,
}

impl Calendar {
    fn of(lines: impl Iterator<Item = Line>) -> Result<Self, FileError> {
        let mut calendar = Self {
            events: Vec::new(),
            is_cancelled: false,
            is_whole: false,
            lines: 1,
        };
        let mut open: Option<Event> = None;
        // Of a component that does not count, inside an event or beside it.
        let mut depth = 0_usize;
        for line in lines {
            calendar.lines = line.number;
            let property = match Property::of(&line) {
                Ok(Some(property)) => property,
                Ok(None) => continue,
                Err(wrong) => {
                    if let Some(event) = open.as_mut().filter(|_| depth == 0) {
                        event.mistakes.push(wrong.on(line.number));
                    }
                    continue;
                }
            };
            let component = match property.name.as_str() {
                "BEGIN" | "END" | "METHOD" => property.value.trim().to_ascii_uppercase(),
                // Not copied: it may be a name.
                _ => String::new(),
            };
            match (property.name.as_str(), component.as_str()) {
                ("BEGIN", "VEVENT") => {
                    depth = 0;
                    calendar.close(open.take(), false)?;
                    open = Some(Event::new(line.number));
                }
                ("END", "VEVENT") => {
                    depth = 0;
                    calendar.close(open.take(), true)?;
                }
                ("END", "VCALENDAR") => {
                    depth = 0;
                    calendar.close(open.take(), false)?;
                    calendar.is_whole = true;
                }
                // One more calendar in the same file.
                ("BEGIN", "VCALENDAR") => calendar.is_whole = false,
                ("BEGIN", _) => depth += 1,
                ("END", _) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                ("METHOD", method) if open.is_none() => match method {
                    "CANCEL" => calendar.is_cancelled = true,
                    "PUBLISH" | "REQUEST" | "ADD" => {}
                    _ => {
                        return Err(FileError::Method {
                            method: shown(method),
                        });
                    }
                },
                _ => {
                    if let Some(event) = &mut open {
                        event.take(property, line.number);
                    }
                }
            }
        }
        calendar.close(open, false)?;
        Ok(calendar)
    }

    fn close(&mut self, event: Option<Event>, has_end: bool) -> Result<(), FileError> {
        let Some(mut event) = event else {
            return Ok(());
        };
        if !has_end {
            let wrong = Wrong::new(
                "The event has no END:VEVENT: the file may have been cut off.",
                "Export it again.",
            );
            event.mistakes.push(wrong.on(event.line));
        }
        if self.events.len() == ROWS_MAX {
            return Err(FileError::TooManyRows);
        }
        self.events.push(event);
        Ok(())
    }
}

/// A property's value, with what its parameters say of it.
struct Value {
    line: u64,
    text: Zeroizing<String>,
    zone: Option<String>,
}

struct Event {
    line: u64,
    values: BTreeMap<&'static str, Value>,
    mistakes: Vec<Mistake>,
}

impl Event {
    fn new(line: u64) -> Self {
        Self {
            line,
            values: BTreeMap::new(),
            mistakes: Vec::new(),
        }
    }

    fn take(&mut self, property: Property, line: u64) {
        let Some(name) = PROPERTIES.iter().find(|name| **name == property.name) else {
            return;
        };
        let text = match *name {
            "CATEGORIES" | "X-USHER-SERVICES" => words(&property.value),
            _ => unescaped(&property.value),
        };
        let value = Value {
            line,
            text,
            zone: property.zone,
        };
        match self.values.get_mut(name) {
            None => {
                self.values.insert(name, value);
            }
            // RFC 5545 §3.8.1.2: may occur more than once.
            Some(before) if *name == "CATEGORIES" => {
                let mut both = String::with_capacity(before.text.len() + 1 + value.text.len());
                both.push_str(&before.text);
                both.push(' ');
                both.push_str(&value.text);
                before.text = Zeroizing::new(both);
            }
            Some(before) => {
                let wrong = Wrong::new(
                    format!("{name} stands already on line {}.", before.line),
                    "Leave one of them.",
                );
                self.mistakes.push(wrong.on(line));
            }
        }
    }

    fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| &value.text)
    }

    fn change(mut self, all_cancelled: bool, office: &Office<'_>) -> Result<Change, Vec<Mistake>> {
        let mut mistakes = std::mem::take(&mut self.mistakes);
        for name in ["RRULE", "RDATE", "RECURRENCE-ID"] {
            if let Some(value) = self.values.get(name) {
                let wrong = Wrong::new(
                    format!("The event recurs ({name}), and an appointment is one time."),
                    "Make an event of its own for each time.",
                );
                mistakes.push(wrong.on(value.line));
            }
        }
        let is_cancelled =
            all_cancelled || self.text("STATUS").trim().eq_ignore_ascii_case("CANCELLED");
        let code = self.code();
        if is_cancelled {
            return match code {
                Ok(code) if mistakes.is_empty() => Ok(Change::Cancel(code)),
                Ok(_) => Err(mistakes),
                Err(wrong) => {
                    mistakes.push(wrong.on(self.line));
                    Err(mistakes)
                }
            };
        }
        let services = self.text("X-USHER-SERVICES");
        let values = Values {
            services: if services.is_empty() {
                self.text("CATEGORIES")
            } else {
                services
            },
            language: self.text("X-USHER-LANGUAGE"),
            party: self.text("X-USHER-PARTY"),
            needs: self.text("X-USHER-NEEDS"),
            family_name: self.text("X-USHER-FAMILY-NAME"),
            given_name: self.text("X-USHER-GIVEN-NAME"),
            birth_date: self.text("X-USHER-BIRTH-DATE"),
        };
        match fields::appointment(code, self.start(office), &values, office) {
            Ok(appointment) if mistakes.is_empty() => Ok(Change::Book(Box::new(appointment))),
            Ok(_) => Err(mistakes),
            Err(wrongs) => {
                mistakes.extend(wrongs.into_iter().map(|wrong| wrong.on(self.line)));
                Err(mistakes)
            }
        }
    }

    fn code(&self) -> Result<AppointmentCode, Wrong> {
        let own = self.text("X-USHER-CODE");
        if !own.trim().is_empty() {
            return fields::code(own);
        }
        match self.text("UID") {
            "" => Err(Wrong::new(
                "The event has no UID, so it would have no code that stays.",
                "Export it with UIDs, or give it an X-USHER-CODE.",
            )),
            uid => Ok(code_of(uid)),
        }
    }

    fn start(&self, office: &Office<'_>) -> Result<Timestamp, Wrong> {
        let Some(start) = self.values.get("DTSTART") else {
            return Err(Wrong::new(
                "The event has no DTSTART.",
                "Give it the appointment's time.",
            ));
        };
        let text = start.text.trim();
        let is_number = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
        if text.len() == 8 && is_number(text) {
            return Err(Wrong::new(
                format!("The event {} lasts all day.", shown(text)),
                "Give it a time of the day.",
            ));
        }
        let written = written_out(text).ok_or_else(|| {
            Wrong::new(
                format!("DTSTART {} is no date and time.", shown(text)),
                "Write it as 20261130T093000, or in UTC as 20261130T173000Z.",
            )
        })?;
        match &start.zone {
            None => fields::time(&written, office.time_zone),
            Some(name) => fields::time(&written, &zone(name)?),
        }
    }
}

fn zone(name: &str) -> Result<TimeZone, Wrong> {
    let known = WINDOWS_ZONES
        .iter()
        .find(|(windows, _)| windows.eq_ignore_ascii_case(name));
    let known = known.map_or(name, |(_, name)| name);
    TimeZone::get(known).map_err(|_| {
        Wrong::new(
            format!("The time zone {} is not known.", shown(name)),
            "Use a name of the tz database, as America/Los_Angeles, or UTC.",
        )
    })
}

/// `20261130T093000Z` as `2026-11-30T09:30:00Z`.
fn written_out(text: &str) -> Option<String> {
    let (local, zulu) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, "Z"),
        None => (text, ""),
    };
    let (date, time) = local.split_once(['T', 't'])?;
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|c| c.is_ascii_digit());
    (is_number(date, 8) && is_number(time, 6)).then(|| {
        format!(
            "{}-{}-{}T{}:{}:{}{zulu}",
            &date[..4],
            &date[4..6],
            &date[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        )
    })
}

/// A value of type TEXT without its backslashes (RFC 5545 §3.3.11).
fn unescaped(text: &str) -> Zeroizing<String> {
    // It grows no longer than it was.
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => '\n',
                Some(escaped) => escaped,
                None => '\\',
            },
            c => c,
        });
    }
    plain
}

/// A list with commas, as words with spaces between them.
fn words(text: &str) -> Zeroizing<String> {
    let mut words = unescaped(text);
    let spaced = words.replace(',', " ");
    *words = spaced;
    words
}

/// A line of content: `NAME;PARAMETER=…:value` (RFC 5545 §3.1).
struct Property {
    /// In capitals.
    name: String,
    /// What its parameter TZID says.
    zone: Option<String>,
    value: Zeroizing<String>,
}

impl Property {
    /// `None` for a blank line.
    fn of(line: &Line) -> Result<Option<Self>, Wrong> {
        let text = std::str::from_utf8(&line.bytes).map_err(|_| {
            Wrong::new(
                "The line is not written in UTF-8.",
                "Export the calendar again, in UTF-8.",
            )
        })?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let mut is_quoted = false;
        let colon = text.find(|c| {
            is_quoted ^= c == '"';
            c == ':' && !is_quoted
        });
        let (head, value) = colon
            .map(|colon| (&text[..colon], &text[colon + 1..]))
            .ok_or_else(|| {
                Wrong::new(
                    "The line has no name and colon, as in UID:123.",
                    "Export the calendar again, or begin the line with a space if it goes on with the one before.",
                )
            })?;
        let mut is_quoted = false;
        let mut parts = head.split(|c| {
            is_quoted ^= c == '"';
            c == ';' && !is_quoted
        });
        let name = parts.next().unwrap_or_default().trim();
        let zone = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim()
                .eq_ignore_ascii_case("TZID")
                .then(|| value.to_owned())
        });
        Ok(Some(Self {
            name: name.to_ascii_uppercase(),
            zone,
            value: Zeroizing::new(value.to_owned()),
        }))
    }
}

/// A line of content, put together again if it was folded.
struct Line {
    /// Where it begins, from 1.
    number: u64,
    /// A fold may stand inside a letter (RFC 5545 §3.1), so these are no text yet.
    bytes: Zeroizing<Vec<u8>>,
}

struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(file: &'a [u8]) -> Self {
        Self {
            rest: file.trim_ascii_start(),
            number: 1 + count_lines(&file[..file.len() - file.trim_ascii_start().len()]),
        }
    }

    /// The next line as it stands in the file, and what follows it.
    fn physical(rest: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let end = rest.iter().position(|c| *c == b'\n');
        let (line, rest) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        (line.strip_suffix(b"\r").unwrap_or(line), rest)
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.rest.is_empty() {
            return None;
        }
        let number = self.number;
        let (first, mut rest) = Self::physical(self.rest);
        let mut parts = vec![first];
        self.number += 1;
        while let [b' ' | b'\t', folded @ ..] = rest {
            let (part, after) = Self::physical(folded);
            parts.push(part);
            rest = after;
            self.number += 1;
        }
        self.rest = rest;
        // `concat` takes all the room at once.
        let bytes = Zeroizing::new(parts.concat());
        Some(Line { number, bytes })
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|c| **c == b'\n').count();
    u64::try_from(ends).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use usher_protocol::message::Appointment;

    use super::*;
    use crate::reading::Format;
    use crate::reading::tests::{read_sample, told};

    /// A calendar of these lines, with `\r\n` at their ends.
    fn calendar(lines: &str) -> Vec<u8> {
        let file = format!("BEGIN:VCALENDAR\nVERSION:2.0\n{lines}\nEND:VCALENDAR\n");
        file.replace('\n', "\r\n").into_bytes()
    }

    fn event(lines: &str) -> Vec<u8> {
        calendar(&format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT"))
    }

    fn sample(file: &[u8]) -> Reading {
        read_sample(Format::Calendar, file).unwrap()
    }

    fn only(reading: &Reading) -> &Appointment {
        assert_eq!(told(reading), "");
        match &reading.entries[..] {
            [
                Entry {
                    change: Change::Book(appointment),
                    ..
                },
            ] => appointment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_is_an_appointment() {
        let reading = sample(&event(
            "UID:4f1c@example.org\nDTSTART;TZID=America/New_York:20261130T123000\n\
             SUMMARY:Ximena Zamorano\\, titles\nCATEGORIES:Titles\nCATEGORIES:id-cards\n\
             BEGIN:VALARM\nTRIGGER:-PT15M\nUID:other\nEND:VALARM\nX-USHER-LANGUAGE:es\n\
             X-USHER-PARTY:2\nX-USHER-NEEDS:quiet",
        ));
        let one = only(&reading);
        assert_eq!(one.at.to_string(), "2026-11-30T17:30:00Z");
        assert_eq!(one.services.len(), 2);
        assert_eq!(one.code, code_of("4f1c@example.org"));
        assert_eq!((one.party, one.needs.quiet), (2, true));
        assert!(!format!("{reading:?}").contains("Ximena"));
        assert_eq!(reading.entries[0].line, 3);
    }

    #[test]
    fn the_code_of_a_uid_stays_and_can_be_given() {
        // Computed with Python's `hashlib`.
        assert_eq!(code_of("4f1c@example.org").as_str(), "HEKS7PZB");
        let own = sample(&event(
            "UID:4f1c\nX-USHER-CODE:k7-2\nDTSTART:20261130T173000Z\nX-USHER-SERVICES:titles,id-cards",
        ));
        assert_eq!(only(&own).code.as_str(), "K7-2");
    }

    #[test]
    fn every_kind_of_time_is_the_same_time() {
        for start in [
            "DTSTART:20261130T173000Z",
            "DTSTART:20261130T093000",
            "DTSTART;TZID=\"America/Los_Angeles\":20261130T093000",
            "DTSTART;VALUE=DATE-TIME;TZID=Pacific Standard Time:20261130T093000",
        ] {
            let reading = sample(&event(&format!("UID:1\n{start}\nCATEGORIES:titles")));
            assert_eq!(
                only(&reading).at.to_string(),
                "2026-11-30T17:30:00Z",
                "{start}"
            );
        }
    }

    #[test]
    fn what_is_no_single_time_is_refused() {
        for (lines, part) in [
            ("DTSTART;VALUE=DATE:20261130", "lasts all day"),
            ("DTSTART:2026-11-30 09:30", "is no date and time"),
            ("DTSTART:20261131T093000", "is no date and time"),
            (
                "DTSTART;TZID=Mars/Base:20261130T093000",
                "\"Mars/Base\" is not known",
            ),
            ("DTSTART:20270314T023000", "does not exist"),
            ("DTSTART:20261101T013000", "comes twice"),
            (
                "DTSTART:20261130T093000\nRRULE:FREQ=DAILY",
                "line 6: The event recurs (RRULE)",
            ),
            (
                "DTSTART:20261130T093000\nDTSTART:20261130T093000",
                "stands already on line 5",
            ),
            ("SUMMARY:x", "has no DTSTART"),
            (
                "DTSTART:20261130T093000\nno colon",
                "line 6: The line has no name",
            ),
        ] {
            let reading = sample(&event(&format!("UID:1\n{lines}\nCATEGORIES:titles")));
            let told = told(&reading);
            assert!(told.contains(part), "{part} is not in {told}");
            assert_eq!(
                (reading.entries.len(), reading.mistakes.len()),
                (0, 1),
                "{told}"
            );
        }
        let bare = sample(&event("DTSTART:20261130T093000"));
        let told = told(&bare);
        assert!(
            told.contains("no UID") && told.contains("No service"),
            "{told}"
        );
    }

    #[test]
    fn cancelled_events_cancel() {
        let one = sample(&event("UID:1\nSTATUS:CANCELLED"));
        let all = sample(&calendar(
            "METHOD:CANCEL\nBEGIN:VEVENT\nUID:1\nDTSTART:20261130T173000Z\nEND:VEVENT",
        ));
        for reading in [one, all] {
            assert_eq!(told(&reading), "");
            assert_eq!(reading.entries[0].change, Change::Cancel(code_of("1")));
        }
        let reply = read_sample(Format::Calendar, &calendar("METHOD:REPLY"));
        assert!(matches!(reply, Err(FileError::Method { .. })));
    }

    #[test]
    fn a_fold_may_stand_anywhere_even_inside_a_letter() {
        let whole = event(
            "UID:1\nDTSTART:20261130T173000Z\nCATEGORIES:titles\n\
             X-USHER-FAMILY-NAME:García\nX-USHER-BIRTH-DATE:1990-01-31",
        );
        let expected = sample(&whole);
        let expected = only(&expected);
        assert!(expected.person.is_some());
        let line_starts_or_ends = |at: usize| {
            matches!(whole[at - 1], b'\r' | b'\n') || matches!(whole[at], b'\r' | b'\n')
        };
        for at in (1 + BEGIN.len()..whole.len()).filter(|at| !line_starts_or_ends(*at)) {
            let folded = [&whole[..at], &b"\r\n "[..], &whole[at..]].concat();
            assert_eq!(only(&sample(&folded)), expected, "at {at}");
        }
    }

    #[test]
    fn a_file_that_was_cut_off_is_told() {
        let whole = calendar(
            "BEGIN:VEVENT\nUID:1\nDTSTART:20261130T173000Z\nCATEGORIES:titles\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:2\nDTSTART:20261130T173000Z\nCATEGORIES:titles\nEND:VEVENT",
        );
        assert_eq!(sample(&whole).entries.len(), 2);
        let end = whole.len() - "END:VEVENT\r\nEND:VCALENDAR\r\n".len();
        let cut = sample(&whole[..end]);
        assert_eq!((cut.read, cut.entries.len()), (2, 1));
        let told = told(&cut);
        assert!(
            told.contains("line 8: The event has no END:VEVENT"),
            "{told}"
        );
        assert!(told.contains("ends before END:VCALENDAR"), "{told}");
        assert!(matches!(
            read_sample(Format::Calendar, b"code,at"),
            Err(FileError::NotACalendar)
        ));
    }

    #[test]
    fn names_and_birth_dates_are_in_no_mistake() {
        let reading = sample(&event(
            "UID:1\nDTSTART:20261130T173000Z\nCATEGORIES:titles\n\
             X-USHER-FAMILY-NAME:Zamorano\nX-USHER-BIRTH-DATE:31.12.1990",
        ));
        let shown = format!("{reading:?} {}", told(&reading));
        assert!(shown.contains("birth date is no date"), "{shown}");
        assert!(
            !shown.contains("Zamorano") && !shown.contains("31.12"),
            "{shown}"
        );
    }

    #[test]
    fn the_second_of_two_events_with_one_code_is_told() {
        let twice = "BEGIN:VEVENT\nUID:1\nDTSTART:20261130T173000Z\nCATEGORIES:titles\nEND:VEVENT";
        let reading = sample(&calendar(&format!("{twice}\n{twice}")));
        assert_eq!(reading.entries.len(), 1);
        assert!(
            told(&reading).contains("line 8: The code"),
            "{}",
            told(&reading)
        );
    }
}

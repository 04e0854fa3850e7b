//! Appointments from a table: RFC 4180, with a header.
//!
//! Columns may come in any order: `code`, `at` and `services` are needed, the
//! others of [`COLUMNS`] are not. `docs/appointments.md` tells staff of each.
//!
//! Beyond the RFC, for the programs that offices have: a mark of the byte order
//! at the beginning, `;` between values if the header has it, lines that end
//! with any of CR and LF, blank lines, and spaces around values. The reader is
//! our own so that an unclosed quotation mark costs one row and is told with its
//! line; `docs/dependencies.md` says what was turned down.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::fields::{self, Codes, Values, Wrong, shown};
use crate::reading::{Change, Entry, FileError, Office, ROWS_MAX, Reading};

/// Every column that is known; the first three are needed.
pub const COLUMNS: [&str; 9] = [
    "code",
    "at",
    "services",
    "language",
    "party",
    "needs",
    "family_name",
    "given_name",
    "birth_date",
];

/// How many of [`COLUMNS`] are needed.
const NEEDED: usize = 3;

/// Longest value in quotation marks, bytes: what is longer was not closed.
const QUOTED_BYTES_MAX: usize = 1000;

/// Reads a table; see [`crate::reading::read`].
pub(crate) fn read(file: &[u8], office: &Office<'_>) -> Result<Reading, FileError> {
    let text = std::str::from_utf8(file).map_err(|error| FileError::NotUtf8 {
        line: 1 + lines_in(&file[..error.valid_up_to()]),
    })?;
    let mut rows = Rows::new(text);
    let header = match rows.next() {
        Some(Row {
            cells: Ok(cells), ..
        }) => Header::new(&cells)?,
        _ => return Err(FileError::NoHeader),
    };
    let mut reading = Reading::default();
    let mut codes = Codes::default();
    for row in rows {
        reading.read += 1;
        if reading.read > ROWS_MAX {
            return Err(FileError::TooManyRows);
        }
        match row.cells.map_err(|wrong| vec![wrong]).and_then(|cells| {
            let cells = header.in_order(&cells)?;
            appointment(&cells, office)
        }) {
            Ok(change) => codes.add(
                &mut reading,
                Entry {
                    line: row.line,
                    change,
                },
            ),
            Err(wrongs) => {
                for wrong in wrongs {
                    reading.mistake(wrong.on(row.line));
                }
            }
        }
    }
    Ok(reading)
}

/// A value. Wiped, for it may be a name.
type Cell = Zeroizing<String>;

fn appointment(
    cells: &[Option<&Cell>; COLUMNS.len()],
    office: &Office<'_>,
) -> Result<Change, Vec<Wrong>> {
    let [code, at, rest @ ..] = cells.map(|cell| cell.map_or("", |cell| cell.as_str()));
    let [
        services,
        language,
        party,
        needs,
        family_name,
        given_name,
        birth_date,
    ] = rest;
    let values = Values {
        services,
        language,
        party,
        needs,
        family_name,
        given_name,
        birth_date,
    };
    let at: Result<Timestamp, Wrong> = fields::time(at, office.time_zone);
    fields::appointment(fields::code(code), at, &values, office)
        .map(|appointment| Change::Book(Box::new(appointment)))
}

/// Which column stands where.
struct Header {
    /// For each of [`COLUMNS`], its place in a row.
    places: [Option<usize>; COLUMNS.len()],
    width: usize,
}

impl Header {
    fn new(cells: &[Cell]) -> Result<Self, FileError> {
        let mut places = [None; COLUMNS.len()];
        let mut unknown = Vec::new();
        for (place, cell) in cells.iter().enumerate() {
            let name = cell.trim().to_ascii_lowercase();
            match COLUMNS.iter().position(|known| *known == name) {
                Some(column) if places[column].is_some() => {
                    return Err(FileError::RepeatedColumn {
                        name: COLUMNS[column],
                    });
                }
                Some(column) => places[column] = Some(place),
                None => unknown.push(shown(cell.trim())),
            }
        }
        // A first row of data must not be shown as names of columns: it may have
        // a resident's name.
        if places.iter().all(Option::is_none) {
            return Err(FileError::NoHeader);
        }
        if !unknown.is_empty() {
            unknown.truncate(COLUMNS.len());
            return Err(FileError::UnknownColumns {
                names: unknown.join(", "),
            });
        }
        let missing = COLUMNS.iter().zip(places).take(NEEDED);
        let missing: Vec<_> = missing
            .filter(|(_, place)| place.is_none())
            .map(|(name, _)| *name)
            .collect();
        if !missing.is_empty() {
            return Err(FileError::MissingColumns {
                names: missing.join(", "),
            });
        }
        Ok(Self {
            places,
            width: cells.len(),
        })
    }

    /// A row's cells in the order of [`COLUMNS`]. Names no value: in a row that
    /// slipped, a name may stand anywhere.
    fn in_order<'a>(
        &self,
        cells: &'a [Cell],
    ) -> Result<[Option<&'a Cell>; COLUMNS.len()], Vec<Wrong>> {
        if cells.len() != self.width {
            return Err(vec![Wrong::new(
                format!(
                    "The row has {} values, and the header names {} columns.",
                    cells.len(),
                    self.width
                ),
                "Put a value that contains a comma or semicolon in quotation marks; leave a value empty, but not its comma away.",
            )]);
        }
        Ok(self.places.map(|place| cells.get(place?)))
    }
}

/// A row that is not blank.
struct Row {
    /// Where it begins, from 1.
    line: u64,
    cells: Result<Vec<Cell>, Wrong>,
}

/// The rows of a table, blank ones left out.
struct Rows<'a> {
    rest: &'a str,
    line: u64,
    separator: u8,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        let header = text.trim_start();
        let header = &header[..line_end(header)];
        let separator = if header.contains(';') && !header.contains(',') {
            b';'
        } else {
            b','
        };
        Self {
            rest: text,
            line: 1,
            separator,
        }
    }

    /// Goes on behind the first `length` bytes and the end of their line.
    fn skip(&mut self, length: usize) {
        let rest = &self.rest[length..];
        let rest = rest
            .strip_prefix("\r\n")
            .or_else(|| rest.strip_prefix(['\r', '\n']))
            .unwrap_or(rest);
        let taken = self.rest.len() - rest.len();
        self.line += lines_in(&self.rest.as_bytes()[..taken]);
        self.rest = rest;
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while !self.rest.is_empty() {
            let line = self.line;
            match cells_of(self.rest, self.separator) {
                Ok((cells, length)) => {
                    self.skip(length);
                    // Spreadsheets write their empty rows as separators.
                    if cells.iter().any(|cell| !cell.trim().is_empty()) {
                        let cells = Ok(cells);
                        return Some(Row { line, cells });
                    }
                }
                Err(wrong) => {
                    // The next line may be good again.
                    self.skip(line_end(self.rest));
                    let cells = Err(wrong);
                    return Some(Row { line, cells });
                }
            }
        }
        None
    }
}

/// The cells of the row at the beginning of `text`, and how long it is without
/// its end of line.
fn cells_of(text: &str, separator: u8) -> Result<(Vec<Cell>, usize), Wrong> {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let (cell, length) = cell_of(&text[at..], separator)?;
        cells.push(cell);
        at += length;
        if text.as_bytes().get(at) != Some(&separator) {
            return Ok((cells, at));
        }
        at += 1;
    }
}

fn cell_of(text: &str, separator: u8) -> Result<(Cell, usize), Wrong> {
    let is_end = |c: u8| c == separator || c == b'\r' || c == b'\n';
    let bytes = text.as_bytes();
    let spaces = bytes.iter().take_while(|c| **c == b' ').count();
    if bytes.get(spaces) != Some(&b'"') {
        let length = bytes.iter().position(|c| is_end(*c));
        let length = length.unwrap_or(bytes.len());
        return Ok((Zeroizing::new(text[..length].to_owned()), length));
    }
    let start = spaces + 1;
    let mut cell = Zeroizing::new(String::with_capacity(QUOTED_BYTES_MAX));
    let mut from = start;
    loop {
        let quote = bytes[from..].iter().take(QUOTED_BYTES_MAX + 1);
        let quote = quote.clone().position(|c| *c == b'"').map(|at| from + at);
        let quote = quote
            .filter(|quote| cell.len() + (quote - from) < QUOTED_BYTES_MAX)
            .ok_or_else(|| {
                Wrong::new(
                    format!(
                        "A quotation mark is not closed, or what it begins is longer than {QUOTED_BYTES_MAX} bytes."
                    ),
                    "Close it at the end of the value, and write one that belongs to the value twice.",
                )
            })?;
        cell.push_str(&text[from..quote]);
        if bytes.get(quote + 1) == Some(&b'"') {
            cell.push('"');
            from = quote + 2;
            continue;
        }
        let after = &bytes[quote + 1..];
        let spaces = after.iter().take_while(|c| **c == b' ').count();
        let end = quote + 1 + spaces;
        return match bytes.get(end) {
            Some(c) if !is_end(*c) => Err(Wrong::new(
                "Something stands between a closing quotation mark and the next value.",
                "Put the whole value in quotation marks, and write one that belongs to it twice.",
            )),
            _ => Ok((cell, end)),
        };
    }
}

/// How many lines end in `bytes`.
fn lines_in(bytes: &[u8]) -> u64 {
    let next = bytes.iter().skip(1).chain(std::iter::once(&0));
    let ends = bytes
        .iter()
        .zip(next)
        .filter(|(c, next)| **c == b'\n' || (**c == b'\r' && **next != b'\n'));
    u64::try_from(ends.count()).unwrap_or(u64::MAX)
}

/// Where the first line of `text` ends, without what ends it.
fn line_end(text: &str) -> usize {
    text.find(['\r', '\n']).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use jiff::civil::DateTime;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use usher_protocol::message::{Appointment, Needs};
    use usher_protocol::{AppointmentCode, Language, ServiceId};

    use super::*;
    use crate::reading::tests::{read_sample, told};
    use crate::reading::{Format, MISTAKES_MAX, Mistake};

    fn sample(file: &str) -> Reading {
        read_sample(Format::Csv, file.as_bytes()).unwrap()
    }

    fn refused(file: &str) -> String {
        let error = read_sample(Format::Csv, file.as_bytes()).unwrap_err();
        format!("{error} {}", error.next_step())
    }

    fn booked(reading: &Reading) -> Vec<&Appointment> {
        reading
            .entries
            .iter()
            .filter_map(|entry| match &entry.change {
                Change::Book(appointment) => Some(appointment.as_ref()),
                Change::Cancel(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_full_row_says_everything() {
        let reading = sample(
            "code,at,services,language,party,needs,family_name,given_name,birth_date\r\n\
             k7-2,2026-11-30T09:30,titles id-cards titles,vi,2,wheelchair interpreter:vi,Nguyễn,An,1990-01-31\r\n",
        );
        assert_eq!(told(&reading), "");
        let [one] = booked(&reading)[..] else {
            panic!("{reading:?}");
        };
        assert_eq!(one.code.as_str(), "K7-2");
        assert_eq!(one.at.to_string(), "2026-11-30T17:30:00Z");
        assert_eq!(one.services.len(), 2);
        assert_eq!(one.party, 2);
        assert!(one.needs.wheelchair && one.needs.interpreter.is_some());
        assert_eq!(one.person.as_ref().unwrap().as_str().len(), 32);
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let plain = sample("code,at,services\nK1,2026-11-30 09:30,titles\n");
        for file in [
            "\u{feff}code,at,services\r\nK1,2026-11-30 09:30,titles",
            "code;at;services\nK1;2026-11-30 09:30;titles\n",
            "Code, At ,SERVICES\n K1 , 2026-11-30 09:30 ,titles\n",
            "code,at,services\n\"K1\",\"2026-11-30 09:30\" , \"titles\"\n",
            "code,at,services\nK1,2026-11-30 09:30,\"titles\n\"\n",
        ] {
            assert_eq!(sample(file), plain, "{file}");
        }
        let spaced = sample("\r\n\ncode,at,services\r\r\n,,\n  \nK1,2026-11-30 09:30,titles\n\n");
        assert_eq!(spaced.entries[0].line, 7);
        assert_eq!(booked(&spaced), booked(&plain));
        assert_eq!(spaced.read, 1);
    }

    #[test]
    fn every_mistake_of_a_row_is_told_with_line_and_value_and_good_rows_stay() {
        let reading = sample(
            "code,at,services,language,party,needs\n\
             K_1,30.11.2026,cars,English,0,chair\n\
             K2,2026-11-30 09:30,titles,,,\n\
             K2,2026-11-30 09:45,titles,,,\n\
             K3,2026-11-30 09:45,,,,\n\
             K4,2026-11-30 09:45\n",
        );
        assert_eq!((reading.read, reading.entries.len()), (5, 1));
        assert_eq!(reading.entries[0].line, 3);
        let told = told(&reading);
        for part in [
            "line 2: The code \"K_1\"",
            "line 2: The time \"30.11.2026\"",
            "line 2: The office has no service \"cars\"",
            "line 2: \"English\" is no language tag",
            "line 2: The party \"0\"",
            "line 2: \"chair\" is no need",
            "line 4: The code \"K2\" stands already on line 3.",
            "line 5: No service is given.",
            "line 6: The row has 2 values, and the header names 6 columns.",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
    }

    #[test]
    fn an_unclosed_quotation_mark_costs_one_row() {
        let rows = "\"K1,2026-11-30 09:30,titles\nK2,2026-11-30 09:30,titles\n";
        for (more, told_first) in [
            ("", "line 2: A quotation mark is not closed"),
            ("K3,\"2026\"-11,titles\n", "line 4: Something stands"),
        ] {
            let reading = sample(&format!("code,at,services\n{rows}{more}"));
            assert_eq!(reading.entries.len(), 1);
            assert_eq!(reading.entries[0].line, 3);
            assert!(reading.mistakes[0].line == 2);
            assert!(told(&reading).contains(told_first), "{}", told(&reading));
        }
    }

    #[test]
    fn names_and_birth_dates_are_in_no_mistake() {
        let header = "code,at,services,family_name,given_name,birth_date\n";
        for row in [
            "K1,2026-11-30 09:30,titles,Zamorano,Ximena,31/12/1987",
            "K1,2026-11-30 09:30,titles,Zamorano,Ximena,",
            "K1,2026-11-30 09:30,titles,,Ximena,",
            "K1,2026-11-30 09:30,titles,,Ximena,1987-12-31",
            "K1,2026-11-30 09:30,titles,Zamorano,Ximena,1987-12-31,",
            "K1,2026-11-30 09:30,titles,\"Zamorano,Ximena,1987-12-31",
        ] {
            let reading = sample(&format!("{header}{row}\n"));
            assert_eq!(reading.mistakes.len(), 1, "{row}");
            let shown = format!("{reading:?} {}", told(&reading));
            for secret in ["Zamorano", "Ximena", "1987"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        // Without a header, a row of data is not shown as one.
        let told = refused("K1,2026-11-30 09:30,titles,Zamorano\n");
        assert!(told.contains("does not name the columns") && !told.contains("Zamorano"));
    }

    #[test]
    fn a_wrong_header_is_named() {
        for (file, part) in [
            ("", "does not name the columns"),
            ("code,at,services,colour\n", "not known: \"colour\""),
            ("code,services\n", "lacks columns: at"),
            ("code,at,at,services\n", "column at twice"),
        ] {
            let told = refused(file);
            assert!(told.contains(part), "{told}");
        }
        let latin1 = read_sample(Format::Csv, b"code,at,services\nK1,\xe9,titles\n");
        assert!(matches!(latin1, Err(FileError::NotUtf8 { line: 2 })));
    }

    #[test]
    fn rows_and_mistakes_have_bounds() {
        let rows = |count| format!("code,at,services\n{}", "x\n".repeat(count));
        let reading = sample(&rows(ROWS_MAX));
        let told = reading.mistakes.len() + reading.mistakes_left_off;
        assert_eq!((reading.read, told), (ROWS_MAX, ROWS_MAX));
        assert_eq!(reading.mistakes.len(), MISTAKES_MAX);
        assert!(refused(&rows(ROWS_MAX + 1)).contains("more than 20000"));
    }

    /// A row as another program may write it: everything in quotation marks.
    fn row(one: &Appointment, zone: &TimeZone, separator: &str) -> String {
        let services: Vec<_> = one.services.iter().map(ServiceId::as_str).collect();
        let flags = [
            (one.needs.wheelchair, "wheelchair"),
            (one.needs.quiet, "quiet"),
            (one.needs.hearing, "hearing"),
            (one.needs.sight, "sight"),
        ];
        let mut needs: Vec<String> = flags
            .iter()
            .filter(|(is_needed, _)| *is_needed)
            .map(|(_, word)| (*word).to_owned())
            .collect();
        let interpreter = one.needs.interpreter.iter();
        needs.extend(interpreter.map(|language| format!("interpreter:{language}")));
        let cells = [
            one.code.to_string(),
            zone.to_datetime(one.at).to_string(),
            services.join(" "),
            one.language
                .as_ref()
                .map(Language::to_string)
                .unwrap_or_default(),
            one.party.to_string(),
            needs.join(" "),
        ];
        cells.map(|cell| format!("\"{cell}\"")).join(separator)
    }

    fn appointments() -> impl Strategy<Value = Appointment> {
        let language = || prop::option::of("[a-z]{2,3}(-[A-Z]{2})?");
        let services = prop::sample::subsequence(vec!["titles", "id-cards"], 1..=2);
        // Hours at which no clock changes.
        let at = (1_i8..=12, 1_i8..=28, 4_i8..=23, 0_i8..=59, 0_i8..=59);
        let needs = (language(), any::<[bool; 4]>());
        ("[A-Z0-9-]{1,40}", at, services, language(), 1_u8.., needs).prop_map(
            |(code, (month, day, hour, minute, second), services, language, party, needs)| {
                let zone = TimeZone::get("America/Los_Angeles").unwrap();
                let at = DateTime::new(2026, month, day, hour, minute, second, 0).unwrap();
                let (interpreter, [wheelchair, quiet, hearing, sight]) = needs;
                Appointment {
                    code: AppointmentCode::new(code).unwrap(),
                    at: zone.to_timestamp(at).unwrap(),
                    services: services
                        .into_iter()
                        .map(|id| ServiceId::new(id).unwrap())
                        .collect(),
                    language: language.map(|tag| Language::new(tag).unwrap()),
                    person: None,
                    party,
                    needs: Needs {
                        interpreter: interpreter.map(|tag| Language::new(tag).unwrap()),
                        wheelchair,
                        quiet,
                        hearing,
                        sight,
                    },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            one in appointments(),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            separator in prop::sample::select(vec![",", ";"]),
        ) {
            let zone = TimeZone::get("America/Los_Angeles").unwrap();
            let header = COLUMNS[..6].join(separator);
            let file = format!("{header}{end}{}{end}", row(&one, &zone, separator));
            let reading = sample(&file);
            prop_assert_eq!(&reading.mistakes, &Vec::<Mistake>::new());
            prop_assert_eq!(booked(&reading), vec![&one]);
        }
    }
}

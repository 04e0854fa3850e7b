//! The values of an appointment, from text. What both formats have in common.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use usher_protocol::message::{Appointment, Needs, VisitDetails};
use usher_protocol::{AppointmentCode, Language, PersonHash, ServiceId};

use crate::person::Person;
use crate::reading::{Entry, Mistake, Office, Reading};

/// Longest part of a value that is shown, characters.
const SHOWN_MAX: usize = 40;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    message: String,
    next_step: String,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next_step: next_step.into(),
        }
    }

    pub(crate) fn on(self, line: u64) -> Mistake {
        Mistake {
            line,
            message: self.message,
            next_step: self.next_step,
        }
    }
}

/// A value as an error shows it: short, on one line, in quotation marks.
pub(crate) fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let start: String = text.chars().take(SHOWN_MAX).map(plain).collect();
    let rest = if text.chars().nth(SHOWN_MAX).is_some() {
        "…"
    } else {
        ""
    };
    format!("\"{start}{rest}\"")
}

/// The values of an appointment, as they stand in the file; empty if not given.
/// Deliberately without `Debug`: three of them are never shown.
#[derive(Clone, Copy, Default)]
pub(crate) struct Values<'a> {
    pub(crate) services: &'a str,
    pub(crate) language: &'a str,
    pub(crate) party: &'a str,
    pub(crate) needs: &'a str,
    pub(crate) family_name: &'a str,
    pub(crate) given_name: &'a str,
    pub(crate) birth_date: &'a str,
}

/// Collects what is wrong, so that every mistake of a row is told at once.
#[derive(Default)]
struct Wrongs(Vec<Wrong>);

impl Wrongs {
    fn keep<T>(&mut self, value: Result<T, Wrong>) -> Option<T> {
        value.map_err(|wrong| self.0.push(wrong)).ok()
    }
}

/// The appointment of these values.
pub(crate) fn appointment(
    code: Result<AppointmentCode, Wrong>,
    at: Result<Timestamp, Wrong>,
    values: &Values<'_>,
    office: &Office<'_>,
) -> Result<Appointment, Vec<Wrong>> {
    let mut wrongs = Wrongs::default();
    let code = wrongs.keep(code);
    let at = wrongs.keep(at);
    let services = wrongs.keep(services(values.services, office));
    let language = wrongs.keep(language(values.language));
    let party = wrongs.keep(party(values.party));
    let needs = wrongs.keep(needs(values.needs));
    let person = wrongs.keep(person(values, at, office));
    match (code, at, services, language, party, needs, person) {
        (
            Some(code),
            Some(at),
            Some(services),
            Some(language),
            Some(party),
            Some(needs),
            Some(person),
        ) => Ok(Appointment {
            code,
            at,
            services,
            language,
            person,
            party,
            needs,
        }),
        _ => Err(wrongs.0),
    }
}

/// A code, in capitals: residents are told it so.
pub(crate) fn code(text: &str) -> Result<AppointmentCode, Wrong> {
    AppointmentCode::new(text.trim().to_ascii_uppercase()).map_err(|_| {
        Wrong::new(
            format!("The code {} cannot be one.", shown(text)),
            "Use 1 to 40 of A-Z, 0-9 and -.",
        )
    })
}

/// A date and a time: `2026-11-30T09:30`, with seconds or without, with a space
/// or a `T`, and with an offset from UTC or a `Z` if it is not of `zone`.
pub(crate) fn time(text: &str, zone: &TimeZone) -> Result<Timestamp, Wrong> {
    let text = text.trim();
    let unreadable = || {
        Wrong::new(
            format!("The time {} is no date and time.", shown(text)),
            "Write it as 2026-11-30T09:30, or with its offset from UTC as 2026-11-30T09:30-08:00.",
        )
    };
    let (local, is_fixed) = parts_of_time(text).ok_or_else(unreadable)?;
    if is_fixed {
        return text.parse().map_err(|_| unreadable());
    }
    let local: DateTime = local.parse().map_err(|_| unreadable())?;
    let zone_name = zone.iana_name().unwrap_or("its time zone");
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().map_err(|_| unreadable()),
        AmbiguousOffset::Gap { .. } => Err(Wrong::new(
            format!(
                "The time {} does not exist in {zone_name}: the clocks go forward then.",
                shown(text)
            ),
            "Choose a time an hour earlier or later.",
        )),
        AmbiguousOffset::Fold { before, after } => Err(Wrong::new(
            format!(
                "The time {} comes twice in {zone_name}: the clocks go back then.",
                shown(text)
            ),
            format!(
                "Say which: with the offset {} it is the first, with {} the second (in a calendar file write it in UTC, with a Z).",
                offset_text(before),
                offset_text(after)
            ),
        )),
    }
}

/// The local part, and whether an offset or a `Z` follows. The shape is checked
/// here, for a parser of every form of ISO 8601 takes more than staff should be
/// told: weeks, dates without a time, notes in brackets.
fn parts_of_time(text: &str) -> Option<(&str, bool)> {
    let is_shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(c, wanted)| match wanted {
                    b'0' => c.is_ascii_digit(),
                    b'T' => matches!(c, b'T' | b't' | b' '),
                    b'+' => matches!(c, b'+' | b'-'),
                    b'Z' => matches!(c, b'Z' | b'z'),
                    other => c == other,
                })
    };
    ["0000-00-00T00:00", "0000-00-00T00:00:00"]
        .into_iter()
        .find_map(|shape| {
            let (local, rest) = text.split_at_checked(shape.len())?;
            let is_fixed = is_shape(rest, "Z") || is_shape(rest, "+00:00");
            (is_shape(local, shape) && (rest.is_empty() || is_fixed)).then_some((local, is_fixed))
        })
}

fn offset_text(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn services(text: &str, office: &Office<'_>) -> Result<Vec<ServiceId>, Wrong> {
    let mut services = Vec::new();
    for word in text.split_whitespace() {
        let service = ServiceId::new(word.to_ascii_lowercase())
            .ok()
            .filter(|service| (office.has_service)(service))
            .ok_or_else(|| {
                Wrong::new(
                    format!("The office has no service {}.", shown(word)),
                    "Use the ids of the office file, with spaces between them.",
                )
            })?;
        if !services.contains(&service) {
            services.push(service);
        }
    }
    let most = 1 + VisitDetails::FURTHER_SERVICES_MAX;
    match services.len() {
        0 => Err(Wrong::new(
            "No service is given.",
            "Name at least one, by its id in the office file.",
        )),
        many if many > most => Err(Wrong::new(
            format!("{many} services are given."),
            format!("Name at most {most}, or make two appointments."),
        )),
        _ => Ok(services),
    }
}

fn language(text: &str) -> Result<Option<Language>, Wrong> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    tag(text).map(Some)
}

fn tag(text: &str) -> Result<Language, Wrong> {
    Language::new(text.trim()).map_err(|_| {
        Wrong::new(
            format!("{} is no language tag.", shown(text)),
            "Use one like en, es-MX or zh-Hant, in this case.",
        )
    })
}

fn party(text: &str) -> Result<u8, Wrong> {
    match text.trim() {
        "" => Ok(1),
        number => number
            .parse()
            .ok()
            .filter(|party| *party > 0)
            .ok_or_else(|| {
                Wrong::new(
                    format!("The party {} is no number of people.", shown(text)),
                    "Write how many come together, from 1 to 255.",
                )
            }),
    }
}

fn needs(text: &str) -> Result<Needs, Wrong> {
    let mut needs = Needs::default();
    for word in text.split_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "wheelchair" => needs.wheelchair = true,
            "quiet" => needs.quiet = true,
            "hearing" => needs.hearing = true,
            "sight" => needs.sight = true,
            _ => match word.split_once(':') {
                Some((name, language)) if name.eq_ignore_ascii_case("interpreter") => {
                    needs.interpreter = Some(tag(language)?);
                }
                _ => {
                    return Err(Wrong::new(
                        format!("{} is no need that is known.", shown(word)),
                        "Use wheelchair, quiet, hearing, sight, and interpreter:vi with the language's tag.",
                    ));
                }
            },
        }
    }
    Ok(needs)
}

fn person(
    values: &Values<'_>,
    at: Option<Timestamp>,
    office: &Office<'_>,
) -> Result<Option<PersonHash>, Wrong> {
    let is_given = |text: &str| !text.trim().is_empty();
    match (is_given(values.family_name), is_given(values.birth_date)) {
        (false, false) if is_given(values.given_name) => Err(Wrong::new(
            "A given name stands alone.",
            "Give the family name and the birth date too, or none of them.",
        )),
        (false, false) => Ok(None),
        (true, true) => {
            let person = Person::new(values.family_name, values.given_name, values.birth_date)
                .map_err(|nobody| {
                    Wrong::new(
                        nobody.to_string(),
                        "Correct it, or leave names and birth date away: the code is enough.",
                    )
                })?;
            let hash =
                |(key, at): (&crate::PersonKey, _)| key.of_day((office.day_of)(at)).hash(&person);
            Ok(office.key.zip(at).map(hash))
        }
        _ => Err(Wrong::new(
            "A family name and a birth date belong together, and one of them is missing.",
            "Give both, or none: the code is enough.",
        )),
    }
}

/// Adds an entry to a reading, unless its code has come before.
#[derive(Default)]
pub(crate) struct Codes(HashMap<AppointmentCode, u64>);

impl Codes {
    pub(crate) fn add(&mut self, reading: &mut Reading, entry: Entry) {
        let line = entry.line;
        let code = entry.change.code().clone();
        match self.0.get(&code) {
            Some(first) => reading.mistake(
                Wrong::new(
                    format!(
                        "The code {} stands already on line {first}.",
                        shown(code.as_str())
                    ),
                    "Give each appointment a code of its own; the first one was taken.",
                )
                .on(line),
            ),
            None => {
                self.0.insert(code, line);
                reading.entries.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        time(text, &zone)
            .map(|at| at.to_string())
            .map_err(|wrong| format!("{} {}", wrong.message, wrong.next_step))
    }

    #[test]
    fn times_are_of_the_office_unless_they_say_otherwise() {
        for (text, utc) in [
            ("2026-11-30T09:30", "2026-11-30T17:30:00Z"),
            (" 2026-11-30 09:30:15 ", "2026-11-30T17:30:15Z"),
            ("2026-07-01 09:30", "2026-07-01T16:30:00Z"),
            ("2026-11-30T09:30Z", "2026-11-30T09:30:00Z"),
            ("2026-11-30 09:30-05:00", "2026-11-30T14:30:00Z"),
            ("2026-11-30t09:30:00z", "2026-11-30T09:30:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(utc), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_form() {
        for text in [
            "",
            "2026-11-30",
            "11/30/2026 9:30",
            "2026-11-31T09:30",
            "2026-11-30T24:30",
            "2026-11-30T09:30[America/New_York]",
            "2026-W49-1T09:30",
            "2026-11-30T09:30+99:00",
            "2026-11-30T09:3é",
        ] {
            let told = at(text).unwrap_err();
            assert!(told.contains("Write it as 2026-11-30T09:30"), "{told}");
        }
    }

    #[test]
    fn a_change_of_the_clocks_is_explained() {
        let gap = at("2027-03-14 02:30").unwrap_err();
        assert!(
            gap.contains("does not exist in America/Los_Angeles"),
            "{gap}"
        );
        let fold = at("2026-11-01 01:30").unwrap_err();
        assert!(fold.contains("comes twice"), "{fold}");
        assert!(
            fold.contains("-07:00 it is the first, with -08:00 the second"),
            "{fold}"
        );
        assert_eq!(
            at("2026-11-01 01:30-08:00").unwrap(),
            "2026-11-01T09:30:00Z"
        );
    }

    #[test]
    fn a_value_is_shown_short_and_on_one_line() {
        assert_eq!(shown("a\nb"), "\"a\u{fffd}b\"");
        assert_eq!(shown(&"x".repeat(41)), format!("\"{}…\"", "x".repeat(40)));
    }
}

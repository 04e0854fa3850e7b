//! What happened, as the log keeps it for ever.
//!
//! The JSON of an event is a promise to every later version: a test below holds
//! one stored example of each. A change of meaning is a new event, or a new
//! version with the old one still read.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use usher_protocol::message::{PrintResult, WaitRange};
use usher_protocol::{CommandId, CounterId, DeviceId, Language, ServiceId, TicketNumber, VisitId};

use crate::command::{Fingerprint, Origin};

/// The version of the events here, stored with each.
pub const EVENT_VERSION: u16 = 1;

/// An event with its place in the log and what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Place in the log, from 1 without gaps.
    pub sequence: u64,
    /// When it was decided, by the server's clock, in whole milliseconds.
    pub at: Timestamp,
    /// The command that caused it.
    pub command: CommandId,
    /// Who sent that command.
    pub origin: Origin,
    /// What that command asked for.
    pub fingerprint: Fingerprint,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A day began: numbers start again, counters are closed. But if somebody
    /// stays (an open visit that is not in `left_at_close`), counters stay open.
    DayStarted {
        /// The office's date.
        date: Date,
        /// Visits of the day before that were never finished: they left.
        left_at_close: Vec<VisitId>,
    },
    /// A visit is in the queue.
    VisitQueued(VisitQueued),
    /// A paper form replaced a check-in that had been done after all: the visit
    /// goes on under the form's number.
    VisitRenumbered(VisitRenumbered),
    /// It became known later which check-in a form had replaced.
    CheckInReplaced {
        /// The check-in; from now on it is answered with the form's visit.
        check_in: CommandId,
        /// The form's own id.
        form: CommandId,
        /// The form's visit.
        visit: VisitId,
        /// The earlier of the two arrivals, by the server's clock.
        arrived_at: Timestamp,
        /// The visit that the check-in had made, if it was still waiting: the
        /// same resident, who is in the queue once.
        withdrawn: Option<VisitId>,
    },
    /// It is known how a ticket's printing ended.
    PrintRecorded {
        /// The visit.
        visit: VisitId,
        /// What the printer said.
        result: PrintResult,
    },
    /// A counter opened.
    CounterOpened {
        /// The counter.
        counter: CounterId,
    },
    /// A counter closed.
    CounterClosed {
        /// The counter.
        counter: CounterId,
    },
    /// A visit was called to a counter.
    VisitCalled {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
        /// The call's number in the office.
        serial: u64,
        /// Why this visit and no other, in words for the clerk.
        reason: String,
    },
    /// It was called again.
    VisitRecalled {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
        /// The call's number in the office.
        serial: u64,
    },
    /// The resident came to the counter.
    ServiceStarted {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
    },
    /// The visit is done.
    VisitFinished {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
    },
    /// The resident did not come to the counter.
    VisitNoShow {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
    },
}

/// A visit is in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitQueued {
    /// The visit.
    pub visit: VisitId,
    /// Its number.
    pub number: TicketNumber,
    /// What the resident came for.
    pub service: ServiceId,
    /// The resident's language.
    pub language: Language,
    /// Arrival by the server's clock: the order of the queue.
    pub arrived_at: Timestamp,
    /// Arrival as the sender's own clock had it.
    pub device_arrived_at: Timestamp,
    /// How far the sender's clock was behind the server's, milliseconds; 0 if
    /// it was right or not known.
    pub clock_behind_ms: i64,
    /// How often the sender had started.
    pub boot: u64,
    /// The kiosk; `None` if staff did it.
    pub device: Option<DeviceId>,
    /// The form that the resident holds, if it is no ticket.
    pub paper: Option<OnPaper>,
    /// How many waited before it.
    pub ahead: u32,
    /// The wait that was promised.
    pub promised_wait: Option<WaitRange>,
}

/// A paper form replaced a check-in that had been done after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitRenumbered {
    /// The visit.
    pub visit: VisitId,
    /// Its number until now; nobody holds it, and it is not given out again today.
    pub from: TicketNumber,
    /// Its number from now on.
    pub number: TicketNumber,
    /// The service on the form.
    pub service: ServiceId,
    /// The language on the form.
    pub language: Language,
    /// The earlier of the two arrivals, by the server's clock.
    pub arrived_at: Timestamp,
    /// The form.
    pub paper: OnPaper,
    /// How many waited before it.
    pub ahead: u32,
    /// The serial of the call by the new number, if it was called by the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
}

/// A visit that is held on a paper form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnPaper {
    /// The form's own id ([`usher_protocol::PaperForm::command_id`]).
    pub form: CommandId,
    /// The check-in that it replaced.
    pub replaces: Option<CommandId>,
    /// Another visit of the same day whose paper has the same number.
    pub same_number_as: Option<VisitId>,
}

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// Written by a newer program.
    #[error(
        "it has version {0}, this program knows up to {EVENT_VERSION}; use a newer usher-server"
    )]
    Version(u16),
    /// Not the JSON of an event.
    #[error("it is not the JSON of an event ({0}); restore the log from a backup")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Stored<'a> {
    v: u16,
    #[serde(flatten)]
    event: &'a Event,
}

impl Event {
    /// The event's JSON for the log.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Stored {
            v: EVENT_VERSION,
            event: self,
        })
        .expect("events have string keys and finite numbers only")
    }

    /// The JSON of what the event says of a person, if it says anything. It is
    /// kept apart from the event, so that it can be erased and the event stays.
    #[must_use]
    pub fn personal_json(&self) -> Option<String> {
        None
    }

    /// Puts back what [`Event::personal_json`] gave.
    ///
    /// # Errors
    /// [`UnreadableEvent`] if it is damaged.
    pub fn restore_personal(&mut self, json: &str) -> Result<(), UnreadableEvent> {
        let _: serde_json::Value = serde_json::from_str(json)?;
        Ok(())
    }

    /// Reads an event's JSON from the log.
    ///
    /// # Errors
    /// [`UnreadableEvent`] if it is damaged or was written by a newer version.
    pub fn from_json(json: &str) -> Result<Self, UnreadableEvent> {
        #[derive(Deserialize)]
        struct Probe {
            v: u16,
        }
        match serde_json::from_str::<Probe>(json)?.v {
            EVENT_VERSION => Ok(serde_json::from_str(json)?),
            other => Err(UnreadableEvent::Version(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as version 1 stored them. Never edit a line: add one.
    const STORED: &str = r#"
{"v":1,"event":"day_started","date":"2026-11-25","left_at_close":[7,9]}
{"v":1,"event":"visit_queued","visit":1,"number":"A1","service":"titles","language":"zh-Hant","arrived_at":"2026-11-25T17:41:07.12Z","device_arrived_at":"2026-11-25T17:41:07.12Z","clock_behind_ms":0,"boot":3,"device":"kiosk-1","paper":null,"ahead":4,"promised_wait":{"low_minutes":12,"high_minutes":25}}
{"v":1,"event":"visit_queued","visit":2,"number":"X101","service":"titles","language":"es","arrived_at":"2026-11-25T17:42:00Z","device_arrived_at":"2026-11-25T16:42:00Z","clock_behind_ms":3600000,"boot":0,"device":null,"paper":{"form":"form-kiosk-1-X101-1","replaces":"c-1","same_number_as":1},"ahead":0,"promised_wait":null}
{"v":1,"event":"visit_renumbered","visit":1,"from":"A1","number":"X102","service":"titles","language":"es","arrived_at":"2026-11-25T17:41:07.12Z","paper":{"form":"form-kiosk-1-X102-1","replaces":"c-2","same_number_as":null},"ahead":0}
{"v":1,"event":"visit_renumbered","visit":1,"from":"A1","number":"X102","service":"titles","language":"es","arrived_at":"2026-11-25T17:41:07.12Z","paper":{"form":"form-kiosk-1-X102-1","replaces":"c-2","same_number_as":null},"ahead":0,"serial":14}
{"v":1,"event":"check_in_replaced","check_in":"c-3","form":"form-kiosk-1-X101-1","visit":2,"arrived_at":"2026-11-25T17:41:07.12Z","withdrawn":1}
{"v":1,"event":"print_recorded","visit":1,"result":{"print":"printed"}}
{"v":1,"event":"print_recorded","visit":1,"result":{"print":"unknown","trouble":"paper_out"}}
{"v":1,"event":"counter_opened","counter":"5"}
{"v":1,"event":"counter_closed","counter":"5"}
{"v":1,"event":"visit_called","visit":1,"counter":"5","serial":12,"reason":"Longest wait (3 min) for Titles"}
{"v":1,"event":"visit_recalled","visit":1,"counter":"5","serial":13}
{"v":1,"event":"service_started","visit":1,"counter":"5"}
{"v":1,"event":"visit_finished","visit":1,"counter":"5"}
{"v":1,"event":"visit_no_show","visit":1,"counter":"5"}
"#;

    #[test]
    fn events_of_version_1_are_read_and_written_the_same() {
        for line in STORED.lines().filter(|line| !line.is_empty()) {
            let event = Event::from_json(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(event.to_json(), line);
        }
    }

    #[test]
    fn newer_and_damaged_events_are_told_apart() {
        assert!(matches!(
            Event::from_json(r#"{"v":2,"event":"counter_opened"}"#),
            Err(UnreadableEvent::Version(2))
        ));
        for damaged in [
            "",
            "{",
            r#"{"event":"counter_opened"}"#,
            r#"{"v":1,"event":"x"}"#,
        ] {
            assert!(matches!(
                Event::from_json(damaged),
                Err(UnreadableEvent::Json(_))
            ));
        }
    }
}

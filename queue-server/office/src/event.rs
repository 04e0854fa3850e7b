//! What happened, as the log keeps it for ever.
//!
//! The JSON of an event is a promise to every later version: a test below holds
//! one stored example of each. A change of meaning is a new event, or a new
//! version with the old one still read.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use usher_protocol::message::{
    Appointment, Channel, HoldReason, Needs, PrintResult, TransferTo, VisitDetails, VisitOutcome,
    WaitRange,
};
use usher_protocol::{
    AppointmentCode, ClerkId, CommandId, CounterId, DeviceId, Language, PersonHash, ServiceId,
    TicketNumber, VisitId,
};

use crate::command::{Fingerprint, Origin};
use crate::policy::Lane;

/// The version of the events here, stored with each.
pub const EVENT_VERSION: u16 = 2;

/// The oldest version that is read. Version 1 knew fewer events, and no details of
/// a visit: all of it means the same in version 2.
const OLDEST_VERSION: u16 = 1;

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
    /// The server's clock was put back: times of open visits that would lie in the
    /// future are put back as far, or their residents would stand behind everybody
    /// who comes until then.
    ClockSetBack {
        /// By how much, milliseconds.
        by_ms: i64,
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
        /// Who serves there, if that was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clerk: Option<ClerkId>,
    },
    /// A counter closed.
    CounterClosed {
        /// The counter.
        counter: CounterId,
    },
    /// A clerk takes a break.
    BreakStarted {
        /// The counter.
        counter: CounterId,
        /// Until when, if that was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A clerk is back.
    BreakEnded {
        /// The counter.
        counter: CounterId,
    },
    /// A counter serves these services from now on, until it closes.
    ServicesChanged {
        /// The counter.
        counter: CounterId,
        /// The services.
        services: Vec<ServiceId>,
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
        /// How many of a hundred calls are for appointments, if that is the
        /// office's policy at the time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        share: Option<u8>,
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
        /// How it ended.
        #[serde(default, skip_serializing_if = "VisitOutcome::is_served")]
        outcome: VisitOutcome,
    },
    /// One service of a visit is done; another follows.
    ServiceFinished {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
        /// How it ended.
        #[serde(default, skip_serializing_if = "VisitOutcome::is_served")]
        outcome: VisitOutcome,
        /// The service that follows.
        next: ServiceId,
        /// Whether it follows at this counter at once; if not, the visit waits for it.
        here: bool,
    },
    /// The resident did not come to the counter.
    VisitNoShow {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
    },
    /// A visit was set aside; its counter is free.
    VisitHeld {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
        /// Why.
        reason: HoldReason,
    },
    /// A visit on hold was called to a counter.
    VisitResumed {
        /// The visit.
        visit: VisitId,
        /// The counter.
        counter: CounterId,
        /// The call's number in the office.
        serial: u64,
    },
    /// A visit was sent on, and waits there with its place kept.
    VisitTransferred {
        /// The visit.
        visit: VisitId,
        /// The counter that sent it.
        counter: CounterId,
        /// Where to.
        to: TransferTo,
        /// What the next clerk should know. Kept apart from the event, for it may
        /// say something of a person.
        #[serde(skip)]
        note: Option<String>,
    },
    /// A no-show came after all, or a visit on hold waits again, its place kept.
    VisitReturned {
        /// The visit.
        visit: VisitId,
    },
    /// The resident lets others go first.
    VisitPostponed {
        /// The visit.
        visit: VisitId,
        /// Until when.
        until: Timestamp,
        /// From when the wait counts now.
        since: Timestamp,
    },
    /// The resident left before the visit was done.
    VisitLeft {
        /// The visit.
        visit: VisitId,
    },
    /// One more service in the visit.
    ServiceAdded {
        /// The visit.
        visit: VisitId,
        /// The service.
        service: ServiceId,
    },
    /// The visit is for another service, its place kept.
    ServiceChanged {
        /// The visit.
        visit: VisitId,
        /// The right one.
        service: ServiceId,
    },
    /// A visit that was closed by mistake waits again, its place kept.
    VisitReopened {
        /// The visit.
        visit: VisitId,
    },
    /// What was last done at a counter did not happen: visit and counter are as before.
    Undone {
        /// The counter.
        counter: CounterId,
        /// The visit.
        visit: VisitId,
        /// The event that is taken back.
        undoes: u64,
    },
    /// No check-ins for the service from now on.
    ServiceSuspended {
        /// The service.
        service: ServiceId,
    },
    /// Check-ins for the service again.
    ServiceOffered {
        /// The service.
        service: ServiceId,
    },
    /// An appointment was made, or changed.
    AppointmentBooked {
        /// The appointment. Who has it and what they need is kept apart from the
        /// event, as a note is.
        appointment: Appointment,
    },
    /// An appointment was given up.
    AppointmentCancelled {
        /// Its code.
        code: AppointmentCode,
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
    /// The chance to be called before closing, in hundredths, if that was in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance_before_closing: Option<u8>,
    /// All else that was told: further services, needs, priority, the door. `also`
    /// is in the order in which the services are to be done.
    #[serde(flatten)]
    pub details: VisitDetails,
    /// The appointment that the resident came for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<AppointmentOf>,
}

/// An appointment that a visit is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentOf {
    /// Its code.
    pub code: AppointmentCode,
    /// The time that was agreed.
    pub at: Timestamp,
    /// Whether the resident came in time for it; if not, the visit waits like a walk-in.
    pub in_time: bool,
}

impl VisitQueued {
    /// How the resident came.
    #[must_use]
    pub fn channel(&self) -> Channel {
        let by_sender = match (&self.paper, &self.device) {
            (Some(_), _) => Channel::Paper,
            (None, Some(_)) => Channel::Kiosk,
            (None, None) => Channel::Greeter,
        };
        self.details.channel.unwrap_or(by_sender)
    }

    /// By appointment or not.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match &self.appointment {
            Some(appointment) if appointment.in_time => Lane::Appointment,
            _ => Lane::WalkIn,
        }
    }

    /// From when the wait counts.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        match &self.appointment {
            Some(appointment) if appointment.in_time => appointment.at,
            _ => self.arrived_at,
        }
    }
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

/// What an event says of a person.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Personal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<PersonHash>,
    #[serde(default, skip_serializing_if = "Needs::is_none")]
    needs: Needs,
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
        let stored = |event| Stored {
            v: EVENT_VERSION,
            event,
        };
        let json = match self {
            Self::AppointmentBooked { appointment } => {
                let appointment = Appointment {
                    person: None,
                    needs: Needs::default(),
                    ..appointment.clone()
                };
                serde_json::to_string(&stored(&Self::AppointmentBooked { appointment }))
            }
            event => serde_json::to_string(&stored(event)),
        };
        json.expect("events have string keys and finite numbers only")
    }

    /// The JSON of what the event says of a person, if it says anything. It is
    /// kept apart from the event, so that it can be erased and the event stays.
    #[must_use]
    pub fn personal_json(&self) -> Option<String> {
        let personal = match self {
            Self::VisitTransferred { note, .. } => Personal {
                note: note.clone(),
                ..Personal::default()
            },
            Self::AppointmentBooked { appointment } => Personal {
                person: appointment.person.clone(),
                needs: appointment.needs.clone(),
                ..Personal::default()
            },
            _ => return None,
        };
        if personal == Personal::default() {
            return None;
        }
        Some(serde_json::to_string(&personal).expect("a struct of texts has a JSON form"))
    }

    /// Puts back what [`Event::personal_json`] gave.
    ///
    /// # Errors
    /// [`UnreadableEvent`] if it is damaged.
    pub fn restore_personal(&mut self, json: &str) -> Result<(), UnreadableEvent> {
        let personal: Personal = serde_json::from_str(json)?;
        match self {
            Self::VisitTransferred { note, .. } => *note = personal.note,
            Self::AppointmentBooked { appointment } => {
                appointment.person = personal.person;
                appointment.needs = personal.needs;
            }
            _ => {}
        }
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
            OLDEST_VERSION..=EVENT_VERSION => Ok(serde_json::from_str(json)?),
            other => Err(UnreadableEvent::Version(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as versions 1 and 2 store them. Never edit a line: add one.
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
{"v":1,"event":"visit_queued","visit":3,"number":"A2","service":"titles","language":"vi","arrived_at":"2026-11-25T17:41:07.12Z","device_arrived_at":"2026-11-25T17:41:07.12Z","clock_behind_ms":0,"boot":3,"device":"kiosk-1","paper":null,"ahead":4,"promised_wait":null,"chance_before_closing":62,"also":["registration"],"party":3,"needs":{"interpreter":"vi","wheelchair":true,"quiet":true,"hearing":true,"sight":true},"channel":"phone","priority":1,"door_at":"2026-11-25T17:35:00Z","appointment":{"code":"K7-2","at":"2026-11-25T17:45:00Z","in_time":true}}
{"v":1,"event":"counter_opened","counter":"5","clerk":"lee"}
{"v":1,"event":"break_started","counter":"5","until":"2026-11-25T18:00:00Z"}
{"v":1,"event":"break_started","counter":"5"}
{"v":1,"event":"visit_called","visit":1,"counter":"5","serial":12,"reason":"Turn of an appointment","share":60}
{"v":1,"event":"clock_set_back","by_ms":93600000}
{"v":1,"event":"break_ended","counter":"5"}
{"v":1,"event":"services_changed","counter":"5","services":["titles"]}
{"v":1,"event":"visit_finished","visit":1,"counter":"5","outcome":"come_back"}
{"v":1,"event":"service_finished","visit":1,"counter":"5","next":"registration","here":true}
{"v":1,"event":"service_finished","visit":1,"counter":"5","outcome":"referred","next":"registration","here":false}
{"v":1,"event":"visit_held","visit":1,"counter":"5","reason":"fills_form"}
{"v":1,"event":"visit_resumed","visit":1,"counter":"5","serial":14}
{"v":1,"event":"visit_transferred","visit":1,"counter":"5","to":{"service":"registration"}}
{"v":1,"event":"visit_transferred","visit":1,"counter":"5","to":{"counter":"6"}}
{"v":1,"event":"visit_returned","visit":1}
{"v":1,"event":"visit_postponed","visit":1,"until":"2026-11-25T18:00:00Z","since":"2026-11-25T17:41:07.12Z"}
{"v":1,"event":"visit_left","visit":1}
{"v":1,"event":"service_added","visit":1,"service":"registration"}
{"v":1,"event":"service_changed","visit":1,"service":"registration"}
{"v":1,"event":"visit_reopened","visit":1}
{"v":1,"event":"undone","counter":"5","visit":1,"undoes":17}
{"v":1,"event":"service_suspended","service":"titles"}
{"v":1,"event":"service_offered","service":"titles"}
{"v":1,"event":"appointment_booked","appointment":{"code":"K7-2","at":"2026-11-25T17:45:00Z","services":["titles"],"language":"es","party":2}}
{"v":1,"event":"appointment_cancelled","code":"K7-2"}
"#;

    #[test]
    fn events_of_version_1_are_read_and_written_the_same() {
        for line in STORED.lines().filter(|line| !line.is_empty()) {
            let event = Event::from_json(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let again = line.replacen("\"v\":1", "\"v\":2", 1);
            assert_eq!(event.to_json(), again);
        }
    }

    #[test]
    fn a_note_is_kept_apart_and_comes_back() {
        let event = Event::VisitTransferred {
            visit: VisitId(1),
            counter: "5".parse().unwrap(),
            to: TransferTo::Counter("6".parse().unwrap()),
            note: Some("has the old \"pink slip\"".to_owned()),
        };
        assert!(!event.to_json().contains("pink"));
        let mut read = Event::from_json(&event.to_json()).unwrap();
        assert_ne!(read, event);
        read.restore_personal(&event.personal_json().unwrap())
            .unwrap();
        assert_eq!(read, event);
        let booked = Event::AppointmentBooked {
            appointment: Appointment {
                code: "K-1".parse().unwrap(),
                at: "2026-11-25T17:45:00Z".parse().unwrap(),
                services: vec!["titles".parse().unwrap()],
                language: None,
                person: Some("0123456789abcdef0123456789abcdef".parse().unwrap()),
                party: 1,
                needs: Needs {
                    wheelchair: true,
                    ..Needs::default()
                },
            },
        };
        assert!(!booked.to_json().contains("0123456789abcdef"));
        assert!(!booked.to_json().contains("wheelchair"));
        let mut read = Event::from_json(&booked.to_json()).unwrap();
        read.restore_personal(&booked.personal_json().unwrap())
            .unwrap();
        assert_eq!(read, booked);
        let other = Event::VisitLeft { visit: VisitId(1) };
        assert_eq!(other.personal_json(), None);
    }

    #[test]
    fn newer_and_damaged_events_are_told_apart() {
        assert!(matches!(
            Event::from_json(r#"{"v":3,"event":"counter_opened"}"#),
            Err(UnreadableEvent::Version(3))
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

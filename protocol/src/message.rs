//! The messages on the topics, and their JSON.
//!
//! Every payload is an object with `"v": 1`. Unknown fields are ignored, so that
//! a newer sender is understood; an unknown version is refused with a reason,
//! for its fields could mean something else.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use crate::request::{
    Appointment, AppointmentClaim, Channel, HoldReason, Needs, Request, RequestBody, TransferTo,
    VisitDetails, VisitOutcome,
};

use crate::ids::{CommandId, CounterId, OfficeId, ServiceId, VisitId};
use crate::language::{Language, Text};
use crate::ticket::{Series, TicketNumber};

/// The version of every message here.
pub const VERSION: u16 = 1;

/// Longest payload that is read, in bytes. The largest that Usher sends is the
/// retained [`OfficeInfo`] of an office with many services in many languages.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// Largest MQTT packet that either side reads, in bytes: the longest payload,
/// with room for its topic and properties.
pub const PACKET_BYTES_MAX: u32 = (256 + 4) * 1024;

/// Why a payload was not understood. The text is sent back to whoever sent it.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    /// More bytes than [`PAYLOAD_BYTES_MAX`].
    #[error("the message has {0} bytes; at most {PAYLOAD_BYTES_MAX} are read")]
    TooLong(usize),
    /// The version is missing or is not [`VERSION`].
    #[error("the message's version is {0}; this side speaks version {VERSION}: \"v\": {VERSION}")]
    Version(String),
    /// Not the JSON that the topic asks for.
    #[error("the message cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

/// A payload of version 1: the fields of `T` and `"v": 1`.
#[derive(Serialize)]
struct Versioned<'a, T> {
    v: u16,
    #[serde(flatten)]
    message: &'a T,
}

/// The payload of `message`.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(&Versioned {
        v: VERSION,
        message,
    })
    .expect("messages have string keys and finite numbers only")
}

/// Reads a payload.
///
/// # Errors
/// [`UnreadableMessage`] says what is wrong, in words for the sender.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, UnreadableMessage> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default)]
        v: serde_json::Value,
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(UnreadableMessage::TooLong(payload.len()));
    }
    let probe: Probe = serde_json::from_slice(payload)?;
    if probe.v != VERSION {
        let shown = match probe.v {
            serde_json::Value::Null => "missing".to_owned(),
            other => other.to_string().chars().take(20).collect(),
        };
        return Err(UnreadableMessage::Version(shown));
    }
    Ok(serde_json::from_slice(payload)?)
}

/// What a device may do. Given in the office file beside its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Checks residents in.
    Kiosk,
    /// Shows the calls; sends no request but [`RequestBody::Hello`].
    HallDisplay,
    /// Calls residents: a keypad or another agency's program at a counter.
    Counter,
}

/// How the printing of a ticket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "print", rename_all = "snake_case")]
pub enum PrintResult {
    /// The printer said that everything came out.
    Printed,
    /// Nothing came out; the resident was shown the number.
    NotPrinted {
        /// Why.
        trouble: PrintTrouble,
    },
    /// Something may have come out; the resident was shown the number and staff were told.
    Unknown {
        /// Why.
        trouble: PrintTrouble,
    },
}

/// Why a print failed or is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrintTrouble {
    /// The paper has ended.
    PaperOut,
    /// The cover is open.
    CoverOpen,
    /// The cutter is stuck.
    CutterJam,
    /// The port is missing, in use, or was pulled.
    PortGone,
    /// The printer does not answer.
    NoAnswer,
    /// The printer reports another fault.
    OtherFault,
}

/// The server's answer, on `reply/{device}` with the request's correlation data,
/// or as the body of the HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The request's id; absent if the request could not be read that far.
    pub id: Option<CommandId>,
    /// The server's clock.
    pub server_time: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Done, and durably stored.
    Accepted {
        /// What came of it.
        answer: Answer,
    },
    /// Not allowed, or not understood. Sending it again changes nothing.
    Rejected {
        /// Why, and what to do.
        rejection: Rejection,
    },
    /// The server cannot store at present (a full disk, say). Not done; send it
    /// again later, and until then work as if the server were away.
    Unavailable {
        /// What is wrong, for staff.
        reason: String,
    },
}

/// What came of an accepted request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// To [`RequestBody::Hello`], [`RequestBody::RecordPrint`], [`RequestBody::OpenCounter`] and [`RequestBody::CloseCounter`].
    Done,
    /// To [`RequestBody::CheckIn`] and [`RequestBody::AdmitPaperForm`].
    Queued {
        /// The place in the queue.
        ticket: QueuedTicket,
    },
    /// To what a counter does with a visit.
    AtCounter {
        /// The visit.
        visit: VisitId,
        /// Its number.
        number: TicketNumber,
        /// Why this visit and no other, in words that a clerk can read to a resident.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A place in the queue, durably stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedTicket {
    /// The visit.
    pub visit: VisitId,
    /// The number to print.
    pub number: TicketNumber,
    /// The service.
    pub service: ServiceId,
    /// Time of arrival by the server's clock: the order of the queue.
    pub arrived_at: Timestamp,
    /// How many wait before it.
    pub ahead: u32,
    /// The wait promised at check-in, if any counter serves it.
    pub wait: Option<WaitRange>,
    /// The chance to be called before the office closes, in hundredths, if it
    /// is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance_before_closing: Option<u8>,
}

/// A wait as an honest range, in minutes: half of such waits are shorter than
/// the low end, one in ten is longer than the high end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRange {
    /// Low end, minutes.
    pub low_minutes: u16,
    /// High end, minutes.
    pub high_minutes: u16,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// For programs.
    pub code: RejectionCode,
    /// For people: what is wrong.
    pub message: String,
    /// For people: what to do now.
    pub next_step: String,
}

/// Why a request was not done, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCode {
    /// The payload could not be read.
    Unreadable,
    /// The sender's role may not do this.
    NotAllowed,
    /// No such service in the office file.
    UnknownService,
    /// No such counter in the office file.
    UnknownCounter,
    /// No such visit.
    UnknownVisit,
    /// The number is not of the kiosk's own series, or another form has it.
    WrongNumber,
    /// The counter is closed.
    CounterClosed,
    /// The counter has a visit already.
    CounterBusy,
    /// The counter has no visit.
    CounterEmpty,
    /// The visit is not in a state that allows this.
    WrongState,
    /// Nobody waits for what this counter serves.
    NobodyWaiting,
    /// The counter has a break.
    CounterOnBreak,
    /// The service is suspended for now.
    ServiceSuspended,
    /// The office is closed at this hour.
    OfficeClosed,
    /// Whoever joined now would not be called before the office closes.
    TooLateToday,
    /// No appointment of today has this code, or is of this person.
    UnknownAppointment,
    /// The resident of this appointment is in the queue already.
    AlreadyInQueue,
    /// Too soon after the last call.
    TooSoon,
    /// The time in which this could be done has passed.
    TooLate,
    /// No such clerk in the office file.
    UnknownClerk,
    /// A value is out of its range.
    InvalidValue,
    /// All numbers of the service's series are in use today.
    NumbersExhausted,
    /// The id was used for something else.
    IdInUse,
}

/// Retained on `state/office`: what a kiosk and a display need to know of the office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeInfo {
    /// The office.
    pub office: OfficeId,
    /// Its name.
    pub name: Text,
    /// A line under the name: place or motto.
    pub line: Text,
    /// IANA time zone, as in `America/Los_Angeles`.
    pub time_zone: String,
    /// The languages that the office offers, in order.
    pub languages: Vec<LanguageInfo>,
    /// The services, in the order of the office file.
    pub services: Vec<ServiceInfo>,
    /// The counters.
    pub counters: Vec<CounterInfo>,
    /// Where residents wait.
    pub where_to_wait: Text,
    /// Where a person helps.
    pub where_to_ask: Text,
    /// Web address that a ticket's code leads to, if residents' phones can reach the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_url: Option<String>,
}

/// A language that an office offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageInfo {
    /// Its tag.
    pub tag: Language,
    /// Its name in itself: Español.
    pub name: String,
    /// A greeting in it: Bienvenidos.
    pub greeting: String,
}

/// A service that residents come for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// The service.
    pub id: ServiceId,
    /// The letters of its numbers.
    pub series: Series,
    /// Its name.
    pub name: Text,
    /// What to have ready.
    #[serde(default)]
    pub bring: Vec<Text>,
    /// How long it usually takes at the counter, minutes.
    pub usual_minutes: u16,
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterInfo {
    /// The counter.
    pub id: CounterId,
    /// What stands above it: `5`.
    pub label: String,
    /// The services it can serve.
    pub services: Vec<ServiceId>,
}

/// Retained on `state/waits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// When this was true.
    pub as_of: Timestamp,
    /// Every service, in the order of the office file.
    pub services: Vec<ServiceWait>,
}

/// How one service's queue stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceWait {
    /// The service.
    pub service: ServiceId,
    /// How many wait.
    pub waiting: u32,
    /// Open counters that serve it.
    pub counters_open: u32,
    /// The wait of who would join now; none while no counter serves it.
    pub wait: Option<WaitRange>,
}

/// Retained on `state/calls`: who is called where, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// When this was true.
    pub as_of: Timestamp,
    /// At most [`CALLS_SHOWN_MAX`], newest call first.
    pub calls: Vec<Call>,
}

/// How many calls [`Calls`] holds.
pub const CALLS_SHOWN_MAX: usize = 24;

/// One call on the hall display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Grows with every call and recall in the office: a display announces each
    /// serial once, in order, however often it hears of it.
    pub serial: u64,
    /// The number called.
    pub number: TicketNumber,
    /// The counter.
    pub counter: CounterId,
    /// What stands above the counter: `5`.
    pub counter_label: String,
    /// The service.
    pub service: ServiceId,
    /// The resident's language: the call is shown and spoken in it.
    pub language: Language,
    /// When it was called (last, if it was recalled).
    pub called_at: Timestamp,
    /// 1, and one more for each recall.
    pub times_called: u32,
    /// Whether the resident has come.
    pub serving: bool,
}

/// Every [`HEARTBEAT_EVERY_MS`] on `state/heartbeat`. When none has come for
/// [`HEARTBEAT_LOST_MS`], the server is taken for gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The server's clock.
    pub server_time: Timestamp,
    /// Whether the server can store: `false` means, work on paper.
    pub accepting: bool,
    /// The last event of the log.
    pub sequence: u64,
}

/// How often a [`Heartbeat`] is sent, milliseconds.
pub const HEARTBEAT_EVERY_MS: u64 = 500;
/// Silence after which the server is taken for gone, milliseconds.
pub const HEARTBEAT_LOST_MS: u64 = 1_900;

/// Retained on `device/{device}/presence`; `online: false` is the device's will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whether it is connected.
    pub online: bool,
    /// What it is.
    pub role: Role,
    /// The program's version.
    pub version: String,
}

/// Retained on `device/{device}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// The device's clock.
    pub as_of: Timestamp,
    /// Whether a ticket could be printed now.
    pub printer_ready: Option<bool>,
    /// The printer in plain words: "ready", "paper is low".
    pub printer: Option<String>,
    /// Whether the ID scanner's port is open; `None` without one.
    pub scanner_ready: Option<bool>,
    /// Papers given out that the server has not taken in yet.
    pub papers_waiting: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_in() -> Request {
        Request {
            id: CommandId::new("7f0c1e9a").unwrap(),
            sent_at: "2026-11-25T17:41:07.2Z".parse().unwrap(),
            boot: 3,
            body: RequestBody::CheckIn {
                service: ServiceId::new("titles").unwrap(),
                language: Language::new("es").unwrap(),
                arrived_at: "2026-11-25T17:41:07Z".parse().unwrap(),
                details: Box::default(),
            },
        }
    }

    #[test]
    fn a_request_reads_as_documented() {
        let json = String::from_utf8(encode(&check_in())).unwrap();
        assert_eq!(
            json,
            r#"{"v":1,"id":"7f0c1e9a","sent_at":"2026-11-25T17:41:07.2Z","boot":3,"body":{"type":"check_in","service":"titles","language":"es","arrived_at":"2026-11-25T17:41:07Z"}}"#
        );
        assert_eq!(decode::<Request>(json.as_bytes()).unwrap(), check_in());
    }

    #[test]
    fn unknown_fields_are_ignored_and_unknown_versions_refused() {
        let json = String::from_utf8(encode(&check_in())).unwrap();
        let newer = json.replacen("\"v\":1,", "\"v\":1,\"new\":true,", 1);
        assert_eq!(decode::<Request>(newer.as_bytes()).unwrap(), check_in());
        for (v, told) in [
            ("\"v\":2,", "is 2"),
            ("", "is missing"),
            ("\"v\":\"1\",", "\"1\""),
        ] {
            let other = json.replacen("\"v\":1,", v, 1);
            let error = decode::<Request>(other.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_rejection_and_an_answer_read_back() {
        for outcome in [
            Outcome::Accepted {
                answer: Answer::Done,
            },
            Outcome::Rejected {
                rejection: Rejection {
                    code: RejectionCode::NobodyWaiting,
                    message: "Nobody waits.".into(),
                    next_step: "Wait.".into(),
                },
            },
            Outcome::Unavailable {
                reason: "disk full".into(),
            },
        ] {
            let reply = Reply {
                id: None,
                server_time: "2026-11-25T17:41:07Z".parse().unwrap(),
                outcome,
            };
            assert_eq!(decode::<Reply>(&encode(&reply)).unwrap(), reply);
        }
    }

    #[test]
    fn noise_is_an_error_with_words() {
        for noise in [&b""[..], b"{", b"[]", b"\xff\xfe", b"{\"v\":1}", b"null"] {
            let error = decode::<Request>(noise).unwrap_err().to_string();
            assert!(!error.is_empty());
        }
        let long = vec![b' '; PAYLOAD_BYTES_MAX + 1];
        assert!(matches!(
            decode::<Request>(&long),
            Err(UnreadableMessage::TooLong(_))
        ));
    }
}

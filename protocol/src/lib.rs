//! The vocabulary that every part of an Usher office shares.
//!
//! Ids, ticket numbers, languages, MQTT topics and the messages on them, with
//! their JSON form. No I/O, no clock, no rules of the queue: a message that can
//! be built here can be sent; whether it is allowed is decided by the queue
//! server's `office` module.
//!
//! Start reading at [`message`], then [`topic`]. `docs/protocol.md` shows each
//! message with an example, and a test of the `tests` crate parses them all.

pub mod form_code;
pub mod ids;
pub mod language;
pub mod message;
mod request;
pub mod ticket;
pub mod topic;

pub use ids::{
    AppointmentCode, ClerkId, CommandId, CounterId, DeviceId, InvalidId, OfficeId, PersonHash,
    ServiceId, VisitId,
};
pub use language::{Direction, Language, Text};
pub use ticket::{InvalidTicketNumber, PaperForm, Series, TicketNumber};

//! Appointments from the files of other programs, and who has them, without
//! saying it.
//!
//! [`csv`] and [`icalendar`] turn bytes into appointments to book and to cancel,
//! beside a list of every mistake with its line and what to do; [`person`] turns
//! a name and a birth date into a [`usher_protocol::PersonHash`]. All of it is
//! pure: the office's facts come in as [`Office`], and nothing here knows the
//! clock, the disk or the queue. Whether an appointment can be booked is decided
//! by the office's rules.
//!
//! Start reading at [`reading`], then [`csv`].

pub mod csv;
mod fields;
pub mod icalendar;
pub mod person;
pub mod reading;

pub use person::{Person, PersonKey};
pub use reading::{Change, Entry, FileError, Format, Mistake, Office, Reading, read};

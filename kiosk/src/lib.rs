//! The kiosk and the hall display of an Usher office.
//!
//! **What it is for.** A resident touches a language and a service and holds a
//! paper with a number, whether or not the server, the printer and the scanner
//! are there. The hall display shows who is called where.
//!
//! **What it deliberately does not know.** The rules of the queue: it asks the
//! queue server and, cut off from it, gives out paper forms with numbers of its
//! own. How things look (`usher-ui`) and how paper is printed (`usher-printer`).
//!
//! **Where to start reading.** [`checkin`] is a resident's session as a pure
//! state machine, [`screen`] what is shown of it. [`app`] joins it with the
//! parts that touch the world: [`window`], [`link`] (MQTT), [`journal`]
//! (SQLite), [`scan`] (serial) and the printer's spooler. [`hall`] is the hall
//! display's state machine.
//!
//! Invariants: nothing is printed before it is in the journal (`app` and
//! [`journal`]); nothing from an ID is stored, logged or sent, and
//! the end of a session leaves no name behind (tests in [`checkin`]).

pub mod app;
pub mod checkin;
pub mod clock;
pub mod hall;
pub mod journal;
pub mod link;
pub mod local_time;
pub mod paper;
pub mod scan;
pub mod screen;
pub mod window;

//! How long a resident will wait: learned, foreseen, promised and scored.
//!
//! A [`model::Model`] learns from what happens: service times, pauses, patience,
//! arrivals, the order of calls, and how its own promises turned out. A
//! [`scene::Scene`] is the present state of an office; [`floor::Floor`] keeps one up
//! to date from arrivals, calls, finishes and departures. [`forecast::forecast`]
//! simulates the scene forward and says for everybody who waits, and for a resident
//! who would join, how long it will be: as a range. [`promise::Promise`] is stored
//! on the ticket and compared with the truth by [`promise::Score`].
//!
//! [`evaluate::run`] walks through the trace of any office and writes the promise
//! that would have been made to each visit.
//!
//! This crate deliberately does not know the clock, files, or where events come
//! from; seeds are arguments. Times are seconds as `f64` on one line, 86,400 a day,
//! the hour of the day being `time mod 86,400`; a real office passes local time.
//! `docs/waits.md` explains the method and shows how well it does.
//!
//! Start reading at [`evaluate`], then [`floor`], then the simulation.

mod arrivals;
mod calibration;
pub mod classical;
pub mod evaluate;
pub mod floor;
pub mod forecast;
pub mod habits;
mod histogram;
pub mod model;
mod patience;
pub mod promise;
pub mod scene;
mod service_time;
mod simulation;

//! The rules of a field office, as pure functions of what happened.
//!
//! [`decide::decide`] holds every rule: a command and the present state make
//! events, or a rejection. [`Office::apply`] only changes state. Neither reads a
//! clock, a file or a random source, so a day can be replayed, and thousands of
//! days simulated. [`intake::Intake`] runs the two for one command after another.
//!
//! This module deliberately does not know how events are stored, how commands
//! arrive, or how waits are foreseen (the estimate is an argument).
//!
//! Start reading at [`event::Event`], then [`decide`], then [`state`].
//!
//! # Promises
//! Held by the property tests of this module:
//! 1. Nobody who was given a number loses their place: a visit leaves the queue
//!    only by being called, by the same resident's being in it twice, or with the
//!    day, unless it joined just before ([`moment`]).
//! 2. The server gives no number twice in a day. Paper forms carry numbers of
//!    their kiosk's own series; if a kiosk that lost its journal printed one
//!    twice, both residents are admitted and staff are told (`same_number_as`),
//!    for both hold the paper already.
//! 3. The same command id gives the same answer and nothing else happens.
//! 4. A counter has one visit, a visit one counter.
//! 5. A counter calls whoever arrived first among those it serves.
//! 6. Replaying the events gives the same state.

pub mod answers;
pub mod arrival;
pub mod command;
pub mod decide;
pub mod event;
pub mod foresee;
pub mod hours;
pub mod intake;
pub mod lines;
pub mod moment;
pub mod plan;
pub mod policy;
pub mod reason;
mod rejection;
#[doc(hidden)]
pub mod sample;
pub mod state;
#[cfg(test)]
mod tests;
pub mod visit;

pub use state::Office;

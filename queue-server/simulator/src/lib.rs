//! Random office days that drive the rules of `usher-office`, seeded.
//!
//! A [`day::OfficeDay`] is one office, its people, its network and its server in
//! one thread and one order of happenings: nothing reads a clock or another random
//! source than the seed's, so the same seed gives the same log, to the byte.
//!
//! - [`world`]: the office, its residents and its clerks.
//! - [`network`]: what happens to a message between sender and server.
//! - [`server`]: the office's thread with its log, and its crashes.
//! - [`model`]: what must be true, found without any code of the rules.
//! - [`day`]: runs one day, and checks after each event.
//! - [`replay`]: a real day's log under another policy, before it is used.
//!
//! This crate deliberately knows no disk, no socket and no screen. Start reading at
//! [`day`]; `docs/simulation.md` says what is simulated and what was found.

pub mod day;
pub mod model;
pub mod network;
pub mod replay;
pub mod seed;
pub mod server;
pub mod world;

//! The device's two clocks, read in one place.
//!
//! The wall clock stamps arrivals and may jump when the network sets it. The
//! uptime only grows, so every timeout is measured with it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A point in time by both clocks. Rules take it as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock: for people and for the order of the queue.
    pub wall: Timestamp,
    /// Time since the program first read a clock: for timeouts.
    pub uptime: Duration,
}

/// Both clocks now. Called at the edge only.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of both binaries that reads the wall clock"
)]
pub fn now() -> Moment {
    Moment {
        wall: Timestamp::now(),
        uptime: uptime(),
    }
}

/// Time since the program first read a clock.
#[must_use]
pub fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

//! The one place where this crate reads the time of day.

use jiff::Timestamp;

/// Now, by this machine's clock.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the rig plays the outside world, which has a clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

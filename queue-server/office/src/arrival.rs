//! When a resident arrived, by the server's clock, from a clock that may be wrong.
//!
//! A device stamps the arrival, and each sending, with its own clock. How far
//! that clock is off at a sending is how far it was off at the arrival, as long
//! as the device did not restart in between. Known limit: a message that lies
//! long in a queue between the two looks like a slow clock, and makes the
//! arrival later than it was, never earlier.

use jiff::{SignedDuration, Timestamp, ToSpan};

/// A clock that is off by less is taken for right: the rest is the network's.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// An arrival longer ago than this is the word of a broken clock. As long as a
/// paper form is remembered, less a day (see [`crate::answers`]).
pub const ARRIVAL_AGE_DAYS_MAX: i64 = 30;

/// When a resident arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// By the server's clock, never in the future.
    pub at: Timestamp,
    /// How far the device's clock was behind; zero if it was right or is not known.
    pub clock_behind: SignedDuration,
}

/// The arrival that a device stamped `stamped`, when it sent at `sent_at`, by
/// the same clock, what the server got at `now`.
///
/// `sent_at` is `None` if that clock is another one than the one that stamped:
/// staff scanned a form, or the kiosk had restarted.
#[must_use]
pub fn by_server_clock(stamped: Timestamp, sent_at: Option<Timestamp>, now: Timestamp) -> Arrival {
    let behind = sent_at.map_or(SignedDuration::ZERO, |sent_at| now.duration_since(sent_at));
    let clock_behind = if behind.abs() > CLOCK_TOLERANCE {
        behind
    } else {
        SignedDuration::ZERO
    };
    let at = stamped.saturating_add(clock_behind).unwrap_or(now).min(now);
    let at = if is_too_long_ago(at, now) { now } else { at };
    Arrival { at, clock_behind }
}

/// Whether an arrival at `at` is past belief.
#[must_use]
pub fn is_too_long_ago(at: Timestamp, now: Timestamp) -> bool {
    let oldest = now.saturating_sub((ARRIVAL_AGE_DAYS_MAX * 24).hours());
    at < oldest.unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stamped: &str, sent_at: Option<&str>, now: &str, arrived_at: &str) {
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        let arrival = by_server_clock(time(stamped), sent_at.map(time), time(now));
        assert_eq!(arrival.at, time(arrived_at));
    }

    #[test]
    fn a_right_clock_is_believed() {
        let (at, sent) = ("2026-11-25T17:00:00Z", "2026-11-25T17:00:05Z");
        check(at, Some(sent), "2026-11-25T17:00:06.9Z", at);
        check(at, None, "2026-11-25T18:00:00Z", at);
    }

    #[test]
    fn a_wrong_clock_is_corrected_both_ways() {
        let now = "2026-11-25T17:00:00Z";
        // an hour slow, sent 10 min after arrival
        let sent = Some("2026-11-25T16:00:00Z");
        check("2026-11-25T15:50:00Z", sent, now, "2026-11-25T16:50:00Z");
        // a day fast
        let sent = Some("2026-11-26T17:00:00Z");
        check("2026-11-26T16:59:00Z", sent, now, "2026-11-25T16:59:00Z");
        // since 1970, the same start
        let sent = Some("1970-01-01T00:10:00Z");
        check("1970-01-01T00:09:00Z", sent, now, "2026-11-25T16:59:00Z");
    }

    #[test]
    fn nobody_arrives_in_the_future_or_before_belief() {
        let now = "2026-11-25T17:00:00Z";
        check("2026-11-25T17:00:01Z", Some(now), now, now);
        check("1970-01-01T00:09:00Z", None, now, now);
        check("2026-10-27T17:00:00Z", None, now, "2026-10-27T17:00:00Z");
        check(
            "-009999-01-03T00:00:00Z",
            Some("9999-01-01T00:00:00Z"),
            now,
            now,
        );
    }
}

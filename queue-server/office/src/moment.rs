//! Two clocks, and what follows from their going apart.
//!
//! The wall's clock says which day it is, but it may leap: a machine without a
//! clock chip starts at some old time and is put right by the network while
//! residents wait. The time since the program's start cannot leap, but knows no
//! days. So a day starts by the wall, and who has been here for minutes only, by
//! the other clock, is not sent away by it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use usher_protocol::VisitId;

/// Who joined the queue so short a time ago, by the clock that cannot leap, is
/// still in the building when a day starts.
pub const PRESENT_MAX: SignedDuration = SignedDuration::from_hours(3);

/// A wall clock that ran ahead of the other clock by more than this is not
/// believed to have come to a new day.
pub const LEAP_MAX: SignedDuration = SignedDuration::from_hours(48);

/// One moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall's clock.
    pub wall: Timestamp,
    /// Since the program started.
    pub uptime: Duration,
}

/// What is needed to start days safely. Not part of the office's state: the log
/// keeps what was decided by it, not the clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayWatch {
    /// When the clocks were last taken to agree: at the start, and at each day.
    agreed: Option<Moment>,
    /// When each visit joined the queue: uptime, below zero if before the start.
    joined: BTreeMap<VisitId, SignedDuration>,
}

impl DayWatch {
    /// The clocks agree at `now` if this is the first time that they are read.
    pub fn read(&mut self, now: Moment) {
        self.agreed.get_or_insert(now);
    }

    /// The visit joins the queue.
    pub fn join(&mut self, visit: VisitId, now: Moment) {
        self.joined.insert(visit, since_start(now));
    }

    /// The visit is read from the log: it joined at `at` by the wall's clock,
    /// of which nothing else is known. A time in the future is taken for now.
    pub fn join_by_log(&mut self, visit: VisitId, at: Timestamp, now: Moment) {
        let age = now.wall.duration_since(at).max(SignedDuration::ZERO);
        let joined = since_start(now).saturating_sub(age);
        self.joined.entry(visit).or_insert(joined);
    }

    /// By how much the wall's clock ran ahead since both agreed.
    #[must_use]
    pub fn leap(&self, now: Moment) -> SignedDuration {
        let Some(agreed) = self.agreed else {
            return SignedDuration::ZERO;
        };
        let by_wall = now.wall.duration_since(agreed.wall);
        by_wall.saturating_sub(since_start(now).saturating_sub(since_start(agreed)))
    }

    /// Who joined less than [`PRESENT_MAX`] ago.
    #[must_use]
    pub fn present(&self, now: Moment) -> BTreeSet<VisitId> {
        let now = since_start(now);
        self.joined
            .iter()
            .filter(|(_, joined)| now.saturating_sub(**joined) < PRESENT_MAX)
            .map(|(visit, _)| *visit)
            .collect()
    }

    /// A day started, with these visits still open.
    pub fn start_day(&mut self, open: &BTreeSet<VisitId>, now: Moment) {
        self.agreed = Some(now);
        self.joined.retain(|visit, _| open.contains(visit));
    }
}

fn since_start(moment: Moment) -> SignedDuration {
    SignedDuration::try_from(moment.uptime).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: &str, uptime_minutes: u64) -> Moment {
        Moment {
            wall: wall.parse().unwrap(),
            uptime: Duration::from_secs(uptime_minutes * 60),
        }
    }

    #[test]
    fn a_leap_is_what_the_other_clock_does_not_explain() {
        let mut watch = DayWatch::default();
        watch.read(at("2026-11-25T08:00:00Z", 10));
        watch.read(at("2026-11-25T23:00:00Z", 11)); // not the first reading
        let hours = |wall, uptime| watch.leap(at(wall, uptime)).as_hours();
        assert_eq!(hours("2026-11-28T08:00:00Z", 10 + 3 * 24 * 60), 0);
        assert_eq!(hours("2026-11-28T08:00:00Z", 10), 72);
        assert_eq!(hours("2026-11-25T07:00:00Z", 10), -1);
    }

    #[test]
    fn present_is_who_came_of_late_by_the_clock_that_cannot_leap() {
        let mut watch = DayWatch::default();
        let start = at("2026-11-25T08:00:00Z", 0);
        watch.join_by_log(VisitId(1), "2026-11-25T04:59:00Z".parse().unwrap(), start);
        watch.join_by_log(VisitId(2), "2026-11-25T06:00:00Z".parse().unwrap(), start);
        watch.join_by_log(VisitId(3), "2031-01-01T00:00:00Z".parse().unwrap(), start);
        watch.join(VisitId(4), at("2026-11-25T08:30:00Z", 30));
        // Known already: the log says nothing new.
        watch.join_by_log(VisitId(4), "1970-01-01T00:00:00Z".parse().unwrap(), start);
        let present = |uptime| -> Vec<u64> {
            let present = watch.present(at("2027-01-01T00:00:00Z", uptime));
            present.into_iter().map(|visit| visit.0).collect()
        };
        assert_eq!(present(30), [2, 3, 4]);
        assert_eq!(present(60), [3, 4]);
        assert_eq!(present(180), [4]);
        assert_eq!(present(210), [0; 0]);
    }
}

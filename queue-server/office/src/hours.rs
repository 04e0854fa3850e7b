//! When the office is open: a week, and days that differ from it.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How far ahead the next opening is looked for.
const DAYS_AHEAD_MAX: i64 = 30;

/// From when to when, local time, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Opens.
    pub from: Time,
    /// Closes; later than `from`.
    pub to: Time,
}

/// When the office is open. The spans of a day are in order and do not overlap:
/// checked where the file is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpeningHours {
    /// By weekday, from Monday.
    pub week: [Vec<Span>; 7],
    /// Days that differ; a holiday has no spans.
    pub days: BTreeMap<Date, Vec<Span>>,
}

impl OpeningHours {
    /// The spans of a date.
    #[must_use]
    pub fn on(&self, date: Date) -> &[Span] {
        let weekday = usize::try_from(Weekday::to_monday_zero_offset(date.weekday())).unwrap_or(0);
        self.days.get(&date).unwrap_or(&self.week[weekday])
    }

    /// Whether tickets are given at `at`: from `before_minutes` before an opening
    /// until its close.
    #[must_use]
    pub fn admits(&self, zone: &TimeZone, at: Timestamp, before_minutes: u16) -> bool {
        let local = zone.to_datetime(at);
        self.on(local.date()).iter().any(|span| {
            let from = span
                .from
                .saturating_sub(i64::from(before_minutes).minutes());
            // Before midnight there is no "before": the span then starts with the day.
            (from..span.to).contains(&local.time())
        })
    }

    /// When the office closes for the day, if it is open at `at` or opens later
    /// that day.
    #[must_use]
    pub fn closes(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let local = zone.to_datetime(at);
        let last = self.on(local.date()).last()?;
        (local.time() < last.to)
            .then(|| zone.to_timestamp(local.date().to_datetime(last.to)))?
            .ok()
    }

    /// When the office opens next, after `at`.
    #[must_use]
    pub fn opens_next(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let local = zone.to_datetime(at);
        (0..=DAYS_AHEAD_MAX)
            .filter_map(|days| local.date().checked_add(days.days()).ok())
            .flat_map(|date| {
                self.on(date)
                    .iter()
                    .map(move |span| date.to_datetime(span.from))
            })
            .filter_map(|opens| zone.to_timestamp(opens).ok())
            .find(|opens| *opens > at)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn hours() -> OpeningHours {
        let span = |from, to| Span {
            from: time(from, 0, 0, 0),
            to: time(to, 0, 0, 0),
        };
        let mut hours = OpeningHours::default();
        for day in 0..5 {
            hours.week[day] = vec![span(9, 12), span(13, 17)];
        }
        // Thanksgiving, and a short day after it.
        hours.days.insert("2026-11-26".parse().unwrap(), Vec::new());
        hours
            .days
            .insert("2026-11-27".parse().unwrap(), vec![span(10, 14)]);
        hours
    }

    fn zone() -> TimeZone {
        TimeZone::get("America/Los_Angeles").unwrap()
    }

    fn local(text: &str) -> Timestamp {
        let datetime: jiff::civil::DateTime = text.parse().unwrap();
        zone().to_timestamp(datetime).unwrap()
    }

    #[test]
    fn tickets_are_given_from_before_the_opening_to_the_close() {
        for (at, admits) in [
            ("2026-11-25T08:29:59", false),
            ("2026-11-25T08:30:00", true),
            ("2026-11-25T11:59:59", true),
            ("2026-11-25T12:00:00", false),
            ("2026-11-25T12:30:00", true),
            ("2026-11-25T17:00:00", false),
            ("2026-11-26T10:00:00", false),
            ("2026-11-27T15:00:00", false),
            ("2026-11-28T10:00:00", false),
        ] {
            assert_eq!(hours().admits(&zone(), local(at), 30), admits, "{at}");
        }
    }

    #[test]
    fn an_opening_at_midnight_has_no_before() {
        let mut hours = hours();
        hours.week[2] = vec![Span {
            from: time(0, 10, 0, 0),
            to: time(1, 0, 0, 0),
        }];
        assert!(hours.admits(&zone(), local("2026-11-25T00:00:00"), 30));
        assert!(!hours.admits(&zone(), local("2026-11-25T23:50:00"), 30));
    }

    #[test]
    fn the_close_is_the_last_of_the_day_and_the_opening_may_be_days_away() {
        let hours = hours();
        let closes = |at: &str| hours.closes(&zone(), local(at));
        assert_eq!(
            closes("2026-11-25T10:00:00"),
            Some(local("2026-11-25T17:00:00"))
        );
        assert_eq!(closes("2026-11-25T17:00:00"), None);
        assert_eq!(closes("2026-11-26T10:00:00"), None);
        let opens = |at: &str| hours.opens_next(&zone(), local(at));
        assert_eq!(
            opens("2026-11-25T10:00:00"),
            Some(local("2026-11-25T13:00:00"))
        );
        assert_eq!(
            opens("2026-11-25T13:00:00"),
            Some(local("2026-11-27T10:00:00"))
        );
        assert_eq!(
            opens("2026-11-27T12:00:00"),
            Some(local("2026-11-30T09:00:00"))
        );
        assert_eq!(
            OpeningHours::default().opens_next(&zone(), local("2026-11-25T10:00:00")),
            None
        );
    }
}

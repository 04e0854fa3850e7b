//! Why somebody is called, in words that a clerk can read to a resident.

use jiff::Timestamp;

use crate::plan::OfficePlan;
use crate::visit::Visit;
use usher_protocol::message::CounterInfo;

/// Up to so many services are named; of more, only the number is told.
const SERVICES_NAMED_MAX: usize = 3;

/// Why `visit`, which waits longest of those that the counter serves, is next.
pub(super) fn longest_wait(
    plan: &OfficePlan,
    counter: Option<&CounterInfo>,
    visit: &Visit,
    now: Timestamp,
) -> String {
    let waited = waited(visit, now);
    let among = match counter.map(|counter| counter.services.as_slice()) {
        _ if plan.service(&visit.service).is_none() => {
            "; the office no longer has its service, so any counter takes it".to_owned()
        }
        None | Some([]) => String::new(),
        Some([only]) => format!(" for {}", plan.service_name(only)),
        Some(services) if services.len() <= SERVICES_NAMED_MAX => {
            let names: Vec<&str> = services.iter().map(|s| plan.service_name(s)).collect();
            format!(" of the services of this counter: {}", names.join(", "))
        }
        Some(services) => format!(" of the {} services of this counter", services.len()),
    };
    format!(
        "Longest wait ({waited}){among}{}",
        on_paper(plan, visit, now)
    )
}

/// Why `visit` is the `rank`th from now, from 2.
pub(super) fn later(plan: &OfficePlan, rank: usize, visit: &Visit, now: Timestamp) -> String {
    let ordinal = match rank {
        2 => "Second".to_owned(),
        3 => "Third".to_owned(),
        4 => "Fourth".to_owned(),
        5 => "Fifth".to_owned(),
        other => format!("{other}th"),
    };
    format!(
        "{ordinal} longest wait ({}){}",
        waited(visit, now),
        on_paper(plan, visit, now)
    )
}

/// Minutes that `visit` has waited at `now`.
pub(super) fn waited_minutes(visit: &Visit, now: Timestamp) -> u32 {
    let minutes = now.duration_since(visit.arrived_at).as_mins().max(0);
    u32::try_from(minutes).unwrap_or(u32::MAX)
}

fn waited(visit: &Visit, now: Timestamp) -> String {
    match waited_minutes(visit, now) {
        0 => "under 1 min".to_owned(),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

fn on_paper(plan: &OfficePlan, visit: &Visit, now: Timestamp) -> String {
    if !visit.on_paper {
        return String::new();
    }
    let arrived = plan.time_zone.to_datetime(visit.arrived_at);
    if plan.day_of(visit.arrived_at) == plan.day_of(now) {
        format!(", with a paper form of {}", arrived.strftime("%H:%M"))
    } else {
        format!(
            ", with a paper form of {}",
            arrived.strftime("%b %-d, %H:%M")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn check(counter: &str, on_paper: bool, now: &str, expected: &str) {
        let plan = sample::plan();
        let visit = Visit {
            on_paper,
            ..sample::waiting("A1", "titles", "2026-11-25T17:00:00Z")
        };
        let counter = plan.counter(&counter.parse().unwrap());
        let words = longest_wait(&plan, counter, &visit, now.parse().unwrap());
        assert_eq!(words, expected);
    }

    #[test]
    fn a_reason_names_what_it_was_compared_with() {
        let now = "2026-11-25T17:23:59Z";
        check("1", false, now, "Longest wait (23 min) for Titles");
        check(
            "2",
            false,
            now,
            "Longest wait (23 min) of the services of this counter: Titles, Registration",
        );
        check(
            "3",
            false,
            now,
            "Longest wait (23 min) of the 4 services of this counter",
        );
    }

    #[test]
    fn paper_tells_its_time_and_its_day() {
        check(
            "1",
            true,
            "2026-11-25T17:00:30Z",
            "Longest wait (under 1 min) for Titles, with a paper form of 09:00",
        );
        check(
            "1",
            true,
            "2026-11-27T18:05:00Z",
            "Longest wait (2 days) for Titles, with a paper form of Nov 25, 09:00",
        );
        check(
            "1",
            false,
            "2026-11-25T19:05:00Z",
            "Longest wait (2 h 5 min) for Titles",
        );
    }
}

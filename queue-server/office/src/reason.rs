//! Why somebody is called, in words that a clerk can read to a resident.

use jiff::Timestamp;
use usher_protocol::CounterId;

use crate::plan::OfficePlan;
use crate::policy::{Appointments, Lane, Order, PRIORITIES};
use crate::state::{Chosen, Office, Served};
use crate::visit::Visit;

/// Up to so many services are named; of more, only the number is told.
const SERVICES_NAMED_MAX: usize = 3;

/// Why the visit is the first for the counter.
#[must_use]
pub fn first(office: &Office, counter: &CounterId, chosen: &Chosen<'_>, now: Timestamp) -> String {
    let place = main_reason(office, counter, chosen, now);
    told(office.plan(), counter, chosen, &place, now)
}

/// Why the visit is the `rank`th for the counter, from 1.
#[must_use]
pub fn ranked(
    office: &Office,
    counter: &CounterId,
    chosen: &Chosen<'_>,
    rank: usize,
    now: Timestamp,
) -> String {
    if rank <= 1 {
        return first(office, counter, chosen, now);
    }
    let plan = office.plan();
    let visit = chosen.visit;
    let is_by_arrival = plan.rules.policy.order == Order::Arrival && visit.lane == Lane::WalkIn;
    let place = if is_by_arrival {
        format!("{} longest wait ({})", ordinal(rank), waited(visit, now))
    } else {
        format!("{}: {}", ordinal(rank), standing(plan, chosen, now))
    };
    told(plan, counter, chosen, &place, now)
}

/// Why a clerk called somebody who was not next.
pub(super) fn chosen_by_clerk(rank: Option<usize>, visit: &Visit, now: Timestamp) -> String {
    let waited = waited(visit, now);
    match rank {
        Some(1) => format!("The clerk's choice; was next anyhow ({waited})"),
        Some(rank) => format!(
            "The clerk's choice; was {} in line for this counter ({waited})",
            ordinal(rank).to_lowercase()
        ),
        None => format!("The clerk's choice; was not in line for this counter ({waited})"),
    }
}

/// The reason with what else a clerk should know.
fn told(
    plan: &OfficePlan,
    counter: &CounterId,
    chosen: &Chosen<'_>,
    place: &str,
    now: Timestamp,
) -> String {
    let visit = chosen.visit;
    let mut text = place.to_owned();
    match chosen.served {
        Served::AsUsual => {}
        Served::Overflow => text.push_str(&format!(
            "; this counter helps out with {}, which has waited over {} min",
            plan.service_name(&visit.service),
            plan.rules.policy.overflow_after_minutes
        )),
        Served::GivenUp => {
            text.push_str("; the office no longer has its service, so any counter takes it");
        }
    }
    if visit.only_at.as_ref() == Some(counter) {
        text.push_str("; was sent to this counter");
    }
    if chosen.matched {
        text.push_str("; this counter has what they need");
    }
    text.push_str(&on_paper(plan, visit, now));
    text
}

fn main_reason(
    office: &Office,
    counter: &CounterId,
    chosen: &Chosen<'_>,
    now: Timestamp,
) -> String {
    let plan = office.plan();
    let policy = &plan.rules.policy;
    let visit = chosen.visit;
    if chosen.urgency.overdue {
        return format!(
            "Has waited {}, longer than anybody should ({} min): before all others",
            waited(visit, now),
            policy.longest_wait_minutes
        );
    }
    let of_its_turn = match policy.appointments {
        Appointments::Share { percent } if chosen.urgency.turn => match visit.lane {
            Lane::Appointment => {
                format!("Turn of an appointment ({percent} of 100 calls): ")
            }
            Lane::WalkIn => {
                format!("Turn of a walk-in ({} of 100 calls): ", 100 - percent)
            }
        },
        Appointments::First if visit.lane == Lane::Appointment => {
            "Appointments go first: ".to_owned()
        }
        _ => String::new(),
    };
    let is_by_arrival = policy.order == Order::Arrival && visit.lane == Lane::WalkIn;
    let place = if is_by_arrival {
        by_arrival(office, counter, chosen, now)
    } else {
        standing(plan, chosen, now)
    };
    let text = format!("{of_its_turn}{place}");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn by_arrival(office: &Office, counter: &CounterId, chosen: &Chosen<'_>, now: Timestamp) -> String {
    let plan = office.plan();
    let visit = chosen.visit;
    let waited = waited(visit, now);
    let highest = PRIORITIES.end() - PRIORITIES.start();
    if visit.priority == *PRIORITIES.start() {
        return format!("priority 1, and the longest wait in it ({waited})");
    }
    if chosen.urgency.class == highest {
        let patience = plan.rules.policy.class_patience_minutes;
        return format!("longest wait ({waited}); after {patience} min it counts as priority 1");
    }
    let services: Vec<_> = office.services_at(counter).collect();
    let among = match services.as_slice() {
        _ if chosen.served != Served::AsUsual => String::new(),
        [] => String::new(),
        [only] => format!(" for {}", plan.service_name(only)),
        services if services.len() <= SERVICES_NAMED_MAX => {
            let names: Vec<&str> = services.iter().map(|s| plan.service_name(s)).collect();
            format!(" of the services of this counter: {}", names.join(", "))
        }
        services => format!(" of the {} services of this counter", services.len()),
    };
    format!("longest wait ({waited}){among}")
}

/// How the visit stands, where its own time or its target counts.
fn standing(plan: &OfficePlan, chosen: &Chosen<'_>, now: Timestamp) -> String {
    let visit = chosen.visit;
    if visit.lane == Lane::Appointment {
        let agreed = plan.time_zone.to_datetime(visit.since).strftime("%H:%M");
        let late = now.duration_since(visit.since).as_mins();
        return match late {
            ..0 => format!("appointment of {agreed}, early; nobody else is due"),
            0 => format!("appointment of {agreed}"),
            late => format!("appointment of {agreed}, {late} min past it"),
        };
    }
    let service = plan.service_name(&visit.service);
    match plan.rules.policy.order {
        Order::TargetWait => format!(
            "{} of the {} min that {service} should wait at most",
            waited(visit, now),
            plan.service_rules(&visit.service).target_minutes
        ),
        Order::Arrival => format!("{} for {service}", waited(visit, now)),
    }
}

fn ordinal(rank: usize) -> String {
    match rank {
        1 => "First".to_owned(),
        2 => "Second".to_owned(),
        3 => "Third".to_owned(),
        4 => "Fourth".to_owned(),
        5 => "Fifth".to_owned(),
        other => match (other % 100, other % 10) {
            (11..=13, _) => format!("{other}th"),
            (_, 1) => format!("{other}st"),
            (_, 2) => format!("{other}nd"),
            (_, 3) => format!("{other}rd"),
            _ => format!("{other}th"),
        },
    }
}

/// Minutes that `visit` has waited at `now`, as the policy counts as the wait.
#[must_use]
pub fn waited_minutes(visit: &Visit, now: Timestamp) -> u32 {
    let minutes = now.duration_since(visit.since).as_mins().max(0);
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
    use std::sync::Arc;

    use super::*;
    use crate::policy::Policy;
    use crate::sample;
    use crate::state::Office;

    fn check(counter: &str, on_paper: bool, now: &str, expected: &str) {
        let visit = Visit {
            on_paper,
            ..sample::waiting("A1", "titles", "2026-11-25T17:00:00Z")
        };
        assert_eq!(
            words(Policy::default(), counter, &visit, Served::AsUsual, now),
            expected
        );
    }

    fn words(policy: Policy, counter: &str, visit: &Visit, served: Served, now: &str) -> String {
        let mut plan = (*sample::plan()).clone();
        plan.rules.policy = policy;
        let office = Office::new(Arc::new(plan));
        let now: Timestamp = now.parse().unwrap();
        let urgency = office.plan().rules.policy.urgency(
            &office.standing(visit),
            now.as_millisecond(),
            office.turn(),
        );
        let chosen = Chosen {
            visit,
            urgency,
            served,
            matched: false,
        };
        first(&office, &counter.parse().unwrap(), &chosen, now)
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
            "Has waited 2 days, longer than anybody should (120 min): before all others, with a paper form of Nov 25, 09:00",
        );
    }

    #[test]
    fn each_policy_has_its_own_words() {
        let now = "2026-11-25T17:23:00Z";
        let walk_in = sample::waiting("A1", "titles", "2026-11-25T17:00:00Z");
        let appointment = Visit {
            lane: Lane::Appointment,
            ..walk_in.clone()
        };
        let by = |appointments, order| Policy {
            appointments,
            order,
            ..Policy::default()
        };
        let cases = [
            (
                by(Appointments::ByTime, Order::TargetWait),
                &walk_in,
                "23 min of the 30 min that Titles should wait at most",
            ),
            (
                by(Appointments::First, Order::Arrival),
                &appointment,
                "Appointments go first: appointment of 09:00, 23 min past it",
            ),
            (
                by(Appointments::Share { percent: 60 }, Order::Arrival),
                &appointment,
                "Turn of an appointment (60 of 100 calls): appointment of 09:00, 23 min past it",
            ),
            (
                by(Appointments::ByTime, Order::Arrival),
                &appointment,
                "Appointment of 09:00, 23 min past it",
            ),
        ];
        for (policy, visit, expected) in cases {
            assert_eq!(words(policy, "1", visit, Served::AsUsual, now), expected);
        }
        let early = words(
            Policy::default(),
            "1",
            &appointment,
            Served::AsUsual,
            "2026-11-25T16:55:00Z",
        );
        assert_eq!(early, "Appointment of 09:00, early; nobody else is due");
    }

    #[test]
    fn classes_and_help_are_told() {
        let first = Visit {
            priority: 1,
            ..sample::waiting("A1", "titles", "2026-11-25T17:00:00Z")
        };
        let now = "2026-11-25T17:23:00Z";
        assert_eq!(
            words(Policy::default(), "1", &first, Served::AsUsual, now),
            "Priority 1, and the longest wait in it (23 min)"
        );
        let usual = sample::waiting("A1", "titles", "2026-11-25T17:00:00Z");
        assert_eq!(
            words(
                Policy::default(),
                "1",
                &usual,
                Served::AsUsual,
                "2026-11-25T17:50:00Z"
            ),
            "Longest wait (50 min); after 45 min it counts as priority 1"
        );
        assert_eq!(
            words(Policy::default(), "1", &usual, Served::Overflow, now),
            "Longest wait (23 min); this counter helps out with Titles, which has waited over 20 min"
        );
    }

    #[test]
    fn a_clerks_choice_is_told_as_one() {
        let visit = sample::waiting("A1", "titles", "2026-11-25T17:00:00Z");
        let now = "2026-11-25T17:23:00Z".parse().unwrap();
        assert_eq!(
            chosen_by_clerk(Some(12), &visit, now),
            "The clerk's choice; was 12th in line for this counter (23 min)"
        );
        assert_eq!(ordinal(22), "22nd");
        assert_eq!(ordinal(111), "111th");
        assert_eq!(
            chosen_by_clerk(None, &visit, now),
            "The clerk's choice; was not in line for this counter (23 min)"
        );
    }
}
